"""Readings of what is used and forecast (A1): accounts that run out, that will not be used up, that nobody uses, that
use far more than usual."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from creditsvc.alerts.finding import Acts, Finding
from creditsvc.core.alert_readings import Ending, days_idle, days_to_run_out, percent_unused, spike_of
from creditsvc.core.days import day_of, last_day
from creditsvc.core.due_alerts import EXPIRING_UNUSED, IDLE, RUNNING_OUT, SPIKE, Reading
from creditsvc.core.forecast import Forecast
from creditsvc.ledger.outlook import Ahead, last_uses
from creditsvc.ledger.reading import AccountView, LotView


def usage_findings(
    views: Sequence[AccountView], ahead: Mapping[int, Ahead], acts: Acts, now: datetime
) -> Iterator[Finding]:
    """The readings of accounts of credit and hours, each made when it is asked for; in at most one query for some
    thousand accounts, which is asked at once."""
    known = [view for view in views if view.id in ahead and view.remaining > 0]
    unseen = [view.id for view in known if not _days_used(ahead[view.id]) and ahead[view.id].used_before]
    long_ago = last_uses(unseen, now) if unseen else {}
    return (
        finding for view in known for finding in _findings_of(view, ahead[view.id], acts, long_ago.get(view.id), now)
    )


def _findings_of(view: AccountView, ahead: Ahead, acts: Acts, long_ago: date | None, now: datetime) -> list[Finding]:
    found = _idle(view, ahead, long_ago, now)
    if ahead.forecast is not None:
        found.append(_running_out(view, ahead.forecast, acts, now))
        found += _expiring_unused(view, ahead.forecast, acts, now)
        found += _spike(view, ahead, ahead.forecast)
    return found


def _days_used(ahead: Ahead) -> list[date]:
    return [day for day, amount in ahead.usage.items() if amount > 0]


def _running_out(view: AccountView, outlook: Forecast, acts: Acts, now: datetime) -> Finding:
    """Also where nothing runs out: only so can a forecast that has gone arm the rule again."""
    return Finding(
        view, RUNNING_OUT, view.resource,
        Reading(days_to_run_out(outlook.run_out, now.astimezone(UTC).date()), human_acts(view, acts, now)),
        partial(_running_out_figures, view, outlook, now),
    )


def _running_out_figures(view: AccountView, outlook: Forecast, now: datetime) -> dict[str, Any]:
    ends = [lot.end if lot.voided_at else lot.expires for lot in view.lots if _may_pay(lot)]
    open_ended = any(end is None for end in ends)
    last = max((end for end in ends if end is not None), default=None)
    return {
        "run_out": outlook.run_out.isoformat() if outlook.run_out else None,
        "is_over": outlook.run_out is not None and outlook.run_out <= now.astimezone(UTC).date(),
        "left": view.remaining, "daily": outlook.burn.daily, "weekly": outlook.burn.weekly,
        "last_day": None if open_ended or last is None else last_day(last).isoformat(),
    }


def _may_pay(lot: LotView) -> bool:
    return lot.standing.remaining > 0 or lot.standing.not_yet > 0


def _expiring_unused(view: AccountView, outlook: Forecast, acts: Acts, now: datetime) -> list[Finding]:
    ending = {
        lot.key: Ending(lot.amount, lot.expires, outlook.unused.get(lot.key, 0))
        for lot in view.lots if _may_pay(lot) and lot.expires is not None and lot.end == lot.expires
    }
    percent = percent_unused(ending.values(), outlook.burn.days, now)
    if percent is None:
        return []
    return [
        Finding(
            view, EXPIRING_UNUSED, view.resource, Reading(percent, human_acts(view, acts, now)),
            lambda: {
                "unused": sum(one.unused for one in ending.values()), "left": view.remaining,
                "daily": outlook.burn.daily, "weekly": outlook.burn.weekly, "percent": int(percent),
                "last_day": last_day(min(one.ends for one in ending.values() if one.unused)).isoformat()
                if outlook.unused_in_all else None,
            },
        )
    ]


def _idle(view: AccountView, ahead: Ahead, long_ago: date | None, now: datetime) -> list[Finding]:
    """Credit counts from its first use: that it was never begun is told by *not activated*. Days that no data covers
    do not count, that data is missing is told by *stale*. Hours of which some are booked are not idle."""
    last = max(_days_used(ahead), default=long_ago)
    if (last is None and view.kind == "credit") or view.held:
        return []
    seen = view.newest_charge_day if view.kind == "credit" else now.astimezone(UTC).date()
    begun = day_of(min(max(lot.effective, lot.awarded) for lot in view.lots if lot.standing.remaining > 0))
    if seen is None:
        return []
    days = days_idle(last, begun, seen)
    return [
        Finding(
            view, IDLE, view.resource, Reading(days),
            lambda: {
                "days": int(days), "last_use": last.isoformat() if last else None, "since": begun.isoformat(),
                "left": view.remaining,
            },
        )
    ]


def _spike(view: AccountView, ahead: Ahead, outlook: Forecast) -> list[Finding]:
    if view.kind != "credit":
        return []
    last = outlook.burn.last
    spike = spike_of(ahead.usage, last - timedelta(days=outlook.burn.days - 1), last, view.remaining)
    if spike is None:
        return []
    return [
        Finding(
            view, SPIKE, view.resource, Reading(spike.percent),
            lambda: {
                "day": spike.day.isoformat(), "amount": spike.amount, "usual": spike.usual,
                "percent": int(spike.percent), "left": view.remaining,
            },
        )
    ]


def human_acts(view: AccountView, acts: Acts, now: datetime) -> int:
    """Awards, top-ups and extensions; the months of an allowance are one award."""
    awarded = {lot.awarded for lot in view.lots if lot.awarded <= now}
    return len(awarded) + sum(acts.of_lot.get(lot.key, 0) for lot in view.lots)
