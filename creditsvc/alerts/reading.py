"""Reading alerts: what stands, what tonight would say, and whether the nights succeed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select

from creditsvc.alerts.models import DONE, Alert, JobRun
from creditsvc.alerts.night import NIGHTLY, Decided, accounts_after, decide_accounts, document, in_order, night_of
from creditsvc.alerts.telling import ACCOUNTS_AT_ONCE, letters
from creditsvc.core.due_alerts import business_day
from creditsvc.db import db
from creditsvc.parties.access import Caller, require, visible_startups
from creditsvc.parties.models import Startup

LATE_AFTER = timedelta(hours=26)
"""When no night has succeeded for so long, the pages and /healthz say so (A7)."""

CLOCKS_DIFFER = timedelta(minutes=10)
"""By how much the clocks of two hosts may differ."""


@dataclass(frozen=True)
class LastNight:
    """When a night last succeeded (None: never), and whether that is too long ago."""

    succeeded_at: datetime | None
    is_late: bool


def last_night(now: datetime) -> LastNight:
    """Whether the nights succeed. Where none ever has, the first startup's entry begins the wait; none, no wait.

    A night of a day to come says nothing of those that should have run by now.
    """
    return judged_night(now, *db.session.execute(select(*night_columns(now))).one())


def night_columns(now: datetime) -> tuple[ColumnElement[datetime | None], ColumnElement[datetime | None]]:
    """What `judged_night` judges, for those who ask it with something else: the last success, since when to wait."""
    last = (
        select(func.max(JobRun.finished_at))
        .where(JobRun.job == NIGHTLY, JobRun.state == DONE, JobRun.finished_at <= now + CLOCKS_DIFFER)
        .scalar_subquery()
    )
    first_entry = select(func.min(Startup.created_at)).scalar_subquery()
    return last, func.coalesce(last, first_entry)


def judged_night(now: datetime, succeeded: datetime | None, since: datetime | None) -> LastNight:
    """The last night, from the values of `night_columns`."""
    return LastNight(succeeded, since is not None and now - since > LATE_AFTER)


def open_alerts(caller: Caller, startup: str | None = None) -> Sequence[Alert]:
    """The alerts that stand, of one startup or all the caller may see, in order. Raises Forbidden for no staff."""
    require(caller, "alerts.see")
    statement = (
        select(Alert).join(Startup, Startup.id == Alert.startup_id)
        .where(Alert.closed_on.is_(None), visible_startups(caller))
    )
    if startup is not None:
        statement = statement.where(Startup.key == startup)
    return in_order(db.session.scalars(statement))


def tonight(caller: Caller) -> dict[str, Any]:
    """What the night would say if it ran now, as its own document; writes nothing (A4).

    Staff limited to programmes see the alerts of their startups alone. Raises Forbidden for no staff.
    """
    require(caller, "alerts.see")
    night = night_of(business_day(caller.now), caller.now)
    alerts: list[Alert] = []
    closed: list[int] = []
    cursor = 0
    while account_ids := accounts_after(cursor, ACCOUNTS_AT_ONCE):
        decided: Decided = decide_accounts(night, account_ids)
        alerts += decided.alerts
        closed += decided.closed
        cursor = account_ids[-1]
    queued = len(letters(night.day, more=alerts, but_not=closed))
    visible = set(db.session.scalars(select(Startup.id).where(visible_startups(caller))))
    return {
        "day": night.day.isoformat(),
        "status": "done",
        "kept": False,
        "as_of": night.now.astimezone(UTC).isoformat(),
        "alerts": [document(alert) for alert in in_order(alerts) if alert.startup_id in visible],
        "mails": {"queued": queued, "sent": 0, "failed": 0, "uncertain": 0},
    }
