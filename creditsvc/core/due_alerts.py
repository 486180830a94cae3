"""Which alerts are due (rules A2 to A4, A7): readings, settings and what was told before come in, decisions come out.

Only the most telling threshold that is reached ever counts: it is due when it was not yet told in its episode, and
telling it tells all the lesser ones with it. So an outage, or one big step, makes one alert and never four.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from itertools import takewhile
from typing import Literal
from zoneinfo import ZoneInfo

Direction = Literal["increasing", "decreasing"]
Measure = Literal["days", "percent"]

NIGHT_ZONE = ZoneInfo("Asia/Hong_Kong")
NIGHT_HOUR = 2
"""The night runs at 02:00 in Hong Kong (A7)."""


@dataclass(frozen=True)
class Rule:
    """What a rule watches and when it arms again.

    `defaults` are the thresholds unless a programme says otherwise, in days or percent. A reading is *back* when it is
    `back_by` behind a threshold; after `back_nights` such nights in a row the threshold arms again (0: never, only
    a human act does it). `beginning` is for what begins rather than is reached: its one threshold 0 has to be passed,
    and in a new episode it is told only when the reading has risen since the last night. `most` is the highest
    threshold that makes sense.
    """

    name: str
    direction: Direction
    defaults: tuple[int, ...]
    back_by: int = 0
    back_nights: int = 0
    beginning: bool = False
    measure: Measure = "days"
    most: int = 3650

    def is_reached(self, threshold: int, value: Fraction) -> bool:
        """At or beyond the threshold, exactly (A2); for a beginning, beyond it."""
        if self.beginning:
            return value > threshold
        return value >= threshold if self.direction == "increasing" else value <= threshold

    def is_back(self, threshold: int, value: Fraction) -> bool:
        """Whether the reading is far enough behind a threshold that had been reached (A3)."""
        if self.is_reached(threshold, value):
            return False
        if self.direction == "increasing":
            return value <= threshold - self.back_by
        return value >= threshold + self.back_by

    def reaches_any(self, thresholds: Iterable[int], value: Fraction) -> bool:
        """Whether it is at or beyond one of them at least."""
        return any(self.is_reached(threshold, value) for threshold in thresholds)

    def reached(self, thresholds: Iterable[int], value: Fraction) -> list[int]:
        """Those of some thresholds that are reached, the most telling last; who reached one reached all before it."""
        in_order = sorted(thresholds, reverse=self.direction == "decreasing")
        return list(takewhile(lambda threshold: self.is_reached(threshold, value), in_order))


EXPIRY = Rule("expiry", "decreasing", (90, 60, 30, 14, 7, 1))
"""Days until a lot with something left ends. Only an extension or a top-up moves it back."""

USED = Rule("used", "increasing", (50, 75, 90, 100), back_by=5, back_nights=2, measure="percent", most=100)
"""Percent drawn of what counts now in an account."""

UNCOVERED = Rule("uncovered", "increasing", (0,), back_nights=2, beginning=True)
"""Usage of an account that no lot paid, in steps of its unit."""

NOT_ACTIVATED = Rule("not-activated", "increasing", (90,))
"""Days in which a grant could have been redeemed and was not. Told once: what ends it is its activation or its use."""

STALE = Rule("stale", "increasing", (4,), back_nights=1)
"""Days since the newest charge day of a scope. Azure's own data is one to two days behind."""

HOURS_UNBOOKED = Rule("hours-unbooked", "decreasing", (30, 7))
"""Days until hours that nobody has booked end with their lot; of hours it stands in for `expiry`."""

SEATS_UNUSED = Rule("seats-unused", "increasing", (30,), back_nights=1)
"""Days in which a seat was free, or in which the person who has it did nothing by the publisher's counts."""

SEATS_MISMATCH = Rule("seats-mismatch", "increasing", (0,), back_nights=2, beginning=True)
"""How many differences there are between what the publisher counts in a startup's tenant and what was assigned."""

RUNNING_OUT = Rule("running-out", "decreasing", (60, 30, 14), back_by=7, back_nights=2)
"""Days until an account runs out by its forecast, where that is before it ends."""

EXPIRING_UNUSED = Rule(
    "expiring-unused", "increasing", (25, 50), back_by=5, back_nights=2, measure="percent", most=100
)
"""Percent of what lots that end soon were granted that will be left at their end, by the forecast."""

IDLE = Rule("idle", "increasing", (30, 90), back_nights=1)
"""Days in which an account that has something left was not used. Use arms it again after one night."""

SPIKE = Rule("spike", "increasing", (300,), back_nights=1, measure="percent", most=5000)
"""Percent of a usual day that the largest of the last days used."""

POOL_LOW = Rule("pool-low", "decreasing", (10,), back_by=5, back_nights=1, measure="percent", most=100)
"""Percent of a pool that is left to award. What fills it again is a person's act, so one night is enough."""

RULES: Mapping[str, Rule] = {
    rule.name: rule for rule in (
        UNCOVERED, SPIKE, RUNNING_OUT, EXPIRY, HOURS_UNBOOKED, USED, SEATS_MISMATCH, NOT_ACTIVATED, EXPIRING_UNUSED,
        SEATS_UNUSED, IDLE, STALE,
    )
}
"""The rules of what startups hold, the most pressing first."""

INCUBATOR_RULES: Mapping[str, Rule] = {POOL_LOW.name: POOL_LOW}
"""The rules of what is the incubator's own and no startup's; no programme tunes them."""

ALL_RULES: Mapping[str, Rule] = {**RULES, **INCUBATOR_RULES}


@dataclass(frozen=True)
class Setting:
    """What one programme says of one rule. No thresholds: the rule's own."""

    enabled: bool = True
    thresholds: tuple[int, ...] = ()
    mandatory: bool = False


@dataclass(frozen=True)
class Reading:
    """Where a holding stands: `value` in the rule's measure.

    `acts` counts the human acts on the holding; it only ever grows, and each arms the rule again at once (A3).
    """

    value: Fraction
    acts: int = 0


@dataclass(frozen=True)
class Mark:
    """What is known of one threshold: the episode in which it was told, the nights back since, the times re-armed.

    `corrected` is 1 once a correction has armed it at once; from 2 on a further one took back what was told since, and
    it counts the nights on which the threshold was reached again, from 2 up.
    """

    told: int | None = None
    back: int = 0
    rearmed: int = 0
    corrected: int = 0


@dataclass(frozen=True)
class Memory:
    """What earlier nights leave behind for one rule and holding."""

    acts: int = 0
    level: int = 0
    marks: Mapping[int, Mark] = field(default_factory=dict)
    counted_on: date | None = None

    def episode_of(self, threshold: int) -> int:
        """The episode a threshold is in: human acts and times armed again both begin a new one (A3)."""
        return self.acts + self.marks.get(threshold, Mark()).rearmed


@dataclass(frozen=True)
class Decision:
    """`due` is the threshold to tell now, if any; `standing` the most telling one that is reached."""

    due: int | None
    standing: int | None
    memory: Memory


def decide(rule: Rule, thresholds: Sequence[int], reading: Reading, memory: Memory, day: date) -> Decision:
    """What of one rule and holding is to be told on a business day (A2, A3, A4).

    Deciding again on the same day counts no night twice. The memory comes back as it has to be kept, the telling
    taken as done.
    """
    acts = max(memory.acts, reading.acts)
    is_new_night = memory.counted_on != day  # an earlier day too: a night may have run ahead of its day
    marks = {t: _after_night(rule, t, mark, reading.value, acts, is_new_night) for t, mark in memory.marks.items()}
    reached = rule.reached(thresholds, reading.value)
    standing = reached[-1] if reached else None
    due = standing if standing is not None and not _is_told(marks.get(standing, Mark()), acts) else None
    if rule.beginning and due is not None and reading.value <= memory.level:
        due = None
    if due is not None:
        for threshold in reached:
            mark = marks.get(threshold, Mark())
            is_ended = mark.told is not None and not _is_told(mark, acts)  # by a human act, with what went before
            corrected = 0 if is_ended else min(mark.corrected, _TAKEN_BACK - 1)
            marks[threshold] = replace(mark, told=_episode(mark, acts), back=0, corrected=corrected)
    level = _level(rule, marks, acts, reading.value, memory.level)
    counted_on = day if is_new_night and marks != memory.marks else memory.counted_on
    kept = Memory(acts, level, marks, counted_on)
    return Decision(due, standing, kept)


_TAKEN_BACK = 2
"""Of `Mark.corrected`: the last word on the threshold was a correction that armed nothing."""


def _episode(mark: Mark, acts: int) -> int:
    return acts + mark.rearmed


def _is_told(mark: Mark, acts: int) -> bool:
    return mark.told == _episode(mark, acts)


def _after_night(rule: Rule, threshold: int, mark: Mark, value: Fraction, acts: int, is_new_night: bool) -> Mark:
    """The mark with this night's reading counted, armed again when it has been back for long enough."""
    if not _is_told(mark, acts) or not rule.back_nights or not is_new_night:
        return mark
    if mark.corrected >= _TAKEN_BACK:
        reached = mark.corrected + 1 if rule.is_reached(threshold, value) else _TAKEN_BACK
        if reached >= _TAKEN_BACK + rule.back_nights:
            return Mark(rearmed=mark.rearmed + 1, corrected=1)
        mark = replace(mark, corrected=reached)
    if not rule.is_back(threshold, value):
        return replace(mark, back=0)
    if mark.back + 1 >= rule.back_nights:
        return Mark(rearmed=mark.rearmed + 1)
    return replace(mark, back=mark.back + 1)


def _level(rule: Rule, marks: Mapping[int, Mark], acts: int, value: Fraction, before: int) -> int:
    """Up to where a beginning has been told: follows the reading while told, else only falls with it."""
    if not rule.beginning:
        return 0
    told = any(_is_told(mark, acts) for mark in marks.values())
    return int(value) if told else min(before, int(value))


def forget_telling(memory: Memory) -> Memory:
    """The memory of an alert that passed before anybody was told: its thresholds are armed again."""
    marks = {t: Mark(rearmed=mark.rearmed + (mark.told is not None)) for t, mark in memory.marks.items()}
    return replace(memory, level=0, marks=marks)


def take_back(rule: Rule, memory: Memory, told: int, instead: Fraction) -> Memory:
    """The memory after a correction of what was told at a threshold: `instead` is what the reading was (A8).

    A correction takes back what was said, so the threshold, and each before it that was not reached either, counts as
    not told and begins a new episode at once. That once: of a figure that goes up and down by restatements a second
    correction arms a threshold only when it has been back on two nights (A3), or was reached on two nights in a row.
    """
    marks = dict(memory.marks)
    for threshold, mark in memory.marks.items():
        is_of_it = threshold <= told if rule.direction == "increasing" else threshold >= told
        if not is_of_it or not _is_told(mark, memory.acts) or rule.is_reached(threshold, instead):
            continue
        if mark.corrected:
            marks[threshold] = replace(mark, back=0, corrected=_TAKEN_BACK)
        else:
            marks[threshold] = Mark(rearmed=mark.rearmed + 1, corrected=1)
    return replace(memory, marks=marks, level=0)


def thresholds_for(rule: Rule, settings: Sequence[Setting | None]) -> tuple[int, ...]:
    """The thresholds for a startup whose programmes say this (None: nothing): the union of those that are on.

    No programme at all means the rule's own. Off in all of them is off: no thresholds.
    """
    found: set[int] = set()
    for setting in settings or [None]:
        if setting is None or setting.enabled:
            found.update((setting.thresholds if setting else ()) or rule.defaults)
    return tuple(sorted(found))


def days_until(instant: datetime, now: datetime) -> Fraction:
    """Exact days from now to an instant; negative once it has passed."""
    return Fraction((instant - now) // timedelta(microseconds=1), timedelta(days=1) // timedelta(microseconds=1))


def days_not_activated(awarded: datetime, effective: datetime, now: datetime) -> Fraction:
    """Exact days in which a grant could have been redeemed by now: since its award, or its start where that is later.
    """
    return days_until(now, max(awarded, effective))


def business_day(now: datetime) -> date:
    """The day whose 02:00 run an instant belongs to: before 02:00 in Hong Kong it is still the day before (A7)."""
    return (now.astimezone(NIGHT_ZONE) - timedelta(hours=NIGHT_HOUR)).date()


def night_due(day: date) -> datetime:
    """When the night of a business day is due: its 02:00 in Hong Kong (A7)."""
    return datetime.combine(day, time(NIGHT_HOUR), NIGHT_ZONE)


NEVER = "never"
RHYTHMS = ("nightly", "weekly", "monthly", NEVER)
"""How often a person gets at most a digest; what a programme makes mandatory comes with the next night."""


def rhythm_begins(rhythm: str, day: date) -> date:
    """The first day of the time in which one digest is enough: the day itself, its Monday, or the first of its month.

    Where none is wanted, the first day of all. An unknown rhythm is a fault of ours (KeyError).
    """
    return {
        "nightly": day, "weekly": day - timedelta(days=day.weekday()), "monthly": day.replace(day=1), NEVER: date.min,
    }[rhythm]
