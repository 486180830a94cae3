"""When a consultant is free: their hours and exceptions less what is booked, read from the database."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select

from creditsvc.consulting.consultants import as_changes, day_changes_of, find_consultant, weekly_of
from creditsvc.consulting.holidays import holidays_between
from creditsvc.consulting.models import BOOKED, CONFIRMED, DISPUTED, LOGGED, Booking, Consultant
from creditsvc.core.days import zone_named
from creditsvc.core.errors import NotFound, RuleBroken
from creditsvc.core.free_slots import Stretch, free_starts, open_stretches
from creditsvc.db import db
from creditsvc.parties.access import Caller, require

STANDING = (BOOKED, LOGGED, DISPUTED, CONFIRMED)
"""The states of bookings that take a consultant's time."""

MOST_DAYS = 62
SHORTEST, LONGEST = 15, 8 * 60


def check_minutes(minutes: int) -> timedelta:
    """The length of a session. Raises RuleBroken("minutes", "out-of-range") unless 15 to 480 in steps of 15."""
    if not SHORTEST <= minutes <= LONGEST or minutes % SHORTEST:
        raise RuleBroken(
            "minutes", "out-of-range", "%(value)s is out of range: 15 to 480 minutes in steps of 15 are right",
            value=minutes,
        )
    return timedelta(minutes=minutes)


def free_slots(caller: Caller, consultant: str, first: date, last: date, minutes: int) -> list[datetime]:
    """When a session of so many minutes can begin, on the consultant's local days from `first` through `last`.

    Raises Forbidden, NotFound("consultant"), RuleBroken at `minutes`, `last`.
    """
    if not caller.is_member:
        require(caller, "consultant.see")
    found = find_consultant(consultant)
    if caller.role == "consultant" and found.person_id != caller.person_id:
        raise NotFound("consultant", consultant)
    if last < first or (last - first).days > MOST_DAYS:
        raise RuleBroken("last", "out-of-range", "write a last day from %(first)s on, at most %(days)s days later",
                         first=first, days=MOST_DAYS)
    return free_of(found, first, last, check_minutes(minutes), caller.now)


def free_of(
    consultant: Consultant, first: date, last: date, length: timedelta, now: datetime, *, besides: int | None = None
) -> list[datetime]:
    """The free starts, leaving the booking `besides` out of account. Asks nobody's permission."""
    if not consultant.active:
        return []
    day, zone = timedelta(days=1), zone_named(consultant.timezone)
    # a session may go on after midnight; and hours without a break over several days are counted from where they begin,
    # whichever day is asked about
    opened = opened_on(consultant, first - 8 * day, last + day)
    if not opened:
        return []
    busy = booked_between(consultant.id, opened[0][0], opened[-1][1] + length, besides)
    earliest = now + timedelta(hours=consultant.notice_hours)
    starts = free_starts(opened, busy, length, timedelta(minutes=consultant.slot_minutes), earliest)
    return [at for at in starts if first <= at.astimezone(zone).date() <= last]


def opened_on(consultant: Consultant, first: date, last: date) -> list[Stretch]:
    """The consultant's hours on their local days, exceptions and holidays taken into account."""
    day = timedelta(days=1)
    return open_stretches(
        first, last, weekly_of(consultant.id), as_changes(day_changes_of(consultant.id, first - day, last + day)),
        holidays_between(consultant.holidays, first - day, last), zone_named(consultant.timezone),
    )


def booked_between(
    consultant_id: int, begin: datetime, end: datetime, besides: int | None = None
) -> Sequence[Stretch]:
    """What is booked of a consultant's time between two instants."""
    rows = db.session.execute(
        select(Booking.id, Booking.starts, Booking.ends)
        .where(Booking.consultant_id == consultant_id, Booking.state.in_(STANDING), Booking.starts < end,
               Booking.ends > begin)
        .order_by(Booking.starts)
    )
    return [(starts, ends) for booking_id, starts, ends in rows if booking_id != besides]


def is_free(consultant: Consultant, starts: datetime, length: timedelta, now: datetime, besides: int | None) -> bool:
    """Whether a session can begin exactly then."""
    local = starts.astimezone(zone_named(consultant.timezone)).date()
    return starts.astimezone(UTC) in free_of(consultant, local, local, length, now, besides=besides)
