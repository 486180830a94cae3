"""Billing scopes: to whom they belong, from when until when (U8)."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select

from creditsvc.core.burndown import LATEST
from creditsvc.core.days import ends_at, instant_text, starts_at
from creditsvc.core.errors import Conflict, NotFound, RuleBroken
from creditsvc.core.scopes import scope_name
from creditsvc.db import db
from creditsvc.ledger.book import Cause, add_turns, post
from creditsvc.ledger.facts import accounts_ever_of, ownerships_of, turns_of
from creditsvc.ledger.locks import lock_accounts, lock_scopes, open_account
from creditsvc.ledger.models import Account, Resource, Scope
from creditsvc.ledger.timeline import Ownership, overlaps, timeline, turns_for
from creditsvc.parties import trail
from creditsvc.parties.access import Caller, require, require_startup, visible_startups
from creditsvc.parties.models import Startup
from creditsvc.usage.reading import visible_scopes


def assign_scope(
    caller: Caller,
    *,
    provider: str,
    external_id: str,
    startup: str,
    starts: date | datetime,
    ends: date | datetime | None = None,
    resource: str | None = None,
    hand_over: bool = False,
) -> Scope:
    """From `starts` (to `ends`, a day being the last that counts) the scope's usage belongs to the startup.

    Its usage of those days, waiting or another's, is settled anew. To take days from another startup needs
    `hand_over`; without it they are refused. Saying again what holds already changes nothing. Raises RuleBroken for
    `id`, `resource` and `ends`, NotFound, Conflict("startup", "belongs-to-another"), and Conflict("id", "not-free")
    where the other is none that the caller may see: with `hand_over` or without, and nothing is told of it.
    """
    owner = require_startup(caller, "scope.assign", startup)
    pair = scope_name(provider, external_id)
    begin, end = starts_at(starts), ends_at(ends) if ends is not None else None
    if end is not None and end <= begin:
        raise RuleBroken("ends", "end-before-start", "the last day is before the first")
    chosen = _resource_for(pair[0], resource)
    scope = lock_scopes([pair])[pair]
    turns = turns_of([scope.id])[scope.id]
    current = timeline(turns)
    account_id = db.session.scalar(
        select(Account.id).where(Account.startup_id == owner.id, Account.resource_id == chosen.id)
    )
    others = [own for own in overlaps(current, begin, end) if own.account_id != account_id]
    if len(_seen(caller, others)) < len(others):
        raise _not_free(pair[1])
    if others and not hand_over:
        raise Conflict(
            "startup", "belongs-to-another",
            "%(scope)s belongs to another startup on some of these days: end it there first, or hand it over",
            scope=pair[1],
        )
    if any(own == Ownership(begin, end or LATEST, account_id) for own in current):
        return scope
    accounts = lock_accounts(_affected(scope, account_id))
    if account_id is None:
        account = open_account(owner.id, chosen.id)
        accounts[account.id] = account
        account_id = account.id
    add_turns(scope, turns_for(turns, begin, end, account_id), caller.now, caller.actor)
    post(list(accounts.values()), Cause("scope", f"scope:{pair[1]}", caller.actor))
    trail.record(
        caller, "scope.assign", f"scope:{pair[1]}",
        before={"owners": [_shown(own) for own in current]},
        after={"startup": startup, "resource": chosen.key, "from": instant_text(begin), "until": instant_text(end)},
    )
    return scope


def is_assigned(
    provider: str, external_id: str, startup: str, starts: date | datetime, ends: date | datetime | None = None
) -> bool:
    """Whether the scope belongs to the startup from `starts` on, and to `ends` where one is given."""
    pair = scope_name(provider, external_id)
    scope_id = db.session.scalar(select(Scope.id).where(Scope.provider == pair[0], Scope.external_id == pair[1]))
    if scope_id is None:
        return False
    mine = set(
        db.session.scalars(
            select(Account.id).join(Startup, Startup.id == Account.startup_id).where(Startup.key == startup)
        )
    )
    end = ends_at(ends) if ends is not None else None
    return any(
        own.account_id in mine and own.starts == starts_at(starts) and end in (None, own.ends)
        for own in ownerships_of([scope_id])[scope_id]
    )


def end_scope(caller: Caller, *, provider: str, external_id: str, ends: date | datetime) -> Scope:
    """The scope belongs to nobody after `ends` (a day being the last that counts); its later usage waits.

    Raises NotFound when the caller may not know of it, Conflict("ends", "not-assigned") when it belongs to nobody then.
    """
    require(caller, "scope.assign")
    pair = scope_name(provider, external_id)
    known = select(Scope.id).where(Scope.provider == pair[0], Scope.external_id == pair[1], visible_scopes(caller))
    if db.session.scalar(known) is None:
        raise NotFound("scope", external_id)
    end = ends_at(ends)
    scope = lock_scopes([pair])[pair]
    turns = turns_of([scope.id])[scope.id]
    current = timeline(turns)
    later = overlaps(current, end, None)
    mine = _seen(caller, later)
    if not mine:
        if any(own.ends == end for own in _seen(caller, current)):
            return scope
        raise Conflict("ends", "not-assigned", "%(scope)s belongs to no startup after that day", scope=pair[1])
    if len(mine) < len(later):
        raise _not_free(pair[1])
    accounts = lock_accounts(accounts_ever_of([scope.id]))
    add_turns(scope, turns_for(turns, end, None, None), caller.now, caller.actor)
    post(list(accounts.values()), Cause("scope", f"scope:{pair[1]}", caller.actor))
    trail.record(
        caller, "scope.end", f"scope:{pair[1]}",
        before={"owners": [_shown(own) for own in current]}, after={"until": instant_text(end)},
    )
    return scope


def _affected(scope: Scope, account_id: int | None) -> set[int]:
    return accounts_ever_of([scope.id]) | ({account_id} if account_id is not None else set())


def _seen(caller: Caller, owned: Sequence[Ownership]) -> list[Ownership]:
    """Those of the ownerships that are of startups the caller may see, and so act for."""
    ids = {own.account_id for own in owned}
    mine = select(Account.id).join(Startup, Startup.id == Account.startup_id)
    seen = set(db.session.scalars(mine.where(Account.id.in_(ids), visible_startups(caller)))) if ids else set()
    return [own for own in owned if own.account_id in seen]


def _not_free(scope: str) -> Conflict:
    return Conflict("id", "not-free", "%(scope)s cannot be changed on these days by you: ask an administrator",
                    scope=scope)


def _resource_for(provider: str, key: str | None) -> Resource:
    if key is not None:
        resource = db.session.scalar(select(Resource).where(Resource.key == key))
        if resource is None or resource.kind != "credit" or resource.provider != provider:
            raise RuleBroken(
                "resource", "unknown-resource", "%(key)r is no credit resource of %(provider)s",
                key=key, provider=provider,
            )
        return resource
    found = db.session.scalars(
        select(Resource).where(Resource.kind == "credit", Resource.provider == provider).order_by(Resource.key)
    ).all()
    if len(found) != 1:
        keys = ", ".join(resource.key for resource in found) or "none"
        raise RuleBroken(
            "resource", "ambiguous", "say which credit resource of %(provider)s pays for it: there is %(keys)s",
            provider=provider, keys=keys,
        )
    return found[0]


def _shown(own: Ownership) -> dict[str, str | int | None]:
    return {
        "account": own.account_id,
        "from": instant_text(own.starts),
        "until": None if own.ends == LATEST else instant_text(own.ends),
    }
