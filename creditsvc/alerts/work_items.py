"""Who needs a manager today, in groups of a kind: each row with its figure and what the figure is made of.

What balances say is asked of the caches as of now (L16), what needs a forecast or a publisher's counts of the last
night. A fixed number of statements for any number of startups: one for each group, whatever it holds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, func, literal, null, or_, select, true
from sqlalchemy.orm import aliased

from creditsvc.alerts.models import DONE, AccountOutlook, Alert, AlertSnooze, JobRun
from creditsvc.alerts.night import NIGHTLY
from creditsvc.alerts.operations import SNOOZE_DAYS, snooze_matter
from creditsvc.core.amounts import Unit, unit_named
from creditsvc.core.due_alerts import (
    EXPIRY,
    HOURS_UNBOOKED,
    NOT_ACTIVATED,
    RUNNING_OUT,
    SEATS_UNUSED,
    STALE,
    UNCOVERED,
    business_day,
)
from creditsvc.core.errors import NotFound
from creditsvc.db import db
from creditsvc.grants.activation import stands
from creditsvc.grants.models import Activation, Grant
from creditsvc.ledger import filters
from creditsvc.ledger.caches import unanswered
from creditsvc.ledger.listing import EXPIRING_WITHIN, UNBOOKED_WITHIN, stale_day
from creditsvc.ledger.models import NOT_BEGUN, Account, AccountCache, LotCache, LotFact, Posting, Resource
from creditsvc.parties.access import Caller, may, require, visible_startups
from creditsvc.parties.models import Startup
from creditsvc.usage.reading import UnassignedScope
from creditsvc.usage.waiting import RunItem, held_runs, unknown_scopes

MUCH = 4
"""What is left of a grant is much from a quarter of it on."""

NOT_BEGUN_AFTER = timedelta(days=30)
"""A grant that could be used for so long and was not has not begun."""

SHOWN, PAGE = 5, 50
"""The rows of a group among all groups, and on its own page."""

COUNTED = 1000
"""As far as the rows of a group are counted among all groups: how many more there are changes nothing today."""


@dataclass(frozen=True)
class Item:
    """A holding that waits for somebody: `amount` is the figure, the rest what it is made of (steps of `unit`).

    `holding` is a grant's key where a grant is meant, else the resource's; a snooze is about it. `day` is that of the
    group: a last charge day, a run-out, since when; `at` the instant of an end. Of uncovered usage `granted` is all
    usage, of a forecast `drawn` that of a usual day and `at` when it was forecast.
    """

    startup: str
    startup_name: str
    account_id: int
    resource: str
    resource_name: str
    unit: Unit
    holding: str
    amount: int
    granted: int = 0
    drawn: int = 0
    held: int = 0
    day: date | None = None
    at: datetime | None = None


@dataclass(frozen=True)
class Group:
    """Rows of one kind, the most pressing first: some of `total`. `rule` is what a snooze of a row is about."""

    name: str
    total: int
    items: Sequence[Item | UnassignedScope | RunItem]
    rule: str = ""
    counted: str = ""  # the total as it is shown: `1000+` where counting stopped


@dataclass(frozen=True)
class Worklist:
    """The groups that hold something; when the night looked last, and how many accounts are being summed anew."""

    groups: Sequence[Group]
    as_of: datetime
    night_at: datetime | None
    unanswered: int


def worklist(caller: Caller) -> Worklist:
    """The first rows of every group. Raises Forbidden for no staff."""
    require(caller, "startups.list")
    groups = [_group(caller, name, 1, SHOWN, COUNTED) for name in GROUPS if _sees(caller, name)]
    night, missing = db.session.execute(select(_last_night(), unanswered(caller.now, _seen_by(caller)))).one()
    return Worklist([group for group in groups if group.total], caller.now, night, missing)


def work_group(caller: Caller, name: str, page: int) -> Group:
    """A page of one group, from 1. Raises Forbidden for no staff, NotFound("group")."""
    require(caller, "startups.list")
    if name not in GROUPS or not _sees(caller, name):
        raise NotFound("group", name)
    return _group(caller, name, page, PAGE)


def group_condition(caller: Caller, name: str) -> ColumnElement[bool]:
    """The condition on `Startup` that it has a row in a group of holdings, snoozed or not."""
    found = _HOLDINGS[name].found(caller.now)
    return Startup.id.in_(found.with_only_columns(Account.startup_id))


def snooze_item(caller: Caller, group: str, account_id: int, holding: str, days: int = SNOOZE_DAYS) -> date:
    """Takes a row off the caller's worklist for some days, and mails about the same matter; a longer snooze stands.

    Returns the first day on which it is back. Raises Forbidden, NotFound("group" | "account"), RuleBroken("days").
    """
    require(caller, "alerts.snooze")
    if group not in RULES_OF:
        raise NotFound("group", group)
    startup = db.session.scalar(
        select(Startup.key).join(Account, Account.startup_id == Startup.id)
        .where(Account.id == account_id, visible_startups(caller))
    )
    if startup is None:
        raise NotFound("account", str(account_id))
    return snooze_matter(caller, account_id, RULES_OF[group], holding[:300], days, f"startup:{startup}")


def _group(caller: Caller, name: str, page: int, size: int, counted: int | None = None) -> Group:
    """A page of a group; `counted` is as far as its rows are counted, None for all of them."""
    if name in _OF_USAGE:
        there, items = _OF_USAGE[name](size, (page - 1) * size)
        return Group(name, there, items, counted=str(there))
    kind = _HOLDINGS[name]
    found = kind.found(caller.now).where(_seen_by(caller), kind.unless_snoozed(caller, kind.rule))
    # ids and their places alone: what is said of rows is read of no more than those of the page
    place = func.row_number().over(order_by=kind.order).label("place")
    some = found.add_columns(place).order_by(*kind.order).limit(counted + 1 if counted else None).cte()
    total = select(func.count()).select_from(some).scalar_subquery()
    told = kind.told(caller.now).join(some, some.c.id == kind.id).add_columns(total.label("total"))
    first = (page - 1) * size
    told = told.where(some.c.place > first, some.c.place <= first + size).order_by(some.c.place)
    rows = db.session.execute(told).all()
    there = rows[0].total if rows else 0
    shown = f"{counted}+" if counted and there > counted else str(there)
    return Group(name, there, [_item(row) for row in rows], kind.rule, shown)


def _sees(caller: Caller, name: str) -> bool:
    return may(caller, {"scopes-unknown": "scope.see", "runs-held": "usage.see"}.get(name, "startups.list"))


def _item(row: Any) -> Item:
    day = row.day.astimezone(UTC).date() if isinstance(row.day, datetime) else row.day
    return Item(
        row.startup, row.startup_name, row.account_id, row.resource, row.resource_name, unit_named(row.unit),
        row.holding, int(row.amount), int(row.granted), int(row.drawn), int(row.held), day, row.at,
    )


def _holdings(
    holding: Any, amount: Any, *, granted: Any = 0, drawn: Any = 0, held: Any = 0, day: Any = None, at: Any = None
) -> Select[*tuple[Any, ...]]:
    """Accounts with the columns of an `Item`, to be joined with what else is asked and narrowed."""
    given = {"holding": holding, "amount": amount, "granted": granted, "drawn": drawn, "held": held}
    figures = [(literal(value) if isinstance(value, int) else value).label(name) for name, value in given.items()]
    return (
        select(
            Startup.key.label("startup"), Startup.name.label("startup_name"), Account.id.label("account_id"),
            Resource.key.label("resource"), Resource.name.label("resource_name"), Resource.unit.label("unit"),
            *figures, (null() if day is None else day).label("day"), (null() if at is None else at).label("at"),
        )
        .select_from(Account)
        .join(Startup, Startup.id == Account.startup_id)
        .join(Resource, Resource.id == Account.resource_id)
    )


# as indexes have them, so that the first rows are found without sorting all
_BY_UNCOVERED = (AccountCache.uncovered.desc(), AccountCache.account_id.desc())
_BY_CHARGE_DAY = (AccountCache.newest_charge_day, AccountCache.account_id)

_CAPACITY = LotCache.undrawn + LotCache.drawn + LotCache.held


def _lots(**more: Any) -> Select[*tuple[Any, ...]]:
    return (
        _holdings(LotFact.key, LotCache.undrawn, granted=_CAPACITY, drawn=LotCache.drawn, held=LotCache.held, **more)
        .join(LotCache, LotCache.account_id == Account.id)
        .join(LotFact, LotFact.id == LotCache.lot_id)
    )


def _lots_of(kind: str, *conditions: Any) -> Select[*tuple[Any, ...]]:
    lots = select(LotCache.lot_id.label("id")).join(Account, Account.id == LotCache.account_id)
    return lots.where(LotCache.kind == kind, *conditions)


def _ending_told(now: datetime) -> Select[*tuple[Any, ...]]:
    return _lots(at=LotCache.lapses_at)


def _expiring(now: datetime) -> Select[*tuple[Any, ...]]:
    """Credit that ends soon with at least a quarter of its grant left."""
    return _lots_of(
        "credit", LotCache.lapses_at > now, LotCache.lapses_at <= now + EXPIRING_WITHIN, LotCache.effective <= now,
        LotCache.undrawn * MUCH >= _CAPACITY,
    )


def _unbooked(now: datetime) -> Select[*tuple[Any, ...]]:
    return _lots_of(
        "hours", LotCache.lapses_at > now, LotCache.lapses_at <= now + UNBOOKED_WITHIN, LotCache.effective <= now,
    )


def _not_begun(now: datetime) -> Select[*tuple[Any, ...]]:
    """Credit that could be used for a month, that nobody redeemed as far as is known, and of which nothing is drawn."""
    activated = (
        select(Activation.id).join(Grant, Grant.id == Activation.grant_id)
        .where(Grant.lot_id == LotCache.lot_id, stands()).exists()
    )
    before = now - NOT_BEGUN_AFTER
    return (
        _lots_of(
            "credit", NOT_BEGUN, LotCache.effective <= before,
            LotFact.awarded <= before, or_(LotCache.lapses_at > now, LotCache.ends_at.is_(None)), ~activated,
        )
        .join(LotFact, LotFact.id == LotCache.lot_id)
    )


def _running_out(now: datetime) -> Select[*tuple[Any, ...]]:
    return select(Account.id.label("id")).join(AccountOutlook, AccountOutlook.account_id == Account.id)


def _running_out_told(now: datetime) -> Select[*tuple[Any, ...]]:
    return _holdings(
        Resource.key, AccountOutlook.remaining, drawn=AccountOutlook.daily, day=AccountOutlook.run_out,
        at=AccountOutlook.as_of,
    ).join(AccountOutlook, AccountOutlook.account_id == Account.id)


def _uncovered(now: datetime) -> Select[*tuple[Any, ...]]:
    return (
        select(Account.id.label("id")).join(AccountCache, AccountCache.account_id == Account.id)
        .where(AccountCache.uncovered > 0)
    )


def _uncovered_told(now: datetime) -> Select[*tuple[Any, ...]]:
    since = select(func.min(Posting.charge_at)).where(
        Posting.account_id == Account.id, Posting.kind == "uncovered"
    ).scalar_subquery()
    paid = _sum_of(LotCache.drawn)
    return _holdings(
        Resource.key, AccountCache.uncovered, drawn=paid, granted=AccountCache.uncovered + paid, day=since
    ).join(AccountCache, AccountCache.account_id == Account.id)


def _stale(now: datetime) -> Select[*tuple[Any, ...]]:
    """Accounts with something left, whose cost data ends some days ago."""
    has_left = select(LotCache.lot_id).where(
        LotCache.account_id == Account.id, filters.usable(now), LotCache.undrawn > 0
    ).exists()
    return (
        select(Account.id.label("id")).join(AccountCache, AccountCache.account_id == Account.id)
        .where(AccountCache.newest_charge_day <= stale_day(now), has_left)
    )


def _stale_told(now: datetime) -> Select[*tuple[Any, ...]]:
    sums = {"granted": _CAPACITY, "drawn": LotCache.drawn, "held": LotCache.held}
    return _holdings(
        Resource.key, _sum_of(LotCache.undrawn, filters.usable(now)), day=AccountCache.newest_charge_day,
        **{name: _sum_of(column, filters.usable(now)) for name, column in sums.items()},
    ).join(AccountCache, AccountCache.account_id == Account.id)


def _sum_of(column: Any, *conditions: ColumnElement[bool]) -> ScalarSelect[Any]:
    """The sum over the lots of an account."""
    return select(func.coalesce(func.sum(column), 0)).where(
        LotCache.account_id == Account.id, *conditions
    ).scalar_subquery()


def _seats_unused(now: datetime) -> Select[*tuple[Any, ...]]:
    """Seats that nobody has or uses, as the last night found them."""
    return (
        select(Alert.id.label("id")).join(Account, Account.id == Alert.account_id)
        .where(Alert.rule == SEATS_UNUSED.name, Alert.closed_on.is_(None))
    )


def _seats_unused_told(now: datetime) -> Select[*tuple[Any, ...]]:
    return _holdings(
        Alert.holding, Alert.params["count"].as_integer(), granted=Alert.params["of"].as_integer(),
        day=Alert.decided_on,
    ).join(Alert, Alert.account_id == Account.id)


def _standing(caller: Caller, rule: str) -> tuple[ColumnElement[bool], ...]:
    """The conditions on `AlertSnooze` that it is one of the caller's, of that rule, and not over."""
    return (
        AlertSnooze.person_id == (caller.person_id or 0), AlertSnooze.rule == rule,
        AlertSnooze.until > business_day(caller.now),
    )


def _account_is_not(caller: Caller, rule: str) -> ColumnElement[bool]:
    return Account.id.not_in(select(AlertSnooze.account_id).where(*_standing(caller, rule)))


def _lot_is_not(caller: Caller, rule: str) -> ColumnElement[bool]:
    lot = aliased(LotFact)
    return LotCache.lot_id.not_in(
        select(lot.id).join(AlertSnooze, lot.key == AlertSnooze.holding).where(*_standing(caller, rule))
    )


def _alert_is_not(caller: Caller, rule: str) -> ColumnElement[bool]:
    return ~select(AlertSnooze.rule).where(
        AlertSnooze.account_id == Alert.account_id, AlertSnooze.holding == Alert.holding, *_standing(caller, rule)
    ).exists()


@dataclass(frozen=True)
class _Kind:
    """A group of holdings: the rule that a snooze of its rows is about, and what holds unless one is snoozed; who is
    `found`, by `id`; their `order`; and what is `told` of them."""

    rule: str
    unless_snoozed: Callable[[Caller, str], ColumnElement[bool]]
    id: Any
    order: tuple[Any, ...]
    found: Callable[[datetime], Select[*tuple[Any, ...]]]
    told: Callable[[datetime], Select[*tuple[Any, ...]]]


_BY_END = (LotCache.lapses_at, LotCache.lot_id)
_HOLDINGS: Mapping[str, _Kind] = {
    "uncovered": _Kind(
        UNCOVERED.name, _account_is_not, Account.id, _BY_UNCOVERED, _uncovered,
        _uncovered_told,
    ),
    "running-out": _Kind(
        RUNNING_OUT.name, _account_is_not, Account.id, (AccountOutlook.run_out, Account.id), _running_out,
        _running_out_told,
    ),
    "expiring": _Kind(EXPIRY.name, _lot_is_not, LotCache.lot_id, _BY_END, _expiring, _ending_told),
    "hours-unbooked": _Kind(HOURS_UNBOOKED.name, _lot_is_not, LotCache.lot_id, _BY_END, _unbooked, _ending_told),
    "stale": _Kind(
        STALE.name, _account_is_not, Account.id, _BY_CHARGE_DAY, _stale, _stale_told,
    ),
    "not-begun": _Kind(
        NOT_ACTIVATED.name, _lot_is_not, LotCache.lot_id, (LotCache.effective, LotCache.lot_id), _not_begun,
        lambda now: _lots(day=LotCache.effective, at=LotCache.lapses_at),
    ),
    "seats-unused": _Kind(
        SEATS_UNUSED.name, _alert_is_not, Alert.id, (Alert.decided_on, Alert.id), _seats_unused, _seats_unused_told,
    ),
}
_OF_USAGE: Mapping[str, Callable[[int, int], tuple[int, Sequence[UnassignedScope | RunItem]]]] = {
    "runs-held": held_runs, "scopes-unknown": unknown_scopes,
}
HOLDING_GROUPS = tuple(_HOLDINGS)
"""The groups whose rows are holdings of startups."""

RULES_OF: Mapping[str, str] = {name: kind.rule for name, kind in _HOLDINGS.items()}
"""What a snooze of a row of a group is about."""

GROUPS = ("uncovered", "running-out", "runs-held", "scopes-unknown", "expiring", "hours-unbooked", "stale",
          "not-begun", "seats-unused")
"""The most pressing first."""


def _seen_by(caller: Caller) -> ColumnElement[bool]:
    """The condition on `Account` that the caller may see its startup."""
    visible = visible_startups(caller)
    return visible if visible is true() else Account.startup_id.in_(select(Startup.id).where(visible))


def _last_night() -> ScalarSelect[Any]:
    return select(func.max(JobRun.as_of)).where(JobRun.job == NIGHTLY, JobRun.state == DONE).scalar_subquery()
