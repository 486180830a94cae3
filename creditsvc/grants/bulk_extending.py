"""A later end for what many startups hold of a resource: planned and shown, then done in one act or not at all."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import select

from creditsvc.core.burndown import LATEST
from creditsvc.core.days import check_moment, end_text, ends_at, instant_text
from creditsvc.core.errors import Conflict, RuleBroken
from creditsvc.db import db
from creditsvc.grants.bulk import Line, Plan, PlannedRow, check_seen
from creditsvc.grants.models import Grant
from creditsvc.ledger import book, locks
from creditsvc.ledger.book import Cause, ChangeTerms
from creditsvc.ledger.models import Account, LotFact, Resource
from creditsvc.ledger.reading import AccountView, LotView, balances
from creditsvc.parties.access import Caller, require
from creditsvc.parties.models import Startup
from creditsvc.parties.trail import record
from creditsvc.programmes.reading import zones_of_startups


def plan_extensions(
    caller: Caller, startups: Sequence[Startup], resource: str, expires: date | datetime
) -> Plan:
    """What a new last day would do to the grants of a resource that still have something, or something to come.

    Months of an allowance stay as they are: what a month leaves expires with it. Raises Forbidden,
    RuleBroken("resource", "unknown-resource"), RuleBroken at `expires`.
    """
    require(caller, "grant.change")
    accounts = _accounts(startups, resource)
    moment = check_moment(expires, "expires")
    zones = zones_of_startups([startup.id for startup in startups])
    views = {view.startup_id: view for view in (balances(caller.now, account_ids=accounts) if accounts else ())}
    series = _in_series([lot.id for view in views.values() for lot in view.lots])
    rows = []
    for startup in startups:
        view, end = views.get(startup.id), ends_at(moment, zones[startup.id])
        lots = [] if view is None else [lot for lot in view.lots if _is_worth_more_time(view, lot)]
        lines = tuple(
            Line(lot.key, view.unit, lot.standing.remaining + lot.standing.not_yet, ends=end, before=lot.expires)
            for lot in lots
            if view is not None and lot.id not in series and lot.expires is not None and lot.expires < end
        )
        why_not = None if lines else _why_not(lots, series, end)
        rows.append(PlannedRow(startup.key, startup.name, lines, why_not))
    return Plan(tuple(rows))


def extend_all(
    caller: Caller, startups: Sequence[Startup], resource: str, expires: date | datetime, reason: str,
    seen: Mapping[str, str],
) -> Plan:
    """Extends what the preview showed (`seen`: its seals), all of it or nothing.

    Raises what `plan_extensions` does, Conflict("preview", "changed" | "nothing").
    """
    require(caller, "grant.change")
    accounts = _accounts(startups, resource)
    pools = db.session.scalars(select(LotFact.pool_id).where(LotFact.account_id.in_(accounts)).distinct()).all()
    locks.lock_pools(pools)
    locked = locks.lock_accounts(accounts)
    plan = plan_extensions(caller, startups, resource, expires)
    check_seen(plan, seen)
    lines = {line.what: line for row in plan.rows for line in row.lines}
    changes: dict[int, list[ChangeTerms]] = defaultdict(list)
    rows = db.session.execute(
        select(LotFact.key, LotFact.account_id).where(LotFact.account_id.in_(accounts)).order_by(LotFact.id)
    )
    for key, account_id in rows:
        if key in lines:
            changes[account_id].append(ChangeTerms(key, "extend", caller.now, 0, lines[key].ends, reason))
    book.post(
        [locked[account_id] for account_id in sorted(changes)], Cause("extend", "bulk", caller.actor), changes=changes
    )
    for key, line in lines.items():
        record(
            caller, "grant.extend", f"grant:{key}", before={"expires": instant_text(line.before)},
            after={"kind": "extend", "at": instant_text(line.ends), "reason": reason},
        )
    db.session.flush()
    return plan


def _accounts(startups: Sequence[Startup], resource: str) -> list[int]:
    resource_id = db.session.scalar(select(Resource.id).where(Resource.key == resource))
    if resource_id is None:
        raise RuleBroken("resource", "unknown-resource", "there is no resource %(resource)s", resource=resource)
    ids = [startup.id for startup in startups]
    return list(db.session.scalars(
        select(Account.id).where(Account.resource_id == resource_id, Account.startup_id.in_(ids)).order_by(Account.id)
    ))


def _is_worth_more_time(view: AccountView, lot: LotView) -> bool:
    """Whether something of it can still be used, or is used on (seats); what is void, over or used up is past it."""
    standing = lot.standing
    has_some = standing.remaining + standing.not_yet + standing.held > 0 or (view.kind == "seats" and standing.drawn)
    return bool(has_some) and lot.voided_at is None


def _in_series(lot_ids: Sequence[int]) -> set[int]:
    return set(db.session.scalars(select(Grant.lot_id).where(Grant.lot_id.in_(lot_ids), Grant.series.is_not(None))))


def _why_not(lots: Sequence[LotView], series: set[int], end: datetime) -> RuleBroken:
    if not lots:
        return Conflict("grant", "nothing-usable", "it has nothing of this that can still be used")
    if all(lot.id in series for lot in lots):
        return Conflict("grant", "monthly", "it is a monthly allowance: what a month leaves expires with it")
    ends = max(lot.expires or LATEST for lot in lots if lot.id not in series)
    if ends == LATEST:
        return Conflict("grant", "without-end", "it does not expire")
    return RuleBroken(
        "expires", "not-later", "%(value)s is not later than the end now, %(end)s", value=end_text(end),
        end=end_text(ends),
    )
