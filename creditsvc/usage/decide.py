"""Which run decides which day, what it changes, and what looks suspicious (U4, U5): frames in, frames out.

Totals have the columns scope_id, day, key, currency, amount (10^-8 of the currency).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import polars as pl

from creditsvc.core.amounts import MONEY_STEPS, check_range
from creditsvc.core.days import day_start

GRAIN = ("scope_id", "day", "key", "currency")
TOTALS = {"scope_id": pl.Int64, "day": pl.Date, "key": pl.String, "currency": pl.String, "amount": pl.Int64}
NO_TOTALS = pl.DataFrame(schema=TOTALS)
CLOSES_AFTER = timedelta(hours=72)
"""Azure closes a month about 72 hours after its end (data facts in the design's sources)."""

SUSPICIOUS_STEPS = 100 * MONEY_STEPS

@dataclass(frozen=True)
class Candidate:
    """A run that covers a scope on [first, last]. The newest submitted decides; content breaks a tie, so that the
    order of arrival never does."""

    run_id: int
    scope_id: int
    first: date
    last: date
    submitted_at: datetime
    content_hash: str
    feed: str = ""

    @property
    def rank(self) -> tuple[datetime, str, int]:
        """What is compared: the greatest decides."""
        return (self.submitted_at, self.content_hash, self.run_id)


Sums = dict[tuple[int, date, str], int]
"""Changes by (scope id, day, currency)."""


def days(first: date, last: date) -> Iterable[date]:
    """The days from first to last, both included."""
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def deciders(candidates: Sequence[Candidate], first: date, last: date) -> dict[date, int | None]:
    """For each day the run that decides it for one scope, or None where nobody covers it."""
    ranked = sorted(candidates, key=lambda candidate: candidate.rank, reverse=True)
    if ranked and ranked[0].first <= first and last <= ranked[0].last:  # as of nearly every export
        return dict.fromkeys(days(first, last), ranked[0].run_id)
    return {
        day: next((one.run_id for one in ranked if one.first <= day <= one.last), None) for day in days(first, last)
    }


def deltas(wanted: pl.DataFrame, posted: pl.DataFrame, decided: Mapping[int, Iterable[date]]) -> pl.DataFrame:
    """The totals changed: the difference between those wanted and those posted on the days decided, by scope; zeros
    left out.

    Keys that are posted and not wanted go to zero. Raises RuleBroken("amount", "too-large") beyond 64 bits.
    """
    pairs = [(scope_id, day) for scope_id, of_scope in decided.items() for day in of_scope]
    on_days = pl.DataFrame(pairs, schema={"scope_id": pl.Int64, "day": pl.Date}, orient="row")
    changes = (
        wanted.select(*TOTALS).join(on_days, on=["scope_id", "day"], how="semi")
        .join(posted.join(on_days, on=["scope_id", "day"], how="semi"), on=list(GRAIN), how="full", coalesce=True)
        .with_columns(*(pl.col(name).fill_null(0).cast(pl.Int128) for name in ("amount", "amount_right")))
        .select(*GRAIN, pl.col("amount") - pl.col("amount_right"))
        .filter(pl.col("amount") != 0)
        .sort(GRAIN)
    )
    for furthest in (changes["amount"].max(), changes["amount"].min()):
        if isinstance(furthest, int):
            check_range(furthest)
    return changes.cast({"amount": pl.Int64})


def by_day(changes: pl.DataFrame) -> Sums:
    """The changes summed by (scope id, day, currency)."""
    sums = changes.group_by("scope_id", "day", "currency").agg(pl.col("amount").cast(pl.Int128).sum())
    return {(scope_id, day, currency): amount for scope_id, day, currency, amount in sums.iter_rows()}


def month_of(day: date) -> date:
    """The first day of the month, which names it."""
    return day.replace(day=1)


def month_after(day: date) -> date:
    """The first day of the month after that of the day."""
    return (month_of(day) + timedelta(days=32)).replace(day=1)


def closed_at(month: date) -> datetime:
    """The instant from which a run's word on that month counts as its close."""
    return day_start(month_after(month)) + CLOSES_AFTER


def takes_away_much(changes: pl.DataFrame, posted: pl.DataFrame) -> list[tuple[int, date, str, int, int]]:
    """Where over 50 % and over 100 units of what is posted for a scope and month would go (U5).

    As (scope id, month, currency, posted, change).
    """
    change, before = _by_month(changes), _by_month(posted)
    return [
        (*place, before[place], amount)
        for place, amount in sorted(change.items())
        if place in before and -amount > SUSPICIOUS_STEPS and -amount * 2 > before[place]
    ]


def _by_month(totals: pl.DataFrame) -> Sums:
    """The sums by (scope id, first day of the month, currency)."""
    return by_day(totals.with_columns(pl.col("day").dt.month_start()))


def covers_less(run: Candidate, others: Sequence[Candidate]) -> list[tuple[date, int, int]]:
    """The months in which the run covers fewer days of its scope than the run before it of the same feed, all of
    them covered by that one (U5). As (month, days before, days now)."""
    earlier = [one for one in others if one.feed == run.feed and one.rank < run.rank]
    if not earlier:
        return []
    found = []
    month = month_of(run.first)
    while month <= run.last:
        ends = month_after(month)
        in_month = [one for one in earlier if one.first < ends and month <= one.last]
        if in_month:
            newest = max(in_month, key=lambda one: one.rank)
            now, then = (_within(one, month, ends - timedelta(days=1)) for one in (run, newest))
            if now != then and then[0] <= now[0] and now[1] <= then[1]:
                found.append((month, (then[1] - then[0]).days + 1, (now[1] - now[0]).days + 1))
        month = ends
    return found


def _within(one: Candidate, first: date, last: date) -> tuple[date, date]:
    return max(one.first, first), min(one.last, last)


def by_currency(changes: Sums) -> dict[str, Decimal]:
    """The sum of the changes in each currency, as amounts."""
    sums: dict[str, int] = {}
    for (_, _, currency), steps in changes.items():
        sums[currency] = sums.get(currency, 0) + steps
    return {currency: Decimal(steps) / MONEY_STEPS for currency, steps in sorted(sums.items())}
