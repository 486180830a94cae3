"""How far off the forecast of the day without a free seat is, against the naive straight line.

Histories are made from a seed: 300 days on which seats are given and released, of which the forecast sees the first
100. The grant has as many seats as are taken for the first time on a day 20 to 150 days ahead, which is what has to be
found. The naive straight line divides the free seats by how many more were taken in the last 30 days.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate

from benchmarks.backtest_error import Error
from creditsvc.core.forecast_seats import SeatLot, forecast_seats, pace_of_seats

FIRST = date(2026, 1, 1)
LENGTH, SEEN = 300, 100


@dataclass(frozen=True)
class History:
    """How many seats were given and released on each day."""

    given: Sequence[int]
    released: Sequence[int]


def _drawn(rng: random.Random, a_week: float, first: int = 0, last: int = LENGTH) -> list[int]:
    """So many on each day that a week has that many on average, on the days [first, last)."""
    return [sum(rng.random() < a_week / 35 for _ in range(5)) if first <= day < last else 0 for day in range(LENGTH)]


def trickle(rng: random.Random) -> History:
    """Seats are given one by one, one in three weeks to two a week, and never released."""
    return History(_drawn(rng, rng.uniform(0.3, 2)), [0] * LENGTH)


def moving_in(rng: random.Random) -> History:
    """Five to twenty are seated on one day eight weeks before the forecast, then they come one by one."""
    begins = SEEN - 56
    given = _drawn(rng, rng.uniform(0.5, 2), begins)
    given[begins] += rng.randint(5, 20)
    return History(given, [0] * LENGTH)


def turnover(rng: random.Random) -> History:
    """One to three a week are given, and a quarter to two thirds as many released."""
    coming = rng.uniform(1, 3)
    given, released = _drawn(rng, coming), _drawn(rng, coming * rng.uniform(0.25, 0.67), 14)
    given[0] += 10
    return History(given, released)


def teams(rng: random.Random) -> History:
    """Two to five at once, every two to five weeks."""
    given, a_week = [0] * LENGTH, 1 / rng.uniform(2, 5)
    return History([rng.randint(2, 5) if rng.random() < a_week / 7 else one for one in given], [0] * LENGTH)


def slower(rng: random.Random) -> History:
    """Two to four a week, and a third of it from three to seven weeks before the forecast on."""
    coming, turn = rng.uniform(2, 4), SEEN - rng.randint(21, 49)
    return History(_added(_drawn(rng, coming, 0, turn), _drawn(rng, coming / 3, turn)), [0] * LENGTH)


def faster(rng: random.Random) -> History:
    """Half to one a week, and three times as many from three to seven weeks before the forecast on."""
    coming, turn = rng.uniform(0.5, 1), SEEN - rng.randint(21, 49)
    return History(_added(_drawn(rng, coming, 0, turn), _drawn(rng, coming * 3, turn)), [0] * LENGTH)


def _added(before: Sequence[int], after: Sequence[int]) -> list[int]:
    return [one + other for one, other in zip(before, after, strict=True)]


KINDS: Mapping[str, Callable[[random.Random], History]] = {
    "trickle": trickle, "moving in": moving_in, "turnover": turnover, "teams": teams, "slower": slower,
    "faster": faster,
}


def tried(history: History, lasts: int) -> Error | None:
    """A grant that has no free seat any more about so many days ahead; None where no more are taken until then than
    ever before, and where it is too early to tell."""
    taken = list(accumulate(more - fewer for more, fewer in zip(history.given, history.released, strict=True)))
    amount = max(taken[: SEEN + lasts])
    if amount <= max(taken[:SEEN]):
        return None
    true = next(day for day, count in enumerate(taken) if count >= amount) - SEEN
    begun, last = FIRST, FIRST + timedelta(days=SEEN - 1)
    given, released = (
        {FIRST + timedelta(days=day): count for day, count in enumerate(counts[:SEEN]) if count}
        for counts in (history.given, history.released)
    )
    pace = pace_of_seats(given, released, begun, last)
    if pace is None:
        return None
    horizon = LENGTH - SEEN
    ends = last + timedelta(days=1 + horizon)
    told = forecast_seats(pace, [SeatLot("office", amount, begun, ends, taken[SEEN - 1])])
    rule, early, late = ((one or ends) - last - timedelta(days=1) for one in (told.run_out, told.early, told.late))
    more = taken[SEEN - 1] - taken[SEEN - 31]
    naive = min((amount - taken[SEEN - 1]) * 30 // more, horizon) if more > 0 else horizon
    return Error(abs(rule.days - true), abs(naive - true), early.days <= true <= late.days)


def generated(name: str, count: int = 300, seed: int = 7) -> list[Error]:
    """The errors over many histories of one kind."""
    rng = random.Random(f"{name}{seed}")
    found: list[Error] = []
    while len(found) < count:
        error = tried(KINDS[name](rng), rng.randint(20, 150))
        if error is not None:
            found.append(error)
    return found
