"""What of a run's report is for whom: it is kept of the whole file, and some see a part of it."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select

from creditsvc.core.amounts import Unit, format_amount
from creditsvc.db import db
from creditsvc.ledger.facts import ownerships_of
from creditsvc.ledger.models import Scope, UsageFact
from creditsvc.parties.access import Caller
from creditsvc.sets import chunks
from creditsvc.usage.effects import effects_of
from creditsvc.usage.imports import known_scopes, money_text
from creditsvc.usage.models import ImportRun, RunScope
from creditsvc.usage.reading import days_seen, visible_scopes
from creditsvc.usage.suspicions import AWAY_FROM, COVERS, HIDDEN, OFFERED, answered_report


def report_for(caller: Caller, report: Mapping[str, Any]) -> dict[str, Any]:
    """A run's report, as it was answered or is kept, without the scopes of startups that the caller may not see, nor
    sums over them (P)."""
    report = answered_report(report)
    if caller.programme_ids is None or "delta" not in report:
        return report
    suspicions = [(text, text.partition(AWAY_FROM)[2]) for text in report["suspicions"]]
    places = {name: report[name] for name in ("stale", "waiting", "after_close")}
    names = {*report["unknown_scopes"], *report["missing_scopes"], *(scope for _, scope in suspicions if scope)}
    names.update(one["scope"] for of_place in places.values() for one in of_place)
    seen: set[str] = set()
    for part in chunks(names):
        found = select(Scope.external_id).where(Scope.external_id.in_(part), visible_scopes(caller))
        seen.update(db.session.scalars(found))
    told = {text if scope in seen or text.startswith((COVERS, OFFERED)) else HIDDEN for text, scope in suspicions}
    return {
        **report, **_sums_for(caller, report["id"]),
        **{name: [one for one in of_place if one["scope"] in seen] for name, of_place in places.items()},
        **{name: [scope for scope in report[name] if scope in seen] for name in ("unknown_scopes", "missing_scopes")},
        "left_out": [{**one, "amounts": {}} for one in report["left_out"]],
        "suspicions": sorted(told),
    }


def _sums_for(caller: Caller, run_id: int) -> dict[str, Any]:
    """What a run posted for scopes that the caller may see; nothing while it is held and once it was taken back."""
    run = db.session.get_one(ImportRun, run_id)
    if run.reversed_at is not None:  # its facts and those that took it back are not told apart
        return {"delta": {}, "uncovered_delta": {}, "known_scopes": 0}
    facts = db.session.execute(
        select(UsageFact.scope_id, UsageFact.day, UsageFact.currency, func.sum(UsageFact.amount))
        .where(UsageFact.run_id == run_id)
        .group_by(UsageFact.scope_id, UsageFact.day, UsageFact.currency)
    ).all()
    seen = days_seen(caller, {(scope_id, day) for scope_id, day, _, _ in facts})
    usage: dict[str, int] = defaultdict(int)
    for scope_id, day, currency, amount in facts:
        if (scope_id, day) in seen:
            usage[currency] += int(amount)
    own = select(RunScope.scope_id).join(Scope, Scope.id == RunScope.scope_id).where(
        RunScope.run_id == run_id, visible_scopes(caller)
    )
    uncovered: dict[Unit, int] = defaultdict(int)
    for effect in effects_of(caller, run_id):
        uncovered[effect.unit] += effect.uncovered
    return {
        "delta": {currency: money_text(amount, currency) for currency, amount in sorted(usage.items()) if amount},
        "uncovered_delta": {
            unit.name: format_amount(amount, unit)
            for unit, amount in sorted(uncovered.items(), key=lambda item: item[0].name) if amount
        },
        "known_scopes": len(known_scopes(ownerships_of(db.session.scalars(own)))),
    }
