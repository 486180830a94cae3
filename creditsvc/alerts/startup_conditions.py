"""What the list of startups is narrowed to: seats that are unused or do not fit, people who wait, sessions to settle.

What balances say of a startup alone is a filter of the list itself (`ledger.listing`); these ask of other rooms.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select

from creditsvc.alerts.models import Alert
from creditsvc.consulting.models import Booking
from creditsvc.core.due_alerts import SEATS_MISMATCH, SEATS_UNUSED
from creditsvc.ledger import listing
from creditsvc.licences.models import WAITING, SeatWish
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

CHOICES = (*listing.FILTERS, *_CONDITIONS)
"""The words by which the list of startups can be narrowed."""


def condition(chosen: str, now: datetime) -> ColumnElement[bool] | None:
    """The condition on `Startup` of a word of other rooms; None for one that the list knows itself, or no word."""
    return _CONDITIONS[chosen](now) if chosen in _CONDITIONS else None
