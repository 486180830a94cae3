"""The navigation, by role: sections, and the pages of the section in which the caller is."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import request, url_for
from flask_babel import lazy_gettext

from creditsvc.parties.access import MANAGERS, Caller, may
from creditsvc.web import session


@dataclass(frozen=True)
class Entry:
    """A link of the navigation."""

    text: str
    href: str
    current: bool


@dataclass(frozen=True)
class Section:
    """A link of the first row, with the pages of which it is the first."""

    text: str
    entries: list[Entry]

    @property
    def href(self) -> str:
        """Where the section begins."""
        return self.entries[0].href

    @property
    def current(self) -> bool:
        """Whether the caller is in it."""
        return any(entry.current for entry in self.entries)


@dataclass(frozen=True)
class _Page:
    """A page of the navigation, whose it is, and the blueprints that belong to it (one route, where it says `a.b`)."""

    text: str
    endpoint: str
    allowed: Callable[[Caller], bool]
    places: tuple[str, ...]


def _whoever_may(action: str) -> Callable[[Caller], bool]:
    return lambda caller: may(caller, action)


def _of_a_startup(caller: Caller) -> bool:
    return caller.is_member and not may(caller, "startups.list")


_STARTUP_PAGES = (
    "startups", "holdings", "founder", "statements", "people", "invitations", "grants", "activation", "reported",
    "seats", "bookings", "own_exports", "leaving", "letters", "bulk", "why",
)

_SECTIONS: tuple[tuple[str, tuple[_Page, ...]], ...] = (
    (lazy_gettext("Today"), (
        _Page(lazy_gettext("Worklist"), "worklist.all_groups", _whoever_may("startups.list"), ("worklist",)),
        _Page(lazy_gettext("Requests"), "requests.listing", _whoever_may("request.see"), ("requests",)),
        _Page(lazy_gettext("Second person"), "proposals.listing", _whoever_may("proposal.see"), ("proposals",)),
        _Page(lazy_gettext("Tonight"), "night.tonight", _whoever_may("alerts.see"), ("night",)),
        _Page(lazy_gettext("My alerts"), "alert_choices.show", lambda caller: caller.role in MANAGERS,
              ("alert_choices",)),
    )),
    (lazy_gettext("My startup"), (
        _Page(lazy_gettext("Holdings"), "entry.home", _of_a_startup, _STARTUP_PAGES),
        _Page(lazy_gettext("Requests"), "requests.listing", _of_a_startup, ("requests",)),
        _Page(lazy_gettext("My alerts"), "alert_choices.show", _of_a_startup, ("alert_choices",)),
    )),
    (lazy_gettext("Startups"), (
        _Page(lazy_gettext("Startups"), "startups.listing", _whoever_may("startups.list"), _STARTUP_PAGES),
    )),
    (lazy_gettext("My sessions"), (
        _Page(lazy_gettext("My sessions"), "entry.home", lambda caller: caller.role == "consultant",
              ("sessions", "bookings", "consultants")),
    )),
    (lazy_gettext("Programmes"), (
        _Page(lazy_gettext("Programmes"), "programmes.listing", _whoever_may("programme.see"),
              ("programmes", "programme_alerts", "packages", "cohorts", "cohort_enrolling", "offers")),
        _Page(lazy_gettext("Pools"), "pools.listing", _whoever_may("pool.see"), ("pools",)),
        _Page(lazy_gettext("Month-ends"), "month_ends.listing", _whoever_may("month.see"), ("month_ends",)),
    )),
    (lazy_gettext("Usage"), (
        _Page(lazy_gettext("Imports"), "usage.runs", _whoever_may("usage.see"), ("usage",)),
        _Page(lazy_gettext("Billing scopes"), "scopes.listing", _whoever_may("scope.see"), ("scopes",)),
        _Page(lazy_gettext("Exchange rates"), "rates.listing", _whoever_may("rate.see"), ("rates",)),
    )),
    (lazy_gettext("Services"), (
        _Page(lazy_gettext("Software"), "products.listing", _whoever_may("licence.see"), ("products",)),
        _Page(lazy_gettext("Consulting"), "consulting.desk", _whoever_may("startups.list"),
              ("consulting", "consultants")),
    )),
    (lazy_gettext("Audit"), (
        _Page(lazy_gettext("The book"), "audit.book", _whoever_may("book.see"), ("audit.book", "audit.copy")),
        _Page(lazy_gettext("Batches"), "audit.batches", _whoever_may("book.see"), ("audit.batches", "audit.batch")),
        _Page(lazy_gettext("Trail"), "audit.trail", _whoever_may("trail.see"), ("audit.trail",)),
    )),
    (lazy_gettext("Administration"), (
        _Page(lazy_gettext("People"), "directory.listing", _whoever_may("people.list"), ("directory",)),
        _Page(lazy_gettext("Tokens"), "tokens.listing", lambda caller: True, ("tokens",)),
        _Page(lazy_gettext("Jobs"), "runs_of_jobs.listing", _whoever_may("jobs.see"), ("runs_of_jobs",)),
        _Page(lazy_gettext("Outbox"), "outbox.listing", _whoever_may("mail.see"), ("outbox",)),
        _Page(lazy_gettext("Mails"), "mails.listing", _whoever_may("mail.edit"), ("mails",)),
        _Page(lazy_gettext("Settings"), "settings.show", _whoever_may("settings.see"), ("settings",)),
    )),
)  # fmt: skip
"""The sections in their order. A section of one page shows that page's name."""


def navigation() -> list[Section]:
    """Where the caller may go."""
    if not session.is_signed_in():
        return []
    caller = session.caller()
    sections = []
    for text, pages in _SECTIONS:
        entries = [
            Entry(str(page.text), url_for(page.endpoint), _is_here(page)) for page in pages if page.allowed(caller)
        ]
        if entries:
            sections.append(Section(entries[0].text if len(entries) == 1 else str(text), entries))
    return sections


def _is_here(page: _Page) -> bool:
    return request.blueprint in page.places or request.endpoint in page.places
