"""The instant from which on a seat is free for good."""

from datetime import UTC, datetime, timedelta

import pytest

from creditsvc.core.seats import frees_at

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
