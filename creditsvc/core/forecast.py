"""When credit runs out, and what expires unused: a forecast from the trailing complete days (docs/forecast.md).

Plain arithmetic on whole numbers that can be told in two sentences: the level is what a usual week uses, odd days set
aside; if the weeks have been growing or shrinking steadily, that goes on for a while and fades.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate

from creditsvc.core.burndown import LATEST, Lot, burning_order
from creditsvc.core.days import day_start

WEEK = 7
LONGEST = 8 * WEEK
"""How many days back the forecast looks."""

LATE_DAYS = 2
"""A charge day is complete two days later: Azure's data lags 8 to 24 hours behind the day's end."""

STALE_DAYS = 14
"""Complete days that ended longer ago tell nothing of today."""

HORIZON = 3 * 365
"""How many days ahead the forecast looks for lots without an end."""

FADES = (9, 10)
"""What is left of a trend after each week, as a fraction."""

TREND_WEEKS = 26
"""After so many weeks a trend has gone as far as it goes."""

ODD = 3
"""A day of more than so many times the usual of its weekday is odd, and so is one of less than that part of it."""

TURN = (3, 2)
"""A lasting jump: weeks of more than so many times what was usual, or less than that part of it, as a fraction."""

SETTLED = 4
"""From so many weeks on the usual week is their median, and a trend is looked for."""

AGREED = (3, 4)
"""A trend counts when so large a part of all pairs of weeks agree on its direction."""

RARE = 7
"""Days are odd while they are fewer than one in so many."""

LEAST_SPREAD, NEW_SPREAD, UNSETTLED_SPREAD = (1, 8), (1, 4), (1, 2)
"""How far from the level the range goes at least, as fractions: always, with less than four weeks since a jump, with
less than four weeks of days."""

BILL_DAYS = 30
"""The first bill is told for so many days."""

_GAPS = 420  # what 1 to 7 weeks all divide: slopes are kept in 420ths, so that they are whole


@dataclass(frozen=True)
class Burn:
    """What is used: `weekly` now, growing by `trend` a week (fading), give or take `spread` a week; in steps.

    `leaning` is the change from week to week that may be a trend, whether or not the weeks agree enough on it; only
    the range goes by it. Seen in `days` complete days up to `last`.
    """

    last: date
    days: int
    weekly: int
    trend: int
    leaning: int
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
    `ahead` is what remains at the start of days to come, at the turns of the line that it makes; two for one day where
    a lot begins or ends.
    """

    burn: Burn
    run_out: date | None
    early: date | None
    late: date | None
    unused: Mapping[str, int]
    bill_from: date | None
    first_bill: int
    ahead: tuple[tuple[date, int], ...] = ()

    @property
    def unused_in_all(self) -> int:
        """What will have expired unused, over all lots."""
        return sum(self.unused.values())


def last_complete_day(newest: date, as_of: datetime) -> date:
    """The newest charge day that no longer grows: the newest with data may be half there, as may the last two."""
    return min(newest - timedelta(days=1), as_of.date() - timedelta(days=LATE_DAYS))


def is_stale(newest: date, as_of: datetime) -> bool:
    """Whether the newest data is too old to tell what is used today."""
    return (as_of.date() - last_complete_day(newest, as_of)).days > LATE_DAYS + STALE_DAYS


@lru_cache(maxsize=64)
def days_back(last: date) -> tuple[date, ...]:
    """The days that the forecast looks back on, `last` first. Most accounts of a night have the same ones."""
    return tuple(last - timedelta(days=back) for back in range(LONGEST))


def burn_of(usage: Mapping[date, int], newest: date, as_of: datetime, *, more_before: bool = False) -> Burn | None:
    """What is used, from the net usage by charge day; None with less than a week of complete days, or stale data.

    `newest` is the newest charge day with data, whether or not it has usage; `as_of` an aware UTC instant.
    `more_before` says that there was usage before what is given, so that a week without any is no missing data.
    """
    if is_stale(newest, as_of):
        return None
    last = last_complete_day(newest, as_of)
    days = days_back(last)
    amounts = [usage.get(day, 0) for day in days]
    count = next((back + 1 for back in range(LONGEST - 1, -1, -1) if amounts[back]), 0)
    if count < WEEK and (more_before or any(amount for day, amount in usage.items() if day < days[-1])):
        count = WEEK
    if count < WEEK:
        return None
    values = [max(amount, 0) for amount in reversed(amounts[:count])]
    if count < SETTLED * WEEK:
        return _unsettled(values, last)
    weeks = _weeks_of(_without_odd_days(values))
    kept = weeks[-_weeks_since_turn(weeks) :]
    leaning, is_agreed = _slope(kept)
    slope = leaning if is_agreed else 0
    now = len(kept) - 1
    levels = sorted(week * _GAPS + slope * (now - number) for number, week in enumerate(kept))
    level = _middle(levels)
    distance = _middle(sorted(abs(one - level) for one in levels)) // _GAPS
    weekly = max(level // _GAPS, 0)
    least = LEAST_SPREAD if len(kept) >= SETTLED else NEW_SPREAD
    spread = max(2 * distance, weekly * least[0] // least[1])
    return Burn(last, count, weekly, slope // _GAPS, leaning // _GAPS, spread)


def _unsettled(values: Sequence[int], last: date) -> Burn:
    """Too little for usual weekdays: the last week, a day at most three times the next highest of two weeks."""
    lately = sorted(values[-2 * WEEK :])
    most = ODD * max(lately[-2], _middle(lately))
    weekly = sum(min(value, most) for value in values[-WEEK:])
    return Burn(last, len(values), weekly, 0, 0, weekly * UNSETTLED_SPREAD[0] // UNSETTLED_SPREAD[1])


def _weeks_of(values: Sequence[int]) -> list[int]:
    """The sums of whole weeks, the last one ending with the last day."""
    return [sum(values[start : start + WEEK]) for start in range(len(values) % WEEK, len(values), WEEK)]


def _weeks_since_turn(weeks: Sequence[int]) -> int:
    """How many of the last weeks are of one kind: what was before a lasting jump says nothing any more."""
    times, part = TURN
    for count in range(1, len(weeks) - 1):
        later, earlier = weeks[-count], weeks[-count - 1]
        if later * part <= earlier * times and later * times >= earlier * part:
            continue  # no jump from one week to the next is none from all before to all since
        lately, before = weeks[-count:], weeks[:-count]
        usual = _middle(sorted(before))
        if min(lately) * part > max(usual, earlier) * times or max(lately) * times < min(usual, earlier) * part:
            return count
    return len(weeks)


def _without_odd_days(values: Sequence[int]) -> Sequence[int]:
    """Each day that is unlike the others of its weekday, and stands alone, as its weekday usually is."""
    usual = [_middle(sorted(values[start::WEEK])) for start in range(WEEK)]
    odd = {
        number for number, value in enumerate(values)
        if value > ODD * usual[number % WEEK] or value * ODD < usual[number % WEEK]
    }
    if len(odd) * RARE > len(values):
        return values  # usage that jumps about all the time has no odd days
    return [
        usual[number % WEEK] if number in odd and not _among_odd(odd, number) else value
        for number, value in enumerate(values)
    ]


def _among_odd(odd: set[int], number: int) -> bool:
    """Whether the days around it are odd too: three in a row are no exception any more."""
    return any(odd.issuperset(range(start, start + 3)) for start in range(number - 2, number + 1))


def _middle(ordered: Sequence[int]) -> int:
    """The median of what is in order, to the whole step."""
    return (ordered[len(ordered) // 2] + ordered[(len(ordered) - 1) // 2]) // 2


def _slope(weeks: Sequence[int]) -> tuple[int, bool]:
    """The usual change from week to week (Theil-Sen), in 420ths, and whether enough pairs agree on its direction."""
    if len(weeks) < SETTLED:
        return 0, False
    slopes = sorted(
        (later - earlier) * (_GAPS // gap)
        for first, earlier in enumerate(weeks) for gap, later in enumerate(weeks[first + 1 :], 1)
    )
    slope = _middle(slopes)
    same = sum(one * slope > 0 for one in slopes)
    return slope, same * AGREED[1] >= len(slopes) * AGREED[0]


def forecast(
    burn: Burn, lots: Sequence[Lot], left: Mapping[str, int], since: Mapping[date, int] | None = None, *,
    ranged: bool = True,
) -> Forecast:
    """What becomes of the lots when usage goes on as `burn` has it.

    `left` is what each lot had left at the end of `burn.last`, by key. Lots pay as in `core.burndown.plan`. `since` is
    the usage of later days, as far as it is known: incomplete, so no more than the least that those days use.
    Without `ranged` there is no `early` and no `late`, and nothing `ahead`, in less time.
    """
    known = {(day - burn.last).days - 1: amount for day, amount in (since or {}).items() if day > burn.last}
    holds = _holdings(burn, lots, left)
    expected = _Usage(burn.weekly, burn.trend, FADES, known)
    walked = _walk(holds, expected, lined=ranged)
    early = late = None
    if ranged:
        growing, shrinking = max(burn.leaning, 0), min(burn.leaning, 0)
        early = _walk(holds, _Usage(burn.weekly + burn.spread, growing, (1, 1), known), lined=False).run_out
        late = _walk(holds, _Usage(burn.weekly - burn.spread, shrinking, (1, 1), known), lined=False).run_out
    bill_from = walked.run_out if walked.run_out is not None else walked.ended
    first_bill = 0 if bill_from is None else expected.between(bill_from, bill_from + BILL_DAYS)
    return Forecast(
        burn, _day(burn, walked.run_out), _day(burn, early), _day(burn, late), walked.unused, _day(burn, bill_from),
        first_bill, tuple((burn.last + timedelta(days=day + 1), steps) for day, steps in walked.ahead),
    )


def _day(burn: Burn, offset: int | None) -> date | None:
    return None if offset is None else burn.last + timedelta(days=offset + 1)


@dataclass(frozen=True)
class _Holding:
    """What a lot had left at the end of the last complete day; it pays on the days [begins, ends) after that."""

    key: str
    left: int
    begins: int
    ends: int | None


def _holdings(burn: Burn, lots: Sequence[Lot], left: Mapping[str, int]) -> list[_Holding]:
    """The lots that may still pay, in burning order."""
    found = []
    for lot in sorted(lots, key=burning_order):
        if left.get(lot.key, 0) > 0 and not lot.is_worthless:
            ends = None if lot.end == LATEST else _offset(burn, lot.end)
            if ends is None or ends > 0:
                found.append(_Holding(lot.key, left[lot.key], max(_offset(burn, lot.effective), 0), ends))
    return found


def _offset(burn: Burn, at: datetime) -> int:
    """The first charge day that an instant does not come after: its 00:00Z is at or after the instant (L5)."""
    day = at.date()
    return (day - burn.last).days - (day_start(day) >= at)


class _Usage:
    """Usage of the days ahead, 0 being the day after the last complete one: a level for each week, then for ever."""

    def __init__(self, weekly: int, trend: int, fades: tuple[int, int], known: Mapping[int, int]) -> None:
        self.known = known
        self._last_known = max(known, default=-1)
        self.levels = [max(weekly, 0)]
        if trend:
            self.levels = []
            step, sign = abs(trend), 1 if trend > 0 else -1
            for _ in range(TREND_WEEKS):
                step = step * fades[0] // fades[1]
                weekly = max(weekly + sign * step, 0)
                self.levels.append(weekly)
        self._sums = [0, *accumulate(self.levels)]

    def level(self, day: int) -> int:
        """What the week of that day uses."""
        return self.levels[min(day // WEEK, len(self.levels) - 1)]

    def between(self, first: int, end: int) -> int:
        """The usage of the days [first, end); a week's beyond whole days is spread over them."""
        total = 0
        while first < end and first <= self._last_known:
            first, used = self.stretch(first, end)
            total += used
        return total + self._until(end) - self._until(first) if first < end else total

    def _until(self, day: int) -> int:
        """The usage of the days before one, known days aside."""
        week = min(day // WEEK, len(self.levels) - 1)
        level = self.levels[week]
        return self._sums[week] + level * day // WEEK - level * week

    def paid_by(self, amount: int, first: int, end: int) -> tuple[int, int]:
        """(day, steps): the end of the last stretch until which the usage from the first day on is at most the amount,
        and that usage; of the first stretch, if it alone uses more."""
        day, used = self.stretch(first, end)
        while used <= amount and day < end and day <= self._last_known:
            after, more = self.stretch(day, end)
            if used + more > amount:
                return day, used
            day, used = after, used + more
        if used > amount or day >= end:
            return day, used
        before = self._until(day)
        # a stretch begins with each level, and that of the last one has no end
        week = bisect_right(self._sums, before + amount - used, hi=len(self.levels)) - 1
        last = min(max(week * WEEK, day), end)
        return last, used + self._until(last) - before

    def stretch(self, first: int, end: int) -> tuple[int, int]:
        """Up to where the days from the first one on use as much as it does, and what they use together."""
        week, level = first // WEEK, self.level(first)
        if first in self.known:
            return first + 1, max(self.known[first], level * (first + 1) // WEEK - level * first // WEEK)
        if week < len(self.levels) - 1:
            end = min(end, (week + 1) * WEEK)
        if first < self._last_known:
            end = min([end, *(day for day in self.known if day > first)])
        return end, level * end // WEEK - level * first // WEEK


@dataclass(frozen=True)
class _Walked:
    """Days after the last complete one: the first not paid whole, and the one from which no lot pays any more."""

    run_out: int | None
    ended: int | None
    unused: Mapping[str, int]
    ahead: list[tuple[int, int]]


def _walk(holds: Sequence[_Holding], usage: _Usage, *, lined: bool) -> _Walked:
    """Ahead from one turn to the next (a lot begins or ends), until nothing is left. `lined` tells what is left at each
    of them and after each week that has its own level, in more time."""
    last_end = max((hold.ends or HORIZON for hold in holds), default=0)
    turns = sorted({turn for hold in holds for turn in (hold.begins, hold.ends) if turn and turn < last_end})
    rest = {hold.key: hold.left for hold in holds}
    run_out = 0 if not holds and usage.levels[0] else None
    ahead: list[tuple[int, int]] = []
    day = 0
    for turn in [*turns, last_end]:
        active = [hold.key for hold in holds if hold.begins <= day and (hold.ends is None or day < hold.ends)]
        while day < turn and (run_out is None or any(rest.values())):
            paying = sum(rest[key] for key in active)
            if lined:
                end, due = usage.stretch(day, turn)
            else:
                end, due = turn, usage.between(day, turn)
                if run_out is None and due > paying:  # first up to the week that it cannot pay, then that week
                    end, due = usage.paid_by(paying, day, turn)
            if lined:
                ahead.append((day, paying))
            if due > paying and (lined or run_out is None):
                short = day if day in usage.known else _day_beyond(usage.level(day), day, paying)
                ahead += [(short, 0)] if lined else []
                run_out = short if run_out is None else run_out
            if lined:
                ahead.append((end, max(paying - due, 0)))
            for key in active:
                part = min(due, rest[key])
                rest[key] -= part
                due -= part
            day = end
    while len(ahead) > 1 and ahead[-1][1] == ahead[-2][1] == 0:
        ahead.pop()
    unused = {hold.key: rest[hold.key] for hold in holds if rest[hold.key] and hold.ends is not None}
    return _Walked(run_out, None if any(hold.ends is None for hold in holds) else last_end, unused, ahead)


def _day_beyond(level: int, first: int, paying: int) -> int:
    """The day by which a level from the first one on has used more than that."""
    return -(-WEEK * (paying + level * first // WEEK + 1) // level) - 1
