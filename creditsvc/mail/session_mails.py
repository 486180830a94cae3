"""The mails about a consultant's sessions: their values, and one function for each.

`when` and the like are ready to read (see `period`, `moment`); minutes are whole.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypedDict
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time

from creditsvc.core.days import utc_offset
from creditsvc.languages import locale_for
from creditsvc.mail.render import Rendered, render

Reader = Literal["consultant", "startup", "manager"]
"""As what a person is written to: it decides what the foot of the mail says."""


class SessionMail(TypedDict):
    """What each of these mails says. `begins` is the start alone with its zone, for a subject."""

    person_name: str
    reader: Reader
    startup_name: str
    consultant_name: str
    topic: str
    begins: str
    when: str
    session_url: str
    base_url: str


class SessionChanged(SessionMail):
    """`was` is when the session was to be until now; None where only something else of it changed."""

    was: str | None


class SessionCancelled(SessionMail):
    """`reason` may be empty; `used` is how many minutes count as used all the same."""

    reason: str
    used: int


class SessionLogged(SessionMail):
    """What the consultant noted, and until when it can be disputed."""

    minutes: int
    booked: int
    note: str
    confirm_by: str


class SessionConfirmed(SessionMail):
    """`used` is how many minutes count."""

    used: int


class SessionDisputed(SessionMail):
    """What was noted, and what the startup says of it."""

    minutes: int
    booked: int
    note: str
    dispute: str


def render_session_booked(values: SessionMail, language: str) -> Rendered:
    """A session was booked; the invitation goes with it."""
    return render("session_booked", values, language)


def render_session_changed(values: SessionChanged, language: str) -> Rendered:
    """A session was moved; the invitation that goes with it replaces the one before."""
    return render("session_changed", values, language)


def render_session_cancelled(values: SessionCancelled, language: str) -> Rendered:
    """A session was cancelled; what goes with it takes it out of calendars."""
    return render("session_cancelled", values, language)


def render_session_reminder(values: SessionMail, language: str) -> Rendered:
    """A session is near."""
    return render("session_reminder", values, language)


def render_session_logged(values: SessionLogged, language: str) -> Rendered:
    """The consultant noted how long it was: the startup is to confirm or to dispute it."""
    return render("session_logged", values, language)


def render_session_confirmed(values: SessionConfirmed, language: str) -> Rendered:
    """Nobody disputed it in time, so that the minutes noted count."""
    return render("session_confirmed", values, language)


def render_session_disputed(values: SessionDisputed, language: str) -> Rendered:
    """The startup disputes what was noted: a manager is to decide."""
    return render("session_disputed", values, language)


def render_session_no_show(values: SessionConfirmed, language: str) -> Rendered:
    """Nobody of the startup came; what counts as used by the programme's policy."""
    return render("session_no_show", values, language)


def render_session_settled(values: SessionConfirmed, language: str) -> Rendered:
    """A manager decided or corrected what counts, or noted a session that nobody had booked."""
    return render("session_settled", values, language)


def period(starts: datetime, ends: datetime, zone: ZoneInfo, language: str) -> str:
    """A session's time on the clock of a zone, with how far it is from UTC: of an hour that comes twice it says which.

    `Monday 15 June 2026, 12:00–13:00 (Asia/Hong_Kong, UTC+08:00)`
    """
    first, last = starts.astimezone(zone), ends.astimezone(zone)
    until = _clock(last, language)
    if last.date() != first.date():
        until = f"{_day(last, language)}, {until}"
    offsets = dict.fromkeys((_offset(first), _offset(last)))
    return f"{_day(first, language)}, {_clock(first, language)}–{until} ({zone.key}, {'/'.join(offsets)})"


def moment(at: datetime, zone: ZoneInfo, language: str) -> str:
    """An instant on the clock of a zone, which says how far it is from UTC: `15 June 2026, 12:00 (UTC+8)`."""
    local = at.astimezone(zone)
    day = format_date(local, "long", locale=locale_for(language))
    return f"{day}, {_clock(local, language)} ({utc_offset(at, zone)})"


def _day(local: datetime, language: str) -> str:
    return format_date(local, "full", locale=locale_for(language))


def _clock(local: datetime, language: str) -> str:
    return format_time(local, "HH:mm", locale=locale_for(language))


def _offset(local: datetime) -> str:
    return f"UTC{local.isoformat()[-6:]}"


RENDERERS: Mapping[str, Any] = {
    "booked": render_session_booked,
    "changed": render_session_changed,
    "cancelled": render_session_cancelled,
    "reminder": render_session_reminder,
    "logged": render_session_logged,
    "confirmed": render_session_confirmed,
    "disputed": render_session_disputed,
    "no-show": render_session_no_show,
    "settled": render_session_settled,
}
"""By the kind of a letter."""
