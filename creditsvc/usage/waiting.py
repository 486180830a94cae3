"""What of usage waits for a manager: scopes that nobody knows, runs that are held. Each in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from creditsvc.db import db
from creditsvc.ledger.models import Scope, ScopeFact, UsageFact
from creditsvc.usage.models import ImportRun
from creditsvc.usage.reading import UnassignedScope


@dataclass(frozen=True)
class RunItem:
    """An import run that is held until a manager says yes, and why."""

    id: int
    name: str
    received_at: datetime
    suspicions: Sequence[str]


def unknown_scopes(size: int, skipped: int) -> tuple[int, list[UnassignedScope]]:
    """How many there are, and some of them. The caller must have been allowed to see scopes."""
    ever = Scope.id.in_(select(ScopeFact.scope_id).where(ScopeFact.account_id.is_not(None)))
    has_usage = select(UsageFact.id).where(UsageFact.scope_id == Scope.id).exists()
    some = (
        select(Scope.id, Scope.provider, Scope.external_id, func.count().over().label("total"))
        .where(~ever, has_usage).order_by(Scope.id).limit(size).offset(skipped).subquery()
    )
    rows = db.session.execute(
        select(some, UsageFact.currency, func.min(UsageFact.day), func.max(UsageFact.day), func.sum(UsageFact.amount))
        .join(UsageFact, UsageFact.scope_id == some.c.id)
        .group_by(*some.c, UsageFact.currency).order_by(some.c.id, UsageFact.currency)
    ).all()
    found: dict[int, UnassignedScope] = {}
    for scope_id, provider, external_id, _, currency, first, last, amount in rows:
        before = found.get(scope_id, UnassignedScope(provider, external_id, first, last, {}))
        found[scope_id] = UnassignedScope(
            provider, external_id, min(first, before.first_day), max(last, before.last_day),
            {**before.amounts, currency: int(amount)},
        )
    return rows[0].total if rows else 0, list(found.values())


def held_runs(size: int, skipped: int) -> tuple[int, list[RunItem]]:
    """How many there are, and some of them. The caller must have been allowed to see runs."""
    rows = db.session.execute(
        select(ImportRun.id, ImportRun.name, ImportRun.received_at, ImportRun.report, func.count().over())
        .where(ImportRun.status == "held", ImportRun.reversed_at.is_(None))
        .order_by(ImportRun.id).limit(size).offset(skipped)
    ).all()
    items = [RunItem(run_id, name, at, report.get("suspicions") or ()) for run_id, name, at, report, _ in rows]
    return rows[0][-1] if rows else 0, items
