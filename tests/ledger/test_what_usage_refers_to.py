"""A usage fact names a scope, a charge key and a run that are there, and they stay: by foreign keys on SQLite, by
triggers for all rows of a statement on PostgreSQL."""

import threading
from collections.abc import Callable
from datetime import date

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import DatabaseError, IntegrityError

from creditsvc.columns import bulk_insert
from creditsvc.db import BY_TRIGGER, begin_snapshot, db, is_postgresql, table_of, transaction
from creditsvc.ledger.models import ChargeKey, Scope, UsageFact
from creditsvc.sets import send
from creditsvc.usage.models import ImportRun
from tests.conftest import NOW
from tests.polling import somebody_waits_for_us, wait_until

COLUMNS = ("scope_id", "day", "key_id", "currency", "amount", "run_id")
NOBODY = 999
REFERRED = {"scope_id": Scope, "key_id": ChargeKey, "run_id": ImportRun}
PATIENCE = 30.0

Ids = dict[str, int]


@pytest.fixture
def referred(app: Flask) -> Ids:
    """A scope, a charge key and a run, to which nothing but usage will refer; their ids."""

    def fill() -> Ids:
        scope = Scope(provider="azure", external_id="64e355d7-997c-491d-b0c1-000000000001")
        key = ChargeKey(text="Virtual Machines")
        run = ImportRun(status="applied", name="june.csv", content_hash="0" * 64, submitted_at=NOW, received_at=NOW,
                        actor="lee@park.example", report={})
        db.session.add_all([scope, key, run])
        db.session.flush()
        return {"scope_id": scope.id, "key_id": key.id, "run_id": run.id}

    return transaction(fill)


def add(*named: Ids) -> None:
    """Adds usage facts that name these, in one statement."""
    rows = [(one["scope_id"], date(2026, 6, 1), one["key_id"], "USD", 100, one["run_id"]) for one in named]
    bulk_insert(UsageFact, COLUMNS, rows)


def remove(column: str, ids: Ids) -> None:
    table = table_of(REFERRED[column])
    send(delete(table).where(table.c.id == ids[column]), [{}])


def count_of_usage() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count(UsageFact.id))) or 0


@pytest.mark.parametrize("column", REFERRED)
def test_usage_of_what_is_not_there_is_refused_and_none_of_its_statement_stays(referred: Ids, column: str) -> None:
    with pytest.raises(Exception, match=f"FOREIGN KEY|usage_fact.{column} names no row"):
        transaction(lambda: add(referred, {**referred, column: NOBODY}))

    assert count_of_usage() == 0


@pytest.mark.parametrize("column", REFERRED)
def test_what_usage_refers_to_stays(referred: Ids, column: str) -> None:
    transaction(lambda: add(referred, referred))

    with pytest.raises(IntegrityError, match=f"FOREIGN KEY|usage_fact.{column} names this row"):
        transaction(lambda: remove(column, referred))

    assert count_of_usage() == 2


@pytest.mark.parametrize("column", REFERRED)
def test_what_usage_refers_to_keeps_its_id(referred: Ids, column: str) -> None:
    transaction(lambda: add(referred))
    table = table_of(REFERRED[column])

    with pytest.raises(IntegrityError, match=f"FOREIGN KEY|usage_fact.{column}"):
        transaction(lambda: send(update(table).where(table.c.id == referred[column]).values(id=NOBODY), [{}]))


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("column", REFERRED)
def test_what_usage_refers_to_is_not_emptied(referred: Ids, column: str) -> None:
    with pytest.raises(IntegrityError, match=f"usage_fact.{column}"):
        transaction(lambda: db.session.execute(text(f"TRUNCATE {REFERRED[column].__tablename__} CASCADE")))


@pytest.mark.parametrize("column", REFERRED)
def test_what_no_usage_refers_to_can_go(referred: Ids, column: str) -> None:
    transaction(lambda: remove(column, referred))

    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(table_of(REFERRED[column]))) == 0


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_nothing_goes_by_a_snapshot_that_shows_no_usage(app: Flask, referred: Ids) -> None:
    begin_snapshot()
    assert db.session.scalar(select(func.count(UsageFact.id))) == 0
    in_a_thread(app, lambda: transaction(lambda: add(referred)))

    with pytest.raises(DatabaseError, match="READ COMMITTED"):
        remove("key_id", referred)


def test_what_goes_while_usage_of_it_is_added_stays(app: Flask, referred: Ids) -> None:
    """Neither sees the other's rows: on PostgreSQL the second waits for the first, as on SQLite anyway."""
    refused = []

    def removal() -> None:
        with pytest.raises(IntegrityError, match=r"FOREIGN KEY|usage_fact.key_id names this row"):
            transaction(lambda: remove("key_id", referred))
        refused.append(True)

    meanwhile(app, lambda: add(referred), removal)

    assert refused == [True]
    assert count_of_usage() == 1


def test_usage_of_what_goes_meanwhile_is_refused(app: Flask, referred: Ids) -> None:
    refused = []

    def addition() -> None:
        with pytest.raises(Exception, match=r"FOREIGN KEY|usage_fact.key_id names no row"):
            transaction(lambda: add(referred))
        refused.append(True)

    meanwhile(app, lambda: remove("key_id", referred), addition)

    assert refused == [True]
    assert count_of_usage() == 0


def meanwhile(app: Flask, first: Callable[[], None], second: Callable[[], None]) -> None:
    """Does the first in a transaction that goes on until the second, begun after it by another, waits for it."""
    others = []

    def both() -> None:
        first()
        others.append(started(app, second))
        if is_postgresql():
            wait_until(somebody_waits_for_us, "the second to wait for the first", PATIENCE)

    transaction(both)
    others[0].join(PATIENCE)


def in_a_thread(app: Flask, act: Callable[[], object]) -> None:
    started(app, act).join(PATIENCE)


def started(app: Flask, act: Callable[[], object]) -> threading.Thread:
    def work() -> None:
        with app.app_context():
            act()

    other = threading.Thread(target=work)
    other.start()
    return other


def test_each_reference_of_usage_is_by_trigger() -> None:
    keys = {key.parent.name: key.info for key in table_of(UsageFact).foreign_keys}

    assert keys == dict.fromkeys(REFERRED, BY_TRIGGER)
