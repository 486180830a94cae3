"""The book: the only writer of facts and postings (rules L1 to L18).

Plan, then post the difference: `post` adds facts to accounts that the caller holds locked, plans each account anew
from all its facts, compares with what is posted and appends the difference, naming the cause. An account upon which
nothing draws (`facts.idle_among`) has an empty plan: its lots are added and cached, and no more is read. Seats are
not drawn upon: of them the book asks that no more are taken of a lot, nor promised of a pool, than there are at once.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import func, select

from creditsvc import clock
from creditsvc.columns import bulk_insert
from creditsvc.core.amounts import check_range, unit_named
from creditsvc.core.burndown import ChangeKind
from creditsvc.core.errors import Conflict, RuleBroken
from creditsvc.core.rates import Pair, rate_text
from creditsvc.db import db
from creditsvc.ledger import caches, limits, rows
from creditsvc.ledger.additions import Added, Additions, add_facts
from creditsvc.ledger.chain import PostingLine, batch_hash, rate_hash
from creditsvc.ledger.facts import (
    KnownLot,
    PostingKey,
    idle_among,
    lots_of,
    planned,
    posted_of,
    usage_of,
)
from creditsvc.ledger.holds import hours_of, planned_hours
from creditsvc.ledger.locks import assert_locked, lock_accounts
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
from creditsvc.sets import Write, send, send_together, transient

PapersWriter = Callable[[Mapping[str, int], Sequence[Write]], object]
"""Writes papers of new lots, whose ids it is given by their keys, and all that is to be written with them."""


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


@dataclass(frozen=True)
class Posted:
    """What came of a posting: the batches by account id, and the ids of new seats by account id, in the order of their
    terms."""

    batches: dict[int, Batch]
    seats: dict[int, list[int]]


@dataclass
class _Draft:
    """A batch in the making."""

    account: Account
    batch: Batch | None = None
    lots: list[LotFact] = field(default_factory=list)
    changes: list[LotChange] = field(default_factory=list)
    lines: list[PostingLine] = field(default_factory=list)
    committed: list[tuple[int, int]] = field(default_factory=list)  # (pool id, amount)
    new: Additions = field(default_factory=Additions)
    added: Added = field(default_factory=Added)

    @property
    def batch_id(self) -> int:
        if self.batch is None:
            raise AssertionError("no batch was begun for what is to be added")
        return self.batch.id


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


def add_turns(
    scope: Scope, turns: Iterable[tuple[datetime, int | None]], stated_at: datetime, actor: str
) -> None:
    """Adds facts to a locked scope's timeline: (from when, to which account or nobody).

    Stated at `stated_at`, or just after the newest fact of the scope, so that what is said last stands.
    """
    assert_locked(Scope, scope.id)
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
    assert_locked(RateFact, 0)
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
    accounts: Iterable[Account],
    cause: Cause,
    lots: Mapping[int, Sequence[LotTerms]] | None = None,
    changes: Mapping[int, Sequence[ChangeTerms]] | None = None,
    additions: Mapping[int, Additions] | None = None,
    *,
    made: Collection[int] = (),
    write_papers: PapersWriter = lambda _, writes: send_together(writes),
) -> Posted:
    """Adds facts, plans the accounts anew, posts the differences; one batch for each account that changed.

    The accounts, and the pools of the lots that change, must have been locked in this transaction. `lots`, `changes`
    and `additions` of hours and seats are by account id; an account without any is planned anew because its usage or
    its scopes changed. `made` are the ids of accounts that were made for this and to which nothing can belong yet;
    `write_papers` is called once, before accounts are planned anew, and must write all that it is given.

    Raises RuleBroken("amount", "pool-exceeded") naming what the pool has left, Conflict("key", "key-taken") naming the
    key of a lot that somebody has, and what `add_facts` and `limits` raise.
    """
    lots, changes, additions = lots or {}, changes or {}, additions or {}
    drafts = {account.id: _Draft(account) for account in sorted(accounts, key=lambda account: account.id)}
    for account_id in drafts:
        assert_locked(Account, account_id)
        drafts[account_id].new = additions.get(account_id, Additions())
    with_lots_alone = drafts.keys() - {key for key, of_lots in changes.items() if of_lots} - additions.keys()
    idle = with_lots_alone.intersection(made) | idle_among(with_lots_alone.difference(made))
    for account_id in sorted({*lots, *changes, *additions}):
        _begin_batch(drafts[account_id], cause)
        _state_lots(drafts[account_id], lots.get(account_id, ()))
    begun = [draft for draft in drafts.values() if draft.batch is not None]
    undrawn = [draft for draft in begun if draft.account.id in idle]
    for draft in undrawn:
        _seal(draft)
    committed = _add_facts(begun, cause, changes)
    new = {lot.key: lot.id for draft in begun for lot in draft.lots}
    write_papers(new, [committed, _heading(undrawn), *caches.adding_undrawn(
        {draft.account.id: draft.account.batches for draft in undrawn}, [lot for draft in undrawn for lot in draft.lots]
    )])
    _plan_anew([draft for account_id, draft in drafts.items() if account_id not in idle], cause)
    return Posted(
        {account_id: draft.batch for account_id, draft in drafts.items() if draft.batch is not None},
        {account_id: draft.added.seats for account_id, draft in drafts.items() if draft.added.seats},
    )


def _plan_anew(drafts: Sequence[_Draft], cause: Cause) -> None:
    """Plans accounts from all their facts, and posts and caches what differs."""
    if not drafts:
        return
    ids = [draft.account.id for draft in drafts]
    known, usage, posted, hours = lots_of(ids), usage_of(ids), posted_of(ids), hours_of(ids)
    sums: dict[int, dict[PostingKey, int]] = {}
    begun = []
    for draft in drafts:
        account_id = draft.account.id
        of_hours = hours.get(account_id)
        if of_hours is None:
            sums[account_id] = planned(known[account_id], usage[account_id])
        else:
            sums[account_id] = planned_hours(known[account_id], of_hours)
            limits.check_holds(known[account_id], of_hours, draft.new, sums[account_id], posted[account_id])
        draft.lines = _difference(sums[account_id], posted[account_id])
        if draft.lines and draft.batch is None:
            begun.append(_begin_batch(draft, cause))
    rows.add_batches(begun)
    limits.check_seats({
        draft.account.id: known[draft.account.id] for draft in drafts if draft.new.seats or draft.changes
    })
    written = [draft for draft in drafts if draft.batch is not None]
    for draft in written:
        _check_openings(known[draft.account.id])
        _seal(draft, {lot.fact.id: lot.fact.key for lot in known[draft.account.id]})
    rows.keep_hashes([draft.batch for draft in written if draft.batch is not None])
    send(*_heading(written))
    _write_postings(written)
    caches.write({draft.account.id: draft.account.batches for draft in drafts}, known, sums)


def _begin_batch(draft: _Draft, cause: Cause) -> Batch:
    account = draft.account
    recorded_at = clock.now()  # read after the lock, so that the order of batches is the order of their times (L15)
    if account.head_at is not None:
        recorded_at = max(recorded_at, account.head_at + timedelta(microseconds=1))
    draft.batch = transient(
        Batch, account_id=account.id, number=account.batches + 1, recorded_at=recorded_at, cause=cause.kind,
        cause_ref=cause.ref, actor=cause.actor, previous_hash=account.head_hash, hash="",
    )
    return draft.batch


def _state_lots(draft: _Draft, lots: Iterable[LotTerms]) -> None:
    for terms in lots:
        if terms.amount <= 0:
            raise RuleBroken("amount", "not-positive", "a grant is of more than nothing")
        draft.committed.append((terms.pool_id, terms.amount))
        draft.lots.append(
            transient(
                LotFact, account_id=draft.account.id, pool_id=terms.pool_id, key=terms.key,
                amount=check_range(terms.amount), effective=terms.effective, expires=terms.expires,
                priority=terms.priority, promotional=terms.promotional, awarded=terms.awarded,
            )
        )


def _add_facts(drafts: Sequence[_Draft], cause: Cause, changes: Mapping[int, Sequence[ChangeTerms]]) -> Write:
    """Adds the batches that were begun, their lots, and the changes of lots, new ones among them; the write that is
    left is of what pools have committed."""
    taken = rows.add_batches_with_lots([(draft.batch, draft.lots) for draft in drafts if draft.batch is not None])
    if taken is not None:
        raise Conflict("key", "key-taken", "The key %(key)s is taken: choose another one.", key=taken)
    for draft in drafts:
        draft.changes = [_change(draft, cause, terms) for terms in changes.get(draft.account.id, ())]
    rows.add_changes([change for draft in drafts for change in draft.changes])
    for draft in drafts:
        if draft.new != Additions():
            draft.added = add_facts(draft.account.id, draft.batch_id, cause.actor, draft.new)
    return limits.committing_to_pools(amount for draft in drafts for amount in draft.committed)


def _change(draft: _Draft, cause: Cause, terms: ChangeTerms) -> LotChange:
    lot = next((lot for lot in draft.lots if lot.key == terms.lot_key), None) or db.session.scalar(
        select(LotFact).where(LotFact.key == terms.lot_key, LotFact.account_id == draft.account.id)
    )
    if lot is None:
        raise RuleBroken("grant", "unknown-grant", "the account has no grant %(key)s", key=terms.lot_key)
    if terms.kind in ("top_up", "return", "opening") and terms.amount <= 0:
        raise RuleBroken("amount", "not-positive", "write an amount above 0")
    if terms.kind in ("extend", "void", "opening") and terms.instant is None:
        raise AssertionError(f"{terms.kind} needs an instant")
    if terms.kind == "top_up":
        draft.committed.append((lot.pool_id, terms.amount))
    elif terms.kind == "return":
        draft.committed.append((lot.pool_id, -terms.amount))
    else:
        draft.committed.append((lot.pool_id, 0))  # seats that are given for longer or shorter change what is promised
    return LotChange(
        lot_id=lot.id, batch_id=draft.batch_id, kind=terms.kind, amount=terms.amount, instant=terms.instant,
        stated_at=terms.stated_at, actor=cause.actor, reason=terms.reason,
    )


def _difference(wanted: Mapping[PostingKey, int], posted: Mapping[PostingKey, int]) -> list[PostingLine]:
    """What must be posted so that the sums become the plan, in the order of charge days."""
    lines = []
    for key in wanted.keys() | posted.keys():
        amount = wanted.get(key, 0) - posted.get(key, 0)
        if amount:
            lines.append((*key, check_range(amount)))
    return sorted(lines, key=lambda line: (line[0], line[1], line[2] or 0))


def _check_openings(known: Iterable[KnownLot]) -> None:
    for lot in known:
        if lot.lot.amount < lot.lot.opening:
            raise Conflict("amount", "below-opening", "the grant %(key)s would be less than what was drawn of it",
                           key=lot.lot.key)


def _seal(draft: _Draft, keys: Mapping[int, str] | None = None) -> None:
    """Hashes a batch of which nothing is missing any more."""
    if draft.batch is None:
        raise AssertionError("only a batch that was begun is sealed")
    draft.batch.hash = batch_hash(
        draft.batch, draft.lots, draft.changes, draft.lines, keys or {}, draft.added.words
    )


def _heading(drafts: Sequence[_Draft]) -> Write:
    """The write that makes sealed batches the heads of their accounts."""
    return rows.keeping_heads([(draft.account, draft.batch) for draft in drafts if draft.batch is not None])


def _write_postings(drafts: Iterable[_Draft]) -> None:
    lines_of_all = [
        (draft.batch.id, draft.account.id, at, kind, lot_id, amount)
        for draft in drafts
        if draft.batch is not None
        for at, kind, lot_id, amount in draft.lines
    ]
    bulk_insert(Posting, ("batch_id", "account_id", "charge_at", "kind", "lot_id", "amount"), lines_of_all)


def renew_caches(account_ids: Iterable[int]) -> None:
    """Caches accounts anew from their postings, after their caches were thrown away (L16)."""
    accounts = lock_accounts(account_ids)
    ids = list(accounts)
    caches.write({account.id: account.batches for account in accounts.values()}, lots_of(ids), posted_of(ids))


def note_freshness(account_ids: Iterable[int]) -> None:
    """Tells accounts that the newest charge days of their scopes may have changed (U10); they must have been locked."""
    ids = list(account_ids)
    for account_id in ids:
        assert_locked(Account, account_id)
    caches.note_freshness(ids)
