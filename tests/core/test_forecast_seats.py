"""When no seat will be free: seats given and released in whole trailing weeks, and the lots that have them."""

import statistics
from collections.abc import Mapping
from datetime import date, timedelta

import pytest

from benchmarks.seats_backtest import KINDS, generated
from creditsvc.core.forecast_seats import Pace, SeatForecast, SeatLot, forecast_seats, pace_of_seats

LAST = date(2026, 6, 14)
TODAY = LAST + timedelta(days=1)
LONG_AGO = date(2026, 1, 1)
FIRST_SEAT = {LONG_AGO: 1}


def weeks_of(*counts: int) -> dict[date, int]:
    """So many in each of the trailing weeks, the last one first, three days before the week's end."""
    return {LAST - timedelta(days=7 * week + 3): count for week, count in enumerate(counts)}


def lot(key: str, amount: int, taken: int, ends: int | None = 365, begins: int = -100) -> SeatLot:
    """A lot from and to so many days after today."""
    return SeatLot(
        key, amount, TODAY + timedelta(days=begins), None if ends is None else TODAY + timedelta(days=ends), taken
    )


def paced(given: int, released: int = 0, distance: int = 0) -> Pace:
    """A pace of eight weeks."""
    return Pace(LAST, 8, given, released, distance)


def days_on(day: date | None) -> int | None:
    """How many days after today."""
    return None if day is None else (day - TODAY).days


def told(pace: Pace, *lots: SeatLot, **stated: Mapping[date, int]) -> SeatForecast:
    return forecast_seats(pace, lots, **stated)


@pytest.mark.parametrize("given, released, expected", [
    (weeks_of(), {}, (8, 0, 0, 0)),
    (weeks_of(*[2] * 8), {}, (8, 16, 0, 0)),
    (weeks_of(*[2] * 8, 40), {}, (8, 16, 0, 0)),
    (weeks_of(*[2] * 8), weeks_of(*[1] * 8), (8, 16, 8, 0)),
    (weeks_of(8), {}, (8, 8, 0, 112)),  # a mean of one: seven off it once, one off it seven times, in eighths
])
def test_what_was_given_and_released_in_up_to_eight_whole_weeks_is_the_pace(given, released, expected):
    pace = pace_of_seats(FIRST_SEAT | given, released, LONG_AGO, LAST)

    assert pace is not None
    assert (pace.weeks, pace.given, pace.released, pace.distance) == expected
    assert pace.last == LAST


@pytest.mark.parametrize("begun, given, weeks", [
    (LONG_AGO, {}, 8),
    (LAST - timedelta(days=27), {}, 4),  # nobody was seated in four weeks: that tells something
    (LAST - timedelta(days=26), {}, None),
    (LONG_AGO, {LAST - timedelta(days=34): 9}, 4),
    (LONG_AGO, {LAST - timedelta(days=33): 9}, None),
    (LAST + timedelta(days=30), {}, None),
])
def test_fewer_than_four_whole_weeks_after_the_first_one_tell_nothing(begun, given, weeks):
    pace = pace_of_seats(given, {}, begun, LAST)

    assert (None if pace is None else pace.weeks) == weeks


def test_those_who_waited_for_the_grant_are_no_pace():
    began = LAST - timedelta(days=34)

    pace = pace_of_seats({began: 12, began + timedelta(days=6): 3, LAST: 1}, {}, began, LAST)

    assert pace == Pace(LAST, 4, 1, 0, 6)


@pytest.mark.parametrize("pace, one, run_out, unused", [
    (paced(8), lot("a", 10, 7), 21, 0),  # one a week: the third of them takes the last
    (paced(8), lot("a", 10, 7, ends=21), None, 1),
    (paced(8), lot("a", 10, 7, ends=22), 21, 0),
    (paced(8, 8), lot("a", 10, 7), None, 3),  # as many go as come
    (paced(0, 8), lot("a", 10, 7, ends=21), None, 6),
    (paced(0), lot("a", 10, 7), None, 3),
    (paced(0), lot("a", 10, 10), 0, 0),  # none is free now
    (paced(8), lot("a", 10, 7, ends=None), 21, 0),
    (paced(1), lot("a", 1_000, 7, ends=None), None, 0),  # not in three years
    (paced(0, 80), lot("a", 10, 1, ends=60), None, 10),  # nobody goes who is not there
])
def test_a_usual_week_goes_on_until_none_is_free_or_the_lot_ends(pace, one, run_out, unused):
    found = told(pace, one)

    assert (days_on(found.run_out), found.unused_in_all) == (run_out, unused)


def test_seats_are_taken_in_the_order_of_the_lots_and_end_with_theirs():
    found = told(paced(8), lot("long", 2, 0, ends=100), lot("short", 9, 5, ends=20))

    # two of the long one are taken after two weeks, then those of the short one are free until it ends
    assert days_on(found.run_out) == 20
    assert found.unused == {"short": 4}


def test_a_lot_that_begins_later_is_free_then():
    found = told(paced(8), lot("now", 3, 1, ends=100), lot("later", 9, 4, begins=10, ends=200))

    assert days_on(found.run_out) == 14 + 5 * 7
    assert found.unused == {}


@pytest.mark.parametrize("stated, run_out", [
    ({}, 28),
    ({"begin": {TODAY + timedelta(days=5): 2}}, 28),  # they are some of those to come
    ({"begin": {TODAY + timedelta(days=5): 4}}, 5),
    ({"end": {TODAY + timedelta(days=5): 2}}, 42),
    ({"begin": {LAST: 4}}, 28),
])
def test_what_is_stated_of_days_to_come_is_the_least_of_what_comes(stated, run_out):
    found = told(paced(8), lot("a", 10, 6), **stated)

    assert days_on(found.run_out) == run_out


def test_weeks_that_differ_leave_more_open_than_weeks_that_do_not():
    even, uneven = told(paced(8), lot("a", 10, 7)), told(paced(8, distance=112), lot("a", 10, 7))

    assert (days_on(even.early), days_on(even.late)) == (14, 34)
    assert (days_on(uneven.early), days_on(uneven.late)) == (2, None)
    assert even.run_out == uneven.run_out


def test_where_nothing_moved_the_last_seat_may_still_go():
    found = told(paced(0), lot("a", 10, 9))

    assert (found.run_out, found.late) == (None, None)
    assert found.early is not None


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "faster"])
def test_it_misses_by_less_than_the_straight_line(kind: str):
    errors = generated(kind, 60)

    assert statistics.median(one.rule for one in errors) <= statistics.median(one.naive for one in errors)
