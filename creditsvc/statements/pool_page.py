"""One pool whole: what became of what its partner committed, what ends soon, and its grants a page at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import func, select

from creditsvc.core.errors import NotFound
from creditsvc.db import db
from creditsvc.grants.models import Grant
from creditsvc.grants.reading import PoolView, pools
from creditsvc.ledger.models import LotChange, LotFact
from creditsvc.ledger.pool_sums import pool_sums
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
    the id of the lot to go on from.
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
    rows = _grants(caller, pool.id, before) if may(caller, "startups.list") else []
    views = balances(caller.now, account_ids=sorted({row.account_id for row in rows})) if rows else []
    sums = pool_sums([pool.id], caller.now, WINDOWS)[pool.id]
    onward = rows[PAGE - 1].lot_id if len(rows) > PAGE else None
    return PoolPage(
        pool, sums.used, sums.reserved, _returned(pool.id), sums.startups, sums.lapsing,
        _with_lots(rows[:PAGE], views), onward,
    )


def _returned(pool_id: int) -> int:
    returned = (
        select(func.coalesce(func.sum(LotChange.amount), 0))
        .join(LotFact, LotFact.id == LotChange.lot_id)
        .where(LotFact.pool_id == pool_id, LotChange.kind == "return")
    )
    return int(db.session.execute(returned).scalar_one())


def _grants(caller: Caller, pool_id: int, before: int | None) -> Sequence[_Row]:
    statement = (
        select(Grant.key, Startup.key.label("startup"), Startup.name, LotFact.account_id, Grant.lot_id)
        .join(LotFact, LotFact.id == Grant.lot_id)
        .join(Startup, Startup.id == Grant.startup_id)
        .where(LotFact.pool_id == pool_id, visible_startups(caller))
        .order_by(LotFact.id.desc())
        .limit(PAGE + 1)
    )
    if before is not None:
        statement = statement.where(LotFact.id < before)
    return [_Row(*row) for row in db.session.execute(statement)]


def _with_lots(rows: Sequence[_Row], views: Sequence[AccountView]) -> tuple[PoolGrant, ...]:
    lots = {lot.id: lot for view in views for lot in view.lots}
    return tuple(PoolGrant(row.key, row.startup, row.name, lots[row.lot_id]) for row in rows)
