"""What every benchmark shares: rounds interleaved with their limit, medians, the table, `instance/bench.json`.

A benchmark is a module of this folder with `measure(ground) -> list[Result]`, named in `__main__.py`. A figure is never
judged by itself: in each round the thing is measured, then a limit that does the least that could be done for the same
outcome, and what counts is the median of the ratios. So a busy machine slows both.
"""

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

Measure = Callable[[], float]


@dataclass(frozen=True)
class Result:
    """One line of the table. `ratio` is value / limit (medians of the rounds); `holds` whether it keeps the `bar`."""

    name: str
    database: str
    value: float
    limit: float
    ratio: float
    bar: float
    holds: bool
    unit: str = "s"
    spread: tuple[float, float] = (0.0, 0.0)
    note: str = ""
    at_least: bool = field(default=False)


def rounds(thing: Measure, limit: Measure, times: int) -> tuple[list[float], list[float]]:
    """Both measured in turn, so that what slows the machine for a while slows both."""
    values, limits = [], []
    for _ in range(times):
        values.append(thing())
        limits.append(limit())
    return values, limits


def compared(
    name: str, database: str, values: Sequence[float], limits: Sequence[float], bar: float, *,
    at_least: bool = False, unit: str = "s", note: str = "",
) -> Result:
    """The medians of some rounds, and the ratio's median, held against its bar (at most, or at least)."""
    ratios = [value / limit for value, limit in zip(values, limits, strict=True)]
    ratio = statistics.median(ratios)
    return Result(
        name, database, statistics.median(values), statistics.median(limits), ratio, bar,
        ratio >= bar if at_least else ratio <= bar, unit, (min(ratios), max(ratios)), note, at_least,
    )


def bounded(name: str, database: str, value: float, bar: float, *, unit: str, note: str = "") -> Result:
    """A figure with a bound of its own instead of a limit to compare with: a count, a size, the longest wait."""
    return Result(name, database, value, bar, value / bar if bar else 0.0, bar, value <= bar, unit, note=note)


def table(results: Sequence[Result]) -> str:
    """The results for people, and below them what is to be said of some."""
    head = ("benchmark", "database", "value", "limit", "ratio", "spread", "bar", "holds")
    lines = [head, *(_line(result) for result in results)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    shown = ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([*shown, *(f"{one.name}, {one.database}: {one.note}" for one in results if one.note)])


def _line(result: Result) -> tuple[str, ...]:
    own = not any(result.spread)  # a bound of its own: the ratio says nothing more
    return (
        result.name, result.database, f"{result.value:.4g} {result.unit}",
        "" if own else f"{result.limit:.4g} {result.unit}", "" if own else f"{result.ratio:.2f}",
        "" if own else f"{result.spread[0]:.2f} to {result.spread[1]:.2f}",
        f"{'>=' if result.at_least else '<='} {result.bar:g}{f' {result.unit}' if own else ''}",
        "yes" if result.holds else "NO",
    )


def write(results: Sequence[Result], path: Path) -> None:
    """Writes the results as JSON, in the place of those of the last run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n", encoding="utf-8")
