"""Activation: when a grant's credit was redeemed with its provider, and by which subscription.

Entered by people, as the portal shows it; a correction is a new fact after the old one. Balances do not depend on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import aliased

from creditsvc.core.burndown import Lot
from creditsvc.core.days import CLOCKS_DIFFER, check_moment, day_of, end_text, instant_text, start_text, starts_at
from creditsvc.core.errors import Conflict, NotFound, RuleBroken
from creditsvc.core.scopes import scope_name
from creditsvc.db import db
from creditsvc.grants.models import Activation, Grant
from creditsvc.ledger.facts import lots_of
from creditsvc.ledger.models import LotFact, Pool, Resource
from creditsvc.parties.access import Caller, require_startup, visible_startups
from creditsvc.parties.models import Startup
from creditsvc.parties.trail import record
from creditsvc.programmes.reading import zone_of_startup
from creditsvc.sets import among, chunks

LONGEST_REASON = 500


@dataclass(frozen=True)
class Stated:
    """What is said of a grant's activation. `place` goes before the names of fields in refusals (`activated.`)."""

    grant: Grant
    on: date | datetime
    subscription: str
    zone: ZoneInfo
    reason: str = ""
    place: str = ""


def activate_grant(
    caller: Caller, key: str, *, on: date | datetime, subscription: str, reason: str = ""
) -> Grant:
    """Keeps that a grant's credit was redeemed on a day (of the programme's calendar) or at an instant.

    Saying again what stands changes nothing; saying otherwise corrects it by a new fact. Raises NotFound("grant"),
    Forbidden, RuleBroken at `on` ("in-future", "before-award", "after-end") or `subscription` ("not-a-scope"),
    Conflict("grant", "not-credit").
    """
    row = db.session.execute(
        select(Grant, Startup.key)
        .join(Startup, Startup.id == Grant.startup_id)
        .where(Grant.key == key, visible_startups(caller))
        .with_for_update(of=Grant)  # so that of two entries at once each knows what stands
        .execution_options(populate_existing=True)
    ).first()
    if row is None:
        raise NotFound("grant", key)
    grant, startup = row
    require_startup(caller, "grant.activate", startup)
    state_activations(caller, [Stated(grant, on, subscription, zone_of_startup(grant.startup_id), reason)])
    return grant


def state_activations(caller: Caller, stated: Sequence[Stated]) -> None:
    """Keeps what is said of several grants, in a fixed number of queries; who may say it is asked before.

    Raises as `activate_grant`, with the place before the field.
    """
    standing = standing_activations([one.grant.id for one in stated])
    lots = _lots([one.grant.lot_id for one in stated])
    for one in stated:
        at, subscription = checked(one, caller.now, *lots[one.grant.lot_id])
        before = standing.get(one.grant.id)
        if before is not None and (before.activated_at, before.subscription) == (at, subscription):
            continue
        standing[one.grant.id] = row = Activation(
            grant_id=one.grant.id, activated_at=at, subscription=subscription, reason=one.reason,
            entered_at=caller.now, actor=caller.actor,
        )
        db.session.add(row)
        record(
            caller, "grant.activated", f"grant:{one.grant.key}", before=_text(before) if before else None,
            after={**_text(row), "reason": one.reason},
        )
    db.session.flush()


def checked(one: Stated, now: datetime, lot: Lot, resource: Resource) -> tuple[datetime, str]:
    """The instant and the subscription's spelling, where they can be those of the lot. Raises as `activate_grant`.

    A credit may be redeemed from the day of its award on, or from its first day where that was sooner.
    """
    place = one.place
    if resource.kind != "credit":
        raise Conflict(
            f"{place}grant", "not-credit", "the grant %(key)s is of %(resource)s: only credit is activated",
            key=one.grant.key, resource=resource.key,
        )
    if len(one.reason) > LONGEST_REASON:
        raise RuleBroken(f"{place}reason", "too-long", "A reason has at most 500 characters.")
    at = starts_at(check_moment(one.on, f"{place}on"), one.zone)
    if at > now + CLOCKS_DIFFER:
        raise RuleBroken(
            f"{place}on", "in-future", "%(value)s has not come yet", value=start_text(at, one.zone)
        )
    first = day_of(min(lot.awarded, lot.effective), one.zone)
    if day_of(at, one.zone) < first:
        raise RuleBroken(
            f"{place}on", "before-award", "%(value)s is before the grant %(key)s, which is of %(first)s",
            value=start_text(at, one.zone), key=one.grant.key, first=first,
        )
    if at >= lot.end:
        raise RuleBroken(
            f"{place}on", "after-end", "%(value)s is after the end of the grant %(key)s, %(end)s",
            value=start_text(at, one.zone), key=one.grant.key, end=end_text(lot.end, one.zone),
        )
    return at, scope_name(resource.provider or "", one.subscription, f"{place}subscription")[1]


def standing_activations(grant_ids: Sequence[int]) -> dict[int, Activation]:
    """What stands of those grants' activations, by the id of the grant; nothing for what is not activated."""
    return {
        row.grant_id: row
        for part in chunks(grant_ids)
        for row in db.session.scalars(select(Activation).where(among(Activation.grant_id, part), stands()))
    }


def activations_of_startup(startup_id: int) -> dict[str, Activation]:
    """What stands of the activations of a startup's grants, by the key of the grant, in one statement."""
    rows = db.session.execute(
        select(Grant.key, Activation)
        .join(Activation, Activation.grant_id == Grant.id)
        .where(Grant.startup_id == startup_id, stands())
    )
    return dict(rows.all())


def activated_lots(account_ids: Sequence[int]) -> set[str]:
    """The keys of those lots of the accounts that are activated, in a fixed number of queries."""
    return {
        key
        for part in chunks(account_ids)
        for key in db.session.scalars(
            select(LotFact.key)
            .join(Grant, Grant.lot_id == LotFact.id)
            .where(among(LotFact.account_id, part), exists().where(Activation.grant_id == Grant.id))
        )
    }


def activation_history(grant: Grant) -> Sequence[Activation]:
    """All that was entered of a grant's activation, the newest first, which stands."""
    return db.session.scalars(
        select(Activation).where(Activation.grant_id == grant.id).order_by(Activation.id.desc())
    ).all()


def stands() -> ColumnElement[bool]:
    """The condition on `Activation` that nothing was entered after it for its grant."""
    later = aliased(Activation)
    return Activation.id == (
        select(func.max(later.id)).where(later.grant_id == Activation.grant_id).scalar_subquery()
    )


def activation_document(activation: Activation | None) -> dict[str, Any] | None:
    """An activation as JSON, None as None."""
    return None if activation is None else entered_document(activation)


def entered_document(activation: Activation) -> dict[str, Any]:
    """An entry of an activation as JSON."""
    return {
        **_text(activation), "reason": activation.reason, "entered_at": instant_text(activation.entered_at),
        "entered_by": activation.actor,
    }


def _text(activation: Activation) -> dict[str, Any]:
    return {"activated_at": instant_text(activation.activated_at), "subscription": activation.subscription}


def _lots(lot_ids: Sequence[int]) -> dict[int, tuple[Lot, Resource]]:
    """The lots as all their facts make them, with their resources."""
    resources: dict[int, Resource] = {}
    accounts: set[int] = set()
    for part in chunks(lot_ids):
        rows = db.session.execute(
            select(LotFact.id, LotFact.account_id, Resource)
            .join(Pool, Pool.id == LotFact.pool_id)
            .join(Resource, Resource.id == Pool.resource_id)
            .where(among(LotFact.id, part))
        )
        for lot_id, account_id, resource in rows:
            resources[lot_id] = resource
            accounts.add(account_id)
    return {
        known.fact.id: (known.lot, resources[known.fact.id])
        for lots in lots_of(sorted(accounts)).values()
        for known in lots
        if known.fact.id in resources
    }
