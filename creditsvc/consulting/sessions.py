"""What became of sessions: logged, confirmed or disputed, decided, a no-show, corrected; each once (L13, L14)."""

import uuid
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from creditsvc.consulting.bookings import (
    account_of_hours,
    check_text,
    check_topic,
    excess_kind,
    held_booking,
    keep_rate,
    minutes_of,
    policy_for,
    post_hours,
    require_state,
    settle_hold,
    share_of,
    words_of,
)
from creditsvc.consulting.consultants import find_consultant, policy_of_startup
from creditsvc.consulting.models import BOOKED, CANCELLED, CONFIRMED, DISPUTED, LOGGED, NO_SHOW, Booking
from creditsvc.consulting.slots import booked_between
from creditsvc.core.days import instant_text
from creditsvc.core.errors import Conflict, RuleBroken
from creditsvc.db import db
from creditsvc.ledger.additions import Additions, HoursTerms, confirmed_with
from creditsvc.ledger.holds import CONFIRMED as OF_HOLD
from creditsvc.ledger.holds import EXCESS
from creditsvc.ledger.locks import lock_accounts
from creditsvc.parties.access import Caller, may, require_startup
from creditsvc.parties.trail import record

MOST_MINUTES = 24 * 60
"""Of the longest session that can be said."""


def log_session(caller: Caller, uid: str, *, minutes: int, note: str = "") -> Booking:
    """Says how many minutes a session took; the startup's people have the policy's days to confirm or dispute it.

    By its consultant and managers, from its start on, and again until it counts as confirmed. Raises
    NotFound("booking"), Forbidden, Conflict("state", "not-booked" | "not-begun" | "counts-already"),
    RuleBroken("minutes" | "note", ...).
    """
    booking, person, _ = held_booking(caller, uid, "booking.decide", by_consultant=True)
    _check_minutes(minutes, least=1)
    check_text(note, "note")
    require_state(booking, BOOKED, LOGGED)
    _require_begun(booking, caller.now)
    _require_open(booking, caller.now)
    if booking.state == LOGGED and (booking.logged_minutes, booking.note) == (minutes, note):
        return booking
    before = {"minutes": booking.logged_minutes, "state": booking.state}
    if booking.state == BOOKED:
        keep_rate(booking, person)
    booking.state, booking.logged_minutes, booking.note = LOGGED, minutes, note
    booking.logged_by, booking.logged_at = caller.actor, caller.now
    _done(caller, booking, "booking.logged", before, {"minutes": minutes, "note": note})
    return booking


def no_show(caller: Caller, uid: str, *, note: str = "") -> Booking:
    """Nobody of the startup came: the policy's percentage of the minutes booked is used. Repeating it changes nothing.

    By its consultant and managers, from its start on; of a session that is logged, which its startup may dispute, by
    managers alone. Raises as `log_session`.
    """
    booking, person, _ = held_booking(caller, uid, "booking.decide", by_consultant=True)
    if booking.state == NO_SHOW:
        return booking
    check_text(note, "note")
    require_state(booking, BOOKED, *((LOGGED,) if may(caller, "booking.decide") else ()))
    _require_begun(booking, caller.now)
    _require_open(booking, caller.now)
    used = share_of(booking, policy_for(booking).no_show_percent)
    before = {"state": booking.state}
    if booking.state == BOOKED:
        keep_rate(booking, person)
    booking.state, booking.note = NO_SHOW, note
    booking.logged_by, booking.logged_at = caller.actor, caller.now
    settle_hold(caller, booking, "session", used)
    _done(caller, booking, "booking.no-show", before, {"minutes_used": used, "note": note})
    return booking


def confirm(caller: Caller, uid: str, *, minutes: int | None = None) -> Booking:
    """The minutes logged are right: what was held turns into usage. Repeating it changes nothing.

    `minutes` are those that whoever confirms has read. By the startup's people and managers. Raises
    NotFound("booking"), Forbidden, Conflict("state", "not-logged"), Conflict("minutes", "changed").
    """
    booking, _, _ = held_booking(caller, uid, "booking.settle")
    if booking.state == CONFIRMED:
        return booking
    require_state(booking, LOGGED)
    if minutes is not None and minutes != booking.logged_minutes:
        raise Conflict(
            "minutes", "changed", "%(logged)s minutes are logged by now, not %(value)s: look again",
            logged=booking.logged_minutes, value=minutes,
        )
    return _settle(caller, booking, booking.logged_minutes or 0, "booking.confirmed", "")


def dispute(caller: Caller, uid: str, *, reason: str) -> Booking:
    """The minutes logged are not right; a manager decides. Until the policy's days are over; repeating it is no step.

    By the startup's people and managers. Raises NotFound("booking"), Forbidden, Conflict("state", "not-logged" |
    "too-late"), RuleBroken("reason", ...).
    """
    booking, _, _ = held_booking(caller, uid, "booking.settle")
    if booking.state == DISPUTED:
        return booking
    check_text(reason, "reason", needed=True)
    require_state(booking, LOGGED)
    if caller.now >= counts_from(booking):
        raise Conflict(
            "state", "too-late", "the %(days)s days to dispute it are over: ask for a correction",
            days=policy_for(booking).confirm_days,
        )
    booking.state, booking.dispute = DISPUTED, reason
    _done(caller, booking, "booking.disputed", {"state": LOGGED}, {"reason": reason})
    return booking


def decide(caller: Caller, uid: str, *, minutes: int, reason: str = "") -> Booking:
    """What a disputed session took, by a manager's word; 0 frees all that was held.

    Raises NotFound("booking"), Forbidden, Conflict("state", "not-disputed"), RuleBroken("minutes" | "reason", ...).
    """
    booking, _, _ = held_booking(caller, uid, "booking.decide")
    _check_minutes(minutes, least=0)
    check_text(reason, "reason")
    require_state(booking, DISPUTED)
    return _settle(caller, booking, minutes, "booking.decided", reason)


def correct(caller: Caller, uid: str, *, minutes: int, reason: str) -> Booking:
    """What a session that is over took after all, as further postings of the difference.

    By managers. Raises NotFound("booking"), Forbidden, Conflict("state", "not-confirmed"), RuleBroken("minutes" |
    "reason", ...).
    """
    booking, _, _ = held_booking(caller, uid, "booking.decide")
    _check_minutes(minutes, least=0)
    check_text(reason, "reason", needed=True)
    require_state(booking, CONFIRMED, NO_SHOW, CANCELLED)
    before = booking.settled_minutes or 0
    if minutes == before:
        return booking
    ref = f"booking:{booking.id}"
    kept = confirmed_with([booking.account_id], [ref])[booking.account_id, ref]
    was, becomes = (_bands(booking, kept, total) for total in (before, minutes))
    changes = [(kind, becomes.get(kind, 0) - was.get(kind, 0)) for kind in sorted({*was, *becomes})]
    booking.settled_minutes, booking.settled_by, booking.settled_at = minutes, caller.actor, caller.now
    db.session.flush()
    post_hours(caller, booking, "correct", Additions(hours=tuple(
        HoursTerms(ref, booking.starts, kind, amount, caller.now, reason) for kind, amount in changes if amount
    )))
    _done(caller, booking, "booking.corrected", {"minutes": before}, {"minutes": minutes, "reason": reason})
    return booking


def _bands(booking: Booking, kept: int, minutes: int) -> dict[str, int]:
    """Who pays a session's minutes: the hold what it was confirmed with, then lots up to the length booked, as far as
    nobody holds them, and beyond it lots or nobody, by the policy. Of one that nobody booked lots pay all."""
    bands = {OF_HOLD: min(minutes, kept)}
    booked = minutes if booking.logged_minutes is None and booking.state == CONFIRMED else minutes_of(booking)
    within = max(min(minutes, booked) - kept, 0)
    beyond = minutes - bands[OF_HOLD] - within
    bands[EXCESS] = within
    bands[excess_kind(booking)] = bands.get(excess_kind(booking), 0) + beyond
    return bands


def log_unbooked(
    caller: Caller, *, startup: str, consultant: str, topic: str, starts: datetime, minutes: int, note: str = "",
    resource: str | None = None,
) -> Booking:
    """A session that nobody had booked, by a manager: usage of what nobody holds, the rest uncovered (L14).

    Raises NotFound("startup" | "consultant"), Forbidden, RuleBroken at `resource`, `minutes`, `topic`, `starts`,
    Conflict("starts", "not-free") where the consultant sat in another session then.
    """
    company = require_startup(caller, "booking.decide", startup)
    _check_minutes(minutes, least=1)
    check_topic(topic)
    check_text(note, "note")
    account_id = account_of_hours(company, resource)
    person = find_consultant(consultant, locked=True)
    begun, over = starts.astimezone(UTC), starts.astimezone(UTC) + timedelta(minutes=minutes)
    if begun > caller.now:
        raise RuleBroken("starts", "not-begun", "%(value)s is still to come: book it", value=instant_text(starts))
    if booked_between(person.id, begun, over):
        raise Conflict("starts", "not-free", "%(consultant)s sat in another session then", consultant=person.name)
    lock_accounts([account_id])  # before the booking, as in `book`
    booking = Booking(
        uid=str(uuid.uuid4()), sequence=0, consultant_id=person.id, startup_id=company.id, account_id=account_id,
        topic=topic.strip(), starts=begun, ends=over, state=CONFIRMED,
        policy=asdict(policy_of_startup(company.id)), booked_by=caller.actor, booked_at=caller.now, note=note,
        dispute="", settled_minutes=minutes, settled_by=caller.actor,
        settled_at=caller.now,
    )
    keep_rate(booking, person)
    db.session.add(booking)
    db.session.flush()
    used = HoursTerms(f"booking:{booking.id}", begun, EXCESS, minutes, caller.now, note[:500])
    post_hours(caller, booking, "session", Additions(hours=(used,)))
    record(caller, "booking.unbooked", f"booking:{booking.uid}", after=words_of(booking, person, company.key))
    return booking


def counts_from(booking: Booking) -> datetime:
    """From when on what was logged counts as confirmed."""
    if booking.logged_at is None:
        raise AssertionError("nothing was logged of this session")
    return booking.logged_at + timedelta(days=policy_for(booking).confirm_days)


def due_to_settle(now: datetime, limit: int) -> list[str]:
    """The uids of sessions, at most so many, that nobody disputed in time, the oldest first."""
    logged = db.session.scalars(
        select(Booking).where(Booking.state == LOGGED, Booking.logged_at < now).order_by(Booking.logged_at, Booking.id)
    )
    return [booking.uid for booking in logged if counts_from(booking) <= now][:limit]


def settle_passed(caller: Caller, uid: str) -> Booking:
    """Counts a session as confirmed whose days to dispute are over; any other is left as it is.

    For the night, which states it as of its own instant. Raises NotFound("booking"), Forbidden.
    """
    booking, _, _ = held_booking(caller, uid, "booking.settle")
    if booking.state != LOGGED or counts_from(booking) > caller.now:
        return booking
    return _settle(caller, booking, booking.logged_minutes or 0, "booking.passed", "")


def _settle(caller: Caller, booking: Booking, minutes: int, action: str, reason: str) -> Booking:
    before = {"state": booking.state, "minutes": booking.logged_minutes}
    booking.state = CONFIRMED
    settle_hold(caller, booking, "session", minutes, reason=reason[:500])
    _done(caller, booking, action, before, {"minutes": minutes, "reason": reason})
    return booking


def _done(
    caller: Caller, booking: Booking, action: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    db.session.flush()
    record(caller, action, f"booking:{booking.uid}", before=before, after=after)


def _require_open(booking: Booking, now: datetime) -> None:
    """What was logged counts once its days are over, also before a night has said so (L10)."""
    if booking.state == LOGGED and counts_from(booking) <= now:
        raise Conflict("state", "counts-already", "what was logged counts by now: correct it instead")


def _require_begun(booking: Booking, now: datetime) -> None:
    if booking.starts > now:
        raise Conflict("state", "not-begun", "the session begins at %(starts)s", starts=instant_text(booking.starts))


def _check_minutes(minutes: int, least: int) -> None:
    if not least <= minutes <= MOST_MINUTES:
        raise RuleBroken(
            "minutes", "out-of-range", "%(value)s is out of range: from %(first)s to %(last)s minutes is right",
            value=minutes, first=least, last=MOST_MINUTES,
        )
