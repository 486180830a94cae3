"""What is forecast for accounts: their trailing usage and what their lots have left, read for `core.forecast`."""

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from creditsvc.columns import bulk_parts
from creditsvc.core.amounts import Unit, format_amount
from creditsvc.core.burndown import Lot
from creditsvc.core.days import day_start
from creditsvc.core.forecast import LONGEST, Forecast, burn_of, forecast, is_stale, last_complete_day
from creditsvc.core.forecast_hours import burn_of_sessions
from creditsvc.core.forecast_seats import SeatForecast
from creditsvc.db import db
from creditsvc.ledger.models import Account, Posting
from creditsvc.ledger.reading import AccountView
from creditsvc.sets import among, chunks

ROWS_AT_ONCE = 20_000
"""A night reads hundreds of thousands, and adds them up as they come."""

@dataclass
class _Used:
    """What was taken of an account, by charge day, and from which lot (None: uncovered) after the last complete one."""

    last: date
    by_day: dict[date, int] = field(default_factory=dict)
    later: dict[int | None, int] = field(default_factory=lambda: defaultdict(int))


@dataclass(frozen=True)
class Ahead:
    """The usage of the trailing days by charge day, openings aside, whether there was any before them, and what is
    forecast from it (None: too little is known)."""

    usage: Mapping[date, int]
    used_before: bool
    forecast: Forecast | None


def forecasts(views: Sequence[AccountView], as_of: datetime) -> dict[int, Forecast]:
    """The forecast of each account as of an instant, by account id, in a fixed number of queries.

    The views are balances as of that instant. An account with less than a week of complete days, or with stale data,
    has none. Asks nobody's permission.
    """
    found = look_ahead(views, as_of)
    return {account_id: one.forecast for account_id, one in found.items() if one.forecast is not None}


def look_ahead(views: Sequence[AccountView], as_of: datetime, *, ranged: bool = True) -> dict[int, Ahead]:
    """What was used lately and what is forecast, as `forecasts`; of credit, accounts without data, or with stale, are
    left out. Of hours every session is known, up to the day before. Without `ranged` there is no range, in less time.
    """
    at = as_of.astimezone(UTC)
    yesterday = at.date() - timedelta(days=1)
    newest = {
        view.id: view.newest_charge_day for view in views
        if view.newest_charge_day is not None and not is_stale(view.newest_charge_day, at)
    }
    known = [view for view in views if view.id in newest or (view.kind == "hours" and view.lots)]
    if not known:
        return {}
    complete = {account_id: last_complete_day(day, at) for account_id, day in newest.items()}
    last = {view.id: yesterday if view.kind == "hours" else complete[view.id] for view in known}
    since = min([yesterday, *complete.values()]) - timedelta(days=LONGEST)
    found: dict[int, Ahead] = {}
    used = _used(last, since, as_of, {None, *(lot.id for view in known for lot in view.lots)})
    for view in known:
        taken = used[view.id]
        opened = _without_openings(taken, view, since, as_of)
        usage = taken.by_day
        before = view.drawn + view.uncovered - sum(usage.values()) - opened
        if view.kind == "hours":
            burn = burn_of_sessions(usage, _begun(view), yesterday)
        else:
            burn = burn_of(usage, newest[view.id], at, more_before=before > 0)
        outlook = None
        if burn is not None:
            outlook = forecast(burn, _lots(view), _left(view, taken), usage, ranged=ranged)
            if view.kind == "hours":
                outlook = _without_booked(outlook, view)
        found[view.id] = Ahead(usage, before > 0, outlook)
    return found


def _without_openings(used: _Used, view: AccountView, since: date, as_of: datetime) -> int:
    """Sets aside what was drawn before go-live: it was posted as of a day, and is no usage of that day. How much it
    was in all, by the instant."""
    opened = 0
    for lot in view.lots:
        if lot.opening_at is None or lot.opening_at > as_of:
            continue
        opened += lot.opening
        day = lot.opening_at.astimezone(UTC).date()
        if day >= since:
            used.by_day[day] = used.by_day.get(day, 0) - lot.opening
            if day > used.last:
                used.later[lot.id] -= lot.opening
    return opened


def _without_booked(outlook: Forecast, view: AccountView) -> Forecast:
    """What is booked is used, however little a usual week has: no more expires unused than nobody has booked."""
    free = {lot.key: lot.amount - lot.standing.drawn - lot.standing.held for lot in view.lots}
    return replace(outlook, unused={key: min(left, free[key]) for key, left in outlook.unused.items()})


def last_uses(account_ids: Sequence[int], as_of: datetime) -> dict[int, date]:
    """The newest charge day with more than nothing used, of accounts of which the trailing days show none; in one
    statement for some thousand, each found by the index of its account's charge days. Openings are no use."""
    found: dict[int, date] = {}
    for part in chunks(account_ids):
        last = (
            select(Posting.charge_at)
            .where(Posting.account_id == Account.id, Posting.kind.in_(("drawn", "uncovered")),
                   Posting.charge_at <= as_of)
            .group_by(Posting.charge_at).having(func.sum(Posting.amount) > 0)
            .order_by(Posting.charge_at.desc()).limit(1).correlate(Account).scalar_subquery()
        )
        rows: Sequence[Any] = db.session.execute(select(Account.id, last).where(among(Account.id, part))).all()
        found.update({account_id: at.astimezone(UTC).date() for account_id, at in rows if at is not None})
    return found


def outlook_document(outlook: Forecast, unit: Unit) -> dict[str, Any]:
    """A forecast as JSON (CONTRACT: section 5)."""
    return {
        **ends_document(outlook, unit),
        "per_day": format_amount(outlook.burn.daily, unit),
        "complete_days": outlook.burn.days,
        "last_complete_day": outlook.burn.last.isoformat(),
        "bill_from": _day_text(outlook.bill_from),
        "first_bill": format_amount(outlook.first_bill, unit),
    }


def ends_document(outlook: Forecast | SeatForecast, unit: Unit) -> dict[str, Any]:
    """What forecasts of all kinds say: when it runs out, and what expires unused of which grant."""
    return {
        "run_out": _day_text(outlook.run_out),
        "run_out_early": _day_text(outlook.early),
        "run_out_late": _day_text(outlook.late),
        "unused": format_amount(outlook.unused_in_all, unit),
        "grants": [{"key": key, "unused": format_amount(left, unit)} for key, left in sorted(outlook.unused.items())],
    }


def _day_text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _lots(view: AccountView) -> list[Lot]:
    return [
        Lot(lot.key, lot.amount, lot.effective, lot.expires, lot.voided_at, lot.priority, lot.promotional)
        for lot in view.lots
    ]


def _left(view: AccountView, used: _Used) -> dict[str, int]:
    """What each lot had left at the end of the last complete day: what later days took is expected anew. So is, of
    hours, what is booked: the sessions to come are those that a usual week has."""
    return {
        lot.key: lot.amount - lot.standing.drawn - (0 if view.kind == "hours" else lot.standing.held)
        + used.later.get(lot.id, 0)
        for lot in view.lots
    }


def _begun(view: AccountView) -> date:
    """The first day on which there was something to use."""
    return min(max(lot.effective, lot.awarded) for lot in view.lots).astimezone(UTC).date()


def _used(
    last: Mapping[int, date], since: date, as_of: datetime, lots: Container[int | None]
) -> dict[int, _Used]:
    """What was taken per account up to the instant, in one query: on the charge days from `since`, openings among it.
    `last` has each account's last complete day. What other than those lots paid came after the accounts were read: it
    may be an opening, of which they know nothing."""
    found = {account_id: _Used(day) for account_id, day in last.items()}
    for part in chunks(last):
        # added up here: to sort for it takes the database longer, and PostgreSQL's sums come as decimals
        used = select(Posting.account_id, Posting.charge_at, Posting.lot_id, Posting.amount).where(
            among(Posting.account_id, part), Posting.kind.in_(("drawn", "uncovered")),
            Posting.charge_at >= day_start(since), Posting.charge_at <= as_of,
        )
        for columns in bulk_parts(used, ROWS_AT_ONCE, by=Posting.account_id):
            days = {at: at.astimezone(UTC).date() for at in set(columns[1])}
            for account_id, at, lot_id, amount in zip(*columns, strict=True):
                if lot_id not in lots:
                    continue
                one, day = found[account_id], days[at]
                one.by_day[day] = one.by_day.get(day, 0) + amount
                if day > one.last:
                    one.later[lot_id] += amount
    return found
