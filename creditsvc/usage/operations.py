"""Importing usage: read outside the transaction, decided and posted inside it, taken back whole (U4 to U10)."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
from sqlalchemy import select

from creditsvc.columns import bulk_insert
from creditsvc.core.errors import Conflict, FileError, FileRefused, NotFound, RuleBroken, refusal_for
from creditsvc.core.sentences import Sentence
from creditsvc.db import db, is_id
from creditsvc.ledger.facts import ownerships_of
from creditsvc.ledger.locks import lock_scopes
from creditsvc.ledger.models import Batch, Scope
from creditsvc.parties import trail
from creditsvc.parties.access import Caller, require
from creditsvc.usage import imports
from creditsvc.usage.decide import (
    NO_TOTALS,
    Candidate,
    Sums,
    by_currency,
    by_day,
    closed_at,
    covers_less,
    deciders,
    deltas,
    month_after,
    month_of,
    takes_away_much,
)
from creditsvc.usage.files import Packed, keep, pack_source, queue_run, source_of_run
from creditsvc.usage.models import ImportFile, ImportRun, RunScope, RunTotals
from creditsvc.usage.own_scopes import check_still_own
from creditsvc.usage.readers.own import OwnScopes
from creditsvc.usage.readers.read import read_export
from creditsvc.usage.readers.source import Source
from creditsvc.usage.readers.totals import Export
from creditsvc.usage.reading import visible_runs
from creditsvc.usage.reversal import fall_back, reversal_report
from creditsvc.usage.suspicions import answered_report, covers_fewer, kept_report, takes_away

MOST_SCOPE, MOST_KEY, MOST_NAME = 200, 500, 300
"""The longest scope id, charge key and file name that are kept, in characters."""


@dataclass(frozen=True)
class Prepared:
    """An export read whole and checked, ready to be decided upon; `files` are packed to be kept, or None."""

    name: str
    export: Export
    content_hash: str
    files: tuple[Packed, ...] | None


@dataclass
class _Decision:
    """What a run would change. `stale` has the days on which newer data stands that says something else, and
    `standing_days` counts the others: those that the run decides, or another run of the same content."""

    changes: pl.DataFrame
    sums: Sums
    stale: dict[int, list[date]]
    standing_days: int
    others: Mapping[int, Sequence[Candidate]]
    suspicions: list[Sentence] = field(default_factory=list)


def read_source(
    source: Source, *, keep_files: bool = True, progress: Callable[[int, int], None] | None = None,
    own: OwnScopes | None = None,
) -> Prepared:
    """Reads and checks an export whole, outside any transaction; with `own` it speaks of those scopes alone.

    Raises FileRefused.
    """
    export = read_export(source, imports.settle_units(), progress=progress, own=own)
    _check_lengths(source.name, export)
    content = hashlib.sha256("\n".join(part.sha256 for part in export.parts).encode("ascii")).hexdigest()
    return Prepared(source.name, export, content, tuple(pack_source(source, export.parts)) if keep_files else None)


def read_kept(run_id: int) -> Prepared:
    """A run's kept files, read and checked whole. Raises FileRefused, Conflict("run", "not-kept")."""
    with TemporaryDirectory(prefix="creditsvc-") as folder:
        return read_source(source_of_run(run_id, Path(folder)), keep_files=False)


def _check_lengths(name: str, export: Export) -> None:
    """Names that no provider makes so long are refused here, where a database would refuse them without a name."""
    long = [scope for _, scope in export.scopes if len(scope) > MOST_SCOPE]
    long += export.totals.filter(pl.col("key").str.len_chars() > MOST_KEY)["key"].unique().to_list()
    if long:
        wrong = Sentence("is too long for a name")
        raise refusal_for(FileError(name, 0, "", text[:80] + "…", wrong) for text in sorted(long))


def receive_upload(caller: Caller, name: str, files: Sequence[Packed]) -> ImportRun:
    """Keeps uploaded files, before anything is parsed, as a run that is queued."""
    require(caller, "usage.import")
    return queue_run(caller, name, files)


def record_refusal(caller: Caller, run_id: int, refusal: FileRefused) -> dict[str, Any]:
    """Marks a queued run as refused, with the reasons. Raises Conflict("run", "not-queued") for any other."""
    require(caller, "usage.import")
    run = _locked_run(caller, run_id)
    if run.status == "refused":
        return answered_report(run.report)
    if run.status != "queued":
        raise Conflict("run", "not-queued", "run %(run)s is %(status)s, not queued", run=run.id, status=run.status)
    run.status = "refused"
    report = {**imports.refused_report(run.name, refusal), "id": run.id}
    run.report = kept_report(report)
    return report


def discard_run(caller: Caller, run_id: int) -> None:
    """Gives up a queued or held run: it never counts, and its file may be imported again."""
    require(caller, "usage.import")
    run = _locked_run(caller, run_id)
    if run.status not in ("queued", "held"):
        raise Conflict("run", "not-open", "run %(run)s is %(status)s: only a queued or held run can be discarded",
                       run=run.id, status=run.status)
    trail.record(caller, "usage.discard", f"run:{run.id}", before={"status": run.status})
    run.status = "discarded"


def apply_run(
    caller: Caller,
    prepared: Prepared,
    *,
    submitted_at: datetime | None = None,
    confirm: bool = False,
    run_id: int | None = None,
    held_for: Sentence | None = None,
) -> dict[str, Any]:
    """Decides what the export changes and posts the difference, in the door's transaction; gives the run's report.

    `run_id` names a queued or held run that this is the content of; a held run of the same content is taken up by
    itself when `confirm` says yes. A run that is applied already gives its report again (L13). `held_for` holds it in
    any case, and says why: nothing is posted then, and whether the caller may ask for it has been asked before.
    """
    if not held_for:
        require(caller, "usage.import")
    _check_submitted(caller, submitted_at or _stated_at(prepared))
    run = _run_for(caller, prepared, submitted_at, confirm, run_id)
    if run.status not in ("queued", "held"):
        return answered_report(run.report)
    if run.startup_id is not None and not held_for:
        raise Conflict("run", "confirm", "run %(run)s is a startup's upload: say yes to what was checked", run=run.id)
    export = prepared.export
    run.schema, run.feed, run.rows = export.schema, _feed(export), export.rows
    run.cover_first, run.cover_last = export.cover or (None, None)
    scopes = lock_scopes(export.scopes)
    ids = {pair: scope.id for pair, scope in scopes.items()}
    totals = imports.with_scope_ids(export.totals, ids)
    if run.status == "queued":
        _remember(run, prepared, ids)
    decision = _decide(run, totals, sorted(ids.values()))
    report = imports.first_report(export, run.status)
    names = {scope.id: scope.external_id for scope in scopes.values()}
    if held_for:
        decision.suspicions.append(held_for)
    if decision.suspicions and not confirm:
        run.status = "held"
        batches: list[Batch] = []
    else:
        run.status = _status(decision)
        of_ids = {scope.id: scope for scope in scopes.values()}
        batches = imports.post_run(run, decision.changes, "usage", caller, of_ids)
    _fill(report, run, decision, names, batches)
    run.report = kept_report(report)
    trail.record(caller, "usage.import", f"run:{run.id}", after={"status": run.status, "delta": report["delta"]})
    db.session.flush()
    return report


def _stated_at(prepared: Prepared) -> datetime | None:
    """When the export's manifest says that it was submitted."""
    return prepared.export.manifest.submitted_at if prepared.export.manifest else None


def _check_submitted(caller: Caller, submitted_at: datetime | None) -> None:
    if submitted_at is not None and submitted_at > caller.now + timedelta(days=1):
        raise RuleBroken(
            "submitted_at", "in-future", "%(at)s is in the future: that run would decide over all that come after it",
            at=submitted_at.isoformat(),
        )


def _run_for(
    caller: Caller, prepared: Prepared, submitted_at: datetime | None, confirm: bool, run_id: int | None
) -> ImportRun:
    if run_id is not None:
        run = _locked_run(caller, run_id)
    else:
        held_id = _held_of(prepared, submitted_at or _stated_at(prepared)) if confirm else None
        if held_id is not None:
            return _locked_run(caller, held_id)
        run = ImportRun(
            status="queued", name=prepared.name[:MOST_NAME], content_hash=prepared.content_hash,
            submitted_at=caller.now, received_at=caller.now, actor=caller.actor, report={},
        )
        db.session.add(run)
        db.session.flush()
        if prepared.files is not None:
            keep(run, prepared.files, _rows_of_files(prepared.export, len(prepared.files)))
    if run.status == "queued":
        run.submitted_at = submitted_at or _stated_at(prepared) or run.submitted_at
        run.content_hash = prepared.content_hash
    return run


def _rows_of_files(export: Export, files: int) -> list[int]:
    """The rows of each file that is kept: one file, of however many parts, has them all."""
    return [export.rows] if files == 1 else [part.rows for part in export.parts]


def _held_of(prepared: Prepared, submitted_at: datetime | None) -> int | None:
    """The newest held run of this content, and submitted at that instant where one is stated: a later export that
    says the same again is a run of its own."""
    held = select(ImportRun.id).where(
        ImportRun.content_hash == prepared.content_hash, ImportRun.status == "held", ImportRun.startup_id.is_(None)
    )
    if submitted_at is not None:
        held = held.where(ImportRun.submitted_at == submitted_at)
    return db.session.scalar(held.order_by(ImportRun.id.desc()).limit(1))


def _feed(export: Export) -> str:
    """The feed's name, or its hash where many accounts make it longer than is kept."""
    return export.feed if len(export.feed) <= MOST_NAME else hashlib.sha256(export.feed.encode()).hexdigest()


def _locked_run(caller: Caller, run_id: int) -> ImportRun:
    found = select(ImportRun).where(ImportRun.id == run_id, visible_runs(caller)).with_for_update(of=ImportRun)
    run = db.session.scalar(found.execution_options(populate_existing=True)) if is_id(run_id) else None
    if run is None:
        raise NotFound("run", str(run_id))
    return run


def _remember(run: ImportRun, prepared: Prepared, ids: Mapping[tuple[str, str], int]) -> None:
    """Keeps what the run covers and says, so that it can decide later and be fallen back on (U9)."""
    export = prepared.export
    db.session.add(RunTotals(run_id=run.id, data=imports.pack_totals(export.totals)))
    rows = {part.name: part.rows for part in export.parts}
    files = db.session.scalars(select(ImportFile).where(ImportFile.run_id == run.id)).all()
    for file in files:
        file.rows = export.rows if len(files) == 1 else rows.get(file.name, file.rows)
    db.session.flush()
    if export.cover is None:
        return
    first, last = export.cover
    newest = {
        (provider, scope): day
        for provider, scope, day in export.totals.group_by("provider", "scope").agg(pl.col("day").max()).iter_rows()
    }
    bulk_insert(
        RunScope,
        ("run_id", "scope_id", "first_day", "last_day", "newest_row_day"),
        [(run.id, scope_id, first, last, newest.get(pair)) for pair, scope_id in ids.items()],
    )


def _decide(run: ImportRun, totals: pl.DataFrame, scope_ids: Sequence[int]) -> _Decision:
    if run.cover_first is None or run.cover_last is None:
        return _Decision(NO_TOTALS, {}, {}, 0, {})
    first, last = run.cover_first, run.cover_last
    others = imports.candidates_of(scope_ids, run.id)
    decided: dict[int, list[date]] = {}
    stale: dict[int, list[date]] = {}
    suspicions = []
    standing_days = 0
    for scope_id in scope_ids:
        own = Candidate(run.id, scope_id, first, last, run.submitted_at, run.content_hash, run.feed)
        by = deciders([*others[scope_id], own], first, last)
        decided[scope_id] = [day for day, run_id in by.items() if run_id == run.id]
        # an export that is asked for twice may be overtaken by itself: what it says stands then
        same = {run.id, *(one.run_id for one in others[scope_id] if one.content_hash == run.content_hash)}
        overtaken = [day for day, run_id in by.items() if run_id not in same]
        standing_days += len(by) - len(overtaken)
        if overtaken:
            stale[scope_id] = overtaken
        for month, before, now in covers_less(own, others[scope_id]):
            suspicions.append(covers_fewer(month, before, now))
    # whole months, since suspicion asks what is posted for a scope and month
    posted = imports.posted_totals(scope_ids, month_of(first), month_after(last) - timedelta(days=1))
    changes = deltas(totals, posted, decided)
    sums = by_day(changes)
    for scope_id, month, currency, before_steps, change in takes_away_much(changes, posted):
        scope = db.session.get_one(Scope, scope_id)
        suspicions.append(takes_away(scope.external_id, month, currency, before_steps, change))
    return _Decision(changes, sums, stale, standing_days, others, sorted(set(suspicions)))


def _status(decision: _Decision) -> str:
    if decision.sums:
        return "applied"
    return "stale" if decision.stale and not decision.standing_days else "unchanged"


def _fill(
    report: dict[str, Any], run: ImportRun, decision: _Decision, names: Mapping[int, str], batches: Sequence[Batch]
) -> None:
    owned = ownerships_of(names)
    known = imports.known_scopes(owned)
    months = {month_of(day) for day in {day for _, day, _ in decision.sums}}
    closes = {month: closed_at(month) for month in months}
    report.update(
        id=run.id,
        name=run.name,
        status=run.status,
        submitted_at=run.submitted_at.isoformat(),
        known_scopes=len(known),
        unknown_scopes=sorted(name for scope_id, name in names.items() if scope_id not in known),
        stale=[{"scope": names[scope_id], "days": [day.isoformat() for day in stale]}
               for scope_id, stale in sorted(decision.stale.items(), key=lambda item: names[item[0]])],
        delta={currency: imports.decimal_text(amount) for currency, amount in by_currency(decision.sums).items()},
        waiting=imports.waiting(decision.sums, names, owned),
        uncovered_delta=imports.uncovered_of(batches),
        suspicions=decision.suspicions,
        missing_scopes=imports.missing_scopes(run, names),
        after_close=imports.after_close(decision.sums, decision.others, names, closes),
    )


def confirm_run(caller: Caller, run_id: int) -> dict[str, Any]:
    """A manager's yes to a held run (U5): it is decided anew, as things stand now, and posted."""
    require(caller, "usage.import")
    run = _locked_run(caller, run_id)
    if run.status != "held":
        raise Conflict("run", "not-held", "run %(run)s is %(status)s, not held", run=run.id, status=run.status)
    check_still_own(run)
    scopes = _locked_scopes_of(run)
    ids = {(scope.provider, scope.external_id): scope.id for scope in scopes.values()}
    decision = _decide(run, imports.totals_of_run(run.id, ids), sorted(scopes))
    run.status = _status(decision)
    batches = imports.post_run(run, decision.changes, "usage", caller, scopes)
    report = answered_report(run.report)
    _fill(report, run, decision, {scope.id: scope.external_id for scope in scopes.values()}, batches)
    run.report = kept_report(report)
    trail.record(caller, "usage.confirm", f"run:{run.id}", after={"status": run.status, "delta": report["delta"]})
    db.session.flush()
    return report


def reverse_run(caller: Caller, run_id: int, reason: str = "") -> dict[str, Any]:
    """Takes an import back whole (U9): its days fall back to the next newest run. Repeating it changes nothing.

    `reason` stands in the trail. Raises Forbidden, NotFound, Conflict("run", "nothing-to-reverse").
    """
    require(caller, "usage.import")
    run = _locked_run(caller, run_id)
    if run.reversed_at is not None:
        return reversal_report(caller, run, NO_TOTALS, [])
    if run.status not in imports.CANDIDATE_STATES:
        raise Conflict("run", "nothing-to-reverse", "run %(run)s is %(status)s: it posted nothing",
                       run=run.id, status=run.status)
    scopes = _locked_scopes_of(run)
    run.reversed_at, run.reversed_by = caller.now, caller.actor
    db.session.flush()
    changes = fall_back(run, scopes)
    batches = imports.post_run(run, changes, "reverse", caller, scopes)
    after = {"reason": reason} if reason else None
    trail.record(caller, "usage.reverse", f"run:{run.id}", before={"status": run.status}, after=after)
    db.session.flush()
    return reversal_report(caller, run, changes, batches)


def _locked_scopes_of(run: ImportRun) -> dict[int, Scope]:
    pairs = db.session.execute(
        select(Scope.provider, Scope.external_id)
        .join(RunScope, RunScope.scope_id == Scope.id)
        .where(RunScope.run_id == run.id)
    ).all()
    return {scope.id: scope for scope in lock_scopes(pairs).values()}
