from datetime import UTC, date, datetime

import pytest

from creditsvc.core.errors import Forbidden, NotFound, RuleBroken
from creditsvc.grants import reading
from tests import factories as make
from tests.counting import queries

USD = 10**8


@pytest.fixture
def park(app):
    make.make_partner("microsoft")
    make.make_partner("github", "GitHub")
    make.make_pool("ms-azure", "100000", partner="microsoft")
    make.make_pool("gh-azure", "500", partner="github")
    make.make_startup("a")
    make.make_startup("b")
    for startup, pool, key in (("a", "ms-azure", "a1"), ("b", "gh-azure", "b1"), ("a", "ms-azure", "a2")):
        make.make_grant(startup, pool, "10", key=key)
    return app


def keys(views):
    return [view.key for view in views]


def test_grants_come_in_the_order_of_their_award(park):
    assert keys(reading.grants_of(make.somebody())) == ["a1", "b1", "a2"]
    assert keys(reading.grants_of(make.somebody(), "a")) == ["a1", "a2"]


def test_grants_are_read_page_by_page(park):
    assert keys(reading.grants_of(make.somebody(), None, None, 2)) == ["a1", "b1"]
    assert keys(reading.grants_of(make.somebody(), None, "b1", 2)) == ["a2"]


def test_going_on_from_a_grant_that_there_is_not_is_refused(park):
    with pytest.raises(RuleBroken) as refusal:
        reading.grants_of(make.somebody(), after="nothing")

    assert (refusal.value.field, refusal.value.code) == ("after", "unknown-grant")


def test_a_grant_is_read_as_of_an_instant(park):
    early = reading.find_grant(make.somebody(), "a1", as_of=datetime(2026, 2, 1, tzinfo=UTC))

    assert (early.lot.standing.not_yet, early.lot.standing.remaining) == (10 * USD, 0)
    assert (early.startup, early.resource, early.unit.name, early.lot.pool) == ("a", "azure-credit", "USD", "ms-azure")


def test_a_founder_sees_the_grants_of_their_startup_alone(park):
    founder = make.caller(make.make_member("a"))

    assert keys(reading.grants_of(founder)) == ["a1", "a2"]
    with pytest.raises(NotFound):
        reading.find_grant(founder, "b1")
    with pytest.raises(NotFound):
        reading.grants_of(founder, "b")
    with pytest.raises(RuleBroken):
        reading.grants_of(founder, after="b1")


def test_a_hundred_grants_take_as_many_queries_as_two(park):
    few = queries(lambda: reading.grants_of(make.somebody()))
    for number in range(20):
        make.make_grant("b", "ms-azure", "1", key=f"more-{number}")

    assert queries(lambda: reading.grants_of(make.somebody())) == few


def test_a_pool_says_what_is_promised_and_left(park):
    pool = reading.pools(make.somebody())[1]

    assert (pool.key, pool.partner, pool.resource, pool.unit.name) == ("ms-azure", "microsoft", "azure-credit", "USD")
    assert (pool.amount, pool.committed, pool.left) == (100000 * USD, 20 * USD, 99980 * USD)
    assert pool.starts == datetime(2025, 12, 31, 16, tzinfo=UTC)


def test_a_partners_viewer_sees_its_own_pools_alone(park):
    partner_id = make.partner_of("github").id
    viewer = make.caller(make.make_person(role="partner", partner_id=partner_id))

    assert [pool.key for pool in reading.pools(viewer)] == ["gh-azure"]


def test_a_founder_sees_no_pools(park):
    with pytest.raises(Forbidden):
        reading.pools(make.caller(make.make_member("a")))


def test_a_day_outside_any_grant_shows_nothing_that_remains(park):
    late = reading.find_grant(make.somebody(), "a1", as_of=datetime.combine(date(2028, 1, 1), datetime.min.time(), UTC))

    assert (late.lot.standing.expired, late.lot.standing.remaining) == (10 * USD, 0)
