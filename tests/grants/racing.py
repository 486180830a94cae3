"""Several processes awarding from one pool at once; also in the faulty forms that a test must be able to tell."""

from collections import Counter
from datetime import date
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

from sqlalchemy import Engine, event, func, select
from sqlalchemy.exc import DBAPIError

import creditsvc.app
from creditsvc.app import create_app
from creditsvc.core.errors import RuleBroken
from creditsvc.db import attach_engine_events, db, transaction
from creditsvc.grants.operations import award_grant
from creditsvc.ledger import locks
from creditsvc.ledger.models import LotFact, Pool, Resource
from creditsvc.ledger.verify import verify
from tests import databases
from tests import factories as make
from tests.processes import quick_processes

PROCESSES = 8
ATTEMPTS = 6
POOL = 20
"""What the pool holds: fewer than the processes ask for, one at a time."""


def race(url: str, folder: Path, startups: int, form: str = "right") -> Counter[str]:
    """Lets all processes award 1 USD from the pool `ms-azure` again and again; counts what came of it."""
    context = quick_processes()
    barrier, answers = context.Barrier(PROCESSES), context.Queue()
    runners = [
        context.Process(target=run, args=(url, folder, f"s{number % startups}", form, barrier, answers), daemon=True)
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


def run(url: str, folder: Path, startup: str, form: str, barrier: Barrier, answers: "Queue[Counter[str]]") -> None:
    """One process: what came of each attempt, `awarded`, the code of a refusal, or an error."""
    outcomes: Counter[str] = Counter()
    try:
        attempts = SPOILERS[form]()
        app = create_app(databases.config_for(url, folder), doors=False)
        with app.app_context():
            db.session.execute(select(1))
            barrier.wait(timeout=240)
            for _ in range(ATTEMPTS):
                outcomes[award_once(startup, attempts)] += 1
    except Exception as error:  # noqa: BLE001 (whatever it is, the judge must hear of it)
        outcomes[f"error: {error!r}"] += 1
    finally:
        answers.put(outcomes)


def award_once(startup: str, attempts: int) -> str:
    """Awards 1 USD as a door does."""
    try:
        transaction(
            lambda: award_grant(
                make.somebody(), startup=startup, pool="ms-azure", amount="1", effective=date(2026, 3, 1)
            ),
            attempts=attempts,
        )
    except RuleBroken as refusal:
        return refusal.code
    except DBAPIError as error:
        return f"error: {error.orig}"
    return "awarded"


def faults(outcomes: Counter[str]) -> set[str]:
    """What is wrong with the outcome of a race, judged by the book itself."""
    found = set()
    pool = db.session.execute(select(Pool)).scalar_one()
    lots = int(db.session.scalar(select(func.sum(LotFact.amount))) or 0)
    if lots > pool.amount:
        found.add("overspent")
    if pool.committed != lots or lots != outcomes["awarded"] * 10**8:
        found.add("counted wrongly")
    if set(outcomes) - {"awarded", "pool-exceeded"}:
        found.add("neither awarded nor refused by name")
    if lots < pool.amount:
        found.add("left something although more was asked for")
    if verify()["differences"]:
        found.add("the book does not verify")
    return found


def right() -> int:
    """The product as it is; gives how often a transaction is tried."""
    return 6


def unlocked() -> int:
    """Read, then write, at READ COMMITTED, without a lock on the row."""

    def read(model, ids):  # type: ignore[no-untyped-def]
        rows = db.session.scalars(select(model).where(model.id.in_(set(ids)))).all()
        db.session.info["locks"].update((model.__tablename__, row.id) for row in rows)
        return {row.id: row for row in rows}

    def read_one(key):  # type: ignore[no-untyped-def]
        pool = db.session.execute(select(Pool).where(Pool.key == key)).scalar_one()
        return pool, db.session.get_one(Resource, pool.resource_id)

    locks._lock = read
    locks.lock_pool = read_one
    return 6


def _begin_with(statement: str | None) -> None:
    """Makes SQLite begin in another way than the house's, or not at all."""

    def attach(engine: Engine) -> None:
        attach_engine_events(engine)
        for listener in list(engine.dispatch.begin):
            event.remove(engine, "begin", listener)
        if statement is not None:
            event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(statement))

    creditsvc.app.attach_engine_events = attach


def plain() -> int:
    """SQLite with nothing begun, so that each statement is by itself."""
    _begin_with(None)
    return 6


def deferred() -> int:
    """SQLite with a deferred BEGIN that turns into a write, tried once."""
    _begin_with("BEGIN")
    return 1


SPOILERS = {"right": right, "unlocked": unlocked, "plain": plain, "deferred": deferred}
