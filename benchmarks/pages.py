"""Pages of a large park: 10,000 startups, 60,000 grants, 4 million usage totals, against the same with 100 startups."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from flask import Flask
from flask.testing import FlaskClient

from benchmarks import park
from benchmarks.frame import Result, bounded, compared, rounds
from benchmarks.places import Ground
from creditsvc import clock
from creditsvc.app import create_app
from creditsvc.db import db, transaction
from creditsvc.ledger.listing import FILTERS
from creditsvc.parties.access import operator
from creditsvc.parties.operations import add_person
from tests import databases
from tests.counting import sent_meanwhile

ROUNDS = 15
MOST_STATEMENTS, SLOWER, HEAVIER = 12, 2.0, 8.0
EMPTY = "/nowhere"
"""A page of the same layout with nothing on it: that there is no such page."""

SMALL = park.Park(startups=100, grants=6, days=200, keys=2, expiring=50, troubled=50)
LARGE = park.Park(startups=10_000, grants=6, days=200, keys=2, expiring=5_000, troubled=5_000)
ONE = park.key_of(77)
PAGES = (
    "/startups", *(f"/startups?show={chosen}" for chosen in FILTERS), "/startups?q=startup-0007",
    f"/startups/{ONE}", f"/startups/{ONE}/statement?from=2025-12-01&to=2026-07-01", "/worklist", "/pools", "/pools/ms",
)


def measure(ground: Ground) -> list[Result]:
    """Server time and statements of each page, on both databases."""
    return against(ground, "pages", lambda: fill(SMALL), lambda: fill(LARGE), PAGES)


def against(
    ground: Ground, name: str, fill_small: Callable[[], None], fill_large: Callable[[], None], pages: Sequence[str]
) -> list[Result]:
    """Server time and statements of pages of a large park, against the same of a small one and an empty page."""
    results = []
    for kind in databases.KINDS:
        urls = [ground.prepared(kind, prepare) for prepare in (fill_small, fill_large)]
        with _at_now(), _served(ground, urls[0]) as few, _served(ground, urls[1]) as many:
            for page in pages:
                values, limits = rounds(lambda: _seconds(many, page), lambda: _seconds(few, page), ROUNDS)  # noqa: B023
                results.append(compared(f"{name}, {page}", kind, values[1:], limits[1:], SLOWER))
                values, limits = rounds(lambda: _seconds(many, page), lambda: _seconds(many, EMPTY), ROUNDS)  # noqa: B023
                results.append(compared(f"{name}, {page}, against an empty one", kind, values[1:], limits[1:], HEAVIER))
                results.append(bounded(f"{name}, {page}, statements", kind, _statements(many, page), MOST_STATEMENTS,
                                       unit="statements"))
        for url in urls:
            ground.drop(url)
    return results


def fill(size: park.Park) -> None:
    """A park and its manager."""
    park.fill(size)
    transaction(lambda: add_person(operator(park.NOW), email="lee@park.example", name="A. Lee", role="manager"))


@contextmanager
def _at_now() -> Iterator[None]:
    """The doors' clock stands at the park's now."""
    real = clock.now
    clock.now = lambda: park.NOW
    try:
        yield
    finally:
        clock.now = real


@contextmanager
def _served(ground: Ground, url: str) -> Iterator[FlaskClient]:
    """A browser in which the manager is signed in."""
    app: Flask = create_app(databases.config_for(url, ground.folder))
    with app.app_context():
        manager = db.session.execute(db.text("SELECT id FROM person WHERE role = 'manager'")).scalar_one()
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = f"{manager}:0"
    yield client
    databases.dispose(app)


def _seconds(client: FlaskClient, page: str) -> float:
    begun = time.perf_counter()
    answer = client.get(page)
    seconds = time.perf_counter() - begun
    if answer.status_code != (404 if page == EMPTY else 200):
        raise RuntimeError(f"{page} answered {answer.status}")
    return seconds


def _statements(client: FlaskClient, page: str) -> int:
    with client.application.app_context():
        engine = db.engine
    with sent_meanwhile(engine) as sent:
        client.get(page)
    return len(sent)
