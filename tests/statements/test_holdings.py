"""Credit, hours and seats in one shape, with what happens next; and what became of what partners gave."""

from datetime import UTC, date, datetime

import pytest
from flask import Flask

from creditsvc.ledger.models import AccountCache, LotCache
from creditsvc.ledger.reading import holdings_of
from creditsvc.ledger.seat_outlook import all_forecasts
from creditsvc.parties.access import operator
from creditsvc.statements.holdings import holding_document, holdings
from creditsvc.statements.partners import pool_reports
from tests import factories as make
from tests.conftest import NOW
from tests.consulting.scenes import book, fill
from tests.ledger.holdings import award, make_park, one_a_week

MARCH = datetime.fromisoformat("2026-03-01T00:00:00+08:00")
YEARS_END = datetime.fromisoformat("2027-01-01T00:00:00+08:00")


@pytest.fixture
def park(app: Flask) -> None:
    """acme has ten hours in June and July each, five seats until the end of June, and credit."""
    fill()
    make.make_resource("m365", "seats", None, None)
    make.make_partner("giver")
    make.make_pool("ms-seats", "50", resource="m365", partner="giver")
    make.make_pool("ms-azure", "1000", partner="giver")
    make.make_grant("acme", "ms-seats", "5", effective=date(2026, 6, 1), expires=date(2026, 6, 30), key="seats")
    make.make_grant("acme", "ms-azure", "100", effective=date(2026, 6, 1), expires=date(2026, 12, 31))


def shapes(now: datetime = NOW) -> dict[str, dict]:
    views = holdings_of(operator(now), "acme", now)[1]
    return {one.kind: holding_document(one) for one in holdings(views, {}, now, {})}


def test_every_kind_has_the_same_shape(park: None):
    book(minutes=90)

    assert list(shapes()) == ["credit", "hours", "seats"]
    assert len({tuple(one) for one in shapes().values()}) == 1

    hours = shapes()["hours"]
    assert {key: hours[key] for key in ("unit", "granted", "used", "reserved", "left", "until", "next", "next_on")} == {
        "unit": "hour", "granted": "20", "used": "0", "reserved": "1.5", "left": "8.5",
        "until": "2026-06-30T16:00:00Z", "next": "8.5 hour that nobody has booked expire on 2026-06-30.",
        "next_on": "2026-06-30",
    }

def test_what_happens_next_is_said_of_seats_with_the_people_on_them(park: None):
    seats = shapes()["seats"]

    assert (seats["granted"], seats["used"], seats["left"]) == ("5", "0", "5")
    assert seats["next"] == "Until 2026-06-30: 5 seat, people on them: 0."


@pytest.mark.parametrize("now, kind, sentence", [
    (datetime(2026, 5, 1, tzinfo=UTC), "hours", "10 hour can be used from 2026-06-01 on."),
    (datetime(2026, 8, 2, tzinfo=UTC), "hours", "Nothing is left."),
    (datetime(2026, 8, 2, tzinfo=UTC), "seats", "Nothing is left."),
    (datetime(2026, 8, 2, tzinfo=UTC), "credit", "100 USD of it expires on 2026-12-31."),
])  # fmt: skip
def test_what_happens_next_depends_on_the_day(park: None, now: datetime, kind: str, sentence: str):
    assert shapes(now)[kind]["next"] == sentence


@pytest.mark.parametrize("amount, sentence", [
    (11, "As seats are taken now, none is free from 2026-06-29 on."),
    (60, "Until 2026-12-31: 60 seat, people on them: 9."),
    (9, "Until 2026-12-31: 9 seat, people on them: 9."),
])
def test_of_seats_it_says_from_when_on_none_will_be_free(app: Flask, amount: int, sentence: str):
    make_park()
    one_a_week(award("seats", "spring", amount, MARCH, YEARS_END))
    views = holdings_of(operator(NOW), "acme", NOW)[1]

    (found,) = holdings(views, all_forecasts(views, NOW), NOW, {})

    assert holding_document(found)["next"] == sentence


def test_what_does_not_end_says_so(park: None):
    make.make_grant("other", "ms-azure", "5", effective=date(2026, 6, 1), expires=None)
    make.make_grant("other", "ms-seats", "5", effective=date(2026, 6, 1), expires=None)
    views = holdings_of(operator(NOW), "other", NOW)[1]

    assert [one.next_text for one in holdings(views, {}, NOW, {})] == ["It does not expire.", "They do not end."]


def test_a_partner_sees_what_became_of_its_pools_and_no_startup(park: None):
    book(minutes=90)
    viewer = make.caller(make.make_person(role="partner", partner_id=make.partner_of("giver").id))
    reports = {one.pool.key: (one.pool.committed, one.used, one.reserved, one.startups) for one in pool_reports(viewer)}

    assert reports == {"ms-azure": (100 * 10**8, 0, 0, 1), "ms-seats": (5, 0, 0, 1)}
    all_of_them = {one.pool.key: (one.pool.committed, one.reserved) for one in pool_reports(operator(NOW))}
    assert all_of_them["consultants"] == (1200, 90)


def test_pools_are_told_alike_without_caches(park: None):
    book(minutes=90)
    before = pool_reports(operator(NOW))
    for model in (LotCache, AccountCache):
        make.do(lambda model=model: make.db.session.query(model).delete())

    assert pool_reports(operator(NOW)) == before
