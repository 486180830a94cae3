"""Invitations: a link by mail by which somebody takes up a role, good once and for seven days.

Nothing here tells an inviter whether an address is known elsewhere: the answer, the mail and the list are the same.
Whoever holds the link reads the mail of that address; a person who has a password must be signed in to take it up.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, true

from creditsvc.core.errors import Conflict, NotFound, RuleBroken
from creditsvc.db import db, is_id
from creditsvc.parties import trail
from creditsvc.parties.access import Caller, require, require_startup
from creditsvc.parties.models import STAFF_ROLES, Invitation, Membership, Person, Startup
from creditsvc.parties.operations import (
    check_email,
    check_language,
    check_member_role,
    check_name,
    keep_password,
    new_person,
    person_of,
    put_membership,
    set_role,
)
from creditsvc.parties.passwords import hash_password
from creditsvc.parties.tokens import hash_token

LIFE = timedelta(days=7)
PAUSE = timedelta(minutes=5)
"""How long after a mail the same invitation can be sent again."""

SENDINGS_AT_MOST = 5
"""How often one invitation is sent; its address may be a wrong one, whose owner never asked for any of them."""

A_DAY_AT_MOST = 50
"""How many invitations a startup, or the incubator itself, makes within 24 hours."""


@dataclass(frozen=True)
class Sending:
    """What the mail of an invitation says. The token is shown to nobody else and kept only as its hash."""

    email: str
    role: str
    startup: str
    inviter: str
    language: str
    token: str
    expires_at: datetime


@dataclass(frozen=True)
class Invited:
    """An invitation as its link shows it. `has_password` says that its person signs in to take it up."""

    email: str
    role: str
    startup: str
    startup_key: str
    has_password: bool
    name: str
    expires_at: datetime


def invite_member(caller: Caller, *, startup: str, email: str, role: str = "member", language: str = "") -> Sending:
    """Invites somebody to a startup, by its owners and managers; the mail is in the startup's language unless one is
    said.

    Raises NotFound("startup"), Forbidden, RuleBroken at `email`, `role`, `language`; Conflict("email", "is-member" |
    "is-invited") and Conflict("", "too-many-invitations").
    """
    company = require_startup(caller, "team.edit", startup, locked=True)
    check_member_role(role)
    address = check_email(email)
    mine = select(Membership.id).join(Person).where(Membership.startup_id == company.id, Person.email == address)
    if db.session.scalar(mine) is not None:
        raise Conflict("email", "is-member", "%(email)s belongs to the startup already.", email=address)
    made = Invitation(email=address, role=role, startup_id=company.id, language=language or company.language)
    return _invite(caller, made, company)


def invite_staff(
    caller: Caller, *, email: str, role: str, programme_ids: Collection[int] | None = None,
    partner_id: int | None = None, consultant: str | None = None, language: str = "en",
) -> Sending:
    """Invites somebody to a role in the incubator, by administrators. `programme_ids` limit a manager.

    Raises Forbidden, RuleBroken at `email`, `role`, `partner`, `language`; Conflict("email", "has-role" | "is-invited")
    and Conflict("", "too-many-invitations").
    """
    require(caller, "people.edit")
    address = check_email(email)
    if role not in STAFF_ROLES:
        raise RuleBroken(
            "role", "unknown-role", "%(role)r is no role: %(roles)s", role=role, roles=", ".join(STAFF_ROLES)
        )
    if role == "partner" and partner_id is None:
        raise RuleBroken("partner", "missing", "A partner's viewer needs the partner whose pools they see.")
    known = person_of(address)
    if known is not None and known.role is not None:
        raise Conflict(
            "email", "has-role", "%(email)s has a role already: change it on the page of that person.", email=address
        )
    made = Invitation(
        email=address, role=role, language=language,
        programme_ids=sorted(set(programme_ids)) if role == "manager" and programme_ids is not None else None,
        partner_id=partner_id if role == "partner" else None, consultant=consultant if role == "consultant" else None,
    )
    return _invite(caller, made, None)


def _invite(caller: Caller, made: Invitation, company: Startup | None) -> Sending:
    check_language(made.language)
    same = _of(company) & (Invitation.email == made.email) & (Invitation.expires_at > caller.now)
    if db.session.scalar(select(Invitation.id).where(same, *_waiting())) is not None:
        raise Conflict(
            "email", "is-invited", "%(email)s is invited already: send that invitation again, or revoke it.",
            email=made.email,
        )
    _refuse_too_many(caller, company)
    token = secrets.token_urlsafe(32)
    made.token_hash, made.invited_by, made.invited_at = hash_token(token), caller.actor, caller.now
    made.sent_at, made.expires_at, made.sendings = caller.now, caller.now + LIFE, 1
    db.session.add(made)
    db.session.flush()
    trail.record(caller, "invitation.sent", _subject(made, company), after={"person": made.email, "role": made.role})
    return _sending(caller, made, company, token)


def send_again(caller: Caller, invitation_id: int, *, startup: str | None = None) -> Sending:
    """Sends an invitation once more with a new link, good for seven days from now; the link before it ends.

    Raises NotFound("startup" | "invitation"), Forbidden, Conflict("", "just-sent" | "sent-often" | "not-open").
    """
    company, made = _found(caller, invitation_id, startup)
    if made.accepted_at is not None or made.revoked_at is not None:
        raise Conflict("", "not-open", "This invitation was taken up or revoked: make a new one.")
    if caller.now - made.sent_at < PAUSE:
        raise Conflict("", "just-sent", "This invitation was sent a moment ago: wait five minutes and send it again.")
    if made.sendings >= SENDINGS_AT_MOST:
        raise Conflict(
            "", "sent-often", "This invitation was sent %(count)d times: ask whether the address is right.",
            count=made.sendings,
        )
    token = secrets.token_urlsafe(32)
    made.token_hash, made.sent_at, made.expires_at = hash_token(token), caller.now, caller.now + LIFE
    made.sendings += 1
    db.session.flush()
    trail.record(caller, "invitation.sent-again", _subject(made, company), after={"person": made.email})
    return _sending(caller, made, company, token)


def revoke(caller: Caller, invitation_id: int, *, startup: str | None = None) -> Invitation:
    """Ends an invitation; again does nothing. Raises NotFound("startup" | "invitation"), Forbidden, Conflict("",
    "taken-up").
    """
    company, made = _found(caller, invitation_id, startup)
    if made.accepted_at is not None:
        raise Conflict("", "taken-up", "This invitation was taken up: take the person out instead.")
    if made.revoked_at is None:
        made.revoked_at = caller.now
        db.session.flush()
        trail.record(caller, "invitation.revoked", _subject(made, company), before={"person": made.email})
    return made


def open_invitations(caller: Caller, startup: str | None = None) -> list[Invitation]:
    """Invitations that were neither taken up nor revoked, newest first: of a startup, or to the incubator's roles.

    Raises NotFound("startup"), Forbidden.
    """
    statement = select(Invitation).where(_of(_place(caller, startup)), *_waiting())
    return list(db.session.scalars(statement.order_by(Invitation.id.desc()).limit(500)))


def find_invitation(token: str, now: datetime) -> Invited:
    """What the link leads to. Raises RuleBroken("token", "link-over") for one that leads nowhere (any more)."""
    made = _by_token(token, now, locked=False)
    person = _taker(made)
    company = None if made.startup_id is None else db.session.get_one(Startup, made.startup_id)
    return Invited(
        made.email, made.role, "" if company is None else company.name, "" if company is None else company.key,
        person is not None and person.password_hash is not None, "" if person is None else person.name, made.expires_at,
    )


def accept_with_password(token: str, name: str, password: str, now: datetime, address: str = "") -> Person:
    """Takes an invitation up for somebody who has no password yet: with their name and a password; once.

    Raises RuleBroken: ("token", "link-over" | "sign-in-first"), at `name` and `password`.
    """
    made = _by_token(token, now)
    person = _taker(made)
    if person is not None and person.password_hash is not None:
        raise RuleBroken("token", "sign-in-first", "You have a password already: sign in, then take the invitation up.")
    caller = Caller(now, made.email, address=address)
    password_hash = hash_password(password, made.email)
    if person is None:
        person = new_person(caller, made.email, name, made.language)
    else:
        person.name = check_name(name)
    keep_password(person, password_hash)
    _take_up(caller, made, person)
    return person


def accept_signed_in(caller: Caller, token: str) -> None:
    """Takes an invitation up for who is signed in; once.

    Raises RuleBroken("token", "link-over" | "other-person").
    """
    made = _by_token(token, caller.now)
    person = _taker(made)
    if person is None or person.id != caller.person_id:
        raise RuleBroken(
            "token", "other-person", "This invitation is for %(email)s: sign in with that address.", email=made.email
        )
    _take_up(caller, made, person)


def consultant_of_invitation(token: str) -> str | None:
    """The key of the consultant as whom the person of that link will sign in, if one is named."""
    return db.session.scalar(select(Invitation.consultant).where(Invitation.token_hash == hash_token(token)))


def _take_up(caller: Caller, made: Invitation, person: Person) -> None:
    made.accepted_at = caller.now
    if made.startup_id is not None:
        company = db.session.get_one(Startup, made.startup_id, with_for_update=True)
        there = select(Membership.id).where(Membership.startup_id == company.id, Membership.person_id == person.id)
        if db.session.scalar(there) is None:
            put_membership(caller, company, person, made.role)
    elif person.role is None:  # a role given meanwhile by an administrator stands
        set_role(person, made.role, made.programme_ids, made.partner_id)
    db.session.flush()
    trail.record(caller, "invitation.accepted", f"person:{person.email}", after={"role": made.role})


def _by_token(token: str, now: datetime, *, locked: bool = True) -> Invitation:
    """The invitation that this link opens; locked, so that of two that take it up at once the second finds it used."""
    statement = select(Invitation).where(
        Invitation.token_hash == hash_token(token), *_waiting(), Invitation.expires_at > now
    )
    if locked:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    made = db.session.scalar(statement)
    if made is None:
        raise _over()
    return made


def _taker(made: Invitation) -> Person | None:
    person = person_of(made.email)
    if person is not None and not person.active:
        raise _over()
    return person


def _over() -> RuleBroken:
    return RuleBroken("token", "link-over", "This invitation has been used, revoked or is too old: ask for a new one.")


def _waiting() -> tuple[ColumnElement[bool], ...]:
    return Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None)


def _of(company: Startup | None) -> ColumnElement[bool]:
    return Invitation.startup_id.is_(None) if company is None else Invitation.startup_id == company.id


def _place(caller: Caller, startup: str | None) -> Startup | None:
    """The startup of that key, or None for the incubator itself, where the caller may invite."""
    if startup is None:
        require(caller, "people.edit")
        return None
    return require_startup(caller, "team.edit", startup)


def _found(caller: Caller, invitation_id: int, startup: str | None) -> tuple[Startup | None, Invitation]:
    company = _place(caller, startup)
    made = db.session.scalar(
        select(Invitation)
        .where(Invitation.id == invitation_id if is_id(invitation_id) else ~true(), _of(company))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if made is None:
        raise NotFound("invitation", str(invitation_id))
    return company, made


def _refuse_too_many(caller: Caller, company: Startup | None) -> None:
    made = db.session.scalar(
        select(func.count()).where(_of(company), Invitation.invited_at > caller.now - timedelta(days=1))
    )
    if (made or 0) >= A_DAY_AT_MOST:
        raise Conflict(
            "", "too-many-invitations", "%(count)d invitations were made within a day: go on tomorrow.", count=made
        )


def _subject(made: Invitation, company: Startup | None) -> str:
    return f"person:{made.email}" if company is None else f"startup:{company.key}"


def _sending(caller: Caller, made: Invitation, company: Startup | None, token: str) -> Sending:
    inviter = None if caller.person_id is None else db.session.get(Person, caller.person_id)
    return Sending(
        made.email, made.role, "" if company is None else company.name, "" if inviter is None else inviter.name,
        made.language, token, made.expires_at,
    )
