"""What is known of runs and scopes while one is decided upon, and the posting of it (U4 to U8): candidates, posted
totals, usage facts, the report."""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
from sqlalchemy import ColumnElement, func, select, true

from creditsvc.columns import bulk_insert, bulk_read
from creditsvc.core.amounts import MONEY_STEPS, format_amount, unit_named
from creditsvc.core.days import day_start
from creditsvc.core.errors import FileRefused
from creditsvc.core.rates import NO_RATES
from creditsvc.db import db
from creditsvc.ledger.book import Cause, note_freshness, post
from creditsvc.ledger.facts import accounts_ever_of, known_courses, units_of
from creditsvc.ledger.locks import lock_accounts
from creditsvc.ledger.models import (
    Account,
    Batch,
    ChargeKey,
    Posting,
    Resource,
    Scope,
    ScopeFact,
    UsageFact,
)
from creditsvc.ledger.timeline import Ownership
from creditsvc.parties.access import Caller
from creditsvc.parties.models import Startup
from creditsvc.sets import among, chunks
from creditsvc.usage.decide import TOTALS, Candidate, Sums, month_of
from creditsvc.usage.models import ImportRun, RunScope, RunTotals
from creditsvc.usage.readers.totals import Export, Units

CANDIDATE_STATES = ("applied", "unchanged", "stale")
CREDIT = "credit"
SCOPES_AT_ONCE = 1_000
"""Of how many scopes the usage of some months is held in memory as rows."""

_FACTS = {"scope_id": pl.Int64, "day": pl.Date, "key_id": pl.Int64, "currency": pl.String, "amount": pl.Int64}


def settle_units() -> Units:
    """In which currency each scope settles: that of its resource, else of the provider's only credit resource."""
    rows = db.session.execute(
        select(Scope.provider, Scope.external_id, Resource.unit)
        .join(ScopeFact, ScopeFact.scope_id == Scope.id)
        .join(Account, Account.id == ScopeFact.account_id)
        .join(Resource, Resource.id == Account.resource_id)
        .order_by(ScopeFact.stated_at, ScopeFact.id)
    )
    by_scope = {(provider, external_id): unit for provider, external_id, unit in rows}
    units: dict[str, set[str]] = {}
    credit = select(Resource.provider, Resource.unit).where(Resource.kind == CREDIT, Resource.provider.is_not(None))
    for provider, unit in db.session.execute(credit):
        units.setdefault(str(provider), set()).add(unit)
    return Units(by_scope, {provider: next(iter(found)) for provider, found in units.items() if len(found) == 1})


def pack_totals(totals: pl.DataFrame) -> bytes:
    """Totals of a run as a compressed Parquet file in memory."""
    target = io.BytesIO()
    totals.select("provider", "scope", "day", "key", "currency", "amount").write_parquet(target, compression="zstd")
    return target.getvalue()


def totals_of_run(run_id: int, scope_ids: Mapping[tuple[str, str], int]) -> pl.DataFrame:
    """What a run said, by scope id; only of the scopes given."""
    return with_scope_ids(pl.read_parquet(io.BytesIO(db.session.get_one(RunTotals, run_id).data)), scope_ids)


def with_scope_ids(totals: pl.DataFrame, scope_ids: Mapping[tuple[str, str], int]) -> pl.DataFrame:
    """Totals by (provider, scope) as totals by scope id; other scopes are dropped."""
    names = pl.DataFrame(
        [(provider, scope, scope_id) for (provider, scope), scope_id in scope_ids.items()],
        schema={"provider": pl.String, "scope": pl.String, "scope_id": pl.Int64}, orient="row",
    )
    joined = totals.join(names, on=["provider", "scope"], how="inner")
    return joined.select("scope_id", "day", "key", "currency", "amount")


def candidates_of(scope_ids: Iterable[int], without_run: int) -> dict[int, list[Candidate]]:
    """The runs that may decide days of each scope, but for one."""
    found: dict[int, list[Candidate]] = {scope_id: [] for scope_id in scope_ids}
    for part in chunks(found):
        rows = db.session.execute(
            select(RunScope.run_id, RunScope.scope_id, RunScope.first_day, RunScope.last_day, ImportRun.submitted_at,
                   ImportRun.content_hash, ImportRun.feed)
            .join(ImportRun, ImportRun.id == RunScope.run_id)
            .where(among(RunScope.scope_id, part), ImportRun.status.in_(CANDIDATE_STATES),
                   ImportRun.reversed_at.is_(None), ImportRun.id != without_run)
        )
        for row in rows:
            found[row[1]].append(Candidate(*row))
    return found


def posted_totals(scope_ids: Iterable[int], first: date, last: date) -> pl.DataFrame:
    """The usage of scopes as it is known on [first, last], by the grain of U3."""
    known = []
    for part in chunks(scope_ids, SCOPES_AT_ONCE):
        # summed here: a database would sort all rows for it, where mostly each is a total of its own
        facts = bulk_read(
            select(UsageFact.scope_id, UsageFact.day, UsageFact.key_id, UsageFact.currency, UsageFact.amount)
            .where(among(UsageFact.scope_id, part), UsageFact.day >= first, UsageFact.day <= last)
        )
        grain = ("scope_id", "day", "key_id", "currency")
        usage = pl.DataFrame(dict(zip((*grain, "amount"), facts, strict=True)), schema=_FACTS)
        known.append(usage.group_by(grain).agg(pl.col("amount").cast(pl.Int128).sum()))
    posted = pl.concat(known) if known else pl.DataFrame(schema=_FACTS)
    keys: list[Any] = []
    for part in chunks(posted["key_id"].unique()):
        keys += db.session.execute(select(ChargeKey.id, ChargeKey.text).where(among(ChargeKey.id, part))).all()
    texts = pl.DataFrame(keys, schema={"key_id": pl.Int64, "key": pl.String}, orient="row")
    return posted.join(texts, on="key_id").select(pl.col(name).cast(dtype) for name, dtype in TOTALS.items())


def post_run(
    run: ImportRun, changes: pl.DataFrame, cause: str, caller: Caller, scopes: Mapping[int, Scope]
) -> list[Batch]:
    """Posts what the run changes, a batch for each account that it touches, and says anew how fresh its locked scopes
    are. `cause` is "usage" or "reverse". Raises what `book.post` does."""
    moved = _refresh_scopes(scopes)
    changed = [] if changes.is_empty() else changes["scope_id"].unique().to_list()
    drawn_upon, fresher = accounts_ever_of(changed), accounts_ever_of(moved)
    accounts = lock_accounts(drawn_upon | fresher)  # all at once, so in order
    batches: list[Batch] = []
    if changed:
        _add_usage(changes, run.id)
        posted = post([accounts[one] for one in drawn_upon], Cause(cause, f"run:{run.id}", caller.actor))
        batches = list(posted.batches.values())
    note_freshness(fresher)  # not all of them were planned: of some the day of a scope moved and nothing else
    return batches


def _add_usage(changes: pl.DataFrame, run_id: int) -> None:
    """Adds the changes as facts of the run."""
    ids: dict[str, int] = {}
    texts = set(changes["key"].unique())
    for part in chunks(texts):
        ids.update(db.session.execute(
            select(ChargeKey.text, ChargeKey.id).where(ChargeKey.text.in_(part))).all())
    missing = sorted(texts - ids.keys())
    if missing:
        bulk_insert(ChargeKey, ("text",), [(text,) for text in missing])
        for part in chunks(missing):
            ids.update(db.session.execute(
                select(ChargeKey.text, ChargeKey.id).where(ChargeKey.text.in_(part))).all())
    bulk_insert(
        UsageFact,
        ("scope_id", "day", "key_id", "currency", "amount", "run_id"),
        changes.select(
            "scope_id", "day", pl.col("key").replace_strict(ids, return_dtype=pl.Int64), "currency", "amount",
            pl.lit(run_id),
        ).iter_rows(),
    )


def _refresh_scopes(scopes: Mapping[int, Scope]) -> list[int]:
    """Says anew up to which charge day each scope has data, and when its newest data was submitted (U10); the ids of
    those whose day moved. Before accounts are planned, so that what is cached of them has that day."""
    fresh: dict[int, tuple[date | None, datetime]] = {}
    for part in chunks(scopes):
        rows = db.session.execute(
            select(RunScope.scope_id, func.max(RunScope.newest_row_day), func.max(ImportRun.submitted_at))
            .join(ImportRun, ImportRun.id == RunScope.run_id)
            .where(among(RunScope.scope_id, part), ImportRun.status.in_(CANDIDATE_STATES),
                   ImportRun.reversed_at.is_(None))
            .group_by(RunScope.scope_id)
        )
        fresh.update({scope_id: (newest, at) for scope_id, newest, at in rows})
    moved = []
    for scope_id, scope in scopes.items():
        newest, scope.data_at = fresh.get(scope_id, (None, None))
        if newest != scope.newest_charge_day:
            scope.newest_charge_day = newest
            moved.append(scope_id)
    db.session.flush()
    return moved


def uncovered_of(batches: Iterable[Batch], seen: ColumnElement[bool] | None = None) -> dict[str, str]:
    """By how much the batches changed what no lot pays, in each unit; `seen` narrows the startups."""
    sums: dict[str, int] = {}
    for part in chunks(batch.id for batch in batches):
        rows = db.session.execute(
            select(Resource.unit, func.sum(Posting.amount))
            .join(Account, Account.id == Posting.account_id)
            .join(Resource, Resource.id == Account.resource_id)
            .join(Startup, Startup.id == Account.startup_id)
            .where(among(Posting.batch_id, part), Posting.kind == "uncovered", true() if seen is None else seen)
            .group_by(Resource.unit)
        )
        for unit, amount in rows:
            sums[unit] = sums.get(unit, 0) + int(amount)
    return {unit: format_amount(amount, unit_named(unit)) for unit, amount in sorted(sums.items()) if amount}


def waiting(
    changes: Sums, names: Mapping[int, str], owned: Mapping[int, Sequence[Ownership]]
) -> list[dict[str, str]]:
    """The part of the changes that settles nowhere yet: of a scope of nobody, or in another currency (U6, U7).

    `names` and `owned` say what each scope is called and whose it is when.
    """
    changed = {scope_id for scope_id, _, _ in changes}
    units = units_of({own.account_id for scope_id in changed for own in owned[scope_id] if own.account_id})
    rates = known_courses()
    sums: dict[tuple[str, str, str], int] = {}
    for (scope_id, day, currency), amount in changes.items():
        at = day_start(day)
        owner = next((own for own in owned[scope_id] if own.starts <= at < own.ends), None)
        if owner is None or owner.account_id is None:
            why = "the scope belongs to no startup" if not owned[scope_id] else "outside the scope's dates"
        else:
            unit = units[owner.account_id]
            if unit == currency or rates.get((currency, unit), NO_RATES).on(day) is not None:
                continue
            why = f"no rate from {currency} to {unit}"
        place = (names[scope_id], currency, why)
        sums[place] = sums.get(place, 0) + amount
    return [
        {"scope": scope, "currency": currency, "amount": money_text(amount, currency), "why": why}
        for (scope, currency, why), amount in sorted(sums.items())
        if amount
    ]


def known_scopes(owned: Mapping[int, Sequence[Ownership]]) -> set[int]:
    """Those scopes that belong to some startup at some time, given whose each is when."""
    return {scope_id for scope_id, of_scope in owned.items() if of_scope}


def first_report(export: Export, status: str) -> dict[str, Any]:
    """What a run's answer says of the file alone (CONTRACT: section 5)."""
    return {
        "id": None,
        "status": status,
        "files": [{"name": part.name, "rows": part.rows, "bytes": part.bytes, "sha256": part.sha256}
                  for part in export.parts],
        "schema": export.schema,
        "rows": export.rows,
        "counted_rows": export.counted_rows,
        "left_out": [
            {"reason": one.reason, "rows": one.rows,
             "amounts": {currency: decimal_text(amount) for currency, amount in one.amounts.items()}}
            for one in export.left_out
        ],
        "cover": [day.isoformat() for day in export.cover] if export.cover else [],
        "known_scopes": 0,
        "unknown_scopes": [],
        "stale": [],
        "delta": {},
        "waiting": [],
        "uncovered_delta": {},
        "suspicions": [],
        "missing_scopes": [],
        "after_close": [],
        "errors": [],
        "more_errors": 0,
    }


def refused_report(name: str, refusal: FileRefused) -> dict[str, Any]:
    """The answer to a file that is refused whole (CONTRACT: section 5)."""
    empty = Export("", "", (), 0, 0, (), pl.DataFrame(), frozenset(), None, None)
    report = first_report(empty, "refused")
    report["name"] = name
    report["errors"] = [asdict(error) for error in refusal.errors]
    report["more_errors"] = refusal.more
    return report


def decimal_text(amount: Decimal) -> str:
    """A decimal as plain digits without trailing zeros."""
    text = format(amount, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("", "-0") else text


def money_text(steps: int, currency: str) -> str:
    """Steps of a currency as plain digits, or steps as they are where there is no currency."""
    return decimal_text(Decimal(steps) / MONEY_STEPS) if currency else str(steps)


def missing_scopes(run: ImportRun, scope_ids: Iterable[int]) -> list[str]:
    """Scopes that the run before of the same feed had and this one has not: flagged, not zeroed (U4)."""
    before = db.session.scalar(
        select(ImportRun.id)
        .where(ImportRun.feed == run.feed, ImportRun.status.in_(CANDIDATE_STATES), ImportRun.reversed_at.is_(None),
               ImportRun.submitted_at < run.submitted_at, ImportRun.id != run.id)
        .order_by(ImportRun.submitted_at.desc(), ImportRun.id.desc())
        .limit(1)
    )
    if before is None or run.cover_first is None or run.cover_last is None:
        return []
    rows = db.session.execute(
        select(Scope.external_id, Scope.id)
        .join(RunScope, RunScope.scope_id == Scope.id)
        .where(RunScope.run_id == before, RunScope.first_day <= run.cover_last, RunScope.last_day >= run.cover_first)
    )
    has = set(scope_ids)
    return sorted(external_id for external_id, scope_id in rows if scope_id not in has)


def after_close(
    changes: Sums, others: Mapping[int, Sequence[Candidate]], names: Mapping[int, str],
    closes: Mapping[date, datetime],
) -> list[dict[str, str]]:
    """The changes in months that a run submitted after their close had covered before (U4)."""
    sums: dict[tuple[str, str, str], int] = {}
    since = {
        (scope_id, month): [one for one in others.get(scope_id, ()) if one.submitted_at >= closes[month]]
        for scope_id, month in {(scope_id, month_of(day)) for scope_id, day, _ in changes}
    }
    if not any(since.values()):
        return []
    for (scope_id, day, currency), amount in changes.items():
        month = month_of(day)
        if any(one.first <= day <= one.last for one in since[scope_id, month]):
            place = (names[scope_id], month.isoformat()[:7], currency)
            sums[place] = sums.get(place, 0) + amount
    return [
        {"scope": scope, "month": month, "currency": currency, "amount": money_text(amount, currency)}
        for (scope, month, currency), amount in sorted(sums.items())
    ]
