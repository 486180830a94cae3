"""Consultants, when they can be booked, bookings with what became of them, and addresses of calendars.

What a booking holds and a session used of a startup's hours are facts of the ledger.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from creditsvc.db import Id, Model

BOOKED = "booked"
LOGGED = "logged"
DISPUTED = "disputed"
CONFIRMED = "confirmed"
CANCELLED = "cancelled"
NO_SHOW = "no-show"


class Consultant(Model):
    """Somebody who gives hours. Their weekly hours and exceptions are of `timezone`; `rate` is 10^-8 of `currency`."""

    __tablename__ = "consultant"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(String(100), unique=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    timezone: Mapped[str] = mapped_column(String(60), default="Asia/Hong_Kong")
    languages: Mapped[list[str]] = mapped_column(JSON)
    skills: Mapped[list[str]] = mapped_column(JSON)
    rate: Mapped[int | None]  # for an hour
    currency: Mapped[str | None] = mapped_column(String(10))
    holidays: Mapped[str] = mapped_column(String(10), default="HK")  # empty: works on all of them
    slot_minutes: Mapped[int] = mapped_column(default=30)  # sessions begin at multiples of it
    notice_hours: Mapped[int] = mapped_column(default=12)  # nothing that begins sooner can be booked
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class WeeklyHours(Model):
    """A stretch of every such weekday (0 is Monday) in minutes since its midnight; beyond 1440 is the next day."""

    __tablename__ = "weekly_hours"
    __table_args__ = (CheckConstraint("starts >= 0 AND starts < ends AND ends <= 2880", name="stretch"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    consultant_id: Mapped[int] = mapped_column(ForeignKey("consultant.id"), index=True)
    weekday: Mapped[int]
    starts: Mapped[int]
    ends: Mapped[int]


class DayException(Model):
    """A day that is not like its weekday: `off` for a stretch of it, or hours `extra`, also on a holiday."""

    __tablename__ = "day_exception"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    consultant_id: Mapped[int] = mapped_column(ForeignKey("consultant.id"), index=True)
    day: Mapped[date]
    kind: Mapped[str] = mapped_column(String(10))
    starts: Mapped[int]
    ends: Mapped[int]
    reason: Mapped[str] = mapped_column(String(300), default="")


class ConsultingPolicy(Model):
    """What a programme says of sessions; a booking keeps what was said when it was made.

    `excess` is `draw` or `uncovered`; percents are of the minutes booked.
    """

    __tablename__ = "consulting_policy"

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    confirm_days: Mapped[int]
    excess: Mapped[str] = mapped_column(String(10))
    no_show_percent: Mapped[int]
    late_hours: Mapped[int]
    late_percent: Mapped[int]


class Booking(Model):
    """A session from its booking to its end: booked, logged, disputed, then confirmed; or cancelled, or no-show.

    Its hold and its usage in the ledger are named `booking:<id>`, the hold with `sequence` behind. `settled_minutes`
    is what was used of the startup's hours in the end, by whatever state. `rate` is the consultant's for an hour, in
    10^-8 of `currency`, as it was when somebody first said what became of the session.
    """

    __tablename__ = "booking"
    __table_args__ = (
        CheckConstraint("ends > starts", name="ends_after_starts"),
        Index(None, "consultant_id", "starts"),
        Index(None, "startup_id", "starts"),
        Index(None, "state", "logged_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    uid: Mapped[str] = mapped_column(String(120), unique=True)  # of its iCalendar event; also its key in addresses
    sequence: Mapped[int] = mapped_column(default=0)
    consultant_id: Mapped[int] = mapped_column(ForeignKey("consultant.id"))
    startup_id: Mapped[int] = mapped_column(ForeignKey("startup.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    topic: Mapped[str] = mapped_column(String(200))
    starts: Mapped[datetime]
    ends: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(10))
    policy: Mapped[dict[str, Any]] = mapped_column(JSON)
    booked_by: Mapped[str] = mapped_column(String(254))
    booked_at: Mapped[datetime]
    reminded_at: Mapped[datetime | None]
    logged_minutes: Mapped[int | None]
    note: Mapped[str] = mapped_column(String(2000), default="")
    logged_by: Mapped[str | None] = mapped_column(String(254))
    logged_at: Mapped[datetime | None]
    dispute: Mapped[str] = mapped_column(String(2000), default="")
    settled_minutes: Mapped[int | None]
    settled_by: Mapped[str | None] = mapped_column(String(254))
    settled_at: Mapped[datetime | None]
    rate: Mapped[int | None]
    currency: Mapped[str | None] = mapped_column(String(10))


class CalendarFeed(Model):
    """A private address of the calendar of one consultant or one startup: its hash only, good until revoked."""

    __tablename__ = "calendar_feed"
    __table_args__ = (
        CheckConstraint("(consultant_id IS NULL) <> (startup_id IS NULL)", name="of_one"),
        UniqueConstraint("token_hash"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64))
    consultant_id: Mapped[int | None] = mapped_column(ForeignKey("consultant.id"), index=True)
    startup_id: Mapped[int | None] = mapped_column(ForeignKey("startup.id"), index=True)
    created_by: Mapped[str] = mapped_column(String(254))
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
