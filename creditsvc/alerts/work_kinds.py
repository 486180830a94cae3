"""The groups of holdings on the worklist: who is found for each, in which order, and what is told of a row.

Conditions and columns alone, of the tables of balances' caches (L16), of forecasts and of standing alerts; they are
asked of the database in `work_items`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, func, literal, null, or_, select
from sqlalchemy.orm import aliased

from creditsvc.alerts.models import AccountOutlook, Alert, AlertSnooze
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
from creditsvc.grants.models import Activation, Grant
from creditsvc.ledger import filters
from creditsvc.ledger.listing import EXPIRING_WITHIN, UNBOOKED_WITHIN, stale_day
from creditsvc.ledger.models import NOT_BEGUN, Account, AccountCache, LotCache, LotFact, Posting, Resource
from creditsvc.parties.access import Caller
from creditsvc.parties.models import Startup

MUCH = 4
"""What is left of a grant is much from a quarter of it on."""

NOT_BEGUN_AFTER = timedelta(days=30)
"""A grant that could be used for so long and was not has not begun."""


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


def _lots(**more: Any) -> Select[*tuple[Any, ...]]:
    return (
        _holdings(
            LotFact.key, LotCache.undrawn, granted=LotCache.capacity, drawn=LotCache.drawn, held=LotCache.held, **more
        )
        .join(LotCache, LotCache.account_id == Account.id)
        .join(LotFact, LotFact.id == LotCache.lot_id)
    )


def _lots_of(kind: str, *conditions: Any) -> Select[*tuple[Any, ...]]:
    return select(LotCache.lot_id.label("id")).where(LotCache.kind == kind, *conditions)


def _ending_told(now: datetime) -> Select[*tuple[Any, ...]]:
    return _lots(at=LotCache.lapses_at)


def _expiring(now: datetime) -> Select[*tuple[Any, ...]]:
    """Credit that ends soon with at least a quarter of its grant left."""
    return _lots_of("credit", filters.lapsing(now, now + EXPIRING_WITHIN), LotCache.undrawn * MUCH >= LotCache.capacity)


def _unbooked(now: datetime) -> Select[*tuple[Any, ...]]:
    return _lots_of("hours", filters.lapsing(now, now + UNBOOKED_WITHIN))


def _not_begun(now: datetime) -> Select[*tuple[Any, ...]]:
    """Credit that could be used for a month, that nobody redeemed as far as is known, and of which nothing is drawn.

    Of a grant's activations one stands always, so any says that it was redeemed.
    """
    activated = (
        select(Activation.id).join(Grant, Grant.id == Activation.grant_id)
        .where(Grant.lot_id == LotCache.lot_id).exists()
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
    return select(AccountOutlook.account_id.label("id"))


def _running_out_told(now: datetime) -> Select[*tuple[Any, ...]]:
    return _holdings(
        Resource.key, AccountOutlook.remaining, drawn=AccountOutlook.daily, day=AccountOutlook.run_out,
        at=AccountOutlook.as_of,
    ).join(AccountOutlook, AccountOutlook.account_id == Account.id)


def _uncovered(now: datetime) -> Select[*tuple[Any, ...]]:
    return select(AccountCache.account_id.label("id")).where(AccountCache.uncovered > 0)


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
        LotCache.account_id == AccountCache.account_id, filters.usable(now), LotCache.undrawn > 0
    ).exists()
    # told by the account's own row, so that few lots are looked at
    may_have_left = or_(AccountCache.used_up_from.is_(None), AccountCache.used_up_from > now)
    return select(AccountCache.account_id.label("id")).where(
        AccountCache.newest_charge_day <= stale_day(now), may_have_left, has_left
    )


def _stale_told(now: datetime) -> Select[*tuple[Any, ...]]:
    sums = {"granted": LotCache.capacity, "drawn": LotCache.drawn, "held": LotCache.held}
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
    return select(Alert.id.label("id")).where(Alert.rule == SEATS_UNUSED.name, Alert.closed_on.is_(None))


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


def _account_is_not(column: Any) -> Callable[[Caller, str], ColumnElement[bool]]:
    return lambda caller, rule: column.not_in(select(AlertSnooze.account_id).where(*_standing(caller, rule)))


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
class Kind:
    """A group of holdings: the rule that a snooze of its rows is about, and what holds unless one is snoozed; the
    column of the account; who is `found`, by `id`; their `order`; and what is `told` of them, beside `Account`."""

    rule: str
    unless_snoozed: Callable[[Caller, str], ColumnElement[bool]]
    account: Any
    id: Any
    order: tuple[Any, ...]
    found: Callable[[datetime], Select[*tuple[Any, ...]]]
    told: Callable[[datetime], Select[*tuple[Any, ...]]]


_CACHED, _FORECAST, _OF_LOT = AccountCache.account_id, AccountOutlook.account_id, LotCache.account_id
_BY_END = (LotCache.lapses_at, LotCache.lot_id)
HOLDINGS: Mapping[str, Kind] = {
    "uncovered": Kind(
        UNCOVERED.name, _account_is_not(_CACHED), _CACHED, _CACHED, (AccountCache.uncovered.desc(), _CACHED.desc()),
        _uncovered, _uncovered_told,
    ),
    "running-out": Kind(
        RUNNING_OUT.name, _account_is_not(_FORECAST), _FORECAST, _FORECAST, (AccountOutlook.run_out, _FORECAST),
        _running_out, _running_out_told,
    ),
    "expiring": Kind(EXPIRY.name, _lot_is_not, _OF_LOT, LotCache.lot_id, _BY_END, _expiring, _ending_told),
    "hours-unbooked": Kind(
        HOURS_UNBOOKED.name, _lot_is_not, _OF_LOT, LotCache.lot_id, _BY_END, _unbooked, _ending_told,
    ),
    "stale": Kind(
        STALE.name, _account_is_not(_CACHED), _CACHED, _CACHED, (AccountCache.newest_charge_day, _CACHED),
        _stale, _stale_told,
    ),
    "not-begun": Kind(
        NOT_ACTIVATED.name, _lot_is_not, _OF_LOT, LotCache.lot_id, (LotCache.effective, LotCache.lot_id), _not_begun,
        lambda now: _lots(day=LotCache.effective, at=LotCache.lapses_at),
    ),
    "seats-unused": Kind(
        SEATS_UNUSED.name, _alert_is_not, Alert.account_id, Alert.id, (Alert.decided_on, Alert.id), _seats_unused,
        _seats_unused_told,
    ),
}
"""By name; their orders are those of indexes, so that the first rows are found without sorting all."""
