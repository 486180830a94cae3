"""Where a holding stands by what is used and forecast: run-out, left over, idle, spike (A1)."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditsvc.core.alert_readings import (
    NEVER,
    SPIKE_DAYS,
    UNUSED_WITHIN,
    Ending,
    Spike,
    days_idle,
    days_to_run_out,
    percent_unused,
    spike_of,
)
from creditsvc.core.due_alerts import EXPIRING_UNUSED, IDLE, RULES, RUNNING_OUT, SPIKE, Memory, Reading, decide

NOW = datetime(2026, 6, 15, 18, tzinfo=UTC)
TODAY = date(2026, 6, 15)
LAST = TODAY - timedelta(days=2)
FIRST = LAST - timedelta(days=55)


def usage(*lately: int, usual: int = 100, days: int = 56) -> dict[date, int]:
    """The same on every day up to LAST, but for the last ones."""
    values = [usual] * (days - len(lately)) + list(lately)
    return {LAST - timedelta(days=back): value for back, value in enumerate(reversed(values))}


def due(rule, values, acts=()):
    """What each night tells of the readings."""
    memory, said = Memory(), []
    for number, value in enumerate(values):
        act = acts[number] if acts else 0
        decision = decide(rule, rule.defaults, Reading(Fraction(value), act), memory, TODAY + timedelta(days=number))
        memory = decision.memory
        said.append(decision.due)
    return said


@pytest.mark.parametrize("run_out, days", [
    (None, NEVER), (TODAY, 0), (TODAY + timedelta(days=60), 60), (TODAY - timedelta(days=3), -3),
])
def test_days_to_the_run_out_are_counted_from_today(run_out, days):
    assert days_to_run_out(run_out, TODAY) == days


@pytest.mark.parametrize("endings, percent", [
    ([], None),
    ([(100, 200, 90)], None),  # ends in more than half a year
    ([(100, 180, 25)], 25),
    ([(100, 0, 25)], None),  # has ended
    ([(100, 30, 100), (300, 60, 0)], 25),
    ([(100, 30, 100), (300, 200, 300)], 100),
    ([(0, 30, 0)], None),
    ([(3, 30, 1)], Fraction(100, 3)),
])
def test_percent_unused_is_of_what_ends_within_half_a_year(endings, percent):
    lots = [Ending(granted, NOW + timedelta(days=days), unused) for granted, days, unused in endings]

    assert percent_unused(lots, 28, NOW) == percent


def test_less_than_four_weeks_of_data_say_nothing_of_what_will_be_left():
    assert percent_unused([Ending(100, NOW + UNUSED_WITHIN, 100)], 27, NOW) is None


@pytest.mark.parametrize("last_use, begun, seen_until, days", [
    (None, date(2026, 6, 1), date(2026, 6, 15), 14),
    (date(2026, 6, 14), date(2026, 1, 1), date(2026, 6, 15), 1),
    (date(2026, 5, 1), date(2026, 6, 10), date(2026, 6, 15), 5),  # before the grant: counted from the grant
    (date(2026, 6, 14), date(2026, 1, 1), date(2026, 6, 13), 0),
])
def test_days_idle_run_from_the_last_use_as_far_as_data_goes(last_use, begun, seen_until, days):
    assert days_idle(last_use, begun, seen_until) == days


@pytest.mark.parametrize("lately, spike", [
    ((), None),
    ((100,), None),
    ((300,), (0, 300)),
    ((300, 100, 100, 100, 100, 100, 100), (6, 300)),
    ((300, 100, 100, 100, 100, 100, 100, 100), None),  # no news any more
    ((400, 100, 350), (2, 400)),
    ((400, 400), (0, 400)),  # the later one of two alike
])
def test_a_spike_is_the_largest_of_the_last_seven_complete_days(lately, spike):
    found = spike_of(usage(*lately), FIRST, LAST, 1000)

    expected = None if spike is None else Spike(LAST - timedelta(days=spike[0]), spike[1], 100)
    assert found == expected


@pytest.mark.parametrize("spent, first, left", [
    (usage(300), FIRST, 20_001),  # not a hundredth of what is left
    (usage(300, days=14), LAST - timedelta(days=13), 0),  # thirteen days before it
    (usage(300, usual=0), FIRST, 0),  # no usual day
    ({}, FIRST, 0),
])
def test_what_cannot_be_measured_or_matters_little_is_no_spike(spent, first, left):
    assert spike_of(spent, first, LAST, left) is None


def test_weekends_of_nothing_are_usual_and_a_monday_is_no_spike():
    days = [LAST - timedelta(days=back) for back in range(56)]
    spent = {day: 0 if day.weekday() > 4 else 90 for day in days}

    assert spike_of(spent, FIRST, LAST, 0) is None


@given(st.dictionaries(st.integers(0, 55), st.integers(-5, 10**6), max_size=56), st.integers(0, 10**6))
def test_a_spike_is_always_more_than_usual_and_of_the_last_days(amounts, left):
    spent = {LAST - timedelta(days=back): amount for back, amount in amounts.items()}

    found = spike_of(spent, FIRST, LAST, left)

    assert found is None or (
        found.percent > 100 and 0 <= (LAST - found.day).days < SPIKE_DAYS and found.amount == spent[found.day]
    )


@pytest.mark.parametrize("rule, readings, said", [
    (RUNNING_OUT, [61, 60, 59, 30, 14, 0, -3], [None, 60, None, 30, 14, None, None]),
    (RUNNING_OUT, [20, NEVER, NEVER, 20], [30, None, None, 30]),  # gone for two nights: armed again
    (RUNNING_OUT, [60, 66, 66, 60], [60, None, None, None]),  # a forecast that wavers is not told twice
    (EXPIRING_UNUSED, [24, 25, 49, 60, 60], [None, 25, None, 50, None]),
    (EXPIRING_UNUSED, [50, 46, 46, 50], [50, None, None, None]),
    (EXPIRING_UNUSED, [50, 45, 45, 50], [50, None, None, 50]),
    (IDLE, [29, 30, 31, 90, 1, 30], [None, 30, None, 90, None, 30]),
    (SPIKE, [299, 300, 900, 0, 300], [None, 300, None, None, 300]),
])
def test_each_rule_tells_once_and_arms_again_as_it_says(rule, readings, said):
    assert due(rule, readings) == said


@pytest.mark.parametrize("rule, reading, threshold", [(RUNNING_OUT, 10, 14), (EXPIRING_UNUSED, 70, 50)])
def test_a_human_act_arms_a_forecast_at_once(rule, reading, threshold):
    assert due(rule, [reading, reading, reading], acts=[1, 1, 2]) == [threshold, None, threshold]


def test_every_rule_of_the_design_is_there():
    assert set(RULES) == {
        "expiry", "used", "running-out", "expiring-unused", "idle", "not-activated", "uncovered", "spike", "stale",
        "hours-unbooked", "seats-unused", "seats-mismatch",
    }
