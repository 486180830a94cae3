"""A made-up figure for every rule: what the nightly mail says of each, to be looked at before anybody gets one."""

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from creditsvc.alerts import texts
from creditsvc.alerts.findings import severity
from creditsvc.alerts.incubator_finding import IncubatorFinding
from creditsvc.alerts.incubator_telling import OwnOpen, own_section
from creditsvc.alerts.next_pages import Place, next_page
from creditsvc.alerts.own_tenant import PRODUCT
from creditsvc.alerts.pools import POOL
from creditsvc.core.due_alerts import (
    EXPIRING_UNUSED,
    EXPIRY,
    HOURS_UNBOOKED,
    IDLE,
    NOT_ACTIVATED,
    POOL_LOW,
    RULES,
    RUNNING_OUT,
    SEATS_MISMATCH,
    SEATS_UNUSED,
    SPIKE,
    STALE,
    UNCOVERED,
    USED,
    Reading,
)
from creditsvc.core.forecast import Burn, Forecast
from creditsvc.mail.render import DigestItem, DigestSection

_STEP = 10**8
_CREDIT = {"unit": "USD", "resource": "Azure credit", "grant": "harbour-azure", "left": 12_500 * _STEP}
_HOURS = {"unit": "hour", "resource": "Consultant hours", "grant": "harbour-hours", "left": 480}
_SEATS = {"unit": "seat", "resource": "Microsoft 365", "grant": "harbour-seats", "left": 5}

FIGURES: Mapping[str, tuple[int, Mapping[str, Any]]] = {
    EXPIRY.name: (14, {**_CREDIT, "days": 14, "last_day": "2026-06-29", "over": False}),
    USED.name: (
        90,
        {
            **_CREDIT,
            "drawn": 22_500 * _STEP,
            "held": 0,
            "granted": 25_000 * _STEP,
            "left": 2_500 * _STEP,
            "permille": 900,
        },
    ),
    UNCOVERED.name: (0, {**_CREDIT, "uncovered": 310 * _STEP, "left": 0}),
    NOT_ACTIVATED.name: (90, {**_CREDIT, "since": "2026-03-15", "days": 92, "last_day": "2027-02-28"}),
    STALE.name: (
        4,
        {
            **_CREDIT,
            "scope": "3f1c9a52-77de-4b0a-9c1e-5a2b8d4e6f70",
            "provider": "azure",
            "days": 6,
            "newest_day": "2026-06-09",
            "assigned": "2026-01-10",
        },
    ),
    HOURS_UNBOOKED.name: (
        7,
        {
            **_HOURS,
            "days": 7,
            "last_day": "2026-06-22",
            "over": False,
            "held": 60,
            "begins": "2026-07-01",
            "coming": 120,
        },
    ),
    SEATS_UNUSED.name: (30, {**_SEATS, "count": 2, "of": 5, "since": "2026-05-10", "days": 36}),
    SEATS_MISMATCH.name: (
        0,
        {**_SEATS, "assigned": 5, "unknown": 2, "over-assigned": 1, "over-consumed": 0, "suspended": 0},
    ),
    RUNNING_OUT.name: (
        30,
        {**_CREDIT, "run_out": "2026-07-12", "is_over": False, "daily": 460 * _STEP, "last_day": "2027-02-28"},
    ),
    EXPIRING_UNUSED.name: (
        50,
        {**_CREDIT, "unused": 7_000 * _STEP, "daily": 60 * _STEP, "percent": 56, "last_day": "2026-08-31"},
    ),
    IDLE.name: (30, {**_CREDIT, "days": 34, "last_use": "2026-05-12", "since": "2026-01-10"}),
    SPIKE.name: (300, {**_CREDIT, "day": "2026-06-13", "amount": 920 * _STEP, "usual": 230 * _STEP, "percent": 400}),
}
"""By rule, a threshold and what its words are made of."""

_FORECASTS = {
    rule: Forecast(Burn(date(2026, 6, 12), 56, daily * 7 * _STEP, 0, 0, 70 * _STEP), run_out, early, late, {}, None, 0)
    for rule, daily, run_out, early, late in (
        (RUNNING_OUT.name, 460, date(2026, 7, 12), date(2026, 7, 8), date(2026, 7, 19)),
        (SPIKE.name, 230, date(2026, 8, 8), date(2026, 7, 30), date(2026, 8, 20)),
        (USED.name, 100, None, None, None),
        (EXPIRING_UNUSED.name, 60, None, None, None),
    )
}
_POOL = {
    "pool": "ms-azure", "partner": "Microsoft", "resource": "Azure credit", "unit": "USD", "amount": 500_000 * _STEP,
    "left": 20_000 * _STEP,
}
_MISFIT = {
    "product": "m365", "assigned": 27, "enabled": 25, "consumed": 26, "unknown": 2, "over-assigned": 1,
    "over-consumed": 1, "suspended": 0,
}
_OWN = (
    IncubatorFinding(POOL, 1, "ms-azure", POOL_LOW, Reading(Fraction(4)), _POOL),
    IncubatorFinding(PRODUCT, 1, "m365", SEATS_MISMATCH, Reading(Fraction(4)), _MISFIT),
)


def sections(
    language: str, base_url: str, rules: Sequence[str] = tuple(RULES), *, for_staff: bool = False
) -> list[DigestSection]:
    """What the nightly mail says of some rules; staff are told of a pool and of the incubator's own tenant as well."""
    harbour: DigestSection = {
        "startup_name": "Harbour Robotics",
        "startup_url": f"{base_url}/startups/harbour",
        "items": [_item(rule, language, base_url, for_staff) for rule in rules],
    }
    if not for_staff:
        return [harbour]
    told = [OwnOpen(0, one.key, *one.matter, one.rule.defaults[0]) for one in _OWN]
    findings = {one.matter: one for one in _OWN}
    answers = (f"{base_url}/alerts/a", f"{base_url}/alerts/s")
    return [harbour, *own_section(told, findings, base_url, language, lambda _: answers)]


def _item(rule: str, language: str, base_url: str, for_staff: bool) -> DigestItem:
    threshold, figures = FIGURES[rule]
    outlook = _FORECASTS.get(rule)
    said = texts.words(rule, figures, outlook, language, for_staff=for_staff)
    url, name = next_page(rule, figures, Place(base_url, "harbour", "azure"), language, for_staff=for_staff)
    return {
        "severity": severity(rule, threshold),
        "title": said.title,
        "detail": said.detail,
        "action": said.action,
        "at_risk": said.at_risk,
        "balance": texts.remaining(figures, int(figures["left"]), language),
        "burn_rate": None if outlook is None else texts.burn_rate(figures, outlook, language),
        "next_url": url,
        "next_name": name,
        "ack_url": f"{base_url}/alerts/a",
        "snooze_url": f"{base_url}/alerts/s",
    }
