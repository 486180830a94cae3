"""Verify names what somebody did to holds, sessions and seats behind the book's back (L14, L18)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Table, delete, insert, select, update

from creditsvc.db import db, transaction
from creditsvc.ledger.models import Batch, HoldEnd, HoldFact, HoursFact, LotCache, Posting, SeatEnd, SeatFact
from creditsvc.ledger.verify import verify
from tests.conftest import NOW
from tests.ledger.holdings import AUGUST, JULY, JUNE, account_id, award, end, hold, lot_id, make_park, seat, use, vacate

TOMORROW = NOW + timedelta(days=1)
HOURS, SEATS = "acme/hours", "acme/seats"


@pytest.fixture
def book(app: Flask) -> None:
    """acme has one hold that stands, one that was confirmed, one that was released; two of three seats, one vacated."""
    make_park()
    award("hours", "june", 600, JUNE, JULY)
    award("seats", "three", 3, JUNE, AUGUST)
    hold("booking:1:0", 60, TOMORROW)
    hold("booking:2:0", 120, TOMORROW)
    hold("booking:3:0", 30, TOMORROW)
    end("booking:2:0", "confirmed", 100, use("booking:2", 100, TOMORROW), use("booking:2", 5, TOMORROW, "excess"))
    end("booking:3:0", "released")
    first, *_ = seat(lot_id("three"), count=3)
    vacate(first, NOW)


def table(model: Any) -> Table:
    found: Table = model.__table__
    return found


def more_is_held() -> Any:
    return update(table(HoldFact)).where(HoldFact.key == "booking:1:0").values(amount=61)


def another_day() -> Any:
    return update(table(HoldFact)).where(HoldFact.key == "booking:1:0").values(at=AUGUST)


def a_hold_is_gone() -> Any:
    return delete(table(HoldFact)).where(HoldFact.key == "booking:1:0")


def an_end_is_gone() -> Any:
    return delete(table(HoldEnd)).where(HoldEnd.kind == "released")


def more_was_confirmed_than_held() -> Any:
    return update(table(HoldEnd)).where(HoldEnd.kind == "confirmed").values(amount=121)


def a_release_that_gives() -> Any:
    return update(table(HoldEnd)).where(HoldEnd.kind == "released").values(amount=7)


def a_session_used_more() -> Any:
    return update(table(HoursFact)).where(HoursFact.kind == "confirmed").values(amount=101)


def a_session_used_less_than_nothing() -> Any:
    return update(table(HoursFact)).where(HoursFact.kind == "excess").values(amount=-5)


def a_session_is_paid_by_nobody() -> Any:
    return update(table(HoursFact)).where(HoursFact.kind == "excess").values(kind="uncovered")


def a_session_is_gone() -> Any:
    return delete(table(HoursFact)).where(HoursFact.kind == "excess")


def the_posting_of_a_hold_is_gone() -> Any:
    newest = select(Posting.id).where(Posting.kind == "held").order_by(Posting.id).limit(1).scalar_subquery()
    return delete(table(Posting)).where(Posting.id == newest)


def the_cache_holds_less() -> Any:
    return update(table(LotCache)).where(LotCache.lot_id == lot_id("june")).values(held=LotCache.held - 1)


def a_session_of_anothers_batch() -> Any:
    stray = select(Batch.id).where(Batch.account_id == account_id("seats")).limit(1).scalar_subquery()
    return update(table(HoursFact)).where(HoursFact.kind == "excess").values(batch_id=stray)


def one_more_seat_is_taken() -> Any:
    return insert(table(SeatFact)).values(
        account_id=account_id("seats"), lot_id=lot_id("three"), batch_id=_batch(), from_at=JUNE, until_at=None,
        stated_at=NOW, actor="nobody",
    )


def a_release_is_gone() -> Any:
    return delete(table(SeatEnd))


def a_seat_begins_earlier() -> Any:
    newest = select(SeatFact.id).order_by(SeatFact.id).limit(1).scalar_subquery()
    return update(table(SeatFact)).where(SeatFact.id == newest).values(from_at=JUNE - timedelta(days=1))


def a_seat_of_anothers_lot() -> Any:
    newest = select(SeatFact.id).order_by(SeatFact.id).limit(1).scalar_subquery()
    return update(table(SeatFact)).where(SeatFact.id == newest).values(lot_id=lot_id("june"))


def _batch() -> int:
    return db.session.execute(select(Batch.id).where(Batch.account_id == account_id("seats")).limit(1)).scalar_one()


FAULTS: tuple[tuple[Callable[[], Any], str, str], ...] = (
    (more_is_held, HOURS, "held "),
    (more_is_held, HOURS, "hash of batch 2"),
    (another_day, HOURS, "minutes held"),
    (a_hold_is_gone, HOURS, "held "),
    (an_end_is_gone, HOURS, "held "),
    (more_was_confirmed_than_held, HOURS, "end of hold booking:2:0"),
    (a_release_that_gives, HOURS, "end of hold booking:3:0"),
    (a_session_used_more, HOURS, "minutes confirmed of booking:2"),
    (a_session_used_more, HOURS, "drawn "),
    (a_session_used_less_than_nothing, HOURS, "minutes excess of booking:2"),
    (a_session_is_paid_by_nobody, HOURS, "uncovered "),
    (a_session_is_gone, HOURS, "drawn "),
    (the_posting_of_a_hold_is_gone, HOURS, "held "),
    (the_cache_holds_less, HOURS, "cached drawn and held"),
    (a_session_of_anothers_batch, HOURS, "cause of session"),
    (one_more_seat_is_taken, SEATS, "seats taken at once of grant three"),
    (one_more_seat_is_taken, SEATS, "hash of batch"),
    (a_release_is_gone, SEATS, "hash of batch"),
    (a_seat_begins_earlier, SEATS, "hash of batch"),
    (a_seat_of_anothers_lot, SEATS, "grant of seat"),
)


def test_a_clean_book_has_no_differences(book: None) -> None:
    assert verify()["differences"] == []


@pytest.mark.parametrize(
    ("plant", "account", "words"), FAULTS, ids=lambda part: part.__name__.replace("_", " ") if callable(part) else ""
)
def test_verify_names_what_somebody_changed(book: None, plant: Callable[[], Any], account: str, words: str) -> None:
    transaction(lambda: db.session.execute(plant()))

    found = [one for one in verify()["differences"] if one["account"] == account and one["what"].startswith(words)]

    assert found, verify()["differences"]
    assert all(one["expected"] != one["found"] for one in found)
