"""One pool whole: what became of what its partner committed, what ends soon, and its grants a page at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import and_, case, false, func, select, true

from creditsvc.core.errors import NotFound
from creditsvc.db import db
from creditsvc.grants.models import Grant
from creditsvc.grants.reading import PoolView, pools
from creditsvc.ledger.caches import is_no_answer
from creditsvc.ledger.models import Account, AccountCache, LotCache, LotChange, LotFact, Pool
from creditsvc.ledger.reading import AccountView, LotView, balances
from creditsvc.parties.access import Caller, may, visible_startups
from creditsvc.parties.models import Startup

WINDOWS = (30, 60, 90)
"""Within how many days the page says what expires."""

LOW_PART = 10
"""A pool is low when less than one in so many parts of it is left to award."""

PAGE = 50


class _Row(NamedTuple):
    """A grant of the pool as it was asked for."""

    id: int
    key: str
    startup: str
    name: str
    account_id: int
    lot_id: int


@dataclass(frozen=True)
class PoolGrant:
    """A grant of the pool, with its lot as of now."""

    key: str
    startup: str
    startup_name: str
    lot: LotView


@dataclass(frozen=True)
class PoolPage:
    """A pool as of now; amounts in steps of its unit.

    `returned` came back from grants and is in what is left; `expiring` is what expires unused within so many days,
    unless more is used. `grants` are those of a page, from the newest, empty for who may not see startups; `onward` is
    the id to go on from.
    """

    pool: PoolView
    used: int
    reserved: int
    returned: int
    startups: int
    expiring: Mapping[int, int]
    grants: tuple[PoolGrant, ...]
    onward: int | None

    @property
    def is_low(self) -> bool:
        """Whether little is left to award."""
        return self.pool.left * LOW_PART <= self.pool.amount

    @property
    def not_used(self) -> int:
        """What is awarded, and neither used nor reserved: still usable, expired or void."""
        return self.pool.committed - self.used - self.reserved


def pool_page(caller: Caller, key: str, before: int | None = None) -> PoolPage:
    """The pool of that key, in a fixed number of queries; its grants are those of startups that the caller may see.

    Raises Forbidden, NotFound("pool").
    """
    pool = next((one for one in pools(caller) if one.key == key), None)
    if pool is None:
        raise NotFound("pool", key)
    by_cache = true() if pool.kind == "seats" else is_no_answer(caller.now)  # caches know no seats that are taken
    others = set(db.session.scalars(
        select(LotFact.account_id).distinct()
        .join(Pool, Pool.id == LotFact.pool_id)
        .join(Account, Account.id == LotFact.account_id)
        .outerjoin(AccountCache, AccountCache.account_id == Account.id)
        .where(Pool.key == key, by_cache)
    ))
    rows = _grants(caller, key, before) if may(caller, "startups.list") else []
    views = balances(caller.now, account_ids=sorted(others | {row.account_id for row in rows}))
    startups, returned, used, reserved, *expiring = _sums(key, caller.now, pool.kind)
    apart = [lot for view in views if view.id in others for lot in view.lots if lot.pool == key]
    used += sum(lot.standing.drawn for lot in apart)
    reserved += sum(lot.standing.held for lot in apart)
    ends = {
        days: amount + sum(_lapsing(lot, caller.now, caller.now + timedelta(days=days)) for lot in apart)
        for days, amount in zip(WINDOWS, expiring, strict=True)
    }
    onward = rows[PAGE - 1].id if len(rows) > PAGE else None
    return PoolPage(pool, used, reserved, returned, startups, ends, _with_lots(rows[:PAGE], views), onward)


def _sums(key: str, now: datetime, kind: str) -> list[int]:
    """How many startups have grants of the pool, what was returned to it, and of the accounts whose caches answer what
    is used, reserved, and lapses within each window; in one statement."""
    answered = ~is_no_answer(now) if kind != "seats" else false()
    windows = [
        case((and_(answered, LotCache.lapses_at > now, LotCache.lapses_at <= now + timedelta(days=days)),
              LotCache.undrawn), else_=0)
        for days in WINDOWS
    ]
    returned = (
        select(func.coalesce(func.sum(LotChange.amount), 0))
        .join(LotFact, LotFact.id == LotChange.lot_id)
        .join(Pool, Pool.id == LotFact.pool_id)
        .where(Pool.key == key, LotChange.kind == "return")
        .scalar_subquery()
    )
    row = db.session.execute(
        select(
            func.count(func.distinct(Account.startup_id)), returned,
            *(func.coalesce(func.sum(one), 0) for one in (
                case((answered, LotCache.drawn), else_=0), case((answered, LotCache.held), else_=0), *windows
            )),
        )
        .select_from(LotFact)
        .join(Pool, Pool.id == LotFact.pool_id)
        .join(Account, Account.id == LotFact.account_id)
        .outerjoin(AccountCache, AccountCache.account_id == Account.id)
        .outerjoin(LotCache, LotCache.lot_id == LotFact.id)
        .where(Pool.key == key)
    ).one()
    return [int(value) for value in row]


def _lapsing(lot: LotView, now: datetime, until: datetime) -> int:
    """What of a lot expires unused by then; nothing of one that is void first."""
    if lot.expires is None or lot.end != lot.expires or not now < lot.expires <= until:
        return 0
    return lot.standing.remaining + lot.standing.not_yet


def _grants(caller: Caller, key: str, before: int | None) -> Sequence[_Row]:
    statement = (
        select(Grant.id, Grant.key, Startup.key.label("startup"), Startup.name, LotFact.account_id, Grant.lot_id)
        .join(LotFact, LotFact.id == Grant.lot_id)
        .join(Pool, Pool.id == LotFact.pool_id)
        .join(Startup, Startup.id == Grant.startup_id)
        .where(Pool.key == key, visible_startups(caller))
        .order_by(Grant.id.desc())
        .limit(PAGE + 1)
    )
    if before is not None:
        statement = statement.where(Grant.id < before)
    return [_Row(*row) for row in db.session.execute(statement)]


def _with_lots(rows: Sequence[_Row], views: Sequence[AccountView]) -> tuple[PoolGrant, ...]:
    lots = {lot.id: lot for view in views for lot in view.lots}
    return tuple(PoolGrant(row.key, row.startup, row.name, lots[row.lot_id]) for row in rows)
