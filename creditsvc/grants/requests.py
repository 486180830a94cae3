"""A startup asks for more of what it holds, or for longer; a manager gives it, or says why not (L13).

A request is decided once: its row is locked, and what is given is awarded, topped up or extended in the same
transaction by the operations of grants, which lock the pool and ask what it has left.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from creditsvc.core.amounts import Unit, format_amount, parse_amount, unit_named
from creditsvc.core.days import check_moment, day_of, end_text, ends_at, instant_text
from creditsvc.core.errors import Conflict, NotFound, RuleBroken
from creditsvc.db import db
from creditsvc.grants.awards import find_pool, refuse_above_limit
from creditsvc.grants.models import Grant, GrantRequest
from creditsvc.grants.operations import award_grant, extend_grant, top_up_grant
from creditsvc.ledger import locks
from creditsvc.ledger.models import Account, LotFact, Resource
from creditsvc.ledger.reading import LotView, balances
from creditsvc.parties.access import Caller, require_row, require_startup, visible_startups
from creditsvc.parties.models import Startup
from creditsvc.parties.trail import record
from creditsvc.programmes.reading import zone_of_startup

OPEN, APPROVED, REFUSED, WITHDRAWN = STATES = ("open", "approved", "refused", "withdrawn")


def _(msgid: str) -> str:
    """Marks a sentence for the catalogue; whoever shows it translates it and fills in what it tells."""
    return msgid


_DECIDED = {
    APPROVED: _("this request was approved on %(day)s by %(who)s already: nothing was done again"),
    REFUSED: _("this request was refused on %(day)s by %(who)s already: nothing was done again"),
    WITHDRAWN: _("this request was withdrawn on %(day)s by %(who)s: there is nothing left to decide"),
}


def ask(
    caller: Caller, *, grant: str, why: str, amount: str | None = None, expires: date | datetime | None = None
) -> GrantRequest:
    """Asks for an amount more of what a grant is of, for a later end of that grant (a last day or an instant), or both.

    Raises NotFound("grant"), Forbidden, RuleBroken at `amount` ("nothing-asked", "not-positive", ...), `expires`
    ("not-later", "in-past"), `why` ("missing"); Conflict("expires", "without-end" | "voided"), and
    Conflict("grant", "request-open") while another request about the same holding is open.
    """
    key, found = _visible_grant(caller, grant)
    company = require_startup(caller, "request.make", key, locked=True)
    account, resource = _holding_of(found)
    lot = _lot_of(account, found, caller.now)
    if amount is None and expires is None:
        raise RuleBroken("amount", "nothing-asked", "say how much more, until when, or both")
    if not why.strip():
        raise RuleBroken("why", "missing", "say what it is for: whoever decides reads it")
    steps = None if amount is None else _positive(amount, unit_named(resource.unit))
    end = None if expires is None else _later_end(expires, lot, company.id, caller.now)
    before = db.session.scalar(
        select(GrantRequest).where(GrantRequest.account_id == account.id, GrantRequest.state == OPEN)
    )
    if before is not None:
        raise Conflict(
            "grant", "request-open",
            "a request about %(resource)s is open since %(day)s: wait for its answer, or withdraw it and ask anew",
            resource=resource.name, day=day_of(before.asked_at),
        )
    request = GrantRequest(
        startup_id=company.id, account_id=account.id, grant_id=found.id, amount=steps, expires=end, why=why.strip(),
        state=OPEN, asked_at=caller.now, asked_by=caller.actor,
    )
    db.session.add(request)
    db.session.flush()
    record(caller, "request.made", _subject(request), after={
        "startup": key, "grant": grant, "why": request.why, **_told(steps, end, resource),
    })
    return request


def withdraw(caller: Caller, request_id: int) -> GrantRequest:
    """Takes a request back that nobody has decided; repeating it changes nothing.

    Raises NotFound("request"), Forbidden, Conflict("request", "decided").
    """
    request, _ = require_row(caller, "request.make", GrantRequest, request_id, "request")
    if request.state == WITHDRAWN:
        return request
    _refuse_decided(request)
    return _decided(caller, request, WITHDRAWN, "")


def refuse(caller: Caller, request_id: int, *, reason: str) -> GrantRequest:
    """Says no, with a reason that the startup reads.

    Raises NotFound("request"), Forbidden, RuleBroken("reason", "missing"), Conflict("request", "decided" | "own").
    """
    request, _ = _to_decide(caller, request_id)
    if not reason.strip():
        raise RuleBroken("reason", "missing", "say why not: the startup reads it")
    return _decided(caller, request, REFUSED, reason.strip())


def approve(
    caller: Caller, request_id: int, *, amount: str | None = None, expires: date | datetime | None = None,
    pool: str | None = None, reason: str = "",
) -> GrantRequest:
    """Gives what was asked for, or the amount and the end that are said here instead; all of it or nothing.

    The grant itself is extended and topped up from its own pool; with `pool` a new grant is awarded from that one, from
    today to `expires` (else the end that was asked for, else that of the grant). Above the pool's limit this is the
    first yes: the request stays open until a second person says the same. Raises NotFound("request"), Forbidden,
    Conflict("request", "decided" | "own" | "own-yes"), RuleBroken("amount" | "expires", "nothing-given"),
    RuleBroken("pool", "unknown-pool" | "other-resource"), and what `award_grant`, `extend_grant` and `top_up_grant`
    raise: where the pool has too little left, nothing changes and the request stays open.
    """
    request, startup = _to_decide(caller, request_id)
    grant = db.session.get_one(Grant, request.grant_id)
    account, resource = _holding_of(grant)
    unit = unit_named(resource.unit)
    until: date | datetime | None = expires
    if pool is not None:
        _refuse_other_resource(pool, resource)  # else its amount and its pool's limit would be read in another unit
    if amount is None and expires is None:
        amount = None if request.amount is None else format_amount(request.amount, unit)
        until = request.expires
    steps = None if amount is None else parse_amount(amount, unit, "amount")
    if steps is not None and _is_above_limit(grant, pool, steps, unit, caller.now):
        end = None if until is None else _end(until, startup.id)
        terms = {"amount": format_amount(steps, unit), "expires": instant_text(end), "pool": pool}
        if not _has_first_yes(caller, request, terms):
            return request
    if pool is not None:
        lot = _lot_of(account, grant, caller.now)
        given = _award(caller, request, startup.key, lot, (pool, amount, until), reason)
    else:
        given = grant
        if until is not None:
            extend_grant(caller, grant.key, expires=until, reason=reason)
            request.given_expires = _end(until, startup.id)
        if amount is not None:
            top_up_grant(caller, grant.key, amount=amount, reason=reason, approved=True)
    request.given_amount = steps
    request.given_grant_id = given.id
    return _decided(caller, request, APPROVED, reason.strip())


def _award(
    caller: Caller, request: GrantRequest, startup: str, lot: LotView,
    terms: tuple[str, str | None, date | datetime | None], reason: str,
) -> Grant:
    """A new grant of (pool, amount, end) instead of more of the one that was asked about."""
    pool, amount, until = terms
    if amount is None:
        raise RuleBroken("amount", "nothing-given", "say how much the new grant is of")
    end = until or request.expires or (lot.expires if lot.end > caller.now else None)
    if end is None and lot.expires is not None:
        raise RuleBroken("expires", "nothing-given", "say the last day of the new grant")
    request.given_expires = None if end is None else _end(end, request.startup_id)
    return award_grant(
        caller, startup=startup, pool=pool, amount=amount, expires=end, reason=reason, approved=True,
        effective=day_of(caller.now, zone_of_startup(request.startup_id)),
    )


def _refuse_other_resource(pool: str, asked: Resource) -> None:
    """Raises RuleBroken("pool", "unknown-pool" | "other-resource") unless the pool is of what was asked for."""
    _source, resource = find_pool(pool)
    if resource.id != asked.id:
        raise RuleBroken(
            "pool", "other-resource", "the pool %(pool)s is of %(resource)s: choose one of %(asked)s, which is what "
            "was asked for", pool=pool, resource=resource.name, asked=asked.name,
        )


def _is_above_limit(grant: Grant, pool: str | None, steps: int, unit: Unit, now: datetime) -> bool:
    """Whether so much from the pool needs a second person: what a new grant would be of, or the grant with it on top;
    the pool is locked."""
    if pool is not None:
        source = find_pool(pool)[0]
    else:
        pool_id = db.session.get_one(LotFact, grant.lot_id).pool_id
        source = locks.lock_pools([pool_id])[pool_id]
        steps += _lot_of(_holding_of(grant)[0], grant, now).amount
    try:
        refuse_above_limit(source, unit, steps)
    except Conflict:
        return True
    return False


def _has_first_yes(caller: Caller, request: GrantRequest, terms: dict[str, Any]) -> bool:
    """Whether somebody else has said yes to these terms; if not, this is the first yes, and the request stays open."""
    if request.first_terms == terms:
        if request.first_by != caller.actor:
            return True
        raise Conflict("request", "own-yes", "you said yes to this already: above the pool's limit somebody else must "
                                             "too")
    request.first_by, request.first_at, request.first_terms = caller.actor, caller.now, terms
    db.session.flush()
    record(caller, "request.first-yes", _subject(request), after=terms)
    return False


def _decided(caller: Caller, request: GrantRequest, state: str, reason: str) -> GrantRequest:
    request.state, request.reason = state, reason
    request.decided_at, request.decided_by = caller.now, caller.actor
    db.session.flush()
    resource = db.session.get_one(Resource, db.session.get_one(Account, request.account_id).resource_id)
    given = _told(request.given_amount, request.given_expires, resource) if state == APPROVED else {}
    record(caller, f"request.{state}", _subject(request), before={"state": OPEN}, after={"reason": reason, **given})
    return request


def _to_decide(caller: Caller, request_id: int) -> tuple[GrantRequest, Startup]:
    """The request, locked, if it is open and not the caller's own."""
    request, startup = require_row(caller, "request.decide", GrantRequest, request_id, "request")
    _refuse_decided(request)
    if request.asked_by == caller.actor:
        raise Conflict("request", "own", "this is your own request: somebody else decides it")
    return request, startup


def _refuse_decided(request: GrantRequest) -> None:
    if request.state != OPEN:
        raise Conflict(
            "request", "decided", _DECIDED[request.state], day=day_of(request.decided_at or request.asked_at),
            who=request.decided_by or "",
        )


def _visible_grant(caller: Caller, key: str) -> tuple[str, Grant]:
    row = db.session.execute(
        select(Startup.key, Grant)
        .join(Startup, Startup.id == Grant.startup_id)
        .where(Grant.key == key, visible_startups(caller))
    ).first()
    if row is None:
        raise NotFound("grant", key)
    return row[0], row[1]


def _holding_of(grant: Grant) -> tuple[Account, Resource]:
    row = db.session.execute(
        select(Account, Resource)
        .join(LotFact, LotFact.account_id == Account.id)
        .join(Resource, Resource.id == Account.resource_id)
        .where(LotFact.id == grant.lot_id)
    ).one()
    return row[0], row[1]


def _lot_of(account: Account, grant: Grant, now: datetime) -> LotView:
    return next(lot for lot in balances(now, account_ids=[account.id])[0].lots if lot.id == grant.lot_id)


def _positive(amount: str, unit: Unit) -> int:
    steps = parse_amount(amount, unit, "amount")
    if steps <= 0:
        raise RuleBroken("amount", "not-positive", "%(value)s: write an amount above 0", value=amount)
    return steps


def _later_end(expires: date | datetime, lot: LotView, startup_id: int, now: datetime) -> datetime:
    end = _end(expires, startup_id)
    if lot.voided_at is not None:
        raise Conflict("expires", "voided", "the grant %(key)s is voided, so it cannot last longer: ask for more of it",
                       key=lot.key)
    if lot.expires is None:
        raise Conflict("expires", "without-end", "the grant %(key)s does not expire", key=lot.key)
    if end <= lot.expires:
        raise RuleBroken(
            "expires", "not-later", "%(value)s is not later than the end now, %(end)s",
            value=end_text(end), end=end_text(lot.expires),
        )
    if end <= now:
        raise RuleBroken("expires", "in-past", "%(value)s is over: ask for a day to come", value=end_text(end))
    return end


def _end(expires: date | datetime | None, startup_id: int) -> datetime:
    assert expires is not None
    return ends_at(check_moment(expires, "expires"), zone_of_startup(startup_id))


def _told(amount: int | None, expires: datetime | None, resource: Resource) -> dict[str, Any]:
    unit = unit_named(resource.unit)
    return {
        "resource": resource.key, "amount": None if amount is None else format_amount(amount, unit),
        "expires": instant_text(expires),
    }


def _subject(request: GrantRequest) -> str:
    return f"request:{request.id}"
