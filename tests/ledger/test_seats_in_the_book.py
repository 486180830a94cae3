"""Seats in the book: at no instant more taken than granted, nor granted than the pool has; on both databases."""

from datetime import timedelta

import pytest
from flask import Flask

from creditsvc.core.errors import NotFound, RuleBroken
from creditsvc.db import db
from creditsvc.ledger.models import Pool
from creditsvc.ledger.seats import seats_of
from creditsvc.ledger.verify import verify
from tests.conftest import NOW
from tests.ledger.books import change
from tests.ledger.holdings import (
    AUGUST,
    JULY,
    JUNE,
    account_id,
    award,
    holding,
    lot_id,
    make_park,
    seat,
    vacate,
)

pytestmark = pytest.mark.usefixtures("park")


@pytest.fixture
def park(app: Flask) -> None:
    """A pool of ten seats; acme has three of them in June and July."""
    make_park(seats=10)
    award("seats", "three", 3, JUNE, AUGUST)


def committed() -> int:
    return db.session.query(Pool).filter_by(key="seats").populate_existing().one().committed


def test_seats_that_are_taken_are_not_free():
    seat(lot_id("three"), count=2)

    view = holding("seats")
    assert (view.granted, view.drawn, view.remaining) == (3, 2, 1)
    assert holding("seats", JUNE - timedelta(days=1)).drawn == 0
    assert (holding("seats", AUGUST).drawn, holding("seats", AUGUST).expired) == (0, 3)
    assert verify()["differences"] == []


def test_one_seat_too_many_at_any_instant_is_refused():
    seat(lot_id("three"), until=JULY, count=3)

    with pytest.raises(RuleBroken, match="has 3 seats, and 4 would be taken") as refusal:
        seat(lot_id("three"), JULY - timedelta(seconds=1))

    assert (refusal.value.field, refusal.value.code) == ("seats", "none-free")
    assert len(seat(lot_id("three"), JULY, count=3)) == 3  # free from the very instant on
    assert holding("seats").drawn == 3
    assert verify()["differences"] == []


def test_a_seat_is_free_again_from_the_instant_of_its_release():
    first, second, third = seat(lot_id("three"), count=3)
    vacate(second, NOW)

    assert holding("seats", NOW - timedelta(seconds=1)).drawn == 3
    assert holding("seats", NOW).drawn == 2
    with pytest.raises(RuleBroken):
        seat(lot_id("three"), NOW - timedelta(seconds=1))
    seat(lot_id("three"), NOW)
    vacate(third, JUNE)  # as if it had never been
    assert holding("seats", JUNE).drawn == 2
    assert [(one.id, one.is_taken(NOW)) for one in seats_of([account_id("seats")])][:3] == [
        (first, True), (second, False), (third, False),
    ]


def test_a_seat_ends_with_its_lot_and_an_extension_carries_it_on():
    (only,) = seat(lot_id("three"))
    assert seats_of([account_id("seats")])[0].ends_at == AUGUST

    change("three", "extend", instant=AUGUST + timedelta(days=30))

    assert seats_of([account_id("seats")])[0].ends_at == AUGUST + timedelta(days=30)
    assert holding("seats", AUGUST).drawn == 1
    with pytest.raises(NotFound):
        vacate(only + 1, NOW)


def test_seats_are_not_returned_from_under_the_people_on_them():
    seat(lot_id("three"), count=2)

    with pytest.raises(RuleBroken, match="has 1 seats, and 2 would be taken"):
        change("three", "return", amount="0.00000002")

    change("three", "return", amount="0.00000001")
    assert (holding("seats").granted, committed()) == (2, 2)


def test_a_pool_promises_no_more_seats_at_once_than_it_has():
    award("seats", "seven", 7, JULY, AUGUST)
    assert committed() == 10

    with pytest.raises(RuleBroken, match="the pool seats has 0 seat left, not 1"):
        award("seats", "more", 1, AUGUST - timedelta(seconds=1), None)

    award("seats", "later", 10, AUGUST, None)  # when the others are over
    assert committed() == 10
    with pytest.raises(RuleBroken, match="pool seats has"):
        change("seven", "extend", instant=AUGUST + timedelta(days=1))
    change("later", "void", instant=AUGUST + timedelta(days=1))
    award("seats", "after", 10, AUGUST + timedelta(days=1), None)
    assert verify()["differences"] == []


def test_as_it_was_known_then():
    (taken,) = seat(lot_id("three"))
    batch = holding("seats")
    vacate(taken, NOW - timedelta(days=1))

    assert holding("seats").drawn == 0
    assert batch.drawn == 1
    assert holding("seats").batch == batch.batch + 1
