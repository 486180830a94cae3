"""Night after night with two schedulers and two senders on one PostgreSQL, some of them killed, held against a story.

Each is a process of its own that does what the service's scheduler does, at an instant that all four share; whoever is
killed is started again at once. When the night is done and the outbox empty, an hour passes, and what dead senders
held is sent by two senders that live.
"""

import contextlib
import gc
import io
import itertools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Any

import time_machine
from sqlalchemy import text

from creditsvc import clock
from creditsvc.db import db
from creditsvc.jobs import nightly, scheduler
from tests import databases
from tests.endurance import doors, forks, ledgers
from tests.endurance.ledgers import Difference
from tests.endurance.nights_world import FIRST_DAY, World, fill_begin
from tests.endurance.places import Place, place
from tests.endurance.points import Countdown, watched
from tests.endurance.post_office import Office, post_office
from tests.polling import wait_until

Plant = Callable[[], None]

SCHEDULERS, SENDERS = ("scheduler 1", "scheduler 2"), ("sender 1", "sender 2")
NIGHT = clock_time(18, 0, 1)
"""In UTC: 02:00 in Hong Kong."""

MOST_KILLS = 3
"""Of one of the four in one night."""

REACH = {"scheduler": 240, "sender": 100}
"""At one of so many points at most they are killed; a night has about so many."""

PATIENCE = 120.0
"""Seconds within which a process has to end."""

_DATED = {
    "alert {} {} {} {} of {}": "SELECT startup.key, holding, rule, threshold, decided_on, COUNT(*) FROM alert"
                               " JOIN startup ON startup.id = startup_id GROUP BY 1, 2, 3, 4, 5",
    "open {} {} {} {} of {}": "SELECT startup.key, holding, rule, threshold, decided_on, COUNT(*) FROM alert"
                              " JOIN startup ON startup.id = startup_id WHERE closed_on IS NULL GROUP BY 1, 2, 3, 4, 5",
    "told {} of {} {} {} {} of {} on {}":
        "SELECT email, startup.key, holding, rule, threshold, decided_on, digest.day, COUNT(*) FROM alert_told"
        " JOIN alert ON alert.id = alert_id JOIN startup ON startup.id = startup_id"
        " JOIN person ON person.id = alert_told.person_id JOIN digest ON digest.id = digest_id"
        " GROUP BY 1, 2, 3, 4, 5, 6, 7",
    "corrected {} of {} {} {} {} of {} on {}":
        "SELECT email, startup.key, holding, rule, threshold, decided_on, digest.day, COUNT(*) FROM alert_told"
        " JOIN alert ON alert.id = alert_id JOIN startup ON startup.id = startup_id"
        " JOIN person ON person.id = alert_told.person_id JOIN digest ON digest.id = corrected_in"
        " GROUP BY 1, 2, 3, 4, 5, 6, 7",
    "digest for {} on {}": "SELECT email, day, COUNT(*) FROM digest JOIN person ON person.id = person_id GROUP BY 1, 2",
    "alert of the incubator's own: {} {}": "SELECT holding, rule, COUNT(*) FROM alert WHERE startup_id IS NULL"
                                           " GROUP BY 1, 2",
    "mail that is {}": "SELECT state, COUNT(*) FROM outbox_mail WHERE state <> 'sent' GROUP BY 1",
}


@dataclass
class Nights:
    """What the nights of one seed came to."""

    seed: int
    nights: int = 0
    scheduler_kills: int = 0
    sender_kills: int = 0
    alerts: int = 0
    corrections: int = 0
    mails: int = 0
    in_doubt: int = 0
    uncertain: int = 0
    lost: int = 0
    twice: int = 0
    other: int = 0
    seconds: float = 0
    found: list[tuple[str, str]] = field(default_factory=list)

    def add(self, night: str, differences: list[Difference]) -> None:
        """Counts what differed after a night."""
        for difference in differences:
            setattr(self, difference.kind, getattr(self, difference.kind) + 1)
            self.found.append((difference.kind, f"seed {self.seed}, {night}: {difference}"))

    @property
    def complaints(self) -> list[str]:
        """Everything that differed, a line each."""
        return [line for _, line in self.found]

    @property
    def kills(self) -> int:
        """How many of them were killed in all."""
        return self.scheduler_kills + self.sender_kills

    @property
    def both_killed(self) -> bool:
        """Whether a scheduler and a sender were killed at least."""
        return bool(self.scheduler_kills and self.sender_kills)

    @property
    def is_clean(self) -> bool:
        """Whether some of each kind were killed, and nothing differed."""
        return self.both_killed and not self.complaints


@dataclass
class Stage:
    """The park on a database, with a mail server; `plant` puts a fault into each process."""

    place: Place
    office: Office
    world: World
    came: Nights
    plant: Plant | None = None

    def night(self) -> bool:
        """A day and its night; whether all stands as it should."""
        day = FIRST_DAY + timedelta(days=self.came.nights)
        acts = self.world.day(day, self.place.folder)
        forks.demand(lambda: self._live(acts, datetime.combine(day, clock_time(6), UTC)))
        at = datetime.combine(day, NIGHT, UTC)
        self.world.story.tell(at, day + timedelta(days=1))
        found = self._together(at) + self._send_the_rest(at + timedelta(hours=1))
        self.came.nights += 1
        story = self.world.story
        self.came.alerts, self.came.corrections, self.came.mails = story.alerts, story.corrections, story.mails
        self.came.add(f"night {self.came.nights}", found + self._compare())
        return not self.came.complaints

    def verify(self) -> None:
        """`verify` must find nothing."""
        found = forks.demand(lambda: doors.differences(self.place))
        self.came.add("at the end", [
            Difference("other", f"verify: {one['account']} {one['what']}", one["expected"], one["found"])
            for one in found
        ])

    def _live(self, acts: list[Callable[[], Any]], at: datetime) -> None:
        with time_machine.travel(at), self.place.app.app_context():
            for act in acts:
                act()

    def _together(self, at: datetime) -> list[Difference]:
        """The four at once, until the night is done and nothing waits to be sent."""
        over = self.place.folder / "over"
        over.unlink(missing_ok=True)
        began = time.monotonic()
        # dice of its own for each, since who dies when depends on the machine
        dice = {role: random.Random(f"{self.came.seed} {at} {role}") for role in (*SCHEDULERS, *SENDERS)}
        kills = {role: one.randrange(MOST_KILLS + 1) for role, one in dice.items()}

        def begin(role: str, work: Callable[[Place], None]) -> forks.Fork:
            kills[role] -= 1
            points = self._countdown(role, dice[role]) if kills[role] >= 0 else None
            return forks.start(lambda: self._work(work, at, began, points))

        def send(on: Place) -> None:
            _send_until(on, over)

        found: list[Difference] = []
        running = {role: begin(role, _night if role in SCHEDULERS else send) for role in (*SCHEDULERS, *SENDERS)}
        while running:
            wait_until(lambda: any(fork.has_ended() for fork in running.values()), "one of the four", PATIENCE)
            for role in [role for role, fork in running.items() if fork.has_ended()]:
                ended = running.pop(role).wait()
                if ended.killed:
                    self._count(role)
                    running[role] = begin(role, _catch_up if role in SCHEDULERS else send)
                elif ended.error:
                    found.append(Difference("other", role, "its work", ended.error[-1500:]))
            if not running.keys() & set(SCHEDULERS):
                over.touch()
        self.office.wait_until_idle()
        return found

    def _send_the_rest(self, at: datetime) -> list[Difference]:
        """Two senders at once, an hour later, when claims of the dead have aged; none is killed, since a mail whose
        sending was cut twice is given up as uncertain (A6)."""
        began = time.monotonic()
        both = [forks.start(lambda: self._work(_send, at, began, None)) for _ in SENDERS]
        found = [Difference("other", "a sender", "its work", ended.error[-1500:]) for ended in
                 [fork.wait() for fork in both] if ended.error]
        self.office.wait_until_idle()
        return found

    def _work(self, act: Callable[[Place], None], at: datetime, began: float, points: Countdown | None) -> None:
        """What each of the four does in its process, with the clock that they share."""
        if self.plant is not None:
            self.plant()
        # so that a night of few has several commits of each
        nightly.ACCOUNTS_AT_ONCE = nightly.RENEWED_AT_ONCE = nightly.LETTERS_AT_ONCE = 2
        with time_machine.travel(at + timedelta(seconds=time.monotonic() - began)):
            if points is None:
                act(self.place)
                return
            with watched(points):
                act(self.place)

    def _countdown(self, role: str, dice: random.Random) -> Countdown:
        if dice.random() < 0.3:
            return Countdown(left=dice.randrange(1, 12), only_in_doubt=True, notes=self._notes)
        return Countdown(left=dice.randrange(1, REACH[role.split()[0]]), notes=self._notes)

    def _count(self, role: str) -> None:
        if role in SCHEDULERS:
            self.came.scheduler_kills += 1
        else:
            self.came.sender_kills += 1

    @property
    def _notes(self) -> Path:
        return self.place.folder / "killed.txt"

    def _compare(self) -> list[Difference]:
        standing = ledgers.account(self.place)
        stands = dict(standing.lines)
        for name, query in _DATED.items():
            for *words, count in self.place.read(query):
                stands[name.format(*words)] = int(count)
        notes = self._notes.read_text(encoding="utf-8").splitlines() if self._notes.exists() else []
        self.came.in_doubt = sum(line.startswith("in doubt") for line in notes)
        self.came.uncertain = standing.uncertain
        found = ledgers.compare(self.world.story.account(), stands)
        if standing.uncertain > self.came.in_doubt:
            found.append(Difference("twice", "mails that came twice", f"at most {self.came.in_doubt}, one for each kill"
                                    " between the end of a mail and its mark", standing.uncertain))
        return found


def _night(on: Place) -> None:
    """What a scheduler does at 02:00, and what it goes on with."""
    with on.app.app_context():
        scheduler.night(on.config, clock.now())
    _catch_up(on)


def _catch_up(on: Place) -> None:
    """What a scheduler does when it starts, and every twenty seconds (here: sooner), until the night is done."""

    def is_done() -> bool:
        with on.app.app_context():
            scheduler.catch_up(on.config, clock.now())
            missed = scheduler.was_missed(clock.now())
            db.session.rollback()
            return not missed

    wait_until(_at_times(is_done, 8), "the night", PATIENCE)


def _at_times(look: Callable[[], bool], every: int) -> Callable[[], bool]:
    """Looks only each so many times that it is asked, the first time too: looking costs more than asking."""
    times = itertools.count()
    return lambda: next(times) % every == 0 and look()


def _send(on: Place) -> None:
    """What a scheduler does every minute."""
    with on.app.app_context():
        scheduler.delivery(on.config, clock.now)


def _send_until(on: Place, over: Path) -> None:
    """Sends whenever something waits, until the night is over."""

    def is_due() -> bool:
        with on.app.app_context():
            waits = text("SELECT 1 FROM outbox_mail WHERE state = 'queued' LIMIT 1")
            return db.session.execute(waits).first() is not None

    while True:
        wait_until(_at_times(lambda: over.exists() or is_due(), 4), "something to send", PATIENCE)
        is_over = over.exists()
        _send(on)
        if is_over:
            return


@contextmanager
def ground(folder: Path, server: str) -> Iterator[Place]:
    """A PostgreSQL with the park as it begins."""
    with place("postgresql", folder, server) as made:
        made.fill(fill_begin)
        made.keep("begin")
        _warm_up(made)
        yield made


def _warm_up(on: Place) -> None:
    """A night in this very process, so that forks of it find statements compiled and templates read."""
    at = datetime.combine(FIRST_DAY, NIGHT, UTC)
    quiet = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
    with quiet[0], quiet[1], time_machine.travel(at), post_office(on.letters) as office:
        on.posting_to(office.url)
        _night(on)
        _send(on)
        doors.differences(on)
        databases.dispose(on.app)
    gc.collect()
    gc.freeze()  # what a fork never frees need not be copied


def run(on: Place, nights: int, seed: int, plant: Plant | None = None) -> Nights:
    """So many nights of a seed, or up to the first that differs; more (up to thrice) until one of each was killed."""
    begun = time.monotonic()
    came = Nights(seed)
    on.restore("begin")
    world = World(seed)
    world.begin(on.folder)
    (on.folder / "killed.txt").unlink(missing_ok=True)
    with post_office(on.letters, at_once=True) as office:
        on.posting_to(office.url)
        stage = Stage(on, office, world, came, plant)
        while came.nights < nights or (came.nights < 3 * nights and not came.both_killed):
            if not stage.night():
                break
        stage.verify()
    on.posting_to("file:")
    came.seconds = time.monotonic() - begun
    return came
