"""Where a holding stands in the measure of a rule that looks at usage and ahead of it (A1): values in, values out.

What is forecast comes from `core.forecast`; here it becomes the figure that is compared with thresholds. None: the rule
has nothing to say of the holding.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction

from creditsvc.core.forecast import HORIZON, days_back

NEVER = Fraction(2 * HORIZON)
"""The days until a run-out that is not forecast: beyond every threshold that makes sense."""

UNUSED_WITHIN = timedelta(days=180)
"""What ends later than that may well be used yet: nothing is said of it."""

UNUSED_FROM_DAYS = 28
"""Fewer days of data tell too little of what will be left months ahead."""

SPIKE_DAYS = 7
"""A spike is news for so many complete days, so that nights that were missed lose none."""

USUAL_DAYS, LEAST_USUAL_DAYS = 28, 14
"""A day is compared with the median of so many days before it, and with no fewer than the least."""

SPIKE_PART = 100
"""A spike costs at least one part in so many of what is left: three times next to nothing is nothing."""


@dataclass(frozen=True)
class Ending:
    """A lot that ends: what it was granted and what the forecast leaves of it, in steps."""

    granted: int
    ends: datetime
    unused: int


@dataclass(frozen=True)
class Spike:
    """A day that used far more than a usual one of the weeks before it, in steps."""

    day: date
    amount: int
    usual: int

    @property
    def percent(self) -> Fraction:
        """What it used as percent of a usual day."""
        return Fraction(self.amount * 100, self.usual)


def days_to_run_out(run_out: date | None, today: date) -> Fraction:
    """Days from today to the forecast run-out, negative once it has passed; NEVER when none is forecast."""
    return NEVER if run_out is None else Fraction((run_out - today).days)


def percent_unused(endings: Iterable[Ending], days_of_data: int, now: datetime) -> Fraction | None:
    """Percent of what the lots that end within half a year were granted that is forecast to be left at their end.

    None when there is no such lot, or less than four weeks of data.
    """
    soon = [one for one in endings if now < one.ends <= now + UNUSED_WITHIN and one.granted > 0]
    if not soon or days_of_data < UNUSED_FROM_DAYS:
        return None
    return Fraction(sum(one.unused for one in soon) * 100, sum(one.granted for one in soon))


def days_idle(last_use: date | None, begun: date, seen_until: date) -> Fraction:
    """Days without use as far as data goes: since the last use, or since what is not begun could be used; 0 at least.
    """
    since = begun if last_use is None else max(last_use, begun)
    return Fraction(max((seen_until - since).days, 0))


def spike_of(usage: Mapping[date, int], first: date, last: date, left: int) -> Spike | None:
    """The largest of the last seven complete days, measured by the usual day before it; None when none is worth a word.

    `usage` is net by charge day, in steps; data begins with the day `first`, and `last` is the last complete day. Where
    more than half of the days before use nothing there is no usual day. What it used beyond that is at least a
    hundredth of `left`.
    """
    found: list[Spike] = []
    data = (last - first).days
    amounts = [usage.get(day, 0) for day in days_back(last)[:SPIKE_DAYS + USUAL_DAYS]]
    used = [max(amount, 0) for amount in amounts]
    for back, amount in enumerate(amounts[:SPIKE_DAYS]):
        count = min(USUAL_DAYS, data - back)
        if count < LEAST_USUAL_DAYS:
            break
        if amount * SPIKE_PART < left:  # whatever is usual
            continue
        before = sorted(used[back + 1 : back + 1 + count])
        usual = (before[count // 2] + before[(count - 1) // 2]) // 2
        if usual > 0 and amount > usual and (amount - usual) * SPIKE_PART >= left:
            found.append(Spike(last - timedelta(days=back), amount, usual))
    return max(found, key=lambda spike: (spike.percent, spike.day), default=None)


def restated_permille(threshold: int, used: int, granted: int) -> int | None:
    """How much had been used of what was granted, in thousandths cut off, where that is less than a threshold in
    percent; None where it is reached all the same (A2: exactly)."""
    if granted <= 0 or used * 100 >= threshold * granted:
        return None
    return max(used, 0) * 1000 // granted
