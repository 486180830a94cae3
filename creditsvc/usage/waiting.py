"""What of usage waits for a manager: scopes that nobody knows, runs that are held. Each in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from creditsvc.db import db
from creditsvc.ledger.models import Scope, ScopeFact, UsageFact
from creditsvc.parties.access import Caller
from creditsvc.parties.models import Startup
from creditsvc.usage.models import ImportRun
from creditsvc.usage.reading import UnassignedScope, visible_runs
from creditsvc.usage.suspicions import OFFERED, answered_report

OWN_EXPORTS, OTHER_RUNS = "exports-offered", "runs-held"
"""The worklist's groups of held runs."""


@dataclass(frozen=True)
class RunItem:
    """An import run that is held until a manager says yes, and why. `startup` is whose own people uploaded it;
    empty of any other run."""

    id: int
    name: str
    received_at: datetime
    suspicions: Sequence[str]
    startup: str = ""
    startup_name: str = ""


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


def held_runs(caller: Caller, size: int, skipped: int) -> dict[str, tuple[int, list[RunItem]]]:
    """By the worklist's groups, how many there are and some of them: what people of startups that the caller may see
    uploaded, and all other.

    The caller must have been allowed to see runs.
    """
    offered = ImportRun.startup_id.is_not(None)
    some = (
        select(ImportRun.id, func.row_number().over(partition_by=offered, order_by=ImportRun.id).label("place"),
               func.count().over(partition_by=offered).label("total"))
        .where(ImportRun.status == "held", ImportRun.reversed_at.is_(None), visible_runs(caller)).subquery()
    )
    rows = db.session.execute(
        select(ImportRun.id, ImportRun.name, ImportRun.received_at, ImportRun.report, offered.label("offered"),
               Startup.key, Startup.name.label("startup"), some.c.total)
        .join(some, some.c.id == ImportRun.id)
        .outerjoin(Startup, Startup.id == ImportRun.startup_id)
        .where(some.c.place > skipped, some.c.place <= skipped + size).order_by(some.c.place)
    ).all()
    found: dict[str, tuple[int, list[RunItem]]] = {OWN_EXPORTS: (0, []), OTHER_RUNS: (0, [])}
    for row in rows:
        name = OWN_EXPORTS if row.offered else OTHER_RUNS
        why = [text for text in answered_report(row.report).get("suspicions") or () if text != OFFERED]
        item = RunItem(row.id, row.name, row.received_at, why, row.key or "", row.startup or "")
        found[name] = (row.total, [*found[name][1], item])
    return found
