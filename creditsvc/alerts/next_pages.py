"""Where the reader of an alert does what it asks for: the address of that page, and what its link is called."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from creditsvc.core.due_alerts import (
    EXPIRING_UNUSED,
    EXPIRY,
    HOURS_UNBOOKED,
    IDLE,
    NOT_ACTIVATED,
    RUNNING_OUT,
    SEATS_MISMATCH,
    SEATS_UNUSED,
    SPIKE,
    STALE,
    UNCOVERED,
    USED,
)
from creditsvc.mail.render import gettext_for

_TEAMS = {
    # the startup's page says all there is to know before somebody is written to
    NOT_ACTIVATED.name: "grant",
    STALE.name: "import",
    SEATS_UNUSED.name: "seats",
    SEATS_MISMATCH.name: "counts",
    RUNNING_OUT.name: "award",
    EXPIRING_UNUSED.name: "startup",
    IDLE.name: "startup",
    SPIKE.name: "usage",
    USED.name: "award",
    UNCOVERED.name: "award",
}
_FOUNDERS = {
    NOT_ACTIVATED.name: "grant",
    STALE.name: "upload",
    SEATS_UNUSED.name: "seats",
    SEATS_MISMATCH.name: "seats",
    RUNNING_OUT.name: "usage",
    EXPIRING_UNUSED.name: "usage",
    IDLE.name: "usage",
    SPIKE.name: "usage",
    USED.name: "usage",
    UNCOVERED.name: "ask",
}
"""What is not here depends on what is left of the holding, and of what kind it is."""


@dataclass(frozen=True)
class Place:
    """Whose page is meant: keys of the startup and of the resource; `base_url` is where the service is."""

    base_url: str
    startup: str
    resource: str


def next_page(
    rule: str, params: Mapping[str, Any], place: Place, language: str, *, for_staff: bool = False
) -> tuple[str, str]:
    """(address, name of the link) of the page with the next step after an alert, for staff or a startup's people."""
    page = _page_of_staff(rule, params) if for_staff else _page_of_founder(rule, params)
    startup = f"/startups/{quote(place.startup)}"
    grant = quote(str(params.get("grant") or ""), safe="")
    path = {
        "ask": f"{startup}/requests/new" + (f"?grant={grant}" if grant else ""),
        "extend": f"/grants/{grant}/extend",
        "grant": f"/grants/{grant}",
        "award": f"{startup}/award",
        "usage": f"{startup}/usage?resource={quote(place.resource, safe='')}",
        "upload": f"{startup}/exports",
        "import": "/usage/upload",
        "hours": f"{startup}/hours",
        "seats": f"{startup}/seats",
        "counts": "/publishers-counts",
        "startup": startup,
    }[page]
    return place.base_url + path, _name(page, language)


def _page_of_staff(rule: str, params: Mapping[str, Any]) -> str:
    if rule == EXPIRY.name or (rule == HOURS_UNBOOKED.name and params["over"]):
        return "extend"
    return "hours" if rule == HOURS_UNBOOKED.name else _TEAMS[rule]


def _page_of_founder(rule: str, params: Mapping[str, Any]) -> str:
    if rule == EXPIRY.name or (rule == HOURS_UNBOOKED.name and params["over"]):
        return "ask"
    is_hours = params["unit"] == "hour"
    if rule == HOURS_UNBOOKED.name or (is_hours and rule in (EXPIRING_UNUSED.name, IDLE.name)):
        return "hours"
    is_gone = rule == USED.name and params["left"] <= 0
    return "ask" if is_gone or (is_hours and rule in (USED.name, RUNNING_OUT.name)) else _FOUNDERS[rule]


def _name(page: str, language: str) -> str:
    _ = gettext_for(language)
    return {
        "ask": _("Ask for more or for longer"),
        "extend": _("Extend the grant"),
        "grant": _("Look at the grant"),
        "award": _("Award more"),
        "usage": _("See what used it, day by day"),
        "upload": _("Upload an export of your own"),
        "import": _("Upload an export"),
        "hours": _("Book a session"),
        "seats": _("Look at the seats"),
        "counts": _("Compare the publisher's counts"),
        "startup": _("Look at what the startup holds"),
    }[page]


def counts_page(product: str, base_url: str, language: str) -> tuple[str, str]:
    """(address, name of the link) of the page that compares the publisher's counts of all products."""
    return f"{base_url}/publishers-counts", _name("counts", language)


def pool_page(pool: str, base_url: str, language: str) -> tuple[str, str]:
    """(address, name of the link) of a pool's page."""
    _ = gettext_for(language)
    return f"{base_url}/pools/{quote(pool)}", _("Look at the pool")
