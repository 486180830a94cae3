"""An award holds its pool's lock while it asks the database, so it asks little, and no more for many than for one."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from creditsvc.db import db, transaction
from creditsvc.grants.awards import Draft, award
from creditsvc.grants.operations import award_grant
from creditsvc.ledger.models import AccountCache, Batch, LotCache, Pool
from creditsvc.ledger.reading import balances
from creditsvc.ledger.verify import verify
from creditsvc.parties.models import Startup
from tests import factories as make
from tests.counting import queries

MOST = {"sqlite": 14, "postgresql": 7}
"""The startup, its calendar, the pool, the account, whether anything draws on it; and eight rows written (batch, lot,
pool, account, two caches, trail, paper), of which PostgreSQL is told in two statements; BEGIN on SQLite. An account
that the award makes is not asked about."""


@pytest.fixture
def park(app):
    make.make_pool("ms-azure", "100000")
    for number in range(40):
        make.make_startup(f"s{number}")


def award_one(key, **more):
    return transaction(lambda: award_grant(
        make.somebody(), startup="s0", pool="ms-azure", amount="1", effective=date(2026, 3, 1), key=key, **more
    ))  # fmt: skip


def award_to(first, last):
    def write():
        pool = db.session.scalars(select(Pool)).one()
        startups = db.session.scalars(select(Startup).order_by(Startup.id)).all()[first:last]
        award(make.somebody(), [
            Draft(one.id, one.key, pool, 10**8, pool.starts, None, make.NOW, key=f"grant-of-{one.key}")
            for one in startups
        ])

    return lambda: transaction(write)


def test_one_award_asks_little(park, database):
    assert queries(lambda: award_one("first")) <= MOST[database]  # which makes the account

    assert queries(lambda: award_one("second")) <= MOST[database]
    assert verify()["differences"] == []


def test_awards_to_many_startups_ask_no_more_than_awards_to_a_few(park):
    few = queries(award_to(0, 2))

    assert queries(award_to(2, 40)) == few
    assert verify()["differences"] == []


def test_an_award_to_an_account_without_its_cache_makes_it_whole(park):
    award_one("first")
    transaction(lambda: [db.session.query(model).delete() for model in (LotCache, AccountCache)])

    award_one("second")

    assert len(db.session.scalars(select(LotCache)).all()) == 2
    assert verify()["differences"] == []


def test_an_award_to_an_account_that_was_drawn_upon_leaves_what_was_drawn(park):
    award_one("first", opening_drawn="0.25", opening_at=date(2026, 3, 2))

    award_one("second")

    account = balances(datetime(2026, 6, 1, tzinfo=UTC))[0]
    assert {lot.key: lot.standing.drawn for lot in account.lots} == {"first": 25 * 10**6, "second": 0}
    assert [batch.number for batch in db.session.scalars(select(Batch).order_by(Batch.id))] == [1, 2]
    assert verify()["differences"] == []
