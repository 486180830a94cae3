"""What a startup's own people upload: an export of their own scopes, held until a manager says yes (U12).

It is read and checked like any other. A row of a scope that is not theirs on its day refuses it whole, and nothing is
ever posted before a manager has seen what it would do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import select

from creditsvc.core.days import CLOCKS_DIFFER
from creditsvc.core.errors import Conflict, FileError, FileRefused, RuleBroken
from creditsvc.core.sentences import Sentence
from creditsvc.db import db
from creditsvc.parties import trail
from creditsvc.parties.access import Caller, require_row, require_startup, visible_startups
from creditsvc.parties.models import Startup
from creditsvc.usage.files import Packed, queue_run, source_of_run
from creditsvc.usage.models import ImportRun
from creditsvc.usage.operations import Prepared, apply_run, read_source
from creditsvc.usage.own_scopes import own_scopes
from creditsvc.usage.suspicions import OFFERED, answered_report, kept_report

WAITS = ("queued", "held")
SHOWN = 20
"""How many of a startup's uploads are told, the newest first."""


@dataclass(frozen=True)
class Offer:
    """What a startup uploaded and what became of it; `errors` are why it was refused. Nothing of other scopes."""

    id: int
    name: str
    status: str
    received_at: datetime
    actor: str
    rows: int
    errors: tuple[dict[str, Any], ...]
    more_errors: int


def offer_export(caller: Caller, startup: str, name: str, files: Sequence[Packed]) -> ImportRun:
    """Keeps what a startup's people upload, before anything is parsed, as a run that is queued.

    Raises NotFound("startup"), Forbidden, RuleBroken("files", "no-scope") for a startup without a billing scope, and
    Conflict("files", "waits") while an upload of theirs waits for a manager.
    """
    company = require_startup(caller, "usage.offer", startup, locked=True)
    if not own_scopes(company.id):
        raise RuleBroken(
            "files", "no-scope",
            "no billing scope of yours is known yet: tell the incubator's team your subscription first",
        )
    waits = select(ImportRun.id).where(ImportRun.startup_id == company.id, ImportRun.status.in_(WAITS)).limit(1)
    if db.session.scalar(waits) is not None:
        raise Conflict(
            "files", "waits", "an upload of yours waits for a manager already: withdraw it first, or wait for the yes"
        )
    run = queue_run(caller, name, files)
    run.startup_id = company.id
    db.session.flush()
    trail.record(caller, "usage.offer", f"run:{run.id}", after={"startup": startup, "name": name})
    return run


def read_offer(caller: Caller, run_id: int) -> Prepared:
    """An upload, read and checked whole outside any transaction. Raises FileRefused, Conflict("run", "not-kept")."""
    run = _offer(caller, run_id)
    assert run.startup_id is not None
    own = own_scopes(run.startup_id)
    with TemporaryDirectory(prefix="creditsvc-") as folder:
        prepared = read_source(source_of_run(run_id, Path(folder)), keep_files=False, own=own)
    manifest = prepared.export.manifest
    stated = manifest.submitted_at if manifest is not None else None
    if stated is not None and stated > caller.now + CLOCKS_DIFFER:
        early = Sentence("has not come yet: the manifest states that the export was made then")
        raise FileRefused([FileError(prepared.name, 0, "", stated.isoformat(), early)])
    return prepared


def hold_offer(caller: Caller, run_id: int, prepared: Prepared) -> dict[str, Any]:
    """Holds a checked upload for a manager, with what it would change; nothing is posted. Raises as `offer_export`."""
    run = _offer(caller, run_id)
    assert run.status in WAITS
    return apply_run(caller, prepared, run_id=run_id, held_for=OFFERED)


def refuse_offer(caller: Caller, run_id: int, refusal: FileRefused) -> None:
    """Marks an upload as refused, with the reasons."""
    run = _offer(caller, run_id)
    if run.status == "queued":
        run.status = "refused"
        run.report = kept_report({
            "id": run.id, "name": run.name, "status": "refused", "more_errors": refusal.more,
            "errors": [
                {"file": error.file, "line": error.line, "column": error.column, "value": error.value,
                 "message": error.message, "place": error.place}
                for error in refusal.errors
            ],
        })
        db.session.flush()


def withdraw_offer(caller: Caller, run_id: int) -> None:
    """Takes an upload back that waits; repeating it changes nothing.

    Raises NotFound("run"), Forbidden, Conflict("run", "not-open") once a manager has decided.
    """
    run = _offer(caller, run_id)
    if run.status == "discarded":
        return
    if run.status not in WAITS:
        raise Conflict("run", "not-open", "a manager has decided on this upload already: ask them to take it back")
    trail.record(caller, "usage.discard", f"run:{run.id}", before={"status": run.status})
    run.status = "discarded"
    db.session.flush()


def offers_of(caller: Caller, startup: str) -> list[Offer]:
    """The newest uploads of a startup's people. Raises NotFound("startup"), Forbidden."""
    company = require_startup(caller, "startup.see", startup)
    runs = db.session.scalars(
        select(ImportRun).where(ImportRun.startup_id == company.id).order_by(ImportRun.id.desc()).limit(SHOWN)
    )
    return [
        Offer(
            run.id, run.name, "reversed" if run.reversed_at else run.status, run.received_at, run.actor, run.rows,
            tuple(answered_report(run.report).get("errors", ())), run.report.get("more_errors", 0),
        )
        for run in runs
    ]


def offered_by(caller: Caller, run: ImportRun) -> Startup | None:
    """The startup whose people uploaded a run, where it was one and the caller may see it."""
    if run.startup_id is None:
        return None
    return db.session.scalar(select(Startup).where(Startup.id == run.startup_id, visible_startups(caller)))


def _offer(caller: Caller, run_id: int) -> ImportRun:
    """The upload of that number, locked and read fresh, if the caller's startup made it."""
    return require_row(caller, "usage.offer", ImportRun, run_id, "run")[0]
