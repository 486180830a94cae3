"""Several processes booking at once; also in the faulty forms that a test must be able to tell."""

from collections import Counter
from datetime import datetime
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.exc import DBAPIError

from creditsvc.app import create_app
from creditsvc.consulting import bookings
from creditsvc.consulting.bookings import book
from creditsvc.consulting.models import Booking
from creditsvc.consulting.verify_bookings import check_bookings
from creditsvc.core.errors import RuleBroken
from creditsvc.db import db, transaction
from creditsvc.ledger import locks
from creditsvc.ledger.verify import verify
from tests import databases
from tests import factories as make
from tests.conftest import NOW
from tests.processes import quick_processes

PROCESSES = 16

Wish = tuple[str, str, datetime, int]
"""Startup, consultant, start, minutes."""


def race(url: str, folder: Path, wishes: list[Wish], form: str = "right") -> Counter[str]:
    """Lets a process try each of the wishes, all at once; counts what came of it."""
    context = quick_processes()
    barrier, answers = context.Barrier(len(wishes)), context.Queue()
    runners = [
        context.Process(target=run, args=(url, folder, wish, form, barrier, answers), daemon=True) for wish in wishes
    ]
    for runner in runners:
        runner.start()
    outcomes = Counter(answers.get(timeout=300) for _ in runners)
    for runner in runners:
        runner.join(timeout=60)
    return outcomes


def run(url: str, folder: Path, wish: Wish, form: str, barrier: Barrier, answers: "Queue[str]") -> None:
    """One process: `booked`, the code of a refusal with its text, or an error."""
    try:
        SPOILERS[form](barrier)
        app = create_app(databases.config_for(url, folder), doors=False)
        with app.app_context():
            db.session.execute(select(1))
            barrier.wait(timeout=240)
            answers.put(book_once(wish))
    except Exception as error:  # noqa: BLE001 (whatever it is, the judge must hear of it)
        answers.put(f"error: {error!r}")


def book_once(wish: Wish) -> str:
    """Books as a door does."""
    startup, consultant, starts, minutes = wish
    try:
        transaction(lambda: book(
            make.somebody(NOW), startup=startup, consultant=consultant, topic="Tax", starts=starts, minutes=minutes
        ))
    except RuleBroken as refusal:
        return f"{refusal.code}: {refusal}"
    except DBAPIError as error:
        return f"error: {error.orig}"
    return "booked"


def overlapping() -> int:
    """How many pairs of bookings take one consultant at once."""
    rows = db.session.scalars(select(Booking).order_by(Booking.consultant_id, Booking.starts)).all()
    return sum(
        one.consultant_id == other.consultant_id and one.starts < other.ends and other.starts < one.ends
        for number, one in enumerate(rows) for other in rows[number + 1:]
    )


def differences() -> list[Any]:
    """What verify finds."""
    found: list[Any] = verify(check_bookings)["differences"]
    return found


def right(barrier: Barrier) -> None:
    """The product as it is."""


def unlocked(barrier: Barrier) -> None:
    """Read, then write, at READ COMMITTED, without a lock on any row; nobody writes before everybody has read."""
    check = bookings._check_free

    def check_together(*asked: Any) -> None:
        check(*asked)
        barrier.wait(timeout=60)

    def read(model, ids):  # type: ignore[no-untyped-def]
        rows = db.session.scalars(select(model).where(model.id.in_(set(ids)))).all()
        db.session.info["locks"].update((model.__tablename__, row.id) for row in rows)
        return {row.id: row for row in rows}

    locks._lock = read
    bookings._check_free = check_together
    _without_for_update()


def _without_for_update() -> None:
    """No consultant is locked either."""
    Select.with_for_update = lambda self, **more: self  # type: ignore[method-assign, assignment]


SPOILERS = {"right": right, "unlocked": unlocked}
