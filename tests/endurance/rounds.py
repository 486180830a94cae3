"""One database's round: the faults that must be found, every scenario, then troubles, then kills at random."""

import itertools
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.databases import KINDS
from tests.endurance import (
    nights_together,
    scenes_of_grants,
    scenes_of_nights,
    scenes_of_usage,
    troubles_of_clock,
    troubles_of_disk,
    troubles_of_mail,
    troubles_of_network,
    troubles_of_server,
)
from tests.endurance.nights_together import Nights
from tests.endurance.places import Place
from tests.endurance.proxy import Break
from tests.endurance.random_kills import kill_at_random, shares
from tests.endurance.scenarios import Scenario
from tests.endurance.seeded import FAULTS, FAULTS_OF_NIGHTS, MISSING_LOCK, NOT_PUT_RIGHT, Seeded, SeededNights
from tests.endurance.trials import Tally, chosen, grounds, kill_in_a_row, kill_in_turn, measure, stage

SCENARIOS: Sequence[Scenario] = (
    *scenes_of_grants.SCENARIOS, *scenes_of_usage.SCENARIOS, *scenes_of_nights.SCENARIOS,
)
BROKEN = ("award a grant whose key is made up", "import an export that restates days",
          "a night that writes its mails as files")
"""Whose connection to PostgreSQL breaks, or whose SQLite finds no room."""

BESIDE = next(one for one in SCENARIOS if one.name == "top up a grant")
"""What is asked for while a service that locks nothing stalls; it is about the same account."""

SMALL = ("award a grant whose key is made up", "import an export that restates days", "a night that delivers by SMTP")
"""What the tests try of all this at each run, with so many kills of each."""

SMALL_FAULTS_OF_NIGHTS = ("both schedulers decide the night", "two senders claim one mail")
"""What is put in before nights of two schedulers and two senders."""

NIGHTS, SIZED_DOWN_NIGHTS, SMALL_NIGHTS = 200, 20, 3
"""How many nights of two schedulers and two senders: in all, with so many kills only, at each run of the tests."""

FAULTY_NIGHTS = 60
"""Within how many of them a fault put in must show."""

ONLY_NIGHTS = "nights"
"""The word that asks for them alone."""

IN_A_ROW = 5
"""How often a night is killed before it is let through."""

AT_RANDOM, PATIENCE = FAULTS[4], 1000
"""The fault that kills at random must find, within how many."""

LAP = 1000
"""After how many kills at random each scenario's turn comes again."""

HELD = BROKEN[:2]
"""Which are asked for a second time while they stall; a night waits for the other by itself."""


@dataclass(frozen=True)
class Proof:
    """Whether a fault that was put in on purpose was found, and after how many kills (and nights)."""

    fault: str
    database: str
    found_as: str
    kills: int
    found: str
    nights: int = 0


@dataclass
class Round:
    """What one database's round came to."""

    database: str
    proofs: list[Proof] = field(default_factory=list)
    killed: list[Tally] = field(default_factory=list)
    troubled: list[Tally] = field(default_factory=list)
    night_proofs: list[Proof] = field(default_factory=list)
    nights: list[Nights] = field(default_factory=list)
    seconds: float = 0
    begun: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Plan:
    """How much is tried: all points or so many of each scenario, by a seed; all scenarios, those with a word, or the
    few that the tests try (`small`), without mail, network or disk in trouble; in the end kills at random until there
    are `at_least` so many on each database, or so many `minutes` are over. `nights` is how many of two
    schedulers and two senders (default: by the rest)."""

    kills: int | None = None
    seed: int = 0
    only: str = ""
    small: bool = False
    at_least: int = 0
    minutes: int = 0
    nights: int | None = None

    def scenarios(self) -> list[Scenario]:
        """Those that are wanted."""
        return [
            scenario for scenario in SCENARIOS
            if self.only in scenario.name and (not self.small or scenario.name in SMALL)
        ]

    def faults(self, kind: str) -> list[Seeded]:
        """Those that are put in first on that database: none where only some scenarios are asked for; for the tests
        each on one of the two by turns."""
        return [fault for turn, fault in enumerate(FAULTS)
                if not self.only and (not self.small or KINDS[turn % len(KINDS)] == kind)]

    def faults_of_nights(self) -> list[SeededNights]:
        """Those that are put in before nights of two schedulers and two senders."""
        return [fault for fault in FAULTS_OF_NIGHTS if not self.small or fault.name in SMALL_FAULTS_OF_NIGHTS]

    @property
    def how_many_nights(self) -> int:
        """How many nights of two schedulers and two senders."""
        if self.only not in ("", ONLY_NIGHTS):
            return 0
        usual = SMALL_NIGHTS if self.small else NIGHTS if self.kills is None else SIZED_DOWN_NIGHTS
        return usual if self.nights is None else self.nights

    @property
    def lets_clocks_leap(self) -> bool:
        """Whether the clock of a host is tried too, which needs libfaketime."""
        return not self.small and self.only in troubles_of_clock.NAME

    @property
    def breaks(self) -> int | None:
        """How many requests of an operation lose their connection."""
        return None if self.kills is None else 3

    @property
    def mail_troubles(self) -> int | None:
        """How many troubles of a mail server are tried."""
        return None if self.kills is None else 25


def run(kind: str, folder: Path, server: str, plan: Plan) -> Round:
    """The whole round of one kind of database. Raises AssertionError where a scenario does not do what it says."""
    made = Round(kind)
    with grounds(kind, folder, server) as on:
        for fault in plan.faults(kind):
            made.proofs.append(_prove(fault, on))
        for scenario in plan.scenarios():
            for tally in _kill(scenario, on, plan):
                made.killed.append(tally)
                _say_tally(tally)
        if not plan.small:
            _trouble(kind, on, plan, made)
        if plan.at_least:
            if not plan.small:
                made.proofs.append(_prove_at_random(on, plan))
            _kill_at_random(on, plan, made)
    if kind == "postgresql" and plan.how_many_nights:
        _nights(folder, server, plan, made)
    made.seconds = time.monotonic() - made.begun
    return made


def _trouble(kind: str, on: Place, plan: Plan, made: Round) -> None:
    """Mail, disk, network and the host's clock in trouble."""
    if plan.only in troubles_of_mail.NAME:
        made.troubled.append(troubles_of_mail.run(on, plan.mail_troubles))
        _say_tally(made.troubled[-1])
    if plan.lets_clocks_leap:
        made.proofs.append(_prove_on_clock(on))
        made.troubled.append(troubles_of_clock.run(on))
        _say_tally(made.troubled[-1])
    if kind == "sqlite":
        if not plan.only:
            made.proofs.append(_prove_on_disk(on))
        for scenario in plan.scenarios():
            made.troubled += _fill_up(scenario, on, plan)
    if kind == "postgresql":
        if not plan.only:
            made.proofs.append(_prove_on_network(on))
        for scenario in plan.scenarios():
            made.troubled += _break(scenario, on, plan)


def _nights(folder: Path, server: str, plan: Plan, made: Round) -> None:
    """Two schedulers and two senders: with each fault until it shows, then as they are."""
    with nights_together.ground(folder, server) as on:
        for fault in plan.faults_of_nights():
            came = nights_together.run(on, FAULTY_NIGHTS, plan.seed, fault.plant)
            kind, found = next(((kind, line) for kind, line in came.found if kind in fault.found_as), ("", ""))
            made.night_proofs.append(Proof(fault.name, made.database, kind, came.kills, found, came.nights))
            _say_proof(made.night_proofs[-1])
        made.nights.append(nights_together.run(on, plan.how_many_nights, plan.seed))
    came = made.nights[-1]
    _say(f"{made.database}: two schedulers and two senders: {came.nights} nights, {came.kills} kills, {came.lost} lost,"
         f" {came.twice} twice, {came.other} other")
    for complaint in came.complaints[:5]:
        _say(f"  {complaint}")


def _prove(fault: Seeded, on: Place) -> Proof:
    """Kills the faulty service until that shows, at commits and answers first."""
    scenario = next(one for one in SCENARIOS if one.name == fault.scenario)
    with stage(scenario, on) as ready:
        points = measure(ready, fault.plant)
        points.sort(key=lambda point: "COMMIT" not in point and "SMTP answer" not in point)
        tally = Tally(scenario.name, on.kind)
        for _ in kill_in_turn(ready, points, tally, fault.plant):
            if getattr(tally, fault.found_as):
                break
    return _proof(fault, tally, tally.kills)


def _prove_at_random(on: Place, plan: Plan) -> Proof:
    """Kills a faulty service at random until that shows."""
    scenario = next(one for one in SCENARIOS if one.name == AT_RANDOM.scenario)
    tally = Tally(scenario.name, on.kind)
    with stage(scenario, on) as ready:
        points = len(measure(ready, AT_RANDOM.plant))
        for _ in kill_at_random(ready, points, PATIENCE, plan.seed, tally, AT_RANDOM.plant):
            if getattr(tally, AT_RANDOM.found_as):
                break
    return _proof(AT_RANDOM, tally, tally.kills, ", and it is killed at random")


def _proof(fault: Seeded, tally: Tally, tried: int, beside: str = "") -> Proof:
    """What came of a fault put in on purpose, said aloud."""
    found = next((line for line in tally.complaints if f": {fault.found_as}: " in line), "")
    proof = Proof(fault.name + beside, tally.database, fault.found_as, tried, found)
    _say_proof(proof)
    return proof


def _kill(scenario: Scenario, on: Place, plan: Plan) -> list[Tally]:
    with stage(scenario, on) as ready:
        points = measure(ready)
        tally = Tally(scenario.name, on.kind, statements=len({point.rpartition(" | ")[0] or point for point in points}))
        for _ in kill_in_turn(ready, chosen(points, plan.kills, plan.seed), tally):
            pass
        if scenario.whole:
            return [tally]
        row = Tally(f"{scenario.name}, killed {IN_A_ROW} times in a row", on.kind)
        kill_in_a_row(ready, chosen(points, IN_A_ROW, plan.seed), row)
    return [tally, row]


def _kill_at_random(on: Place, plan: Plan, made: Round) -> None:
    """Laps of kills of all scenarios until there are enough on this database, or the time is over."""
    among = plan.scenarios()[:1] if plan.small else plan.scenarios()
    tallies = {scenario.name: Tally(f"{scenario.name}, at random", on.kind) for scenario in among}
    in_turn, begun = sum(tally.kills for tally in made.killed), time.monotonic()
    for seed in itertools.count(plan.seed):
        missing = plan.at_least - in_turn - sum(tally.kills for tally in tallies.values())
        if missing <= 0 or (plan.minutes and time.monotonic() > made.begun + 60 * plan.minutes):
            break
        given = shares(list(tallies), min(missing, LAP), seed)
        for scenario in among:
            tally = tallies[scenario.name]
            if given[scenario.name]:
                with stage(scenario, on) as ready:
                    enough = tally.kills + given[scenario.name]
                    for _ in kill_at_random(ready, len(measure(ready)), enough, seed, tally):
                        pass
        _say(f"{on.kind}: {plan.at_least - missing} kills, after {time.monotonic() - begun:.0f} seconds at random")
    made.killed += [tally for tally in tallies.values() if tally.trials]
    for tally in tallies.values():
        _say_tally(tally)


def _fill_up(scenario: Scenario, on: Place, plan: Plan) -> list[Tally]:
    if scenario.name not in BROKEN:
        return []
    tally = Tally(f"{scenario.name}: the disk is full or read-only", on.kind)
    with stage(scenario, on) as ready:
        for _ in troubles_of_disk.in_turn(ready, plan.breaks, plan.seed, tally):
            pass
    _say_tally(tally)
    return [tally]


def _prove_on_disk(on: Place) -> Proof:
    """Lets the disk fill up under a faulty service until that shows."""
    fault = next(one for one in FAULTS if one.scenario == "import an export that restates days")
    scenario = next(one for one in SCENARIOS if one.name == fault.scenario)
    tally = Tally(scenario.name, on.kind)
    with stage(scenario, on) as ready:
        for _ in troubles_of_disk.in_turn(ready, None, 0, tally, fault.plant):
            if getattr(tally, fault.found_as):
                break
    return _proof(fault, tally, tally.trials, ", and the disk is full")


def _prove_on_clock(on: Place) -> Proof:
    """Lets the clock leap under a scheduler that puts nothing right, which is to be seen where it is set back."""
    tally = troubles_of_clock.run(on, NOT_PUT_RIGHT)
    tally.complaints = [line for line in tally.complaints if troubles_of_clock.THE_NIGHT_SET_BACK in line]
    return _proof(NOT_PUT_RIGHT, tally, 1)


def _prove_on_network(on: Place) -> Proof:
    """Lets a service that locks nothing stall, and asks for something else of the same account, until that shows."""
    scenario = next(one for one in SCENARIOS if one.name == MISSING_LOCK.scenario)
    tally = Tally(scenario.name, on.kind)
    with stage(scenario, on) as ready, troubles_of_network.network(ready) as sound:
        between = replace(sound, plant=MISSING_LOCK.plant, meanwhile=BESIDE)
        stalls = [Break(n + 1, "before", "hold") for n in range(between.requests())]
        for _ in troubles_of_network.hold_in_turn(between, stalls, tally):
            if getattr(tally, MISSING_LOCK.found_as):
                break
    return _proof(MISSING_LOCK, tally, tally.trials)


def _break(scenario: Scenario, on: Place, plan: Plan) -> list[Tally]:
    if scenario.name not in BROKEN:
        return []
    with stage(scenario, on) as ready, troubles_of_network.network(ready) as between:
        requests = between.requests()
        broken = Tally(f"{scenario.name}: the connection breaks", on.kind)
        troubles_of_network.break_in_turn(
            between, troubles_of_network.breaks(requests, plan.breaks, plan.seed), broken)
        _say_tally(broken)
        died = Tally(f"{scenario.name}: the server dies and comes back", on.kind)
        count, *commits = between.counted()
        troubles_of_server.crash_in_turn(
            between, troubles_of_server.crashes(count, commits, plan.breaks and 1, plan.seed), died)
        _say_tally(died)
        if scenario.name not in HELD:
            return [broken, died]
        held = Tally(f"{scenario.name}: the connection stalls, and it is asked for again", on.kind)
        numbers = [int(word) for word in chosen([str(n + 1) for n in range(requests)], plan.breaks, plan.seed)]
        stalls = [Break(n, when, "hold") for n in numbers for when in ("before", "after")]  # type: ignore[arg-type]
        for _ in troubles_of_network.hold_in_turn(between, stalls, held):
            pass
        _say_tally(held)
    return [broken, died, held]


def _say_proof(proof: Proof) -> None:
    _say(f"{proof.database}: {proof.fault}: {'found' if proof.found else 'NOT FOUND'}")


def _say_tally(tally: Tally) -> None:
    _say(f"{tally.database}: {tally.scenario}: {tally.trials} trials, {tally.lost} lost, {tally.twice} twice,"
         f" {tally.other} other")
    for complaint in tally.complaints[:5]:
        _say(f"  {complaint}")


def _say(line: str) -> None:
    """Progress, past what a fork swallows."""
    os.write(2, f"{line}\n".encode())
