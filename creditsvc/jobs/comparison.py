"""The comparison of the book with its facts after each night (L18): looked for by the scheduler, no part of a night.

A night has to tell people, and the comparison takes several times as long. That a night has succeeded since the last
one kept stands in the database: so none is lost with a scheduler, nights run by hand or from cron are followed by one
too, and two schedulers that look at once compare twice at worst.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select

from creditsvc.alerts.models import DONE, JobRun
from creditsvc.alerts.night import NIGHTLY
from creditsvc.consulting.verify_bookings import check_bookings
from creditsvc.core.days import CLOCKS_DIFFER
from creditsvc.db import db, transaction
from creditsvc.jobs.nightly import ACTOR
from creditsvc.ledger.verified import Verification, keep
from creditsvc.ledger.verify import verify
from creditsvc.parties.access import operator

LOOK_EVERY_SECONDS = 60
AGAIN_AFTER = timedelta(hours=1)
"""A comparison that could not be made is tried again after so long: each reads the whole book."""

log = structlog.get_logger(__name__)


def looker(wall: Callable[[], datetime]) -> Callable[[], None]:
    """A look to be taken now and then: compares when it is due, and rests after one that failed."""
    failed_at: datetime | None = None

    def once() -> None:
        nonlocal failed_at
        now = wall()
        if failed_at is not None and failed_at <= now < failed_at + AGAIN_AFTER:
            return
        is_due = comparison_due(now)
        db.session.rollback()  # ends the read
        if is_due:
            failed_at = None if compare(now) else now

    return once


def comparison_due(now: datetime) -> bool:
    """Whether a night has succeeded that no kept verification came after. What is dated ahead of the clock says
    nothing."""
    night = db.session.scalar(
        select(func.max(JobRun.heartbeat_at))
        .where(JobRun.job == NIGHTLY, JobRun.state == DONE, JobRun.heartbeat_at <= now)
    )
    kept = db.session.scalar(select(func.max(Verification.at)).where(Verification.at <= now + CLOCKS_DIFFER))
    return night is not None and (kept is None or kept < night)


def compare(now: datetime) -> bool:
    """Compares the book with its facts and keeps what came of it; whether that could be done. What is found is for
    people, and undoes no night."""
    try:
        report = verify(check_bookings)
        transaction(lambda: keep(operator(now, ACTOR), report))
    except Exception:
        db.session.rollback()
        log.exception("night.not_verified")
        return False
    if report["differences"]:
        log.error("night.book_differs", differences=len(report["differences"]))
    return True
