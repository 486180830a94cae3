"""A usage fact names a scope, a charge key and a run that are there, and they stay: by foreign keys on SQLite, by
triggers for all rows of a statement on PostgreSQL."""

import threading
from datetime import date

import pytest
from flask import Flask
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError

from creditsvc.db import IN_SETS, db, is_postgresql, table_of, transaction
from creditsvc.ledger.models import ChargeKey, Scope, UsageFact
from creditsvc.sets import bulk_insert, send
from creditsvc.usage.models import ImportRun
from tests import factories
from tests.conftest import NOW
from tests.usage.importing import assign

COLUMNS = ("scope_id", "day", "key_id", "currency", "amount", "run_id")
NOBODY = 999
REFERRED = {"scope_id": Scope, "key_id": ChargeKey, "run_id": ImportRun}
PATIENCE = 30.0


@pytest.fixture(autouse=True)
def referred(app: Flask) -> dict[str, int]:
    """A scope, a charge key and a run; their ids."""
    factories.make_startup("acme")
    factories.make_grant("acme")
    assign("64e355d7-997c-491d-b0c1-000000000001", "acme", NOW, NOW)

    def fill() -> dict[str, int]:
        key = ChargeKey(text="Virtual Machines")
        run = ImportRun(status="applied", name="june.csv", content_hash="0" * 64, submitted_at=NOW, received_at=NOW,
                        actor="lee@park.example", report={})
        db.session.add_all([key, run])
        db.session.flush()
        scope_id = db.session.scalar(select(Scope.id))
        assert scope_id is not None
        return {"scope_id": scope_id, "key_id": key.id, "run_id": run.id}

    return transaction(fill)


def add(*facts: dict[str, int]) -> None:
    """Adds usage facts with those references, in one statement."""
    rows = [(one["scope_id"], date(2026, 6, 1), one["key_id"], "USD", 100, one["run_id"]) for one in facts]
    bulk_insert(UsageFact, COLUMNS, rows)


def facts() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count(UsageFact.id))) or 0


@pytest.mark.parametrize("column", REFERRED)
def test_usage_of_what_is_not_there_is_refused_and_none_of_its_statement_stays(
    referred: dict[str, int], column: str
) -> None:
    try:
        with pytest.raises(Exception, match=f"FOREIGN KEY|usage_fact.{column}"):
            transaction(lambda: add(referred, {**referred, column: NOBODY}))
    finally:
        assert facts() == 0


@pytest.mark.parametrize("column", REFERRED)
def test_what_usage_refers_to_stays(referred: dict[str, int], column: str) -> None:
    transaction(lambda: add(referred, referred))
    table = table_of(REFERRED[column])

    with pytest.raises(IntegrityError):
        transaction(lambda: send(delete(table).where(table.c.id == referred[column]), [{}]))

    assert facts() == 2


def test_what_no_usage_refers_to_can_go(referred: dict[str, int]) -> None:
    transaction(lambda: bulk_insert(ChargeKey, ("text",), [("Storage",)]))
    transaction(lambda: add(referred))
    keys = table_of(ChargeKey)

    transaction(lambda: send(delete(keys).where(keys.c.text == "Storage"), [{}]))

    db.session.rollback()
    assert db.session.scalars(select(ChargeKey.text)).all() == ["Virtual Machines"]


def test_what_goes_while_usage_of_it_is_added_stays(app: Flask, referred: dict[str, int]) -> None:
    """On SQLite the second waits for the first anyway; on PostgreSQL neither sees the other's rows."""
    added, refused = threading.Event(), threading.Event()
    keys = table_of(ChargeKey)

    def remove() -> None:
        with app.app_context():
            assert added.wait(PATIENCE)
            with pytest.raises(IntegrityError):
                transaction(lambda: send(delete(keys).where(keys.c.id == referred["key_id"]), [{}]))
            refused.set()

    def add_slowly() -> None:
        add(referred)
        added.set()
        if is_postgresql():
            wait_until_somebody_waits()

    other = threading.Thread(target=remove)
    other.start()
    transaction(add_slowly)
    other.join(PATIENCE)

    assert refused.is_set()
    assert facts() == 1


def wait_until_somebody_waits() -> None:
    """Returns once another connection waits for a lock of this one."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database IS NOT NULL"
    patience = threading.Event()
    for _ in range(int(PATIENCE / 0.02)):
        if db.session.connection().exec_driver_sql(waiting).scalar_one():
            return
        patience.wait(0.02)
    raise AssertionError("nobody waited")


def test_each_reference_of_usage_is_kept_in_sets() -> None:
    keys = {key.parent.name: key.info for key in table_of(UsageFact).foreign_keys}

    assert keys == dict.fromkeys(REFERRED, IN_SETS)
