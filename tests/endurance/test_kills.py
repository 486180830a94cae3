"""A small round of the harness at each run of the tests: faults that it must find, then a few kills of a few scenarios.

`make endurance` tries every scenario at every statement (docs/endurance.md).
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests import databases
from tests.conftest import ROOT
from tests.endurance import report
from tests.endurance.rounds import FAULTS, SCENARIOS, SMALL, SMALL_FAULTS, Plan, Proof, Round
from tests.endurance.trials import Tally

KILLS = 5


@pytest.mark.long
def test_what_is_killed_is_neither_lost_nor_done_twice_and_faults_put_in_are_found(together: Path, tmp_path: Path):
    # in a process of its own: the harness forks, which one with threads must not
    figures, seed = tmp_path / "figures.json", str(random.SystemRandom().randrange(10**9))
    words = ["--small", "--kills", str(KILLS), "--seed", seed, "--together", str(together), "--json", str(figures)]

    said = subprocess.run(
        [sys.executable, "-m", "tests.endurance", *words], cwd=ROOT, env={**os.environ, "POLARS_MAX_THREADS": "1"},
        capture_output=True, text=True, timeout=900,
    )

    assert said.returncode == 0, said.stdout + said.stderr  # it says the seed that repeats it
    rounds = {one["database"]: one for one in json.loads(figures.read_text())["rounds"]}
    assert rounds.keys() == set(databases.KINDS)
    for one in rounds.values():
        assert [proof["fault"] for proof in one["proofs"] if proof["found"]] == list(SMALL_FAULTS)
        kills = {tally["scenario"]: tally["kills"] for tally in one["killed"]}
        assert [kills[name] for name in SMALL] == [KILLS] * len(SMALL)
        assert kills[f"{SMALL[-1]}, killed 5 times in a row"] >= 1


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


def test_a_small_plan_tries_what_is_named_and_a_whole_one_everything():
    assert [one.name for one in Plan(5, small=True).scenarios()] == list(SMALL)
    assert [one.name for one in Plan(5, small=True).faults()] == list(SMALL_FAULTS)
    assert (Plan().scenarios(), Plan().faults()) == (list(SCENARIOS), list(FAULTS))
