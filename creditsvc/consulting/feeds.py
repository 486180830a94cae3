"""Private addresses of calendars: of one consultant or one startup, shown once, kept as a hash, good until revoked.

Whoever has the address reads the calendar without signing in, as calendar programs cannot. So it also ends when whoever
made it may no longer see what is in it.
"""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select

from creditsvc.config import Config
from creditsvc.consulting.calendars import organiser, published
from creditsvc.consulting.consultants import find_consultant, require_own
from creditsvc.consulting.letters import entry_of
from creditsvc.consulting.models import BOOKED, CONFIRMED, DISPUTED, LOGGED, NO_SHOW, Booking, CalendarFeed, Consultant
from creditsvc.core.errors import Forbidden, NotFound
from creditsvc.db import db, is_id
from creditsvc.parties.access import MANAGERS, Caller, require_startup
from creditsvc.parties.audience import belongs_to, looks_after
from creditsvc.parties.models import Person, Startup
from creditsvc.parties.tokens import hash_token
from creditsvc.parties.trail import record

BACK = timedelta(days=90)
"""How long a session that is over stays in a calendar."""

_SHOWN = (BOOKED, LOGGED, DISPUTED, CONFIRMED, NO_SHOW)


def make_consultant_feed(caller: Caller, consultant: str) -> str:
    """A new address of a consultant's calendar: its token, which nobody can read again.

    By the consultant and managers of all programmes, since it shows all their sessions. Raises NotFound("consultant"),
    Forbidden.
    """
    person = find_consultant(consultant)
    _require_whole(caller, person)
    return _make(caller, f"consultant:{consultant}", consultant_id=person.id)


def make_startup_feed(caller: Caller, startup: str) -> str:
    """A new address of the calendar of a startup's sessions: its token, which nobody can read again.

    By managers and the startup's people. Raises NotFound("startup"), Forbidden.
    """
    company = require_startup(caller, "booking.make", startup)
    return _make(caller, f"startup:{startup}", startup_id=company.id)


def _make(caller: Caller, subject: str, *, consultant_id: int | None = None, startup_id: int | None = None) -> str:
    token = secrets.token_urlsafe(32)
    feed = CalendarFeed(
        token_hash=hash_token(token), consultant_id=consultant_id, startup_id=startup_id, created_by=caller.actor,
        created_at=caller.now,
    )
    db.session.add(feed)
    db.session.flush()
    record(caller, "calendar.made", subject, after={"calendar": feed.id})
    return token


def consultant_feeds(caller: Caller, consultant: str) -> list[CalendarFeed]:
    """The addresses of a consultant's calendar that still open it, newest first; a manager of some programmes, who
    may make none, sees none. Raises NotFound("consultant"), Forbidden."""
    person = find_consultant(consultant)
    require_own(caller, person)
    if caller.programme_ids is not None:
        return []
    return [feed for feed in _live(CalendarFeed.consultant_id == person.id) if _maker_may(feed)]


def startup_feeds(caller: Caller, startup: str) -> list[CalendarFeed]:
    """The addresses of a startup's calendar that still open it, newest first. Raises as `make_startup_feed`."""
    company = require_startup(caller, "booking.make", startup)
    return [feed for feed in _live(CalendarFeed.startup_id == company.id) if _maker_may(feed)]


def revoke_feed(caller: Caller, feed_id: int) -> None:
    """Ends an address at once, by whoever may make one like it.

    Raises NotFound("calendar") for one that has ended too, and for one of which the caller may not know.
    """
    found = _live(CalendarFeed.id == feed_id) if is_id(feed_id) else []
    if not found:
        raise NotFound("calendar", str(feed_id))
    [feed] = found
    try:
        subject = _of_whom(caller, feed)
    except (NotFound, Forbidden) as refusal:
        raise NotFound("calendar", str(feed_id)) from refusal
    feed.revoked_at = caller.now
    db.session.flush()
    record(caller, "calendar.revoked", subject, before={"calendar": feed.id})


def _of_whom(caller: Caller, feed: CalendarFeed) -> str:
    """Whose calendar it is, if the caller may make one like it. Raises NotFound, Forbidden."""
    if feed.consultant_id is not None:
        consultant = db.session.get_one(Consultant, feed.consultant_id)
        _require_whole(caller, consultant)
        return f"consultant:{consultant.key}"
    startup = db.session.get_one(Startup, feed.startup_id)
    require_startup(caller, "booking.make", startup.key)
    return f"startup:{startup.key}"


def _require_whole(caller: Caller, consultant: Consultant) -> None:
    """Raises NotFound or Forbidden unless the caller may see all sessions of the consultant, whatever the programme."""
    require_own(caller, consultant)
    if caller.programme_ids is not None:
        raise Forbidden("consultant.calendar")


def open_feed(token: str, config: Config, now: datetime) -> str:
    """The calendar that this token opens, as iCalendar text. Raises NotFound("calendar"), which never names the token.
    """
    found = _live(CalendarFeed.token_hash == hash_token(token))
    if not found or not _maker_may(found[0]):
        raise NotFound("calendar")
    [feed] = found
    of_consultant = feed.consultant_id is not None
    mine = Booking.consultant_id == feed.consultant_id if of_consultant else Booking.startup_id == feed.startup_id
    rows = db.session.execute(
        select(Booking, Consultant.name, Startup.name)
        .join(Consultant, Consultant.id == Booking.consultant_id)
        .join(Startup, Startup.id == Booking.startup_id)
        .where(mine, Booking.state.in_(_SHOWN), Booking.ends > now - BACK)
        .order_by(Booking.starts, Booking.id)
    )
    entries = [
        entry_of(booking, consultant, startup, config.base_url, for_consultant=of_consultant)
        for booking, consultant, startup in rows
    ]
    return published(_name(feed), entries, organiser(config.mail_from), now)


def _name(feed: CalendarFeed) -> str:
    if feed.consultant_id is not None:
        return db.session.get_one(Consultant, feed.consultant_id).name
    return db.session.get_one(Startup, feed.startup_id).name


def _live(condition: ColumnElement[bool]) -> list[CalendarFeed]:
    statement = (
        select(CalendarFeed)
        .where(CalendarFeed.revoked_at.is_(None), condition)
        .order_by(CalendarFeed.created_at.desc(), CalendarFeed.id.desc())
    )
    return list(db.session.scalars(statement))


def _maker_may(feed: CalendarFeed) -> bool:
    """Whether whoever made the address may still see what is in it; the operator, who is no person, always may."""
    maker = Person.email == feed.created_by
    if db.session.scalar(select(Person.id).where(maker)) is None:
        return True
    if feed.startup_id is not None:
        allowed = or_(belongs_to(feed.startup_id), looks_after(feed.startup_id))
    else:
        of_consultant = select(Consultant.person_id).where(Consultant.id == feed.consultant_id).scalar_subquery()
        of_all = Person.role.in_(MANAGERS) & ~((Person.role == "manager") & Person.limited_to_programmes)
        allowed = or_(of_all, (Person.role == "consultant") & (Person.id == of_consultant))
    return db.session.scalar(select(Person.id).where(maker, Person.active, allowed)) is not None
