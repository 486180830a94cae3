"""What is forecast for seats: who was given one and gave it back, read for `core.forecast_seats`."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from creditsvc.core.amounts import Unit, format_amount
from creditsvc.core.burndown import LATEST
from creditsvc.core.days import day_of, last_day
from creditsvc.core.forecast import Forecast
from creditsvc.core.forecast_seats import SeatForecast, SeatLot, forecast_seats, pace_of_seats
from creditsvc.core.seats import Interval
from creditsvc.ledger.outlook import ends_document, forecasts, outlook_document
from creditsvc.ledger.reading import AccountView, LotView
from creditsvc.ledger.seats import intervals_of

Outlook = Forecast | SeatForecast
"""What is forecast for an account, of seats in their own shape."""


def all_forecasts(views: Sequence[AccountView], as_of: datetime) -> dict[int, Outlook]:
    """The forecast of each account of whatever kind, by account id; those of which too little is known have none.

    The views are balances as of that instant. Asks nobody's permission.
    """
    return {**forecasts(views, as_of), **seat_forecasts(views, as_of)}


def seat_forecasts(views: Sequence[AccountView], as_of: datetime) -> dict[int, SeatForecast]:
    """The forecast of each account of seats as of an instant, by account id, in one statement.

    An account whose grants are over, or of which less than four whole weeks are known, has none.
    """
    of_seats = [view for view in views if view.kind == "seats" and any(_lasts(lot, as_of) for lot in view.lots)]
    if not of_seats:
        return {}
    intervals = intervals_of([view.id for view in of_seats])
    found = {}
    for view in of_seats:
        seen = _seen(view, intervals, as_of)
        pace = pace_of_seats(seen.given, seen.released, _begun(view), day_of(as_of) - timedelta(days=1))
        if pace is not None:
            lots = [_lot(lot, intervals.get(lot.id, ()), as_of) for lot in _longest_first(view) if _lasts(lot, as_of)]
            found[view.id] = forecast_seats(pace, lots, seen.begin, seen.end)
    return found


@dataclass
class _Seen:
    """How many seats were given and released on which days, and will begin and end on which by what is stated."""

    given: Counter[date] = field(default_factory=Counter)
    released: Counter[date] = field(default_factory=Counter)
    begin: Counter[date] = field(default_factory=Counter)
    end: Counter[date] = field(default_factory=Counter)


def _seen(view: AccountView, intervals: Mapping[int, Iterable[Interval]], as_of: datetime) -> _Seen:
    """What was and what is stated. A seat that ends with its lot is not released; nor is one given to somebody anew
    who had one of a lot that ended that day."""
    seen, lost = _Seen(), Counter[date]()
    for lot in view.lots:
        for from_at, until in intervals.get(lot.id, ()):
            end = min(until or LATEST, lot.end)
            if end <= from_at:
                continue  # taken back before it began
            if from_at <= as_of:
                seen.given[day_of(from_at)] += 1
            elif from_at > lot.effective:
                seen.begin[day_of(from_at)] += 1
            if end == lot.end:
                lost[day_of(end)] += end <= as_of
            elif end <= as_of:
                seen.released[day_of(end)] += 1
            else:
                seen.end[last_day(end) + timedelta(days=1)] += 1
    for day, count in lost.items():
        seen.given[day] -= min(seen.given[day], count)
    return seen


def _lasts(lot: LotView, as_of: datetime) -> bool:
    return not lot.worthless and lot.end > as_of


def _begun(view: AccountView) -> date:
    """The first day on which there was a seat to give."""
    return day_of(min(max(lot.effective, lot.awarded) for lot in view.lots if not lot.worthless))


def _longest_first(view: AccountView) -> list[LotView]:
    """The lots in the order in which people are seated in them."""
    return sorted(view.lots, key=lambda lot: (LATEST - lot.end, lot.effective, lot.key))


def _lot(lot: LotView, intervals: Iterable[Interval], as_of: datetime) -> SeatLot:
    at = max(as_of, lot.effective)
    taken = sum(from_at <= at < (until or LATEST) for from_at, until in intervals)
    ends = None if lot.end == LATEST else last_day(lot.end) + timedelta(days=1)
    return SeatLot(lot.key, lot.amount, day_of(lot.effective), ends, taken)


def all_outlook_documents(views: Sequence[AccountView], outlooks: Mapping[int, Outlook]) -> dict[int, dict[str, Any]]:
    """The forecasts as JSON (CONTRACT: section 5), by account id."""
    return {view.id: _document(outlooks[view.id], view.unit) for view in views if view.id in outlooks}


def _document(outlook: Outlook, unit: Unit) -> dict[str, Any]:
    if isinstance(outlook, Forecast):
        return outlook_document(outlook, unit)
    return {
        **ends_document(outlook, unit),
        "given": format_amount(outlook.pace.given, unit), "released": format_amount(outlook.pace.released, unit),
        "weeks": outlook.pace.weeks, "last_day": outlook.pace.last.isoformat(),
    }
