"""The same export asked for twice, as by somebody who gave up waiting: it is applied once, and else `unchanged`."""

from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from creditsvc.db import db, transaction
from creditsvc.ledger.locks import lock_scopes
from creditsvc.parties.access import operator
from creditsvc.usage import operations
from creditsvc.usage.files import pack
from creditsvc.usage.models import ImportRun
from creditsvc.usage.operations import receive_upload
from tests.conftest import NOW
from tests.ledger.books import START
from tests.usage.importing import assign, import_path
from tests.usage.queued_upload import apply_upload
from tests.usage.scenes import SCOPE, differences, drawn, export, hours, make_startups, usage_by_day


@pytest.fixture(autouse=True)
def startups(app: Flask) -> None:
    """A startup with a subscription."""
    make_startups("acme")
    assign(SCOPE, "acme", START, NOW)


def queue(path: Path) -> int:
    """The number of the run that waits with this upload."""
    with path.open("rb") as stream:
        packed = [pack(path.name, stream)]
    run_id: int = transaction(lambda: receive_upload(operator(NOW), path.name, packed).id)
    return run_id


def outcomes() -> list[tuple[str, list[Any]]]:
    """Status and stale days of every run, by number."""
    db.session.rollback()
    db.session.expunge_all()
    return [(run.status, run.report["stale"]) for run in db.session.scalars(select(ImportRun).order_by(ImportRun.id))]


@pytest.mark.parametrize("later", [0, 1])
def test_an_upload_that_the_same_export_overtook_is_unchanged(tmp_path: Path, later: int) -> None:
    path = export(tmp_path, {1: "30", 2: "10"})
    waiting = queue(path)
    import_path(path, hours(later))

    report = apply_upload(waiting)

    assert (report["status"], report["stale"], report["delta"]) == ("unchanged", [], {})
    assert outcomes() == [("unchanged", []), ("applied", [])]
    assert (usage_by_day(), drawn(), differences()) == ({1: "30", 2: "10"}, "40", [])


def test_an_upload_that_other_data_overtook_on_one_day_is_stale_on_that_day_alone(tmp_path: Path) -> None:
    path = export(tmp_path, {1: "30", 2: "10"})
    waiting = queue(path)
    import_path(path, hours(1))
    import_path(export(tmp_path, {2: "11"}), hours(2), confirm=True)

    report = apply_upload(waiting)

    assert (report["status"], report["delta"]) == ("unchanged", {})
    assert report["stale"] == [{"scope": SCOPE, "days": ["2026-06-02"]}]
    assert usage_by_day() == {1: "30", 2: "11"}


def test_two_imports_of_one_export_at_once_apply_it_once(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = export(tmp_path, {1: "30", 2: "10"})

    def ask_again() -> None:
        with app.app_context():
            import_path(path, NOW)

    again = Thread(target=ask_again)

    def stall(pairs: Sequence[tuple[str, str]]) -> Any:
        """The first import has its number and stalls, while the second goes through where two can write."""
        monkeypatch.undo()
        again.start()
        if db.engine.dialect.name == "postgresql":
            again.join()
        return lock_scopes(pairs)

    monkeypatch.setattr(operations, "lock_scopes", stall)
    import_path(path, NOW)
    again.join()

    assert sorted(outcomes()) == [("applied", []), ("unchanged", [])]
    assert (usage_by_day(), drawn(), differences()) == ({1: "30", 2: "10"}, "40", [])
