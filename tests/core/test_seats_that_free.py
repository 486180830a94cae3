"""The instant from which on a seat is free for good."""

from datetime import UTC, datetime, timedelta

import pytest

from creditsvc.core.seats import free_since, frees_at

NOW = datetime(2026, 6, 15, tzinfo=UTC)


def day(number: int) -> datetime:
    return NOW + timedelta(days=number)


@pytest.mark.parametrize("capacity, taken, expected", [
    (1, [], day(0)),
    (0, [], None),
    (1, [(day(-3), None)], None),
    (1, [(day(-3), day(2))], day(2)),
    (1, [(day(-3), day(-1))], day(0)),
    (2, [(day(-3), day(2))], day(0)),
    (2, [(day(-3), day(2)), (day(1), day(5))], day(2)),
    (1, [(day(-3), day(2)), (day(4), day(5))], day(5)),
    (1, [(day(-3), day(2)), (day(2), None)], None),
    (2, [(day(-3), None), (day(1), day(3)), (day(3), day(3))], day(3)),
])
def test_a_seat_is_free_from_the_end_of_the_last_time_when_all_are_taken(capacity, taken, expected) -> None:
    assert frees_at(capacity, taken, day(0)) == expected


@pytest.mark.parametrize("capacity, taken, expected", [
    (3, [], (3, 1)),
    (3, [(1, None)], (2, 1)),
    (2, [(1, None), (2, 5)], (1, 5)),
    (2, [(1, None), (2, None)], (0, 9)),
    (2, [(1, 4), (4, None), (1, None)], (0, 9)),
    (2, [(1, 4), (6, None), (1, None)], (0, 9)),
    (2, [(1, 9), (3, 4)], (1, 4)),
    (1, [(10, None)], (1, 1)),
])
def test_seats_are_free_since_the_last_was_given_back(capacity, taken, expected):
    intervals = [(day(start), stop and day(stop)) for start, stop in taken]

    assert free_since(capacity, intervals, day(1), day(9)) == (expected[0], day(expected[1]))
