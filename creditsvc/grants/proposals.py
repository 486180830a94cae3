"""Awards above a pool's limit: proposed by one person, approved or refused by another, once (L13).

A proposal keeps what the operation is called with. At the approval that operation is done with the pool locked, so
what the pool has left then decides; where it refuses, nothing changes and the proposal waits on.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from creditsvc.core.amounts import format_amount, parse_amount, unit_named
from creditsvc.core.days import day_of, parse_moment
from creditsvc.core.errors import Conflict, NotFound, RuleBroken
from creditsvc.db import db
from creditsvc.grants.awards import NEEDS_SECOND_PERSON
from creditsvc.grants.locked import lock_series
from creditsvc.grants.models import Grant, Proposal
from creditsvc.grants.operations import award_grant, award_package, extend_series, top_up_grant
from creditsvc.ledger import locks
from creditsvc.ledger.models import LotFact, Pool, Resource
from creditsvc.parties.access import Caller, require, require_row, require_startup
from creditsvc.parties.models import Startup
from creditsvc.parties.trail import record
from creditsvc.programmes.reading import find_cohort, find_enrolment, lines_of

WAITING, APPROVED, REFUSED, WITHDRAWN = STATES = ("waiting", "approved", "refused", "withdrawn")


def set_award_limit(
    caller: Caller, pool: str, amount: str | None, check: Callable[[], None] = lambda: None
) -> Pool:
    """Above which amount an award from a pool needs a second person; None: none does. For awards from now on.

    `check` is called before anything changes, with the pool locked, and may refuse.
    Raises NotFound("pool"), Forbidden, RuleBroken("amount", ...) for what is no number above 0.
    """
    require(caller, "pool.limit")
    found = locks.lock_pool(pool)
    if found is None:
        raise NotFound("pool", pool)
    subject, unit = found[0], unit_named(found[1].unit)
    steps = None if amount is None else parse_amount(amount, unit, "amount")
    if steps is not None and steps <= 0:
        raise RuleBroken("amount", "not-positive", "%(value)s: write an amount above 0", value=amount)
    check()
    before = subject.award_limit
    if before != steps:
        subject.award_limit = steps
        db.session.flush()
        words = [None if one is None else format_amount(one, unit) for one in (before, steps)]
        record(caller, "pool.limit", f"pool:{pool}", before={"limit": words[0]}, after={"limit": words[1]})
    return subject


def award_or_propose(caller: Caller, *, startup: str, pool: str, **terms: Any) -> Grant | Proposal:
    """Awards a grant, or proposes it where that needs a second person. Raises as `award_grant` otherwise."""
    values = {"startup": startup, "pool": pool, **terms}
    try:
        return award_grant(caller, **values)
    except Conflict as refusal:
        _unless_above(refusal)
    asks = [_ask(pool, terms["amount"], terms.get("months"))]
    return _propose(caller, "grant", startup, f"pool:{pool}", values, asks, terms.get("reason") or "")


def award_package_or_propose(caller: Caller, *, startup: str, cohort: str) -> list[Grant] | Proposal:
    """Awards an enrolment's package, or proposes it; while one waits it is that. Raises as `award_package`."""
    try:
        return award_package(caller, startup=startup, cohort=cohort)
    except Conflict as refusal:
        _unless_above(refusal)
    company = require_startup(caller, "grant.award", startup)
    enrolment = find_enrolment(company.id, cohort)  # locked, so that pressing twice proposes once
    waits = _waiting(company.id, f"package:{cohort}")
    if waits is not None:
        return waits
    assert enrolment.package_id is not None
    asks = []
    for line in lines_of(enrolment.package_id, enrolment.package_version):
        unit = unit_named(db.session.get_one(Resource, line.resource_id).unit)
        asks.append(_ask(line.pool_key, format_amount(line.amount, unit), line.months if line.monthly else None))
    return _propose(caller, "package", startup, f"package:{cohort}", {"startup": startup, "cohort": cohort}, asks, "")


def top_up_or_propose(caller: Caller, key: str, *, amount: str, reason: str = "") -> Grant | Proposal:
    """Tops up a grant, or proposes it. Raises as `top_up_grant`, Conflict("grant", "proposal-waits")."""
    try:
        return top_up_grant(caller, key, amount=amount, reason=reason)
    except Conflict as refusal:
        _unless_above(refusal)
    return _propose_change(caller, "top_up", key, {"amount": amount, "reason": reason}, amount)


def extend_series_or_propose(
    caller: Caller, key: str, *, months: int, reason: str = ""
) -> list[Grant] | Proposal:
    """Lets an allowance run longer, or proposes it. Raises as `extend_series`, Conflict("grant", "proposal-waits")."""
    try:
        return extend_series(caller, key, months=months, reason=reason)
    except Conflict as refusal:
        _unless_above(refusal)
    last = lock_series(caller, key)[-1]
    amount = db.session.get_one(LotFact, last.grant.lot_id).amount
    return _propose_change(
        caller, "months", key, {"months": months, "reason": reason}, format_amount(amount, last.unit),
        months - last.grant.month,
    )


def _propose_change(
    caller: Caller, kind: str, key: str, terms: Mapping[str, Any], amount: str, months: int | None = None
) -> Proposal:
    startup, pool = db.session.execute(
        select(Startup.key, Pool.key)
        .join(Grant, Grant.startup_id == Startup.id)
        .join(LotFact, LotFact.id == Grant.lot_id)
        .join(Pool, Pool.id == LotFact.pool_id)
        .where(Grant.key == key)
    ).one()
    company = require_startup(caller, "grant.award", startup)
    if _waiting(company.id, f"grant:{key}") is not None:
        raise Conflict("grant", "proposal-waits", "a change of the grant %(key)s waits for a second person already",
                       key=key)
    return _propose(caller, kind, startup, f"grant:{key}", {"key": key, **terms}, [_ask(pool, amount, months)],
                    terms["reason"])


def _unless_above(refusal: Conflict) -> None:
    if refusal.code != NEEDS_SECOND_PERSON:
        raise refusal


def _ask(pool: str, amount: str, months: int | None) -> dict[str, Any]:
    return {"pool": pool, "amount": amount, "months": months}


def _waiting(startup_id: int, subject: str) -> Proposal | None:
    return db.session.scalar(select(Proposal).where(
        Proposal.startup_id == startup_id, Proposal.subject == subject, Proposal.state == WAITING
    ))


def _propose(
    caller: Caller, kind: str, startup: str, subject: str, values: Mapping[str, Any], asks: list[dict[str, Any]],
    reason: str,
) -> Proposal:
    company = require_startup(caller, "grant.award", startup)
    kept = {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}
    proposal = Proposal(
        startup_id=company.id, kind=kind, subject=subject, terms={"values": kept, "asks": asks}, reason=reason,
        state=WAITING, proposed_by=caller.actor, proposed_by_id=caller.person_id, proposed_at=caller.now,
        decision_reason="", grants=[],
    )
    db.session.add(proposal)
    db.session.flush()
    record(caller, "proposal.made", f"proposal:{proposal.id}",
           after={"startup": startup, "kind": kind, "subject": subject, "asks": asks, "reason": reason})
    return proposal


def approve(caller: Caller, proposal_id: int, *, reason: str = "") -> Proposal:
    """A second person says yes: what was proposed is awarded, whole or not at all.

    Raises NotFound("proposal"), Forbidden, Conflict("proposal", "decided" | "own" | "nobody"), and what the award
    raises: where the pool has too little left now, nothing changes and the proposal waits on.
    """
    proposal = _to_decide(caller, proposal_id)
    values = dict(proposal.terms["values"])
    for name in ("effective", "expires"):
        if values.get(name):
            values[name] = _moment(values[name])
    made: list[Grant]
    if proposal.kind == "grant":
        made = [award_grant(caller, **values, approved=True)]
    elif proposal.kind == "package":
        find_cohort(caller, values["cohort"])
        made = award_package(caller, **values, approved=True)
    elif proposal.kind == "months":
        made = extend_series(caller, values.pop("key"), **values, approved=True)
    else:
        made = [top_up_grant(caller, values.pop("key"), **values, approved=True)]
    proposal.grants = [grant.key for grant in made]
    return _decided(caller, proposal, APPROVED, reason)


def refuse(caller: Caller, proposal_id: int, *, reason: str) -> Proposal:
    """A second person says no, with a reason. Raises as `approve`, RuleBroken("reason", "missing")."""
    proposal = _to_decide(caller, proposal_id)
    if not reason.strip():
        raise RuleBroken("reason", "missing", "say why not: whoever proposed it reads it")
    return _decided(caller, proposal, REFUSED, reason)


def withdraw(caller: Caller, proposal_id: int) -> Proposal:
    """Whoever proposed it takes it back. Raises NotFound("proposal"), Conflict("proposal", "decided" | "not-own")."""
    proposal = _locked(caller, proposal_id)
    if not _is_own(caller, proposal):
        raise Conflict("proposal", "not-own", "somebody else proposed this: approve or refuse it")
    return _decided(caller, proposal, WITHDRAWN, "")


def _to_decide(caller: Caller, proposal_id: int) -> Proposal:
    proposal = _locked(caller, proposal_id)
    if caller.person_id is None:
        raise Conflict("proposal", "nobody", "only a person who signs in can be the second one")
    if _is_own(caller, proposal):
        raise Conflict("proposal", "own", "you proposed this yourself: somebody else approves or refuses it")
    return proposal


def _is_own(caller: Caller, proposal: Proposal) -> bool:
    return proposal.proposed_by == caller.actor or (
        caller.person_id is not None and proposal.proposed_by_id == caller.person_id
    )


def _locked(caller: Caller, proposal_id: int) -> Proposal:
    """A proposal that waits, locked and read fresh, for whoever may award to its startup."""
    proposal, _ = require_row(caller, "grant.award", Proposal, proposal_id, "proposal")
    if proposal.state != WAITING:
        raise Conflict(
            "proposal", "decided", "this was decided on %(day)s by %(who)s already: nothing was done again",
            day=day_of(proposal.decided_at or proposal.proposed_at), who=proposal.decided_by or "",
        )
    return proposal


def _decided(caller: Caller, proposal: Proposal, state: str, reason: str) -> Proposal:
    proposal.state, proposal.decision_reason = state, reason.strip()
    proposal.decided_by, proposal.decided_at = caller.actor, caller.now
    db.session.flush()
    record(caller, f"proposal.{state}", f"proposal:{proposal.id}", before={"state": WAITING},
           after={"reason": proposal.decision_reason, "grants": proposal.grants})
    return proposal


def _moment(text: str) -> date | datetime:
    return parse_moment(text, "effective")
