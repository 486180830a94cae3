"""What was taken of pools and what of them lapses: added up from the caches where they answer, from an index that has
all it needs, and from the balances themselves where they do not."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from creditsvc.db import db
from creditsvc.ledger.caches import is_no_answer
from creditsvc.ledger.models import Account, AccountCache, LotCache, LotFact, Pool, Resource
from creditsvc.ledger.reading import LotView, balances

SEATS = "seats"


@dataclass
class PoolSums:
    """What lots of a pool come to now, in steps of its unit.

    `used` is credit drawn, hours used, seats taken; `reserved` hours held for sessions; `lapsing` what expires unused
    within each of the days asked for, unless more is used. `startups` are how many have grants of it.
    """

    used: int = 0
    reserved: int = 0
    startups: int = 0
    lapsing: dict[int, int] = field(default_factory=dict)


def pool_sums(pool_ids: Sequence[int], now: datetime, within: Sequence[int] = ()) -> dict[int, PoolSums]:
    """The sums of pools by pool id; `within` counts days from now.

    In a fixed number of statements. Asks nobody's permission: the operation above has done so.
    """
    pools = db.session.execute(
        select(Pool.id, Pool.key, Pool.resource_id, Resource.kind)
        .join(Resource, Resource.id == Pool.resource_id)
        .where(Pool.id.in_(pool_ids))
    ).all()
    found = {pool_id: PoolSums(lapsing=dict.fromkeys(within, 0)) for pool_id in pool_ids}
    for pool_id, startups in db.session.execute(
        select(LotFact.pool_id, func.count(func.distinct(LotFact.account_id)))
        .where(LotFact.pool_id.in_(pool_ids)).group_by(LotFact.pool_id)
    ):
        found[pool_id].startups = startups
    cached = [pool.id for pool in pools if pool.kind != SEATS]
    apart = _unanswered({pool.resource_id for pool in pools}, now)
    _add_cached(found, cached, [account_id for account_id, kind in apart if kind != SEATS], now, within)
    mine = {pool.key: found[pool.id] for pool in pools}
    for view in balances(now, account_ids=[account_id for account_id, _ in apart]) if apart else ():
        for lot in view.lots:
            if lot.pool in mine:
                _add(mine[lot.pool], lot, now)
    return found


def _unanswered(resource_ids: Collection[int], now: datetime) -> list[tuple[int, str]]:
    """(account, kind) of resources where caches do not answer: for seats nowhere, how many are taken being a matter of
    the instant."""
    rows = db.session.execute(
        select(Account.id, Resource.kind)
        .join(Resource, Resource.id == Account.resource_id)
        .outerjoin(AccountCache, AccountCache.account_id == Account.id)
        .where(Account.resource_id.in_(resource_ids), or_(Resource.kind == SEATS, is_no_answer(now)))
        .order_by(Account.id)
    )
    return [(account_id, kind) for account_id, kind in rows]


def _add_cached(
    found: Mapping[int, PoolSums], pool_ids: Sequence[int], without: Sequence[int], now: datetime,
    within: Sequence[int],
) -> None:
    """Adds what the caches have of pools, those of some accounts left aside."""
    answering: ColumnElement[bool] = LotCache.pool_id.in_(pool_ids)
    if without:
        answering = and_(answering, LotCache.account_id.not_in(without))
    taken = select(LotCache.pool_id, func.sum(LotCache.drawn), func.sum(LotCache.held)).where(answering)
    for pool_id, drawn, held in db.session.execute(taken.group_by(LotCache.pool_id)):
        found[pool_id].used, found[pool_id].reserved = int(drawn), int(held)
    if not within:
        return
    ends = [now + timedelta(days=days) for days in within]
    lapsing = (
        select(LotCache.pool_id, *(func.sum(case((LotCache.lapses_at <= end, LotCache.undrawn), else_=0))
                                   for end in ends))
        .where(answering, LotCache.lapses_at > now, LotCache.lapses_at <= max(ends))
    )
    for pool_id, *amounts in db.session.execute(lapsing.group_by(LotCache.pool_id)):
        found[pool_id].lapsing.update(zip(within, map(int, amounts), strict=True))


def _add(sums: PoolSums, lot: LotView, now: datetime) -> None:
    sums.used += lot.standing.drawn
    sums.reserved += lot.standing.held
    for days in sums.lapsing:
        sums.lapsing[days] += _lapsing(lot, now, now + timedelta(days=days))


def _lapsing(lot: LotView, now: datetime, until: datetime) -> int:
    """What of a lot expires unused by then; nothing of one that is void first."""
    if lot.expires is None or lot.end != lot.expires or not now < lot.expires <= until:
        return 0
    return lot.standing.remaining + lot.standing.not_yet
