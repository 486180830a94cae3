"""When somebody can be booked, on days on which clocks change too; answers known from the zones' own histories."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creditsvc.core.free_slots import DayChange, Stretch, Weekly, free_starts, is_open, open_stretches, overlaps

HONG_KONG, LONDON, NEW_YORK = ZoneInfo("Asia/Hong_Kong"), ZoneInfo("Europe/London"), ZoneInfo("America/New_York")
WEEK = tuple(Weekly(day, 9 * 60, 17 * 60) for day in range(7))
NIGHTS = tuple(Weekly(day, 22 * 60, 26 * 60) for day in range(7))
HOUR, HALF = timedelta(hours=1), timedelta(minutes=30)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def opened(first: str, last: str | None = None, *, weekly=WEEK, changes=(), holidays=(), zone=HONG_KONG) -> list[str]:
    """The open stretches, as UTC."""
    found = open_stretches(
        date.fromisoformat(first), date.fromisoformat(last or first), weekly, changes, set(holidays), zone
    )
    return [f"{starts:%d %H:%M}-{ends:%d %H:%M}" for starts, ends in found]


def test_hours_are_those_of_the_consultants_clock():
    assert opened("2026-06-15") == ["15 01:00-15 09:00"]
    assert opened("2026-06-15", zone=ZoneInfo("Asia/Kathmandu")) == ["15 03:15-15 11:15"]
    assert opened("2026-06-15", zone=NEW_YORK) == ["15 13:00-15 21:00"]
    assert opened("2026-01-15", zone=NEW_YORK) == ["15 14:00-15 22:00"]


@pytest.mark.parametrize("zone, day, stretch", [
    # clocks went forward at 01:00Z on 29 March 2026 and back at 01:00Z on 25 October (London), 07:00Z on 8 March and
    # 06:00Z on 1 November (New York)
    (LONDON, "2026-03-28", "28 09:00-28 17:00"), (LONDON, "2026-03-29", "29 08:00-29 16:00"),
    (LONDON, "2026-10-24", "24 08:00-24 16:00"), (LONDON, "2026-10-25", "25 09:00-25 17:00"),
    (NEW_YORK, "2026-03-07", "07 14:00-07 22:00"), (NEW_YORK, "2026-03-08", "08 13:00-08 21:00"),
])  # fmt: skip
def test_the_same_hours_are_other_instants_after_clocks_change(zone: ZoneInfo, day: str, stretch: str):
    assert opened(day, zone=zone) == [stretch]


@pytest.mark.parametrize("starts, ends, day, stretches", [
    (0, 240, "2026-03-29", ["29 00:00-29 03:00"]),  # 00:00 to 04:00 is three hours in the night that skips 01:00
    (90, 240, "2026-03-29", ["29 01:00-29 03:00"]),  # 01:30 does not exist: from 02:00 on the clock, which is 01:00Z
    (30, 90, "2026-03-29", ["29 00:30-29 01:00"]),  # until 01:30, which does not exist
    (70, 110, "2026-03-29", []),  # within the hour that is skipped
    (0, 240, "2026-10-25", ["24 23:00-25 04:00"]),  # five hours: 01:00 to 02:00 comes twice
    (60, 90, "2026-10-25", ["25 00:00-25 00:30", "25 01:00-25 01:30"]),
])  # fmt: skip
def test_nights_in_which_clocks_change(starts: int, ends: int, day: str, stretches: list[str]):
    assert opened(day, weekly=[Weekly(6, starts, ends)], zone=LONDON) == stretches


def test_hours_go_on_after_midnight():
    assert opened("2026-06-15", weekly=NIGHTS) == ["14 16:00-14 18:00", "15 14:00-15 18:00"]
    assert opened("2026-06-15", weekly=[NIGHTS[0]]) == ["15 14:00-15 18:00"]


def test_a_day_off_and_a_holiday_are_closed_and_extra_hours_open():
    monday = date(2026, 6, 15)
    assert opened("2026-06-15", changes=[DayChange(monday, "off", 0, 1440)]) == []
    assert opened("2026-06-15", changes=[DayChange(monday, "off", 12 * 60, 13 * 60)]) == [
        "15 01:00-15 04:00", "15 05:00-15 09:00",
    ]
    assert opened("2026-06-15", holidays=[monday]) == []
    assert opened("2026-06-15", holidays=[monday], changes=[DayChange(monday, "extra", 600, 660)]) == [
        "15 02:00-15 03:00"
    ]
    assert opened("2026-06-15", changes=[DayChange(date(2026, 6, 16), "extra", 0, 60)]) == ["15 01:00-15 09:00"]


def starts(busy: list[Stretch] = [], length: timedelta = HOUR, earliest: datetime = LONG_AGO) -> list[str]:  # noqa: B006
    stretch = (datetime(2026, 6, 15, 1, tzinfo=UTC), datetime(2026, 6, 15, 4, tzinfo=UTC))
    return [f"{at:%H:%M}" for at in free_starts([stretch], busy, length, HALF, earliest)]


def test_a_session_begins_at_steps_of_the_stretch_and_fits_whole():
    assert starts() == ["01:00", "01:30", "02:00", "02:30", "03:00"]
    assert starts(length=3 * HOUR) == ["01:00"]
    assert starts(length=4 * HOUR) == []
    assert starts(earliest=datetime(2026, 6, 15, 2, 1, tzinfo=UTC)) == ["02:30", "03:00"]


def test_a_session_meets_nothing_that_is_booked():
    booked = (datetime(2026, 6, 15, 2, tzinfo=UTC), datetime(2026, 6, 15, 2, 45, tzinfo=UTC))

    assert starts([booked]) == ["01:00", "03:00"]
    assert not overlaps((LONG_AGO, booked[0]), booked)
    assert not overlaps(booked, (booked[1], booked[1] + HOUR))


zones = st.sampled_from([HONG_KONG, LONDON, NEW_YORK, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Kathmandu")])
days = st.dates(date(2026, 1, 1), date(2027, 12, 31))
hours = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 1439), st.integers(1, 600)), min_size=1, max_size=4
).map(lambda rows: [Weekly(weekday, begin, begin + length) for weekday, begin, length in rows])


@given(zones, days, hours, st.integers(0, 4 * 24 * 60))
@settings(max_examples=300)
def test_an_instant_is_open_when_a_clock_there_shows_a_time_within_the_hours(
    zone: ZoneInfo, first: date, weekly: list[Weekly], after: int
):
    """Asked of one instant at a time, with the clock's own reading."""
    last = first + timedelta(days=3)
    at = datetime.combine(first, datetime.min.time(), zone).astimezone(UTC) + timedelta(minutes=after)
    wall = at.astimezone(zone).replace(tzinfo=None)
    if not first <= wall.date() <= last:
        return
    minute = wall.hour * 60 + wall.minute
    expected = any(
        (one.weekday == wall.weekday() and one.starts <= minute < one.ends)
        or (one.weekday == (wall.weekday() - 1) % 7 and one.starts <= minute + 1440 < one.ends)
        for one in weekly
    )

    found = open_stretches(first, last, weekly, [], set(), zone)

    assert any(begin <= at < end for begin, end in found) == expected
    assert found == sorted(found)
    assert all(before[1] < after[0] for before, after in pairwise(found))


@given(zones, days, hours, st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 300)), max_size=5),
       st.sampled_from([15, 30, 60]), st.integers(15, 180))
def test_no_start_meets_a_booking_and_each_is_open(
    zone: ZoneInfo, first: date, weekly: list[Weekly], booked: list[tuple[int, int]], step: int, length: int
):
    begin = datetime.combine(first, datetime.min.time(), UTC)
    busy = [(begin + timedelta(minutes=at), begin + timedelta(minutes=at + long)) for at, long in booked]
    found = open_stretches(first, first + timedelta(days=2), weekly, [], set(), zone)

    for at in free_starts(found, busy, timedelta(minutes=length), timedelta(minutes=step), begin):
        session = (at, at + timedelta(minutes=length))
        assert is_open(found, session)
        assert not any(overlaps(session, one) for one in busy)
        assert at >= begin
