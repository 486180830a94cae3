"""For machines: is the process up, is the service ready, what does it measure. Nothing here is about people."""

from collections import Counter
from datetime import date, datetime, timedelta

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from sqlalchemy import ColumnElement, case, func, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import InstrumentedAttribute

from creditsvc import clock
from creditsvc.alerts.models import Alert, JobRun
from creditsvc.alerts.reading import last_night
from creditsvc.core.days import instant_text
from creditsvc.core.due_alerts import business_day
from creditsvc.db import db, schema_versions
from creditsvc.ledger.models import Account, Batch, Scope
from creditsvc.mail.models import SENDING, OutboxMail
from creditsvc.parties.models import SignInAttempt, Startup
from creditsvc.usage.models import ImportRun

pages = Blueprint("health", __name__)

OLDEST_TOLD = 30
"""Days: how old cost data is beyond that no longer matters."""


@pages.get("/healthz")
def healthz() -> ResponseReturnValue:
    """The process answers; also how long ago a night succeeded, where the database can tell."""
    try:
        return {"status": "ok", "last_night": _night()}
    except SQLAlchemyError:
        return {"status": "ok", "last_night": None}


@pages.get("/readyz")
def readyz() -> ResponseReturnValue:
    """Whether the database is reachable and has the tables of this version; 503 when not."""
    try:
        found, wanted = schema_versions()
        if found == wanted:
            return {"status": "ready", "database": "reachable", "migrated": True, "last_night": _night()}
    except SQLAlchemyError:
        return {"status": "not ready", "database": "not reachable", "migrated": False, "last_night": None}, 503
    return {"status": "not ready", "database": "reachable", "migrated": False, "last_night": None}, 503


@pages.get("/metrics")
def metrics() -> ResponseReturnValue:
    """Figures for Prometheus, read from the database at each scrape, so that every worker gives the same."""
    registry = CollectorRegistry()
    _gauge(registry, "startups", "Startups", db.session.scalar(select(func.count(Startup.id))))
    _gauge(registry, "accounts", "Accounts", db.session.scalar(select(func.count(Account.id))))
    _gauge(registry, "batches", "Batches of the book", db.session.scalar(select(func.count(Batch.id))))
    now = clock.now()
    _outbox(registry, now)
    _counted(registry, "import_runs", "Import runs by status", "status", ImportRun.status)
    _counted(registry, "job_runs", "Runs of the night by state", "state", JobRun.state)
    _counted(registry, "alerts", "Alerts ever decided, by rule", "rule", Alert.rule)
    _counted(registry, "alerts_open", "Alerts whose matter has not passed, by rule", "rule", Alert.rule,
             Alert.closed_on.is_(None))
    _scopes(registry, business_day(now))
    since = now - timedelta(minutes=15)
    failures = select(func.count(SignInAttempt.id)).where(
        SignInAttempt.at > since, SignInAttempt.succeeded.is_(False), SignInAttempt.kind == "sign-in"
    )
    _gauge(registry, "sign_in_failures_15m", "Failed tries to sign in, last 15 minutes", db.session.scalar(failures))
    last = last_night(now)
    at = last.succeeded_at
    _gauge(registry, "last_night_timestamp_seconds", "When the last night succeeded; 0 for never",
           0 if at is None else int(at.timestamp()))
    _gauge(registry, "last_night_duration_seconds", "How long the last night that succeeded took; 0 for none", _took())
    _gauge(registry, "night_late", "1 when no night has succeeded for 26 hours", int(last.is_late))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _night() -> dict[str, object]:
    now = clock.now()
    last = last_night(now)
    at = last.succeeded_at
    return {
        "succeeded_at": instant_text(at),
        "hours_ago": None if at is None else (now - at) // timedelta(hours=1),
        "late": last.is_late,
    }


def _took() -> int:
    """Seconds, rounded up: what took any time is never 0. A run's own clock starts at its `as_of`."""
    newest = select(JobRun.as_of, JobRun.finished_at).where(JobRun.finished_at.is_not(None))
    run = db.session.execute(newest.order_by(JobRun.finished_at.desc()).limit(1)).one_or_none()
    return 0 if run is None else -((run.as_of - run.finished_at) // timedelta(seconds=1))


def _outbox(registry: CollectorRegistry, now: datetime) -> None:
    mails = Gauge("creditsvc_outbox_mails", "Mails in the outbox by state", ["state"], registry=registry)
    oldest = Gauge("creditsvc_outbox_oldest_seconds", "Age of the oldest mail that is to leave, by state", ["state"],
                   registry=registry)
    rows = select(
        OutboxMail.state, func.count().label("mails"),
        func.min(case((or_(OutboxMail.next_try_at.is_not(None), OutboxMail.state == SENDING), OutboxMail.queued_at)))
        .label("oldest"),
    )
    for state, count, since in db.session.execute(rows.group_by(OutboxMail.state)):
        mails.labels(state).set(count)
        if since is not None:
            oldest.labels(state).set((now - since) // timedelta(seconds=1))


def _scopes(registry: CollectorRegistry, today: date) -> None:
    """How many billing scopes have their newest cost data how many days back; `more` beyond 30, `none` without any."""
    ages: Counter[str] = Counter()
    for newest, count in db.session.execute(
        select(Scope.newest_charge_day, func.count()).group_by(Scope.newest_charge_day)
    ):
        days = None if newest is None else max((today - newest).days, 0)
        ages["none" if days is None else "more" if days > OLDEST_TOLD else str(days)] += count
    gauge = Gauge("creditsvc_scopes", "Billing scopes by the age in days of their newest cost data", ["days"],
                  registry=registry)
    for days_back, count in ages.items():
        gauge.labels(days_back).set(count)


def _counted(
    registry: CollectorRegistry, name: str, meaning: str, label: str, column: InstrumentedAttribute[str],
    *where: ColumnElement[bool],
) -> None:
    gauge = Gauge(f"creditsvc_{name}", meaning, [label], registry=registry)
    for value, count in db.session.execute(select(column, func.count()).where(*where).group_by(column)):
        gauge.labels(value).set(count)


def _gauge(registry: CollectorRegistry, name: str, meaning: str, value: int | None) -> None:
    Gauge(f"creditsvc_{name}", meaning, registry=registry).set(value or 0)
