"""A small round of the harness at each run of the tests: faults that it must find, then a few kills of a few scenarios.

`make endurance` tries every scenario at every statement (docs/endurance.md).
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import databases
from tests.conftest import ROOT
from tests.endurance import report, troubles_of_mail
from tests.endurance.nights_together import Nights
from tests.endurance.random_kills import shares
from tests.endurance.rounds import (
    FAULTS,
    SCENARIOS,
    SMALL,
    SMALL_FAULTS_OF_NIGHTS,
    SMALL_NIGHTS,
    Plan,
    Proof,
    Round,
)
from tests.endurance.trials import Tally
from tests.endurance.troubles_of_server import crashes

KILLS, AT_LEAST = 5, 24


def harness(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Runs it in a process of its own: it forks, which one with threads must not."""
    return subprocess.run(
        [sys.executable, "-m", "tests.endurance", *words], cwd=ROOT, env={**os.environ, "POLARS_MAX_THREADS": "1"},
        capture_output=True, text=True, timeout=900,
    )


@pytest.mark.long
def test_what_is_killed_is_neither_lost_nor_done_twice_and_faults_put_in_are_found(together: Path, tmp_path: Path):
    figures, seed = tmp_path / "figures.json", str(random.SystemRandom().randrange(10**9))
    words = ["--small", "--kills", str(KILLS), "--at-least", str(AT_LEAST), "--seed", seed,
             "--together", str(together), "--json", str(figures)]

    said = harness(words)

    assert said.returncode == 0, said.stdout + said.stderr  # it says the seed that repeats it
    rounds = {one["database"]: one for one in json.loads(figures.read_text())["rounds"]}
    assert rounds.keys() == set(databases.KINDS)
    for one in rounds.values():
        assert [proof["fault"] for proof in one["proofs"] if proof["found"]] == [
            fault.name for fault in Plan(small=True).faults(one["database"])]
        kills = {tally["scenario"]: tally["kills"] for tally in one["killed"]}
        assert [kills[name] for name in SMALL] == [KILLS] * len(SMALL)
        assert kills[f"{SMALL[-1]}, killed 5 times in a row"] >= 1
        assert sum(kills.values()) == AT_LEAST
    nights = rounds["postgresql"]
    assert {proof["fault"] for proof in nights["night_proofs"] if proof["found"]} == set(SMALL_FAULTS_OF_NIGHTS)
    assert all(came["nights"] >= SMALL_NIGHTS and came["alerts"] and came["mails"] for came in nights["nights"])


@pytest.mark.long
def test_mail_through_a_server_in_trouble_arrives_or_is_shown_as_failed(tmp_path: Path):
    figures = tmp_path / "figures.json"
    words = ["--only", troubles_of_mail.NAME, "--kills", "1", "--database", "sqlite", "--json", str(figures)]

    said = harness(words)

    (one,) = json.loads(figures.read_text())["rounds"]
    (came,) = one["troubled"]
    assert (said.returncode, came["complaints"]) == (0, []), said.stderr
    assert came["trials"] >= 20


PROOF, TALLY = Proof("a fault", "sqlite", "lost", 2, "it was found"), Tally("a scenario", "sqlite", trials=1)


@pytest.mark.parametrize("proof, tally, clean", [
    (PROOF, TALLY, True),
    (Proof("a fault", "sqlite", "lost", 2, ""), TALLY, False),
    (PROOF, Tally("a scenario", "sqlite", trials=1, lost=1), False),
    (PROOF, Tally("a scenario", "sqlite", trials=1, twice=1), False),
    (PROOF, Tally("a scenario", "sqlite"), False),  # nothing was tried
])
def test_a_run_that_finds_no_fault_or_any_difference_is_not_clean(proof: Proof, tally: Tally, clean: bool):
    assert report.is_clean([Round("sqlite", [proof], [tally])]) is clean


@pytest.mark.parametrize("came, found, clean", [
    (Nights(1, nights=3, scheduler_kills=1, sender_kills=1), "it was found", True),
    (Nights(1, nights=3, scheduler_kills=1, sender_kills=1), "", False),
    (Nights(1, nights=3, scheduler_kills=1), "it was found", False),  # no sender was killed
    (Nights(1, nights=3, scheduler_kills=1, sender_kills=1, found=[("twice", "a mail")]), "it was found", False),
])
def test_nights_that_find_no_fault_kill_nobody_or_differ_are_not_clean(came: Nights, found: str, clean: bool):
    proofs = [Proof("a fault", "postgresql", "twice", 2, found)]

    assert report.is_clean([Round("postgresql", night_proofs=proofs, nights=[came])]) is clean


def test_a_small_plan_tries_what_is_named_and_a_whole_one_everything():
    assert [one.name for one in Plan(5, small=True).scenarios()] == list(SMALL)
    assert {fault.name for kind in databases.KINDS for fault in Plan(5, small=True).faults(kind)} == {
        fault.name for fault in FAULTS}
    for kind in databases.KINDS:
        assert (Plan().scenarios(), Plan().faults(kind)) == (list(SCENARIOS), list(FAULTS))
    assert [one.name for one in Plan(5, small=True).faults_of_nights()] == list(SMALL_FAULTS_OF_NIGHTS)
    assert [Plan(only=word).how_many_nights for word in ("", "nights", "night")] == [200, 200, 0]


def test_kills_at_random_are_shared_out_by_the_seed():
    given = shares(["one", "two", "three"], 300, 7)

    assert sum(given.values()) == 300
    assert min(given.values()) > 60
    assert given == shares(["one", "two", "three"], 300, 7) != shares(["one", "two", "three"], 300, 8)


def test_a_server_dies_on_each_side_of_every_commit_in_both_ways_and_elsewhere():
    planned = [(way, str(case)) for way, case in crashes(40, [11, 38, 40], None, 7)]

    cases = {case for _, case in planned}
    for number in (11, 38, 40):
        assert {f"crash {when} request {number}" for when in ("before", "during", "after")} < cases
    assert len(planned) == 17
    assert [way for way, _ in planned[:4]] == ["stopped", "killed", "stopped", "killed"]
