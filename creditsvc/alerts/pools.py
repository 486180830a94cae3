"""Pools that are nearly gone: told to administrators and to managers of all programmes, in the digest, once each.

A pool belongs to no startup, so it makes no alert: who was told of which pool is kept, until the pool has more again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, or_, select

from creditsvc.alerts.models import PoolTold
from creditsvc.alerts.words import Words
from creditsvc.db import bulk_insert, db
from creditsvc.ledger.models import Pool, Resource
from creditsvc.mail.render import gettext_for, money
from creditsvc.programmes.models import Partner

LOW_TENTH = 10
"""A pool is low with at most the tenth part left."""

BACK_TWENTIETHS = 3
"""With more than so many twentieths left it is told of anew when it gets low again."""


@dataclass(frozen=True)
class LowPool:
    """A pool of which little can still be awarded; amounts in steps of the unit."""

    id: int
    key: str
    partner: str
    resource: str
    unit: str
    amount: int
    left: int


def _left() -> ColumnElement[int]:
    return Pool.amount - Pool.committed


def low_pools(at: datetime) -> list[LowPool]:
    """The pools that are low and have not ended by an instant, by key."""
    rows = db.session.execute(
        select(Pool.id, Pool.key, Partner.name, Resource.name, Resource.unit, Pool.amount, _left())
        .join(Partner, Partner.id == Pool.partner_id)
        .join(Resource, Resource.id == Pool.resource_id)
        .where(_left() <= Pool.amount // LOW_TENTH, or_(Pool.ends.is_(None), Pool.ends > at))
        .order_by(Pool.key)
    )
    return [LowPool(*row) for row in rows]


def who_was_told() -> set[tuple[int, int]]:
    """(person, pool) of who was told of which pool since it was last well filled."""
    return set(db.session.execute(select(PoolTold.person_id, PoolTold.pool_id)))


def keep_told(rows: Iterable[tuple[int, int, int]]) -> None:
    """Keeps that (person, pool, digest) were told, within the caller's transaction."""
    bulk_insert(PoolTold, ("person_id", "pool_id", "digest_id"), list(rows))


def forget_filled() -> None:
    """Forgets who was told of pools that have more again."""
    filled = select(Pool.id).where(_left() > Pool.amount // 20 * BACK_TWENTIETHS)
    db.session.execute(delete(PoolTold).where(PoolTold.pool_id.in_(filled)))


def pool_words(pool: LowPool, language: str) -> Words:
    """What is said of a pool that is low."""
    _ = gettext_for(language)
    places = {
        "pool": pool.key, "partner": pool.partner, "resource": pool.resource,
        "left": money(pool.left, pool.unit, language), "amount": money(pool.amount, pool.unit, language),
    }
    if pool.left <= 0:
        title = _("Nothing is left to award of pool %(pool)s") % places
    else:
        title = _("Only %(left)s is left to award of pool %(pool)s") % places
    return Words(
        title, _("%(partner)s gave %(amount)s of %(resource)s.") % places, None,
        _("Ask the partner for more, or award from another pool."),
    )
