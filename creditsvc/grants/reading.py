"""Grants and pools as they stand: a fixed number of queries for any number of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, select

from creditsvc.core.amounts import Unit, format_amount, unit_named
from creditsvc.core.errors import NotFound, RuleBroken
from creditsvc.db import db
from creditsvc.grants.activation import stands
from creditsvc.grants.models import Activation, Grant
from creditsvc.ledger.models import LotFact, Pool, Resource
from creditsvc.ledger.reading import LotView, balances
from creditsvc.ledger.seats import promised_of
from creditsvc.parties.access import Caller, require, require_startup, visible_startups
from creditsvc.parties.models import Startup
from creditsvc.programmes.models import Enrolment, Partner


@dataclass(frozen=True)
class GrantView:
    """A grant's paper with its lot as of an instant; amounts in steps of `unit`."""

    grant: Grant
    startup: str
    startup_name: str
    resource: str
    resource_name: str
    unit: Unit
    lot: LotView
    activation: Activation | None

    @property
    def key(self) -> str:
        """The grant's key, which its lot shares."""
        return self.grant.key


@dataclass(frozen=True)
class PoolView:
    """What a partner has committed, and what of it is promised and left, in steps of `unit`.

    Of seats that is the most that are promised at once from now on: those of grants that have ended are left again.
    """

    id: int
    key: str
    partner: str
    partner_name: str
    resource: str
    resource_name: str
    kind: str
    unit: Unit
    amount: int
    committed: int
    starts: datetime
    ends: datetime | None
    award_limit: int | None = None

    @property
    def limit_text(self) -> str:
        """Above which amount an award needs a second person, as it would be typed; empty where there is no limit."""
        return "" if self.award_limit is None else format_amount(self.award_limit, self.unit)

    @property
    def left(self) -> int:
        """What can still be awarded."""
        return self.amount - self.committed


def grants_of(
    caller: Caller, startup: str | None = None, after: str | None = None, limit: int | None = None,
    *, as_of: datetime | None = None, pool: str | None = None,
) -> list[GrantView]:
    """The grants of a startup, or of all that the caller may see, in the order of their award.

    From beyond the grant of the key `after`, from a `pool` alone; as of now unless given. Raises NotFound("startup"),
    RuleBroken("after", "unknown-grant").
    """
    statement = _papers().where(visible_startups(caller))
    if startup is not None:
        statement = statement.where(Grant.startup_id == require_startup(caller, "startup.see", startup).id)
    if after is not None:
        statement = statement.where(Grant.id > _id_of(caller, after))
    if pool is not None:
        from_pool = select(LotFact.id).join(Pool, Pool.id == LotFact.pool_id).where(Pool.key == pool)
        statement = statement.where(Grant.lot_id.in_(from_pool))
    statement = statement.order_by(Grant.id)
    if limit is not None:
        statement = statement.limit(limit)
    return _views(db.session.execute(statement).all(), as_of or caller.now)


def find_grant(caller: Caller, key: str, *, as_of: datetime | None = None) -> GrantView:
    """The grant of that key, as of now unless given. Raises NotFound("grant")."""
    statement = _papers().where(Grant.key == key, visible_startups(caller))
    views = _views(db.session.execute(statement).all(), as_of or caller.now)
    if not views:
        raise NotFound("grant", key)
    return views[0]


def pools(caller: Caller) -> list[PoolView]:
    """All pools by key; a partner's viewer sees those of its partner. Raises Forbidden."""
    require(caller, "pool.see")
    statement = (
        select(Pool, Partner, Resource)
        .join(Partner, Partner.id == Pool.partner_id)
        .join(Resource, Resource.id == Pool.resource_id)
        .order_by(Pool.key)
    )
    if caller.role == "partner":
        statement = statement.where(Pool.partner_id == caller.partner_id)
    rows = db.session.execute(statement).all()
    promised = promised_of([pool.id for pool, _, resource in rows if resource.kind == "seats"], caller.now)
    return [
        PoolView(
            pool.id, pool.key, partner.key, partner.name, resource.key, resource.name, resource.kind,
            unit_named(resource.unit), pool.amount, promised.get(pool.id, pool.committed), pool.starts, pool.ends,
            pool.award_limit,
        )
        for pool, partner, resource in rows
    ]


def has_award() -> ColumnElement[bool]:
    """The condition on `Enrolment` that its package was awarded."""
    return exists().where(Grant.enrolment_id == Enrolment.id)


def _id_of(caller: Caller, key: str) -> int:
    grant_id = db.session.scalar(
        select(Grant.id)
        .join(Startup, Startup.id == Grant.startup_id)
        .where(Grant.key == key, visible_startups(caller))
    )
    if grant_id is None:
        raise RuleBroken("after", "unknown-grant", "there is no grant %(key)s to go on from", key=key)
    return grant_id


def _papers() -> Select[*tuple[Any, ...]]:
    return (
        select(Grant, Startup, Activation)
        .join(Startup, Startup.id == Grant.startup_id)
        .outerjoin(Activation, (Activation.grant_id == Grant.id) & stands())
    )


def _views(rows: Sequence[tuple[Grant, Startup, Activation | None]], as_of: datetime) -> list[GrantView]:
    lot_ids = {grant.lot_id for grant, _, _ in rows}
    if not lot_ids:
        return []
    account_ids = set(db.session.scalars(select(LotFact.account_id).where(LotFact.id.in_(lot_ids))))
    lots = {
        lot.id: (account, lot) for account in balances(as_of, account_ids=sorted(account_ids)) for lot in account.lots
    }
    return [
        GrantView(
            grant, startup.key, startup.name, account.resource, account.resource_name, account.unit, lot, activation
        )
        for grant, startup, activation in rows
        for account, lot in (lots[grant.lot_id],)
    ]
