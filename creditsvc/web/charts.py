"""The geometry of the burn-down chart. Everything is whole pixels; the template draws it, CSS colours it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from creditsvc.core.amounts import Unit


@dataclass(frozen=True)
class Frame:
    """The size of a drawing and the margins that its labels need."""

    width: int
    height: int
    left: int = 64
    right: int = 14
    top: int = 12
    bottom: int = 26


AHEAD = timedelta(days=183)
"""How far ahead a forecast is drawn at most."""

WIDE = Frame(880, 260)
NARROW = Frame(340, 220, left=54)


@dataclass(frozen=True)
class Tick:
    """A labelled line of an axis; `at` is its pixel."""

    at: int
    steps: int = 0
    day: date | None = None


@dataclass(frozen=True)
class Chart:
    """What remains of an account, day by day, as a stepped line with the area beneath it; `ahead` is the forecast's
    line, empty without one."""

    frame: Frame
    line: str
    area: str
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    end_x: int
    end_y: int
    ahead: str


@dataclass(frozen=True)
class BurnDown:
    """A series with the figures of its text summary; amounts in steps of the unit."""

    series: tuple[tuple[date, int], ...]
    wide: Chart
    narrow: Chart
    highest: int
    drawn_lately: int  # how much less remains than 30 days before, additions aside
    table: tuple[tuple[date, int], ...]
    ahead: tuple[tuple[date, int], ...]  # from the last day of the series on; empty without a forecast


def burn_down(
    series: Sequence[tuple[date, int]], unit: Unit, forecast: Sequence[tuple[date, int]] = ()
) -> BurnDown | None:
    """The chart of a series of at least two days, in the order of days; None for less.

    `forecast` are points of a line from about the last day on, in the order of days, two for one day being a step.
    """
    days = tuple(series)
    if len(days) < 2:
        return None
    falls = [max(before - after, 0) for (_, before), (_, after) in pairwise(days[-31:])]
    ahead = _ahead(days[-1], forecast)
    return BurnDown(
        days, _chart(days, ahead, WIDE, unit, 6), _chart(days, ahead, NARROW, unit, 3),
        max(steps for _, steps in days), sum(falls), _table(days), ahead,
    )


def _ahead(today: tuple[date, int], forecast: Sequence[tuple[date, int]]) -> tuple[tuple[date, int], ...]:
    """The line from today's point on, cut where the drawing ends; nothing where it does not reach beyond today."""
    last = today[0] + AHEAD
    line = [today]
    for day, steps in forecast:
        if day > last:
            before, from_steps = line[-1]
            if before < last:
                part = (steps - from_steps) * (last - before).days // (day - before).days
                line.append((last, from_steps + part))
            break
        if day > today[0]:
            line.append((day, steps))
    return tuple(line) if len(line) > 1 else ()


def _table(days: Sequence[tuple[date, int]]) -> tuple[tuple[date, int], ...]:
    """The first day, each month's last and the last: enough to read the line without seeing it."""
    kept = [days[0]]
    for this, following in pairwise(days[1:]):
        if this[0].month != following[0].month:
            kept.append(this)
    return (*kept, days[-1])


def _chart(
    days: Sequence[tuple[date, int]], ahead: Sequence[tuple[date, int]], frame: Frame, unit: Unit, labels: int
) -> Chart:
    inner_width = frame.width - frame.left - frame.right
    inner_height = frame.height - frame.top - frame.bottom
    top = _round_top(max(steps for _, steps in (*days, *ahead)), unit)
    first, last = days[0][0], (ahead or days)[-1][0]
    span = max((last - first).days, 1)
    foot = frame.height - frame.bottom

    def across(day: date) -> int:
        return frame.left + inner_width * (day - first).days // span

    def up(steps: int) -> int:
        return foot - inner_height * max(steps, 0) // top

    path = [f"M{across(days[0][0])} {up(days[0][1])}"]
    for (_, before), (day, after) in pairwise(days):
        if after != before or day == days[-1][0]:
            path += [f"H{across(day)}", f"V{up(after)}"]
    line = "".join(path)
    return Chart(
        frame, line, f"{line}V{foot}H{frame.left}Z",
        tuple(Tick(across(day), day=day) for day in _label_days(first, last, labels)),
        tuple(Tick(up(top * part // 4), steps=top * part // 4) for part in range(5)),
        across(days[-1][0]), up(days[-1][1]),
        "L".join(f"{across(day)} {up(steps)}" for day, steps in ahead),
    )


def _round_top(highest: int, unit: Unit) -> int:
    """The least round figure not below the highest value whose quarters are round too; 4 units at least."""
    size = unit.steps
    while True:
        for tenths in (40, 60, 80, 100, 120, 160, 200, 240, 280, 320):
            if tenths * size // 10 >= highest:
                return tenths * size // 10
        size *= 10


def _label_days(first: date, last: date, wanted: int) -> list[date]:
    """First days of months (or, within two months, evenly spaced days), no more than wanted."""
    months = []
    day = first.replace(day=1)
    while day <= last:
        if day >= first:
            months.append(day)
        day = (day + timedelta(days=32)).replace(day=1)
    if len(months) >= 2:
        return months[:: -(-len(months) // wanted)]
    step = max((last - first).days // (wanted - 1), 1)
    return [first + timedelta(days=offset) for offset in range(0, (last - first).days + 1, step)]


@dataclass(frozen=True)
class Share:
    """A part of a bar, from `at` on and `width` wide, in thousandths; `name` is a word of the template's."""

    name: str
    steps: int
    at: int
    width: int


def shares(parts: Sequence[tuple[str, int]], whole: int) -> tuple[Share, ...]:
    """A bar of a thousand parts, `whole` being all of it; what is below nothing, or beyond the whole, is not drawn."""
    drawn, done = [], 0
    for name, steps in parts:
        start = min(done * 1000 // whole, 1000) if whole > 0 else 0
        done += max(steps, 0)
        end = min(done * 1000 // whole, 1000) if whole > 0 else 0
        drawn.append(Share(name, steps, start, end - start))
    return tuple(drawn)
