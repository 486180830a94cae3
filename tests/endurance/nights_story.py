"""What many nights in a row must tell: the story of a park with the rules of telling written out (A2 to A5, A8).

It imports nothing of the product. Of each holding and rule it keeps a ladder: which thresholds are told in the present
episode, on how many nights the reading was back since, what corrections did.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from fractions import Fraction

from tests.endurance.story import EXPIRY, STALE_DAYS, USED, Story
from tests.ledger.model import Model

THRESHOLDS = {"expiry": EXPIRY, "used": USED, "uncovered": (0,), "stale": (STALE_DAYS,)}
BACK = {"used": (5, 2), "uncovered": (0, 2), "stale": (0, 1)}
"""By how much a reading has to be back, and on how many nights in a row, to arm a threshold again; expiry never is."""

Matter = tuple[str, str, str]
"""(startup, holding, rule)"""


class ManyDays(Model):
    """The small model with usage kept by scope and day, for exports that come in the order in which they were made."""

    def __init__(self) -> None:
        super().__init__()
        self.costs: dict[str, dict[date, int]] = defaultdict(dict)

    def _usage(self, owner: str) -> dict[datetime, int]:
        net: dict[datetime, int] = defaultdict(int)
        for scope, days in self.costs.items():
            for day, cost in days.items():
                at = _midnight(day)
                if self._owner(scope, at) == owner:
                    net[at] += cost
        return net


@dataclass
class Rung:
    """One threshold of a matter. `corrected` says that a correction armed it at once before; `doubted` that a second
    one took back what was told since, and the nights in a row on which it was reached after that."""

    told: bool = False
    back: int = 0
    corrected: bool = False
    doubted: int | None = None


@dataclass
class Alert:
    """One that was told, and what was restated since of the usage by then: in all, and of what nobody paid."""

    matter: Matter
    threshold: int
    decided: datetime
    name: str
    granted: int
    uncovered: int
    restated: int = 0
    restated_uncovered: int = 0
    is_wrong: bool = False
    is_touched: bool = False

    @property
    def people(self) -> list[str]:
        """Whom it concerns: the founder, and the manager where it presses."""
        startup, _, rule = self.matter
        presses = rule in ("stale", "uncovered") or (rule, self.threshold) == ("used", 100) or (
            rule == "expiry" and self.threshold <= 14)
        return [f"founder@{startup}.example", *(["manager@park.example"] if presses else [])]


@dataclass
class Ladder:
    """What is known of one matter. `heard` is up to where a beginning was told."""

    acts: int = 0
    rungs: dict[int, Rung] = field(default_factory=lambda: defaultdict(Rung))
    heard: int = 0
    open: Alert | None = None


@dataclass(frozen=True)
class Reading:
    """Where a matter stands, and the human acts so far, each of which begins a new episode."""

    value: Fraction
    acts: int


def reached(rule: str, value: Fraction) -> list[int]:
    """The thresholds that a reading has reached, the most telling last."""
    if rule == "expiry":
        return [threshold for threshold in sorted(EXPIRY, reverse=True) if value <= threshold]
    return [threshold for threshold in THRESHOLDS[rule] if value > threshold or (value == threshold != 0)]


@dataclass
class NightsStory(Story):
    """A story that goes on for many nights."""

    model: ManyDays = field(default_factory=ManyDays)
    ladders: dict[Matter, Ladder] = field(default_factory=lambda: defaultdict(Ladder))
    said: list[Alert] = field(default_factory=list)
    acts_of: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    top_ups: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    fresh: dict[str, bool] = field(default_factory=dict)
    looked: datetime | None = None
    alerts: int = 0
    corrections: int = 0
    mails: int = 0

    def top_up(self, key: str, amount: int) -> None:
        """More from the same pool."""
        super().top_up(key, amount)
        self.acts_of[key] += 1
        self.top_ups[self.model.lots[key].owner] += 1

    def extend(self, key: str, expires: datetime) -> None:
        """A later end."""
        super().extend(key, expires)
        self.acts_of[key] += 1

    def bring_days(self, submitted: datetime, costs: Mapping[str, Mapping[date, int]]) -> None:
        """The newest export of all is applied: the cost of each scope and day."""
        first = _midnight(min(day for days in costs.values() for day in days))
        known = [alert for alert in self.said if alert.decided >= first and not alert.is_wrong]
        before = {id(alert): self._stands(alert) for alert in known}
        for scope, days in costs.items():
            self.model.costs[scope].update(days)
            self.newest[scope] = max(*days, self.newest.get(scope, date.min))
            self.fresh[scope] = (submitted.date() - self.newest[scope]).days < STALE_DAYS
        self._count("run applied", "trail usage.import")
        for alert in known:
            usage, uncovered = self._stands(alert)
            alert.is_touched |= usage != before[id(alert)][0]
            alert.restated += usage - before[id(alert)][0]
            alert.restated_uncovered += uncovered - before[id(alert)][1]

    def _stands(self, alert: Alert) -> tuple[int, int]:
        """The usage by the night of an alert as is known now, and where it matters what of it nobody paid."""
        startup, _, rule = alert.matter
        usage = sum(cost for at, cost in self.model._usage(startup).items() if at <= alert.decided)
        return usage, self.model.answer(startup, alert.decided)[1] if rule == "uncovered" else 0

    def tell(self, now: datetime, day: date) -> None:
        """The night of a business day looks at `now`, takes back what was wrong, and tells what is new."""
        heard: set[str] = set()
        wrong = dict(self._wrong())
        for alert in self.said:
            if id(alert) in wrong:
                self.corrections += 1
                for person in alert.people:
                    self._count(f"corrected {person} of {alert.name} on {day}")
                    heard.add(person)
        readings = dict(self._readings(now))
        for matter in sorted({*self.ladders, *readings}):
            ladder = self.ladders[matter]
            is_wrong = ladder.open is not None and id(ladder.open) in wrong
            if ladder.open is not None and is_wrong:
                _take_back(matter[2], ladder, ladder.open.threshold, wrong[id(ladder.open)])
            due = _due(matter[2], ladder, readings[matter]) if matter in readings else None
            if due is not None:
                ladder.open = self._say(matter, due, now, day)
                heard.update(ladder.open.people)
            elif ladder.open is not None and (
                is_wrong or matter not in readings or not reached(matter[2], readings[matter].value)
                or not ladder.rungs[ladder.open.threshold].told
            ):
                ladder.open = None
        for person in heard:
            self._count(f"digest for {person}", f"digest for {person} on {day}", f"mail digest to {person}",
                        f"delivered digest to {person}")
        self.mails += len(heard)
        self.looked = now
        self._count("nights done")

    def _say(self, matter: Matter, threshold: int, now: datetime, day: date) -> Alert:
        startup, holding, rule = matter
        what = f"{startup} {holding} {rule} {threshold}"
        granted, _, uncovered = self._standing(startup, now)
        alert = Alert(matter, threshold, now, f"{what} of {day}", granted, uncovered)
        self.said.append(alert)
        self.alerts += 1
        self._count(f"alert {what}", f"alert {alert.name}")
        for person in alert.people:
            self._count(f"told {person} of {what}", f"told {person} of {alert.name} on {day}")
        return alert

    def _wrong(self) -> Iterator[tuple[int, Fraction]]:
        """Which alerts were not right by what is known now, and what it was instead (A8)."""
        for alert in self.said:
            if not alert.is_touched or alert.is_wrong or alert.restated >= 0:
                continue
            alert.is_touched = False
            startup, _, rule = alert.matter
            if rule == "used":
                _, drawn, _ = self._standing(startup, alert.decided)
                alert.is_wrong = drawn * 100 < alert.threshold * alert.granted
                instead = Fraction(drawn * 100, alert.granted)
            else:
                alert.is_wrong = rule == "uncovered" and alert.uncovered + alert.restated_uncovered <= 0
                instead = Fraction(0)
            if alert.is_wrong:
                yield id(alert), instead

    def _standing(self, startup: str, at: datetime) -> tuple[int, int, int]:
        """Of the lots that are active at an instant what was granted and drawn by then; and what nobody paid by then.
        """
        parts, uncovered, _ = self.model.answer(startup, at)
        lots = {key: self.model.lots[key] for key in parts}
        active = [key for key, lot in lots.items() if lot.effective <= at < min(lot.expires, lot.void)]
        return sum(lots[key].amount for key in active), sum(parts[key][0] for key in active), uncovered

    def _readings(self, now: datetime) -> Iterator[tuple[Matter, Reading]]:
        for startup in self.startups:
            parts, _, _ = self.model.answer(startup, now)
            for key, (_, expired, _, _, remaining) in parts.items():
                ends = self.model.lots[key].expires
                is_over = self.looked is not None and self.looked < ends <= now
                if (expired if is_over else remaining) > 0:
                    days = Fraction((ends - now).total_seconds()) / 86400
                    yield (startup, key, "expiry"), Reading(days, self.acts_of[key])
            acts = sum(self.model.lots[key].effective <= now for key in parts) + self.top_ups[startup]
            granted, drawn, uncovered = self._standing(startup, now)
            if granted > 0:
                yield (startup, "azure-credit", "used"), Reading(Fraction(drawn * 100, granted), acts)
            yield (startup, "azure-credit", "uncovered"), Reading(Fraction(uncovered), acts)
        for scope, startup in self.scopes.items():
            newest = self.newest[scope]
            since = newest.toordinal() if self.fresh[scope] else 0  # what was fresh when it came is as good as an act
            yield (startup, f"azure:{scope}", "stale"), Reading(Fraction((now.date() - newest).days), since)

    def account(self) -> dict[str, int | str]:
        """Everything that must stand, what is open too."""
        opened = {f"open {ladder.open.name}": 1 for ladder in self.ladders.values() if ladder.open is not None}
        return {**super().account(), **opened}

    def _usage(self) -> Iterator[tuple[str, date, int]]:
        for scope, days in self.model.costs.items():
            for day, cost in days.items():
                yield scope, day, cost


def _due(rule: str, ladder: Ladder, reading: Reading) -> int | None:
    """The threshold to tell, if any: the most telling one that is reached, unless it was told in this episode."""
    if reading.acts > ladder.acts:
        ladder.acts = reading.acts
        for threshold in [threshold for threshold, rung in ladder.rungs.items() if rung.told]:
            ladder.rungs[threshold] = Rung()
    for threshold, rung in list(ladder.rungs.items()):
        if rung.told and rule in BACK:
            ladder.rungs[threshold] = _after_night(rule, threshold, rung, reading.value)
    found = reached(rule, reading.value)
    due = found[-1] if found and not ladder.rungs[found[-1]].told else None
    if rule == "uncovered":
        if due is not None and reading.value <= ladder.heard:
            due = None
        is_told = due is not None or any(rung.told for rung in ladder.rungs.values())
        ladder.heard = int(reading.value) if is_told else min(ladder.heard, int(reading.value))
    for threshold in found if due is not None else ():
        rung = ladder.rungs[threshold]
        ladder.rungs[threshold] = Rung(told=True, corrected=rung.corrected)
    return due


def _after_night(rule: str, threshold: int, rung: Rung, value: Fraction) -> Rung:
    """A threshold that was told, after a night more: armed again when it was back, or stayed, for long enough."""
    by, nights = BACK[rule]
    is_reached = threshold in reached(rule, value)
    if rung.doubted is not None:
        rung.doubted = rung.doubted + 1 if is_reached else 0
        if rung.doubted >= nights:
            return Rung(corrected=True)
    rung.back = rung.back + 1 if not is_reached and value <= threshold - by else 0
    return Rung() if rung.back >= nights else rung


def _take_back(rule: str, ladder: Ladder, told: int, instead: Fraction) -> None:
    """A correction arms what was not reached either, at once; a second one no more (A8)."""
    right = reached(rule, instead)
    for threshold, rung in list(ladder.rungs.items()):
        if rung.told and threshold <= told and threshold not in right:
            twice = Rung(told=True, corrected=True, doubted=0)
            ladder.rungs[threshold] = twice if rung.corrected else Rung(corrected=True)
    ladder.heard = 0


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
