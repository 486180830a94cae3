"""The rows of the list of startups: what each has left, when the next of it ends, what needs a look."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, not_, or_, select, true

from creditsvc.core.amounts import Unit
from creditsvc.core.due_alerts import STALE
from creditsvc.db import db
from creditsvc.ledger import caches, filters
from creditsvc.ledger.reading import AccountView, balances
from creditsvc.parties.access import Caller
from creditsvc.parties.models import Startup
from creditsvc.parties.reading import list_startups
from creditsvc.sets import chunks

EXPIRING_WITHIN = timedelta(days=60)
EXPIRING_SOON = timedelta(days=30)
UNBOOKED_WITHIN = timedelta(days=30)
FILTERS = ("expiring", "expiring-30", "hours-unbooked", "uncovered", "used-up", "stale")


@dataclass(frozen=True)
class Holding:
    """One account of a row; amounts in steps of the unit."""

    resource: str
    unit: Unit
    granted: int
    drawn: int
    remaining: int
    uncovered: int

    @property
    def drawn_share(self) -> int:
        """How much of what is granted was drawn, in whole percent, down."""
        return self.drawn * 100 // self.granted if self.granted else 0


@dataclass(frozen=True)
class Row:
    """A startup in the list."""

    key: str
    name: str
    holdings: tuple[Holding, ...]
    next_expiry: datetime | None
    newest_charge_day: date | None
    flags: frozenset[str]


def chosen_condition(caller: Caller, chosen: str) -> ColumnElement[bool] | None:
    """The condition on `Startup` that a filter applies to it now; None for a word that is no filter.

    Of startups whose caches do not answer (few, if any) the balances are read here, and those that fit are named.
    """
    if chosen not in FILTERS:
        return None
    now = caller.now
    conditions = {
        "expiring": filters.expiring(now, now + EXPIRING_WITHIN),
        "expiring-30": filters.expiring(now, now + EXPIRING_SOON),
        "hours-unbooked": filters.unbooked(now, now + UNBOOKED_WITHIN),
        "uncovered": filters.uncovered(),
        "used-up": filters.used_up(now),
        "stale": filters.without_data_since(stale_day(now)),
    }
    if not db.session.scalar(select(caches.count_unanswered(now, true()))):
        return conditions[chosen]
    unanswered = list_startups(caller, where=filters.unanswered(now))
    ids = {startup.key: startup.id for startup in unanswered}
    fitting = [
        ids[row.key] for part in chunks(unanswered) for row in rows_of(part, now) if chosen in row.flags
    ]
    return or_(and_(conditions[chosen], not_(filters.unanswered(now))), Startup.id.in_(fitting))


def rows_of(startups: Sequence[Startup], now: datetime) -> tuple[Row, ...]:
    """The rows of those startups, in their order, in a fixed number of queries."""
    by_startup: dict[int, list[AccountView]] = {startup.id: [] for startup in startups}
    for view in balances(now, startup_ids=list(by_startup)):
        by_startup[view.startup_id].append(view)
    return tuple(_row(startup, by_startup[startup.id], now) for startup in startups)


def stale_day(now: datetime) -> date:
    """The newest charge day of data that the night would call stale, by the rule's own threshold."""
    return now.astimezone(UTC).date() - timedelta(days=min(STALE.defaults))


def _is_used_up(view: AccountView) -> bool:
    """Something was drawn or is held, and nothing is left or still to come; seats are not used up but free again."""
    return view.kind != "seats" and view.drawn + view.held > 0 and view.remaining + view.not_yet == 0


def _row(startup: Startup, views: Sequence[AccountView], now: datetime) -> Row:
    expiries = [view.next_expiry for view in views if view.next_expiry is not None]
    days = [view.newest_charge_day for view in views if view.newest_charge_day is not None]
    next_expiry, newest = min(expiries, default=None), max(days, default=None)
    flags = {
        "expiring": next_expiry is not None and next_expiry - now <= EXPIRING_WITHIN,
        "expiring-30": next_expiry is not None and next_expiry - now <= EXPIRING_SOON,
        "hours-unbooked": any(
            view.kind == "hours" and view.next_expiry is not None and view.next_expiry - now <= UNBOOKED_WITHIN
            for view in views
        ),
        "uncovered": any(view.uncovered > 0 for view in views),
        "used-up": any(_is_used_up(view) for view in views),
        "not-yet": any(view.not_yet > 0 and view.remaining == 0 for view in views),
        "stale": newest is not None and newest <= stale_day(now),
    }
    return Row(
        startup.key, startup.name,
        tuple(
            Holding(view.resource, view.unit, view.granted, view.drawn, view.remaining, view.uncovered)
            for view in views
        ),
        next_expiry, newest, frozenset(name for name, holds in flags.items() if holds),
    )
