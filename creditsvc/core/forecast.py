"""When credit runs out, and what expires unused: a forecast from the trailing complete days (docs/forecast.md).

Plain arithmetic on whole numbers that can be told in two sentences: the level is what a usual week uses, odd days set
aside; if the weeks have been growing or shrinking steadily, that goes on for a while and fades.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction

from creditsvc.core.burndown import LATEST, Lot, burning_order
from creditsvc.core.days import day_start

WEEK = 7
LONGEST = 8 * WEEK
"""How many days back the forecast looks."""

LATE_DAYS = 2
"""A charge day is complete two days later: Azure's data lags 8 to 24 hours behind the day's end."""

HORIZON = 3 * 365
"""How many days ahead the forecast looks for lots without an end."""

FADES = (9, 10)
"""What is left of a trend after each week, as a fraction."""

ODD = 3
"""A day of more than so many times the usual of its weekday is odd, and so is one of less than that part of it."""

TURN = Fraction(3, 2)
"""A lasting jump: weeks of more than so many times what was usual, or less than that part of it."""

SETTLED = 4
"""From so many weeks on the usual week is their median, and a trend is looked for."""

RARE = 7
"""Days are odd while they are fewer than one in so many."""

LEAST_SPREAD, UNSETTLED_SPREAD = Fraction(1, 8), Fraction(1, 2)
"""How far from the level the range goes at least, and how far with less than four weeks of days."""


@dataclass(frozen=True)
class Burn:
    """What is used: `weekly` now, growing by `trend` a week (fading), give or take `spread` a week; in steps.

    Seen in `days` complete days up to `last`.
    """

    last: date
    days: int
    weekly: int
    trend: int
    spread: int

    @property
    def daily(self) -> int:
        """The level of one day."""
        return self.weekly // WEEK


@dataclass(frozen=True)
class Forecast:
    """What becomes of an account. Days are charge days; None for a run-out: not before the last lot ends.

    `early` and `late` are the run-out days if more or less is used than expected. `unused` is what lots will have left
    when they end, by key. `first_bill` is 30 days of usage from `bill_from`, the day on which no lot pays any more.
    """

    burn: Burn
    run_out: date | None
    early: date | None
    late: date | None
    unused: Mapping[str, int]
    bill_from: date | None
    first_bill: int

    @property
    def unused_in_all(self) -> int:
        """What will have expired unused, over all lots."""
        return sum(self.unused.values())


def last_complete_day(newest: date, as_of: datetime) -> date:
    """The newest charge day that no longer grows: the newest with data may be half there, as may the last two."""
    return min(newest - timedelta(days=1), as_of.date() - timedelta(days=LATE_DAYS))


def burn_of(usage: Mapping[date, int], newest: date, as_of: datetime) -> Burn | None:
    """What is used, from the net usage by charge day; None where there is less than a week of complete days.

    `newest` is the newest charge day with data, whether or not it has usage. `as_of` is an aware UTC instant.
    """
    last = last_complete_day(newest, as_of)
    begun = min((day for day, amount in usage.items() if amount), default=None)
    if begun is None:
        return None
    count = min((last - begun).days + 1, LONGEST)
    if count < WEEK:
        return None
    values = [max(usage.get(last - timedelta(days=back), 0), 0) for back in range(count - 1, -1, -1)]
    if count < SETTLED * WEEK:  # too little for usual weekdays: the mean of two weeks, and a wide range
        lately = values[-2 * WEEK :]
        weekly = sum(lately) * WEEK // len(lately)
        return Burn(last, count, weekly, 0, int(weekly * UNSETTLED_SPREAD))
    weeks = _weeks_of(_without_odd_days(values))
    weeks = weeks[-_weeks_since_turn(weeks) :]
    trend = _trend(weeks)
    now = len(weeks) - 1
    level = _median(week + trend * (now - number) for number, week in enumerate(weeks))
    spread = _median(abs(week + trend * (now - number) - level) for number, week in enumerate(weeks))
    weekly = max(int(level), 0)
    return Burn(last, count, weekly, int(trend), max(int(2 * spread), int(weekly * LEAST_SPREAD)))


def _weeks_of(values: Sequence[int]) -> list[int]:
    """The sums of whole weeks, the last one ending with the last day."""
    return [sum(values[start : start + WEEK]) for start in range(len(values) % WEEK, len(values), WEEK)]


def _weeks_since_turn(weeks: Sequence[int]) -> int:
    """How many of the last weeks are of one kind: what was before a lasting jump says nothing any more."""
    for count in range(1, len(weeks) - 1):
        if _is_of_another_kind(weeks[-count:], weeks[:-count], TURN):
            return count
    return len(weeks)


def _is_of_another_kind(weeks: Sequence[int], before: Sequence[int], times: Fraction) -> bool:
    """Whether each of the weeks is more than so many times, or less than that part of, what was usual before."""
    usual = _median(before) if before else Fraction(0)
    nearest = before[-1] if before else 0
    return bool(before) and (
        all(week > usual * times and week > nearest * times for week in weeks)
        or all(week * times < usual and week * times < nearest for week in weeks)
    )


def _without_odd_days(values: Sequence[int]) -> list[int]:
    """Each day that is unlike the others of its weekday, and stands alone, as its weekday usually is."""
    usual: list[Fraction] = []
    for number in range(len(values)):
        others = [value for other, value in enumerate(values) if other % WEEK == number % WEEK and other != number]
        usual.append(_median(others) if len(others) > 1 else _median(values))
    odd = [value > ODD * want or value * ODD < want for value, want in zip(values, usual, strict=True)]
    if sum(odd) * RARE > len(odd):
        return list(values)  # usage that jumps about all the time has no odd days
    return [
        int(want) if is_odd and not _among_odd(odd, number) else value
        for number, (value, want, is_odd) in enumerate(zip(values, usual, odd, strict=True))
    ]


def _among_odd(odd: Sequence[bool], number: int) -> bool:
    """Whether the days around it are odd too: three in a row are no exception any more."""
    return any(all(odd[start : start + 3]) for start in range(max(number - 2, 0), min(number + 1, len(odd) - 2)))


def _median(values: Iterable[Fraction | int]) -> Fraction:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return Fraction(ordered[middle] if len(ordered) % 2 else Fraction(ordered[middle - 1] + ordered[middle]) / 2)


def _trend(weeks: Sequence[int]) -> Fraction:
    """The usual change from week to week (Theil-Sen), where most pairs of weeks agree on its direction."""
    pairs = [
        Fraction(later - earlier, second - first)
        for first, earlier in enumerate(weeks) for second, later in enumerate(weeks) if first < second
    ]
    if len(weeks) < SETTLED:
        return Fraction(0)
    slope = _median(pairs)
    same = sum((pair > 0) == (slope > 0) and pair != 0 for pair in pairs)
    return slope if same * 5 >= len(pairs) * 4 else Fraction(0)


def forecast(burn: Burn, lots: Sequence[Lot], left: Mapping[str, int]) -> Forecast:
    """What becomes of the lots when usage goes on as `burn` has it.

    `left` is what each lot had left at the end of `burn.last`, by key. Lots pay as in `core.burndown.plan`.
    """
    walked = _walk(burn, lots, left, 0)
    bill_from = walked.run_out or walked.ended
    first_bill = 0
    if bill_from is not None:
        offset = (bill_from - burn.last).days - 1
        rates = _rates(burn, 0, offset + 30)
        first_bill = sum(rates[offset:])
    return Forecast(
        burn, walked.run_out, _walk(burn, lots, left, burn.spread).run_out,
        _walk(burn, lots, left, -burn.spread).run_out, walked.unused, bill_from, first_bill,
    )


@dataclass(frozen=True)
class _Walked:
    run_out: date | None
    ended: date | None
    unused: Mapping[str, int]


def _walk(burn: Burn, lots: Sequence[Lot], left: Mapping[str, int], more: int) -> _Walked:
    """Day by day ahead, until every lot has ended or is used up."""
    first = burn.last + timedelta(days=1)
    open_lots = [(_day_from(lot.effective), _day_from(lot.end), lot.key) for lot in sorted(lots, key=burning_order)
                 if left.get(lot.key, 0) > 0 and not lot.is_worthless]
    rest = {key: left[key] for _, end, key in open_lots if end > first}
    ends = [end for _, end, key in open_lots if key in rest]
    days = min((max(ends, default=first) - first).days, HORIZON)
    run_out = first if not rest else None
    for offset, rate in enumerate(_rates(burn, more, days)):
        day = first + timedelta(days=offset)
        for begins, end, key in open_lots:
            if rate and begins <= day < end and rest.get(key):
                part = min(rate, rest[key])
                rest[key] -= part
                rate -= part
        if rate and run_out is None:
            run_out = day
        if run_out is not None and not any(rest.values()):
            break
    within = first + timedelta(days=days)
    unused = {key: rest[key] for _, end, key in open_lots if rest.get(key) and end <= within}
    return _Walked(run_out if burn.weekly or more > 0 else None, max(ends, default=None) if within in ends else None,
                   unused)


def _rates(burn: Burn, more: int, days: int) -> list[int]:
    """The usage of each of the days after `burn.last`; what a week has beyond whole days falls on its first ones."""
    rates: list[int] = []
    weekly, step = burn.weekly + more, burn.trend
    while len(rates) < days:
        step = abs(step) * FADES[0] // FADES[1] * (1 if step > 0 else -1)
        weekly = max(weekly + step, 0)
        whole, over = divmod(weekly, WEEK)
        rates += [whole + (number < over) for number in range(WEEK)]
    return rates[:days]


def _day_from(at: datetime) -> date:
    """The first charge day that an instant does not come after: its 00:00Z is at or after the instant (L5)."""
    if at == LATEST:
        return date.max
    day = at.date()
    return day if day_start(day) >= at else day + timedelta(days=1)
