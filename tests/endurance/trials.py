"""Kill trials: an operation is cut at a point, done again, and what stands is compared with what was said."""

import contextlib
import gc
import io
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from tests import databases
from tests.endurance import doors, forks, ledgers
from tests.endurance.ledgers import Difference
from tests.endurance.places import Place, place
from tests.endurance.points import Points, watched
from tests.endurance.post_office import Office, post_office
from tests.endurance.scenarios import Scenario, fill_park

Seed = Callable[[], None]
"""Puts a fault into the service of this process."""


@dataclass
class Tally:
    """What the trials of one scenario on one database came to."""

    scenario: str
    database: str
    statements: int = 0
    trials: int = 0
    kills: int = 0
    uncertain: int = 0
    lost: int = 0
    twice: int = 0
    other: int = 0
    complaints: list[str] = field(default_factory=list)

    def add(self, where: str, differences: Sequence[Difference]) -> None:
        """Counts what differed in a trial."""
        for difference in differences:
            self.lost += difference.kind == "lost"
            self.twice += difference.kind == "twice"
            self.other += difference.kind == "other"
            self.complaints.append(f"{self.scenario} on {self.database}, cut at {where}: {difference}")

    @property
    def is_clean(self) -> bool:
        """Whether nothing differed, and something was tried."""
        return self.trials > 0 and not (self.lost or self.twice or self.other)


@dataclass(frozen=True)
class Stage:
    """A scenario on a database that is filled and ready."""

    scenario: Scenario
    place: Place
    office: Office | None
    helper: forks.Helper

    def perform(self, now: datetime, points: Points | None = None, seed: Seed | None = None) -> forks.Ended:
        """The act in a fork; its value are the points that it passed."""

        def work() -> list[str]:
            if seed is not None:
                seed()
            if points is None:
                self.scenario.act(self.place, now)
                return []
            with watched(points):
                self.scenario.act(self.place, now)
            return points.seen

        ended = forks.run(work)
        self._settle()
        return ended

    def finish(self, tally: Tally, again: bool = True, also: Scenario | None = None) -> list[Difference]:
        """Does it again as a person or the scheduler would, lets follow what follows, and compares.

        Mails that came twice in doubt are counted. `also` is another thing that was done beside it.
        """
        ended = self.helper.ask(again)
        self._settle()
        stands = ledgers.account(self.place)
        tally.uncertain += stands.uncertain
        found = ledgers.compare(_account(self.scenario, also) if also else self._all, stands.lines)
        if ended.error:
            found.append(Difference("other", "doing it again", "an answer", ended.error[-1500:]))
        for one in ended.value or ():
            found.append(Difference("other", f"verify: {one['account']} {one['what']}", one["expected"], one["found"]))
        return found

    def half_done(self) -> list[Difference]:
        """What differs right after a kill from both nothing and all, for what is one transaction."""
        if not self.scenario.whole:
            return []
        stands = ledgers.account(self.place).lines
        if stands in (self._nothing, self._all):
            return []
        return [Difference("other", f"half done: {one.what}", one.expected, one.found)
                for one in ledgers.compare(self._all, stands)]

    @cached_property
    def _all(self) -> dict[str, int | str]:
        return _account(self.scenario)

    @cached_property
    def _nothing(self) -> dict[str, int | str]:
        return self.scenario.before().account()

    def _settle(self) -> None:
        if self.office is not None:
            self.office.wait_until_idle()


def _account(scenario: Scenario, also: Scenario | None = None) -> dict[str, int | str]:
    story = scenario.before()
    scenario.after(story)
    if also is not None:
        also.after(story)
    return story.account()


@contextmanager
def stage(scenario: Scenario, on: Place) -> Iterator[Stage]:
    """A scenario made ready in the park of a place, checked to begin where its story begins."""
    with ExitStack() as stack:
        office = stack.enter_context(post_office(on.letters)) if scenario.posts else None
        on.restore("park")
        on.posting_to("file:")
        if scenario.fill is not None:
            on.fill(scenario.fill)
        on.posting_to(office.url if office is not None else "file:")
        on.keep("scene")
        begins = ledgers.compare(scenario.before().account(), ledgers.account(on).lines)
        assert not begins, f"{scenario.name} does not begin as it says: {[str(one) for one in begins]}"
        _warm_up(scenario, on)
        helper = stack.enter_context(forks.helper(lambda again: _again(scenario, on, again)))
        yield Stage(scenario, on, office, helper)


def _warm_up(scenario: Scenario, on: Place) -> None:
    """Does it once in this very process, so that forks of it find statements compiled and templates read."""
    warm = scenario.warm or scenario.act
    with contextlib.redirect_stdout(io.StringIO()):
        warm(on, scenario.now)
        doors.differences(on)
    databases.dispose(on.app)
    gc.collect()
    gc.freeze()  # what a fork never frees need not be copied


def _again(scenario: Scenario, on: Place, again: bool) -> list[dict[str, str]]:
    """What is done after a kill, and what `verify` says then; leaves no connection to a file that is put back."""
    try:
        if again:
            scenario.act(on, scenario.now + timedelta(minutes=1))
        if scenario.follow is not None:
            scenario.follow(on)
        return doors.differences(on)
    finally:
        if on.kind == "sqlite":
            databases.dispose(on.app)


@contextmanager
def grounds(kind: str, folder: Path, server: str) -> Iterator[Place]:
    """A place of that kind with the park that all scenarios begin with."""
    with place(kind, folder, server) as made:
        made.fill(fill_park)
        made.keep("park")
        yield made


def measure(on: Stage, seed: Seed | None = None) -> list[str]:
    """The points of an act that goes through, which is checked to end as its story ends."""
    on.place.restore("scene")
    ended = on.perform(on.scenario.now, Points(), seed)
    assert not ended.error, f"{on.scenario.name} fails without any kill: {ended.error}"
    if seed is None:
        differences = on.finish(Tally(on.scenario.name, on.place.kind), again=False)
        assert not differences, f"{on.scenario.name} does not end as it says: {[str(one) for one in differences]}"
    seen: list[str] = ended.value
    return seen


def chosen(points: Sequence[str], kills: int | None, seed: int) -> list[str]:
    """All points, or one at random of each of as many parts of the run and the very last."""
    if kills is None or kills >= len(points):
        return list(points)
    dice, total = random.Random(seed), len(points) - 1
    parts = kills - 1
    places = [dice.randrange(total * part // parts, total * (part + 1) // parts) for part in range(parts)]
    return [*(points[number] for number in places), points[-1]]


def kill_in_turn(on: Stage, points: Sequence[str], tally: Tally, seed: Seed | None = None) -> Iterator[Tally]:
    """Kills the act at each of the points, and counts; yields the tally after each trial."""
    for point in points:
        on.place.restore("scene")
        tally.trials += 1
        ended = on.perform(on.scenario.now, Points(kill_at=point), seed)
        if not ended.killed:
            tally.add(point, [Difference("other", "the kill", "killed", ended.error[-500:] or "went through")])
            continue
        tally.kills += 1
        tally.add(point, on.half_done() + on.finish(tally))
        yield tally


def kill_in_a_row(on: Stage, points: Sequence[str], tally: Tally) -> None:
    """Kills the act at one point after the other with nothing put back in between, and counts what differs at the end.

    What was done before a kill is not done again, so a later point may not be reached: then it goes through.
    """
    on.place.restore("scene")
    tally.trials += 1
    for point in points:
        tally.kills += on.perform(on.scenario.now, Points(kill_at=point)).killed
    where = f"{len(points)} points in a row"
    if not tally.kills:
        tally.add(where, [Difference("other", "the kills", "one at least", "none")])
    tally.add(where, on.finish(tally))
