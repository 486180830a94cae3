"""Statements of hours and seats: what was held, used, corrected, assigned; the running balance ends at the balance."""

from datetime import datetime, timedelta

import pytest
from flask import Flask

from creditsvc.ledger.documents import balance_document
from creditsvc.ledger.reading import balances
from creditsvc.parties.access import operator
from creditsvc.statements.reading import statement, statement_document
from tests.conftest import NOW
from tests.ledger.books import change
from tests.ledger.holdings import (
    AUGUST,
    JULY,
    JUNE,
    award,
    correct,
    end,
    hold,
    holding,
    lot_id,
    make_park,
    seat,
    use,
    vacate,
)

TOMORROW = NOW + timedelta(days=1)
DAY = timedelta(days=1)


@pytest.fixture
def park(app: Flask) -> None:
    make_park()
    award("hours", "june", 600, JUNE, JULY)
    award("hours", "july", 600, JULY, AUGUST)
    award("seats", "three", 3, JUNE, JULY)


def told(resource: str, as_of: datetime) -> dict:
    document = statement_document(statement(operator(as_of), "acme"))
    return next(account for account in document["accounts"] if account["resource"] == resource)


def lines(account: dict) -> list[tuple]:
    return [(entry["kind"], entry["amount"], entry["change"], entry["remaining"]) for entry in account["entries"]]


def test_hours_that_are_held_used_and_corrected_are_told(park: None):
    hold("booking:1:0", 120, TOMORROW)
    hold("booking:2:0", 60, TOMORROW + DAY)
    end("booking:1:0", "confirmed", 90, use("booking:1", 90, TOMORROW))
    correct(use("booking:1", -30, TOMORROW))

    account = told("hours", TOMORROW + 2 * DAY)

    assert lines(account)[2:] == [
        ("effective", "10", "10", "10"),
        ("hold", "2", "-2", "8"), ("hold", "1", "-1", "7"), ("release", "2", "2", "9"),
        ("usage", "1.5", "-1.5", "7.5"), ("restatement", "-0.5", "0.5", "8"),
    ]
    assert [entry["text"] for entry in account["entries"]][3:] == [
        "Held for a session that is booked", "Held for a session that is booked", "No longer held",
        "Used by a session", "Correction: what the session used was stated anew",
    ]
    assert account["entries"][-2]["paid_from"] == [{"grant": "june", "amount": "1.5"}]


def test_seats_that_are_assigned_and_free_again_are_told(park: None):
    first, _ = seat(lot_id("three"), JUNE + DAY, count=2)
    vacate(first, JUNE + 3 * DAY)
    vacate(seat(lot_id("three"), TOMORROW)[0], TOMORROW)  # taken back before it began
    seat(lot_id("three"), NOW, NOW + DAY)

    account = told("seats", JULY)

    assert lines(account)[1:] == [
        ("effective", "3", "3", "3"), ("assign", "1", "-1", "2"), ("assign", "1", "-1", "1"),
        ("vacate", "1", "1", "2"), ("assign", "1", "-1", "1"), ("vacate", "1", "1", "2"),
        ("vacate", "1", "1", "3"), ("expiry", "3", "-3", "0"),
    ]


@pytest.mark.parametrize("as_of", [JUNE - DAY, JUNE, NOW, TOMORROW, TOMORROW + 2 * DAY, JULY, JULY + DAY, AUGUST])
def test_the_last_running_balance_is_the_balance(park: None, as_of: datetime):
    hold("booking:1:0", 120, TOMORROW)
    hold("booking:2:0", 300, JULY + DAY)
    hold("booking:3:0", 30, TOMORROW + DAY)
    end("booking:1:0", "confirmed", 120, use("booking:1", 120, TOMORROW), use("booking:1", 20, TOMORROW, "excess"))
    end("booking:3:0", "released")
    change("july", "top_up", amount="0.00000060", instant=None)
    seats = seat(lot_id("three"), NOW, count=3)
    vacate(seats[0], NOW + DAY)

    for resource in ("hours", "seats"):
        account, view = told(resource, as_of), holding(resource, as_of)
        expected = balance_document("acme", [view], as_of, as_of, {})["accounts"][0]["remaining"]
        assert (account["entries"][-1]["remaining"] if account["entries"] else "0") == expected
        assert account["closing"]["remaining"] == expected


def test_a_balance_of_hours_is_in_hours_and_of_seats_says_who_is_free(park: None):
    hold("booking:1:0", 90, TOMORROW)
    seat(lot_id("three"), count=2)

    document = balance_document("acme", balances(NOW), NOW, NOW, {})
    hours, seats = document["accounts"]

    assert (hours["unit"], hours["granted"], hours["held"], hours["remaining"], hours["not_yet"]) == (
        "hour", "20", "1.5", "8.5", "10"
    )
    assert [one["held"] for one in hours["grants"]] == ["1.5", "0"]
    assert (seats["unit"], seats["granted"], seats["assigned"], seats["free"]) == ("seat", "3", "2", "1")
    assert "assigned" not in hours
