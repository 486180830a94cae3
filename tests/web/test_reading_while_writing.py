"""A page that reads never waits for who writes (SQLite): the write lock is held while pages are asked for."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date

import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from creditsvc.db import db
from tests import factories
from tests.web.browsing import Browser

PAGES = (
    "/", "/startups", "/startups?show=stale", "/startups/harbour", "/startups/harbour/usage",
    "/startups/harbour/statement", "/startups/harbour/award", "/startups/harbour/members", "/grants/harbour-azure",
    "/scopes", "/usage", "/usage/upload", "/pools", "/night", "/healthz", "/readyz", "/metrics",
)


@pytest.fixture(params=["sqlite"])
def database(request: pytest.FixtureRequest) -> str:
    """SQLite alone: on PostgreSQL readers and writers never meet."""
    return str(request.param)


@pytest.fixture
def manager(app: Flask, browse_as: Callable[..., Browser]) -> Browser:
    factories.make_startup("harbour")
    factories.make_grant("harbour", key="harbour-azure", effective=date(2026, 3, 1))
    person = factories.make_person("lee@park.example", "manager")
    # whoever waits for the lock gives up at once, and that is an error
    event.listen(db.engine, "connect", lambda connection, record: connection.execute("PRAGMA busy_timeout=20"))
    db.session.remove()
    db.engine.dispose()
    return browse_as(person)


@pytest.fixture
def writer(app: Flask, manager: Browser) -> Iterator[sqlite3.Connection]:
    """An import in the middle of its transaction."""
    with closing(sqlite3.connect(app.config["CREDITSVC"].sqlite_path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE startup SET name = 'half written'")
        yield connection
        connection.execute("ROLLBACK")


@pytest.mark.parametrize("address", PAGES)
def test_a_page_that_reads_does_not_wait_for_the_write_lock(
    manager: Browser, writer: sqlite3.Connection, address: str
):
    page = manager.get(address)

    assert page.status in (200, 303)
    assert "half written" not in page.text


def test_what_writes_does_wait_so_the_lock_was_held(manager: Browser, writer: sqlite3.Connection):
    with pytest.raises(OperationalError, match="locked"):
        manager.submit("/startups/new", {"key": "peak", "name": "Peak"})
