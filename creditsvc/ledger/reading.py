"""Balances, read in sets: a fixed number of queries for any number of accounts.

A balance is read as of an instant (L10) and as it was known at another (L15); no job has to have run. The caches are
used where they answer the question asked, and give what the postings give (L16).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, func, select

from creditsvc.core.amounts import Unit, unit_named
from creditsvc.core.burndown import LATEST, Standing, standing
from creditsvc.core.errors import NotFound
from creditsvc.db import db
from creditsvc.ledger.facts import KnownLot, lots_of, newest_charge_days, posted_of
from creditsvc.ledger.models import (
    Account,
    AccountCache,
    Batch,
    Resource,
)
from creditsvc.parties.access import Caller, visible_startups
from creditsvc.parties.models import Startup
from creditsvc.sets import among, chunks, read_fresh


@dataclass(frozen=True)
class LotView:
    """A lot as all its facts make it, and what became of it. `amount` is its capacity; `key` is its grant's; `opening`
    was drawn before go-live, as of `opening_at`."""

    id: int
    key: str
    pool: str
    amount: int
    effective: datetime
    expires: datetime | None
    voided_at: datetime | None
    priority: int
    promotional: bool
    worthless: bool
    awarded: datetime
    opening: int
    opening_at: datetime | None
    standing: Standing

    @property
    def end(self) -> datetime:
        """The first instant at which the lot no longer pays (L4)."""
        return min(self.expires or LATEST, self.voided_at or LATEST)

    def is_active(self, at: datetime) -> bool:
        """Whether the lot pays for usage at that instant (L4)."""
        return self.effective <= at < self.end


@dataclass(frozen=True)
class AccountView:
    """One startup's holding of one resource as of an instant; amounts in steps of `unit`."""

    id: int
    startup_id: int
    startup: str
    resource: str
    resource_name: str
    kind: str
    unit: Unit
    batch: int
    lots: tuple[LotView, ...]
    uncovered: int
    uncredited: int
    newest_charge_day: date | None

    @property
    def granted(self) -> int:
        """The sum of the lots' capacities."""
        return sum(lot.standing.granted for lot in self.lots)

    @property
    def drawn(self) -> int:
        """What usage took from the lots; of seats, those that are taken."""
        return sum(lot.standing.drawn for lot in self.lots)

    @property
    def held(self) -> int:
        """What is reserved and not consumed yet."""
        return sum(lot.standing.held for lot in self.lots)

    @property
    def expired(self) -> int:
        """What was left when lots expired."""
        return sum(lot.standing.expired for lot in self.lots)

    @property
    def voided(self) -> int:
        """What was left when lots were voided."""
        return sum(lot.standing.voided for lot in self.lots)

    @property
    def not_yet(self) -> int:
        """What is granted and not effective yet."""
        return sum(lot.standing.not_yet for lot in self.lots)

    @property
    def remaining(self) -> int:
        """What can still be drawn as of the instant, holds aside."""
        return sum(lot.standing.remaining for lot in self.lots)

    @property
    def available(self) -> int:
        """What remains and is not held (L14). A hold stands in `held`, so it has left `remaining` already."""
        return self.remaining

    @property
    def next_expiry(self) -> datetime | None:
        """When the next lot that has something left (of seats, whether taken or free) expires; one that is void before
        it expires never does."""
        return min(
            (lot.expires for lot in self.lots if self._has_left(lot) and lot.expires and lot.end == lot.expires),
            default=None,
        )

    def _has_left(self, lot: LotView) -> bool:
        return lot.standing.remaining > 0 or (self.kind == "seats" and lot.standing.drawn > 0)


@dataclass(frozen=True)
class _Sums:
    """Postings summed up: drawn and held by lot id, and what no lot paid. Of seats, those taken stand as drawn."""

    drawn: Mapping[int, int]
    held: Mapping[int, int]
    uncovered: int = 0
    uncredited: int = 0


def balances(
    as_of: datetime,
    *,
    startup_ids: Sequence[int] | None = None,
    account_ids: Sequence[int] | None = None,
    known_at: datetime | None = None,
) -> list[AccountView]:
    """The accounts of startups (or those of the ids, or all), by startup key and resource key.

    Charge days by `as_of`, facts recorded by `known_at` (all when None). Asks nobody's permission: the operation or
    door above has done so.
    """
    statement = _accounts().order_by(Startup.key, Resource.key)
    if startup_ids is not None:
        statement = statement.where(among(Account.startup_id, startup_ids))
    if account_ids is not None:
        statement = statement.where(among(Account.id, account_ids))
    return _of_one_state(lambda: db.session.execute(statement).all(), as_of, known_at)[1]


def holdings_of(
    caller: Caller, key: str, as_of: datetime, known_at: datetime | None = None
) -> tuple[Startup, list[AccountView]]:
    """A startup with its accounts, by resource key, as `balances` reads them; whether it may be seen is asked with it.

    Raises NotFound("startup") when there is none or the caller may not know of it.
    """
    visible = visible_startups(caller)
    rows, views = _of_one_state(lambda: read_fresh(_of_startup(), {"startup": key}, visible), as_of, known_at)
    if not rows:
        raise NotFound("startup", key)
    return rows[0].Startup, views


def _of_one_state(
    read: Callable[[], Sequence[Any]], as_of: datetime, known_at: datetime | None
) -> tuple[Sequence[Any], list[AccountView]]:
    """The rows of accounts and their views, read again when somebody posted between one statement and the next."""
    while True:
        rows = read()
        views = _views([row for row in rows if row.id is not None], as_of, known_at)
        if views is not None:
            return rows, views


@cache
def _of_startup() -> Select[*tuple[Any, ...]]:
    return _accounts(Startup).where(Startup.key == bindparam("startup")).order_by(Resource.key)


def _accounts(*more: type[Startup]) -> Select[*tuple[Any, ...]]:
    """Startups with their accounts and what the caches know of them. All but the first columns are None for a startup
    without an account, which shows only where the startups come first."""
    columns = (
        Account.id, Account.startup_id, Account.batches, Account.head_at, Startup.key.label("startup"), Resource,
        AccountCache.batch.label("cached_batch"), AccountCache.last_charge_at, AccountCache.uncovered,
        AccountCache.uncredited, AccountCache.newest_charge_day,
    )
    return (
        select(*columns, *more)
        .select_from(Startup)
        .join(Account, Account.startup_id == Startup.id, isouter=bool(more))
        .join(Resource, Resource.id == Account.resource_id, isouter=bool(more))
        .outerjoin(AccountCache, AccountCache.account_id == Account.id)
    )


def _views(found: Sequence[Any], as_of: datetime, known_at: datetime | None) -> list[AccountView] | None:
    """None when an account was posted to meanwhile. What was recorded by an instant of the past does not move."""
    rows = {row.id: row for row in found}
    of_seats = any(row.Resource.kind == "seats" for row in found)
    known = lots_of(list(rows), known_at, as_of if of_seats else None)
    if known_at is None and any(lot.batches != rows[key].batches for key, lots in known.items() for lot in lots):
        return None
    asked = [key for key, row in rows.items() if not _is_answered(row, known[key], as_of, known_at)]
    sums = _with_seats(rows, known, _sums(rows, known, asked, as_of, known_at), as_of)
    if known_at is None and len(asked) > 1 and any(now != rows[key].batches for key, now in _batches_now(asked)):
        return None
    newest = {account_id: row.newest_charge_day for account_id, row in rows.items() if row.cached_batch is not None}
    newest.update(newest_charge_days([account_id for account_id in rows if account_id not in newest]))
    batches = _batches_known(rows, known_at)
    return [
        AccountView(
            id=row.id, startup_id=row.startup_id, startup=row.startup, resource=row.Resource.key,
            resource_name=row.Resource.name, kind=row.Resource.kind, unit=unit_named(row.Resource.unit),
            batch=batches[row.id],
            lots=tuple(_lot_view(lot, sums[row.id], as_of) for lot in _in_order(known[row.id])),
            uncovered=sums[row.id].uncovered, uncredited=sums[row.id].uncredited, newest_charge_day=newest.get(row.id),
        )
        for row in rows.values()
    ]


def _batches_now(account_ids: Sequence[int]) -> list[tuple[int, int]]:
    return [
        (account_id, batches) for part in chunks(account_ids)
        for account_id, batches in db.session.execute(
            select(Account.id, Account.batches).where(among(Account.id, part))
        )
    ]


def _in_order(lots: Sequence[KnownLot]) -> list[KnownLot]:
    return sorted(lots, key=lambda lot: (lot.lot.effective, lot.lot.key))


def _lot_view(known: KnownLot, sums: _Sums, as_of: datetime) -> LotView:
    lot = known.lot
    return LotView(
        id=known.fact.id, key=lot.key, pool=known.pool, amount=lot.amount,
        effective=lot.effective, expires=lot.expires, voided_at=lot.voided_at, priority=lot.priority,
        promotional=lot.promotional, worthless=lot.is_worthless, awarded=lot.awarded, opening=lot.opening,
        opening_at=lot.opening_at,
        standing=standing(lot, sums.drawn.get(known.fact.id, 0), as_of, sums.held.get(known.fact.id, 0)),
    )


def _batches_known(rows: Mapping[int, Any], known_at: datetime | None) -> dict[int, int]:
    if known_at is None:
        return {account_id: row.batches for account_id, row in rows.items()}
    numbers = dict.fromkeys(rows, 0)
    for part in chunks(rows):
        numbers.update(
            db.session.execute(
                select(Batch.account_id, func.max(Batch.number))
                .where(among(Batch.account_id, part), Batch.recorded_at <= known_at)
                .group_by(Batch.account_id)
            ).all()
        )
    return numbers


def _sums(
    rows: Mapping[int, Any], known: Mapping[int, Sequence[KnownLot]], asked: Sequence[int], as_of: datetime,
    known_at: datetime | None,
) -> dict[int, _Sums]:
    """The sums of each account: of those `asked`, whose caches do not answer, from the postings, else from the caches.
    """
    postings_of = set(asked)
    sums = {
        account_id: _Sums(
            {lot.fact.id: lot.cached_drawn or 0 for lot in known[account_id]},
            {lot.fact.id: lot.cached_held for lot in known[account_id] if lot.cached_held},
            row.uncovered, row.uncredited,
        )
        for account_id, row in rows.items()
        if account_id not in postings_of
    }
    if known_at is None and len(asked) == 1:
        known_at = rows[asked[0]].head_at  # what was posted since is not of the state that was read
    for account_id, posted in (posted_of(asked, known_at, as_of) if asked else {}).items():
        by_lot: dict[str, dict[int, int]] = {"drawn": {}, "held": {}}
        without_lot = {"uncovered": 0, "uncredited": 0}
        for (_, kind, lot_id), amount in posted.items():
            if lot_id is None:
                without_lot[kind] += amount
            else:
                by_lot[kind][lot_id] = by_lot[kind].get(lot_id, 0) + amount
        sums[account_id] = _Sums(by_lot["drawn"], by_lot["held"], **without_lot)
    return sums


def _with_seats(
    rows: Mapping[int, Any], known: Mapping[int, Sequence[KnownLot]], sums: Mapping[int, _Sums], as_of: datetime
) -> Mapping[int, _Sums]:
    """The sums, of seats those that are taken as of the instant, of lots that are not over by then."""
    seated = {
        account_id: _Sums({
            lot.fact.id: lot.seats_taken or 0 for lot in known[account_id] if lot.lot.is_active(as_of)
        }, {})
        for account_id, row in rows.items() if row.Resource.kind == "seats"
    }
    return {**sums, **seated}


def _is_answered(row: Any, lots: Sequence[KnownLot], as_of: datetime, known_at: datetime | None) -> bool:
    """Whether the cache answers: up to the last batch, all of it known by then, and nothing of it after `as_of`."""
    return (
        row.cached_batch == row.batches
        and (known_at is None or (row.head_at is not None and row.head_at <= known_at))
        and (row.last_charge_at is None or row.last_charge_at <= as_of)
        and all(lot.cached_drawn is not None for lot in lots)
    )
