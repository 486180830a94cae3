"""Booking a session, moving it, cancelling it: a hold of the startup's hours, and the consultant's time (L14).

The consultant's row is locked first, then the booking's, then the account: whoever books one consultant, or against one
balance, waits for whoever is doing so, and sees it.
"""

import uuid
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, select

from creditsvc.consulting.consultants import Policy, find_consultant, policy_of_startup
from creditsvc.consulting.models import BOOKED, CANCELLED, Booking, Consultant
from creditsvc.consulting.slots import check_minutes, is_free
from creditsvc.core.days import instant_text
from creditsvc.core.errors import Conflict, Forbidden, NotFound, RuleBroken
from creditsvc.db import db
from creditsvc.ledger import book as ledger_book
from creditsvc.ledger.additions import Additions, HoldEndTerms, HoldTerms, HoursTerms
from creditsvc.ledger.book import Cause
from creditsvc.ledger.holds import CONFIRMED, EXCESS, RELEASED, UNCOVERED
from creditsvc.ledger.locks import lock_accounts
from creditsvc.ledger.models import Account, Resource
from creditsvc.parties.access import Caller, may, may_with, require_startup, visible_startups
from creditsvc.parties.models import Startup
from creditsvc.parties.trail import record

LONGEST_TOPIC, LONGEST_NOTE = 200, 2000


def book(
    caller: Caller, *, startup: str, consultant: str, topic: str, starts: datetime, minutes: int,
    resource: str | None = None,
) -> Booking:
    """Books a consultant's free slot for a startup, and holds its minutes of the hours valid on that day.

    By managers and the startup's people. `resource` names the hours where the startup has several. Raises
    NotFound("startup" | "consultant"), Forbidden, RuleBroken at `topic`, `resource`, `minutes` (no length; more than
    the hours left for that day, which it names), Conflict("starts", "not-free").
    """
    company = require_startup(caller, "booking.make", startup)
    length = check_minutes(minutes)
    check_topic(topic)
    account_id = account_of_hours(company, resource)
    person = find_consultant(consultant, locked=True)
    _check_free(person, starts, length, caller.now, None)
    lock_accounts([account_id])  # before the booking, which on PostgreSQL holds its account a little, as others may
    booking = Booking(
        uid=str(uuid.uuid4()), sequence=0, consultant_id=person.id, startup_id=company.id, account_id=account_id,
        topic=topic.strip(), starts=starts.astimezone(UTC), ends=starts.astimezone(UTC) + length, state=BOOKED,
        policy=asdict(policy_of_startup(company.id)), booked_by=caller.actor, booked_at=caller.now, note="", dispute="",
    )
    db.session.add(booking)
    db.session.flush()
    post_hours(caller, booking, "book", Additions(holds=(_hold(booking, caller.now),)))
    record(caller, "booking.made", f"booking:{booking.uid}", after=words_of(booking, person, company.key))
    return booking


def move(caller: Caller, uid: str, *, starts: datetime, minutes: int) -> Booking:
    """Moves a session that is booked to another free slot of the same consultant, also of another length.

    The startup's people may until the time in which cancelling costs them. To where it stands already is no step.
    Raises NotFound("booking"), Forbidden, Conflict("state" | "starts", ...), RuleBroken("minutes", ...).
    """
    length = check_minutes(minutes)
    booking, person, startup = held_booking(caller, uid, "booking.make", with_consultant=True)
    require_state(booking, BOOKED)
    if (booking.starts, booking.ends) == (starts, starts + length):
        return booking
    if is_late(caller, booking, startup):
        raise Conflict(
            "starts", "too-late", "a session can be moved until %(hours)s hours before it begins",
            hours=policy_for(booking).late_hours,
        )
    _check_free(person, starts, length, caller.now, booking.id)
    before = words_of(booking, person, startup.key)
    ended = HoldEndTerms(hold_key(booking), RELEASED, caller.now)
    booking.starts, booking.ends = starts.astimezone(UTC), starts.astimezone(UTC) + length
    booking.sequence += 1
    booking.reminded_at = None
    db.session.flush()
    post_hours(caller, booking, "move", Additions(holds=(_hold(booking, caller.now),), hold_ends=(ended,)))
    record(caller, "booking.moved", f"booking:{uid}", before=before, after=words_of(booking, person, startup.key))
    return booking


def cancel(caller: Caller, uid: str, *, reason: str = "") -> Booking:
    """Cancels a session that is booked; repeating it changes nothing (L13).

    By managers, the consultant, and the startup's people before it begins. Late by the startup's people, the policy's
    percentage of the minutes booked is used; else all that was held is free again. Raises NotFound("booking"),
    Forbidden, Conflict("state", "not-booked" | "begun"), RuleBroken("reason", ...).
    """
    booking, person, startup = held_booking(caller, uid, "booking.make", by_consultant=True)
    if booking.state == CANCELLED:
        return booking
    check_text(reason, "reason")
    require_state(booking, BOOKED)
    by_startup = _is_startups(caller, startup) and not _is_own(caller, person)
    if by_startup and booking.starts <= caller.now:
        raise Conflict("state", "begun", "the session has begun: its consultant says what became of it")
    before = words_of(booking, person, startup.key)
    keep_rate(booking, person)
    percent = policy_for(booking).late_percent if by_startup and is_late(caller, booking, startup) else 0
    used = share_of(booking, percent)
    settle_hold(caller, booking, "cancel", used)
    booking.state, booking.sequence, booking.note = CANCELLED, booking.sequence + 1, reason
    db.session.flush()
    record(caller, "booking.cancelled", f"booking:{uid}", before=before,
           after={"reason": reason, "minutes_used": used})
    return booking


def visible_bookings(caller: Caller) -> ColumnElement[bool]:
    """The condition that holds for what the caller may see: of their startups, and those of the consultant they are.

    For a statement that joins Startup and Consultant.
    """
    if caller.role == "consultant" and caller.person_id is not None:
        return visible_startups(caller) | (Consultant.person_id == caller.person_id)
    return visible_startups(caller)


def held_booking(
    caller: Caller, uid: str, action: str, *, by_consultant: bool = False, with_consultant: bool = False
) -> tuple[Booking, Consultant, Startup]:
    """Locks a booking (its consultant before it, where asked) and reads it fresh, for whoever may do that with it.

    `by_consultant`: its consultant may, whatever the action. Raises NotFound("booking"), Forbidden(action).
    """
    row = db.session.execute(
        select(Booking.id, Consultant, Startup)
        .join(Consultant, Consultant.id == Booking.consultant_id)
        .join(Startup, Startup.id == Booking.startup_id)
        .where(Booking.uid == uid, visible_bookings(caller))
    ).first()
    if row is None:
        raise NotFound("booking", uid)
    booking_id, person, startup = row
    if not (_is_own(caller, person) and by_consultant) and not may_with(caller, action, startup):
        raise Forbidden(action)
    if with_consultant:
        person = find_consultant(person.key, locked=True)
    booking = db.session.execute(
        select(Booking).where(Booking.id == booking_id).with_for_update().execution_options(populate_existing=True)
    ).scalar_one()
    return booking, person, startup


def account_of_hours(company: Startup, resource: str | None) -> int:
    """The startup's account of hours. Raises RuleBroken("resource", "no-hours" | "which-hours" | "unknown")."""
    found = db.session.execute(
        select(Resource.key, Account.id)
        .join(Account, Account.resource_id == Resource.id)
        .where(Account.startup_id == company.id, Resource.kind == "hours")
        .order_by(Resource.key)
    ).all()
    if not found:
        raise RuleBroken("resource", "no-hours", "%(startup)s has been granted no hours", startup=company.key)
    if resource is None:
        if len(found) > 1:
            raise RuleBroken("resource", "which-hours", "say which hours: %(keys)s",
                             keys=", ".join(key for key, account in found))
        return int(found[0][1])
    for key, account_id in found:
        if key == resource:
            return int(account_id)
    raise RuleBroken("resource", "unknown", "%(startup)s has been granted no %(resource)s", startup=company.key,
                     resource=resource)


def post_hours(caller: Caller, booking: Booking, cause: str, additions: Additions) -> None:
    """Writes a booking's facts into the book, under the account's lock; a refusal names the field `minutes`."""
    account = lock_accounts([booking.account_id])[booking.account_id]
    try:
        ledger_book.post(
            [account], Cause(cause, f"booking:{booking.id}", caller.actor), additions={account.id: additions}
        )
    except RuleBroken as refusal:
        if refusal.code == "not-available":
            raise RuleBroken("minutes", refusal.code, refusal.message, **refusal.params) from refusal
        raise


def settle_hold(
    caller: Caller, booking: Booking, cause: str, minutes: int, *, reason: str = ""
) -> None:
    """Ends a booking's hold with what was used of it, in one batch: the rest is free again, an excess is usage.

    Minutes beyond those held are drawn from what nobody holds, or paid by nobody, by the policy.
    """
    held = minutes_of(booking)
    confirmed = min(minutes, held)
    end = HoldEndTerms(hold_key(booking), CONFIRMED if confirmed else RELEASED, caller.now, confirmed)
    used = [(CONFIRMED, confirmed), (excess_kind(booking), minutes - confirmed)]
    hours = tuple(
        HoursTerms(f"booking:{booking.id}", booking.starts, kind, amount, caller.now, reason)
        for kind, amount in used if amount
    )
    booking.settled_minutes, booking.settled_by, booking.settled_at = minutes, caller.actor, caller.now
    db.session.flush()
    post_hours(caller, booking, cause, Additions(hold_ends=(end,), hours=hours))


def keep_rate(booking: Booking, consultant: Consultant) -> None:
    """Keeps the rate that an invoice of the session takes; a later rate is for later sessions."""
    booking.rate, booking.currency = consultant.rate, consultant.currency


def excess_kind(booking: Booking) -> str:
    """Who pays minutes beyond those booked, as the ledger names it."""
    return EXCESS if policy_for(booking).excess == "draw" else UNCOVERED


def policy_for(booking: Booking) -> Policy:
    """What was said of sessions when this one was booked."""
    return Policy(**booking.policy)


def minutes_of(booking: Booking) -> int:
    """The length of a session as booked."""
    return (booking.ends - booking.starts) // timedelta(minutes=1)


def share_of(booking: Booking, percent: int) -> int:
    """A percentage of the minutes booked, up to the whole minute."""
    return -(-minutes_of(booking) * percent // 100)


def hold_key(booking: Booking) -> str:
    """The name of a booking's hold in the ledger."""
    return f"booking:{booking.id}:{booking.sequence}"


def is_late(caller: Caller, booking: Booking, startup: Startup) -> bool:
    """Whether what the startup's people change now is late by the policy; staff are never late."""
    return _is_startups(caller, startup) and booking.starts - caller.now < late_notice(booking)


def late_notice(booking: Booking) -> timedelta:
    """How long before its start a session can be moved or cancelled by the startup's people without cost."""
    return timedelta(hours=policy_for(booking).late_hours)


def words_of(booking: Booking, consultant: Consultant, startup: str) -> dict[str, Any]:
    """A booking as the trail keeps it."""
    return {
        "startup": startup, "consultant": consultant.key, "topic": booking.topic,
        "starts": instant_text(booking.starts), "minutes": minutes_of(booking), "state": booking.state,
    }


def _hold(booking: Booking, now: datetime) -> HoldTerms:
    return HoldTerms(hold_key(booking), minutes_of(booking), booking.starts, now)


def _is_startups(caller: Caller, startup: Startup) -> bool:
    """Whoever may cancel for the incubator does; another role, such as an auditor's, makes nobody less of a startup."""
    return startup.id in caller.memberships and not may(caller, "booking.make")


def _is_own(caller: Caller, consultant: Consultant) -> bool:
    return caller.role == "consultant" and consultant.person_id == caller.person_id


def require_state(booking: Booking, *states: str) -> None:
    """Raises Conflict("state", ...) unless the session is in one of the states."""
    if booking.state not in states:
        raise Conflict("state", f"not-{states[0]}", "the session is %(state)s", state=booking.state)


def _check_free(
    consultant: Consultant, starts: datetime, length: timedelta, now: datetime, besides: int | None
) -> None:
    if not is_free(consultant, starts, length, now, besides):
        raise Conflict(
            "starts", "not-free",
            "%(consultant)s has no free slot of %(minutes)s minutes at %(starts)s: choose another one",
            consultant=consultant.name, minutes=length // timedelta(minutes=1), starts=instant_text(starts),
        )


def check_topic(topic: str) -> None:
    """Raises RuleBroken("topic", ...) unless it is a few words on one line."""
    check_text(topic, "topic", needed=True, longest=LONGEST_TOPIC)
    if not topic.strip().isprintable():
        raise RuleBroken("topic", "not-printable", "write it on one line, without control characters")


def check_text(text: str, field: str, *, needed: bool = False, longest: int = LONGEST_NOTE) -> None:
    """Raises RuleBroken(field, "empty" | "too-long" | "not-printable") for a text that cannot be kept as it is."""
    if needed and not text.strip():
        raise RuleBroken(field, "empty", "write a few words")
    if len(text) > longest:
        raise RuleBroken(field, "too-long", "at most %(longest)s characters are right", longest=longest)
    if not all(letter.isprintable() or letter in "\r\n\t" for letter in text):
        raise RuleBroken(field, "not-printable", "leave out characters that cannot be printed")
