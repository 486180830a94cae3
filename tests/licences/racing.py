"""Many processes that assign the last seats of a startup at once; also in a faulty form that a test must be able to
tell."""

from collections import Counter
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from creditsvc.app import create_app
from creditsvc.core.errors import RuleBroken
from creditsvc.db import db, transaction
from creditsvc.ledger import locks
from creditsvc.ledger.models import Account, SeatFact
from creditsvc.ledger.verify import verify
from creditsvc.licences import seats
from creditsvc.licences.models import LicenceKey, SeatAssignment
from tests import databases
from tests import factories as make
from tests.processes import quick_processes

PROCESSES = 16
ATTEMPTS = 2
SEATS = 20
"""What the startup has: fewer than the processes ask for."""


def race(url: str, folder: Path, form: str = "right", startups: int = 1) -> Counter[str]:
    """Lets all processes assign seats of m365 again and again, each to somebody else; counts what came of it."""
    context = quick_processes()
    barrier, answers = context.Barrier(PROCESSES), context.Queue()
    runners = [
        context.Process(target=run, args=(url, folder, number, f"s{number % startups}", form, barrier, answers),
                        daemon=True)
        for number in range(PROCESSES)
    ]
    for runner in runners:
        runner.start()
    outcomes: Counter[str] = Counter()
    for _ in runners:
        outcomes.update(answers.get(timeout=300))
    for runner in runners:
        runner.join(timeout=60)
    return outcomes


def run(
    url: str, folder: Path, number: int, startup: str, form: str, barrier: Barrier, answers: "Queue[Counter[str]]"
) -> None:
    """One process: what came of each attempt, `assigned`, the sentence of a refusal, or an error."""
    outcomes: Counter[str] = Counter()
    try:
        FORMS[form](barrier)
        app = create_app(databases.config_for(url, folder), doors=False)
        with app.app_context():
            db.session.execute(select(1))
            barrier.wait(timeout=240)
            for attempt in range(ATTEMPTS):
                outcomes[assign_once(startup, f"p{number}-{attempt}@acme.example")] += 1
    except Exception as error:  # noqa: BLE001 (whatever it is, the judge must hear of it)
        outcomes[f"error: {error!r}"] += 1
    finally:
        answers.put(outcomes)


def assign_once(startup: str, email: str) -> str:
    """Assigns a seat as a door does."""
    try:
        transaction(lambda: seats.assign(make.somebody(), startup=startup, product="m365", email=email, name="P."))
    except RuleBroken as refusal:
        return str(refusal)
    except DBAPIError as error:
        return f"error: {error.orig}"
    return "assigned"


def faults(outcomes: Counter[str], fits: int = SEATS) -> set[str]:
    """What is wrong with the outcome of a race, judged by the book itself."""
    found = set()
    taken = db.session.scalar(select(func.count()).select_from(SeatFact)) or 0
    papers = db.session.scalar(select(func.count()).select_from(SeatAssignment)) or 0
    if taken > fits:
        found.add("more seats than there are")
    if not taken == papers == outcomes["assigned"]:
        found.add("counted wrongly")
    if taken < fits:
        found.add("left a seat although more were asked for")
    if verify()["differences"]:
        found.add("the book does not verify")
    handed = db.session.scalars(select(LicenceKey.seat_id).where(LicenceKey.seat_id.is_not(None))).all()
    if len(handed) != len(set(handed)):
        found.add("a key was handed out twice")
    return found


def right(barrier: Barrier) -> None:
    """The product as it is."""


def unlocked(barrier: Barrier) -> None:
    """Reads rows without locking them; nobody writes for the first time before everybody has read."""
    waited: list[bool] = []

    def read(model, ids):  # type: ignore[no-untyped-def]
        rows = db.session.scalars(select(model).where(model.id.in_(set(ids)))).all()
        db.session.info["locks"].update((model.__tablename__, row.id) for row in rows)
        if model is Account and not waited:
            waited.append(True)
            barrier.wait(timeout=60)
        return {row.id: row for row in rows}

    locks._lock = read


def releasing(barrier: Barrier) -> None:
    """Whoever has got a seat releases it at once, so that others can have it."""
    globals()["assign_once"] = assign_and_release


def assign_and_release(startup: str, email: str) -> str:
    """Assigns a seat as a door does, and frees it again."""
    config = databases.config_for("sqlite://", Path())  # nobody waits, so nobody is told
    try:
        paper = transaction(
            lambda: seats.assign(make.somebody(), startup=startup, product="m365", email=email, name="P.")
        )
        transaction(lambda: seats.release(make.somebody(), config, paper.seat_id))
    except RuleBroken as refusal:
        return str(refusal)
    except DBAPIError as error:
        return f"error: {error.orig}"
    return "assigned"


FORMS = {"right": right, "unlocked": unlocked, "releasing": releasing}
