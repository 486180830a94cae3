"""The scheduler: a process of its own that runs the night at 02:00 in Hong Kong and delivers mail (A7).

It keeps nothing: which night has run stands in the database, so any number of schedulers may run at a time. APScheduler
only says when; a machine that slept, or a night that failed, is caught up with by looking every twenty
seconds: so a scheduler that died in its night is replaced by another in less than two minutes.
"""

import os
import signal
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from apscheduler.events import EVENT_SCHEDULER_START
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from flask import Flask
from sqlalchemy import exists, select

from creditsvc import clock
from creditsvc.administration.jobs import DELIVERY, asked_jobs, take_asked
from creditsvc.alerts.models import RUNNING, JobRun
from creditsvc.alerts.night import NIGHTLY
from creditsvc.config import Config
from creditsvc.core.due_alerts import NIGHT_HOUR, NIGHT_ZONE, business_day, night_due
from creditsvc.db import db, transaction
from creditsvc.jobs import comparison, deadman
from creditsvc.jobs.delivery import deliver
from creditsvc.jobs.leaps import keep_right
from creditsvc.jobs.logs import name_run
from creditsvc.jobs.nightly import run_night
from creditsvc.jobs.runs import has_succeeded
from creditsvc.parties.models import Startup

LOOK_EVERY_SECONDS = 20
AGAIN_AFTER = timedelta(minutes=10)
"""A night that failed, and did not die, is tried again after so long."""

DELIVER_EVERY_SECONDS = 60
ASKED_EVERY_SECONDS = 10

log = structlog.get_logger(__name__)


def run_scheduler(app: Flask) -> None:
    """Works until the process is told to end. What is under way is finished, however often it is told; a kill loses
    nothing either."""
    config: Config = app.config["CREDITSVC"]
    scheduler = BlockingScheduler(timezone=NIGHT_ZONE)
    add_jobs(scheduler, app, config)
    _stop_when_told(scheduler)
    log.info("scheduler.starts", night=f"{NIGHT_HOUR:02}:00 {NIGHT_ZONE.key}")
    keep_right(scheduler, clock.now, threading.Event())
    scheduler.start()


def _stop_when_told(scheduler: BlockingScheduler) -> None:
    """Shuts it down at SIGTERM or SIGINT, from a thread of its own.

    A handler of a signal runs in the midst of whatever the main thread does. That may hold locks of the scheduler,
    which a shutdown takes too: called by the handler, it would wait for itself for ever. So might the setting of an
    Event; a byte in a pipe takes no lock.
    """
    told, tell = os.pipe()

    def stop() -> None:
        os.read(told, 1)
        scheduler.shutdown(wait=False)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: os.write(tell, b"."))
    # what is told before it runs waits in the pipe: one that does not run yet cannot be shut down
    scheduler.add_listener(
        lambda _event: threading.Thread(target=stop, name="stop", daemon=True).start(), EVENT_SCHEDULER_START
    )


def add_jobs(
    scheduler: BaseScheduler, app: Flask, config: Config, wall: Callable[[], datetime] = clock.now
) -> None:
    """Hangs in the night, the look for a missed one (at once and every twenty seconds), the delivery of mail, the look
    for what administrators want to run now, the look whether the nights succeed, and the comparison of the book after
    them.

    No time is ever too late (`misfire_grace_time=None`) and what was missed runs once (`coalesce`): the defaults
    would run nothing after a sleep.
    """
    look, compare = deadman.looker(config, wall), comparison.looker(wall)
    once = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
    scheduler.add_job(
        lambda: _in_context(app, lambda: night(config, wall())),
        CronTrigger(hour=NIGHT_HOUR, minute=0, timezone=NIGHT_ZONE), id="night", **once,
    )
    scheduler.add_job(
        lambda: _in_context(app, lambda: catch_up(config, wall())),
        IntervalTrigger(seconds=LOOK_EVERY_SECONDS), id="catch-up", next_run_time=wall(), **once,
    )
    scheduler.add_job(
        lambda: _in_context(app, lambda: delivery(config, wall)),
        IntervalTrigger(seconds=DELIVER_EVERY_SECONDS), id="delivery", next_run_time=wall(), **once,
    )
    scheduler.add_job(
        lambda: _in_context(app, lambda: run_asked(config, wall)),
        IntervalTrigger(seconds=ASKED_EVERY_SECONDS), id="asked", **once,
    )
    scheduler.add_job(
        lambda: _in_context(app, look),
        IntervalTrigger(seconds=deadman.LOOK_EVERY_SECONDS), id="deadman", **once,
    )
    scheduler.add_job(
        lambda: _in_context(app, compare),
        IntervalTrigger(seconds=comparison.LOOK_EVERY_SECONDS), id="comparison", **once,
    )


def night(config: Config, now: datetime) -> None:
    """The night, unless another scheduler has it."""
    document = run_night(config, now, wait=False)
    log.info("night", day=document["day"], status=document["status"], **document["mails"])


def catch_up(config: Config, now: datetime) -> None:
    """Runs the night of the present business day if it was missed, failed or died."""
    is_missed = was_missed(now)
    db.session.rollback()  # ends the read
    if is_missed:
        night(config, now)


def was_missed(now: datetime) -> bool:
    """Whether the night of the present business day should have run and has not succeeded.

    A service whose first startup came after 02:00 has missed nothing: its first night is the next one.
    """
    day = business_day(now)
    begun = select(JobRun.id).where(JobRun.job == NIGHTLY)
    run = db.session.scalar(select(JobRun).where(JobRun.job == NIGHTLY, JobRun.day == day))
    if run is not None and (has_succeeded(run, now) or _failed_just_now(run, now)):
        return False
    older = select(Startup.id).where(Startup.created_at < night_due(day))
    return bool(db.session.scalar(select(exists(begun)))) or bool(db.session.scalar(select(exists(older))))


def _failed_just_now(run: JobRun, now: datetime) -> bool:
    return run.state == RUNNING and not run.worker and now - AGAIN_AFTER < run.heartbeat_at <= now


def delivery(config: Config, wall: Callable[[], datetime]) -> None:
    """Sends what is due."""
    count = deliver(config, wall)
    if count.sent or count.failed or count.temporary or count.uncertain:
        log.info(
            "mail", sent=count.sent, failed=count.failed, temporary=count.temporary, uncertain=count.uncertain,
            stopped=count.stopped,
        )


def run_asked(config: Config, wall: Callable[[], datetime]) -> None:
    """Runs the jobs that somebody asked for on the page of jobs. Each is safe to run at any time and beside itself."""
    if not asked_jobs():
        db.session.rollback()  # ends the read
        return
    for job in transaction(take_asked):
        log.info("job.asked", job=job)
        if job == NIGHTLY:
            night(config, wall())
        elif job == DELIVERY:
            delivery(config, wall)


def _in_context(app: Flask, work: Callable[[], None]) -> None:
    name_run()
    with app.app_context():
        work()
