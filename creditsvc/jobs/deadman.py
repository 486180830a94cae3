"""Whether the nights succeed: looked at by the scheduler and by each worker of gunicorn, for either may be dead (A7).

Whichever sees first that none has for too long tells the administrators, once, and delivers what is due itself: a mail
about a dead scheduler must not wait for the scheduler. After a sleep of the machine the night that catches up comes
first: a look that finds the clock far on waits for the next, and so does one that finds a night at work.
"""

import threading
from collections.abc import Callable
from datetime import datetime

import structlog
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from creditsvc import clock
from creditsvc.alerts.night import NIGHTLY
from creditsvc.alerts.reading import last_night
from creditsvc.alerts.silence import tell_administrators, was_told
from creditsvc.config import Config
from creditsvc.db import db, transaction
from creditsvc.jobs import runs
from creditsvc.jobs.delivery import deliver
from creditsvc.jobs.leaps import Leaps

LOOK_EVERY_SECONDS = 300

log = structlog.get_logger(__name__)


def look(config: Config, wall: Callable[[], datetime]) -> int:
    """Tells the administrators if the nights have fallen silent, and then delivers what is due; how many it told."""
    now = wall()
    last = last_night(now)
    is_new = last.is_late and not was_told(last) and not runs.is_at_work(NIGHTLY, now)
    db.session.rollback()  # ends the read
    told = transaction(lambda: tell_administrators(now, config.mail_from, config.base_url)) if is_new else 0
    if is_new:
        log.error("night.silent", told=told)
    if last.is_late:
        deliver(config, wall)
    return told


def looker(config: Config, wall: Callable[[], datetime]) -> Callable[[], None]:
    """A look to be taken now and then, left out when the clock leapt since the one before: the catching up that begins
    at that moment has not had its time yet."""
    leaps = Leaps(wall)

    def once() -> None:
        if not leaps.leapt():
            look(config, wall)

    return once


def watch(app: Flask, stopped: threading.Event | None = None, every: float = LOOK_EVERY_SECONDS) -> threading.Thread:
    """Looks now and then, in a thread that ends with its process or when `stopped` is set."""
    once = looker(app.config["CREDITSVC"], lambda: clock.now())
    ended = stopped or threading.Event()

    def work() -> None:
        while not ended.wait(every):
            with app.app_context():
                try:
                    once()
                except SQLAlchemyError as error:  # a database that is away says so at /readyz; it may come back
                    log.warning("deadman.cannot_look", reason=type(error).__name__)

    thread = threading.Thread(target=work, name="deadman", daemon=True)
    thread.start()
    return thread
