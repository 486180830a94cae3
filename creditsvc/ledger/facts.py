"""The facts of accounts, read in sets: folded lots, usage by day, what is posted. A fixed number of queries for any
number of accounts; the plan (`core.burndown`) takes what comes from here."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Label, Row, Select, and_, bindparam, func, or_, select

from creditsvc.columns import bulk_read
from creditsvc.core.burndown import Change, Lot, Plan, fold, plan
from creditsvc.core.days import day_start
from creditsvc.core.rates import NO_RATES, Course, Pair, StatedRate, converted, courses, to_units
from creditsvc.db import db
from creditsvc.ledger.models import (
    Account,
    AccountCache,
    Batch,
    LotCache,
    LotChange,
    LotFact,
    Pool,
    Posting,
    RateFact,
    Resource,
    Scope,
    ScopeFact,
    SeatEnd,
    SeatFact,
    UsageFact,
)
from creditsvc.ledger.timeline import Ownership, Turn, owner_at, timeline
from creditsvc.sets import Given, among, among_given, chunks, given, read_fresh, send

PostingKey = tuple[datetime, str, int | None]
"""(charge instant, kind, lot id)"""


@dataclass(frozen=True)
class KnownLot:
    """A lot's award as stated (a row with the columns of `LotFact`), and as all its facts known then make it.

    `cached_drawn` and `cached_held` are what the cache says of it in all, None where the cache does not have the lot
    (L16); `batches` how many the account had when the lot was read, `seats_taken` how many of its seats somebody had
    at the instant asked for (None: not asked).
    """

    fact: LotFact | Row[*tuple[Any, ...]]
    lot: Lot
    pool: str
    cached_drawn: int | None
    batches: int | None = None
    cached_held: int | None = None
    seats_taken: int | None = None


# Columns and no objects: a session that keeps and watches each of many thousand lots costs more than reading them.
_LOT = tuple(LotFact.__table__.columns)
_CHANGE = (LotChange.kind.label("change"), LotChange.amount.label("change_amount"),
           LotChange.instant.label("change_instant"))
_TURN = (ScopeFact.id, ScopeFact.scope_id, ScopeFact.from_at, ScopeFact.account_id, ScopeFact.stated_at)

_IDLE = (
    select(Account.__table__.c.id)
    .outerjoin(AccountCache.__table__, AccountCache.account_id == Account.id)
    .where(
        ~select(ScopeFact.id).where(ScopeFact.account_id == Account.id).exists(),
        ~select(Posting.id).where(Posting.account_id == Account.id).exists(),
        or_(Account.batches == 0, AccountCache.batch == Account.batches),
    )
)
_IDLE_OF_ONE = _IDLE.where(Account.id == bindparam("id"))


def idle_among(account_ids: Iterable[int]) -> set[int]:
    """The accounts of which nothing was ever drawn and to which no scope ever belonged, their caches being whole.

    So their plans are empty, whatever lots they have. The accounts must be locked.
    """
    idle: set[int] = set()
    for part in chunks(account_ids):
        if len(part) == 1:
            idle.update(row[0] for row in send(_IDLE_OF_ONE, [{"id": part[0]}]))
        else:
            idle.update(db.session.scalars(_IDLE.where(among(Account.id, part))))
    return idle


def lots_of(
    account_ids: Sequence[int], known_at: datetime | None = None, seats_at: datetime | None = None
) -> dict[int, list[KnownLot]]:
    """The lots of each account, folded from the facts recorded by `known_at` (all when None), in one statement; with
    how many of their seats were taken at `seats_at`, where that is asked.
    """
    facts: dict[int, Row[*tuple[Any, ...]]] = {}
    changes: dict[int, list[Change]] = defaultdict(list)
    values = {"known_at": known_at, "seats_at": seats_at}
    read = read_fresh if len(account_ids) == 1 else db.session.execute  # for one it is what it costs that counts
    for part in chunks(account_ids):
        how, value = given(part)
        for row in read(_lots(known_at is not None, seats_at is not None, how), {"accounts": value, **values}):
            facts[row.id] = row
            if row.change is not None:
                changes[row.id].append(Change(row.change, row.change_amount, row.change_instant))
    known: dict[int, list[KnownLot]] = {account_id: [] for account_id in account_ids}
    for lot in facts.values():
        terms = folded(lot, changes.get(lot.id, ()))
        known[lot.account_id].append(KnownLot(lot, terms, lot.pool, lot.cached_drawn, lot.batches, lot.cached_held,
                                              None if seats_at is None else lot.seats_taken))
    return known


@cache
def _lots(by_known_at: bool, with_seats: bool, how: Given) -> Select[*tuple[Any, ...]]:
    change_of_lot: ColumnElement[bool] = LotChange.lot_id == LotFact.id
    award = among_given(LotFact.account_id, "accounts", how)
    if by_known_at:
        recorded = select(Batch.id).where(
            among_given(Batch.account_id, "accounts", how), Batch.recorded_at <= bindparam("known_at"))
        change_of_lot = and_(change_of_lot, LotChange.batch_id.in_(recorded))
        award = and_(award, LotFact.batch_id.in_(recorded))
    seats = [_seats_taken(by_known_at)] if with_seats else []
    return (
        select(*_LOT, Pool.key.label("pool"), LotCache.drawn.label("cached_drawn"), LotCache.held.label("cached_held"),
               Account.batches, *_CHANGE, *seats)
        .join(Pool, Pool.id == LotFact.pool_id)
        .join(Account, Account.id == LotFact.account_id)
        .outerjoin(LotCache, LotCache.lot_id == LotFact.id)
        .outerjoin(LotChange, change_of_lot)
        .where(award)
    )


def _seats_taken(by_known_at: bool) -> Label[int]:
    """How many seats of the lot somebody has at an instant, the lot's own end left aside."""
    at: BindParameter[datetime] = bindparam("seats_at")
    over = select(SeatEnd.id).where(SeatEnd.seat_id == SeatFact.id, SeatEnd.ends_at <= at)
    taken = select(func.count()).select_from(SeatFact).where(
        SeatFact.lot_id == LotFact.id, SeatFact.from_at <= at, or_(SeatFact.until_at.is_(None), SeatFact.until_at > at)
    )
    if by_known_at:
        recorded = select(Batch.id).where(Batch.recorded_at <= bindparam("known_at"))
        over = over.where(SeatEnd.batch_id.in_(recorded))
        taken = taken.where(SeatFact.batch_id.in_(recorded))
    return taken.where(~over.exists()).correlate(LotFact).scalar_subquery().label("seats_taken")


def folded(fact: LotFact | Row[*tuple[Any, ...]], changes: Iterable[Change] = ()) -> Lot:
    """The lot as its award and changes of it make it."""
    award = Lot(
        key=fact.key,
        amount=fact.amount,
        effective=fact.effective,
        expires=fact.expires,
        priority=fact.priority,
        promotional=fact.promotional,
        awarded=fact.awarded,
    )
    return fold(award, changes)


def change_of(change: LotChange) -> Change:
    """What the change of a lot says, as a value."""
    return Change(change.kind, change.amount, change.instant)  # type: ignore[arg-type]


def turns_of(scope_ids: Iterable[int]) -> dict[int, list[Turn]]:
    """All that was ever said of whose each scope is from when."""
    turns: dict[int, list[Turn]] = {scope_id: [] for scope_id in scope_ids}
    for part in chunks(turns):
        for fact in db.session.execute(select(*_TURN).where(among(ScopeFact.scope_id, part))):
            turns[fact.scope_id].append(turn_of(fact))
    return turns


def turn_of(fact: ScopeFact | Row[*tuple[Any, ...]]) -> Turn:
    """The fact as a value of its scope's timeline."""
    return Turn(fact.from_at, fact.account_id, (fact.stated_at, fact.id))


def ownerships_of(scope_ids: Iterable[int]) -> dict[int, list[Ownership]]:
    """To whom each scope belongs when."""
    return {scope_id: timeline(of_scope) for scope_id, of_scope in turns_of(scope_ids).items()}


def owned_by(account_ids: Iterable[int]) -> dict[int, list[Ownership]]:
    """The scopes of which some fact names one of the accounts, and to whom each belongs when; in one statement."""
    turns: dict[int, dict[int, Turn]] = defaultdict(dict)
    for part in chunks(account_ids):
        mine = select(ScopeFact.scope_id).where(among(ScopeFact.account_id, part))
        for fact in db.session.execute(select(*_TURN).where(ScopeFact.scope_id.in_(mine))):
            turns[fact.scope_id][fact.id] = turn_of(fact)
    return {scope_id: timeline(of_scope.values()) for scope_id, of_scope in turns.items()}


def accounts_ever_of(scope_ids: Iterable[int]) -> set[int]:
    """The accounts which some fact of the scopes names."""
    found: set[int] = set()
    for part in chunks(scope_ids):
        found.update(
            account_id
            for account_id in db.session.scalars(
                select(ScopeFact.account_id).where(among(ScopeFact.scope_id, part)).distinct()
            )
            if account_id is not None
        )
    return found


def newest_charge_days(account_ids: Sequence[int]) -> dict[int, date]:
    """The newest charge day for which each account has data, from the scopes in the time they belonged to it (U10)."""
    owned = owned_by(account_ids)
    newest: dict[int, date] = {}
    for part in chunks(owned):
        scopes = db.session.execute(
            select(Scope.id, Scope.newest_charge_day).where(among(Scope.id, part), Scope.newest_charge_day.is_not(None))
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


def units_of(account_ids: Iterable[int]) -> dict[int, str]:
    """The unit's name of each account."""
    units: dict[int, str] = {}
    for part in chunks(account_ids):
        rows = db.session.execute(
            select(Account.id, Resource.unit)
            .join(Resource, Resource.id == Account.resource_id)
            .where(among(Account.id, part))
        )
        units.update(rows.all())
    return units


def usage_of(account_ids: Sequence[int]) -> dict[int, dict[datetime, int]]:
    """Net usage of each account by charge day (as its 00:00Z), by the dates of its scopes (U8).

    What is in another currency than the account's counts as the rate of its charge day makes it, and waits where none
    holds (U7).
    """
    usage: dict[int, dict[datetime, int]] = {account_id: defaultdict(int) for account_id in account_ids}
    units = units_of(account_ids)
    owned = owned_by(account_ids)
    starts = cache(day_start)
    for part in chunks(owned):
        totals = bulk_read(
            select(UsageFact.scope_id, UsageFact.day, UsageFact.currency, func.sum(UsageFact.amount))
            .where(among(UsageFact.scope_id, part), UsageFact.currency.in_(set(units.values())))
            .group_by(UsageFact.scope_id, UsageFact.day, UsageFact.currency)
        )
        for scope_id, day, currency, amount in zip(*totals, strict=True):
            at = starts(day)
            for own in owned[scope_id]:
                if own.starts <= at < own.ends and own.account_id in usage and units[own.account_id] == currency:
                    usage[own.account_id][at] += int(amount)
    made = to_units(known_courses(), units.values())
    currencies = {pair[0] for pair in made}
    if currencies:
        for total in _foreign_totals(units, owned, UsageFact.currency.in_(currencies)):
            one = _converted(total, units, made)
            usage[one.account_id][day_start(one.day)] += one.steps
    return usage


@dataclass(frozen=True)
class ForeignUsage:
    """Usage of an account's scope on a charge day in another currency than its unit: `amount` in 10^-8 of `currency`.

    `steps` is what `rate` makes of it in the account's unit: 0 and None where no rate holds on that day, so it waits.
    """

    account_id: int
    scope_id: int
    day: date
    key_id: int
    currency: str
    amount: int
    rate: StatedRate | None
    steps: int


def rates_stated() -> list[StatedRate]:
    """All that was ever said of exchange rates."""
    return [
        StatedRate(
            (fact.from_currency, fact.to_currency), fact.day, None if fact.rate is None else Decimal(fact.rate),
            fact.source, fact.stated_at, fact.id,
        )
        for fact in db.session.scalars(select(RateFact))
    ]


def known_courses() -> dict[Pair, Course]:
    """The exchange rates that stand, by pair of currencies."""
    return courses(rates_stated())


def foreign_usage(
    units: Mapping[int, str], first: date | None = None, last: date | None = None,
    owned: Mapping[int, Sequence[Ownership]] | None = None,
) -> list[ForeignUsage]:
    """Accounts' usage in other currencies than theirs, on charge days from first to last, by the grain of U3.

    `units` has the unit's name of each account; `owned` their scopes with all owners, read here unless given.
    """
    conditions = [] if first is None else [UsageFact.day >= first]
    conditions += [] if last is None else [UsageFact.day <= last]
    if len(set(units.values())) == 1:
        conditions.append(UsageFact.currency.not_in(set(units.values())))
    totals = list(_foreign_totals(units, owned_by(units) if owned is None else owned, *conditions))
    made = to_units(known_courses(), units.values()) if totals else {}
    return [_converted(total, units, made) for total in totals]


def _foreign_totals(
    units: Mapping[int, str], owned: Mapping[int, Sequence[Ownership]], *conditions: ColumnElement[bool]
) -> Iterator[tuple[int, int, date, int, str, int]]:
    """(account, scope, charge day, charge key, currency, amount) where the currency is not the account's."""
    for part in chunks(owned):
        rows = db.session.execute(
            select(UsageFact.scope_id, UsageFact.day, UsageFact.key_id, UsageFact.currency, func.sum(UsageFact.amount))
            .where(among(UsageFact.scope_id, part), *conditions)
            .group_by(UsageFact.scope_id, UsageFact.day, UsageFact.key_id, UsageFact.currency)
        )
        for scope_id, day, key_id, currency, total in rows:
            amount, account_id = int(total), owner_at(owned[scope_id], day_start(day))
            if account_id is not None and amount and units.get(account_id, currency) != currency:
                yield account_id, scope_id, day, key_id, currency, amount


def _converted(
    total: tuple[int, int, date, int, str, int], units: Mapping[int, str], made: Mapping[Pair, Course]
) -> ForeignUsage:
    """Each total (scope, charge day, charge key, currency) is summed first and converted once (L2)."""
    account_id, _, day, _, currency, amount = total
    rate = made.get((currency, units[account_id]), NO_RATES).on(day)
    return ForeignUsage(*total, rate, 0 if rate is None else converted(amount, rate.value))


def posted_of(
    account_ids: Sequence[int], known_at: datetime | None = None, until: datetime | None = None
) -> dict[int, dict[PostingKey, int]]:
    """The sums of each account's postings by charge instant, kind and lot, without those that are zero."""
    posted: dict[int, dict[PostingKey, int]] = {account_id: {} for account_id in account_ids}
    for part in chunks(account_ids):
        statement = select(
            Posting.account_id, Posting.charge_at, Posting.kind, Posting.lot_id, func.sum(Posting.amount)
        ).where(among(Posting.account_id, part))
        if known_at is not None:
            statement = statement.join(Batch, Batch.id == Posting.batch_id).where(Batch.recorded_at <= known_at)
        if until is not None:
            statement = statement.where(Posting.charge_at <= until)
        statement = statement.group_by(Posting.account_id, Posting.charge_at, Posting.kind, Posting.lot_id)
        for account_id, at, kind, lot_id, amount in zip(*bulk_read(statement), strict=True):
            if amount:
                posted[account_id][at, kind, lot_id] = int(amount)
    return posted


def planned(lots: Sequence[KnownLot], usage: dict[datetime, int]) -> dict[PostingKey, int]:
    """What the plan of these facts would have posted, keyed as `posted_of`."""
    return posting_sums(lots, plan([known.lot for known in lots], usage))


def posting_sums(lots: Sequence[KnownLot], made: Plan) -> dict[PostingKey, int]:
    """The lines of a plan of those lots, keyed as `posted_of`."""
    ids = {known.lot.key: known.fact.id for known in lots}
    return {(line.at, line.kind, ids[line.lot] if line.lot else None): line.amount for line in made.lines}
