"""Days and instants: what people type, and the instants the book keeps (rule L4).

A day typed by a person is a day of the programme's calendar. As a start it stands for its first midnight, as an end
for the next one (so that the last day counts whole); an instant is taken exactly. The book knows UTC instants alone.
"""

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from creditsvc.core.errors import RuleBroken

DEFAULT_ZONE = ZoneInfo("Asia/Hong_Kong")
"""The calendar where no programme says otherwise."""

FIRST_YEAR, LAST_YEAR = 1970, 2999
"""What lies outside is a slip of the hand, and would leave what the databases can keep."""

CLOCKS_DIFFER = timedelta(minutes=5)
"""By how much a person's clock may be ahead of ours: an instant so far ahead counts as not in the future."""

_REGIONS = ("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)


def parse_moment(text: str, field: str = "day") -> date | datetime:
    """A day (`2026-03-01`) as a date, or an RFC 3339 instant with its offset as an aware UTC datetime.

    Raises RuleBroken(field, ...): `not-a-day` for any other text or a day that no calendar has, `out-of-range` for a
    year outside 1970 to 2999.
    """
    stripped = text.strip()
    try:
        if _DAY.fullmatch(stripped):
            return check_moment(date.fromisoformat(stripped), field)
        if _INSTANT.fullmatch(stripped):
            return check_moment(datetime.fromisoformat(stripped.upper()), field)
    except (ValueError, OverflowError):  # 30 February, hour 25, an offset that leaves the years there are
        pass
    raise RuleBroken(
        field, "not-a-day",
        "%(value)r is no day or instant: write 2026-03-01, or 2026-03-01T09:00:00+08:00 with its offset", value=text,
    )


def parse_day(text: str, field: str = "day") -> date:
    """A day (`2026-03-01`) where an instant makes no sense. Raises RuleBroken(field, ...) as `parse_moment`."""
    moment = parse_moment(text, field)
    if isinstance(moment, datetime):
        raise RuleBroken(field, "not-a-day", "%(value)r is no day: write it as 2026-03-01", value=text)
    return moment


def check_moment(moment: date | datetime, field: str = "day") -> date | datetime:
    """The day itself, or the instant in UTC, when it is one that can be kept.

    Raises RuleBroken(field, ...): `naive-instant` for an instant without an offset, `out-of-range` for a year outside
    1970 to 2999.
    """
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise RuleBroken(
                field, "naive-instant", "%(value)s has no offset: write it as 2026-03-01T09:00:00+08:00",
                value=moment.isoformat(),
            )
        moment = moment.astimezone(UTC)
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise RuleBroken(
            field, "out-of-range", "%(value)s is out of range: a year from %(first)s to %(last)s is right",
            value=moment.isoformat(), first=FIRST_YEAR, last=LAST_YEAR,
        )
    return moment


def day_start(day: date) -> datetime:
    """The instant a charge day stands for: its 00:00Z (L5)."""
    return datetime.combine(day, time(), UTC)


def instant_text(at: datetime | None) -> str | None:
    """An instant as RFC 3339 in UTC, None as None."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def starts_at(moment: date | datetime, zone: ZoneInfo = DEFAULT_ZONE) -> datetime:
    """The UTC instant at which something that starts then starts: a day's first midnight, an instant exactly."""
    if isinstance(moment, datetime):
        return moment.astimezone(UTC)
    return datetime.combine(moment, time(), zone).astimezone(UTC)


def ends_at(moment: date | datetime, zone: ZoneInfo = DEFAULT_ZONE) -> datetime:
    """The UTC instant at which something no longer counts: the midnight after its last day, an instant exactly (L4)."""
    if isinstance(moment, datetime):
        return moment.astimezone(UTC)
    return starts_at(moment + timedelta(days=1), zone)


def last_day(end: datetime, zone: ZoneInfo = DEFAULT_ZONE) -> date:
    """The last day with any part before that end, as people are told it; undoes `ends_at` of a day."""
    return (end - timedelta(microseconds=1)).astimezone(zone).date()


def day_of(instant: datetime, zone: ZoneInfo = DEFAULT_ZONE) -> date:
    """The calendar day in which that instant lies."""
    return instant.astimezone(zone).date()


def days_left(end: datetime, now: datetime, zone: ZoneInfo = DEFAULT_ZONE) -> int:
    """The days before an end as people count them, today among them: 1 on its last day, 0 or less after it."""
    return (last_day(end, zone) - day_of(now, zone)).days + 1


def start_text(instant: datetime, zone: ZoneInfo = DEFAULT_ZONE) -> str:
    """A start as people would have typed it: a day when it is that day's first midnight, else the instant."""
    local = instant.astimezone(zone)
    return local.date().isoformat() if starts_at(local.date(), zone) == instant else local.isoformat()


def end_text(instant: datetime, zone: ZoneInfo = DEFAULT_ZONE) -> str:
    """An end as people would have typed it: its last day when it is the midnight after it, else the instant."""
    day = last_day(instant, zone)
    return day.isoformat() if ends_at(day, zone) == instant else instant.astimezone(zone).isoformat()


def as_of_instant(text: str, field: str = "as_of", zone: ZoneInfo = DEFAULT_ZONE) -> datetime:
    """An INSTANT as commands and the API take it: RFC 3339 with an offset; a bare day means the end of that day.

    Raises RuleBroken(field, ...) as `parse_moment`.
    """
    return ends_at(parse_moment(text, field), zone)


def last_day_of_months(first: date, months: int) -> date:
    """The last day of a run of that many calendar months from its first day.

    The day before the same day of the month so many months on; where that month is too short for it, the month's
    last day: 12 months from 2026-03-01 end with 2027-02-28, one month from 2026-01-31 with 2026-02-28.
    Raises RuleBroken("months", "out-of-range") unless there is at least one month and the end can be kept.
    """
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    if months < 1 or year > LAST_YEAR:
        raise RuleBroken(
            "months", "out-of-range", "%(value)s is out of range: a run lasts 1 month or more", value=months
        )
    if first.day == 1:
        return date(year, month + 1, 1) - timedelta(days=1)
    return date(year, month + 1, min(first.day - 1, monthrange(year, month + 1)[1]))


def utc_offset(at: datetime, zone: ZoneInfo) -> str:
    """How far a zone's clock is from UTC at an instant, as people write it: `UTC+8`, `UTC-3:30`, `UTC`."""
    minutes = int((at.astimezone(zone).utcoffset() or timedelta()).total_seconds() // 60)
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "")


def zone_named(name: str, field: str = "timezone") -> ZoneInfo:
    """The time zone of that IANA name. Raises RuleBroken(field, "unknown-zone")."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # unknown; a path; the name of a folder such as `Asia`
        raise RuleBroken(
            field, "unknown-zone", "%(value)r is no time zone: write a name such as Asia/Hong_Kong", value=name
        ) from error


@cache
def time_zones() -> tuple[str, ...]:
    """The time zones that people choose from: those of places, and UTC."""
    places = (name for name in available_timezones() if name.partition("/")[0] in _REGIONS)
    return (*sorted(places), "UTC")


def check_time_zone(name: str, field: str = "time_zone") -> str:
    """The name itself when people may choose it. Raises RuleBroken(field, "unknown-zone")."""
    if name not in time_zones():
        raise RuleBroken(
            field, "unknown-zone", "%(value)r is no time zone: write a name such as Asia/Hong_Kong", value=name[:60]
        )
    return name
