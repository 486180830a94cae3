"""Clocks that leap: one that is set, and a machine that slept. What waits for an instant must not wait for it for ever.

APScheduler keeps the instant at which a job is next due. One that a clock which ran ahead had set would keep the job
still, after the clock was put right, until that instant comes: for hours or for weeks.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.interval import IntervalTrigger

LOOK_EVERY_SECONDS = 10.0

_LEAP_SECONDS = 120.0
_SLACK = timedelta(seconds=1)


class Leaps:
    """Notices when the clock on the wall went otherwise than time did.

    On Linux the steady clock stands still while the machine sleeps, so that a sleep shows as a leap too.
    """

    def __init__(self, wall: Callable[[], datetime], steady: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._steady = wall, steady
        self._before = wall(), steady()

    def leapt(self) -> bool:
        """Whether the clock leapt by over two minutes since this was last asked, or since the beginning."""
        (wall, steady), self._before = self._before, (self._wall(), self._steady())
        by = (self._before[0] - wall).total_seconds() - (self._before[1] - steady)
        return abs(by) > _LEAP_SECONDS


def put_right(scheduler: BaseScheduler, now: datetime) -> list[str]:
    """Makes due as of `now` the jobs that are due later than they could be; their ids."""
    late = []
    for job in scheduler.get_jobs():
        trigger = job.trigger
        each = isinstance(trigger, IntervalTrigger)
        # asked of the interval itself: the trigger's own answer begins where it was made, which may lie ahead too
        due = now + trigger.interval if each else trigger.get_next_fire_time(None, now)
        if job.next_run_time > due + _SLACK:
            scheduler.modify_job(job.id, next_run_time=now if each else due)
            late.append(job.id)
    return late


def keep_right(
    scheduler: BaseScheduler, wall: Callable[[], datetime], stopped: threading.Event, every: float = LOOK_EVERY_SECONDS
) -> threading.Thread:
    """Puts the jobs right now and then, by a clock that never leaps, in a thread that ends when `stopped` is set."""

    def work() -> None:
        while not stopped.wait(every):
            if scheduler.running:
                put_right(scheduler, wall())

    thread = threading.Thread(target=work, name="leaps", daemon=True)
    thread.start()
    return thread
