"""When somebody can be booked: weekly hours and exceptions of a local calendar, as instants, less what is booked.

Hours are wall-clock hours of a time zone: an instant is open when a clock there shows a time within them. So a night in
which clocks go forward is an hour shorter, and an hour that a clock shows twice is open twice.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

Stretch = tuple[datetime, datetime]
"""[from, until): aware instants, or wall-clock times without a zone while they are still local."""

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Weekly:
    """Open on every such weekday (0 is Monday) from one minute of the day to another; beyond 1440 is the next day."""

    weekday: int
    starts: int
    ends: int


@dataclass(frozen=True)
class DayChange:
    """What one day has instead: `off` for a stretch of it, or hours `extra`, also on a holiday; minutes as above."""

    day: date
    kind: str
    starts: int
    ends: int


def overlaps(first: Stretch, second: Stretch) -> bool:
    """Whether two stretches share an instant; one may begin where the other ends."""
    return first[0] < second[1] and second[0] < first[1]


def open_stretches(
    first: date, last: date, weekly: Sequence[Weekly], exceptions: Sequence[DayChange], holidays: Container[date],
    zone: ZoneInfo,
) -> list[Stretch]:
    """When it is open from the local day `first` through `last`, in order; those that begin on `last` whole.

    A holiday closes what would begin on it.
    """
    opened: list[Stretch] = []
    day = first - DAY  # yesterday's hours may go beyond its midnight
    while day <= last:
        if day not in holidays:
            opened += [_on(day, one.starts, one.ends) for one in weekly if one.weekday == day.weekday()]
        day += DAY
    for one in exceptions:
        if one.kind == "off":
            opened = [part for stretch in opened for part in _without(stretch, _on(one.day, one.starts, one.ends))]
    opened += [
        _on(one.day, one.starts, one.ends) for one in exceptions
        if one.kind == "extra" and first - DAY <= one.day <= last
    ]
    begin = datetime.combine(first, datetime.min.time())
    local = [(max(starts, begin), ends) for starts, ends in _merged(opened) if ends > begin]
    return _merged([part for stretch in local for part in instants_of(stretch, zone)])


def _on(day: date, starts: int, ends: int) -> Stretch:
    midnight = datetime.combine(day, datetime.min.time())
    return midnight + timedelta(minutes=starts), midnight + timedelta(minutes=ends)


def _without(stretch: Stretch, gap: Stretch) -> list[Stretch]:
    parts = [(stretch[0], min(stretch[1], gap[0])), (max(stretch[0], gap[1]), stretch[1])]
    return [part for part in parts if part[0] < part[1]] if overlaps(stretch, gap) else [stretch]


def _merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    merged: list[Stretch] = []
    for starts, ends in sorted(stretches):
        if merged and starts <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], ends))
        else:
            merged.append((starts, ends))
    return merged


def instants_of(local: Stretch, zone: ZoneInfo) -> list[Stretch]:
    """The instants at which a clock of the zone shows a time of the stretch; clocks change at most once within it."""
    starts, ends = local
    low = min(_instant(starts, zone, fold) for fold in (0, 1))
    high = max(_instant(ends, zone, fold) for fold in (0, 1))
    change = _change_between(low, high, zone)
    parts = [(low, high)] if change is None else [(low, change), (change, high)]
    found = []
    for begin, end in parts:
        offset = _offset(begin, zone)
        part = (max(begin, (starts - offset).replace(tzinfo=UTC)), min(end, (ends - offset).replace(tzinfo=UTC)))
        if part[0] < part[1]:
            found.append(part)
    return found


def _instant(wall: datetime, zone: ZoneInfo, fold: int) -> datetime:
    return wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _change_between(low: datetime, high: datetime, zone: ZoneInfo) -> datetime | None:
    """The first instant after `low` at which the clock differs from UTC otherwise, if that is so by `high`."""
    before = _offset(low, zone)
    if _offset(high, zone) == before:
        return None
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        low, high = (middle, high) if _offset(middle, zone) == before else (low, middle)
    return high.replace(microsecond=0)


def free_starts(
    opened: Sequence[Stretch], busy: Sequence[Stretch], length: timedelta, step: timedelta, earliest: datetime
) -> list[datetime]:
    """When a session of that length can begin: every `step` from the start of each open stretch, where it fits whole,
    begins no earlier than `earliest` and meets nothing that is booked."""
    taken = sorted(busy)
    found: list[datetime] = []
    for starts, ends in opened:
        at = starts
        while at + length <= ends:
            if at >= earliest and not any(overlaps((at, at + length), one) for one in taken):
                found.append(at)
            at += step
    return found


def is_open(opened: Sequence[Stretch], session: Stretch) -> bool:
    """Whether a session lies within one open stretch."""
    return any(starts <= session[0] and session[1] <= ends for starts, ends in opened)
