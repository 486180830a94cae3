"""Everybody who can sign in or be written to, as administrators look through, change and end them."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select, true, update

from creditsvc.core.errors import Conflict
from creditsvc.db import db
from creditsvc.parties import trail
from creditsvc.parties.access import Caller, require
from creditsvc.parties.models import (
    STAFF_ROLES,
    ApiToken,
    ManagerProgramme,
    Membership,
    Person,
    Startup,
    TrailEntry,
)
from creditsvc.parties.operations import check_language, check_name, set_role
from creditsvc.parties.reading import person_by_id

PAGE = 50
TRAIL_PAGE = 30

_MEMBER = select(Membership.id).where(Membership.person_id == Person.id).exists()

CHOICES: Mapping[str, ColumnElement[bool]] = {
    # whom a list is narrowed to
    **{role: Person.role == role for role in STAFF_ROLES},
    "member": _MEMBER,
    "inactive": Person.active.is_(False),
    "no-password": Person.password_hash.is_(None) & Person.active,
}


@dataclass(frozen=True)
class PersonRow:
    """Somebody as a list shows them."""

    id: int
    email: str
    name: str
    role: str | None
    active: bool
    has_password: bool
    startups: int


@dataclass(frozen=True)
class PersonView:
    """Somebody as their page shows them. `startups` are (key, name, role). `seen` says what an edit was made from."""

    id: int
    email: str
    name: str
    role: str | None
    language: str | None
    active: bool
    has_password: bool
    created_at: datetime
    programme_ids: frozenset[int] | None
    partner_id: int | None
    startups: tuple[tuple[str, str, str], ...]
    tokens: int
    seen: str


def list_people(
    caller: Caller, *, search: str = "", chosen: str = "", after: str | None = None
) -> tuple[list[PersonRow], str | None]:
    """A page of people by address from beyond `after`, and where to go on (None on the last page).

    `search` narrows to names and addresses that contain it, `chosen` to one of CHOICES. Raises Forbidden.
    """
    require(caller, "people.list")
    startups = select(func.count()).where(Membership.person_id == Person.id).scalar_subquery()
    statement = (
        select(Person.id, Person.email, Person.name, Person.role, Person.active,
               Person.password_hash.is_not(None), startups)
        .order_by(Person.email)
        .limit(PAGE + 1)
    )
    if search:
        part = search.lower()
        statement = statement.where(or_(
            func.lower(Person.name).contains(part, autoescape=True), Person.email.contains(part, autoescape=True)
        ))
    if chosen in CHOICES:
        statement = statement.where(CHOICES[chosen])
    if after is not None:
        statement = statement.where(Person.email > after)
    rows = [PersonRow(*row) for row in db.session.execute(statement)]
    return rows[:PAGE], rows[PAGE - 1].email if len(rows) > PAGE else None


def find_person(caller: Caller, person_id: int) -> PersonView:
    """Somebody with all that is said of them. Raises Forbidden and NotFound("person")."""
    require(caller, "people.list")
    return _view(person_by_id(person_id))


def _view(person: Person) -> PersonView:
    startups = db.session.execute(
        select(Startup.key, Startup.name, Membership.role)
        .join(Membership, Membership.startup_id == Startup.id)
        .where(Membership.person_id == person.id)
        .order_by(Startup.key)
        .limit(200)
    ).all()
    tokens = db.session.scalar(
        select(func.count()).where(ApiToken.person_id == person.id, ApiToken.revoked_at.is_(None))
    )
    programmes = _programmes(person)
    return PersonView(
        person.id, person.email, person.name, person.role, person.language, person.active,
        person.password_hash is not None, person.created_at, programmes, person.partner_id,
        tuple(map(tuple, startups)), tokens or 0, _seen(person, programmes),  # type: ignore[arg-type]
    )


def _programmes(person: Person) -> frozenset[int] | None:
    if person.role != "manager" or not person.limited_to_programmes:
        return None
    ids = select(ManagerProgramme.programme_id).where(ManagerProgramme.person_id == person.id)
    return frozenset(db.session.scalars(ids))


def _seen(person: Person, programmes: Collection[int] | None) -> str:
    said = [person.name, person.role, person.language, person.partner_id, person.active,
            None if programmes is None else sorted(programmes)]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]


def change_person(
    caller: Caller, person_id: int, *, name: str, role: str | None, language: str | None = None,
    programme_ids: Collection[int] | None = None, partner_id: int | None = None, seen: str | None = None,
) -> Person:
    """States somebody's name, role, programmes and language anew; another role or other programmes end their sessions.

    `seen` is what the edit was made from. Raises Forbidden, NotFound("person"), RuleBroken at `name`, `role`,
    `partner`, `language`; Conflict("", "changed-meanwhile") and Conflict("role", "last-administrator").
    """
    require(caller, "people.edit")
    person = person_by_id(person_id, locked=True)
    programmes = _programmes(person)
    if seen is not None and seen != _seen(person, programmes):
        raise Conflict(
            "", "changed-meanwhile", "Somebody changed this person meanwhile: look at what stands there now."
        )
    before = _words(person, programmes)
    name_before = person.name
    if person.role == "administrator" and role != "administrator":
        _refuse_last_administrator(person, "role")
    person.name, person.language = check_name(name), check_language(language) if language else None
    set_role(person, role, programme_ids, partner_id)
    after = _words(person, _programmes(person))
    if {**after, "language": ""} != {**before, "language": ""}:
        person.session_epoch += 1
    if person.name != name_before:  # the trail keeps no names: a person can be erased
        after["renamed"] = True
    if after != before:
        db.session.flush()
        trail.record(caller, "person.edited", f"person:{person.email}", before=before, after=after)
    return person


def _words(person: Person, programmes: Collection[int] | None) -> dict[str, object]:
    return {
        "role": person.role, "partner": person.partner_id, "language": person.language,
        "programmes": None if programmes is None else sorted(programmes),
    }


def deactivate(caller: Caller, person_id: int) -> Person:
    """Lets somebody sign in no more: their sessions and tokens end at once. Again does nothing.

    Raises Forbidden, NotFound("person"), Conflict("", "is-yourself" | "last-administrator").
    """
    require(caller, "people.edit")
    person = person_by_id(person_id, locked=True)
    if not person.active:
        return person
    if person.id == caller.person_id:
        raise Conflict("", "is-yourself", "You cannot deactivate yourself: another administrator can.")
    if person.role == "administrator":
        _refuse_last_administrator(person, "")
    person.active = False
    person.session_epoch += 1
    db.session.execute(
        update(ApiToken).where(ApiToken.person_id == person.id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=caller.now)
    )
    db.session.flush()
    trail.record(caller, "person.deactivated", f"person:{person.email}")
    return person


def activate(caller: Caller, person_id: int) -> Person:
    """Lets somebody sign in again, with the password they had; tokens stay ended. Again does nothing.

    Raises Forbidden, NotFound("person"), Conflict("", "is-erased").
    """
    require(caller, "people.edit")
    person = person_by_id(person_id, locked=True)
    if "@" not in person.email:
        raise Conflict("", "is-erased", "This person was erased: invite them by their address.")
    if not person.active:
        person.active = True
        db.session.flush()
        trail.record(caller, "person.activated", f"person:{person.email}")
    return person


def trail_of(
    caller: Caller, person_id: int, before: int | None = None
) -> tuple[list[TrailEntry], int | None]:
    """What somebody did and what was done to them, newest first from before an entry's id, and where to go on.

    Raises Forbidden and NotFound("person").
    """
    require(caller, "people.list")
    person = person_by_id(person_id)
    of_them = or_(TrailEntry.actor == person.email, TrailEntry.subject == f"person:{person.email}")
    earlier = TrailEntry.id < before if before is not None else true()
    found = db.session.scalars(
        select(TrailEntry).where(of_them, earlier).order_by(TrailEntry.id.desc()).limit(TRAIL_PAGE + 1)
    ).all()
    return list(found[:TRAIL_PAGE]), found[TRAIL_PAGE - 1].id if len(found) > TRAIL_PAGE else None


def _refuse_last_administrator(person: Person, field: str) -> None:
    # all of them are locked, so that of two who end each other's role the second sees what the first did
    administrators = db.session.scalars(
        select(Person.id).where(Person.role == "administrator", Person.active).order_by(Person.id).with_for_update()
    ).all()
    if set(administrators) <= {person.id}:
        raise Conflict(
            field, "last-administrator", "This is the last administrator: make somebody else one first."
        )


