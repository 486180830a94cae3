"""Reading alerts: what stands, what tonight would say, and whether the nights succeed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, or_, select
from sqlalchemy.orm import aliased

from creditsvc.alerts.corrections import TakenBack
from creditsvc.alerts.incubator import decide_own, own_document, sees_own
from creditsvc.alerts.models import DONE, Alert, AlertSnooze, AlertTold, Digest, IncubatorSnooze, JobRun
from creditsvc.alerts.night import (
    ACCOUNTS_AT_ONCE,
    NIGHTLY,
    Decided,
    Night,
    all_accounts,
    decide_accounts,
    document,
    in_order,
    night_of,
)
from creditsvc.alerts.telling import letters
from creditsvc.core.due_alerts import business_day
from creditsvc.core.errors import NotFound
from creditsvc.db import db, is_id
from creditsvc.parties.access import Caller, require, visible_startups
from creditsvc.parties.models import Startup
from creditsvc.programmes.reading import taking_part
from creditsvc.sets import chunks

LATE_AFTER = timedelta(hours=26)
"""When no night has succeeded for so long, the pages and /healthz say so (A7)."""

HOSTS_DIFFER = timedelta(minutes=10)
"""By how much the clocks of two hosts may differ."""


@dataclass(frozen=True)
class LastNight:
    """When a night last succeeded (None: never), and whether that is too long ago.

    `since` is when the wait for the next began: that success, or the first startup's entry; None where nobody waits.
    """

    succeeded_at: datetime | None
    is_late: bool
    since: datetime | None = None


@dataclass(frozen=True)
class Told:
    """An alert that somebody was told of in the mail of a day, and what they said to it.

    `snoozed_until` is the first day with mail about the matter again, while that is ahead; `corrected_on` the day of
    the mail that told them that it was taken back.
    """

    alert: Alert
    day: date
    acknowledged_at: datetime | None
    snoozed_until: date | None
    corrected_on: date | None


def last_night(now: datetime) -> LastNight:
    """Whether the nights succeed. Where none ever has, the first startup's entry begins the wait; none, no wait.

    A night of a day to come says nothing of those that should have run by now.
    """
    return judged_night(now, *db.session.execute(select(*night_columns()), night_values(now)).one())


def night_columns() -> tuple[ColumnElement[datetime | None], ColumnElement[datetime | None]]:
    """What `judged_night` judges, for those who ask it with something else: the last success, since when to wait.

    The statement needs the values of `night_values`.
    """
    last = (
        select(func.max(JobRun.finished_at))
        .where(JobRun.job == NIGHTLY, JobRun.state == DONE, JobRun.finished_at <= bindparam("nights_until"))
        .scalar_subquery()
    )
    first_entry = select(func.min(Startup.created_at)).scalar_subquery()
    return last, func.coalesce(last, first_entry)


def night_values(now: datetime) -> dict[str, datetime]:
    """The values that a statement with `night_columns` needs at that instant."""
    return {"nights_until": now + HOSTS_DIFFER}


def judged_night(now: datetime, succeeded: datetime | None, since: datetime | None) -> LastNight:
    """The last night, from the values of `night_columns`."""
    return LastNight(succeeded, since is not None and now - since > LATE_AFTER, since)


def alerts(
    caller: Caller, *, startup: str | None = None, programme: str | None = None, rule: str | None = None,
    is_open: bool | None = None, before: int | None = None, limit: int | None = None,
) -> Sequence[Alert]:
    """The alerts of the startups that the caller may see, newest first; `before` is the id to go on from. Where neither
    a startup nor a programme is asked for, those of the incubator's own too, for who sees them.

    Those that stand, those that have passed (`is_open` False) or both. Raises Forbidden for no staff.
    """
    require(caller, "alerts.see")
    shown = _of_startups(caller)
    if startup is None and programme is None and sees_own(caller):
        shown = or_(shown, Alert.subject.is_not(None))
    statement = select(Alert).outerjoin(Startup, Startup.id == Alert.startup_id).where(shown)
    if startup is not None:
        statement = statement.where(Startup.key == startup)
    if programme is not None:
        statement = statement.where(taking_part(caller, programme))
    if rule is not None:
        statement = statement.where(Alert.rule == rule)
    if is_open is not None:
        statement = statement.where(Alert.closed_on.is_(None) if is_open else Alert.closed_on.is_not(None))
    if before is not None:
        statement = statement.where(Alert.id < before)
    return db.session.scalars(statement.order_by(Alert.id.desc()).limit(limit)).all()


def told(caller: Caller, *, before: int | None = None, limit: int | None = None) -> list[Told]:
    """What the caller was told of by mail, of startups they may see and of the incubator's own where that is for them,
    newest first; `before` is the id to go on from."""
    statement = _told(caller)
    if before is not None:
        statement = statement.where(Alert.id < before)
    return [Told(*row) for row in db.session.execute(statement.order_by(Alert.id.desc()).limit(limit))]


def find_told(caller: Caller, alert_id: int) -> Told:
    """What the caller was told of, by the alert's number. Raises NotFound("alert")."""
    row = db.session.execute(_told(caller).where(Alert.id == alert_id)).first() if is_id(alert_id) else None
    if row is None:
        raise NotFound("alert", str(alert_id))
    return Told(*row)


def _told(caller: Caller) -> Select[*tuple[Any, ...]]:
    correcting = aliased(Digest)
    snooze = and_(
        AlertSnooze.person_id == AlertTold.person_id, AlertSnooze.account_id == Alert.account_id,
        AlertSnooze.rule == Alert.rule, AlertSnooze.holding == Alert.holding,
        AlertSnooze.until > business_day(caller.now),
    )
    own_snooze = and_(
        IncubatorSnooze.person_id == AlertTold.person_id, IncubatorSnooze.subject == Alert.subject,
        IncubatorSnooze.subject_id == Alert.subject_id, IncubatorSnooze.rule == Alert.rule,
        IncubatorSnooze.until > business_day(caller.now),
    )
    shown = _of_startups(caller)
    if sees_own(caller):
        shown = or_(shown, Alert.subject.is_not(None))
    return (
        select(Alert, Digest.day, AlertTold.acknowledged_at, func.coalesce(AlertSnooze.until, IncubatorSnooze.until),
               correcting.day)
        .join(AlertTold, AlertTold.alert_id == Alert.id)
        .join(Digest, Digest.id == AlertTold.digest_id)
        .outerjoin(Startup, Startup.id == Alert.startup_id)
        .outerjoin(correcting, correcting.id == AlertTold.corrected_in)
        .outerjoin(AlertSnooze, snooze)
        .outerjoin(IncubatorSnooze, own_snooze)
        .where(AlertTold.person_id == caller.person_id, shown)
    )


def _of_startups(caller: Caller) -> ColumnElement[bool]:
    return and_(Alert.startup_id.is_not(None), visible_startups(caller))


@dataclass(frozen=True)
class Tonight:
    """What a night that ran now would say: its new alerts in order, how many mails would leave, and which alerts it
    would take back. `own` are alerts of the incubator's own, for those who see them."""

    night: Night
    alerts: list[Alert]
    mails: int
    taken_back: list[TakenBack]
    own: list[Alert]


def tonight(caller: Caller) -> dict[str, Any]:
    """What the night would say if it ran now, as its own document; see `say_tonight`."""
    said = say_tonight(caller)
    return {
        "day": said.night.day.isoformat(),
        "status": "done",
        "kept": False,
        "as_of": said.night.now.astimezone(UTC).isoformat(),
        "alerts": [document(alert) for alert in said.alerts],
        "own_alerts": [own_document(alert) for alert in said.own],
        "mails": {"queued": said.mails, "sent": 0, "failed": 0, "uncertain": 0},
    }


def say_tonight(caller: Caller, programme: str | None = None) -> Tonight:
    """What the night would say if it ran now, of all startups or those of a programme; writes nothing (A4).

    Staff limited to programmes see the alerts of their startups alone, and how many mails speak of those. Raises
    Forbidden for no staff.
    """
    require(caller, "alerts.see")
    night = night_of(business_day(caller.now), caller.now)
    found: list[Alert] = []
    closed: list[int] = []
    wrong: list[TakenBack] = []
    for account_ids in chunks(all_accounts(), ACCOUNTS_AT_ONCE):
        decided: Decided = decide_accounts(night, account_ids)
        found += decided.alerts
        closed += decided.closed
        wrong += decided.taken_back
    shown = visible_startups(caller) if programme is None else taking_part(caller, programme)
    visible = set(db.session.scalars(select(Startup.id).where(shown)))
    own = decide_own(night)
    is_for_caller = programme is None and sees_own(caller)
    queued = sum(
        not visible.isdisjoint(letter.startup_ids) or (bool(letter.own) and is_for_caller)
        for letter in letters(
            night, more=found, but_not=closed + own.closed, taken_back=wrong, more_own=own.alerts
        )
    )
    return Tonight(
        night, [alert for alert in in_order(found) if alert.startup_id in visible], queued,
        [one for one in sorted(wrong, key=lambda one: one.key) if one.startup_id in visible],
        own.alerts if is_for_caller else [],
    )
