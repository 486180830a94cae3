"""Which run of which job for which day: one at a time, taken over when it died (A7)."""

import subprocess
import sys
from datetime import date, timedelta

import pytest
from flask import Flask

from creditsvc.alerts.models import JobRun
from creditsvc.db import db, transaction
from creditsvc.jobs import runs
from creditsvc.jobs.runs import Claim, RunLost
from tests.factories import NOW

DAY = date(2026, 6, 15)


def claim(worker: str, minutes: float = 0, day: date = DAY):
    at = NOW + timedelta(minutes=minutes)
    return transaction(lambda: runs.claim("nightly", day, at, worker, at))


def dead_worker() -> str:
    """The name of a worker whose process has ended."""
    code = "from creditsvc.jobs.runs import new_worker; print(new_worker())"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_the_first_takes_the_run_and_others_find_it_busy(app: Flask):
    first = claim(runs.new_worker())

    second = claim(runs.new_worker())

    assert isinstance(first, Claim)
    assert second == "busy"


def test_each_day_has_its_run(app: Flask):
    claim(runs.new_worker())

    assert isinstance(claim(runs.new_worker(), day=DAY + timedelta(days=1)), Claim)


def test_a_run_that_succeeded_is_not_run_again(app: Flask):
    held = claim(runs.new_worker())
    transaction(lambda: runs.finish(held, NOW))

    assert claim(runs.new_worker(), minutes=60) == "done"


def test_the_run_of_a_dead_process_is_taken_over_at_once(app: Flask):
    claim(dead_worker())

    taken = claim(runs.new_worker())

    assert isinstance(taken, Claim)
    assert db.session.get_one(JobRun, taken.run_id).attempts == 2


@pytest.mark.parametrize("minutes, taken", [(1.4, False), (1.5, True)])
def test_the_run_of_another_host_is_taken_over_after_its_lease(app: Flask, minutes: float, taken: bool):
    claim("elsewhere:1:2:abc")

    assert isinstance(claim(runs.new_worker(), minutes), Claim) == taken


def test_a_sign_of_life_renews_the_lease(app: Flask):
    held = claim("elsewhere:1:2:abc")
    transaction(lambda: runs.beat(held, NOW + timedelta(minutes=1)))

    assert claim(runs.new_worker(), minutes=2) == "busy"


def test_a_run_that_was_given_up_is_taken_over_at_once(app: Flask):
    held = claim(runs.new_worker())
    transaction(lambda: runs.give_up(held, "the disk is full"))

    taken = claim(runs.new_worker())

    assert isinstance(taken, Claim)
    assert db.session.get_one(JobRun, taken.run_id).last_error == "the disk is full"


@pytest.mark.parametrize(
    "act",
    [
        lambda held: runs.beat(held, NOW),
        lambda held: runs.finish(held, NOW),
        lambda held: runs.give_up(held, "late"),
    ],
)
def test_who_lost_the_run_writes_nothing_more(app: Flask, act):
    lost = claim("elsewhere:1:2:abc")
    claim(runs.new_worker(), minutes=6)

    with pytest.raises(RunLost):
        transaction(lambda: act(lost))


def test_a_process_is_known_by_its_start_and_not_by_its_number_alone():
    host, pid, started, token = runs.new_worker().rsplit(":", 3)

    assert not runs.is_dead(f"{host}:{pid}:{started}:{token}")
    assert runs.is_dead(f"{host}:{pid}:1:{token}")
    assert not runs.is_dead(f"elsewhere:{pid}:1:{token}")


def test_a_night_dated_by_a_clock_that_ran_ahead_is_run_when_its_day_comes(app: Flask):
    ahead = DAY + timedelta(days=40)
    late = NOW + timedelta(days=40, hours=8)  # what the clock says: after that night was due
    held = transaction(lambda: runs.claim("nightly", ahead, late, runs.new_worker(), late))
    transaction(lambda: runs.finish(held, late))

    claim(runs.new_worker())  # the clock is right again
    taken = transaction(lambda: runs.claim("nightly", ahead, late, runs.new_worker(), late + timedelta(hours=1)))

    assert isinstance(taken, Claim)
