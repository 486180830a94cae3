"""On SQLite a page, an answer of the API or a command that reads never waits for an import that writes.

The import is stopped in the middle of its transaction and goes on only after the reader has its answer, so a reader
that waited for it would never have one. Nothing is measured in seconds.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError

from creditsvc import clock
from creditsvc.config import Config
from creditsvc.db import db, transaction
from creditsvc.parties.access import operator
from creditsvc.parties.models import Startup
from creditsvc.parties.tokens import create_token
from creditsvc.usage import imports
from tests import factories
from tests.conftest import NOW
from tests.jobs import shell
from tests.usage.importing import assign, import_path
from tests.usage.scenes import SCOPE, drawn, export, hours, june, spend
from tests.web.browsing import Browser

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

PAGES = (
    "/startups", "/startups/acme", "/startups/acme/usage", "/startups/acme/statement", "/startups/acme/award",
    "/grants/acme-azure", "/usage", "/usage/upload", "/usage/runs/1", "/scopes", "/pools", "/night", "/healthz",
    "/readyz",
)  # fmt: skip
ANSWERS = (
    "/startups", "/startups/acme", "/startups/acme/balance", "/startups/acme/statement", "/startups/acme/grants",
    "/startups/acme/scopes", "/grants", "/pools", "/scopes", "/usage-runs", "/usage-runs/1",
)  # fmt: skip
COMMANDS = (
    ("balance", "acme", "--json"), ("statement", "acme", "--json"), ("usage", "runs", "--json"), ("verify", "--json"),
    ("nightly", "--now", NOW.isoformat(), "--no-send", "--json"), ("mail", "list", "--json"),
)  # fmt: skip
PATIENCE = 120


@pytest.fixture(autouse=True)
def held(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A startup whose usage of 30 USD is known; nobody who meets a lock waits for it."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    factories.make_startup("acme")
    factories.make_grant("acme", key="acme-azure")
    assign(SCOPE, "acme", june(1), NOW)
    spend(tmp_path, {2: "30"})
    event.listen(db.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 20"))
    db.session.remove()
    db.engine.dispose()


@contextmanager
def import_in_the_middle(app: Flask, path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """An import of that export that has posted and not committed; what is given lets it go on to its end."""
    posted, may_go_on = threading.Event(), threading.Event()
    right = imports.note_freshness

    def stop(account_ids: set[int]) -> None:
        right(account_ids)
        db.session.flush()
        posted.set()
        assert may_go_on.wait(PATIENCE)

    monkeypatch.setattr(imports, "note_freshness", stop)

    def work() -> str:
        with app.app_context():
            return str(import_path(path, hours(6))["status"])

    with ThreadPoolExecutor(1) as thread:
        outcome = thread.submit(work)

        def go_on() -> None:
            may_go_on.set()
            assert outcome.result(timeout=PATIENCE) == "applied"

        try:
            assert posted.wait(PATIENCE)
            yield go_on
        finally:
            may_go_on.set()


def assert_somebody_writes(config: Config) -> None:
    """The write lock is held at this moment."""
    with (
        closing(sqlite3.connect(config.sqlite_path or "", timeout=0, isolation_level=None)) as connection,
        pytest.raises(sqlite3.OperationalError, match="database is locked"),
    ):
        connection.execute("BEGIN IMMEDIATE")


def test_pages_are_read_while_an_import_writes(
    app: Flask, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser(app).signed_in(factories.make_person("lee@park.example", "manager"))
    founder = Browser(app).signed_in(factories.make_member("acme"))
    with import_in_the_middle(app, export(tmp_path, {2: "77.25"}), monkeypatch) as go_on:
        assert_somebody_writes(config)
        statuses = {page: browser.get(page).status for page in PAGES}
        before = founder.get("/startups/acme")
        assert_somebody_writes(config)
        go_on()
    after = founder.get("/startups/acme")

    assert set(statuses.values()) == {200}, statuses
    assert (before.status, after.status) == (200, 200)
    assert ("24,970" in before.text, "24,922.75" in before.text) == (True, False)
    assert "24,922.75" in after.text


def test_the_api_answers_while_an_import_writes(
    app: Flask, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.make_person("lee@park.example", "manager")
    token = transaction(lambda: create_token(operator(NOW), "lee@park.example", "test"))
    headers = {"Authorization": f"Bearer {token}"}
    browser = Browser(app)
    with import_in_the_middle(app, export(tmp_path, {2: "77.25"}), monkeypatch) as go_on:
        assert_somebody_writes(config)
        statuses = {path: browser.get(f"/api/v1{path}", headers=headers).status for path in ANSWERS}
        before = browser.get("/api/v1/startups/acme/balance", headers=headers).response.json
        assert_somebody_writes(config)
        go_on()
    after = browser.get("/api/v1/startups/acme/balance", headers=headers).response.json

    assert set(statuses.values()) == {200}, statuses
    assert [document["accounts"][0]["drawn"] for document in (before, after)] == ["30", "77.25"]


def test_commands_read_while_an_import_writes(
    app: Flask, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with import_in_the_middle(app, export(tmp_path, {2: "77.25"}), monkeypatch) as go_on:
        said = {" ".join(words): shell.run(config, *words) for words in COMMANDS}
        seen = drawn()
        assert_somebody_writes(config)
        go_on()

    assert {(one.code, one.err) for one in said.values()} == {(0, "")}, said
    assert (seen, drawn()) == ("30", "77.25")


def test_control_who_writes_meets_the_lock(
    app: Flask, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with import_in_the_middle(app, export(tmp_path, {2: "77.25"}), monkeypatch) as go_on:
        with pytest.raises(OperationalError, match="database is locked"):
            transaction(lambda: db.session.execute(select(Startup.id)), attempts=1)
        go_on()

    transaction(lambda: db.session.execute(select(Startup.id)), attempts=1)
    assert drawn(as_of=NOW + timedelta(days=1)) == "77.25"
