"""Signing in and out, and setting a new password by mail, with every try counted in the database.

A try is written down before the password is looked at, so that many at once cannot slip past the count; the hash is
computed between two short transactions of the door, since it takes long on purpose.
"""

import secrets
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update

from creditsvc.core.errors import RuleBroken
from creditsvc.db import db, is_postgresql
from creditsvc.parties import trail
from creditsvc.parties.access import Caller
from creditsvc.parties.models import EndedSession, PasswordReset, Person, SignInAttempt
from creditsvc.parties.operations import keep_password, person_of
from creditsvc.parties.passwords import hash_password, is_dated, is_right, rehash
from creditsvc.parties.tokens import hash_token
from creditsvc.sets import insert_if_absent

WINDOW = timedelta(minutes=15)
FAILURES_PER_EMAIL = 5
FAILURES_PER_ADDRESS = 20
RESETS_PER_EMAIL = 3
RESET_LIFE = timedelta(hours=1)
_KEPT = timedelta(days=1)


@dataclass(frozen=True)
class Try:
    """A counted try to sign in, with the hash to compare (None: nobody who could sign in has that address)."""

    attempt_id: int
    person_id: int | None
    password_hash: str | None


@dataclass(frozen=True)
class ResetLink:
    """What the mail about a new password needs. The token is shown to nobody else and kept only as its hash."""

    person_id: int
    name: str
    email: str
    language: str | None
    token: str


def begin_sign_in(email: str, address: str, now: datetime) -> Try:
    """Counts the try as a failure until `finish_sign_in` says otherwise.

    Raises RuleBroken("", "too-many-tries") with `minutes` and `seconds` to wait, for known and unknown addresses alike.
    """
    email = email.strip().lower()[:254]
    _one_at_a_time(email)
    _refuse_too_many(SignInAttempt.email == email, FAILURES_PER_EMAIL, now)
    _refuse_too_many(SignInAttempt.address == address, FAILURES_PER_ADDRESS, now)
    db.session.execute(delete(SignInAttempt).where(SignInAttempt.at < now - _KEPT))
    attempt = SignInAttempt(kind="sign-in", email=email, address=address, at=now, succeeded=False)
    db.session.add(attempt)
    db.session.flush()
    person = person_of(email)
    if person is None or not person.active:
        return Try(attempt.id, None, None)
    return Try(attempt.id, person.id, person.password_hash)


def check_password(attempt: Try, password: str) -> bool:
    """Whether the password is right; takes as long for an unknown address. For outside any transaction."""
    return is_right(attempt.password_hash, password) and attempt.person_id is not None


def finish_sign_in(attempt: Try, password: str) -> Person | None:
    """The person, after a password that was right: their failures are forgotten. None when they changed meanwhile."""
    person = db.session.get(Person, attempt.person_id)
    if person is None or not person.active or person.password_hash != attempt.password_hash:
        return None
    if attempt.password_hash is not None and is_dated(attempt.password_hash):
        person.password_hash = rehash(password)
    db.session.execute(
        update(SignInAttempt).where(SignInAttempt.id == attempt.attempt_id).values(succeeded=True)
    )
    db.session.execute(
        delete(SignInAttempt).where(
            SignInAttempt.email == person.email, SignInAttempt.kind == "sign-in", SignInAttempt.succeeded.is_(False)
        )
    )
    return person


def end_session(key: str, now: datetime, kept: timedelta) -> None:
    """Ends the session of that key. Ends that are older than `kept`, when no cookie is that old, are forgotten."""
    db.session.execute(delete(EndedSession).where(EndedSession.ended_at < now - kept))
    insert_if_absent(EndedSession, {"key_hash": hash_token(key), "ended_at": now})


def request_reset(email: str, address: str, now: datetime) -> ResetLink | None:
    """A link to set a new password, or None when nobody can have one; the door's answer must not tell which.

    Raises RuleBroken("", "too-many-tries") when this network address asked too often.
    """
    email = email.strip().lower()[:254]
    _one_at_a_time(email)
    _refuse_too_many(SignInAttempt.address == address, FAILURES_PER_ADDRESS, now)
    asked = db.session.scalar(
        select(func.count()).where(
            SignInAttempt.email == email, SignInAttempt.kind == "reset", SignInAttempt.at > now - RESET_LIFE
        )
    )
    db.session.add(SignInAttempt(kind="reset", email=email, address=address, at=now, succeeded=False))
    person = person_of(email)
    if person is None or not person.active or (asked or 0) >= RESETS_PER_EMAIL:
        db.session.flush()
        return None
    token = secrets.token_urlsafe(32)
    db.session.add(
        PasswordReset(person_id=person.id, token_hash=hash_token(token), expires_at=now + RESET_LIFE, used_at=None)
    )
    db.session.flush()
    return ResetLink(person.id, person.name, person.email, person.language, token)


def is_reset_open(token: str, now: datetime) -> bool:
    """Whether a link still works: made by us, within its hour, not used."""
    return _open_reset(token, now) is not None


def reset_password(token: str, password: str, now: datetime, address: str = "") -> Person:
    """Sets a new password by a link: it and every other link of that person are used up, all their sessions end.

    Raises RuleBroken("token", "link-over") and RuleBroken("password", ...).
    """
    reset = _open_reset(token, now)
    person = None if reset is None else db.session.get(Person, reset.person_id, with_for_update=True)
    if reset is None or person is None or not person.active:
        raise RuleBroken("token", "link-over", "This link has been used or is too old: ask for a new one.")
    password_hash = hash_password(password, person.email)
    used: object = db.session.execute(
        update(PasswordReset)
        .where(PasswordReset.person_id == person.id, PasswordReset.used_at.is_(None))
        .values(used_at=now)
    )
    if getattr(used, "rowcount", 0) == 0:  # another request used it while this one waited for the person
        raise RuleBroken("token", "link-over", "This link has been used or is too old: ask for a new one.")
    keep_password(person, password_hash)
    db.session.execute(delete(SignInAttempt).where(SignInAttempt.email == person.email))
    trail.record(Caller(now, person.email, address=address), "password.reset", f"person:{person.email}")
    return person


def _open_reset(token: str, now: datetime) -> PasswordReset | None:
    return db.session.scalar(
        select(PasswordReset).where(
            PasswordReset.token_hash == hash_token(token), PasswordReset.used_at.is_(None),
            PasswordReset.expires_at > now,
        )
    )


def _refuse_too_many(condition: object, limit: int, now: datetime) -> None:
    """Refuses when the window holds `limit` failures; it opens again when the oldest of the last `limit` leaves it."""
    times = db.session.scalars(
        select(SignInAttempt.at)
        .where(condition, SignInAttempt.succeeded.is_(False), SignInAttempt.at > now - WINDOW)  # type: ignore[arg-type]
        .order_by(SignInAttempt.at.desc())
        .limit(limit)
    ).all()
    if len(times) >= limit:
        wait = (times[-1] + WINDOW - now).total_seconds()
        raise RuleBroken(
            "", "too-many-tries", "Too many tries. Wait %(minutes)d minutes and try again.",
            minutes=int(wait // 60) + 1, seconds=int(wait) + 1,
        )


def _one_at_a_time(email: str) -> None:
    """On PostgreSQL, tries for one address wait for each other, so that each sees the count of those before.

    SQLite has one writer at a time anyway.
    """
    if is_postgresql():
        db.session.execute(select(func.pg_advisory_xact_lock(zlib.crc32(email.encode()))))
