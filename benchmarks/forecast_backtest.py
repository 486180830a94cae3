"""How far off the forecast of the run-out day is, against the naive straight line.

`python -m benchmarks.forecast_backtest` prints the tables of docs/forecast.md, that of seats too.

Series are made from a seed: 250 days of usage, of which the forecast sees what Azure would have shown on the day it is
asked: the day before at three tenths, the one before that at eight tenths. The credit lasts to a day 20 to 150 days
ahead, which is what has to be found. The naive straight line divides what is left by the mean of the last 30 days.
"""

import csv
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from benchmarks import seats_backtest
from benchmarks.backtest_error import Error, line
from creditsvc.core.burndown import Lot
from creditsvc.core.days import day_start
from creditsvc.core.forecast import burn_of, forecast

FIRST = date(2026, 1, 1)
LENGTH, SEEN = 250, 90
STEPS = 10**8
PARTS = {"all of it": "", "its billing scopes": "SubAccountId", "its service categories": "ServiceCategory"}
"""How the sample's cost is parted into series: by a column, or not at all."""

SAMPLE = Path(__file__).resolve().parents[2] / "shared" / "data" / "focus" / "focus-1.0-sample-1000.csv"

Series = list[int]


def weekly_pattern(rng: random.Random) -> Series:
    """Workdays at a level, weekends at a fraction of it, with noise."""
    level, quiet = rng.uniform(20, 300), rng.uniform(0.05, 0.5)
    return [_noisy(rng, level * (quiet if (FIRST + timedelta(days=n)).weekday() > 4 else 1)) for n in range(LENGTH)]


def steady(rng: random.Random) -> Series:
    """A level with noise."""
    level = rng.uniform(5, 300)
    return [_noisy(rng, level) for _ in range(LENGTH)]


def growth(rng: random.Random) -> Series:
    """A level that grows by 3 to 10 percent a week for the time of the forecast."""
    level, rate = rng.uniform(10, 60), rng.uniform(0.03, 0.10)
    return [_noisy(rng, level * (1 + rate * min(n, SEEN + 60) / 7)) for n in range(LENGTH)]


def spike(rng: random.Random) -> Series:
    """A level with one or two days of ten to forty times as much in the last weeks that are seen."""
    series = steady(rng)
    for _ in range(rng.randint(1, 2)):
        series[SEEN - rng.randint(3, 28)] *= rng.randint(10, 40)
    return series


def stop(rng: random.Random) -> Series:
    """A level that falls to a tenth, for good, one to three weeks before the forecast."""
    level, from_day = rng.uniform(20, 300), SEEN - rng.randint(9, 21)
    return [_noisy(rng, level * (0.1 if n >= from_day else 1)) for n in range(LENGTH)]


def step_up(rng: random.Random) -> Series:
    """A level that goes to two to four times as much, for good, two to four weeks before the forecast."""
    level, factor, from_day = rng.uniform(10, 100), rng.uniform(2, 4), SEEN - rng.randint(14, 28)
    return [_noisy(rng, level * (factor if n >= from_day else 1)) for n in range(LENGTH)]


def mixed(rng: random.Random) -> Series:
    """Workdays and weekends, growing, with a day of ten to forty times as much."""
    pattern, grown = weekly_pattern(rng), growth(rng)
    series = [day * more // grown[0] for day, more in zip(pattern, grown, strict=True)]
    series[SEEN - rng.randint(3, 28)] *= rng.randint(10, 40)
    return series


def new(rng: random.Random) -> Series:
    """Workdays and weekends that began 12 to 26 days before the forecast."""
    begins = SEEN - rng.randint(12, 26)
    return [cost if n >= begins else 0 for n, cost in enumerate(weekly_pattern(rng))]


KINDS: Mapping[str, Callable[[random.Random], Series]] = {
    "steady": steady, "weekly pattern": weekly_pattern, "growth": growth, "spike": spike, "stop": stop,
    "step up": step_up, "mixed": mixed, "new": new,
}


def _noisy(rng: random.Random, level: float) -> int:
    return max(int(level * rng.lognormvariate(0, 0.15) * STEPS), 0)


def seen_of(series: Sequence[int], seen: int) -> dict[date, int]:
    """What is known of the first days on the morning after: the last two are not complete."""
    known = {FIRST + timedelta(days=n): series[n] for n in range(seen)}
    last = FIRST + timedelta(days=seen - 1)
    known[last] = known[last] * 3 // 10
    known[last - timedelta(days=1)] = known[last - timedelta(days=1)] * 8 // 10
    return known


def tried(series: Sequence[int], seen: int, lasts: int) -> Error:
    """A credit that really lasts `lasts` days more, forecast after `seen` days."""
    horizon = len(series) - seen
    amount = sum(series[: seen + lasts]) + series[seen + lasts] // 2  # so that day `lasts` is the first not paid whole
    known, today = seen_of(series, seen), FIRST + timedelta(days=seen)
    newest = today - timedelta(days=1)
    lot = Lot("credit", amount, day_start(FIRST), day_start(today + timedelta(days=horizon)))
    burn = burn_of(known, newest, datetime(today.year, today.month, today.day, 1, tzinfo=UTC))
    assert burn is not None
    left = amount - sum(cost for day, cost in known.items() if day <= burn.last)
    told = forecast(burn, [lot], {"credit": left}, known)
    true = today + timedelta(days=lasts)
    never = today + timedelta(days=horizon)
    rule = told.run_out or never
    lately = list(known.values())[-30:]
    mean = sum(lately) // len(lately)
    straight = (amount - sum(known.values())) // mean if mean else horizon
    naive = today + timedelta(days=min(straight, horizon))
    within = (told.early or never) <= true <= (told.late or never)
    return Error(abs((rule - true).days), abs((naive - true).days), within)


def generated(name: str, count: int = 300, seed: int = 7) -> list[Error]:
    """The errors over many series of one kind."""
    rng = random.Random(f"{name}{seed}")
    return [tried(KINDS[name](rng), SEEN, rng.randint(20, 150)) for _ in range(count)]


def of_sample(path: Path, column: str) -> list[Error]:
    """The errors on the real series of the FOCUS sample: forecast on each day of its one month that has ten before it,
    for each end from two days later on."""
    return [
        tried(series, seen, lasts)
        for series in daily_costs(path, column) for seen in range(10, 25) for lasts in range(2, 30 - seen)
        if series[seen + lasts]
    ]


def daily_costs(path: Path, column: str) -> list[list[int]]:
    """The cost of each day of September 2024, in steps, per value of a column (""); those with usage on 20 days or
    more."""
    found: dict[str, dict[int, Decimal]] = {}
    with path.open(encoding="utf-8-sig", newline="") as plain:
        for row in csv.DictReader(plain):
            day, of_day = int(row["ChargePeriodStart"][8:10]), found.setdefault(row.get(column, ""), {})
            of_day[day] = of_day.get(day, Decimal(0)) + max(Decimal(row["BilledCost"]), Decimal(0))
    return [
        [int(days.get(day, 0) * STEPS) for day in range(1, 31)]
        for days in found.values() if sum(1 for cost in days.values() if cost) >= 20
    ]


def table(rows: Mapping[str, Sequence[Error]], together: str) -> list[str]:
    """A table of those series, with all of them together."""
    every = [error for errors in rows.values() for error in errors]
    return [
        "| series | tried | rule: median | rule: 9 in 10 | line: median | line: 9 in 10 | range holds |",
        "|---|---|---|---|---|---|---|", *(line(name, errors) for name, errors in rows.items()), line(together, every),
    ]


def main() -> None:
    """Prints the tables of docs/forecast.md."""
    for row in table({name: generated(name) for name in KINDS}, "all generated"):
        print(row)
    if SAMPLE.exists():
        for name, column in PARTS.items():
            print(line(f"FOCUS sample, {name}", of_sample(SAMPLE, column)))
    else:
        print(f"the FOCUS sample is not at {SAMPLE}: left out", file=sys.stderr)
    print()
    for row in table({name: seats_backtest.generated(name) for name in seats_backtest.KINDS}, "all of seats"):
        print(row)


if __name__ == "__main__":
    main()
