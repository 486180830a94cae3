"""Bearer tokens of the API: shown once, kept as a hash; whoever bears one may do what its person may."""

import hashlib
import secrets

from sqlalchemy import select

from creditsvc.core.errors import Conflict, NotFound, RuleBroken
from creditsvc.db import db
from creditsvc.parties import trail
from creditsvc.parties.access import Caller, require
from creditsvc.parties.models import ApiToken, Person
from creditsvc.parties.operations import known_person

PREFIX = "cs_"
"""What every token begins with, so that a scanner for leaked secrets can know one."""


def create_token(caller: Caller, email: str, name: str) -> str:
    """A new token of that person, in plain text: nobody can read it again.

    Raises Forbidden, NotFound("person"), RuleBroken("name", "not-a-name") and Conflict: `person-inactive` for one who
    may not sign in, `token-name-taken` while they have a token of that name.
    """
    require(caller, "people.edit")
    person = known_person(email)
    if not person.active:
        raise Conflict("email", "person-inactive", "%(email)s may not sign in, so neither may a token.", email=email)
    name = name.strip()
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise RuleBroken("name", "not-a-name", "A token's name has 1 to 100 characters on one line.")
    if _live_tokens(person, name):
        raise Conflict(
            "name", "token-name-taken", "%(email)s has a token named %(name)s: revoke it, or choose another name.",
            email=person.email, name=name,
        )
    token = PREFIX + secrets.token_urlsafe(32)
    db.session.add(
        ApiToken(person_id=person.id, name=name, token_hash=hash_token(token), created_at=caller.now, revoked_at=None)
    )
    db.session.flush()
    trail.record(caller, "token.created", f"person:{person.email}", after={"token": name})
    return token


def revoke_token(caller: Caller, email: str, name: str) -> None:
    """Ends that person's token of that name at once.

    Raises Forbidden and NotFound("person" | "token"): a token that was revoked before is no longer there.
    """
    require(caller, "people.edit")
    person = known_person(email)
    tokens = _live_tokens(person, name.strip())
    if not tokens:
        raise NotFound("token", name)
    for token in tokens:
        token.revoked_at = caller.now
    db.session.flush()
    trail.record(caller, "token.revoked", f"person:{person.email}", before={"token": name.strip()})


def person_of_token(token: str) -> Person | None:
    """The active person whose live token this is, or None."""
    if not token.startswith(PREFIX):
        return None
    return db.session.scalar(
        select(Person)
        .join(ApiToken, ApiToken.person_id == Person.id)
        .where(ApiToken.token_hash == hash_token(token), ApiToken.revoked_at.is_(None), Person.active)
    )


def hash_token(token: str) -> str:
    """What is kept of a token or a link: 256 random bits need no more than a plain hash (nobody can try them out)."""
    return hashlib.sha256(token.encode()).hexdigest()


def _live_tokens(person: Person, name: str) -> list[ApiToken]:
    statement = select(ApiToken).where(
        ApiToken.person_id == person.id, ApiToken.name == name, ApiToken.revoked_at.is_(None)
    )
    return list(db.session.scalars(statement))
