"""Bearer tokens of the API: shown once, kept as a hash.

Whoever bears one may do what its person may, within the scopes of the token, until it expires or is revoked.
"""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, and_, bindparam, or_, select, update

from creditsvc.core.days import instant_text
from creditsvc.core.errors import Conflict, NotFound, RuleBroken
from creditsvc.db import db
from creditsvc.parties import trail
from creditsvc.parties.access import Caller, identify, may, people_where, require
from creditsvc.parties.models import TOKEN_SCOPES, ApiToken, Person
from creditsvc.parties.operations import known_person

PREFIX = "cs_"
"""What every token begins with, so that a scanner for leaked secrets can know one."""

USE_NOTED_EVERY = timedelta(minutes=5)
"""How old the note of a token's last use may get: a request is not to become a write."""


@dataclass(frozen=True)
class Bearer:
    """Who bears a live token, and what it may do. `is_due` says that its last use is to be noted again."""

    caller: Caller
    token_id: int
    is_due: bool


@dataclass(frozen=True)
class TokenView:
    """A token as it may be shown."""

    person: str
    id: int
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    def is_live(self, now: datetime) -> bool:
        """Whether it opens anything at that instant."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


def create_token(
    caller: Caller, email: str, name: str, *, scopes: Collection[str] = TOKEN_SCOPES, expires_at: datetime | None = None
) -> str:
    """A new token of that person, in plain text: nobody can read it again. It has every scope unless some are given.

    By administrators for anybody, and by everybody for themselves, not by a token.

    Raises Forbidden, NotFound("person"), RuleBroken: ("name", "not-a-name"), ("scopes", "unknown-scope"),
    ("expires", "in-the-past"); and Conflict: `person-inactive` for one who may not sign in, `token-name-taken` while
    they have a token of that name.
    """
    person = _own_or_any(caller, email)
    if not person.active:
        raise Conflict("email", "person-inactive", "%(email)s may not sign in, so neither may a token.", email=email)
    name = name.strip()
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise RuleBroken("name", "not-a-name", "A token's name has 1 to 100 characters on one line.")
    if not scopes or not set(scopes) <= set(TOKEN_SCOPES):
        raise RuleBroken(
            "scopes", "unknown-scope", "%(value)s: a token has one or more of the scopes %(scopes)s",
            value=", ".join(sorted(scopes)) or "none", scopes=", ".join(TOKEN_SCOPES),
        )
    if expires_at is not None and expires_at <= caller.now:
        raise RuleBroken(
            "expires", "in-the-past", "%(value)s is past: a token ends in the future", value=instant_text(expires_at)
        )
    if _live_tokens(person, name, caller.now):
        raise Conflict(
            "name", "token-name-taken", "%(email)s has a token named %(name)s: revoke it, or choose another name.",
            email=person.email, name=name,
        )
    token = PREFIX + secrets.token_urlsafe(32)
    kept = " ".join(scope for scope in TOKEN_SCOPES if scope in scopes)
    db.session.add(
        ApiToken(
            person_id=person.id, name=name, token_hash=hash_token(token), created_at=caller.now, revoked_at=None,
            scopes=kept, expires_at=expires_at, last_used_at=None,
        )
    )
    db.session.flush()
    after = {"token": name, "scopes": kept, "expires_at": instant_text(expires_at)}
    trail.record(caller, "token.created", f"person:{person.email}", after=after)
    return token


def revoke_token(caller: Caller, email: str, name: str) -> None:
    """Ends that person's token of that name at once.

    Raises Forbidden and NotFound("person" | "token"): a token that was revoked before is no longer there.
    """
    person = _own_or_any(caller, email)
    tokens = _live_tokens(person, name.strip(), caller.now)
    if not tokens:
        raise NotFound("token", name)
    for token in tokens:
        token.revoked_at = caller.now
    db.session.flush()
    trail.record(caller, "token.revoked", f"person:{person.email}", before={"token": name.strip()})


def _own_or_any(caller: Caller, email: str) -> Person:
    """The person whose tokens the caller may make and end. Raises Forbidden and NotFound("person")."""
    if caller.person_id is None or email.strip().lower() != caller.actor or caller.scopes is not None:
        require(caller, "people.edit")
    return known_person(email)


def find_bearer(token: str, now: datetime, address: str = "") -> Bearer | None:
    """The active person whose live token this is, with what the token may do, or None. One query."""
    if not token.startswith(PREFIX):
        return None
    found = identify(_bearers(), {"token_hash": hash_token(token), "now": now}, now, address)
    if found is None:
        return None
    _, caller, (token_id, scopes, used) = found
    caller = replace(caller, scopes=frozenset(scopes.split()))
    return Bearer(caller, token_id, used is None or now - used >= USE_NOTED_EVERY)


@cache
def _bearers() -> Select[*tuple[Any, ...]]:
    token = and_(ApiToken.person_id == Person.id, ApiToken.token_hash == bindparam("token_hash"), Person.active)
    return people_where(token & and_(*_live(bindparam("now"))), ApiToken.id, ApiToken.scopes, ApiToken.last_used_at)


def note_use(token_id: int, now: datetime) -> None:
    """Writes down when a token was last used. For a transaction of its own that gives up when another one writes."""
    db.session.execute(update(ApiToken).where(ApiToken.id == token_id).values(last_used_at=now))


def list_tokens(caller: Caller, email: str | None = None) -> list[TokenView]:
    """Tokens by person and name, newest first: all of them for administrators and auditors, one's own for others.

    `email` narrows to one person. Their hashes are shown to nobody.
    """
    statement = (
        select(
            Person.email, ApiToken.id, ApiToken.name, ApiToken.scopes, ApiToken.created_at, ApiToken.expires_at,
            ApiToken.last_used_at, ApiToken.revoked_at,
        )
        .join(Person, Person.id == ApiToken.person_id)
        .order_by(Person.email, ApiToken.name, ApiToken.id.desc())
    )
    if not may(caller, "tokens.see"):
        statement = statement.where(Person.id == caller.person_id)
    if email is not None:
        statement = statement.where(Person.email == email.strip().lower())
    return [
        TokenView(
            row.email, row.id, row.name, tuple(row.scopes.split()), row.created_at, row.expires_at, row.last_used_at,
            row.revoked_at,
        )
        for row in db.session.execute(statement)
    ]


def _live(now: datetime | BindParameter[datetime]) -> tuple[ColumnElement[bool], ...]:
    return ApiToken.revoked_at.is_(None), or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now)


def hash_token(token: str) -> str:
    """What is kept of a token, a link or a session: 128 random bits need but a plain hash (nobody can try them out)."""
    return hashlib.sha256(token.encode()).hexdigest()


def _live_tokens(person: Person, name: str, now: datetime) -> list[ApiToken]:
    statement = select(ApiToken).where(ApiToken.person_id == person.id, ApiToken.name == name, *_live(now))
    return list(db.session.scalars(statement))
