"""The measured traps of concurrency, each beside the house's `transaction()` which does not fall into it.

Eight processes that award from one pool are in tests/grants; here each trap is shown by threads that meet at a
barrier between their reading and their writing, so that it shuts every time.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from flask import Flask
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, create_engine, select, text, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from creditsvc.db import begin_snapshot, db, transaction
from creditsvc.ledger import reading
from creditsvc.ledger.facts import KnownLot
from creditsvc.ledger.locks import lock_pools
from creditsvc.ledger.models import Pool
from tests.conftest import NOW
from tests.ledger.books import START, award, make_book, usd

THREADS = 4
ROUNDS = 5
PATIENCE = 60

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


@pytest.fixture
def plain_engine(app: Flask) -> Iterator[Engine]:
    """The same database as SQLAlchemy opens it by itself."""
    make_book()
    engine = create_engine(db.engine.url)
    yield engine
    engine.dispose()


def in_threads(act: Callable[[], int]) -> int:
    """Lets all threads act at once; the sum of what they return."""
    with ThreadPoolExecutor(THREADS) as threads:
        return sum(future.result(timeout=PATIENCE * 2) for future in [threads.submit(act) for _ in range(THREADS)])


def committed() -> int:
    """What the pool has promised, as everybody can see it."""
    db.session.rollback()
    return committed_now()


def committed_now() -> int:
    """What the pool has promised, in the transaction that there is."""
    return int(db.session.execute(select(Pool.committed)).scalar_one())


def test_read_then_write_in_the_one_transaction_loses_nothing(app: Flask) -> None:
    make_book()
    pool_id = db.session.execute(select(Pool.id)).scalar_one()

    def promise_one() -> None:
        pool = lock_pools([pool_id])[pool_id]
        pool.committed = pool.committed + 1

    def act() -> int:
        with app.app_context():
            for _ in range(ROUNDS):
                transaction(promise_one)
        return ROUNDS

    promised = in_threads(act)

    assert committed() == promised == THREADS * ROUNDS


def test_control_plain_read_then_write_loses_what_others_wrote(plain_engine: Engine) -> None:
    all_have_read, all_have_written = (threading.Barrier(THREADS, timeout=PATIENCE) for _ in range(2))

    def act() -> int:
        for _ in range(ROUNDS):
            with Session(plain_engine) as session:
                pool = session.scalars(select(Pool)).one()
                all_have_read.wait()
                pool.committed += 1
                session.commit()  # no error at all
            all_have_written.wait()
        return ROUNDS

    promised = in_threads(act)

    assert promised == THREADS * ROUNDS
    assert committed() == ROUNDS  # of each round one


@on_sqlite
def test_control_a_deferred_begin_that_turns_into_a_write_is_locked_in_spite_of_the_timeout(app: Flask) -> None:
    make_book()
    with db.engine.connect() as reader, db.engine.connect() as writer:
        assert reader.execute(text("PRAGMA busy_timeout")).scalar_one() >= 5000
        assert reader.execute(select(Pool.committed)).scalar_one() == 0
        promise(writer.execution_options(writes=True))
        writer.commit()  # nobody holds a lock any more

        with pytest.raises(OperationalError, match="database is locked") as error:
            promise(reader)

    assert isinstance(error.value.orig, sqlite3.OperationalError)
    assert error.value.orig.sqlite_errorname == "SQLITE_BUSY_SNAPSHOT"
    assert committed() == 1


def promise(connection: Connection) -> None:
    connection.execute(update(Pool).values(committed=Pool.committed + 1))


@on_sqlite
def test_control_of_those_who_read_in_a_deferred_begin_one_can_write(app: Flask) -> None:
    make_book()
    all_have_read, all_have_tried = (threading.Barrier(THREADS, timeout=PATIENCE) for _ in range(2))

    def act() -> int:
        done = 0
        for _ in range(ROUNDS):
            with db_engine.connect() as connection:
                connection.execute(select(Pool.committed)).scalar_one()
                all_have_read.wait()
                try:
                    promise(connection)
                    connection.commit()
                    done += 1
                except OperationalError:
                    connection.rollback()
            all_have_tried.wait()
        return done

    db_engine = db.engine
    promised = in_threads(act)

    assert committed() == promised == ROUNDS


@on_sqlite
def test_a_transaction_that_reads_first_waits_for_its_turn_and_is_never_locked(app: Flask) -> None:
    make_book()
    has_read, other_begins = threading.Event(), threading.Event()

    def slow() -> None:
        db.session.execute(select(Pool.committed)).scalar_one()
        has_read.set()
        assert other_begins.wait(PATIENCE)
        promise(db.session.connection())

    def quick() -> None:
        promise(db.session.connection())

    def other() -> None:
        with app.app_context():
            assert has_read.wait(PATIENCE)
            other_begins.set()
            transaction(quick, attempts=1)

    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(other)
        transaction(slow, attempts=1)
        waiting.result(timeout=PATIENCE)

    assert committed() == 2


@on_postgresql
def test_two_transactions_that_lock_each_other_out_are_both_done_in_the_end(app: Flask) -> None:
    make_book()
    transaction(lambda: db.session.add(_second_pool()))
    ids = list(db.session.scalars(select(Pool.id).order_by(Pool.id)))
    both_hold_one, tries = threading.Barrier(2, timeout=PATIENCE), []

    def promise_of_both(order: list[int]) -> None:
        tries.append(order)
        for number, pool_id in enumerate(order):
            lock_pools([pool_id])[pool_id].committed += 1
            db.session.flush()
            if number == 0 and tries.count(order) == 1:
                both_hold_one.wait()

    def act(order: list[int]) -> None:
        with app.app_context():
            transaction(lambda: promise_of_both(order))

    with ThreadPoolExecutor(2) as threads:
        for future in [threads.submit(act, order) for order in (ids, ids[::-1])]:
            future.result(timeout=PATIENCE)

    assert len(tries) == 3  # one of them was the deadlock's victim and ran again, whole
    assert list(db.session.scalars(select(Pool.committed))) == [2, 2]


def _second_pool() -> Pool:
    pool = db.session.scalars(select(Pool)).one()
    return Pool(
        key="second", partner_id=pool.partner_id, resource_id=pool.resource_id, amount=10**8, committed=0, starts=START,
        ends=None,
    )  # fmt: skip


@on_postgresql
def test_a_read_begins_nothing_that_would_make_the_driver_forget_its_statements(app: Flask) -> None:
    make_book()

    def status() -> TransactionStatus:
        connection: psycopg.Connection = db.session.connection().connection.driver_connection  # type: ignore[assignment]
        return connection.info.transaction_status

    committed()
    assert status() == TransactionStatus.IDLE
    assert transaction(lambda: (committed_now(), status())[1]) == TransactionStatus.INTRANS
    committed()
    begin_snapshot()
    committed_now()
    assert status() == TransactionStatus.INTRANS


@on_postgresql
def test_reads_use_the_statements_that_were_prepared(app: Flask) -> None:
    make_book()
    for _ in range(7):  # the driver prepares what it is asked more often than five times
        committed()
        db.session.remove()
    prepared = db.session.execute(text("SELECT statement FROM pg_prepared_statements")).scalars().all()
    assert any("pool.committed" in statement for statement in prepared)


def test_a_balance_is_of_one_state_though_somebody_posts_between_its_statements(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_book()
    award("first", "100", START)
    real, posted = reading.lots_of, []

    def post_meanwhile() -> None:
        with app.app_context():
            award("second", "50", START)

    def lots_of(*asked: Any) -> dict[int, list[KnownLot]]:
        if not posted:
            posted.append(True)
            with ThreadPoolExecutor(1) as thread:
                thread.submit(post_meanwhile).result(timeout=PATIENCE)
        return real(*asked)

    monkeypatch.setattr(reading, "lots_of", lots_of)
    db.session.rollback()
    [view] = reading.balances(NOW)

    assert (view.batch, view.granted) in ((1, usd("100")), (2, usd("150")))
