"""What became of what partners gave: pools with what is granted, used and left, and of how many startups; no names."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, select

from creditsvc.db import db
from creditsvc.grants.reading import PoolView, pools
from creditsvc.ledger.caches import is_no_answer
from creditsvc.ledger.facts import chunks
from creditsvc.ledger.models import Account, AccountCache, LotCache, LotFact, Pool, Resource
from creditsvc.ledger.reading import balances
from creditsvc.parties.access import Caller


@dataclass(frozen=True)
class PoolReport:
    """A pool with what its grants come to now, in steps of its unit.

    `used` is credit drawn, hours used, seats assigned; `reserved` hours that are held for sessions.
    """

    pool: PoolView
    used: int
    reserved: int
    startups: int


def pool_reports(caller: Caller) -> list[PoolReport]:
    """The pools that the caller may see, by key, in a fixed number of queries. Raises Forbidden."""
    found = pools(caller)
    startups = _startups([pool.key for pool in found])
    used, reserved = _taken(caller, [pool.key for pool in found])
    return [
        PoolReport(pool, used.get(pool.key, 0), reserved.get(pool.key, 0), startups.get(pool.key, 0)) for pool in found
    ]


def _startups(keys: Iterable[str]) -> dict[str, int]:
    """How many startups have grants from each pool."""
    found: dict[str, int] = {}
    for part in chunks(keys):
        found.update(db.session.execute(
            select(Pool.key, func.count(func.distinct(Account.startup_id)))
            .join(LotFact, LotFact.pool_id == Pool.id)
            .join(Account, Account.id == LotFact.account_id)
            .where(Pool.key.in_(part))
            .group_by(Pool.key)
        ).all())
    return found


def _taken(caller: Caller, keys: list[str]) -> tuple[dict[str, int], dict[str, int]]:
    """What is used and reserved of each pool: by the caches where they answer, else by the balances themselves.

    Caches hold no seats: how many of those are taken is a matter of the instant.
    """
    mine = set(keys)
    used: dict[str, int] = defaultdict(int)
    reserved: dict[str, int] = defaultdict(int)
    cached = (
        select(Pool.key, func.sum(LotCache.drawn), func.sum(LotCache.held))
        .join(LotFact, LotFact.pool_id == Pool.id)
        .join(LotCache, LotCache.lot_id == LotFact.id)
        .join(Account, Account.id == LotFact.account_id)
        .outerjoin(AccountCache, AccountCache.account_id == Account.id)
        .where(Pool.key.in_(keys), ~is_no_answer(caller.now))
        .group_by(Pool.key)
    )
    for key, drawn, held in db.session.execute(cached):
        used[key] += int(drawn)
        reserved[key] += int(held)
    others = set(db.session.scalars(
        select(LotFact.account_id)
        .join(Pool, Pool.id == LotFact.pool_id)
        .join(Account, Account.id == LotFact.account_id)
        .outerjoin(AccountCache, AccountCache.account_id == Account.id)
        .where(Pool.key.in_(keys), is_no_answer(caller.now))
    ))
    others |= set(db.session.scalars(
        select(LotFact.account_id).join(Pool, Pool.id == LotFact.pool_id)
        .join(Resource, Resource.id == Pool.resource_id)
        .where(Pool.key.in_(keys), Resource.kind == "seats")
    ))
    for view in balances(caller.now, account_ids=sorted(others)) if others else ():
        for lot in view.lots:
            if lot.pool in mine:
                used[lot.pool] += lot.standing.drawn
                reserved[lot.pool] += lot.standing.held
    return used, reserved
