"""What a night says of hours by their forecast: that they run out, will not be used, or lie idle."""

from datetime import datetime, timedelta

import pytest
from flask import Flask

from creditsvc.ledger.outlook import forecasts
from tests import factories
from tests.alerts import scenes
from tests.alerts.scenes import NOW, mails, night, told
from tests.counting import queries
from tests.ledger.holdings import award, correct, hold, holding, make_park, use

MARCH = datetime.fromisoformat("2026-03-01T00:00:00+08:00")
SEPTEMBER = datetime.fromisoformat("2026-09-01T00:00:00+08:00")
YEARS_END = datetime.fromisoformat("2027-01-01T00:00:00+08:00")


@pytest.fixture(autouse=True)
def park(app: Flask) -> None:
    make_park()
    factories.make_member("acme", "founder@acme.example")


def sessions(minutes: int, weeks: int = 8) -> None:
    """A session of so many minutes in each of the last weeks."""
    correct(*(use(f"booking:{week}", minutes, NOW - timedelta(days=7 * week + 3), "excess") for week in range(weeks)))


def test_hours_that_run_out_before_they_end_are_told_with_the_week_they_are_used_by(app: Flask):
    award("hours", "spring", 1_200, MARCH, YEARS_END)
    sessions(120)

    first, second = night(app), night(app, 1)

    # 240 minutes are left at 120 a week: 15 to 28 June are paid
    assert ("acme", "running-out", 14) in told(first)
    assert [rule for _, rule, _ in told(second)] == []
    assert "Hours runs out about 29 June 2026, if it is used as now" in [one["message"] for one in first["alerts"]]
    text = " ".join(scenes.text_of(mails(app)[0]).split())
    assert "4 hours remains, and 2 hours goes in a usual week." in text
    assert "Being used: 2 hours in a usual week, from 8 weeks" in text


def test_hours_that_will_not_be_used_are_told_with_how_many(app: Flask):
    award("hours", "spring", 6_000, MARCH, SEPTEMBER)
    sessions(60)

    said = [one for one in night(app)["alerts"] if one["rule"] == "expiring-unused"]

    # 92 hours are left on 14 June; the 78 days of 15 June to 31 August use eleven of them
    assert [(one["threshold"], one["message"]) for one in said] == [
        (50, "About 80:52 hours of Hours will expire unused, if it is used as now")
    ]


def test_what_is_booked_is_used_by_the_sessions_of_the_weeks_to_come(app: Flask):
    award("hours", "spring", 1_200, MARCH, YEARS_END)
    sessions(120)
    free = forecasts([holding("hours")], NOW)

    hold("booking:a:0", 120, NOW + timedelta(days=2))
    booked = forecasts([holding("hours")], NOW)

    assert {key: one.run_out for key, one in free.items()} == {key: one.run_out for key, one in booked.items()}


def test_no_more_is_forecast_to_expire_unused_than_nobody_has_booked(app: Flask):
    award("hours", "spring", 1_200, MARCH, NOW + timedelta(days=14))
    sessions(30)
    free = forecasts([holding("hours")], NOW)

    hold("booking:a:0", 600, NOW + timedelta(days=2))
    booked = forecasts([holding("hours")], NOW)

    # 960 minutes are left, of which two usual weeks take about 60
    assert [one.unused_in_all for one in booked.values()] == [360]
    assert [one.unused_in_all > 890 for one in free.values()] == [True]


@pytest.mark.parametrize("booked, said", [(False, [("acme", "idle", 90)]), (True, [])])
def test_hours_without_a_session_are_idle_unless_one_is_booked(app: Flask, booked: bool, said: list):
    award("hours", "spring", 1_200, MARCH, None)
    if booked:
        hold("booking:a:0", 60, NOW + timedelta(days=2))

    assert [one for one in told(night(app)) if one[1] == "idle"] == said


def test_a_grant_of_three_weeks_has_no_forecast_yet(app: Flask):
    award("hours", "late", 1_200, NOW - timedelta(days=21), YEARS_END)
    sessions(120, weeks=3)

    assert forecasts([holding("hours")], NOW) == {}


def test_looking_ahead_of_hours_asks_one_statement(app: Flask):
    award("hours", "spring", 1_200, MARCH, YEARS_END)
    sessions(120)
    views = [holding("hours")]

    assert queries(lambda: forecasts(views, NOW)) == 1
