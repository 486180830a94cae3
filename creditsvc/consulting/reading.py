"""Bookings as people may see them, and what they add up to: a fixed number of queries for any number of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from creditsvc.consulting.bookings import late_notice, minutes_of, visible_bookings
from creditsvc.consulting.models import (
    BOOKED,
    CANCELLED,
    CONFIRMED,
    DISPUTED,
    LOGGED,
    NO_SHOW,
    Booking,
    Consultant,
)
from creditsvc.consulting.sessions import counts_from
from creditsvc.core.days import instant_text
from creditsvc.core.errors import Forbidden, NotFound, RuleBroken
from creditsvc.db import db
from creditsvc.ledger import filters
from creditsvc.ledger.models import Account, LotCache, Resource
from creditsvc.ledger.reading import AccountView, LotView, balances
from creditsvc.parties.access import MANAGERS, Caller, require, visible_startups
from creditsvc.parties.models import Startup

_STEPS: Mapping[str, tuple[frozenset[str], frozenset[str], bool | None]] = {
    # in which states, by whom, and whether the session must have begun (True), must not have (False), or either
    "move": (frozenset({BOOKED}), frozenset({"startup", "manager"}), None),
    "cancel": (frozenset({BOOKED}), frozenset({"consultant", "manager"}), None),
    "cancel-in-time": (frozenset({BOOKED}), frozenset({"startup"}), False),
    "log": (frozenset({BOOKED, LOGGED}), frozenset({"consultant", "manager"}), True),
    "no-show": (frozenset({BOOKED, LOGGED}), frozenset({"consultant", "manager"}), True),
    "confirm": (frozenset({LOGGED}), frozenset({"startup", "manager"}), None),
    "dispute": (frozenset({LOGGED}), frozenset({"startup", "manager"}), None),
    "decide": (frozenset({DISPUTED}), frozenset({"manager"}), None),
    "correct": (frozenset({CONFIRMED, NO_SHOW, CANCELLED}), frozenset({"manager"}), None),
}

STATES = (BOOKED, LOGGED, DISPUTED, CONFIRMED, CANCELLED, NO_SHOW)


@dataclass(frozen=True)
class BookingView:
    """A booking with the keys and names of whom it is about; `timezone` and `person_id` are its consultant's."""

    booking: Booking
    startup: str
    startup_name: str
    consultant: str
    consultant_name: str
    timezone: str
    person_id: int | None
    resource: str

    @property
    def uid(self) -> str:
        """The booking's key."""
        return self.booking.uid

    @property
    def minutes(self) -> int:
        """Its length as booked."""
        return minutes_of(self.booking)


@dataclass
class Minutes:
    """Minutes of sessions added up: what stands as booked, what waits for a word (logged or disputed), what was used;
    and those that were offered, where that is told.
    """

    booked: int = 0
    waiting: int = 0
    used: int = 0
    sessions: int = 0
    offered: int = 0

    @property
    def share(self) -> int | None:
        """Whole percent, half up, of the minutes offered that sessions took or will take; None where none are."""
        taken = self.booked + self.waiting + self.used
        return (200 * taken + self.offered) // (2 * self.offered) if self.offered else None


def find_booking(caller: Caller, uid: str) -> BookingView:
    """The booking of that uid. Raises NotFound("booking")."""
    row = db.session.execute(_rows().where(Booking.uid == uid, visible_bookings(caller))).first()
    if row is None:
        raise NotFound("booking", uid)
    return _view(row)


def bookings_of(
    caller: Caller, *, startup: str | None = None, consultant: str | None = None, states: Sequence[str] = (),
    first: datetime | None = None, last: datetime | None = None, after: str | None = None, limit: int | None = None,
    newest_first: bool = False,
) -> list[BookingView]:
    """The bookings that the caller may see, by their start: from `first` on, before `last`, beyond the uid `after`.

    Raises RuleBroken("after", "unknown-booking").
    """
    statement = _rows().where(visible_bookings(caller))
    if startup is not None:
        statement = statement.where(Startup.key == startup)
    if consultant is not None:
        statement = statement.where(Consultant.key == consultant)
    if states:
        statement = statement.where(Booking.state.in_(states))
    if first is not None:
        statement = statement.where(Booking.starts >= first)
    if last is not None:
        statement = statement.where(Booking.starts < last)
    if after is not None:
        statement = statement.where(_beyond(caller, after))
    order = (Booking.starts.desc(), Booking.id.desc()) if newest_first else (Booking.starts, Booking.id)
    return [_view(row) for row in db.session.execute(statement.order_by(*order).limit(limit))]


def _beyond(caller: Caller, uid: str) -> ColumnElement[bool]:
    row = db.session.execute(_rows().where(Booking.uid == uid, visible_bookings(caller))).first()
    if row is None:
        raise RuleBroken("after", "unknown-booking", "there is no booking %(key)s to go on from", key=uid)
    last: Booking = row[0]
    return or_(Booking.starts > last.starts, and_(Booking.starts == last.starts, Booking.id > last.id))


def by_topic(found: Sequence[BookingView]) -> dict[str, Minutes]:
    """What these bookings come to, by topic."""
    sums: dict[str, Minutes] = defaultdict(Minutes)
    for one in found:
        add(sums[one.booking.topic], one)
    return dict(sorted(sums.items()))


def by_startup_and_month(found: Sequence[BookingView], zone: ZoneInfo) -> dict[tuple[date, str, str], Minutes]:
    """What these bookings come to, by month of a zone (its first day, newest first), startup's name and key."""
    sums: dict[tuple[date, str, str], Minutes] = defaultdict(Minutes)
    for one in found:
        month = one.booking.starts.astimezone(zone).date().replace(day=1)
        add(sums[month, one.startup_name, one.startup], one)
    in_order = sorted(sums.items(), key=lambda item: item[0][1:])
    return dict(sorted(in_order, key=lambda item: item[0][0], reverse=True))


def add(sums: Minutes, one: BookingView) -> None:
    """Adds a booking to the sums; one that was cancelled in time adds nothing."""
    booking = one.booking
    if booking.state == CANCELLED and not booking.settled_minutes:
        return
    sums.sessions += 1
    if booking.state == BOOKED:
        sums.booked += one.minutes
    elif booking.state in (LOGGED, DISPUTED):
        sums.waiting += booking.logged_minutes or 0
    else:
        sums.used += booking.settled_minutes or 0


def lapsing(caller: Caller, until: datetime, limit: int = 200) -> list[tuple[AccountView, LotView]]:
    """Hours that expire by an instant with something neither used nor booked, soonest first; of at most so many
    startups' holdings, those with the soonest. Raises Forbidden."""
    require(caller, "startups.list")
    accounts = db.session.scalars(
        select(LotCache.account_id)
        .join(Account, Account.id == LotCache.account_id)
        .join(Startup, Startup.id == Account.startup_id)
        .where(LotCache.kind == "hours", filters.lapsing(caller.now, until), visible_startups(caller))
        .group_by(LotCache.account_id)
        .order_by(func.min(LotCache.lapses_at), LotCache.account_id)
        .limit(limit)
    ).all()
    found = [
        (view, lot)
        for view in (balances(caller.now, account_ids=accounts) if accounts else ())
        for lot in view.lots
        if lot.standing.remaining and lot.end <= until
    ]
    return sorted(found, key=lambda pair: (pair[1].end, pair[0].startup, pair[1].key))


def counts(caller: Caller) -> dict[str, int]:
    """How many bookings that the caller may see stand in each state. Raises Forbidden."""
    require(caller, "startups.list")
    rows = db.session.execute(
        select(Booking.state, func.count())
        .join(Startup, Startup.id == Booking.startup_id)
        .join(Consultant, Consultant.id == Booking.consultant_id)
        .where(visible_bookings(caller))
        .group_by(Booking.state)
    )
    return {state: int(number) for state, number in rows}


def steps_of(caller: Caller, view: BookingView) -> list[str]:
    """What the caller may do with a booking as it stands: the names of its steps (the operation asks again)."""
    parts, begun = _parts_of(caller, view), view.booking.starts <= caller.now
    found = [
        step for step, (states, who, when) in _STEPS.items()
        if view.booking.state in states and parts & who and when in (None, begun)
    ]
    if view.booking.state == LOGGED:
        over = caller.now >= counts_from(view.booking)
        left_out = {"dispute", "log", "no-show"} if over else set() if "manager" in parts else {"no-show"}
        found = [step for step in found if step not in left_out]
    if "move" in found and "manager" not in parts and view.booking.starts - caller.now < late_notice(view.booking):
        found.remove("move")
    return list(dict.fromkeys("cancel" if step == "cancel-in-time" else step for step in found))


def require_step(caller: Caller, view: BookingView, step: str) -> None:
    """Raises Forbidden unless the caller, who sees the booking, may do the step in some state of it."""
    names = (step, "cancel-in-time") if step == "cancel" else (step,)
    if not any(_parts_of(caller, view) & _STEPS[name][1] for name in names):
        raise Forbidden(f"booking.{step}")


def _parts_of(caller: Caller, view: BookingView) -> set[str]:
    parts = set()
    if view.booking.startup_id in caller.memberships:
        parts.add("startup")
    if caller.role == "consultant" and view.person_id == caller.person_id:
        parts.add("consultant")
    if caller.role in MANAGERS:
        parts.add("manager")
    return parts


def booking_document(view: BookingView) -> dict[str, Any]:
    """A booking as a JSON document."""
    booking = view.booking
    return {
        "uid": view.uid,
        "startup": view.startup,
        "consultant": view.consultant,
        "resource": view.resource,
        "topic": booking.topic,
        "starts_at": instant_text(booking.starts),
        "ends_at": instant_text(booking.ends),
        "minutes": view.minutes,
        "state": booking.state,
        "sequence": booking.sequence,
        "booked_at": instant_text(booking.booked_at),
        "booked_by": booking.booked_by,
        "logged_minutes": booking.logged_minutes,
        "logged_at": instant_text(booking.logged_at),
        "note": booking.note,
        "dispute": booking.dispute,
        "settled_minutes": booking.settled_minutes,
        "settled_at": instant_text(booking.settled_at),
    }


def _rows() -> Select[*tuple[Any, ...]]:
    return (
        select(Booking, Startup.key, Startup.name, Consultant.key, Consultant.name, Consultant.timezone,
               Consultant.person_id, Resource.key)
        .join(Startup, Startup.id == Booking.startup_id)
        .join(Consultant, Consultant.id == Booking.consultant_id)
        .join(Account, Account.id == Booking.account_id)
        .join(Resource, Resource.id == Account.resource_id)
    )


def _view(row: Any) -> BookingView:
    return BookingView(*row)
