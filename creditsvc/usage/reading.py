"""What pages, the API and commands show of usage: runs, scopes, usage by day."""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from sqlalchemy import ColumnElement, func, or_, select, true

from creditsvc.core.burndown import LATEST
from creditsvc.core.days import day_start
from creditsvc.core.errors import NotFound
from creditsvc.core.rates import StatedRate
from creditsvc.db import db, is_id
from creditsvc.ledger.facts import ForeignUsage, foreign_usage, owned_by, ownerships_of, turn_of, units_of
from creditsvc.ledger.models import Account, ChargeKey, Resource, Scope, ScopeFact, UsageFact
from creditsvc.ledger.timeline import Ownership, Turn, owner_at, timeline
from creditsvc.parties.access import Caller, require, visible_startups
from creditsvc.parties.models import Startup
from creditsvc.sets import chunks
from creditsvc.usage.models import ImportRun

P = TypeVar("P", bound=Hashable)


@dataclass(frozen=True)
class ScopeView:
    """A scope in the time it belongs to a startup; `ends` None means until further notice."""

    provider: str
    external_id: str
    resource: str
    starts: datetime
    ends: datetime | None
    newest_charge_day: date | None
    data_at: datetime | None


@dataclass(frozen=True)
class UnassignedScope:
    """A scope with usage that belongs to no startup on some charge days; amounts (10^-8) by currency."""

    provider: str
    external_id: str
    first_day: date
    last_day: date
    amounts: dict[str, int]


@dataclass(frozen=True)
class Conversion:
    """Usage in another currency: `amount` (10^-8 of it) as it was billed, and the `steps` that `rate` makes of it."""

    currency: str
    amount: int
    rate: StatedRate
    steps: int


@dataclass(frozen=True)
class DayUsage:
    """Usage of an account on a charge day, in steps of its unit: in all, by charge key and by scope.

    `converted` is the part of it that was billed in other currencies; `waiting` is what waits for a rate and is not in
    it, by currency.
    """

    day: date
    amount: int
    by_key: tuple[tuple[str, int], ...]
    by_scope: tuple[tuple[str, int], ...]
    converted: tuple[Conversion, ...] = ()
    waiting: tuple[tuple[str, int], ...] = ()


def visible_runs(caller: Caller) -> ColumnElement[bool]:
    """The condition on `ImportRun` that staff may know of it: what a startup's own people uploaded is for those who
    look after that startup; all others may tell of many."""
    if caller.programme_ids is None:
        return true()
    mine = select(Startup.id).where(visible_startups(caller))
    return or_(ImportRun.startup_id.is_(None), ImportRun.startup_id.in_(mine))


def sees_all_startups(caller: Caller) -> bool:
    """Whether sums over all startups are sums of what staff may see."""
    if caller.programme_ids is None:
        return True
    return db.session.scalar(select(Startup.id).where(~visible_startups(caller)).limit(1)) is None


def list_runs(
    caller: Caller, limit: int = 50, before: int | None = None, status: str | None = None
) -> list[ImportRun]:
    """The newest import runs first, of one status or all; `before` is the id to go on from. Raises Forbidden."""
    require(caller, "usage.see")
    statement = select(ImportRun).where(visible_runs(caller)).order_by(ImportRun.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(ImportRun.id < before)
    if status is not None:
        statement = statement.where(ImportRun.status == status)
    return list(db.session.scalars(statement))


def find_run(caller: Caller, run_id: int) -> ImportRun:
    """One run. Raises Forbidden, NotFound."""
    require(caller, "usage.see")
    found = select(ImportRun).where(ImportRun.id == run_id, visible_runs(caller))
    run = db.session.scalar(found) if is_id(run_id) else None
    if run is None:
        raise NotFound("run", str(run_id))
    return run


def visible_scopes(caller: Caller) -> ColumnElement[bool]:
    """The condition on `Scope` for staff: it never belonged to a startup, or to one that the caller may see."""
    if caller.programme_ids is None:
        return true()
    ever = select(ScopeFact.scope_id).where(ScopeFact.account_id.is_not(None))
    mine = (
        select(ScopeFact.scope_id)
        .join(Account, Account.id == ScopeFact.account_id)
        .join(Startup, Startup.id == Account.startup_id)
        .where(visible_startups(caller))
    )
    return or_(Scope.id.not_in(ever), Scope.id.in_(mine))


def days_seen(caller: Caller, days: Collection[tuple[int, date]]) -> set[tuple[int, date]]:
    """Those of the (scope id, charge day) whose usage staff may see: of a scope that they may see, on a day on which it
    belongs to nobody or to a startup that they may see (U8)."""
    if caller.programme_ids is None:
        return set(days)
    ids = {
        scope_id for part in chunks({scope_id for scope_id, _ in days})
        for scope_id in db.session.scalars(select(Scope.id).where(Scope.id.in_(part), visible_scopes(caller)))
    }
    mine = select(Account.id).join(Startup, Startup.id == Account.startup_id).where(visible_startups(caller))
    owners = {None, *db.session.scalars(mine)}
    owned = ownerships_of(ids)
    return {(scope, day) for scope, day in days if scope in ids and owner_at(owned[scope], day_start(day)) in owners}


def scopes_of(startup_id: int) -> list[ScopeView]:
    """The scopes of a startup, in the order of their start. The caller must have been allowed to see it."""
    resources = dict(
        db.session.execute(
            select(Account.id, Resource.key)
            .join(Resource, Resource.id == Account.resource_id)
            .where(Account.startup_id == startup_id)
        ).all()
    )
    return scope_views(scopes_held(resources), resources)


def scopes_held(account_ids: Iterable[int]) -> dict[Scope, list[Ownership]]:
    """The scopes that ever belonged to one of the accounts, each with all its owners, in one statement."""
    mine = select(ScopeFact.scope_id).where(ScopeFact.account_id.in_(list(account_ids)))
    turns: dict[Scope, list[Turn]] = defaultdict(list)
    for scope, fact in db.session.execute(
        select(Scope, ScopeFact).join(ScopeFact, ScopeFact.scope_id == Scope.id).where(Scope.id.in_(mine))
    ):
        turns[scope].append(turn_of(fact))
    return {scope: timeline(of_scope) for scope, of_scope in turns.items()}


def scope_views(held: Mapping[Scope, Sequence[Ownership]], resources: Mapping[int, str]) -> list[ScopeView]:
    """The scopes in the times they belong to the accounts, in the order of their start; `resources` by account id.

    Nothing is told of the days after such a time: they may be another startup's.
    """
    views = [
        ScopeView(
            scope.provider, scope.external_id, resources[own.account_id], own.starts,
            None if own.ends == LATEST else own.ends, *_freshness(scope, own),
        )
        for scope, ownerships in held.items()
        for own in ownerships
        if own.account_id is not None and own.account_id in resources
    ]
    return sorted(views, key=lambda view: (view.starts, view.external_id))


def _freshness(scope: Scope, own: Ownership) -> tuple[date | None, datetime | None]:
    """The newest charge day within that time, and when its data came, where it is the newest of all (U10)."""
    last = (own.ends - timedelta(microseconds=1)).astimezone(UTC).date()
    if scope.newest_charge_day is None or scope.newest_charge_day <= last:
        return scope.newest_charge_day, scope.data_at
    return last, None


def unassigned_scopes(caller: Caller) -> list[UnassignedScope]:
    """Scopes whose usage waits because it belongs to no startup (U6), as far as the caller may see them.

    Raises Forbidden.
    """
    require(caller, "scope.see")
    ever_assigned = select(ScopeFact.scope_id).where(ScopeFact.account_id.is_not(None))
    never = db.session.execute(
        select(Scope, UsageFact.currency, func.min(UsageFact.day), func.max(UsageFact.day), func.sum(UsageFact.amount))
        .join(UsageFact, UsageFact.scope_id == Scope.id)
        .where(Scope.id.not_in(ever_assigned))
        .group_by(Scope.id, UsageFact.currency)
    ).all()
    rows = [(scope, currency, first, last, int(amount)) for scope, currency, first, last, amount in never]
    rows += _gaps(caller)
    found: dict[tuple[str, str], UnassignedScope] = {}
    for scope, currency, first, last, amount in rows:
        pair = (scope.provider, scope.external_id)
        seen = found.get(pair)
        amounts = dict(seen.amounts) if seen else {}
        amounts[currency] = amounts.get(currency, 0) + amount
        found[pair] = UnassignedScope(
            *pair, min(first, seen.first_day) if seen else first, max(last, seen.last_day) if seen else last, amounts
        )
    return [found[pair] for pair in sorted(found)]


def _gaps(caller: Caller) -> list[tuple[Scope, str, date, date, int]]:
    """Usage of scopes that belong to a startup, on days on which they belong to none."""
    ended = set(
        db.session.scalars(
            select(ScopeFact.scope_id).join(Scope, Scope.id == ScopeFact.scope_id).where(visible_scopes(caller))
        )
    )
    owned = ownerships_of(ended)
    rows: list[tuple[Scope, str, date, date, int]] = []
    for part in chunks(ended):
        usage = db.session.execute(
            select(Scope, UsageFact.day, UsageFact.currency, func.sum(UsageFact.amount))
            .join(UsageFact, UsageFact.scope_id == Scope.id)
            .where(Scope.id.in_(part))
            .group_by(Scope.id, UsageFact.day, UsageFact.currency)
        )
        for scope, day, currency, amount in usage:
            at = day_start(day)
            if amount and not any(own.starts <= at < own.ends for own in owned[scope.id]):
                rows.append((scope, currency, day, day, int(amount)))
    return rows


def usage_by_day(account_id: int, first: date, last: date) -> list[DayUsage]:
    """The usage of an account on the charge days from first to last that have any, newest first."""
    owned = owned_by([account_id])
    unit = units_of([account_id])[account_id]
    keys: dict[date, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    scopes: dict[date, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    rows = db.session.execute(
        select(UsageFact.scope_id, Scope.external_id, UsageFact.day, ChargeKey.text, func.sum(UsageFact.amount))
        .join(Scope, Scope.id == UsageFact.scope_id)
        .join(ChargeKey, ChargeKey.id == UsageFact.key_id)
        .where(UsageFact.scope_id.in_(list(owned)), UsageFact.currency == unit)
        .where(UsageFact.day >= first, UsageFact.day <= last)
        .group_by(UsageFact.scope_id, Scope.external_id, UsageFact.day, ChargeKey.text)
    )
    for scope_id, external_id, day, key, amount in rows:
        at = day_start(day)
        if any(own.starts <= at < own.ends and own.account_id == account_id for own in owned[scope_id]):
            keys[day][key] += int(amount)
            scopes[day][external_id] += int(amount)
    foreign = foreign_usage({account_id: unit}, first, last, owned)
    texts = _charge_keys({one.key_id for one in foreign})
    names = _scope_names({one.scope_id for one in foreign})
    waiting: dict[date, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in foreign:
        if one.rate is None:
            waiting[one.day][one.currency] += one.amount
        else:
            keys[one.day][texts[one.key_id]] += one.steps
            scopes[one.day][names[one.scope_id]] += one.steps
    converted = _conversions((one.day, one) for one in foreign)
    return [
        DayUsage(day, sum(keys[day].values()), _largest(keys[day]), _largest(scopes[day]), converted.get(day, ()),
                 _largest(waiting[day]))
        for day in sorted({*keys, *waiting}, reverse=True)
        if any(keys[day].values()) or day in converted or any(waiting[day].values())
    ]


def _charge_keys(ids: set[int]) -> dict[int, str]:
    texts: dict[int, str] = {}
    for part in chunks(ids):
        texts.update(db.session.execute(select(ChargeKey.id, ChargeKey.text).where(ChargeKey.id.in_(part))).all())
    return texts


def _scope_names(ids: set[int]) -> dict[int, str]:
    return dict(db.session.execute(select(Scope.id, Scope.external_id).where(Scope.id.in_(ids))).all()) if ids else {}


def _conversions(foreign: Iterable[tuple[P, ForeignUsage]]) -> dict[P, tuple[Conversion, ...]]:
    """What of the usage has a rate, summed by place, currency and rate."""
    sums: dict[P, dict[tuple[str, StatedRate], list[int]]] = {}
    for place, one in foreign:
        if one.rate is not None:
            sum_ = sums.setdefault(place, {}).setdefault((one.currency, one.rate), [0, 0])
            sum_[0] += one.amount
            sum_[1] += one.steps
    return {
        place: tuple(
            Conversion(currency, amount, rate, steps)
            for (currency, rate), (amount, steps) in sorted(of_place.items(), key=lambda item: _by_rate(item[0]))
        )
        for place, of_place in sums.items()
    }


def _by_rate(place: tuple[str, StatedRate]) -> tuple[str, date]:
    return place[0], place[1].day


def conversions_by_day(units: Mapping[int, str]) -> dict[tuple[int, date], tuple[Conversion, ...]]:
    """What was billed in other currencies and is converted, by account and charge day; `units` has each account's.

    Asks nobody's permission.
    """
    return _conversions(((one.account_id, one.day), one) for one in foreign_usage(units))


def foreign_in_all(
    units: Mapping[int, str], owned: Mapping[int, Sequence[Ownership]] | None = None, last: date | None = None
) -> tuple[dict[int, tuple[Conversion, ...]], dict[int, dict[str, int]]]:
    """By account: usage in other currencies that is converted, by rate; and what waits for a rate, by currency (U7).

    `units` has the unit's name of each account; `owned` their scopes with all owners, read here unless given;
    charge days up to `last`, or all.
    """
    foreign = foreign_usage(units, last=last, owned=owned)
    waiting: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in foreign:
        if one.rate is None:
            waiting[one.account_id][one.currency] += one.amount
    sums = {account_id: dict(of_account) for account_id, of_account in waiting.items()}
    return _conversions((one.account_id, one) for one in foreign), sums


def _largest(sums: dict[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(((name, amount) for name, amount in sums.items() if amount), key=lambda item: -item[1]))
