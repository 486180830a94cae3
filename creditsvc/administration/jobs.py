"""The jobs as administrators see them: last and next run, outcome, how long it took; and asking for one now.

A page does not run a job: it leaves a request that the next scheduler takes, within seconds. The night of a day runs
once however often it is asked for (A7), and delivery sends each mail once, so asking twice does no harm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select

from creditsvc.alerts.models import DONE, JobRequest, JobRun
from creditsvc.alerts.night import NIGHTLY
from creditsvc.core.due_alerts import business_day, night_due
from creditsvc.core.errors import Conflict, NotFound
from creditsvc.db import db
from creditsvc.mail import tending
from creditsvc.mail.models import SENT, OutboxMail
from creditsvc.parties import trail
from creditsvc.parties.access import Caller, require
from creditsvc.sets import insert_if_absent

DELIVERY = "delivery"
JOBS = (NIGHTLY, DELIVERY)
RUNS_SHOWN = 30


@dataclass(frozen=True)
class RunView:
    """One run of a job. `seconds` is how long it took, None while it is under way or after it failed."""

    job: str
    day: str
    began: datetime
    state: str  # done, running, failed
    seconds: int | None
    attempts: int
    last_error: str | None


@dataclass(frozen=True)
class JobView:
    """A job. `next_run` None: within the minute, as long as a scheduler runs. `asked_at`: somebody wants it now."""

    job: str
    last: RunView | None
    next_run: datetime | None
    asked_at: datetime | None
    is_done: bool
    waiting: int = 0
    last_sent: datetime | None = None


def list_jobs(caller: Caller) -> list[JobView]:
    """The jobs there are. Raises Forbidden."""
    require(caller, "jobs.see")
    asked = {row.job: row.asked_at for row in db.session.scalars(select(JobRequest))}
    run = db.session.scalar(select(JobRun).where(JobRun.job == NIGHTLY).order_by(JobRun.day.desc()).limit(1))
    today = business_day(caller.now)
    night = JobView(
        NIGHTLY, None if run is None else _view(run), night_due(today + timedelta(days=1)), asked.get(NIGHTLY),
        is_done=run is not None and run.day >= today and run.state == DONE,
    )
    sent = db.session.scalar(select(func.max(OutboxMail.sent_at)).where(OutboxMail.state == SENT))
    waiting = db.session.scalar(select(func.count(OutboxMail.id)).where(tending.CHOICES["waiting"]))
    delivery = JobView(DELIVERY, None, None, asked.get(DELIVERY), is_done=False, waiting=waiting or 0, last_sent=sent)
    return [night, delivery]


def list_runs(caller: Caller) -> list[RunView]:
    """The newest runs of all jobs that keep one. Raises Forbidden."""
    require(caller, "jobs.see")
    newest = select(JobRun).order_by(JobRun.id.desc()).limit(RUNS_SHOWN)
    return [_view(run) for run in db.session.scalars(newest)]


def _view(run: JobRun) -> RunView:
    state = "done" if run.state == DONE else ("running" if run.worker else "failed")
    seconds = None if run.finished_at is None else int((run.finished_at - run.as_of).total_seconds())
    return RunView(run.job, run.day.isoformat(), run.as_of, state, seconds, run.attempts, run.last_error)


def ask_to_run(caller: Caller, job: str) -> bool:
    """Asks for a job to run now; whether nobody had asked already.

    Raises Forbidden, NotFound("job"), Conflict("", "is-done") for a night that has succeeded.
    """
    require(caller, "jobs.run")
    if job not in JOBS:
        raise NotFound("job", job)
    if any(view.is_done for view in list_jobs(caller) if view.job == job):
        raise Conflict("", "is-done", "Tonight's run has succeeded already: running it again would do nothing.")
    is_new = insert_if_absent(JobRequest, {"job": job, "asked_by": caller.actor, "asked_at": caller.now})
    if is_new:
        trail.record(caller, "job.asked", f"job:{job}")
    return is_new


def asked_jobs() -> Sequence[str]:
    """The jobs that somebody asked for and no scheduler has taken. For a scheduler alone."""
    return db.session.scalars(select(JobRequest.job)).all()


def take_asked() -> list[str]:
    """Takes what was asked for away: of several schedulers one gets each. For a scheduler, in its transaction."""
    return list(db.session.scalars(delete(JobRequest).returning(JobRequest.job)))
