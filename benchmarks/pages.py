"""Pages of a large park: 10,000 startups, 60,000 grants, 4 million usage totals, against the same with 100 startups."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from benchmarks import park
from benchmarks.frame import Result, bounded, compared, rounds
from benchmarks.places import Ground
from creditsvc import clock
from creditsvc.app import create_app
from creditsvc.db import db, transaction
from creditsvc.ledger.listing import FILTERS
from creditsvc.ledger.models import Pool
from creditsvc.parties.access import operator
from creditsvc.parties.models import Person, Startup, StartupProgramme
from creditsvc.parties.operations import add_person
from creditsvc.programmes.models import Programme
from tests import databases
from tests.counting import sent_meanwhile

ROUNDS = 15
MOST_STATEMENTS, SLOWER, HEAVIER = 12, 2.0, 8.0
LARGER = 8.0
"""For pages that add up every grant of the park, of which there are a hundred times as many."""
MANAGER, NEWCOMER, NEW = "lee@park.example", "lam@park.example", "new-programme"
"""Who looks after all startups, who after a programme in which one startup holds nothing yet, and its key."""

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
        with (
            _at_now(), _served(ground, urls[0]) as few, _served(ground, urls[1]) as many,
            _served(ground, urls[1], NEWCOMER) as nothing,
        ):
            for page in pages:
                values, limits = rounds(lambda: _seconds(many, page), lambda: _seconds(few, page), ROUNDS)  # noqa: B023
                bar = LARGER if page.startswith(("/pools", "/worklist")) else SLOWER
                results.append(compared(f"{name}, {page}", kind, values[1:], limits[1:], bar))
                if "/statement" not in page:  # its rows are the startup's own months, which an empty one has none of
                    values, limits = rounds(
                        lambda: _seconds(many, page), lambda: _seconds(nothing, _empty(page)), ROUNDS)  # noqa: B023
                    results.append(
                        compared(f"{name}, {page}, against an empty one", kind, values[1:], limits[1:], HEAVIER))
                results.append(bounded(f"{name}, {page}, statements", kind, _statements(many, page), MOST_STATEMENTS,
                                       unit="statements"))
        for url in urls:
            ground.drop(url)
    return results


def fill(size: park.Park) -> None:
    """A park and its manager, and a manager of a programme that nobody is in yet, with a startup that holds nothing."""
    park.fill(size)
    transaction(_people)


def _people() -> None:
    who = operator(park.NOW)
    add_person(who, email=MANAGER, name="A. Lee", role="manager")
    programme = Programme(key=NEW, name="New", timezone="Asia/Hong_Kong")
    startup = Startup(key=NEW, name="New", language="en", created_at=park.NOW)
    db.session.add_all([programme, startup])
    db.session.add(Pool(id=99, key=NEW, partner_id=1, resource_id=1, amount=1, committed=0, starts=park.NOW))
    db.session.flush()
    db.session.add(StartupProgramme(startup_id=startup.id, programme_id=programme.id))
    add_person(who, email=NEWCOMER, name="B. Lam", role="manager", programme_ids=[programme.id])


def _empty(page: str) -> str:
    """The address of the page of the same layout that shows the newcomer nothing."""
    return page.replace(ONE, NEW).replace("/pools/ms", f"/pools/{NEW}")


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
def _served(ground: Ground, url: str, email: str = MANAGER) -> Iterator[FlaskClient]:
    """A browser in which somebody is signed in."""
    app: Flask = create_app(databases.config_for(url, ground.folder))
    with app.app_context():
        person = db.session.execute(select(Person.id).where(Person.email == email)).scalar_one()
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = f"{person}:0:measured"
    yield client
    databases.dispose(app)


def _seconds(client: FlaskClient, page: str) -> float:
    begun = time.perf_counter()
    answer = client.get(page)
    seconds = time.perf_counter() - begun
    if answer.status_code != 200:
        raise RuntimeError(f"{page} answered {answer.status}")
    return seconds


def _statements(client: FlaskClient, page: str) -> int:
    with client.application.app_context():
        engine = db.engine
    with sent_meanwhile(engine) as sent:
        client.get(page)
    return len(sent)
