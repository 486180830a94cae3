"""Which run of which job for which day: claimed by a unique row, taken over when it died (A7).

All that write are operations; the job commits them. Every commit of a run begins with `beat`, which takes
the run's row: a run that was taken over stops there, so that two never write at once.
"""

import os
import secrets
import socket
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import exists, select, update

from creditsvc.alerts.models import DONE, RUNNING, JobRun
from creditsvc.core.days import CLOCKS_DIFFER
from creditsvc.core.due_alerts import night_due
from creditsvc.db import db
from creditsvc.sets import insert_if_absent

LEASE = timedelta(seconds=90)
"""A run of another host that has not been heard of for so long is dead. On the same host its process is asked."""

NO_LONGER_AHEAD = timedelta(days=1)
"""A sign of life dated further ahead was given by a clock that leapt, and says nothing."""

_MAX_ERROR = 500


class RunLost(Exception):
    """Another worker has taken the run over: this one writes nothing more."""


@dataclass(frozen=True)
class Claim:
    """A run in the hands of one worker."""

    run_id: int
    worker: str


def new_worker() -> str:
    """A name for this run of this process, by which others can see whether it still lives."""
    return f"{_this_process()}:{secrets.token_hex(6)}"


def _this_process() -> str:
    pid = os.getpid()
    return f"{socket.gethostname()[:80]}:{pid}:{_started(pid)}"


def claim(job: str, day: date, as_of: datetime, worker: str, at: datetime) -> Claim | Literal["done", "busy"]:
    """Takes the run of a job for a day: `done` when it has succeeded, `busy` while somebody who lives has it.

    `at` is the real clock's instant, `as_of` that of the run.
    """
    values: dict[str, Any] = {
        "job": job, "day": day, "edition": 1, "state": RUNNING, "worker": worker, "attempts": 1, "as_of": as_of,
        "heartbeat_at": at,
    }
    is_new = insert_if_absent(JobRun, values)
    run = db.session.scalars(
        select(JobRun).where(JobRun.job == job, JobRun.day == day).with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    _put_right(job, at)
    if has_succeeded(run, at):
        return "done"
    if not is_new:
        if run.worker and not is_dead(run.worker) and -NO_LONGER_AHEAD < at - run.heartbeat_at < LEASE:
            return "busy"
        if run.state == DONE:  # ahead of its day, which has come: nobody has the mail of this edition yet
            run.edition += 1
        run.worker, run.as_of, run.heartbeat_at, run.attempts = worker, as_of, at, run.attempts + 1
        run.state, run.finished_at = RUNNING, None
        db.session.flush()
    return Claim(run.id, worker)


def is_at_work(job: str, at: datetime) -> bool:
    """Whether a run of the job is in its first try and has given a sign of life within the lease.

    One that was taken over does not count: it may die again and again.
    """
    first = select(JobRun.id).where(
        JobRun.job == job, JobRun.state == RUNNING, JobRun.worker != "", JobRun.attempts == 1,
        JobRun.heartbeat_at > at - LEASE, JobRun.heartbeat_at < at + LEASE,
    )
    return bool(db.session.scalar(select(exists(first))))


def has_succeeded(run: JobRun, at: datetime) -> bool:
    """Whether the day's run is done, as the real clock stands at `at`.

    One made before its night was due (`--now` of a day to come, a clock that ran ahead) counts until the night is due.
    """
    due = night_due(run.day)
    return run.state == DONE and not run.heartbeat_at < due <= at


def _put_right(job: str, at: datetime) -> None:
    """Says of runs that a clock which ran ahead dated into the future that they were made by now, so before their day.
    """
    ahead = update(JobRun).where(JobRun.job == job, JobRun.state == DONE, JobRun.heartbeat_at > at + CLOCKS_DIFFER)
    db.session.execute(ahead.values(heartbeat_at=at))


def beat(held: Claim, at: datetime) -> None:
    """Says that the run lives, and holds its row until the commit. Raises RunLost when it is another's by now."""
    _write(held, heartbeat_at=at)


def is_another_day_at_work(held: Claim, since: datetime) -> bool:
    """Whether a run of another day of that job has given a sign of life since then, as far as clocks may differ.

    Such runs are held until the commit: what they keep is kept before this is asked, or after that.
    """
    job = select(JobRun.job).where(JobRun.id == held.run_id).scalar_subquery()
    others = select(JobRun.id).where(
        JobRun.job == job, JobRun.id != held.run_id, JobRun.heartbeat_at > since - LEASE
    ).order_by(JobRun.id).with_for_update()
    return bool(db.session.scalars(others).all())


def finish(held: Claim, at: datetime) -> None:
    """The run has succeeded; `at` is the run's own instant. Raises RunLost."""
    _write(held, state=DONE, finished_at=at, last_error=None)


def give_up(held: Claim, error: str) -> None:
    """The run failed and waits to be taken over at once. Raises RunLost."""
    _write(held, worker="", last_error=error[:_MAX_ERROR])


def _write(held: Claim, **values: Any) -> None:
    statement = update(JobRun).where(
        JobRun.id == held.run_id, JobRun.worker == held.worker, JobRun.state == RUNNING
    )
    result: Any = db.session.execute(statement.values(**values).execution_options(synchronize_session=False))
    if result.rowcount != 1:
        raise RunLost(f"run {held.run_id}")


def is_dead(worker: str) -> bool:
    """Whether the process of that worker, on this host, is surely gone. Another host's is not known to be."""
    return _lives(worker) is False


def is_alive(worker: str) -> bool:
    """Whether the process of that worker, on this host, surely lives. Another host's is not known to."""
    return _lives(worker) is True


def is_own(worker: str) -> bool:
    """Whether the worker is one of this very process."""
    return worker.rsplit(":", 1)[0] == _this_process()


def _lives(worker: str) -> bool | None:
    """None where it cannot be known from here."""
    parts = worker.rsplit(":", 3)
    if len(parts) != 4 or parts[0] != socket.gethostname()[:80]:
        return None
    pid, started = int(parts[1]), parts[2]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return None
    return started == _started(pid)


def _started(pid: int) -> str:
    """When a process started, in the kernel's ticks, since numbers of processes are used again; `gone` for a dead one.

    Empty where the system does not tell.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "gone" if fields[0] in ("Z", "X") else fields[19]
