"""One plan: 365 daily totals over 10 lots with refunds, against a loop that only sums the same days."""

import time
from datetime import date, timedelta

from benchmarks.frame import Result, bounded, compared, rounds
from benchmarks.places import Ground
from creditsvc.core.burndown import Lot, plan
from creditsvc.core.days import day_start

ROUNDS, TIMES = 15, 40
MOST_SECONDS, SLOWER = 0.001, 60.0
FIRST = date(2026, 1, 1)
USD = 10**8

LOTS = tuple(
    Lot(f"lot-{number}", 1_500 * USD, day_start(FIRST + timedelta(days=30 * number)),
        day_start(FIRST + timedelta(days=30 * number + 90)), promotional=number % 3 == 0)
    for number in range(10)
)
USAGE = {
    # a refund every ninth day, sometimes of more than the day before
    day_start(FIRST + timedelta(days=number)): (20 * USD + number * 7_654_321) * (-1 if number % 9 == 8 else 1)
    for number in range(365)
}


def measure(ground: Ground) -> list[Result]:
    """Milliseconds for a plan."""
    values, limits = rounds(lambda: _seconds(_plan), lambda: _seconds(_sum), ROUNDS)
    return [
        compared("plan of a year", "none", values, limits, SLOWER),
        bounded("plan of a year, at most", "none", sorted(values)[len(values) // 2], MOST_SECONDS, unit="s"),
    ]


def _seconds(act: object) -> float:
    begun = time.process_time()
    for _ in range(TIMES):
        act()  # type: ignore[operator]
    return (time.process_time() - begun) / TIMES


def _plan() -> None:
    plan(LOTS, USAGE)


def _sum() -> int:
    total = 0
    for amount in USAGE.values():
        total += amount
    return total
