"""Who is written to about a session, and the mails, queued in the transaction of what they tell (A6).

A door that does something with a booking does it through `told`; the night calls `remind`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, or_, select

from creditsvc.config import Config
from creditsvc.consulting.bookings import minutes_of
from creditsvc.consulting.calendars import Contact, Entry, Method, invitation, organiser
from creditsvc.consulting.models import BOOKED, Booking, Consultant
from creditsvc.consulting.sessions import counts_from
from creditsvc.core.days import zone_named
from creditsvc.db import db
from creditsvc.mail import outbox
from creditsvc.mail.session_mails import RENDERERS, Reader, moment, period
from creditsvc.parties.access import Caller
from creditsvc.parties.audience import belongs_to, looks_after, owns, people
from creditsvc.parties.models import Person, Startup, TrailEntry
from creditsvc.programmes.reading import zone_of_startup

_READERS: dict[str, frozenset[Reader]] = {
    "booked": frozenset({"consultant", "startup"}),
    "changed": frozenset({"consultant", "startup"}),
    "cancelled": frozenset({"consultant", "startup"}),
    "reminder": frozenset({"consultant", "startup"}),
    "logged": frozenset({"startup"}),
    "confirmed": frozenset({"consultant", "startup"}),
    "disputed": frozenset({"manager"}),
    "no-show": frozenset({"startup"}),
    "settled": frozenset({"consultant", "startup"}),
}
_METHODS: dict[str, Method] = {"booked": "REQUEST", "changed": "REQUEST", "cancelled": "CANCEL"}
_OF_STEPS = {
    "booking.made": "booked", "booking.moved": "changed", "booking.cancelled": "cancelled",
    "booking.logged": "logged", "booking.no-show": "no-show", "booking.disputed": "disputed",
    "booking.passed": "confirmed", "booking.decided": "settled", "booking.corrected": "settled",
    "booking.unbooked": "settled",
}
"""By the trail's name of a step, the letter that tells of it; of the rest nobody is written to."""

JUST_TOLD = timedelta(hours=24)
"""Whoever booked a session so short a time ago needs no reminder of it yet."""

Stretch = tuple[datetime, datetime]


@dataclass(frozen=True)
class _Session:
    """A booking with whom it is about."""

    booking: Booking
    consultant: Consultant
    startup: Startup


@dataclass(frozen=True)
class _Reading:
    """A person to be written to, as what, and on whose clock."""

    person: Person
    reader: Reader
    zone: ZoneInfo
    language: str


def told(act: Callable[[], Booking], caller: Caller, config: Config) -> Booking:
    """Does a step with a booking and queues the letters of what it changed, in the transaction that it is called in.

    What was done is read from the trail, so that a step that is repeated, and changes nothing, is told once.
    """
    since = db.session.scalar(select(func.max(TrailEntry.id))) or 0
    booking = act()
    done = db.session.execute(
        select(TrailEntry.action, TrailEntry.before)
        .where(
            TrailEntry.id > since, TrailEntry.subject == f"booking:{booking.uid}", TrailEntry.at == caller.now,
            TrailEntry.actor == caller.actor,  # somebody else's step may have come between
        )
        .order_by(TrailEntry.id)
    ).all()
    for action, before in done:
        if action in _OF_STEPS:
            was = _was(before) if action == "booking.moved" else None
            queue_letters(booking, _OF_STEPS[action], config, caller.now, was=was)
    return booking


def _was(before: dict[str, Any]) -> Stretch:
    starts = datetime.fromisoformat(before["starts"])
    return starts, starts + timedelta(minutes=int(before["minutes"]))


def remind(config: Config, now: datetime, until: datetime, limit: int = 100) -> int:
    """Reminds of sessions that begin after `now` and by `until`, at most so many, each once; how many it were.

    Not of those just booked. For the night, in a transaction of its own, again until it is 0.
    """
    due = db.session.scalars(
        select(Booking)
        .where(
            Booking.state == BOOKED, Booking.reminded_at.is_(None), Booking.starts > now, Booking.starts <= until,
            Booking.booked_at <= now - JUST_TOLD,
        )
        .order_by(Booking.starts, Booking.id)
        .limit(limit)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    for booking in due:
        booking.reminded_at = now
        queue_letters(booking, "reminder", config, now)
    db.session.flush()
    return len(due)


def queue_letters(
    booking: Booking, kind: str, config: Config, now: datetime, *, was: Stretch | None = None
) -> list[int]:
    """Queues what people are to know of a session as it stands now, to each in their language; the mails' ids.

    `kind`: `booked`, `changed` (`was`: from when until when it was to be), `cancelled` and `reminder` go to the
    consultant, the startup's owners and whoever booked it; `logged` and `no-show` to the last two; `confirmed` (nobody
    disputed it in time) and `settled` (by a manager) to all three; `disputed` to the managers who look after the
    startup. Invitations go with the first three. An address that no server would take gets none: it must not keep the
    rest from happening. Raises KeyError for another kind.
    """
    readers = _READERS[kind]
    session = _session(booking)
    drafts = [_draft(session, kind, one, config, now, was) for one in _readings(session, readers)]
    sendable = [draft for draft in drafts if outbox.refusal_of(draft) is None]
    return outbox.queue_all(sendable, config.mail_from, now) if sendable else []


def session_url(base_url: str, uid: str) -> str:
    """The page of a booking."""
    return f"{base_url}/bookings/{quote(uid, safe='')}"


def entry_of(booking: Booking, consultant: str, startup: str, base_url: str, *, for_consultant: bool) -> Entry:
    """A booking as a calendar shows it to its consultant, or to the startup's people: the name is the other's."""
    other = startup if for_consultant else consultant
    url = session_url(base_url, booking.uid)
    return Entry(
        booking.uid, booking.sequence, booking.starts, booking.ends, f"{booking.topic} ({other})",
        f"{startup}\n{consultant}\n{url}", url,
    )


def _session(booking: Booking) -> _Session:
    return _Session(
        booking, db.session.get_one(Consultant, booking.consultant_id), db.session.get_one(Startup, booking.startup_id)
    )


def _readings(session: _Session, readers: frozenset[Reader]) -> list[_Reading]:
    """Each person once: as the consultant before anything else, as one of the startup's before a manager.

    Whoever booked and is no longer of the startup, nor looks after it, hears no more of it.
    """
    startup, consultant = session.startup, session.consultant
    zone = zone_of_startup(startup.id)
    found: dict[int, _Reading] = {}

    def add(those: Iterable[Person], reader: Reader, zone: ZoneInfo, language: str) -> None:
        for person in those:
            own = zone if person.time_zone is None else zone_named(person.time_zone)
            found.setdefault(person.id, _Reading(person, reader, own, person.language or language))

    if "consultant" in readers and consultant.person_id is not None:
        theirs = and_(Person.id == consultant.person_id, Person.role == "consultant")  # as for calendars
        add(people(theirs), "consultant", zone_named(consultant.timezone), "en")
    if "startup" in readers:
        add(people(owns(startup.id)), "startup", zone, startup.language)
        booker = and_(Person.email == session.booking.booked_by, or_(belongs_to(startup.id), looks_after(startup.id)))
        add(people(booker), "startup", zone, startup.language)
    if "manager" in readers:
        add(people(and_(Person.role == "manager", looks_after(startup.id))), "manager", zone, "en")
    return list(found.values())


def _draft(
    session: _Session, kind: str, to: _Reading, config: Config, now: datetime, was: Stretch | None
) -> outbox.Draft:
    values = _values(session, to, config, was)
    content = RENDERERS[kind](values, to.language)
    calendar = None
    if kind in _METHODS:
        entry = entry_of(
            session.booking, session.consultant.name, session.startup.name, config.base_url,
            for_consultant=to.reader == "consultant",
        )
        guest = Contact(to.person.email, to.person.name)
        calendar = invitation(_METHODS[kind], entry, organiser(config.mail_from), guest, now)
    return outbox.Draft(f"session-{kind}", to.person.email, content, to.person.id, calendar)


def _values(session: _Session, to: _Reading, config: Config, was: Stretch | None) -> dict[str, Any]:
    """What any of the templates asks for; each takes what it needs. The note of a cancelled session is why."""
    booking = session.booking
    return {
        "person_name": to.person.name, "reader": to.reader, "startup_name": session.startup.name,
        "consultant_name": session.consultant.name, "topic": booking.topic,
        "begins": moment(booking.starts, to.zone, to.language),
        "when": period(booking.starts, booking.ends, to.zone, to.language),
        "was": None if was is None else period(*was, to.zone, to.language),
        "session_url": session_url(config.base_url, booking.uid), "base_url": config.base_url,
        "reason": booking.note, "used": booking.settled_minutes or 0, "minutes": booking.logged_minutes or 0,
        "booked": minutes_of(booking), "note": booking.note, "dispute": booking.dispute,
        "confirm_by": "" if booking.logged_at is None else moment(counts_from(booking), to.zone, to.language),
    }
