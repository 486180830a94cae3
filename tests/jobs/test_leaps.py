"""A clock that is set while the service runs, and a machine that slept: what is due is done, once, and soon (A7)."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask
from sqlalchemy import func, select

from creditsvc import clock
from creditsvc.alerts.models import DONE, JobRun
from creditsvc.alerts.silence import KIND
from creditsvc.db import db, transaction
from creditsvc.jobs import deadman, runs, scheduler
from creditsvc.jobs.leaps import Leaps, put_right
from creditsvc.mail.models import OutboxMail
from creditsvc.parties.models import Startup
from tests import factories
from tests.alerts import scenes
from tests.alerts.scenes import NOW, TODAY
from tests.polling import wait_until

AHEAD = timedelta(days=40)
LATE = NOW + timedelta(hours=27)


@pytest.fixture
def plan(app: Flask) -> Iterator[BackgroundScheduler]:
    """The jobs as a scheduler plans them that works but runs nothing, made while the clock ran 40 days ahead."""
    planned = BackgroundScheduler(timezone="UTC")
    with time_machine.travel(NOW + AHEAD, tick=False):
        scheduler.add_jobs(planned, app, scenes.config_of(app))
        planned.start(paused=True)
    yield planned
    planned.shutdown(wait=False)


@pytest.mark.parametrize(
    "wall, steady, leapt",
    [(20, 20, False), (320, 300, False), (20 + 121, 20, True), (20 - 121, 20, True), (3 * 86_400, 0, True)],
)
def test_a_clock_leaps_when_it_goes_otherwise_than_time_does(wall: int, steady: int, leapt: bool):
    walls = iter([NOW, NOW + timedelta(seconds=wall), NOW + timedelta(seconds=wall + 20)])
    steadies = iter([5.0, 5.0 + steady, 25.0 + steady])
    leaps = Leaps(lambda: next(walls), lambda: next(steadies))

    assert [leaps.leapt(), leaps.leapt()] == [leapt, False]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_jobs_put_off_by_a_clock_that_ran_ahead_are_due_when_it_is_right_again(plan: BackgroundScheduler):
    with time_machine.travel(NOW, tick=False):
        late = put_right(plan, clock.now())
        again = put_right(plan, clock.now())

    due = {job.id: job.next_run_time for job in plan.get_jobs()}
    assert (sorted(late), again) == (["asked", "catch-up", "comparison", "deadman", "delivery", "night"], [])
    assert due.pop("night") == datetime(2026, 6, 15, 18, tzinfo=UTC)
    assert set(due.values()) == {NOW}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_jobs_that_are_due_soon_are_left_as_they_are(plan: BackgroundScheduler):
    before = {job.id: job.next_run_time for job in plan.get_jobs()}

    with time_machine.travel(NOW + AHEAD + timedelta(seconds=5), tick=False):
        late = put_right(plan, clock.now())

    assert late == []
    assert {job.id: job.next_run_time for job in plan.get_jobs()} == before


def test_a_machine_that_slept_three_days_runs_one_night_and_alarms_nobody(app: Flask):
    park()
    working = BackgroundScheduler(timezone="UTC")
    with time_machine.travel(NOW, tick=True) as machine:
        scheduler.add_jobs(working, app, scenes.config_of(app))
        working.start()
        try:
            wait_until(lambda: TODAY in nights(), "the first night")
            machine.shift(timedelta(days=3))
            working.wakeup()
            wait_until(lambda: TODAY + timedelta(days=3) in nights(), "the night that catches up")
        finally:
            working.shutdown(wait=True)

    assert nights() == [TODAY, TODAY + timedelta(days=3)]
    assert alarms() == 0
    assert scenes.addressees(app) == ["founder@harbour.example"] * 2  # 14 days, then 7


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_first_look_after_a_sleep_waits_for_the_night_that_catches_up(plan: BackgroundScheduler):
    park()
    look = plan.get_job("deadman").func

    with time_machine.travel(NOW + AHEAD + timedelta(days=3), tick=False):
        look()
        first = alarms()
        look()

    assert (first, alarms()) == (0, 1)


@pytest.mark.parametrize(
    "attempts, beaten, told",
    [(1, timedelta(0), 0), (1, timedelta(minutes=2), 1), (2, timedelta(0), 1)],
)
def test_nobody_is_alarmed_while_a_night_that_nothing_has_stopped_is_at_work(
    app: Flask, attempts: int, beaten: timedelta, told: int
):
    park()
    at = LATE - beaten
    for hours in reversed(range(attempts)):  # each finds the one before dead
        begun = at - timedelta(hours=hours)
        transaction(lambda begun=begun: runs.claim("nightly", TODAY, begun, "elsewhere:1:2:abc", begun))

    assert deadman.look(scenes.config_of(app), lambda: LATE) == told


def test_a_sign_of_life_from_days_ahead_keeps_no_night_from_being_taken_over(app: Flask):
    held = transaction(lambda: runs.claim("nightly", TODAY, NOW, "elsewhere:1:2:abc", NOW))
    transaction(lambda: runs.beat(held, NOW + timedelta(days=5)))

    taken = transaction(lambda: runs.claim("nightly", TODAY, NOW, runs.new_worker(), NOW + timedelta(minutes=3)))

    assert isinstance(taken, runs.Claim)


def park() -> None:
    """An administrator, and a startup entered before NOW whose grant ends in ten days."""
    factories.make_person("admin@park.example", "administrator")
    scenes.startup("harbour")
    factories.make_grant("harbour", expires=TODAY + timedelta(days=8))

    def entered() -> None:
        db.session.scalars(select(Startup)).one().created_at = NOW - timedelta(days=9)

    transaction(entered)


def nights() -> list[date]:
    """The days whose nights succeeded, read afresh."""
    db.session.rollback()
    return list(db.session.scalars(select(JobRun.day).where(JobRun.state == DONE).order_by(JobRun.day)))


def alarms() -> int:
    """How many mails say that nights do not succeed, read afresh."""
    db.session.rollback()
    return db.session.scalar(select(func.count()).where(OutboxMail.kind == KIND)) or 0
