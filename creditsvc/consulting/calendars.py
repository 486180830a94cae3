"""Sessions as iCalendar text (RFC 5545, 5546): invitations, cancellations, and whole calendars to subscribe to.

All times are UTC, so that no reader needs to know our time zones. What people typed is text and nothing else: it is
escaped and folded by the icalendar library, and what ends a line in some reader's eyes does not get so far.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Literal
from urllib.parse import quote

from icalendar import Calendar, Event, vCalAddress, vDuration, vText

from creditsvc.mail.message import sender_address

Method = Literal["REQUEST", "CANCEL"]

PRODUCT = "-//creditsvc//consulting//EN"
READ_AGAIN_AFTER = timedelta(hours=1)
"""What programs that subscribe are asked to wait between two readings."""

_PLAIN_IN_ADDRESSES = "@!$'*+-./=^_`{|}~"


@dataclass(frozen=True)
class Entry:
    """A session as a calendar shows it. `sequence` grows with every change that people are told of."""

    uid: str
    sequence: int
    starts: datetime
    ends: datetime
    summary: str
    description: str
    url: str


@dataclass(frozen=True)
class Contact:
    """A mail address, and the name that goes with it."""

    address: str
    name: str


def organiser(mail_from: str) -> Contact:
    """Who invites: the sender of all our mail. Raises ValueError for a sender that is none."""
    return Contact(sender_address(mail_from), parseaddr(mail_from)[0])


def invitation(method: Method, entry: Entry, by: Contact, to: Contact, now: datetime) -> str:
    """What asks one person's calendar to take a session in (again, with a higher sequence: changed), or out.

    Only that person is named beside the organiser: nobody learns an address from it.
    """
    event = _event(entry, now)
    event.add("status", "CANCELLED" if method == "CANCEL" else "CONFIRMED")
    event.add("organizer", _address(by))
    guest = _address(to)
    guest.params.update({
        "cutype": "INDIVIDUAL", "role": "REQ-PARTICIPANT", "partstat": "ACCEPTED", "rsvp": "FALSE",
    })
    event.add("attendee", guest)
    calendar = _calendar(method)
    calendar.add_component(event)
    return _text(calendar)


def published(name: str, entries: Sequence[Entry], by: Contact, now: datetime) -> str:
    """A whole calendar to read and not to answer."""
    calendar = _calendar("PUBLISH")
    calendar.add("name", vText(_clean(name)))  # the library takes it for no text by itself
    calendar.add("x-wr-calname", vText(_clean(name)))
    calendar.add("refresh-interval", vDuration(READ_AGAIN_AFTER), parameters={"value": "DURATION"})
    calendar.add("x-published-ttl", vDuration(READ_AGAIN_AFTER))
    for entry in entries:
        event = _event(entry, now)
        event.add("status", "CONFIRMED")
        event.add("organizer", _address(by))
        calendar.add_component(event)
    return _text(calendar)


def _calendar(method: str) -> Calendar:
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", PRODUCT)
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method)
    return calendar


def _event(entry: Entry, now: datetime) -> Event:
    event = Event()
    event.add("uid", entry.uid)
    event.add("sequence", entry.sequence)
    event.add("dtstamp", now.replace(microsecond=0))
    event.add("dtstart", entry.starts)
    event.add("dtend", entry.ends)
    event.add("summary", _clean(entry.summary))
    event.add("description", _clean(entry.description))
    event.add("url", entry.url)
    return event


def _address(contact: Contact) -> vCalAddress:
    address = vCalAddress("mailto:" + quote(contact.address, safe=_PLAIN_IN_ADDRESSES))
    name = _clean(contact.name).replace("\n", " ").replace('"', "'")  # a parameter holds neither in any reader's eyes
    if name:
        address.params["cn"] = name
    return address


def _clean(text: str) -> str:
    """Text of lines that end in one way, without characters that end a line or mean something to some reader."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        " " if unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") and one != "\n" else one for one in lines
    )


def _text(calendar: Calendar) -> str:
    content: bytes = calendar.to_ical()
    return content.decode("utf-8")
