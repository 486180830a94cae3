"""Waiting for what another process or thread does. The only place in the tests that sleeps."""

import time
from collections.abc import Callable

from sqlalchemy import text

from creditsvc.db import db

BLOCKED_BY_US = text(
    "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
)


def wait_until(reached: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Returns once `reached()` is true; fails, naming `what`, when it is not within the bound."""
    end = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.02)


def somebody_waits_for_us() -> bool:
    """Whether another connection waits for a lock of this session's, on PostgreSQL."""
    return bool(db.session.connection().execute(BLOCKED_BY_US).scalar_one())
