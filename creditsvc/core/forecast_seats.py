"""When no seat will be free, and how many expire unused: a forecast from whole trailing weeks (docs/forecast.md).

Seats are taken and given back one by one, some a month: what counts is how many are given and released in whole weeks.
Days are those of Hong Kong's calendar. The weeks ahead give and release as many as a usual one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import isqrt

from creditsvc.core.forecast import HORIZON, WEEK
from creditsvc.core.forecast_hours import LEAST_WEEKS, MOST_WEEKS

SPREAD = 3
"""The range goes so many times the mean distance of a week from the mean."""


@dataclass(frozen=True)
class SeatLot:
    """Seats that can be had on the days [begins, ends) (None: without an end); `taken` now, or when it begins."""

    key: str
    amount: int
    begins: date
    ends: date | None
    taken: int


@dataclass(frozen=True)
class Pace:
    """How many seats were given and released in so many whole weeks up to `last`.

    `distance` is how far the weeks lie from their mean, summed over them; a seat is as many parts as there are weeks.
    """

    last: date
    weeks: int
    given: int
    released: int
    distance: int


@dataclass(frozen=True)
class SeatForecast:
    """What becomes of seats. `run_out` is the first day on which none is free; None: not before the last lot ends.

    `early` and `late` are that day if more or fewer are taken than expected. `unused` is how many of each lot nobody
    will have when it ends, by key.
    """

    pace: Pace
    run_out: date | None
    early: date | None
    late: date | None
    unused: Mapping[str, int]

    @property
    def unused_in_all(self) -> int:
        """How many will expire unused, over all lots."""
        return sum(self.unused.values())


def pace_of_seats(
    given: Mapping[date, int], released: Mapping[date, int], begun: date, last: date
) -> Pace | None:
    """How seats are taken, from how many were given and released on each day, in whole weeks up to `last`.

    `begun` is the first day on which there was one to give. The week from the first that was given is left aside: those
    who were waiting for the grant are seated in it, all at once. None with fewer than four whole weeks after that.
    """
    first = min((day for day, count in given.items() if count), default=None)
    since = begun if first is None else max(begun, first + timedelta(days=WEEK))
    weeks = min(((last - since).days + 1) // WEEK, MOST_WEEKS)
    if weeks < LEAST_WEEKS:
        return None
    came, went = _weeks_of(given, last, weeks), _weeks_of(released, last, weeks)
    net = sum(came) - sum(went)
    distance = sum(abs(weeks * (more - fewer) - net) for more, fewer in zip(came, went, strict=True))
    return Pace(last, weeks, sum(came), sum(went), distance)


def _weeks_of(counts: Mapping[date, int], last: date, weeks: int) -> list[int]:
    return [
        sum(counts.get(last - timedelta(days=week * WEEK + back), 0) for back in range(WEEK)) for week in range(weeks)
    ]


def forecast_seats(
    pace: Pace, lots: Sequence[SeatLot], begin: Mapping[date, int] | None = None, end: Mapping[date, int] | None = None
) -> SeatForecast:
    """What becomes of the lots, in the order in which people are seated, from the day after `pace.last` on.

    `begin` and `end` are the seats of which is stated that they begin or end on days to come, those aside that begin or
    end with their lot: they are some of the seats that the weeks ahead give and release, and the least of them. Whose
    lot ends has no seat any more, and whoever finds none free waits for none.
    """
    begins, ends = _offsets(pace, begin or {}), _offsets(pace, end or {})
    expected = _walk(pace, lots, begins, ends, 0)
    early, late = (_walk(pace, lots, begins, ends, sign)[0] for sign in (1, -1))
    return SeatForecast(pace, _day(pace, expected[0]), _day(pace, early), _day(pace, late), expected[1])


def _offsets(pace: Pace, counts: Mapping[date, int]) -> dict[int, int]:
    return {(day - pace.last).days - 1: count for day, count in counts.items() if day > pace.last}


def _day(pace: Pace, offset: int | None) -> date | None:
    return None if offset is None else pace.last + timedelta(days=offset + 1)


def _walk(
    pace: Pace, lots: Sequence[SeatLot], begins: Mapping[int, int], ends: Mapping[int, int], sign: int
) -> tuple[int | None, dict[str, int]]:
    """Ahead day by day, 0 being the first: the first on which none is free, and what of each lot ends unused.

    `sign` is 0 for what is expected, 1 and -1 for the ends of the range, of which only that day is looked for.
    """
    spans = [
        ((lot.begins - pace.last).days - 1, HORIZON if lot.ends is None else (lot.ends - pace.last).days - 1)
        for lot in lots
    ]
    taken = [lot.taken for lot in lots]
    unused: dict[str, int] = {}
    run_out = None
    known_begun = known_ended = before = 0
    for day in range(max((end for _, end in spans), default=0) + 1):
        known_begun += begins.get(day, 0)
        known_ended += ends.get(day, 0)
        for lot, (_, end), count in zip(lots, spans, taken, strict=True):
            if day == end and lot.ends is not None and lot.amount > count:
                unused[lot.key] = lot.amount - count
        active = [number for number, (start, end) in enumerate(spans) if start <= day < end]
        change = _change(pace, day, known_begun, known_ended, sign)
        _seat(lots, taken, active, change - before)
        before = change
        if run_out is None and active and all(taken[number] >= lots[number].amount for number in active):
            run_out = day
            if sign:
                break
    return run_out, unused


def _change(pace: Pace, days: int, begun: int, ended: int, sign: int) -> int:
    """By how many more are taken after so many days, to the whole seat downwards.

    The range is of the weeks seen, which may not have been usual, and of those to come, which may not be either: as
    wide at least as with one seat more in one of the weeks.
    """
    parts = WEEK * pace.weeks
    change = max(pace.given * days, begun * parts) - max(pace.released * days, ended * parts)
    distance = max(pace.distance, 2 * (pace.weeks - 1))
    spread = isqrt(SPREAD**2 * distance**2 * days * (days + parts) // pace.weeks**3)
    return (change + sign * spread) // parts


def _seat(lots: Sequence[SeatLot], taken: list[int], active: Sequence[int], change: int) -> None:
    """Seats so many more where seats are free; releases so many where most sit."""
    for number in active:
        if change > 0:
            more = min(change, max(lots[number].amount - taken[number], 0))
            taken[number] += more
            change -= more
    while change < 0 and any(taken[number] for number in active):
        taken[max(active, key=lambda number: taken[number])] -= 1
        change += 1
