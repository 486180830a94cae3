"""For machines: is the process up, is the service ready, what does it measure. Nothing here is about people."""

from datetime import timedelta

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from creditsvc import clock
from creditsvc.alerts.reading import last_night
from creditsvc.core.days import instant_text
from creditsvc.db import db, schema_versions
from creditsvc.ledger.models import Account, Batch
from creditsvc.mail.models import OutboxMail
from creditsvc.parties.models import SignInAttempt, Startup
from creditsvc.usage.models import ImportRun

pages = Blueprint("health", __name__)


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
    by_state = Gauge("creditsvc_outbox_mails", "Mails in the outbox by state", ["state"], registry=registry)
    for state, count in db.session.execute(select(OutboxMail.state, func.count()).group_by(OutboxMail.state)):
        by_state.labels(state).set(count)
    by_status = Gauge("creditsvc_import_runs", "Import runs by status", ["status"], registry=registry)
    for status, count in db.session.execute(select(ImportRun.status, func.count()).group_by(ImportRun.status)):
        by_status.labels(status).set(count)
    since = clock.now() - timedelta(minutes=15)
    failures = select(func.count(SignInAttempt.id)).where(
        SignInAttempt.at > since, SignInAttempt.succeeded.is_(False), SignInAttempt.kind == "sign-in"
    )
    _gauge(registry, "sign_in_failures_15m", "Failed tries to sign in, last 15 minutes", db.session.scalar(failures))
    at = last_night(clock.now()).succeeded_at
    _gauge(registry, "last_night_timestamp_seconds", "When the last night succeeded; 0 for never",
           0 if at is None else int(at.timestamp()))
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


def _gauge(registry: CollectorRegistry, name: str, meaning: str, value: int | None) -> None:
    Gauge(f"creditsvc_{name}", meaning, registry=registry).set(value or 0)
