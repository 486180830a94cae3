"""What is used of hours: the mean of whole trailing weeks, since a usual week has no session at all."""

from datetime import date, timedelta

import pytest

from creditsvc.core.forecast_hours import burn_of_sessions

LAST = date(2026, 6, 14)
LONG_AGO = date(2026, 1, 1)


def weeks_of(*minutes: int) -> dict[date, int]:
    """A session in each of the trailing weeks, the last one first, three days before the week's end."""
    return {LAST - timedelta(days=7 * week + 3): used for week, used in enumerate(minutes)}


@pytest.mark.parametrize("begun, used, weekly, days", [
    (LONG_AGO, weeks_of(), 0, 56),
    (LONG_AGO, weeks_of(0, 0, 0, 240), 30, 56),  # a median would say that nothing is used
    (LONG_AGO, weeks_of(*[120] * 8), 120, 56),
    (LONG_AGO, weeks_of(*[120] * 8, 9_000), 120, 56),
    (LAST - timedelta(days=34), weeks_of(60, 0, 60, 0, 60), 36, 35),
    (LAST - timedelta(days=33), weeks_of(60, 0, 60, 0, 60), 30, 28),
    (LAST - timedelta(days=27), weeks_of(60, 0, 60, 0), 30, 28),
    (LONG_AGO, weeks_of(-60, 80), 10, 56),
])
def test_the_level_is_the_mean_of_up_to_eight_whole_weeks(begun, used, weekly, days):
    burn = burn_of_sessions(used, begun, LAST)

    assert burn is not None
    assert (burn.weekly, burn.days, burn.last, burn.trend) == (weekly, days, LAST, 0)


@pytest.mark.parametrize("begun", [LAST - timedelta(days=26), LAST, LAST + timedelta(days=30)])
def test_fewer_than_four_whole_weeks_tell_nothing(begun):
    assert burn_of_sessions(weeks_of(60, 60, 60, 60), begun, LAST) is None


def test_weeks_that_differ_leave_more_open_than_weeks_that_do_not():
    even = burn_of_sessions(weeks_of(*[60] * 8), LONG_AGO, LAST)
    rare = burn_of_sessions(weeks_of(0, 0, 0, 480), LONG_AGO, LAST)

    assert even is not None
    assert rare is not None
    assert (even.weekly, even.spread, rare.weekly, rare.spread) == (60, 7, 60, 105)
