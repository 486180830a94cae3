"""How much pages ask of the database, and that the list's filters, which the caches answer, say what balances say."""

from datetime import date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from creditsvc.alerts.startup_conditions import CHOICES
from creditsvc.db import db, transaction
from creditsvc.ledger.book import renew_caches
from creditsvc.ledger.caches import uncached
from creditsvc.ledger.listing import FILTERS, chosen_condition, rows_of
from creditsvc.ledger.models import AccountCache, LotCache
from creditsvc.ledger.verify import verify
from creditsvc.parties.reading import list_startups
from tests import counting, factories
from tests.factories import NOW, do, somebody
from tests.journeys.scene import make_park
from tests.licences.sitting import give, make_product, sit

MOST = 12
ADDRESSES = (
    "/startups", "/startups?q=a", *(f"/startups?show={chosen}" for chosen in CHOICES), "/startups/harbour-robotics",
    "/startups/harbour-robotics/statement", "/startups/harbour-robotics/usage",
)

BOTH_DATABASES = True


@pytest.fixture
def park(app: Flask) -> Flask:
    """Startups with fates of several kinds; one holds a second resource, one has data of days that did not come."""
    make_park()
    factories.make_resource("github-credit", provider="github")
    pool = factories.make_pool("gh", resource="github-credit")
    factories.make_grant("harbour-robotics", pool.key, effective=date(2026, 7, 1), key="harbour-later")
    factories.make_startup("nothing-yet")
    _give_hours_and_seats()
    db.session.expunge_all()
    return app


def _give_hours_and_seats() -> None:
    """A startup with an hour that ends soon, and seats of which all are taken."""
    factories.make_resource("advice", "hours", "hour", None)
    make_product()
    lotus = factories.make_startup("lotus").key
    factories.make_grant(lotus, factories.make_pool(resource="advice").key, "1", expires=date(2026, 7, 1), key="hour")
    give(lotus, "one-seat", 1, last=date(2026, 7, 20))
    sit("a", "lotus")


def test_no_page_of_startups_asks_more_than_a_dozen_things(park: Flask, browse_as):
    manager = browse_as(factories.make_person("lee@park.example", "manager"))

    asked = {address: counting.queries(lambda address=address: manager.get(address)) for address in ADDRESSES}

    assert {manager.get(address).status for address in ADDRESSES} == {200}
    assert {address: number for address, number in asked.items() if number > MOST} == {}


def flagged(chosen: str, now: datetime) -> list[str]:
    """The startups of which the balances say so."""
    db.session.expunge_all()
    everybody = list_startups(somebody(now))
    return [row.key for row in rows_of(everybody, now) if chosen in row.flags]


def found(chosen: str, now: datetime) -> list[str]:
    db.session.expunge_all()
    caller = somebody(now)
    return [one.key for one in list_startups(caller, where=chosen_condition(caller, chosen))]


INSTANTS = [NOW - timedelta(days=40), NOW, NOW + timedelta(days=20), NOW + timedelta(days=200),
            NOW + timedelta(days=400)]  # fmt: skip


def throw_all_away() -> None:
    for cache in (LotCache, AccountCache):
        db.session.execute(delete(cache))


def throw_some_away() -> None:
    one = db.session.scalars(select(AccountCache.account_id).order_by(AccountCache.account_id)).first()
    db.session.execute(delete(LotCache).where(LotCache.account_id == one))
    db.session.execute(delete(AccountCache).where(AccountCache.account_id == one))


def nothing() -> None:
    pass


@pytest.mark.parametrize("lose", [nothing, throw_some_away, throw_all_away])
def test_each_filter_finds_those_whose_balances_say_so(park: Flask, lose):
    transaction(lose)

    answers = {(chosen, now): found(chosen, now) for chosen in FILTERS for now in INSTANTS}

    assert answers == {(chosen, now): flagged(chosen, now) for chosen in FILTERS for now in INSTANTS}
    assert {chosen for (chosen, _), keys in answers.items() if keys} == set(FILTERS)


def test_a_cache_that_says_otherwise_would_show(park: Flask):
    transaction(lambda: db.session.execute(update(AccountCache).values(uncovered=AccountCache.uncovered + 1)))

    assert found("uncovered", NOW) != found("used-up", NOW)
    assert len(found("uncovered", NOW)) > 2


@pytest.mark.parametrize("chosen", FILTERS)
def test_a_filtered_list_goes_on_from_any_of_its_startups(park: Flask, chosen: str):
    now = max(INSTANTS, key=lambda now: len(found(chosen, now)))
    whole, caller = found(chosen, now), somebody(now)

    rest = [
        [one.key for one in list_startups(caller, after=key, limit=1, where=chosen_condition(caller, chosen))]
        for key in whole
    ]

    assert whole
    assert rest == [*([key] for key in whole[1:]), []]


def test_caches_thrown_away_are_made_anew_as_they_were(park: Flask):
    def kept() -> list[object]:
        columns = [*AccountCache.__table__.columns, *LotCache.__table__.columns]
        return [db.session.execute(select(column).order_by(column)).all() for column in columns]

    before = kept()
    transaction(throw_all_away)
    lost = do(lambda: uncached(100))
    transaction(lambda: renew_caches(lost))

    assert len(lost) > 8
    assert kept() == before
    assert do(lambda: uncached(100)) == []
    assert verify()["differences"] == []
