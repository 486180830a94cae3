"""Usage of an account by charge day, with what each day was paid from: for the page and the API alike."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import Any

from creditsvc.core.amounts import Unit, format_amount, unit_named
from creditsvc.core.days import day_start
from creditsvc.core.errors import NotFound
from creditsvc.ledger.history import lot_events, postings
from creditsvc.ledger.reading import AccountView
from creditsvc.statements.reading import conversion_document
from creditsvc.usage.reading import DayUsage, usage_by_day


@dataclass(frozen=True)
class PaidDay:
    """A day's usage with what paid it; amounts in steps of the account's unit."""

    usage: DayUsage
    paid_from: tuple[tuple[str, int], ...]
    uncovered: int
    uncredited: int


def account_of(views: Sequence[AccountView], resource: str | None) -> AccountView | None:
    """The account of that resource, or the first of credit when none is named. Raises NotFound("resource")."""
    if resource is None:
        return next((view for view in views if view.kind == "credit"), views[0] if views else None)
    for view in views:
        if view.resource == resource:
            return view
    raise NotFound("resource", resource)


def paid_days(view: AccountView, first: date, last: date) -> list[PaidDay]:
    """The charge days from first to last on which there was usage, newest first."""
    paid: dict[date, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    others: dict[date, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for event in lot_events([view.id]):
        if event.kind == "opening" and event.instant is not None:  # had been drawn before: no usage of that day
            paid[event.instant.astimezone(UTC).date()][event.lot] -= event.amount
    for row in postings([view.id], first=day_start(first), until=day_start(last + timedelta(days=1))):
        day = row.charge_at.astimezone(UTC).date()
        if row.lot is None:
            others[day][row.kind] += row.amount
        else:
            paid[day][row.lot] += row.amount
    return [
        PaidDay(
            usage_of_day, tuple((lot, amount) for lot, amount in sorted(paid[usage_of_day.day].items()) if amount),
            others[usage_of_day.day]["uncovered"], others[usage_of_day.day]["uncredited"],
        )
        for usage_of_day in usage_by_day(view.id, first, last)
    ]


def newest_paid_days(view: AccountView, first: date, last: date, most: int) -> list[PaidDay]:
    """Of the charge days from first to last with usage the newest, at most so many; looks back as far as it must."""
    span = timedelta(days=most)
    while True:
        start = max(first, last - span) if last - first > span else first
        found = paid_days(view, start, last)
        if len(found) >= most or start == first:
            return found[:most]
        span *= 4


def paid_day_document(one: PaidDay, unit: Unit) -> dict[str, Any]:
    """A day's usage as JSON."""
    usage = one.usage
    return {
        "day": usage.day.isoformat(),
        "amount": format_amount(usage.amount, unit),
        "paid_from": [{"grant": lot, "amount": format_amount(steps, unit)} for lot, steps in one.paid_from],
        "uncovered": format_amount(one.uncovered, unit),
        "uncredited_refund": format_amount(one.uncredited, unit),
        "charge_keys": [{"key": key, "amount": format_amount(steps, unit)} for key, steps in usage.by_key],
        "scopes": [{"scope": scope, "amount": format_amount(steps, unit)} for scope, steps in usage.by_scope],
        "conversions": [conversion_document(each, unit) for each in usage.converted],
        "waiting": {currency: format_amount(steps, unit_named(currency)) for currency, steps in usage.waiting},
    }
