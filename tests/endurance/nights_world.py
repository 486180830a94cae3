"""The park in which night follows night, and what goes on in it by day: drawn by a seed, done in the service, told.

Usage comes in exports that restate the days before; scopes fall silent and speak again; grants are awarded, topped up,
extended and voided. Forecasts and the like are turned off in the startups' programme: the story knows expiry, used,
uncovered and stale.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from creditsvc.alerts.operations import set_setting
from creditsvc.db import transaction
from creditsvc.grants import operations as grants
from creditsvc.parties.access import operator
from creditsvc.programmes import operations as programmes
from tests import factories
from tests.endurance.nights_story import NightsStory
from tests.endurance.scenarios import MARCH, NOW
from tests.ledger.model import ModelLot
from tests.usage.exports import focus_row, write_focus
from tests.usage.importing import assign, import_path

STARTUPS = ("acme", "bolt", "crane", "delta")
SCOPES = tuple((f"64e355d7-997c-491d-b0c1-{number:012d}", STARTUPS[number % 4]) for number in range(5))
"""Each scope and whose it is; one startup has two."""

FIRST_DAY = NOW.date()
BEGUN = FIRST_DAY - timedelta(days=7)
"""The first charge day."""

OFF = ("running-out", "expiring-unused", "idle", "spike", "not-activated")
LASTS = timedelta(hours=16)
"""A day in Hong Kong ends so long after its first instant in UTC."""

Act = Callable[[], Any]
"""Something done in the service, in an application context."""


def fill_begin(folder: Path) -> dict[str, Any]:
    """Startups with founders in a programme, a manager of all, a grant for each and a week of usage."""
    factories.make_person("manager@park.example", "manager")
    factories.make_pool("ms", "100000")
    factories.make_cohort(factories.make_programme("park").key, "park-2026")
    for rule in OFF:
        factories.do(lambda rule=rule: set_setting(  # type: ignore[misc]
            operator(NOW), programme="park", rule=rule, enabled=False))
    for key in STARTUPS:
        factories.make_startup(key, key.title())
        factories.make_member(key, f"founder@{key}.example")
        factories.do(lambda key=key: programmes.enrol(  # type: ignore[misc]
            operator(NOW), startup=key, cohort="park-2026", status="active", on=date(2026, 3, 1)))
    begun = World(0)
    for act in begun.begin(folder):
        act()
    return {}


@dataclass
class World:
    """The park of one seed, and its story so far."""

    seed: int
    story: NightsStory = field(default_factory=lambda: NightsStory(STARTUPS))
    silent_until: dict[str, date] = field(default_factory=dict)
    awarded: int = 0

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    def begin(self, folder: Path) -> list[Act]:
        """What there is before the first night, the same for every seed."""
        acts = []
        for scope, startup in SCOPES:
            self.story.assign(scope, startup, MARCH)
            acts.append(lambda scope=scope, startup=startup: assign(scope, startup, MARCH, NOW))
        for startup in STARTUPS:
            acts.append(self._award(startup, 50, FIRST_DAY - timedelta(days=20), FIRST_DAY + timedelta(days=15), NOW))
        costs = {scope: {BEGUN + timedelta(days=n): 2 for n in range(6)} for scope, _ in SCOPES}
        acts.append(self._bring(folder, costs, NOW - timedelta(days=1)))
        return acts

    def day(self, day: date, folder: Path) -> list[Act]:
        """What goes on in a day, before its night."""
        at = datetime.combine(day, time(6), UTC)
        acts = []
        costs = self._costs(day)
        if costs:
            acts.append(self._bring(folder, costs, at))
        for startup in STARTUPS:
            at += timedelta(minutes=5)
            act = self._by_a_person(startup, day, at)
            if act is not None:
                acts.append(act)
        return acts

    def _costs(self, day: date) -> dict[str, dict[date, int]]:
        """The export of a day: up to yesterday as a rule, with some days before it restated. It covers the same days of
        each scope, so it has all of them since the oldest that one of its scopes lacks."""
        newest: dict[str, date] = {}
        for scope, _ in SCOPES:
            if self.dice.random() < 0.04:
                self.silent_until[scope] = day + timedelta(days=self.dice.randrange(2, 9))
            upto = day - timedelta(days=1 if self.dice.random() < 0.9 else self.dice.randrange(1, 6))
            if self.silent_until.get(scope, date.min) <= day and upto > self.story.newest[scope]:
                newest[scope] = upto
        if not newest:
            return {}
        lacks = min(self.story.newest[scope] for scope in newest) + timedelta(days=1)
        first = max(min(lacks, day - timedelta(days=self.dice.randrange(2, 8))), BEGUN)
        return {scope: self._days(scope, first, upto) for scope, upto in newest.items()}

    def _days(self, scope: str, first: date, newest: date) -> dict[date, int]:
        """The cost of each day: as it was known, the last days restated at random, or much less of them than was said;
        new days at random."""
        mood, days = self.dice.choice(("as it was", "as it was", "restated", "less")), {}
        since = newest - timedelta(days=self.dice.randrange(1, 8))
        for number in range((newest - first).days + 1):
            day = first + timedelta(days=number)
            before = self.story.model.costs[scope].get(day)
            if before is None:
                days[day] = self.dice.choice((1, 2, 3, 4, 9))
            elif mood == "as it was" or day < since:
                days[day] = before
            else:
                days[day] = 1 if mood == "less" else self.dice.choice((1, 2, 5, 9))
        return days

    def _bring(self, folder: Path, costs: dict[str, dict[date, int]], at: datetime) -> Act:
        rows = [focus_row(day, scope, str(cost)) for scope, days in costs.items() for day, cost in sorted(days.items())]
        path = folder / f"{at.date()}.csv"
        self.story.bring_days(at, costs)
        return lambda: import_path(write_focus(path, rows), at, submitted_at=at, confirm=True)

    def _by_a_person(self, startup: str, day: date, at: datetime) -> Act | None:
        parts, _, _ = self.story.model.answer(startup, at)
        lots = {key: self._lot(key) for key in parts}
        active = [key for key, lot in lots.items() if lot.effective <= at < min(lot.expires, lot.void)]
        drawn = self.dice.random()
        if drawn < (0.04 if active else 0.4):
            starts = day + timedelta(days=self.dice.choice((0, 0, 0, 2, 5)))
            ends = starts + timedelta(days=self.dice.randrange(8, 110))
            return self._award(startup, self.dice.randrange(20, 90), starts, ends, at)
        if not active or drawn >= 0.14:
            return None
        key = self.dice.choice(active)
        if drawn < 0.08:
            return self._top_up(key, self.dice.randrange(5, 40), at)
        if drawn < 0.12 or parts[key][4] <= 0:
            return self._extend(key, self.dice.randrange(3, 40), at)
        self.story.void(key, at)
        return lambda: transaction(lambda: grants.void_grant(operator(at), key))

    def _award(self, startup: str, amount: int, starts: date, ends: date, at: datetime) -> Act:
        self.awarded += 1
        key = f"{startup}-{self.awarded}"
        effective, expires = _first_instant(starts), _first_instant(ends + timedelta(days=1))
        self.story.award(key, startup, "ms", amount, effective, expires)
        self._lot(key).awarded = at
        return lambda: transaction(lambda: grants.award_grant(
            operator(at), startup=startup, pool="ms", amount=str(amount), effective=starts, expires=ends, key=key))

    def _top_up(self, key: str, amount: int, at: datetime) -> Act:
        self.story.top_up(key, amount)
        return lambda: transaction(lambda: grants.top_up_grant(operator(at), key, amount=str(amount)))

    def _extend(self, key: str, days: int, at: datetime) -> Act | None:
        """None where the grant would come after one that is void: what was drawn on either would change places."""
        lot = self._lot(key)
        later = lot.expires + timedelta(days=days)
        others = [other for other in self.story.model.lots.values() if other.owner == lot.owner]
        if any(other.void < other.expires and lot.expires <= other.expires <= later for other in others):
            return None
        self.story.extend(key, later)
        return lambda: transaction(lambda: grants.extend_grant(operator(at), key, expires=later))

    def _lot(self, key: str) -> ModelLot:
        return self.story.model.lots[key]


def _first_instant(day: date) -> datetime:
    """The first midnight of a day in Hong Kong."""
    return datetime.combine(day, time(), UTC) - timedelta(hours=24) + LASTS
