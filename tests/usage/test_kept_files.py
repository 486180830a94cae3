"""Files are kept, so that the rows behind a figure can be read again; an upload that waits is applied once."""

import gzip
import hashlib
import io
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from flask import Flask
from polars.testing import assert_frame_equal
from sqlalchemy import func, select

from creditsvc.config import Config
from creditsvc.core.errors import Conflict, FileError, FileRefused
from creditsvc.db import db, transaction
from creditsvc.jobs import nightly
from creditsvc.jobs.nightly import run_night
from creditsvc.ledger.models import UsageFact
from creditsvc.parties.access import operator
from creditsvc.parties.models import TrailEntry
from creditsvc.usage import files
from creditsvc.usage.files import KEPT_FOR, drop_old_pieces, pack, source_of_run
from creditsvc.usage.models import FilePiece, ImportFile, ImportRun
from creditsvc.usage.operations import (
    Prepared,
    apply_run,
    read_source,
    receive_upload,
    record_refusal,
)
from creditsvc.usage.readers.source import open_source
from tests.conftest import NOW, ROOT
from tests.dumping import dump
from tests.ledger.books import START
from tests.processes import quick_processes
from tests.usage.importing import assign
from tests.usage.queued_upload import apply_at_once, apply_upload
from tests.usage.scenes import SCOPE, differences, drawn, export, make_startups

OWN = ROOT / "tests" / "data" / "usage"


@pytest.fixture(autouse=True)
def startups(app: Flask) -> None:
    """A startup with a subscription."""
    make_startups("acme")
    assign(SCOPE, "acme", START, NOW)


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces so small that every file has several."""
    monkeypatch.setattr(files, "PIECE_BYTES", 100)


@pytest.fixture
def little_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound so low that every file is too large for the table."""
    monkeypatch.setattr(files, "KEPT_BYTES", 20)


def import_prepared(prepared: Prepared) -> int:
    """Applies what was read; the run's id."""
    run_id: int = transaction(lambda: apply_run(operator(NOW), prepared))["id"]
    return run_id


def read_again(run_id: int, folder: Path) -> Prepared:
    """The run's kept files, read from a folder of their own."""
    folder.mkdir()
    return read_source(source_of_run(run_id, folder), keep_files=False)


def upload(name: str, content: bytes) -> int:
    """Receives an upload of one file; the id of the run that waits."""
    packed = [pack(name, io.BytesIO(content))]
    run_id: int = transaction(lambda: receive_upload(operator(NOW), name, packed).id)
    return run_id


def pieces() -> int:
    return db.session.scalar(select(func.count()).select_from(FilePiece)) or 0


@pytest.mark.parametrize("name", ["ea-actual.csv", "ea-actual.csv.gz", "export-2021", "export-2024"])
def test_kept_files_read_again_give_what_they_gave(small_pieces: None, tmp_path: Path, name: str) -> None:
    prepared = read_source(open_source(OWN / name))

    run_id = import_prepared(prepared)

    again = read_again(run_id, tmp_path / "again")
    assert_frame_equal(again.export.totals, prepared.export.totals)
    assert (again.export.cover, again.export.feed) == (prepared.export.cover, prepared.export.feed)
    assert (again.export.manifest, again.content_hash) == (prepared.export.manifest, prepared.content_hash)
    kept = db.session.execute(
        select(ImportFile.name, ImportFile.rows, ImportFile.bytes, ImportFile.sha256, ImportFile.kept)
        .order_by(ImportFile.position)
    ).all()
    parts = prepared.export.parts
    assert kept[: len(parts)] == [(part.name, part.rows, part.bytes, part.sha256, "pieces") for part in parts]
    assert [Path(row[0]).suffix for row in kept[len(parts) :]] == ([".json"] if "export" in name else [])
    assert pieces() > len(kept)


@pytest.mark.parametrize("comes", ["plain", "gzip"])
def test_a_large_file_is_kept_by_its_path_and_read_from_there(
    little_is_kept: None, tmp_path: Path, comes: str
) -> None:
    path = export(tmp_path, {1: "30"})
    if comes == "gzip":
        path.write_bytes(gzip.compress(path.read_bytes()))
    prepared = read_source(open_source(path))

    run_id = import_prepared(prepared)

    file = db.session.execute(select(ImportFile)).scalar_one()
    assert (file.kept, file.path, pieces()) == ("path", str(path.resolve()), 0)
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert_frame_equal(read_again(run_id, tmp_path / "again").export.totals, prepared.export.totals)


@pytest.mark.parametrize("fate", ["changed", "gone"])
def test_a_large_file_that_is_not_what_it_was_is_refused(little_is_kept: None, tmp_path: Path, fate: str) -> None:
    path = export(tmp_path, {1: "30"})
    run_id = import_prepared(read_source(open_source(path)))
    path.unlink()
    if fate == "changed":
        export(tmp_path, {1: "31"}).rename(path)

    with pytest.raises(Conflict, match="no longer") as refusal:
        read_again(run_id, tmp_path / "again")

    assert (refusal.value.field, refusal.value.code) == ("run", "not-kept")


def test_an_upload_that_is_too_large_to_keep_is_refused_by_name(little_is_kept: None) -> None:
    before = dump()

    with pytest.raises(Conflict) as refusal:
        upload("june.csv", b"x" * 5000 + bytes(range(256)))

    assert (refusal.value.field, refusal.value.code) == ("files", "too-large")
    assert "june.csv" in str(refusal.value)
    assert dump() == before


def test_files_that_were_not_to_be_kept_are_not(tmp_path: Path) -> None:
    run_id = import_prepared(read_source(open_source(export(tmp_path, {1: "30"})), keep_files=False))

    with pytest.raises(FileRefused, match="no file"):
        read_again(run_id, tmp_path / "again")

    assert (pieces(), drawn()) == (0, "30")


def test_a_kept_piece_that_was_changed_is_found(tmp_path: Path) -> None:
    run_id = import_prepared(read_source(open_source(export(tmp_path, {1: "30"}))))
    other = pack("other.csv", io.BytesIO(b"another content")).pieces
    assert other is not None
    transaction(lambda: setattr(db.session.scalars(select(FilePiece)).one(), "data", other[0]))

    with pytest.raises(Conflict) as refusal:
        read_again(run_id, tmp_path / "again")

    assert refusal.value.code == "not-kept"


def test_the_content_of_files_is_forgotten_after_24_months_and_their_hashes_stay(
    small_pieces: None, tmp_path: Path
) -> None:
    run_id = import_prepared(read_source(open_source(export(tmp_path, {1: "30"}))))
    before = db.session.execute(select(ImportFile.name, ImportFile.sha256, ImportFile.rows)).all()

    young = transaction(lambda: drop_old_pieces(NOW + KEPT_FOR))
    kept = pieces()
    old = transaction(lambda: drop_old_pieces(NOW + KEPT_FOR + timedelta(seconds=1)))
    again = transaction(lambda: drop_old_pieces(NOW + KEPT_FOR + timedelta(seconds=1)))

    assert (young, old, again) == (0, 1, 0)
    assert (kept > 1, pieces()) == (True, 0)
    assert db.session.execute(select(ImportFile.name, ImportFile.sha256, ImportFile.rows)).all() == before
    with pytest.raises(Conflict) as refusal:
        read_again(run_id, tmp_path / "again")
    assert refusal.value.code == "not-kept"
    assert (drawn(), differences()) == ("30", [])


def test_the_night_forgets_the_content_that_was_kept_long_enough(
    app: Flask, small_pieces: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (1, 2, 3):
        import_prepared(read_source(open_source(export(tmp_path, {day: "30"}))))
    monkeypatch.setattr(nightly, "drop_old_pieces", partial(drop_old_pieces, at_most=2))
    config = app.config["CREDITSVC"]

    run_night(config, NOW + KEPT_FOR - timedelta(days=1))
    kept = pieces()
    run_night(config, NOW + KEPT_FOR + timedelta(days=1))

    assert (kept > 3, pieces()) == (True, 0)
    assert set(db.session.scalars(select(ImportFile.kept))) == {"no"}


def test_an_upload_is_kept_before_it_is_read_and_applied_once(small_pieces: None, tmp_path: Path) -> None:
    content = gzip.compress(export(tmp_path, {1: "30"}).read_bytes())

    run_id = upload("june.csv.gz", content)

    waiting = db.session.get_one(ImportRun, run_id)
    assert (waiting.status, pieces() > 1, drawn()) == ("queued", True, "0")
    first = apply_upload(run_id)
    assert (first["id"], first["status"], drawn()) == (run_id, "applied", "30")
    before = dump()
    assert apply_upload(run_id) == first
    assert dump() == before


def test_an_upload_that_cannot_be_read_is_refused_once_with_its_faults(tmp_path: Path) -> None:
    run_id = upload("june.csv", b"no,csv,of,ours\n")
    with pytest.raises(FileRefused) as refusal:
        apply_upload(run_id)

    report = transaction(lambda: record_refusal(operator(NOW), run_id, refusal.value))

    assert (report["id"], report["status"], report["errors"][0]["file"]) == (run_id, "refused", "june.csv")
    before = dump()
    other = FileRefused([FileError("another", 0, "", "", "fault")])
    assert transaction(lambda: record_refusal(operator(NOW), run_id, other)) == report
    assert dump() == before


def test_two_processes_that_apply_one_upload_at_once_do_it_once(config: Config, tmp_path: Path) -> None:
    run_id = upload("june.csv", export(tmp_path, dict.fromkeys(range(1, 11), "3")).read_bytes())
    db.session.remove()
    context = quick_processes()
    barrier, answers = context.Barrier(2), context.Queue()
    arguments = (config, run_id, barrier, answers)
    processes = [context.Process(target=apply_at_once, args=arguments) for _ in range(2)]

    for process in processes:
        process.start()
    first, second = (answers.get(timeout=240) for _ in processes)
    for process in processes:
        process.join(timeout=60)

    assert first == second
    assert (first["status"], first["delta"]) == ("applied", {"USD": "30"})
    assert db.session.scalar(select(func.count()).select_from(UsageFact)) == 10
    noted = select(func.count()).select_from(TrailEntry).where(TrailEntry.action == "usage.import")
    assert db.session.scalar(noted) == 1
    assert (drawn(), differences()) == ("30", [])


ZIP_OR_PARQUET = ("export-parquet.zip", "one-file.zip", "focus-1.2.snappy.parquet")


@pytest.mark.parametrize("name", ZIP_OR_PARQUET)
def test_a_zip_or_a_parquet_file_is_kept_as_it_is_and_read_again(tmp_path: Path, small_pieces: None, name: str) -> None:
    prepared = read_source(open_source(OWN / "formats" / name))
    report = transaction(lambda: apply_run(operator(NOW), prepared))

    (kept,) = db.session.scalars(select(ImportFile)).all()
    again = read_source(source_of_run(report["id"], tmp_path), keep_files=False)

    content = (OWN / "formats" / name).read_bytes()
    assert (kept.name, kept.sha256) == (Path(name).name, hashlib.sha256(content).hexdigest())
    assert (kept.rows, kept.bytes) == (prepared.export.rows, len(content))
    assert_frame_equal(again.export.totals, prepared.export.totals)
    assert again.content_hash == prepared.content_hash
