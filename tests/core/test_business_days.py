"""The days and nights of alerts: to which business day an instant belongs, and how days are counted (A5, A7)."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest

from creditsvc.core.due_alerts import business_day, days_not_activated, days_until, night_due, rhythm_begins


@pytest.mark.parametrize(
    "instant, day",
    [
        ("2026-06-15T01:59:59.999999+08:00", date(2026, 6, 14)),
        ("2026-06-15T02:00:00+08:00", date(2026, 6, 15)),
        ("2026-06-15T23:59:00+08:00", date(2026, 6, 15)),
        ("2026-06-14T18:00:00+00:00", date(2026, 6, 15)),
        ("2026-06-14T17:59:00+00:00", date(2026, 6, 14)),
    ],
)
def test_the_business_day_begins_with_the_run_at_two_in_hong_kong(instant, day):
    assert business_day(datetime.fromisoformat(instant)) == day


@pytest.mark.parametrize("first, nights", [
    (date(2028, 2, 27), ["2028-02-27", "2028-02-28", "2028-02-29", "2028-03-01", "2028-03-02"]),
    (date(2027, 2, 27), ["2027-02-27", "2027-02-28", "2027-03-01", "2027-03-02"]),
    (date(2100, 2, 27), ["2100-02-27", "2100-02-28", "2100-03-01"]),
    (date(2026, 4, 29), ["2026-04-29", "2026-04-30", "2026-05-01"]),
    (date(2026, 12, 30), ["2026-12-30", "2026-12-31", "2027-01-01", "2027-01-02"]),
])
def test_no_night_is_skipped_or_doubled_where_a_month_ends(first: date, nights: list[str]):
    hours = [night_due(first) + timedelta(hours=number) for number in range(24 * len(nights))]

    days = [business_day(hour).isoformat() for hour in hours]

    assert list(dict.fromkeys(days)) == nights
    assert {days.count(day) for day in nights} == {24}
    assert all(business_day(night_due(date.fromisoformat(day))).isoformat() == day for day in nights)


@pytest.mark.parametrize("rhythm, day, begins", [
    ("monthly", date(2028, 2, 29), date(2028, 2, 1)),
    ("monthly", date(2028, 3, 1), date(2028, 3, 1)),
    ("monthly", date(2027, 2, 28), date(2027, 2, 1)),
    ("weekly", date(2028, 2, 29), date(2028, 2, 28)),
    ("weekly", date(2027, 1, 1), date(2026, 12, 28)),
    ("nightly", date(2028, 2, 29), date(2028, 2, 29)),
])
def test_a_week_or_month_of_one_digest_begins_where_the_calendar_says(rhythm: str, day: date, begins: date):
    assert rhythm_begins(rhythm, day) == begins


def test_days_until_is_exact():
    now = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)

    assert days_until(now + timedelta(days=30, microseconds=1), now) == 30 + Fraction(1, 86_400_000_000)
    assert days_until(now - timedelta(hours=12), now) == Fraction(-1, 2)


def test_days_count_from_the_award_or_from_the_start_where_that_is_later():
    now, day = datetime(2026, 6, 15, tzinfo=UTC), timedelta(days=1)

    assert days_not_activated(now - 90 * day, now - 100 * day, now) == 90
    assert days_not_activated(now - 100 * day, now - 90 * day + timedelta(microseconds=1), now) < 90
