"""Many rows by column: what is read is what was written, on either database."""

from datetime import timedelta
from operator import itemgetter

import pytest
from flask import Flask
from sqlalchemy import func, select

from creditsvc.columns import bulk_insert, bulk_parts, bulk_read
from creditsvc.db import db, is_postgresql, transaction
from creditsvc.ledger.models import Batch, LotChange
from creditsvc.parties.models import Startup
from tests import factories as make
from tests.conftest import NOW


def test_columns_read_are_what_was_written_whatever_the_database(app: Flask) -> None:
    """Instants, whole numbers to the last bit, nothing, and text with all that a notation of text must mask."""
    last, odd = NOW - timedelta(microseconds=1), 'He said "\\n", 額度 \U0001f600 \x1f'
    lot = make.make_grant(amount="1000").lot_id
    batch = db.session.scalar(select(Batch.id).limit(1))
    written = [(lot, 2**63 - 1, NOW, odd, "top_up"), (lot, 1, last, "", "return"), (lot, 0, None, odd, "void")]

    transaction(lambda: bulk_insert(
        LotChange, ("lot_id", "amount", "instant", "reason", "kind", "batch_id", "stated_at", "actor"),
        [(*row, batch, NOW, "test") for row in written],
    ))
    *found, less = bulk_read(select(
        LotChange.lot_id, LotChange.amount, LotChange.instant, LotChange.reason, LotChange.kind, -LotChange.amount
    ))

    assert sorted(zip(*found, strict=True), key=itemgetter(1)) == sorted(written, key=itemgetter(1))
    assert sorted(less) == [1 - 2**63, -1, 0]
    assert [list(column) for column in bulk_read(select(LotChange.id, LotChange.instant).where(LotChange.id < 0))] == [
        [], []]


def test_sums_are_read_by_columns_too(app: Flask) -> None:
    """Columns without a name of their own, and grouped."""
    transaction(lambda: bulk_insert(Startup, ("key", "name", "language", "created_at"), [
        (f"startup-{number}", "A" if number % 2 else "B", "en", NOW) for number in range(5)
    ]))

    counted = bulk_read(select(Startup.name, func.count(), func.max(Startup.key)).group_by(Startup.name))

    assert sorted(zip(*counted, strict=True)) == [("A", 2, "startup-3"), ("B", 3, "startup-4")]


@pytest.mark.parametrize("at_once", [1, 4, 100])
def test_rows_that_are_read_in_parts_come_each_once_those_of_one_group_together(app: Flask, at_once: int) -> None:
    lots = [make.make_grant(amount="1000").lot_id for _ in range(3)]
    batch = db.session.scalar(select(Batch.id).limit(1))
    written = [
        (lot, lot * 10 + number, None if number == 1 else NOW + timedelta(days=number % 3))
        for lot in lots for number in range(4)
    ]
    transaction(lambda: bulk_insert(
        LotChange, ("lot_id", "amount", "instant", "reason", "kind", "batch_id", "stated_at", "actor"),
        [(*row, 'a, "b"', "top_up", batch, NOW, "test") for row in written],
    ))
    statement = select(LotChange.lot_id, LotChange.amount, LotChange.instant).where(LotChange.reason == 'a, "b"')

    parts = [list(zip(*part, strict=True)) for part in bulk_parts(statement, at_once, by=LotChange.lot_id)]

    assert all(parts)
    assert sorted((row for part in parts for row in part), key=itemgetter(1)) == written
    if not is_postgresql():
        assert [len(part) for part in parts] == {1: [4, 4, 4], 4: [4, 4, 4], 100: [12]}[at_once]
    assert list(bulk_parts(statement.where(LotChange.id < 0), at_once, by=LotChange.lot_id)) == []
