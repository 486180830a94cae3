"""The entries of the main navigation, by role."""

from dataclasses import dataclass

from flask import request, url_for
from flask_babel import gettext as _

from creditsvc.parties.access import may
from creditsvc.web import session

_OF_A_STARTUP = ("startups", "holdings", "people", "grants", "activation", "reported", "seats", "bookings")
_OF_ADMINISTRATION = ("directory", "tokens", "runs_of_jobs", "outbox", "mails", "settings")
_OF_A_PROGRAMME = ("programmes", "packages", "cohorts", "cohort_enrolling", "offers")


@dataclass(frozen=True)
class Entry:
    """A link of the navigation."""

    text: str
    href: str
    current: bool


def navigation() -> list[Entry]:
    """What the caller may go to."""
    if not session.is_signed_in():
        return []
    caller = session.caller()
    entries = []
    if may(caller, "startups.list"):
        entries.append(_entry(_("Worklist"), "worklist.all_groups", "worklist"))
        entries.append(_entry(_("Startups"), "startups.listing", *_OF_A_STARTUP))
    elif caller.is_member:
        entries.append(_entry(_("My startup"), "entry.home", *_OF_A_STARTUP))
    if may(caller, "request.see") or caller.is_member:
        entries.append(_entry(_("Requests"), "requests.listing", "requests"))
    if caller.role == "consultant":
        entries.append(_entry(_("My sessions"), "entry.home", "sessions", "bookings", "consultants"))
    if may(caller, "startups.list"):
        entries.append(_entry(_("Consulting"), "consulting.desk", "consulting", "consultants"))
    if may(caller, "scope.see"):
        entries.append(_entry(_("Billing scopes"), "scopes.listing", "scopes"))
    if may(caller, "usage.see"):
        entries.append(_entry(_("Usage"), "usage.runs", "usage"))
    if may(caller, "rate.see"):
        entries.append(_entry(_("Exchange rates"), "rates.listing", "rates"))
    if may(caller, "licence.see"):
        entries.append(_entry(_("Software"), "products.listing", "products"))
    if may(caller, "programme.see"):
        entries.append(_entry(_("Programmes"), "programmes.listing", *_OF_A_PROGRAMME))
    if may(caller, "proposal.see"):
        entries.append(_entry(_("Second person"), "proposals.listing", "proposals"))
    if may(caller, "pool.see"):
        entries.append(_entry(_("Pools"), "pools.listing", "pools"))
    if may(caller, "alerts.see"):
        entries.append(_entry(_("Tonight"), "night.tonight", "night"))
    if may(caller, "people.list"):
        entries.append(_entry(_("Administration"), "directory.listing", *_OF_ADMINISTRATION))
    else:
        entries.append(_entry(_("Tokens"), "tokens.listing", "tokens"))
    return entries


def _entry(text: str, endpoint: str, *blueprints: str) -> Entry:
    return Entry(text, url_for(endpoint), request.blueprint in blueprints)
