"""Hours in the book: holds reserve, are confirmed, released or time out, once; on both databases (L10, L14)."""

from datetime import datetime, timedelta

import pytest
from flask import Flask

from creditsvc.core.errors import Conflict, NotFound, RuleBroken
from creditsvc.db import db
from creditsvc.ledger.models import AccountCache, Batch, LotCache
from creditsvc.ledger.verify import verify
from tests.conftest import NOW
from tests.ledger.books import change
from tests.ledger.holdings import (
    AUGUST,
    JULY,
    JUNE,
    account_id,
    award,
    correct,
    end,
    hold,
    holding,
    make_park,
    use,
)

pytestmark = pytest.mark.usefixtures("hours")
TOMORROW, NEXT_MONTH = NOW + timedelta(days=1), JULY + timedelta(days=3)


@pytest.fixture
def hours(app: Flask) -> None:
    """acme has ten hours until the end of June, and ten more from then until the end of July."""
    make_park()
    award("hours", "june", 600, JUNE, JULY)
    award("hours", "july", 600, JULY, AUGUST)


def words(as_of: datetime = NOW) -> tuple[int, int, int, int, int]:
    """(drawn, held, remaining, not yet, expired), which with voided come to what was granted."""
    view = holding("hours", as_of)
    assert view.granted == view.drawn + view.held + view.expired + view.voided + view.not_yet + view.remaining
    return (view.drawn, view.held, view.remaining, view.not_yet, view.expired)


def test_a_hold_leaves_less_to_be_had_and_a_release_gives_it_back():
    hold("booking:1:0", 120, TOMORROW)

    assert words() == (0, 120, 480, 600, 0)
    assert holding("hours").available == 480

    end("booking:1:0", "released")

    assert words() == (0, 0, 600, 600, 0)
    assert verify()["differences"] == []


def test_what_was_used_is_drawn_and_the_rest_of_the_hold_is_free_again():
    hold("booking:1:0", 120, TOMORROW)
    end("booking:1:0", "confirmed", 90, use("booking:1", 90, TOMORROW))

    assert words(TOMORROW) == (90, 0, 510, 600, 0)
    assert words() == (0, 0, 600, 600, 0)  # the session is tomorrow
    assert verify()["differences"] == []


def test_a_longer_session_draws_the_excess_as_far_as_nothing_is_held():
    hold("booking:1:0", 120, TOMORROW)
    hold("booking:2:0", 460, TOMORROW + timedelta(days=2))
    end("booking:1:0", "confirmed", 120, use("booking:1", 120, TOMORROW), use("booking:1", 50, TOMORROW, "excess"))

    view = holding("hours", TOMORROW)
    assert (view.drawn, view.held, view.remaining, view.uncovered) == (140, 460, 0, 30)
    assert verify()["differences"] == []


def test_an_excess_that_nobody_pays_is_uncovered_though_hours_are_left():
    hold("booking:1:0", 60, TOMORROW)
    end("booking:1:0", "confirmed", 60, use("booking:1", 60, TOMORROW), use("booking:1", 15, TOMORROW, "uncovered"))

    view = holding("hours", TOMORROW)
    assert (view.drawn, view.remaining, view.uncovered) == (60, 540, 15)


def test_a_hold_is_of_the_hours_of_its_own_day():
    hold("booking:1:0", 600, NEXT_MONTH)

    assert words() == (0, 600, 600, 0, 0)
    with pytest.raises(RuleBroken, match="0 hours can be booked for"):
        hold("booking:2:0", 1, NEXT_MONTH)
    hold("booking:3:0", 600, TOMORROW)


def test_more_than_is_left_is_refused_and_changes_nothing():
    hold("booking:1:0", 540, TOMORROW)

    with pytest.raises(RuleBroken, match=r"1 hours can be booked for .*, not 1\.5") as refusal:
        hold("booking:2:0", 90, TOMORROW)

    assert (refusal.value.field, refusal.value.code) == ("amount", "not-available")
    assert words() == (0, 540, 60, 600, 0)
    with pytest.raises(RuleBroken, match=r"10 hours can be booked for .*, not 11"):
        hold("booking:3:0", 660, NEXT_MONTH)
    assert verify()["differences"] == []


def test_a_hold_outlives_the_expiry_of_its_lot():
    hold("booking:1:0", 120, JULY - timedelta(minutes=30))

    assert words(NEXT_MONTH) == (0, 120, 600, 0, 480)

    end("booking:1:0", "confirmed", 100, use("booking:1", 100, JULY - timedelta(minutes=30)))

    assert words(NEXT_MONTH) == (100, 0, 600, 0, 500)


@pytest.mark.parametrize("kind, amount, code", [
    ("confirmed", 60, "already-confirmed"), ("released", 0, "already-released"), ("timed_out", 0, "already-timed-out"),
])  # fmt: skip
def test_a_hold_ends_once(kind: str, amount: int, code: str):
    hold("booking:1:0", 60, TOMORROW)
    end("booking:1:0", kind, amount)

    for again, minutes in (("released", 0), ("confirmed", 10), ("timed_out", 0)):
        with pytest.raises(Conflict) as refusal:
            end("booking:1:0", again, minutes)
        assert refusal.value.code == code


def test_confirming_more_than_is_held_is_refused():
    hold("booking:1:0", 60, TOMORROW)

    with pytest.raises(RuleBroken, match="61 minutes are more than the 60") as refusal:
        end("booking:1:0", "confirmed", 61)
    with pytest.raises(RuleBroken, match="50 minutes are more than the 40"):
        end("booking:1:0", "confirmed", 40, use("booking:1", 50, TOMORROW))
    with pytest.raises(NotFound):
        end("booking:9:0", "released")

    assert refusal.value.code == "exceeds-hold"
    assert words() == (0, 60, 540, 600, 0)


def test_a_session_is_corrected_by_further_postings():
    hold("booking:1:0", 60, TOMORROW)
    end("booking:1:0", "confirmed", 60, use("booking:1", 60, TOMORROW))
    first = holding("hours").batch

    correct(use("booking:1", -20, TOMORROW))

    assert words(TOMORROW) == (40, 0, 560, 600, 0)
    assert holding("hours").batch == first + 1
    correct(use("booking:1", 20, TOMORROW), use("booking:1", 15, TOMORROW, "excess"))
    assert words(TOMORROW) == (75, 0, 525, 600, 0)
    with pytest.raises(RuleBroken, match="no less than nothing"):
        correct(use("booking:1", -61, TOMORROW))
    with pytest.raises(RuleBroken, match="61 minutes are more than the 60"):
        correct(use("booking:1", 1, TOMORROW))
    assert verify()["differences"] == []


@pytest.mark.parametrize("kind", ["void", "return"])
def test_what_is_promised_can_be_taken_from_no_lot(kind: str):
    hold("booking:1:0", 120, TOMORROW)

    with pytest.raises(Conflict, match="held for sessions that are booked") as refusal:
        change("june", kind, amount="0.000006", instant=NOW)  # 600 minutes

    assert (refusal.value.field, refusal.value.code) == ("grant", "held")
    assert words() == (0, 120, 480, 600, 0)


def test_a_balance_as_it_was_known_then_holds_what_was_held_then():
    hold("booking:1:0", 120, TOMORROW)
    before = holding("hours")
    end("booking:1:0", "released")

    known = holding("hours", known_at=_recorded_at(before.batch))

    assert (known.batch, known.held, known.remaining) == (before.batch, 120, 480)
    assert holding("hours").held == 0


def _recorded_at(number: int) -> datetime:

    return db.session.query(Batch).filter_by(account_id=account_id(), number=number).one().recorded_at


def test_caches_give_what_postings_give():
    hold("booking:1:0", 120, TOMORROW)
    hold("booking:2:0", 60, NEXT_MONTH)
    end("booking:1:0", "confirmed", 90, use("booking:1", 90, TOMORROW))
    cached = [holding("hours", as_of) for as_of in (NOW, TOMORROW, NEXT_MONTH)]

    for model in (LotCache, AccountCache):
        db.session.query(model).delete()

    assert [holding("hours", as_of) for as_of in (NOW, TOMORROW, NEXT_MONTH)] == cached
    db.session.rollback()
