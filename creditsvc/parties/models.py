"""Startups, people, who belongs where, and what was done."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from creditsvc.db import Id, Model

STAFF_ROLES = ("administrator", "manager", "consultant", "partner", "auditor")
MEMBER_ROLES = ("owner", "member")
TOKEN_SCOPES = ("read", "award", "import", "admin")
"""What a token may be limited to: reading; grants; cost exports and whose usage they are; everything else written."""


class Startup(Model):
    """A company in the park. `language` is that of its mails where a member has none."""

    __tablename__ = "startup"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(String(100), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    language: Mapped[str] = mapped_column(String(10), default="en")
    created_at: Mapped[datetime]


class Person(Model):
    """Somebody who can sign in or be written to. `role` is a staff role, or None for a startup's people.

    `language` and `time_zone` (an IANA name) are how they read, pages and mails; None where they chose none.
    """

    __tablename__ = "person"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)  # lower case
    name: Mapped[str] = mapped_column(String(200))
    language: Mapped[str | None] = mapped_column(String(10))
    time_zone: Mapped[str | None] = mapped_column(String(60))
    role: Mapped[str | None] = mapped_column(String(20))
    limited_to_programmes: Mapped[bool] = mapped_column(default=False)
    partner_id: Mapped[int | None] = mapped_column(ForeignKey("partner.id"))
    password_hash: Mapped[str | None] = mapped_column(String(300))
    session_epoch: Mapped[int] = mapped_column(default=0)  # raised to end all sessions of this person
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class Membership(Model):
    """A person's part in a startup: owner or member."""

    __tablename__ = "membership"
    __table_args__ = (UniqueConstraint("startup_id", "person_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    startup_id: Mapped[int] = mapped_column(ForeignKey("startup.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    role: Mapped[str] = mapped_column(String(20))


class ManagerProgramme(Model):
    """A programme that a manager limited to programmes looks after."""

    __tablename__ = "manager_programme"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True)


class StartupProgramme(Model):
    """The programmes a startup is in, kept beside its enrolments so that access needs nothing from above."""

    __tablename__ = "startup_programme"

    startup_id: Mapped[int] = mapped_column(ForeignKey("startup.id"), primary_key=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True, index=True)


class SignInAttempt(Model):
    """One try to sign in or to have a password reset; counted in the database since workers share it."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (Index(None, "email", "at"), Index(None, "address", "at"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))  # sign-in, reset
    email: Mapped[str] = mapped_column(String(254))
    address: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    succeeded: Mapped[bool]


class EndedSession(Model):
    """A session that was signed out: the hash of its key, kept as long as a cookie with it could still be used."""

    __tablename__ = "ended_session"

    key_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    ended_at: Mapped[datetime]


class PasswordReset(Model):
    """A link to set a new password: its hash only, good once and for a while."""

    __tablename__ = "password_reset"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Invitation(Model):
    """A link by which somebody takes up a role: its hash only, good once and for a while; a new one ends that before.

    `role` is one of a startup's roles where `startup_id` is set, else a staff role. `programme_ids` limit a manager,
    `consultant` is the key of the consultant as whom they will sign in. `sendings` counts the mails.
    """

    __tablename__ = "invitation"
    __table_args__ = (Index(None, "startup_id", "email"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    email: Mapped[str] = mapped_column(String(254))  # lower case
    role: Mapped[str] = mapped_column(String(20))
    startup_id: Mapped[int | None] = mapped_column(ForeignKey("startup.id"))
    programme_ids: Mapped[list[int] | None] = mapped_column(JSON)
    partner_id: Mapped[int | None] = mapped_column(ForeignKey("partner.id"))
    consultant: Mapped[str | None] = mapped_column(String(100))
    language: Mapped[str] = mapped_column(String(10))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    invited_by: Mapped[str] = mapped_column(String(254))
    invited_at: Mapped[datetime]
    sent_at: Mapped[datetime]
    sendings: Mapped[int] = mapped_column(default=1)
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class ApiToken(Model):
    """A bearer token of the API: its hash only. It may do what its person may, within its scopes.

    `scopes` are words with spaces between; `last_used_at` is coarse on purpose: it is written once in a while.
    """

    __tablename__ = "api_token"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    scopes: Mapped[str] = mapped_column(String(100), server_default=" ".join(TOKEN_SCOPES))
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class AnsweredRequest(Model):
    """The first answer to a request that must happen once, kept with its effect (L17)."""

    __tablename__ = "answered_request"
    __table_args__ = (UniqueConstraint("person_id", "key"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    key: Mapped[str] = mapped_column(String(200))
    fingerprint: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]  # of HTTP; 0 only inside the transaction that does it
    body: Mapped[Any] = mapped_column(JSON, nullable=True)
    location: Mapped[str] = mapped_column(String(300))
    answered_at: Mapped[datetime]


class SavedView(Model):
    """A list as somebody wants to see it again: a name of their own for the filters of its address (`query`)."""

    __tablename__ = "saved_view"
    __table_args__ = (UniqueConstraint("person_id", "name"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    name: Mapped[str] = mapped_column(String(100))
    query: Mapped[str] = mapped_column(String(1000))
    saved_at: Mapped[datetime]


class TrailEntry(Model):
    """What was done, by whom, when, from where, before and after. Append-only."""

    __tablename__ = "trail_entry"
    __table_args__ = (Index(None, "subject", "at"), Index(None, "actor", "id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(254))
    address: Mapped[str] = mapped_column(String(64), default="")
    action: Mapped[str] = mapped_column(String(60), index=True)
    subject: Mapped[str] = mapped_column(String(200))
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON)
