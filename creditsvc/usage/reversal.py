"""What taking a run back changes: its days fall back to the next newest run (U9)."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from creditsvc.ledger.models import Batch, Scope
from creditsvc.parties.access import Caller, visible_startups
from creditsvc.usage import imports
from creditsvc.usage.decide import NO_TOTALS, Candidate, by_currency, by_day, days, deciders, deltas
from creditsvc.usage.models import ImportRun
from creditsvc.usage.reading import days_seen


def fall_back(run: ImportRun, scopes: Mapping[int, Scope]) -> pl.DataFrame:
    """What becomes of the days that the run decided when it no longer counts."""
    if run.cover_first is None or run.cover_last is None:
        return NO_TOTALS
    first, last = run.cover_first, run.cover_last
    others = imports.candidates_of(scopes, run.id)
    decided: dict[int, list[date]] = {}
    successors: dict[int, list[tuple[int, date]]] = {}
    for scope_id in scopes:
        own = Candidate(run.id, scope_id, first, last, run.submitted_at, run.content_hash, run.feed)
        before = deciders([*others[scope_id], own], first, last)
        after = deciders(others[scope_id], first, last)
        decided[scope_id] = [day for day in days(first, last) if before[day] == run.id]
        for day in decided[scope_id]:
            successor = after[day]
            if successor is not None:
                successors.setdefault(successor, []).append((scope_id, day))
    ids = {(scope.provider, scope.external_id): scope.id for scope in scopes.values()}
    wanted = [NO_TOTALS]
    for successor, pairs in successors.items():
        on_days = pl.DataFrame(pairs, schema={"scope_id": pl.Int64, "day": pl.Date}, orient="row")
        said = imports.totals_of_run(successor, ids)
        wanted.append(said.join(on_days, on=["scope_id", "day"], how="semi"))
    return deltas(pl.concat(wanted), imports.posted_totals(scopes, first, last), decided)


def reversal_report(
    caller: Caller, run: ImportRun, changes: pl.DataFrame, batches: Sequence[Batch]
) -> dict[str, Any]:
    """The answer to a reversal: what it changed, and what no lot pays since, as far as the caller may see scopes."""
    sums = by_day(changes)
    seen = days_seen(caller, {(scope_id, day) for scope_id, day, _ in sums})
    sums = {place: steps for place, steps in sums.items() if place[:2] in seen}
    return {
        "id": run.id,
        "status": "reversed",
        "delta": {currency: imports.decimal_text(amount) for currency, amount in by_currency(sums).items()},
        "uncovered_delta": imports.uncovered_of(batches, visible_startups(caller)),
    }
