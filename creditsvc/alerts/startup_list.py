"""The list of startups: narrowed by what an address says, sorted by a column, in numbered pages, counted.

All of it is asked of the database, from the caches of the accounts where balances matter (L16): a fixed number of
statements for any number of startups.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, and_, false, func, nulls_last, or_, select

from creditsvc.alerts.startup_conditions import condition
from creditsvc.core.amounts import parse_amount, unit_named
from creditsvc.core.errors import RuleBroken
from creditsvc.db import db
from creditsvc.ledger import filters
from creditsvc.ledger.listing import Row, rows_of
from creditsvc.ledger.models import Account, AccountCache, LotCache, Resource
from creditsvc.ledger.reading import AccountView, balances
from creditsvc.parties.access import Caller, require, visible_startups
from creditsvc.parties.models import Startup
from creditsvc.parties.reading import name_contains
from creditsvc.programmes.models import ENROLMENT_STATES, Cohort, Enrolment, Programme
from creditsvc.programmes.reading import looked_after, taking_part
from creditsvc.sets import chunks

PAGE = 50
KINDS = ("credit", "hours", "seats")
EXPORTED_AT_ONCE = 500


@dataclass(frozen=True)
class Filters:
    """What an address asks for; an empty text asks for nothing. `least` and `most` are what remains of `resource`.

    `sort` is a column of SORTS, with a minus before it from the greatest down.
    """

    q: str = ""
    show: str = ""
    programme: str = ""
    cohort: str = ""
    state: str = ""
    kind: str = ""
    resource: str = ""
    least: str = ""
    most: str = ""
    sort: str = ""

    @property
    def asked(self) -> dict[str, str]:
        """What is asked for, as the address says it."""
        return {name: value for name, value in vars(self).items() if value}

    @property
    def narrowing(self) -> dict[str, str]:
        """The same without the order."""
        return {name: value for name, value in self.asked.items() if name != "sort"}


@dataclass(frozen=True)
class Found:
    """A page of the list (from 1), of so many startups in all."""

    rows: Sequence[Row]
    total: int
    number: int
    pages: int


@dataclass(frozen=True)
class Choices:
    """What can be chosen: (programme, its name, its cohorts as (key, name)), and resources as (key, name, unit)."""

    programmes: Sequence[tuple[str, str, Sequence[tuple[str, str]]]]
    resources: Sequence[tuple[str, str, str]]


def choices(caller: Caller) -> Choices:
    """What the caller can choose from, in two statements."""
    rows = db.session.execute(
        select(Programme.key, Programme.name, Cohort.key, Cohort.name)
        .outerjoin(Cohort, Cohort.programme_id == Programme.id)
        .where(looked_after(caller)).order_by(Programme.key, Cohort.starts.desc(), Cohort.key)
    )
    found: dict[str, tuple[str, list[tuple[str, str]]]] = {}
    for programme, name, cohort, cohort_name in rows:
        cohorts = found.setdefault(programme, (name, []))[1]
        if cohort is not None:
            cohorts.append((cohort, cohort_name))
    resources = db.session.execute(select(Resource.key, Resource.name, Resource.unit).order_by(Resource.key))
    return Choices(
        [(key, name, cohorts) for key, (name, cohorts) in found.items()],
        [(key, name, unit) for key, name, unit in resources],
    )


def list_page(caller: Caller, asked: Filters, number: int) -> Found:
    """A page of the list; a number beyond the last page gives the last.

    Raises Forbidden for no staff, RuleBroken at `least`, `most` or `resource` as `condition_of` does.
    """
    wanted = condition_of(caller, asked)
    total = db.session.execute(select(func.count(Startup.id)).where(wanted)).scalar_one()
    pages = max(-(-total // PAGE), 1)
    number = min(max(number, 1), pages)
    some = db.session.scalars(
        select(Startup).where(wanted).order_by(*_order(asked, caller.now)).limit(PAGE)
        .offset((number - 1) * PAGE)
    ).all()
    return Found(rows_of(some, caller.now), total, number, pages)


def startups_of(caller: Caller, asked: Filters, limit: int | None = None) -> Sequence[Startup]:
    """All startups of the list, in its order; at most `limit`. Raises as `list_page`."""
    wanted = condition_of(caller, asked)
    return db.session.scalars(
        select(Startup).where(wanted).order_by(*_order(asked, caller.now)).limit(limit)
    ).all()


def holdings_in_parts(startups: Sequence[Startup], now: datetime) -> Iterator[tuple[Startup, list[AccountView]]]:
    """Each startup with its accounts as of now, read some hundred at a time."""
    for part in chunks(startups, EXPORTED_AT_ONCE):
        by_startup: dict[int, list[AccountView]] = {startup.id: [] for startup in part}
        for view in balances(now, startup_ids=list(by_startup)):
            by_startup[view.startup_id].append(view)
        for startup in part:
            yield startup, by_startup[startup.id]


def condition_of(caller: Caller, asked: Filters) -> ColumnElement[bool]:
    """The condition on `Startup` that the caller may see it and that it is what is asked for.

    A word that names nothing there leaves nothing; one that is no condition, state or kind narrows nothing. Raises
    Forbidden for no staff; RuleBroken("resource", "missing") where a balance is asked for without saying of what,
    and at `least` or `most` for what is no amount of it.
    """
    require(caller, "startups.list")
    return narrowed(caller, asked)


def narrowed(caller: Caller, asked: Filters) -> ColumnElement[bool]:
    """`condition_of` for anybody, of the startups that they may see. Raises as that does, but for Forbidden."""
    wanted: list[ColumnElement[bool] | None] = [visible_startups(caller), *_enrolled(caller, asked)]
    if asked.q:
        wanted.append(name_contains(asked.q))
    wanted.append(condition(caller, asked.show))
    if asked.kind in KINDS or asked.resource:
        what = [Resource.kind == asked.kind] if asked.kind in KINDS else []
        what += [Resource.key == asked.resource] if asked.resource else []
        wanted.append(
            select(Account.id).join(Resource, Resource.id == Account.resource_id)
            .where(Account.startup_id == Startup.id, *what).exists()
        )
    if asked.least or asked.most:
        wanted.append(_balance_between(caller, asked))
    return and_(*(one for one in wanted if one is not None))


def _enrolled(caller: Caller, asked: Filters) -> list[ColumnElement[bool]]:
    """The conditions that it takes part in a programme, and that it is enrolled in a cohort or a state."""
    wanted = [taking_part(caller, asked.programme)] if asked.programme else []
    state = asked.state if asked.state in ENROLMENT_STATES else ""
    if asked.cohort or state:
        inside = (
            select(Enrolment.startup_id)
            .join(Cohort, Cohort.id == Enrolment.cohort_id)
            .join(Programme, Programme.id == Cohort.programme_id)
            .where(looked_after(caller))
        )
        given = {Cohort.key: asked.cohort, Enrolment.status: state, Programme.key: asked.programme}
        for column, value in given.items():
            if value:
                inside = inside.where(column == value)
        wanted.append(Startup.id.in_(inside))
    return wanted


def _balance_between(caller: Caller, asked: Filters) -> ColumnElement[bool]:
    """What remains of the resource lies between two amounts. Where a cache does not answer, balances are read."""
    unit = db.session.scalar(select(Resource.unit).where(Resource.key == asked.resource))
    if unit is None and asked.resource:
        return false()
    if unit is None:
        raise RuleBroken("resource", "missing", "say of which resource the balance is: amounts of two units are not "
                                                "compared")
    steps = {name: parse_amount(value, unit_named(unit), name)
             for name, value in (("least", asked.least), ("most", asked.most)) if value}
    remaining = _sum(LotCache.undrawn, asked.resource, caller.now)
    wanted: list[ColumnElement[bool]] = [remaining.is_not(None)]
    wanted += [remaining >= steps["least"]] if "least" in steps else []
    wanted += [remaining <= steps["most"]] if "most" in steps else []
    unanswered = filters.unanswered(caller.now)
    if unit == "seat":  # who sits where is no matter of the caches
        unanswered = Startup.id.in_(
            select(Account.startup_id).join(Resource, Resource.id == Account.resource_id)
            .where(Resource.key == asked.resource)
        )
    to_read = db.session.scalars(select(Startup.id).where(visible_startups(caller), unanswered)).all()
    fitting = [
        view.startup_id for part in chunks(to_read) for view in balances(caller.now, startup_ids=part)
        if view.resource == asked.resource
        and steps.get("least", view.remaining) <= view.remaining <= steps.get("most", view.remaining)
    ]
    if not to_read:
        return and_(*wanted)
    return or_(and_(~unanswered, *wanted), Startup.id.in_(fitting))


def _sum(column: Any, resource: str, now: datetime) -> ScalarSelect[Any]:
    """The sum over the usable lots of a startup's account of a resource; None without an account."""
    return (
        select(func.coalesce(func.sum(column).filter(filters.usable(now)), 0))
        .select_from(Account)
        .join(Resource, Resource.id == Account.resource_id)
        .outerjoin(LotCache, LotCache.account_id == Account.id)
        .where(Account.startup_id == Startup.id, Resource.key == resource)
        .group_by(Account.id)
        .scalar_subquery()
    )


def _next_expiry(asked: Filters, now: datetime) -> ColumnElement[Any]:
    return (
        select(func.min(LotCache.lapses_at)).join(Account, Account.id == LotCache.account_id)
        .where(Account.startup_id == Startup.id, LotCache.lapses_at > now, LotCache.effective <= now)
        .scalar_subquery()
    )


def _of_caches(column: Any) -> ScalarSelect[Any]:
    return (
        select(func.max(column)).join(Account, Account.id == AccountCache.account_id)
        .where(Account.startup_id == Startup.id).scalar_subquery()
    )


SORTS: Mapping[str, Callable[[Filters, datetime], ColumnElement[Any]]] = {
    "name": lambda asked, now: func.lower(Startup.name),
    "expiry": _next_expiry,
    "data": lambda asked, now: _of_caches(AccountCache.newest_charge_day),
    "remaining": lambda asked, now: _sum(LotCache.undrawn, asked.resource, now),
    "granted": lambda asked, now: _sum(LotCache.capacity, asked.resource, now),
    "uncovered": lambda asked, now: _of_caches(AccountCache.uncovered),
}
"""The columns by which the list is sorted; unless one is named, by key."""

OF_A_RESOURCE = ("remaining", "granted")
"""Those of them that need a resource, since amounts of two units are not compared."""


def _order(asked: Filters, now: datetime) -> list[ColumnElement[Any]]:
    name, is_down = asked.sort.removeprefix("-"), asked.sort.startswith("-")
    if name not in SORTS or (name in OF_A_RESOURCE and not asked.resource):
        return [Startup.key.desc() if name == "key" and is_down else Startup.key.asc()]
    column = SORTS[name](asked, now)
    return [nulls_last(column.desc() if is_down else column.asc()), Startup.key.asc()]
