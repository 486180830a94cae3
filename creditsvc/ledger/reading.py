"""Balances and the rows behind them, read in sets: a fixed number of queries for any number of accounts.

A balance is read as of an instant (L10) and as it was known at another (L15); no job has to have run. The caches are
used where they answer the question asked, and give what the postings give (L16).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from creditsvc.core.amounts import Unit, format_amount, unit_named
from creditsvc.core.burndown import LATEST, Standing, standing
from creditsvc.core.days import instant_text
from creditsvc.db import db
from creditsvc.ledger.facts import KnownLot, chunks, lots_of, ownerships_of, posted_of, scopes_ever_of
from creditsvc.ledger.models import (
    Account,
    AccountCache,
    Batch,
    LotCache,
    LotChange,
    LotFact,
    Pool,
    Posting,
    Resource,
    Scope,
)
from creditsvc.parties.models import Startup


@dataclass(frozen=True)
class LotView:
    """A lot as all its facts make it, and what became of it. `amount` is its capacity; `key` is its grant's."""

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
    standing: Standing

    @property
    def end(self) -> datetime:
        """The first instant at which the lot no longer pays (L4)."""
        return min(self.expires or LATEST, self.voided_at or LATEST)


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
        """What usage took from the lots."""
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
        """When the next lot that has something left expires."""
        return min((lot.expires for lot in self.lots if lot.standing.remaining and lot.expires), default=None)


@dataclass(frozen=True)
class _Sums:
    """Postings summed up: drawn by lot id, and what no lot paid."""

    drawn: dict[int, int]
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
    statement = (
        select(Account, Startup.key, Resource)
        .join(Startup, Startup.id == Account.startup_id)
        .join(Resource, Resource.id == Account.resource_id)
        .order_by(Startup.key, Resource.key)
    )
    if startup_ids is not None:
        statement = statement.where(Account.startup_id.in_(startup_ids))
    if account_ids is not None:
        statement = statement.where(Account.id.in_(account_ids))
    rows = db.session.execute(statement).all()
    accounts = {account.id: account for account, _, _ in rows}
    known = lots_of(list(accounts), known_at)
    sums = _sums(accounts, as_of, known_at)
    pool_keys = _pool_keys({lot.fact.pool_id for lots in known.values() for lot in lots})
    newest = newest_charge_days(list(accounts))
    batches = _batches_known(accounts, known_at)
    return [
        AccountView(
            id=account.id, startup_id=account.startup_id, startup=startup_key, resource=resource.key,
            resource_name=resource.name, kind=resource.kind, unit=unit_named(resource.unit), batch=batches[account.id],
            lots=tuple(_lot_view(lot, pool_keys, sums[account.id], as_of) for lot in _in_order(known[account.id])),
            uncovered=sums[account.id].uncovered, uncredited=sums[account.id].uncredited,
            newest_charge_day=newest.get(account.id),
        )
        for account, startup_key, resource in rows
    ]


def _in_order(lots: Sequence[KnownLot]) -> list[KnownLot]:
    return sorted(lots, key=lambda lot: (lot.lot.effective, lot.lot.key))


def _lot_view(known: KnownLot, pool_keys: dict[int, str], sums: _Sums, as_of: datetime) -> LotView:
    lot = known.lot
    return LotView(
        id=known.fact.id, key=lot.key, pool=pool_keys[known.fact.pool_id], amount=lot.amount,
        effective=lot.effective, expires=lot.expires, voided_at=lot.voided_at, priority=lot.priority,
        promotional=lot.promotional, worthless=lot.is_worthless,
        standing=standing(lot, sums.drawn.get(known.fact.id, 0), as_of),
    )


def _pool_keys(pool_ids: set[int]) -> dict[int, str]:
    if not pool_ids:
        return {}
    return dict(db.session.execute(select(Pool.id, Pool.key).where(Pool.id.in_(pool_ids))).all())


def _batches_known(accounts: dict[int, Account], known_at: datetime | None) -> dict[int, int]:
    numbers = {account_id: account.batches for account_id, account in accounts.items()}
    if known_at is None:
        return numbers
    numbers = dict.fromkeys(numbers, 0)
    for part in chunks(accounts):
        numbers.update(
            db.session.execute(
                select(Batch.account_id, func.max(Batch.number))
                .where(Batch.account_id.in_(part), Batch.recorded_at <= known_at)
                .group_by(Batch.account_id)
            ).all()
        )
    return numbers


def _sums(accounts: dict[int, Account], as_of: datetime, known_at: datetime | None) -> dict[int, _Sums]:
    sums = _cached_sums(accounts, as_of, known_at)
    asked = [account_id for account_id in accounts if account_id not in sums]
    for account_id, posted in posted_of(asked, known_at, as_of).items():
        drawn: dict[int, int] = {}
        without_lot = {"uncovered": 0, "uncredited": 0}
        for (_, kind, lot_id), amount in posted.items():
            if lot_id is None:
                without_lot[kind] += amount
            else:
                drawn[lot_id] = drawn.get(lot_id, 0) + amount
        sums[account_id] = _Sums(drawn, **without_lot)
    return sums


def _cached_sums(accounts: dict[int, Account], as_of: datetime, known_at: datetime | None) -> dict[int, _Sums]:
    """The sums of those accounts whose cache answers the question: up to the last batch, nothing after `as_of`."""
    sums: dict[int, _Sums] = {}
    for part in chunks(accounts):
        for cache in db.session.scalars(select(AccountCache).where(AccountCache.account_id.in_(part))):
            account = accounts[cache.account_id]
            whole = known_at is None or (account.head_at is not None and account.head_at <= known_at)
            nothing_after = cache.last_charge_at is None or cache.last_charge_at <= as_of
            if whole and nothing_after and cache.batch == account.batches:
                sums[account.id] = _Sums({}, cache.uncovered, cache.uncredited)
    for part in chunks(sums):
        for lot in db.session.scalars(select(LotCache).where(LotCache.account_id.in_(part))):
            sums[lot.account_id].drawn[lot.lot_id] = lot.drawn
    return sums


def newest_charge_days(account_ids: Sequence[int]) -> dict[int, date]:
    """The newest charge day for which each account has data, from the scopes in the time they belonged to it (U10)."""
    owned = ownerships_of(scopes_ever_of(account_ids))
    newest: dict[int, date] = {}
    for part in chunks(owned):
        scopes = db.session.execute(
            select(Scope.id, Scope.newest_charge_day).where(Scope.id.in_(part), Scope.newest_charge_day.is_not(None))
        )
        for scope_id, scope_day in scopes:
            for own in owned[scope_id]:
                if own.account_id is None or scope_day is None:
                    continue
                last = (own.ends - timedelta(microseconds=1)).astimezone(UTC).date()
                day = min(scope_day, last)
                if day >= own.starts.astimezone(UTC).date():
                    newest[own.account_id] = max(newest.get(own.account_id, day), day)
    return newest


@dataclass(frozen=True)
class PostingView:
    """A row of the book with its batch: why, by whom and when it was written."""

    account_id: int
    batch: int
    recorded_at: datetime
    cause: str
    cause_ref: str
    actor: str
    charge_at: datetime
    kind: str
    lot: str | None
    amount: int


def postings(
    account_ids: Sequence[int],
    *,
    first: datetime | None = None,
    until: datetime | None = None,
    known_at: datetime | None = None,
) -> list[PostingView]:
    """The postings of the accounts with charge instants in [first, until], in the order of charge day and batch."""
    statement = (
        select(Posting, Batch, LotFact.key)
        .join(Batch, Batch.id == Posting.batch_id)
        .outerjoin(LotFact, LotFact.id == Posting.lot_id)
        .where(Posting.account_id.in_(account_ids))
        .order_by(Posting.account_id, Posting.charge_at, Batch.number, Posting.id)
    )
    if first is not None:
        statement = statement.where(Posting.charge_at >= first)
    if until is not None:
        statement = statement.where(Posting.charge_at <= until)
    if known_at is not None:
        statement = statement.where(Batch.recorded_at <= known_at)
    return [
        PostingView(
            posting.account_id, batch.number, batch.recorded_at, batch.cause, batch.cause_ref, batch.actor,
            posting.charge_at, posting.kind, lot_key, posting.amount,
        )
        for posting, batch, lot_key in db.session.execute(statement)
    ]


@dataclass(frozen=True)
class LotEvent:
    """A fact of a lot: its award or a change of it. `at` is the instant stated, `instant` what the change says."""

    account_id: int
    at: datetime
    kind: str
    lot: str
    amount: int
    instant: datetime | None
    actor: str
    reason: str
    batch: int


def lot_events(account_ids: Sequence[int]) -> list[LotEvent]:
    """The awards and changes of the accounts' lots in the order in which they were stated."""
    events: list[LotEvent] = []
    awards = (
        select(LotFact, Batch).join(Batch, Batch.id == LotFact.batch_id).where(LotFact.account_id.in_(account_ids))
    )
    for lot, batch in db.session.execute(awards):
        events.append(
            LotEvent(lot.account_id, lot.awarded, "award", lot.key, lot.amount, lot.expires, batch.actor, "",
                     batch.number)
        )
    changes = (
        select(LotChange, LotFact, Batch)
        .join(LotFact, LotFact.id == LotChange.lot_id)
        .join(Batch, Batch.id == LotChange.batch_id)
        .where(LotFact.account_id.in_(account_ids))
    )
    for change, lot, batch in db.session.execute(changes):
        events.append(
            LotEvent(lot.account_id, change.stated_at, change.kind, lot.key, change.amount, change.instant,
                     change.actor, change.reason, batch.number)
        )
    return sorted(events, key=lambda event: (event.at, event.batch, event.lot))


def balance_document(
    startup: str, views: Sequence[AccountView], as_of: datetime, known_at: datetime,
    outlooks: Mapping[int, dict[str, Any]],
) -> dict[str, Any]:
    """The balance of one startup as JSON (CONTRACT: section 5), for the command and the API alike.

    `outlooks` are the forecasts as JSON, by account id.
    """
    return {
        "startup": startup,
        "as_of": instant_text(as_of),
        "known_at": instant_text(known_at),
        "accounts": [{**_account_document(view), "forecast": outlooks.get(view.id)} for view in views],
    }


def _account_document(view: AccountView) -> dict[str, Any]:
    words = ("granted", "drawn", "held", "expired", "voided", "not_yet", "remaining", "available", "uncovered")
    return {
        "resource": view.resource,
        "unit": view.unit.name,
        "batch": view.batch,
        **{word: format_amount(getattr(view, word), view.unit) for word in words},
        "uncredited_refund": format_amount(view.uncredited, view.unit),
        "newest_charge_day": view.newest_charge_day.isoformat() if view.newest_charge_day else None,
        "grants": [_lot_document(lot, view.unit) for lot in view.lots],
    }


def _lot_document(lot: LotView, unit: Unit) -> dict[str, Any]:
    words = ("drawn", "held", "expired", "voided", "not_yet", "remaining")
    return {
        "key": lot.key,
        "pool": lot.pool,
        "amount": format_amount(lot.amount, unit),
        "effective_at": instant_text(lot.effective),
        "expires_at": instant_text(lot.expires),
        "voided_at": instant_text(lot.voided_at),
        **{word: format_amount(getattr(lot.standing, word), unit) for word in words},
    }
