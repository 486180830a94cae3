"""The book: the only writer of facts and postings (rules L1 to L18).

Plan, then post the difference: `post` adds facts to accounts that the caller holds locked, plans each account anew
from all its facts, compares with what is posted and appends the difference, naming the cause.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import func, select

from creditsvc import clock
from creditsvc.core.amounts import check_range, format_amount, unit_named
from creditsvc.core.burndown import ChangeKind
from creditsvc.core.errors import Conflict, RuleBroken
from creditsvc.core.rates import Pair, rate_text
from creditsvc.db import Model, bulk_insert, db, insert_if_absent
from creditsvc.ledger import caches
from creditsvc.ledger.chain import PostingLine, batch_hash, rate_hash
from creditsvc.ledger.facts import (
    KnownLot,
    PostingKey,
    accounts_ever_of,
    chunks,
    lots_of,
    planned,
    posted_of,
    usage_of,
)
from creditsvc.ledger.models import (
    Account,
    Batch,
    LotChange,
    LotFact,
    Pool,
    Posting,
    RateFact,
    Resource,
    Scope,
    ScopeFact,
)

RATES_LOCK = 7_220_001
"""The number under which PostgreSQL knows the lock of the exchange rates; nothing else of ours has one."""


@dataclass(frozen=True)
class Cause:
    """Why a batch is written: its kind, what it refers to (`run:12`, `grant:hr-azure`), and who did it."""

    kind: str
    ref: str
    actor: str


@dataclass(frozen=True)
class LotTerms:
    """A lot as it is awarded (L3); `amount` in steps of the pool's unit, instants in UTC."""

    key: str
    pool_id: int
    amount: int
    effective: datetime
    expires: datetime | None
    awarded: datetime
    priority: int = 0
    promotional: bool = False


@dataclass(frozen=True)
class ChangeTerms:
    """A dated fact added to a lot; which of `amount` and `instant` it needs, `core.burndown.Change` says."""

    lot_key: str
    kind: ChangeKind
    stated_at: datetime
    amount: int = 0
    instant: datetime | None = None
    reason: str = ""


@dataclass
class _Draft:
    """A batch in the making."""

    account: Account
    batch: Batch | None = None
    lots: list[LotFact] = field(default_factory=list)
    changes: list[LotChange] = field(default_factory=list)
    lines: list[PostingLine] = field(default_factory=list)


def define_resource(key: str, name: str, kind: str, unit: str, provider: str | None) -> Resource:
    """Adds a resource. Raises RuleBroken: `unknown-unit`, `unknown-kind`."""
    if kind not in ("credit", "hours", "seats"):
        raise RuleBroken("kind", "unknown-kind", "%(kind)r is no kind of resource: credit, hours or seats", kind=kind)
    resource = Resource(key=key, name=name, kind=kind, unit=unit_named(unit).name, provider=provider)
    db.session.add(resource)
    db.session.flush()
    return resource


def open_pool(
    key: str, partner_id: int, resource_id: int, amount: int, starts: datetime, ends: datetime | None
) -> Pool:
    """Adds a pool with nothing committed yet. Raises RuleBroken for an amount below 0 or an end before its start."""
    if amount < 0:
        raise RuleBroken("amount", "negative", "a pool cannot hold less than nothing")
    if ends is not None and ends <= starts:
        raise RuleBroken("ends", "end-before-start", "the pool's last day is before its first")
    pool = Pool(
        key=key, partner_id=partner_id, resource_id=resource_id, amount=check_range(amount), committed=0,
        starts=starts, ends=ends,
    )
    db.session.add(pool)
    db.session.flush()
    return pool


def _lock(model: type[Model], ids: Iterable[int]) -> dict[int, Model]:
    """Locks the rows in the order of their ids and reads them fresh; on SQLite the transaction is the lock."""
    locked: dict[int, Model] = {}
    key = model.__table__.c.id
    for part in chunks(sorted(set(ids))):
        statement = (
            select(model).where(key.in_(part)).order_by(key).with_for_update()
            .execution_options(populate_existing=True)
        )
        for row in db.session.scalars(statement):
            row_id = int(row.__dict__["id"])
            locked[row_id] = row
            db.session.info["locks"].add((model.__tablename__, row_id))
    return locked


def lock_pools(ids: Iterable[int]) -> dict[int, Pool]:
    """Locks pools (L12): before scopes, and before accounts."""
    return {key: row for key, row in _lock(Pool, ids).items() if isinstance(row, Pool)}


def lock_scopes(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Scope]:
    """Locks scopes by (provider, id), made first if absent: after pools, before accounts."""
    wanted = sorted(set(pairs))
    known: dict[tuple[str, str], int] = {}
    for part in chunks(wanted):
        rows = db.session.execute(
            select(Scope.provider, Scope.external_id, Scope.id).where(Scope.external_id.in_({pair[1] for pair in part}))
        )
        known.update({(provider, external_id): scope_id for provider, external_id, scope_id in rows})
    for provider, external_id in wanted:
        if (provider, external_id) not in known:
            insert_if_absent(Scope, {"provider": provider, "external_id": external_id})
            known[provider, external_id] = db.session.execute(
                select(Scope.id).where(Scope.provider == provider, Scope.external_id == external_id)
            ).scalar_one()
    locked = _lock(Scope, [known[pair] for pair in wanted])
    return {pair: row for pair in wanted if isinstance(row := locked[known[pair]], Scope)}


def lock_accounts(ids: Iterable[int]) -> dict[int, Account]:
    """Locks accounts (L12): last of all, with the rates as they are, so that none is stated unseen by the plan."""
    _lock_rates(shared=True)
    return {key: row for key, row in _lock(Account, ids).items() if isinstance(row, Account)}


def lock_rates() -> None:
    """Locks the exchange rates before any is stated: after scopes, before accounts. Whoever plans waits, and sees it.
    """
    _lock_rates(shared=False)
    db.session.info["locks"].add((RateFact.__tablename__, 0))


def _lock_rates(*, shared: bool) -> None:
    """One lock for the whole table, kept to the end of the transaction; on SQLite the transaction is the lock."""
    if db.session.get_bind().dialect.name == "postgresql":
        lock = func.pg_advisory_xact_lock_shared if shared else func.pg_advisory_xact_lock
        db.session.execute(select(lock(RATES_LOCK)))


def open_accounts(pairs: Iterable[tuple[int, int]]) -> dict[tuple[int, int], Account]:
    """The accounts of (startup, resource), made if absent, then locked."""
    ids: dict[tuple[int, int], int] = {}
    for startup_id, resource_id in sorted(set(pairs)):
        found = select(Account.id).where(Account.startup_id == startup_id, Account.resource_id == resource_id)
        account_id = db.session.scalar(found)
        if account_id is None:
            values = {"startup_id": startup_id, "resource_id": resource_id, "batches": 0, "head_hash": ""}
            insert_if_absent(Account, values)
            account_id = db.session.execute(found).scalar_one()
        ids[startup_id, resource_id] = account_id
    locked = lock_accounts(ids.values())
    return {pair: locked[account_id] for pair, account_id in ids.items()}


def add_turns(
    scope: Scope, turns: Iterable[tuple[datetime, int | None]], stated_at: datetime, actor: str
) -> None:
    """Adds facts to a locked scope's timeline: (from when, to which account or nobody).

    Stated at `stated_at`, or just after the newest fact of the scope, so that what is said last stands.
    """
    _assert_locked(Scope, scope.id)
    newest = db.session.scalar(select(func.max(ScopeFact.stated_at)).where(ScopeFact.scope_id == scope.id))
    if newest is not None:
        stated_at = max(stated_at, newest + timedelta(microseconds=1))
    for from_at, account_id in turns:
        db.session.add(
            ScopeFact(scope_id=scope.id, from_at=from_at, account_id=account_id, stated_at=stated_at, actor=actor)
        )
    db.session.flush()


def add_rate(
    pair: Pair, day: date, rate: Decimal | None, source: str, stated_at: datetime, actor: str
) -> RateFact:
    """Adds an exchange rate from a charge day on, or with None withdraws the one stated for it (U7).

    The rates must have been locked in this transaction; the accounts concerned are to be posted anew by the caller.
    """
    _assert_locked(RateFact, 0)
    newest = db.session.scalar(select(RateFact).order_by(RateFact.id.desc()).limit(1))
    recorded_at = clock.now()
    if newest is not None:
        recorded_at = max(recorded_at, newest.recorded_at + timedelta(microseconds=1))
    fact = RateFact(
        from_currency=pair[0], to_currency=pair[1], day=day, rate=None if rate is None else rate_text(rate),
        source=source, stated_at=stated_at, recorded_at=recorded_at, actor=actor,
        previous_hash=newest.hash if newest is not None else "", hash="",
    )
    fact.hash = rate_hash(fact)
    db.session.add(fact)
    db.session.flush()
    return fact


def post(
    accounts: Sequence[Account],
    cause: Cause,
    lots: Mapping[int, Sequence[LotTerms]] | None = None,
    changes: Mapping[int, Sequence[ChangeTerms]] | None = None,
) -> dict[int, Batch]:
    """Adds facts, plans the accounts anew, posts the differences; one batch for each account that changed.

    The accounts, and the pools of the lots that change, must have been locked in this transaction. `lots` and
    `changes` are by account id; an account without any is planned anew because its usage or its scopes changed.
    Returns the batches by account id. Raises RuleBroken("amount", "pool-exceeded") naming what the pool has left.
    """
    drafts = {account.id: _Draft(account) for account in sorted(accounts, key=lambda account: account.id)}
    for account_id in drafts:
        _assert_locked(Account, account_id)
    for account_id in sorted({*(lots or {}), *(changes or {})}):
        _add_facts(drafts[account_id], cause, (lots or {}).get(account_id, ()), (changes or {}).get(account_id, ()))
    db.session.flush()
    ids = list(drafts)
    known, usage, posted = lots_of(ids), usage_of(ids), posted_of(ids)
    sums: dict[int, dict[PostingKey, int]] = {}
    for account_id, draft in drafts.items():
        wanted = planned(known[account_id], usage[account_id])
        draft.lines = _difference(wanted, posted[account_id])
        if draft.lines and draft.batch is None:
            draft.batch = _begin_batch(draft.account, cause)
        sums[account_id] = wanted
    db.session.flush()
    written = {account_id: draft for account_id, draft in drafts.items() if draft.batch is not None}
    for account_id, draft in written.items():
        _seal(draft, known[account_id])
    db.session.flush()
    _write_postings(written.values())
    caches.write({account_id: draft.account.batches for account_id, draft in drafts.items()}, known, sums)
    return {account_id: draft.batch for account_id, draft in written.items() if draft.batch is not None}


def _assert_locked(model: type[Model], row_id: int) -> None:
    if (model.__tablename__, row_id) not in db.session.info.get("locks", ()):
        raise AssertionError(f"{model.__tablename__} {row_id} was not locked before it is written (L12)")


def _begin_batch(account: Account, cause: Cause) -> Batch:
    recorded_at = clock.now()  # read after the lock, so that the order of batches is the order of their times (L15)
    if account.head_at is not None:
        recorded_at = max(recorded_at, account.head_at + timedelta(microseconds=1))
    account.batches += 1
    account.head_at = recorded_at
    batch = Batch(
        account_id=account.id, number=account.batches, recorded_at=recorded_at, cause=cause.kind, cause_ref=cause.ref,
        actor=cause.actor, previous_hash=account.head_hash, hash="",
    )
    db.session.add(batch)
    return batch


def _add_facts(draft: _Draft, cause: Cause, lots: Sequence[LotTerms], changes: Sequence[ChangeTerms]) -> None:
    draft.batch = _begin_batch(draft.account, cause)
    db.session.flush()
    for terms in lots:
        if terms.amount <= 0:
            raise RuleBroken("amount", "not-positive", "a grant is of more than nothing")
        _commit_to_pool(terms.pool_id, terms.amount)
        lot = LotFact(
            account_id=draft.account.id, batch_id=draft.batch.id, pool_id=terms.pool_id, key=terms.key,
            amount=check_range(terms.amount), effective=terms.effective, expires=terms.expires,
            priority=terms.priority, promotional=terms.promotional, awarded=terms.awarded,
        )
        db.session.add(lot)
        draft.lots.append(lot)
    db.session.flush()
    for change in changes:
        draft.changes.append(_change(draft, cause, change))


def _change(draft: _Draft, cause: Cause, terms: ChangeTerms) -> LotChange:
    lot = db.session.scalar(
        select(LotFact).where(LotFact.key == terms.lot_key, LotFact.account_id == draft.account.id)
    )
    if lot is None or draft.batch is None:
        raise RuleBroken("grant", "unknown-grant", "the account has no grant %(key)s", key=terms.lot_key)
    if terms.kind in ("top_up", "return", "opening") and terms.amount <= 0:
        raise RuleBroken("amount", "not-positive", "write an amount above 0")
    if terms.kind in ("extend", "void", "opening") and terms.instant is None:
        raise AssertionError(f"{terms.kind} needs an instant")
    if terms.kind == "top_up":
        _commit_to_pool(lot.pool_id, terms.amount)
    elif terms.kind == "return":
        _commit_to_pool(lot.pool_id, -terms.amount)
    change = LotChange(
        lot_id=lot.id, batch_id=draft.batch.id, kind=terms.kind, amount=terms.amount, instant=terms.instant,
        stated_at=terms.stated_at, actor=cause.actor, reason=terms.reason,
    )
    db.session.add(change)
    return change


def _commit_to_pool(pool_id: int, amount: int) -> None:
    _assert_locked(Pool, pool_id)
    pool = db.session.get_one(Pool, pool_id)
    left = pool.amount - pool.committed
    if amount > left:
        unit = unit_named(db.session.get_one(Resource, pool.resource_id).unit)
        raise RuleBroken(
            "amount", "pool-exceeded", "the pool %(pool)s has %(left)s %(unit)s left, not %(asked)s",
            pool=pool.key, left=format_amount(left, unit), unit=unit.name, asked=format_amount(amount, unit),
        )
    pool.committed += amount


def _difference(wanted: Mapping[PostingKey, int], posted: Mapping[PostingKey, int]) -> list[PostingLine]:
    """What must be posted so that the sums become the plan, in the order of charge days."""
    lines = []
    for key in wanted.keys() | posted.keys():
        amount = wanted.get(key, 0) - posted.get(key, 0)
        if amount:
            lines.append((*key, check_range(amount)))
    return sorted(lines, key=lambda line: (line[0], line[1], line[2] or 0))


def _seal(draft: _Draft, known: Sequence[KnownLot]) -> None:
    if draft.batch is None:
        raise AssertionError("only a batch that was begun is sealed")
    for lot in known:
        if lot.lot.amount < lot.lot.opening:
            raise Conflict("amount", "below-opening", "the grant %(key)s would be less than what was drawn of it",
                           key=lot.lot.key)
    keys = {lot.fact.id: lot.fact.key for lot in known}
    draft.batch.hash = batch_hash(draft.batch, draft.lots, draft.changes, draft.lines, keys)
    draft.account.head_hash = draft.batch.hash


def _write_postings(drafts: Iterable[_Draft]) -> None:
    rows = [
        (draft.batch.id, draft.account.id, at, kind, lot_id, amount)
        for draft in drafts
        if draft.batch is not None
        for at, kind, lot_id, amount in draft.lines
    ]
    bulk_insert(Posting, ("batch_id", "account_id", "charge_at", "kind", "lot_id", "amount"), rows)


def renew_caches(account_ids: Iterable[int]) -> None:
    """Caches accounts anew from their postings, after their caches were thrown away (L16)."""
    accounts = lock_accounts(account_ids)
    ids = list(accounts)
    caches.write({account.id: account.batches for account in accounts.values()}, lots_of(ids), posted_of(ids))


def note_freshness(scope_ids: Iterable[int]) -> None:
    """Tells the accounts of locked scopes that the scopes' newest charge days may have changed (U10)."""
    caches.note_freshness(list(lock_accounts(accounts_ever_of(scope_ids))))
