"""By how much a forecast missed, and how a table of docs/forecast.md tells it."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Error:
    """Days by which the run-out day was missed, by the rule and by the straight line; whether the range held it."""

    rule: int
    naive: int
    within: bool


def line(name: str, errors: Sequence[Error]) -> str:
    """A row of the table: medians and ninth deciles of both, and how often the range held the day."""
    def figures(days: Sequence[int]) -> str:
        return f"{statistics.median(days):g} | {statistics.quantiles(days, n=10)[8]:.0f}"

    inside = sum(error.within for error in errors) * 100 // len(errors)
    return (f"| {name} | {len(errors)} | {figures([error.rule for error in errors])} | "
            f"{figures([error.naive for error in errors])} | {inside} % |")
