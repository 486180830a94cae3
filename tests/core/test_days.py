from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from creditsvc.core import days
from creditsvc.core.errors import RuleBroken


def test_a_first_day_starts_with_its_hong_kong_midnight():
    assert days.starts_at(date(2026, 3, 1)) == datetime(2026, 2, 28, 16, tzinfo=UTC)


def test_a_last_day_counts_whole_and_ends_with_the_next_midnight():
    assert days.ends_at(date(2027, 2, 28)) == datetime(2027, 2, 28, 16, tzinfo=UTC)


def test_an_instant_is_taken_exactly_as_start_and_as_end():
    noon = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=8)))

    assert days.starts_at(noon) == days.ends_at(noon) == datetime(2026, 3, 1, 4, tzinfo=UTC)
    assert days.starts_at(noon).tzinfo is UTC


@pytest.mark.parametrize("zone", ["Asia/Hong_Kong", "UTC", "America/New_York", "Pacific/Auckland", "Asia/Beirut"])
@pytest.mark.parametrize("day", [date(2026, 3, 28), date(2026, 3, 29), date(2026, 11, 1), date(2028, 2, 29)])
def test_the_last_day_of_an_end_is_the_day_that_was_typed(zone, day):
    assert days.last_day(days.ends_at(day, ZoneInfo(zone)), ZoneInfo(zone)) == day


def test_a_day_on_which_clocks_change_is_as_long_as_it_is():
    new_york = ZoneInfo("America/New_York")

    length = days.ends_at(date(2026, 11, 1), new_york) - days.starts_at(date(2026, 11, 1), new_york)

    assert length == timedelta(hours=25)


def test_the_last_day_of_an_end_within_a_day_is_that_day():
    assert days.last_day(datetime(2026, 3, 1, 12, tzinfo=UTC)) == date(2026, 3, 1)


@pytest.mark.parametrize(
    "now, left",
    [
        (datetime(2026, 6, 28, 16, tzinfo=UTC), 2),  # 00:00 of 29 June in Hong Kong
        (datetime(2026, 6, 29, 15, 59, tzinfo=UTC), 2),
        (datetime(2026, 6, 29, 16, tzinfo=UTC), 1),
        (datetime(2026, 6, 30, 15, 59, tzinfo=UTC), 1),
        (datetime(2026, 6, 30, 16, tzinfo=UTC), 0),
    ],
)
def test_days_left_are_counted_as_people_do_with_today_among_them(now, left):
    assert days.days_left(days.ends_at(date(2026, 6, 30)), now) == left


@pytest.mark.parametrize(
    "text, moment",
    [
        ("2026-03-01", date(2026, 3, 1)),
        (" 2026-03-01 ", date(2026, 3, 1)),
        ("2026-02-20T09:00:00+08:00", datetime(2026, 2, 20, 1, tzinfo=UTC)),
        ("2026-02-20t01:00:00z", datetime(2026, 2, 20, 1, tzinfo=UTC)),
        ("2026-02-20 01:00:00.25Z", datetime(2026, 2, 20, 1, 0, 0, 250000, tzinfo=UTC)),
    ],
)
def test_a_day_or_an_instant_with_its_offset_is_read(text, moment):
    read = days.parse_moment(text, "effective")

    assert read == moment
    assert type(read) is type(moment)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "2026-02-30", "2026-13-01", "2026-3-1", "01/03/2026", "20260301", "2026-W10-1", "2026-03",
     "2026-02-20T09:00:00", "2026-02-20T09:00+08:00", "2026-02-20T25:00:00Z", "2026-02-20T09:00:00.1234567Z",
     "0001-01-01T00:00:00+08:00", "２０２６-03-01"],
)
def test_anything_else_is_refused_by_field_and_value(text):
    with pytest.raises(RuleBroken) as refusal:
        days.parse_moment(text, "effective")

    assert (refusal.value.field, refusal.value.code) == ("effective", "not-a-day")
    assert repr(text) in str(refusal.value)


@pytest.mark.parametrize("text", ["0026-03-01", "9999-12-31", "3000-01-01T00:00:00Z"])
def test_a_year_that_can_only_be_a_slip_is_refused(text):
    with pytest.raises(RuleBroken) as refusal:
        days.parse_moment(text, "expires")

    assert (refusal.value.field, refusal.value.code) == ("expires", "out-of-range")


def test_an_instant_without_an_offset_is_refused():
    with pytest.raises(RuleBroken) as refusal:
        days.check_moment(datetime(2026, 3, 1), "awarded")

    assert (refusal.value.field, refusal.value.code) == ("awarded", "naive-instant")


def test_where_only_a_day_makes_sense_an_instant_is_refused():
    with pytest.raises(RuleBroken) as refusal:
        days.parse_day("2026-03-01T00:00:00Z", "starts")

    assert (refusal.value.field, refusal.value.code) == ("starts", "not-a-day")


@pytest.mark.parametrize("text", ["2026-03-01", "2026-03-01T09:30:00+08:00"])
def test_a_start_and_an_end_are_shown_as_they_were_typed(text):
    moment = days.parse_moment(text)

    assert days.start_text(days.starts_at(moment)) == text
    assert days.end_text(days.ends_at(moment)) == text


@pytest.mark.parametrize(
    "text, instant",
    [
        ("2026-03-01", datetime(2026, 3, 1, 16, tzinfo=UTC)),
        ("2026-03-01T00:00:00Z", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T00:00:00+08:00", datetime(2026, 2, 28, 16, tzinfo=UTC)),
    ],
)
def test_as_of_a_bare_day_means_the_end_of_that_day_in_hong_kong(text, instant):
    assert days.as_of_instant(text) == instant


@pytest.mark.parametrize(
    "first, months, last",
    [
        (date(2026, 3, 1), 12, date(2027, 2, 28)),
        (date(2027, 3, 1), 12, date(2028, 2, 29)),
        (date(2026, 1, 1), 12, date(2026, 12, 31)),
        (date(2026, 1, 15), 1, date(2026, 2, 14)),
        (date(2026, 12, 15), 1, date(2027, 1, 14)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2026, 1, 29), 1, date(2026, 2, 28)),
        (date(2026, 1, 28), 1, date(2026, 2, 27)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2028, 2, 29), 48, date(2032, 2, 28)),
        (date(2026, 1, 31), 3, date(2026, 4, 30)),
    ],
)
def test_a_run_of_months_ends_the_day_before_the_same_day_of_the_month(first, months, last):
    assert days.last_day_of_months(first, months) == last


@pytest.mark.parametrize("months", [0, -1, 12 * 5000])
def test_a_run_of_no_months_or_of_millennia_is_refused(months):
    with pytest.raises(RuleBroken) as refusal:
        days.last_day_of_months(date(2026, 3, 1), months)

    assert (refusal.value.field, refusal.value.code) == ("months", "out-of-range")


@pytest.mark.parametrize("name", ["Asia/Kowloon", "", "../etc/passwd", "Asia", "HKT+8"])
def test_an_unknown_time_zone_is_refused_by_name(name):
    with pytest.raises(RuleBroken) as refusal:
        days.zone_named(name)

    assert (refusal.value.field, refusal.value.code) == ("timezone", "unknown-zone")
