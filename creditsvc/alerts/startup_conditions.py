"""What the list of startups is narrowed to: seats that are unused or do not fit, people who wait, sessions to settle.

What balances say of a startup alone, `ledger.listing` answers; that it stands in a group of the worklist, that group.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select

from creditsvc.alerts.models import Alert
from creditsvc.alerts.work_items import HOLDING_GROUPS, group_condition
from creditsvc.consulting.models import Booking
from creditsvc.core.due_alerts import SEATS_MISMATCH, SEATS_UNUSED
from creditsvc.ledger import listing
from creditsvc.licences.models import WAITING, SeatWish
from creditsvc.parties.access import Caller
from creditsvc.parties.models import Startup


def _told(rule: str) -> ColumnElement[bool]:
    """An alert of that rule stands, as of the last night."""
    return select(Alert.id).where(
        Alert.startup_id == Startup.id, Alert.rule == rule, Alert.closed_on.is_(None)
    ).exists()


def _somebody_waits() -> ColumnElement[bool]:
    return select(SeatWish.id).where(SeatWish.startup_id == Startup.id, SeatWish.state == WAITING).exists()


def _sessions(now: datetime) -> ColumnElement[bool]:
    """A session that is disputed, or is over and nobody has said what became of it."""
    is_open = or_(Booking.state == "disputed", and_(Booking.state == "booked", Booking.ends <= now))
    return select(Booking.id).where(Booking.startup_id == Startup.id, is_open).exists()


_CONDITIONS: dict[str, Callable[[datetime], ColumnElement[bool]]] = {
    "seats-unused": lambda now: _told(SEATS_UNUSED.name),
    "seats-mismatch": lambda now: _told(SEATS_MISMATCH.name),
    "waiting": lambda now: _somebody_waits(),
    "sessions": _sessions,
}

CHOICES = tuple(dict.fromkeys([*listing.FILTERS, *_CONDITIONS, *HOLDING_GROUPS]))
"""The words by which the list of startups can be narrowed."""


def condition(caller: Caller, chosen: str) -> ColumnElement[bool] | None:
    """The condition on `Startup` that the word stands for; None for one that is none of CHOICES."""
    if chosen in listing.FILTERS:
        return listing.chosen_condition(caller, chosen)
    if chosen in _CONDITIONS:
        return _CONDITIONS[chosen](caller.now)
    return group_condition(caller, chosen) if chosen in HOLDING_GROUPS else None
