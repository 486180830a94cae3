"""Startups, people and who belongs where: the verbs. They add and flush; a door commits."""

import re
from collections.abc import Callable, Collection

from sqlalchemy import delete, func, select

from creditsvc.core.days import check_time_zone
from creditsvc.core.errors import Conflict, Forbidden, NotFound, RuleBroken
from creditsvc.db import db
from creditsvc.languages import LANGUAGES
from creditsvc.parties import trail
from creditsvc.parties.access import Caller, require, require_startup
from creditsvc.parties.models import (
    MEMBER_ROLES,
    STAFF_ROLES,
    Invitation,
    ManagerProgramme,
    Membership,
    Person,
    Startup,
    StartupProgramme,
)
from creditsvc.parties.passwords import hash_password

_KEY = re.compile(r"[a-z0-9][a-z0-9-]*")
_EMAIL = re.compile(r"(?!.*=\?)[^\s@<>()\[\],;:\\\"]+@[^\s@<>()\[\],;:\\\"]+")  # =? would begin an encoded word


def check_key(key: str, field: str = "key", longest: int = 100) -> str:
    """The key itself when people may choose it. Raises RuleBroken(field, "not-a-key")."""
    if len(key) > longest or not _KEY.fullmatch(key):
        raise RuleBroken(
            field, "not-a-key",
            "%(value)r is no key: write small letters, digits and hyphens, beginning with a letter or digit",
            value=key[:longest],
        )
    return key


def create_startup(caller: Caller, *, key: str, name: str, language: str = "en") -> Startup:
    """A new startup. One made by a manager limited to programmes is in those from the start, so that they see it.

    Raises Forbidden, RuleBroken("key" | "name" | "language", ...) and Conflict("key", "key-taken").
    """
    require(caller, "startup.create")
    check_key(key)
    if key == "new":  # the page that makes one has this address
        raise RuleBroken("key", "reserved", "The key %(key)s is reserved: choose another one.", key=key)
    if db.session.scalar(select(Startup.id).where(Startup.key == key)) is not None:
        raise Conflict("key", "key-taken", "The key %(key)s is taken: choose another one.", key=key)
    startup = Startup(key=key, name=check_name(name), language=check_language(language), created_at=caller.now)
    db.session.add(startup)
    db.session.flush()
    for programme_id in sorted(caller.programme_ids or ()):
        db.session.add(StartupProgramme(startup_id=startup.id, programme_id=programme_id))
    db.session.flush()
    trail.record(caller, "startup.created", f"startup:{key}", after={"name": startup.name, "language": language})
    return startup


def edit_startup(
    caller: Caller, key: str, *, name: str | None = None, language: str | None = None,
    check: Callable[[Startup], None] | None = None,
) -> Startup:
    """Changes a startup's paperwork; what is None stays. `check` may refuse it as it stands now, while it is locked.

    Raises NotFound, Forbidden, RuleBroken("name" | "language", ...) and what `check` raises.
    """
    startup = require_startup(caller, "startup.edit", key, locked=True)
    if check is not None:
        check(startup)
    before = {"name": startup.name, "language": startup.language}
    if name is not None:
        startup.name = check_name(name)
    if language is not None:
        startup.language = check_language(language)
    after = {"name": startup.name, "language": startup.language}
    if after != before:
        db.session.flush()
        trail.record(caller, "startup.edited", f"startup:{key}", before=before, after=after)
    return startup


def person_of(email: str) -> Person | None:
    """The person with that address, whatever its capitals."""
    return db.session.scalar(select(Person).where(Person.email == email.strip().lower()))


def add_person(
    caller: Caller,
    *,
    email: str,
    name: str,
    role: str | None = None,
    language: str | None = None,
    time_zone: str | None = None,
    programme_ids: Collection[int] | None = None,
    partner_id: int | None = None,
) -> Person:
    """A new person without a password (they set one by mail). `programme_ids` limits a manager to those programmes.

    Raises Forbidden, RuleBroken("email" | "name" | "role" | "language" | "time_zone", ...) and
    Conflict("email", "email-taken").
    """
    require(caller, "people.edit")
    if person_of(email) is not None:
        raise Conflict("email", "email-taken", "There is a person with the address %(email)s already.", email=email)
    person = new_person(caller, email, name, language)
    person.time_zone = None if time_zone is None else check_time_zone(time_zone)
    set_role(person, role, programme_ids, partner_id)
    trail.record(caller, "person.added", f"person:{person.email}", after={"role": role})
    return person


def edit_person(
    caller: Caller,
    email: str,
    *,
    name: str,
    role: str | None,
    language: str | None = None,
    time_zone: str = "",
    programme_ids: Collection[int] | None = None,
    partner_id: int | None = None,
) -> Person:
    """States a person's name, role and programmes anew; without a time zone theirs stays. A change of role ends their
    sessions.

    Raises Forbidden, NotFound("person") and RuleBroken("name" | "role" | "language" | "time_zone", ...).
    """
    require(caller, "people.edit")
    person = known_person(email)
    before, name_before = {"role": person.role}, person.name  # the trail keeps no names: a person can be erased
    if person.role != role:
        person.session_epoch += 1
    person.name = check_name(name)
    person.language = None if language is None else check_language(language)
    if time_zone:
        person.time_zone = check_time_zone(time_zone)
    set_role(person, role, programme_ids, partner_id)
    after = {"role": person.role, **({"renamed": True} if person.name != name_before else {})}
    if after != before:
        trail.record(caller, "person.edited", f"person:{person.email}", before=before, after=after)
    return person


def add_membership(
    caller: Caller, *, startup: str, email: str, name: str = "", role: str = "member", language: str | None = None
) -> Membership:
    """Makes somebody one of a startup's people, and a person first where there is none; again changes the role only.

    A known person's name stays as it is, and is seen by the caller from then on: so a manager limited to programmes
    may not do this, and invites instead (parties/invitations.py), which tells nothing of other startups' people.
    Raises NotFound, Forbidden, RuleBroken("email" | "name" | "role", ...).
    """
    company = require_startup(caller, "startup.edit", startup, locked=True)
    if caller.programme_ids is not None:
        raise Forbidden("member.add")
    person = person_of(email) or new_person(caller, email, name, language)
    return put_membership(caller, company, person, role)


def put_membership(caller: Caller, company: Startup, person: Person, role: str) -> Membership:
    """Makes the person one of the startup's people in that role, for who has asked whether the caller may.

    Raises RuleBroken("role", "unknown-role") and Conflict("role", "last-owner").
    """
    startup = company.key
    check_member_role(role)
    membership = db.session.scalar(
        select(Membership).where(Membership.startup_id == company.id, Membership.person_id == person.id)
    )
    if membership is not None and role != "owner":
        refuse_last_owner(membership, "role")
    before = None if membership is None else {"role": membership.role}
    if membership is None:
        membership = Membership(startup_id=company.id, person_id=person.id, role=role)
        db.session.add(membership)
    membership.role = role
    db.session.flush()
    if before != {"role": role}:
        trail.record(
            caller, "member.added" if before is None else "member.edited", f"startup:{startup}",
            before=before, after={"person": person.email, "role": role},
        )
    return membership


def change_membership(
    caller: Caller, *, startup: str, email: str, role: str, check: Callable[[Membership], None] | None = None
) -> Membership:
    """Changes what one of a startup's people is there, by its owners too; `check` may refuse what stands, once locked.

    Raises NotFound("startup" | "person"), Forbidden, RuleBroken("role", "unknown-role") and Conflict("role",
    "last-owner").
    """
    company = require_startup(caller, "team.edit", startup, locked=True)
    person, membership = _member(company, email)
    if check is not None:
        check(membership)
    changed = put_membership(caller, company, person, role)
    if role != "owner":
        _revoke_invitations(caller, company, person)
    return changed


def end_membership(
    caller: Caller, *, startup: str, email: str, check: Callable[[Membership], None] | None = None
) -> None:
    """Takes somebody out of a startup's people, by its owners too; `check` may refuse what stands, once locked.

    Raises NotFound("startup" | "person"), Forbidden and Conflict("email", "last-owner").
    """
    company = require_startup(caller, "team.edit", startup, locked=True)
    person, membership = _member(company, email)
    if check is not None:
        check(membership)
    refuse_last_owner(membership, "email")
    db.session.delete(membership)
    db.session.flush()
    trail.record(caller, "member.ended", f"startup:{startup}", before={"person": person.email, "role": membership.role})
    _revoke_invitations(caller, company, person)


def _revoke_invitations(caller: Caller, company: Startup, person: Person) -> None:
    """Ends the open invitations of somebody who may invite nobody to a startup any more."""
    open_ones = select(Invitation).where(
        Invitation.startup_id == company.id, func.lower(Invitation.invited_by) == person.email,
        Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None), Invitation.expires_at > caller.now,
    )
    for invitation in db.session.scalars(open_ones).all():
        invitation.revoked_at = caller.now
        trail.record(
            caller, "invitation.revoked", f"startup:{company.key}", before={"person": invitation.email}
        )
    db.session.flush()


def check_member_role(role: str) -> None:
    """Raises RuleBroken("role", "unknown-role")."""
    if role not in MEMBER_ROLES:
        raise RuleBroken("role", "unknown-role", "%(role)r is no role in a startup: owner or member", role=role)


def refuse_last_owner(membership: Membership, field: str) -> None:
    """Raises Conflict(field, "last-owner") for the only owner a startup has; its row is locked by who asks."""
    owners = select(Membership.id).where(
        Membership.startup_id == membership.startup_id, Membership.role == "owner", Membership.id != membership.id
    )
    if membership.role == "owner" and db.session.scalar(owners.limit(1)) is None:
        raise Conflict(
            field, "last-owner", "A startup keeps at least one owner: make somebody else an owner first."
        )


def _member(company: Startup, email: str) -> tuple[Person, Membership]:
    """One of the startup's people. Whoever is not is as if unknown: raises NotFound("person")."""
    found = db.session.execute(
        select(Person, Membership)
        .join(Membership, Membership.person_id == Person.id)
        .where(Membership.startup_id == company.id, Person.email == email.strip().lower())
    ).one_or_none()
    if found is None:
        raise NotFound("person", email)
    return found[0], found[1]


def set_password(caller: Caller, *, email: str, password: str) -> Person:
    """Sets a person's password and ends their sessions.

    Raises Forbidden, NotFound("person") and RuleBroken("password", ...).
    """
    require(caller, "people.edit")
    person = known_person(email)
    keep_password(person, hash_password(password, person.email))
    trail.record(caller, "password.set", f"person:{person.email}")
    return person


def keep_password(person: Person, password_hash: str) -> None:
    """Puts a new hash in place; whoever is signed in as this person is no longer."""
    person.password_hash = password_hash
    person.session_epoch += 1
    db.session.flush()


def known_person(email: str) -> Person:
    """The person with that address. Raises NotFound("person")."""
    person = person_of(email)
    if person is None:
        raise NotFound("person", email)
    return person


def check_email(email: str) -> str:
    """The address in small letters. Raises RuleBroken("email", "not-an-address")."""
    address = email.strip().lower()
    if len(address) > 254 or not address.isprintable() or not _EMAIL.fullmatch(address):
        raise RuleBroken(
            "email", "not-an-address", "%(value)r is no mail address: write one such as founder@example.com",
            value=email[:254],
        )
    return address


def new_person(caller: Caller, email: str, name: str, language: str | None) -> Person:
    """A person with neither role nor password, for who has asked whether the caller may.

    Raises RuleBroken("email" | "name" | "language", ...).
    """
    person = Person(
        email=check_email(email), name=check_name(name),
        language=None if language is None else check_language(language), created_at=caller.now,
    )
    db.session.add(person)
    db.session.flush()
    return person


def set_role(
    person: Person, role: str | None, programme_ids: Collection[int] | None, partner_id: int | None
) -> None:
    """Gives a staff role, or takes it. Raises RuleBroken: ("role", "unknown-role"), ("partner", "missing")."""
    if role is not None and role not in STAFF_ROLES:
        raise RuleBroken(
            "role", "unknown-role", "%(role)r is no role: %(roles)s", role=role, roles=", ".join(STAFF_ROLES)
        )
    if role == "partner" and partner_id is None:
        raise RuleBroken("partner", "missing", "A partner's viewer needs the partner whose pools they see.")
    person.role = role
    person.partner_id = partner_id if role == "partner" else None
    person.limited_to_programmes = role == "manager" and programme_ids is not None
    db.session.flush()
    db.session.execute(delete(ManagerProgramme).where(ManagerProgramme.person_id == person.id))
    if person.limited_to_programmes:
        for programme_id in sorted(set(programme_ids or ())):
            db.session.add(ManagerProgramme(person_id=person.id, programme_id=programme_id))
    db.session.flush()


def check_name(name: str) -> str:
    """The name without blanks around it. Raises RuleBroken("name", "not-a-name")."""
    name = name.strip()
    if not name or not name.isprintable() or len(name) > 200:
        raise RuleBroken("name", "not-a-name", "A name has 1 to 200 characters on one line.")
    return name


def check_language(language: str) -> str:
    """The language itself. Raises RuleBroken("language", "unknown-language")."""
    if language not in LANGUAGES:
        raise RuleBroken(
            "language", "unknown-language", "%(value)r is no language: %(languages)s",
            value=language, languages=", ".join(LANGUAGES),
        )
    return language
