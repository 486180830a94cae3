"""Readings of seats: grants that end with people on them, seats that nobody has or uses, counts that do not fit."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from fractions import Fraction
from functools import partial
from typing import Any

from creditsvc.alerts.finding import Acts, Finding, ended_unseen, expiry_figures
from creditsvc.core.burndown import LATEST
from creditsvc.core.days import day_of
from creditsvc.core.due_alerts import EXPIRY, SEATS_MISMATCH, SEATS_UNUSED, Reading, days_until
from creditsvc.core.seats import free_since
from creditsvc.ledger.reading import AccountView, LotView
from creditsvc.ledger.seats import SeatView, seats_of
from creditsvc.licences import comparing

_UNUSED = ("not-seen", "no-activity")
MISMATCHES = ("unknown", "over-assigned", "over-consumed", "suspended")


def seat_findings(
    views: Iterable[AccountView], acts: Acts, now: datetime, last_night: datetime | None
) -> list[Finding]:
    """The readings of accounts of seats, in a fixed number of queries; none where no account is of seats."""
    of_seats = [view for view in views if view.kind == "seats"]
    if not of_seats:
        return []
    seats: dict[int, list[SeatView]] = defaultdict(list)
    for seat in seats_of([view.id for view in of_seats]):
        seats[seat.lot_id].append(seat)
    differences: dict[tuple[str, str], list[comparing.Finding]] = defaultdict(list)
    for resource, one in comparing.differences_of({view.startup_id for view in of_seats}, now):
        if one.startup is not None:
            differences[one.startup, resource].append(one)
    found: list[Finding] = []
    for view in of_seats:
        mine = differences[view.startup, view.resource]
        for lot in view.lots:
            found += _ending(view, lot, seats[lot.id], acts, now, last_night)
            found += _free(view, lot, seats[lot.id], acts, now)
        found += [_unused(view, mine), _mismatch(view, mine)]
    return found


def _ending(
    view: AccountView, lot: LotView, seats: Sequence[SeatView], acts: Acts, now: datetime, last_night: datetime | None
) -> list[Finding]:
    """Seats that end with their grant, whether somebody sits there or not: there is nothing to use up before."""
    if lot.expires is None or lot.end != lot.expires:
        return []
    over = ended_unseen(lot.expires, now, last_night)
    left = lot.standing.expired if over else lot.standing.drawn + lot.standing.remaining
    if left <= 0 or not (over or lot.effective <= now < lot.expires):
        return []
    return [
        Finding(
            view, EXPIRY, lot.key, Reading(days_until(lot.expires, now), acts.of_lot.get(lot.key, 0)),
            partial(_ending_figures, lot.key, left, lot.expires, seats, now, over),
        )
    ]


def _ending_figures(
    key: str, left: int, expires: datetime, seats: Sequence[SeatView], now: datetime, over: bool
) -> dict[str, Any]:
    people = sum(seat.from_at < expires <= (seat.until_at or LATEST) for seat in seats)
    return {**expiry_figures(key, left, expires, now, over), "people": people}


def _free(view: AccountView, lot: LotView, seats: Sequence[SeatView], acts: Acts, now: datetime) -> list[Finding]:
    """For how long at least one seat of a grant has been free without a break."""
    if not lot.is_active(now):
        return []
    count, since = free_since(
        lot.amount, [seat.interval for seat in seats], max(lot.effective, lot.awarded), now
    )
    return [
        Finding(
            view, SEATS_UNUSED, lot.key, Reading(days_until(now, since), acts.of_lot.get(lot.key, 0)),
            lambda: {
                "grant": lot.key, "count": count, "of": lot.amount, "since": day_of(since).isoformat(),
                "days": (day_of(now) - day_of(since)).days,
            },
        )
    ]


def _unused(view: AccountView, differences: Sequence[comparing.Finding]) -> Finding:
    """For how many days the seat that has been unused for longest was not used, by the publisher's newest counts."""
    days = [one.unused_days or 0 for one in differences if one.kind in _UNUSED]
    longest = max(days, default=0)
    long = min(longest, SEATS_UNUSED.defaults[0])
    return Finding(
        view, SEATS_UNUSED, view.resource, Reading(Fraction(longest)),
        lambda: {"grant": None, "count": sum(one >= long for one in days), "of": view.drawn, "days": longest},
    )


def _mismatch(view: AccountView, differences: Sequence[comparing.Finding]) -> Finding:
    """In how many ways the publisher's counts of the startup's own tenant do not fit what was assigned."""
    kinds = [one.kind for one in differences if one.kind in MISMATCHES]
    return Finding(
        view, SEATS_MISMATCH, view.resource, Reading(Fraction(len(kinds))),
        lambda: {"assigned": view.drawn, **{kind: kinds.count(kind) for kind in MISMATCHES}},
    )
