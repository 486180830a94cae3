"""Import runs: cost exports uploaded, tried out, applied, confirmed, taken back."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import Response, url_for
from marshmallow import ValidationError
from werkzeug.datastructures import FileStorage

from creditsvc.api.paging import id_cursor, page
from creditsvc.api.problems import refused_file
from creditsvc.api.routes import get, new_blueprint, post
from creditsvc.api.schemas import NothingSchema
from creditsvc.api.tokens import current_caller
from creditsvc.api.usage_schemas import (
    ApplySchema,
    ReversalSchema,
    RunListSchema,
    RunQuerySchema,
    RunSchema,
    UploadSchema,
)
from creditsvc.api.writes import answered_before, write_once, write_or_try
from creditsvc.core.amounts import format_amount
from creditsvc.core.days import as_of_instant, instant_text
from creditsvc.core.errors import Conflict, FileRefused
from creditsvc.core.file_names import file_name
from creditsvc.db import MAX_ID
from creditsvc.parties.access import Caller, require
from creditsvc.parties.once import Answer
from creditsvc.usage.effects import Effect, effects_of
from creditsvc.usage.files import pack
from creditsvc.usage.models import ImportRun
from creditsvc.usage.operations import (
    apply_run,
    confirm_run,
    discard_run,
    read_kept,
    read_source,
    receive_upload,
    record_refusal,
    reverse_run,
)
from creditsvc.usage.readers.source import MANIFEST_NAMES, Part, source_of_files
from creditsvc.usage.reading import find_run, list_runs
from creditsvc.usage.reports import report_for

RUN = f"<int(max={MAX_ID}):run_id>"

blueprint = new_blueprint("usage_runs", "Import runs of cost exports.")


@get(blueprint, "/usage-runs", query=RunQuerySchema, answers=RunListSchema)
def list_usage_runs(query: dict[str, Any]) -> dict[str, Any]:
    """The import runs, newest first."""
    found = list_runs(
        current_caller(), limit=query["limit"] + 1, before=id_cursor(query.get("after")), status=query.get("status")
    )
    return page(found, query["limit"], _head, lambda run: str(run.id))


@get(blueprint, f"/usage-runs/{RUN}", answers=RunSchema)
def get_usage_run(run_id: int) -> dict[str, Any]:
    """One import run with its report."""
    caller = current_caller()
    return shown(caller, find_run(caller, run_id))


@post(
    blueprint, "/usage-runs", scope="import", body=UploadSchema, answers=RunSchema, status=201, also=(200,),
    location="multipart",
    next_steps={"get_usage_run": "run_id", "confirm_usage_run": "run_id", "discard_usage_run": "run_id",
                "reverse_usage_run": "run_id"},
)
def upload_usage(body: dict[str, Any]) -> Response:
    """Imports one cost export: a file (CSV, gzip or Parquet), the files of a manifest with it, or a zip of either.

    A file that is refused is kept as a refused run. A dry run tells what would happen (200) and keeps nothing.
    """
    caller = current_caller()
    require(caller, "usage.import")
    before = None if body["dry_run"] else answered_before()
    if before is not None:
        return before
    submitted_at = as_of_instant(body["submitted_at"], "submitted_at") if "submitted_at" in body else None
    with TemporaryDirectory(prefix="creditsvc-") as folder:
        parts = _saved(body["files"], Path(folder))
        name = parts[0].name if len(parts) == 1 else f"{parts[0].name} and {len(parts) - 1} more"
        try:
            source = source_of_files(name, [part for part in parts if not _is_manifest(part)], _manifest(parts))
            prepared = read_source(source, keep_files=not body["dry_run"])
        except FileRefused as refusal:
            if body["dry_run"]:
                raise
            return _refuse(caller, name, parts, refusal)

    def act() -> Answer:
        report = apply_run(caller, prepared, submitted_at=submitted_at, confirm=body["confirm"])
        run = find_run(caller, report["id"])
        if body["dry_run"]:
            return Answer(200, shown(caller, run, dry_run=True))
        return Answer(201, shown(caller, run), url_for("api_usage_runs.get_usage_run", run_id=run.id))

    return write_or_try(act, dry_run=body["dry_run"])


@post(blueprint, f"/usage-runs/{RUN}/apply", scope="import", body=ApplySchema, answers=RunSchema, required=False)
def apply_usage_run(body: dict[str, Any], run_id: int) -> Response:
    """Applies a run that was uploaded on a page and waits; a suspicious one is held unless `confirm` says yes at once.

    A dry run tells what would happen. Files that are refused by now make it a refused run. One that is held is
    confirmed instead (409, as for one that was refused or discarded); one that was applied answers with its report.
    """
    caller = current_caller()
    require(caller, "usage.import")
    status = find_run(caller, run_id).status
    before = None if body["dry_run"] else answered_before()
    if before is not None:
        return before
    if status in ("held", "refused", "discarded"):
        raise Conflict("run", "not-queued", "run %(run)s is %(status)s, not queued", run=run_id, status=status)
    if status != "queued":
        return write_or_try(lambda: Answer(200, shown(caller, find_run(caller, run_id))), dry_run=body["dry_run"])
    try:
        prepared = read_kept(run_id)
    except FileRefused as refusal:
        if body["dry_run"]:
            raise
        return _refuse_kept(caller, run_id, refusal)

    def act() -> Answer:
        apply_run(caller, prepared, run_id=run_id, confirm=body["confirm"])
        return Answer(200, shown(caller, find_run(caller, run_id), dry_run=body["dry_run"]))

    return write_or_try(act, dry_run=body["dry_run"])


@post(
    blueprint, f"/usage-runs/{RUN}/confirm", scope="import", body=NothingSchema, answers=RunSchema, required=False
)
def confirm_usage_run(body: dict[str, Any], run_id: int) -> Response:
    """Says yes to a run that is held: it is decided anew, as things stand now, and posted."""
    caller = current_caller()

    def act() -> Answer:
        confirm_run(caller, run_id)
        return Answer(200, shown(caller, find_run(caller, run_id)))

    return write_once(act)


@post(
    blueprint, f"/usage-runs/{RUN}/discard", scope="import", body=NothingSchema, answers=RunSchema, required=False
)
def discard_usage_run(body: dict[str, Any], run_id: int) -> Response:
    """Gives up a run that is queued or held: it never counts, and its file may be imported again."""
    caller = current_caller()

    def act() -> Answer:
        discard_run(caller, run_id)
        return Answer(200, shown(caller, find_run(caller, run_id)))

    return write_once(act)


@post(
    blueprint, f"/usage-runs/{RUN}/reverse", scope="import", body=NothingSchema, answers=ReversalSchema, required=False
)
def reverse_usage_run(body: dict[str, Any], run_id: int) -> Response:
    """Takes a run back whole: its days fall back to the next newest run."""
    caller = current_caller()
    return write_once(lambda: Answer(200, reverse_run(caller, run_id)))


def _saved(files: Sequence[Any], folder: Path) -> list[Part]:
    """The uploaded files, written where the readers can read them again and again."""
    parts = []
    for number, file in enumerate(files):
        if not isinstance(file, FileStorage) or not file.filename:
            raise ValidationError({"files": ["Send each as a file with its name."]})
        path = folder / f"{number:06d}"
        file.save(path)
        parts.append(Part(file_name(file.filename, "export.csv"), path))
    if sum(map(_is_manifest, parts)) > 1:
        raise ValidationError({"files": ["Send the files of one export: there is more than one manifest."]})
    return parts


def _is_manifest(part: Part) -> bool:
    return part.name in MANIFEST_NAMES


def _manifest(parts: Sequence[Part]) -> bytes | None:
    return next((part.path.read_bytes() for part in parts if _is_manifest(part)), None)


def _refuse(caller: Caller, name: str, parts: Sequence[Part], refusal: FileRefused) -> Response:
    """Keeps the refused run with its files, and the refusal as the answer to this key."""
    packed = []
    for part in parts:
        with part.path.open("rb") as stream:
            packed.append(pack(part.name, stream))

    def act() -> Answer:
        return _refused(caller, receive_upload(caller, name[:300], packed).id, refusal)

    return write_once(act)


def _refuse_kept(caller: Caller, run_id: int, refusal: FileRefused) -> Response:
    return write_once(lambda: _refused(caller, run_id, refusal))


def _refused(caller: Caller, run_id: int, refusal: FileRefused) -> Answer:
    record_refusal(caller, run_id, refusal)
    return Answer(422, {**refused_file(refusal), "run": run_id})


def _head(run: ImportRun) -> dict[str, Any]:
    cover = [day.isoformat() for day in (run.cover_first, run.cover_last) if day is not None]
    return {
        "id": run.id,
        "status": run.status,
        "name": run.name,
        "schema": run.schema,
        "rows": run.rows,
        "cover": cover,
        "submitted_at": instant_text(run.submitted_at),
        "received_at": instant_text(run.received_at),
        "received_from": run.actor,
        "reversed_at": instant_text(run.reversed_at),
        "reversed_by": run.reversed_by,
    }


def shown(caller: Caller, run: ImportRun, *, dry_run: bool = False) -> dict[str, Any]:
    """A run as JSON: its report and what it did, as far as the caller may see scopes and accounts, and what it is."""
    effects = [_shown_effect(effect) for effect in effects_of(caller, run.id)]
    whole = {**report_for(caller, run.report), **_head(run), "effects": effects, "dry_run": dry_run}
    return {**whole, "id": None} if dry_run else whole


def _shown_effect(effect: Effect) -> dict[str, Any]:
    return {
        "startup": effect.startup,
        "resource": effect.resource,
        "unit": effect.unit.name,
        "drawn": format_amount(effect.drawn, effect.unit),
        "uncovered": format_amount(effect.uncovered, effect.unit),
        "uncredited_refund": format_amount(effect.uncredited, effect.unit),
    }
