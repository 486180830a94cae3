"""The scheduler: the night at two in Hong Kong, missed ones caught up with, mail each minute (A7)."""

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask
from sqlalchemy import func, select

from creditsvc.alerts.models import DONE, Digest, JobRun
from creditsvc.alerts.reading import last_night
from creditsvc.core.due_alerts import night_due
from creditsvc.db import db, transaction
from creditsvc.jobs import runs, scheduler
from creditsvc.jobs.nightly import run_night
from creditsvc.mail import outbox
from creditsvc.mail.models import SENT, OutboxMail
from creditsvc.mail.render import Rendered
from tests import factories
from tests.alerts import scenes
from tests.alerts.scenes import NOW, TODAY
from tests.polling import wait_until

BEFORE_TWO = datetime(2026, 6, 14, 17, 59, tzinfo=UTC)


def test_the_night_is_due_at_two_in_hong_kong_and_no_run_is_ever_too_late(app: Flask):
    planned = BackgroundScheduler(timezone="UTC")

    scheduler.add_jobs(planned, app, scenes.config_of(app))

    jobs = {job.id: job for job in planned.get_jobs()}
    assert sorted(jobs) == ["asked", "catch-up", "comparison", "deadman", "delivery", "night"]
    assert jobs["night"].trigger.get_next_fire_time(None, BEFORE_TWO) == datetime(2026, 6, 14, 18, 0, tzinfo=UTC)
    assert {(job.misfire_grace_time, job.coalesce, job.max_instances) for job in jobs.values()} == {(None, True, 1)}


@pytest.mark.parametrize("first, count", [
    (date(2028, 2, 27), 5), (date(2027, 2, 27), 4), (date(2026, 12, 30), 4), (date(2026, 4, 29), 3),
])
def test_each_business_day_has_its_night_at_the_end_of_february_and_of_the_year(app: Flask, first: date, count: int):
    planned = BackgroundScheduler(timezone="UTC")
    scheduler.add_jobs(planned, app, scenes.config_of(app))
    trigger = next(job.trigger for job in planned.get_jobs() if job.id == "night")
    fired = [night_due(first) - timedelta(minutes=1)]

    for _ in range(count):
        fired.append(trigger.get_next_fire_time(fired[-1], fired[-1] + timedelta(seconds=1)))

    assert fired[1:] == [night_due(first + timedelta(days=number)) for number in range(count)]


@pytest.mark.parametrize(
    "made_at, ran, asked_at, missed",
    [
        (NOW - timedelta(days=9), None, NOW, True),  # the service was down at two
        (NOW - timedelta(hours=1), None, NOW, False),  # nothing was there at two
        (NOW - timedelta(days=9), TODAY, NOW, False),
        (NOW - timedelta(days=9), TODAY - timedelta(days=1), NOW, True),
        (NOW - timedelta(days=9), TODAY - timedelta(days=1), BEFORE_TWO, False),
        (None, None, NOW, False),
    ],
)
def test_a_night_is_missed_when_it_should_have_run_and_did_not(
    app: Flask, made_at: datetime | None, ran: date | None, asked_at: datetime, missed: bool
):
    if made_at is not None:
        startup(made_at)
    if ran is not None:
        succeeded(ran)

    assert scheduler.was_missed(asked_at) == missed


@pytest.mark.parametrize(
    "ended, minutes, missed",
    [("failed", 9, False), ("failed", 10, True), ("died", 1, False), ("died", 2, True)],
)
def test_a_night_that_failed_waits_for_its_next_try_and_one_that_died_elsewhere_two_minutes(
    app: Flask, ended: str, minutes: int, missed: bool
):
    startup(NOW - timedelta(days=9))
    held = transaction(lambda: runs.claim("nightly", TODAY, NOW, "elsewhere:1:2:abc", NOW))
    if ended == "failed":
        transaction(lambda: runs.give_up(held, "the disk is full"))
    at = NOW + timedelta(minutes=minutes)

    taken = scheduler.was_missed(at) and isinstance(
        transaction(lambda: runs.claim("nightly", TODAY, at, "here:1:2:abc", at)), runs.Claim
    )

    assert taken == missed


def test_a_missed_night_is_caught_up_with_once(app: Flask):
    startup(NOW - timedelta(days=9))

    for _ in range(2):
        scheduler.catch_up(scenes.config_of(app), NOW)

    run = db.session.execute(select(JobRun)).scalar_one()
    assert (run.day, run.state, run.attempts) == (TODAY, DONE, 1)


def test_ten_schedulers_make_one_night(app: Flask):
    scenes.startup("harbour")
    factories.make_grant("harbour", expires=TODAY + timedelta(days=5))
    statuses: list[str] = []
    together = threading.Barrier(10)

    def work() -> None:
        with app.app_context():
            together.wait()
            statuses.append(run_night(scenes.config_of(app), NOW)["status"])
            db.session.remove()

    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == ["already done"] * 9 + ["done"]
    assert db.session.scalar(select(func.count()).select_from(Digest)) == 1
    assert scenes.addressees(app) == ["founder@harbour.example"]


def test_a_night_that_another_scheduler_has_is_left_to_it(app: Flask):
    transaction(lambda: runs.claim("nightly", TODAY, NOW, "elsewhere:1:2:abc", NOW))

    document = run_night(scenes.config_of(app), NOW, wait=False, wall=lambda: NOW)

    assert document["status"] == "running"


def test_a_running_scheduler_delivers_mail_and_catches_up(app: Flask):
    startup(NOW - timedelta(days=9))
    config = scenes.config_of(app)
    transaction(
        lambda: outbox.queue(
            kind="note", to_address="a@park.example", content=Rendered("Subject", "Text", "<p>Text</p>"),
            mail_from=config.mail_from, now=NOW,
        )
    )
    working = BackgroundScheduler(timezone="UTC")
    scheduler.add_jobs(working, app, config)

    working.start()
    try:
        wait_until(lambda: count(OutboxMail.state == SENT) == 1, "the mail to be sent")
        wait_until(lambda: count(JobRun.state == DONE) == 1, "the night to be caught up with")
    finally:
        working.shutdown(wait=True)

    assert scenes.addressees(app) == ["a@park.example"]


@pytest.mark.parametrize(
    "ran_at, hours, late",
    [(NOW, 26, False), (NOW, 26.01, True), (None, 26, False), (None, 26.01, True)],
)
def test_no_night_for_twenty_six_hours_is_late(app: Flask, ran_at: datetime | None, hours: float, late: bool):
    startup(NOW)
    if ran_at is not None:
        succeeded(TODAY, ran_at)

    state = last_night(NOW + timedelta(hours=hours))

    assert (state.succeeded_at, state.is_late) == (ran_at, late)


def test_where_there_is_nobody_to_tell_no_night_is_late(app: Flask):
    assert not last_night(NOW).is_late


def startup(made_at: datetime) -> None:
    """A startup entered at an instant."""
    factories.do(
        lambda: factories.parties.create_startup(
            factories.somebody(made_at), key="harbour", name="Harbour", language="en"
        )
    )


def succeeded(day: date, at: datetime = NOW) -> None:
    """The night of a day has succeeded."""
    held = transaction(lambda: runs.claim("nightly", day, at, runs.new_worker(), at))
    transaction(lambda: runs.finish(held, at))


def count(condition) -> int:
    """How many mails or runs are so, read afresh."""
    db.session.rollback()
    return db.session.scalar(select(func.count()).where(condition)) or 0
