"""What is forecast of seats is read from the book: who was given one, who gave it back, what begins and ends."""

from datetime import date, datetime, timedelta

import pytest
from flask import Flask

from creditsvc.core.forecast_seats import Pace, SeatForecast
from creditsvc.ledger.seat_outlook import all_forecasts, seat_forecasts
from tests.conftest import NOW
from tests.counting import queries
from tests.ledger.holdings import AUGUST, award, holding, make_park, one_a_week, seat, vacate

MARCH = datetime.fromisoformat("2026-03-01T00:00:00+08:00")
JANUARY = datetime.fromisoformat("2027-01-01T00:00:00+08:00")
LAST = date(2026, 6, 14)


@pytest.fixture(autouse=True)
def park(app: Flask) -> None:
    make_park()


def weeks_ago(weeks: int) -> datetime:
    """An instant in the middle of a trailing week, the last one being 1."""
    return NOW - timedelta(days=7 * weeks - 3)


def outlook() -> SeatForecast | None:
    return next(iter(seat_forecasts([holding("seats")], NOW).values()), None)


def told() -> SeatForecast:
    found = outlook()
    assert found is not None
    return found


def test_no_seat_is_free_when_a_usual_week_has_gone_on_for_as_many_weeks_as_seats_are_free():
    one_a_week(award("seats", "spring", 13, MARCH, JANUARY), 2)

    # ten of thirteen are taken on 15 June
    assert told().pace == Pace(LAST, 8, 8, 0, 0)
    assert (told().run_out, told().unused) == (date(2026, 7, 6), {})


def test_seats_that_nobody_will_have_when_the_grant_ends_are_told_by_grant():
    one_a_week(award("seats", "spring", 20, MARCH, AUGUST), 2)

    # 31 July is the last day: six more of the ten that are free are taken by then
    assert (told().run_out, told().unused, told().unused_in_all) == (None, {"spring": 4}, 4)


def test_a_seat_that_is_released_is_one_less_and_one_taken_back_is_none():
    lot = award("seats", "spring", 13, MARCH, JANUARY)
    one_a_week(lot, 2)
    (gone,) = seat(lot, MARCH)
    vacate(gone, weeks_ago(2))
    (never,) = seat(lot, NOW + timedelta(days=3))
    vacate(never, NOW + timedelta(days=1))

    assert (told().pace.given, told().pace.released) == (8, 1)


def test_who_goes_on_in_the_grant_that_follows_neither_comes_nor_goes():
    first, second = award("seats", "old", 10, MARCH, weeks_ago(3)), award("seats", "new", 10, weeks_ago(3), JANUARY)
    seat(first, MARCH, count=6)
    seat(second, weeks_ago(3), count=6)
    seat(second, weeks_ago(1))

    assert (told().pace.given, told().pace.released) == (1, 0)


def test_seats_of_the_grant_that_follows_are_taken_by_those_who_have_one_stated():
    first, second = award("seats", "old", 10, MARCH, AUGUST), award("seats", "new", 8, AUGUST, JANUARY)
    seat(first, MARCH, count=6)
    seat(second, AUGUST, count=7)

    assert (told().run_out, told().unused) == (None, {"old": 4, "new": 1})


def test_what_is_stated_of_days_to_come_counts_as_the_least_that_comes():
    lot = award("seats", "spring", 13, MARCH, JANUARY)
    one_a_week(lot, 2)
    seat(lot, NOW + timedelta(days=2), count=3)

    assert told().run_out == date(2026, 6, 17)


def test_a_seat_that_ends_by_what_was_said_of_it_is_one_of_those_that_a_usual_week_releases():
    lot = award("seats", "spring", 13, MARCH, JANUARY)
    one_a_week(lot, 2)
    seat(lot, MARCH, NOW + timedelta(days=2))

    # eleven are taken; one of them goes on 17 June
    assert told().run_out == date(2026, 7, 6)


@pytest.mark.parametrize("weeks, known", [(5, True), (4, False)])
def test_too_little_tells_nothing(weeks: int, known: bool):
    begun = NOW - timedelta(days=7 * weeks)
    lot = award("seats", "spring", 13, begun, JANUARY)
    seat(lot, begun, count=5)

    assert (outlook() is not None) is known


def test_grants_that_are_over_and_other_kinds_have_none():
    lot = award("seats", "spring", 13, MARCH, NOW - timedelta(days=1))
    seat(lot, MARCH)
    award("hours", "hours", 600, MARCH, JANUARY)

    assert seat_forecasts([holding("seats"), holding("hours")], NOW) == {}


def test_all_forecasts_hold_each_kind_in_its_shape_and_ask_one_statement_each():
    one_a_week(award("seats", "spring", 13, MARCH, JANUARY), 2)
    award("hours", "hours", 600, MARCH, JANUARY)
    views = [holding("seats"), holding("hours")]

    found = all_forecasts(views, NOW)

    assert [isinstance(found[view.id], SeatForecast) for view in views] == [True, False]
    assert queries(lambda: all_forecasts(views, NOW)) == 2
