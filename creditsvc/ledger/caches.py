"""The caches of accounts (L16): written under the account's lock, read where they answer the question asked, and
thrown away without loss. What is cached holds until the facts change, whatever the calendar says meanwhile (L10)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, bindparam, case, delete, func, insert, or_, select, update

from creditsvc.columns import bulk_insert
from creditsvc.core.amounts import check_range
from creditsvc.core.burndown import LATEST, Lot
from creditsvc.db import db, table_of
from creditsvc.ledger.facts import KnownLot, PostingKey, folded, newest_charge_days
from creditsvc.ledger.models import Account, AccountCache, LotCache, LotFact, Resource
from creditsvc.sets import Write, adding_or_setting, among, chunks, send

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
"""Since ever, as far as grants go (`core.days.FIRST_YEAR`)."""

_ACCOUNT = (
    "account_id", "batch", "last_charge_at", "uncovered", "uncredited", "newest_charge_day", "used_up_from",
)
_LOT = ("lot_id", "account_id", "pool_id", "kind", "drawn", "held", "effective", "lapses_at", "undrawn", "ends_at")

_KINDS = select(Account.id, Resource.kind).join(Resource, Resource.id == Account.resource_id)
_KIND = (
    select(Resource.kind).join(Account, Account.resource_id == Resource.id)
    .where(Account.id == bindparam("of_account")).scalar_subquery()
)
_LOTS = insert(table_of(LotCache)).values(kind=_KIND)
_NEWEST = select(AccountCache.account_id, AccountCache.newest_charge_day)
_SET_NEWEST = (
    update(table_of(AccountCache)).where(AccountCache.account_id == bindparam("of_account"))
    .values(newest_charge_day=bindparam("newest"))
)

Sums = Mapping[PostingKey, int]


def lapses_at(lot: Lot, taken: int) -> datetime | None:
    """When what is left of the lot expires; None when nothing is left, or it never does or is void before.

    `taken` is what is drawn or held of it.
    """
    return lot.expires if taken < lot.amount and lot.expires == lot.end else None


def ends_at(lot: Lot) -> datetime | None:
    """The first instant at which the lot no longer pays; None when it always does."""
    return lot.end if lot.end < LATEST else None


def used_up_from(lots: Iterable[tuple[Lot, int]]) -> datetime | None:
    """From when on nothing is left of lots (with what is taken of each) that were drawn upon; None when never."""
    lots = list(lots)
    if not any(taken for _, taken in lots):
        return None
    end = max((lot.end for lot, taken in lots if taken < lot.amount), default=ALWAYS)
    return end if end < LATEST else None


def write(batches: Mapping[int, int], known: Mapping[int, Sequence[KnownLot]], sums: Mapping[int, Sums]) -> None:
    """Caches accounts anew, given their last batch numbers, their lots and the sums of all their postings.

    Raises RuleBroken("amount", "too-large") for a sum that does not fit 64 bits.
    """
    for part in chunks(batches):
        db.session.execute(delete(table_of(LotCache)).where(among(LotCache.account_id, part)))
        db.session.execute(delete(table_of(AccountCache)).where(among(AccountCache.account_id, part)))
    kinds: dict[int, str] = {}
    for part in chunks(batches):
        kinds |= dict(db.session.execute(_KINDS.where(among(Account.id, part))).all())
    newest = newest_charge_days(list(batches))
    accounts, lots = [], []
    for account_id, number in batches.items():
        drawn = {lot.fact.id: 0 for lot in known[account_id]}
        held = dict.fromkeys(drawn, 0)
        totals = {"uncovered": 0, "uncredited": 0}
        for (_, kind, lot_id), amount in sums[account_id].items():
            if lot_id is None:
                totals[kind] += amount
            elif kind == "held":
                held[lot_id] += amount
            else:
                drawn[lot_id] += amount
        taken = {lot_id: amount + held[lot_id] for lot_id, amount in drawn.items()}
        last = max((at for at, _, _ in sums[account_id]), default=None)
        used_up = used_up_from((lot.lot, taken[lot.fact.id]) for lot in known[account_id])
        rest = [check_range(totals[kind]) for kind in ("uncovered", "uncredited")]
        accounts.append((account_id, number, last, *rest, newest.get(account_id), used_up))
        lots += [
            (lot.fact.id, account_id, lot.fact.pool_id, kinds[account_id], drawn[lot.fact.id], held[lot.fact.id],
             lot.lot.effective, lapses_at(lot.lot, taken[lot.fact.id]),
             check_range(lot.lot.amount - taken[lot.fact.id]), ends_at(lot.lot))
            for lot in known[account_id]
        ]
    bulk_insert(AccountCache, _ACCOUNT, accounts)
    bulk_insert(LotCache, _LOT, lots)


def adding_undrawn(batches: Mapping[int, int], lots: Sequence[LotFact]) -> list[Write]:
    """The writes that cache new lots of idle accounts (`facts.idle_among`), given the accounts' last batch numbers."""
    accounts = adding_or_setting(
        AccountCache,
        [{"account_id": account_id, "batch": number, "uncovered": 0, "uncredited": 0}
         for account_id, number in batches.items()],
        "batch",
    )
    return [accounts, (_LOTS, [
        {"lot_id": lot.id, "account_id": lot.account_id, "of_account": lot.account_id, "pool_id": lot.pool_id,
         "drawn": 0, "effective": lot.effective, "lapses_at": lapses_at(made, 0), "undrawn": made.amount,
         "ends_at": ends_at(made)}
        for lot in lots
        for made in (folded(lot),)
    ])]


def note_freshness(account_ids: Sequence[int]) -> None:
    """Caches anew up to which charge day the accounts have data (U10); they must be locked."""
    newest = newest_charge_days(account_ids)
    for part in chunks(account_ids):
        cached = db.session.execute(_NEWEST.where(among(AccountCache.account_id, part))).all()
        send(_SET_NEWEST, [{"of_account": account_id, "newest": now}
                           for account_id, day in cached if (now := newest.get(account_id)) != day])


def is_no_answer(as_of: datetime) -> ColumnElement[bool]:
    """The condition on `Account`, outer-joined with `AccountCache`, for those whose cache does not answer as of now."""
    return or_(
        AccountCache.account_id.is_(None), AccountCache.batch != Account.batches, AccountCache.last_charge_at > as_of
    )


def count_unanswered(as_of: datetime, accounts: ColumnElement[bool]) -> ColumnElement[int]:
    """How many of the accounts that a condition on `Account` means the caches do not answer for as of then.

    Mostly none: a cache is never of a later batch than its account, so equal sums say so without joining the two.
    """
    of_accounts = select(func.coalesce(func.sum(Account.batches + 1), 0)).scalar_subquery()
    answering = case((AccountCache.last_charge_at > as_of, 0), else_=AccountCache.batch + 1)
    of_caches = select(func.coalesce(func.sum(answering), 0)).scalar_subquery()
    one_by_one = (
        select(func.count(Account.id)).outerjoin(AccountCache, AccountCache.account_id == Account.id)
        .where(is_no_answer(as_of), accounts).scalar_subquery()
    )
    return case((of_accounts == of_caches, 0), else_=one_by_one)


def uncached(limit: int) -> list[int]:
    """Accounts, at most so many, whose cache was thrown away or is of an older batch."""
    return list(
        db.session.scalars(
            select(Account.id)
            .outerjoin(AccountCache, AccountCache.account_id == Account.id)
            .where(or_(AccountCache.account_id.is_(None), AccountCache.batch != Account.batches))
            .order_by(Account.id)
            .limit(limit)
        )
    )
