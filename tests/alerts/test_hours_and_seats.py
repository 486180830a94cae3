"""What a night says of hours that nobody booked, and of seats that end, are free, unused or do not fit the counts."""

from datetime import date, timedelta

import pytest
from flask import Flask

from creditsvc.alerts.night import all_accounts, decide_accounts, night_of
from creditsvc.db import transaction
from creditsvc.grants import operations as grants
from creditsvc.licences.counting import import_counts
from creditsvc.parties.access import operator
from tests import factories
from tests.alerts import scenes
from tests.alerts.scenes import NOW, TODAY, mails, night, told
from tests.counting import queries
from tests.ledger.holdings import AUGUST, JULY, JUNE, award, correct, hold, make_park, use
from tests.licences.scenes import assign, make_seats
from tests.licences.test_count_files import csv_of, read_counts, sku, tenant

TOMORROW = NOW + timedelta(days=1)


@pytest.fixture
def hours(app: Flask) -> Flask:
    make_park()
    factories.make_member("acme", "founder@acme.example")
    award("hours", "june", 600, JUNE, JULY)
    award("hours", "july", 480, JULY, AUGUST)
    return app


@pytest.fixture
def seats(app: Flask) -> Flask:
    make_seats(3)
    factories.make_member("acme", "founder@acme.example")
    return app


def of_rule(document: dict, rule: str) -> list[dict]:
    return [alert for alert in document["alerts"] if alert["rule"] == rule]


def counts(data: bytes, **more) -> None:
    file = read_counts("counts", data)
    transaction(lambda: import_counts(operator(NOW + timedelta(days=26)), file, **more))


def active(*rows: tuple[str, str]) -> bytes:
    return csv_of(*(f"2026-07-10,{email},False,{last},,Office" for email, last in rows))


def test_hours_that_nobody_booked_are_told_in_the_second_half_of_their_month(hours: Flask):
    hold("booking:1:0", 60, TOMORROW)

    nights = [[one for one in told(night(hours, days)) if one[1] == "hours-unbooked"] for days in range(20)]

    # June ends after fifteen and a half days, July begins then
    assert [(day, said) for day, said in enumerate(nights) if said] == [
        (1, [("acme", "hours-unbooked", 30)]), (9, [("acme", "hours-unbooked", 7)]),
    ]


def test_hours_are_told_in_hours_with_what_is_booked_and_what_begins_next(hours: Flask):
    hold("booking:1:0", 90, TOMORROW)

    (alert,) = night(hours, 9)["alerts"]
    text = scenes.text_of(mails(hours)[0])

    assert alert["message"] == "8.5 hours of Hours will expire unbooked in 7 days: 30 June 2026 is the last day"
    assert (alert["holding"], alert["severity"]) == ("june", "warning")
    assert "Booked, and not lost: 1.5 hours. The next 8 hours will begin on 1 July 2026." in " ".join(text.split())
    assert "USD" not in text


def test_hours_all_booked_are_told_as_used_and_not_as_unbooked(hours: Flask):
    hold("booking:1:0", 600, TOMORROW)

    (alert,) = night(hours, 0)["alerts"]

    assert (alert["rule"], alert["threshold"]) == ("used", 100)
    assert alert["message"] == "All of Hours is used or booked"


def test_a_session_beyond_the_hours_there_are_is_told_as_uncovered(hours: Flask):
    correct(use("booking:9", 630, NOW - timedelta(days=1), "excess"))

    said = of_rule(night(hours, 0), "uncovered")

    assert [alert["message"] for alert in said] == ["0.5 hours of sessions beyond what Hours covers"]


def test_seats_that_end_say_how_many_people_lose_theirs(seats: Flask):
    assign("a@acme.example")
    assign("b@acme.example")
    assign("c@acme.example", until=NOW + timedelta(days=3))

    (alert,) = of_rule(night(seats, 20), "expiry")

    assert alert["threshold"] == 30
    assert alert["message"] == "3 seats of Seats will end in 27 days, after 31 July 2026: 2 people will lose theirs"


def test_seats_all_taken_are_no_news(seats: Flask):
    for name in "abc":
        assign(f"{name}@acme.example")

    assert told(night(seats, 0)) == [("acme", "expiry", 60)]
    assert told(night(seats, 16)) == []


def test_seats_that_nobody_had_for_thirty_days_are_told_once(seats: Flask):
    assign("a@acme.example")

    nights = [of_rule(night(seats, days), "seats-unused") for days in (14, 16, 17, 18)]

    assert [len(said) for said in nights] == [0, 1, 0, 0]
    assert nights[1][0]["message"] == "2 seats of Seats free for 30 days"


def test_a_seat_that_was_assigned_and_freed_again_is_free_for_thirty_days_anew(seats: Flask):
    for name in "ab":
        assign(f"{name}@acme.example")
    assign("c@acme.example", until=NOW)

    assert of_rule(night(seats, 29), "seats-unused") == []
    assert len(of_rule(night(seats, 30), "seats-unused")) == 1


def test_seats_that_people_do_not_use_are_told_by_the_publishers_counts(seats: Flask):
    for name in "abc":
        assign(f"{name}@acme.example")
    counts(active(("a@acme.example", "2026-07-09"), ("b@acme.example", "2026-06-05")))

    (alert,) = of_rule(night(seats, 26), "seats-unused")

    assert (alert["holding"], alert["severity"]) == ("seats", "warning")
    assert alert["message"] == "2 seats of Seats assigned and not used, for up to 39 days"


def test_counts_that_do_not_fit_are_told_once(seats: Flask):
    assign("a@acme.example")
    counts(active(("a@acme.example", "2026-07-09"), ("stranger@acme.example", "2026-07-09")), startup="acme")
    counts(tenant(sku("SPB", enabled=0)), startup="acme", counted_on=date(2026, 6, 15))

    said = [of_rule(night(seats, days), "seats-mismatch") for days in (26, 27)]

    assert [len(alerts) for alerts in said] == [1, 0]
    text = " ".join(scenes.text_of(mails(seats)[0]).split())
    assert "1 person has a licence and no seat of ours." in text
    assert "stranger" not in text


def test_seats_that_nobody_has_end_too_and_their_ladder_goes_on(seats: Flask):
    nights = [of_rule(night(seats, days), "expiry") for days in (20, 21, 33)]

    assert [[alert["threshold"] for alert in said] for said in nights] == [[30], [], [14]]
    assert nights[0][0]["message"] == "3 seats of Seats will end after 31 July 2026: nobody has one then"


def test_deciding_asks_the_same_for_many_startups_with_seats_as_for_few(app: Flask):
    few = crowd(2)
    asked_for_few = queries(lambda: decide_accounts(night_of(TODAY, NOW), few))
    many = crowd(8)

    asked_for_many = queries(lambda: decide_accounts(night_of(TODAY, NOW), many))

    assert len(many) == 20
    assert asked_for_many == asked_for_few


def crowd(count: int) -> list[int]:
    """More startups with seats and hours, each with something to tell."""
    factories.make_resource("office", "seats", "seat", None)
    factories.make_resource("advice", "hours", "hour", None)
    for _ in range(count):
        key = factories.make_startup().key
        for resource in ("office", "advice"):
            pool = factories.make_pool(resource=resource).key
            transaction(lambda pool=pool, key=key: grants.award_grant(
                operator(NOW), startup=key, pool=pool, amount="5", effective=date(2026, 3, 1),
                expires=TODAY + timedelta(days=20),
            ))
    return all_accounts()
