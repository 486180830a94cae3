"""What `verify` asks of bookings (L14, L18): each has in the book what it says of itself, and no consultant sits in two
sessions at once.

The ledger knows no bookings, so that whoever verifies brings this check along: `verify(check_bookings)`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select

from creditsvc.columns import bulk_read
from creditsvc.consulting.models import BOOKED, DISPUTED, LOGGED, Booking, Consultant
from creditsvc.consulting.slots import STANDING
from creditsvc.core.days import instant_text
from creditsvc.db import db
from creditsvc.ledger.models import HoldEnd, HoldFact, HoursFact, Resource
from creditsvc.ledger.verify_holdings import Difference, account_names, difference
from creditsvc.sets import chunks

OPEN = (BOOKED, LOGGED, DISPUTED)
"""The states in which a booking's minutes are held and none is used."""

SLICE = 200

_Hold = tuple[str, int, datetime]
"""Key, minutes and instant of a hold that stands."""


def check_bookings() -> list[Difference]:
    """What differs between bookings and the book, and consultants who are booked twice at once. Reads the snapshot of
    whoever asks, a slice of accounts at a time."""
    names = account_names(Resource.kind == "hours")
    differences = []
    for part in chunks(names, SLICE):
        differences += _check_accounts(part, names)
    return differences + _check_consultants(names)


def _check_accounts(ids: Sequence[int], names: Mapping[int, str]) -> list[Difference]:
    """Bookings without a hold of their minutes, or with one too many, or that used other minutes than they say; holds
    and usage in the name of bookings that their account does not have."""
    held, used = _held_of(ids), _used_of(ids)
    differences = []
    bookings = db.session.execute(
        select(Booking.account_id, Booking.id, Booking.uid, Booking.sequence, Booking.state, Booking.starts,
               Booking.ends, Booking.settled_minutes)
        .where(Booking.account_id.in_(ids)).order_by(Booking.account_id, Booking.id)
    )
    for account_id, booking_id, uid, sequence, state, starts, ends, settled in bookings:
        place, is_open = (account_id, f"booking:{booking_id}"), state in OPEN
        wanted = [(f"booking:{booking_id}:{sequence}", (ends - starts) // timedelta(minutes=1), starts)]
        found = sorted(held.pop(place, ()))
        if found != (wanted if is_open else []):
            what = f"what is held for booking {uid} ({state})"
            differences.append(difference(names[account_id], what, _words(wanted if is_open else ()), _words(found)))
        minutes = used.pop(place, 0)
        if minutes != (0 if is_open else settled):
            what = f"minutes used by booking {uid} ({state})"
            differences.append(difference(names[account_id], what, 0 if is_open else settled, minutes))
    differences += [
        difference(names[account_id], f"what is held for {ref}", "a booking of the account", _words(holds))
        for (account_id, ref), holds in sorted(held.items())
    ]
    return differences + [
        difference(names[account_id], f"minutes used by {ref}", "a booking of the account", minutes)
        for (account_id, ref), minutes in sorted(used.items())
    ]


def _held_of(ids: Sequence[int]) -> dict[tuple[int, str], list[_Hold]]:
    """The holds of bookings that stand, by account and booking."""
    held: dict[tuple[int, str], list[_Hold]] = defaultdict(list)
    for account_id, key, amount, at in db.session.execute(
        select(HoldFact.account_id, HoldFact.key, HoldFact.amount, HoldFact.at)
        .outerjoin(HoldEnd, HoldEnd.hold_id == HoldFact.id)
        .where(HoldFact.account_id.in_(ids), HoldEnd.hold_id.is_(None), HoldFact.key.startswith("booking:"))
    ):
        held[account_id, key.rpartition(":")[0]].append((key, amount, at))
    return held


def _used_of(ids: Sequence[int]) -> dict[tuple[int, str], int]:
    """The minutes that bookings used, whoever paid them, by account and booking."""
    return {
        (account_id, ref): int(amount)
        for account_id, ref, amount in db.session.execute(
            select(HoursFact.account_id, HoursFact.ref, func.sum(HoursFact.amount))
            .where(HoursFact.account_id.in_(ids), HoursFact.ref.startswith("booking:"))
            .group_by(HoursFact.account_id, HoursFact.ref)
        )
    }


def _check_consultants(names: Mapping[int, str]) -> list[Difference]:
    """Sessions that begin before one of the same consultant is over."""
    columns = bulk_read(
        select(Consultant.key, Booking.starts, Booking.id, Booking.ends, Booking.uid, Booking.account_id)
        .join(Consultant, Consultant.id == Booking.consultant_id)
        .where(Booking.state.in_(STANDING))
    )
    differences = []
    busy: dict[str, tuple[datetime, str]] = {}  # until when, and by which booking
    for consultant, starts, _, ends, uid, account_id in sorted(zip(*columns, strict=True)):
        until, other = busy.get(consultant, (starts, ""))
        if starts < until:
            what = f"sessions of consultant {consultant} at {instant_text(starts)}"
            name = names.get(account_id, str(account_id))
            differences.append(difference(name, what, "one at a time", f"bookings {other} and {uid}"))
        busy[consultant] = max((until, other), (ends, uid))
    return differences


def _words(holds: Sequence[_Hold]) -> str:
    return ", ".join(f"{minutes} minutes at {instant_text(at)} ({key})" for key, minutes, at in holds) or "nothing"
