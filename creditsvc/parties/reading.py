"""Reading startups and people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select

from creditsvc.core.errors import NotFound
from creditsvc.db import db, is_id
from creditsvc.parties.access import Caller, require_startup, visible_startups
from creditsvc.parties.models import Membership, Person, Startup


@dataclass(frozen=True)
class Member:
    """One of a startup's people."""

    email: str
    name: str
    role: str
    since: datetime
    language: str | None = None
    time_zone: str | None = None


def find_startup(caller: Caller, key: str) -> Startup:
    """The startup of that key. Raises NotFound when there is none or the caller may not know of it."""
    return require_startup(caller, "startup.see", key)


def list_startups(
    caller: Caller, *, search: str = "", after: str | None = None, limit: int | None = None,
    where: ColumnElement[bool] | None = None,
) -> Sequence[Startup]:
    """The startups that the caller may see, in the order of their keys, from beyond the key `after`.

    `search` narrows to names and keys that contain it, whatever the capitals; `where` to what holds for `Startup`.
    """
    statement = select(Startup).where(visible_startups(caller)).order_by(Startup.key)
    if where is not None:
        statement = statement.where(where)
    if search:
        statement = statement.where(name_contains(search))
    if after is not None:
        statement = statement.where(Startup.key > after)
    return db.session.scalars(statement if limit is None else statement.limit(limit)).all()


def name_contains(search: str) -> ColumnElement[bool]:
    """The condition on `Startup` that its name or key contains the text, whatever the capitals."""
    part = "%" + search.lower().replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_") + "%"
    return or_(func.lower(Startup.name).like(part, escape="\\"), Startup.key.like(part, escape="\\"))


def members_of(startup: Startup) -> list[Member]:
    """A startup's people, owners first. The caller must have been allowed to see it."""
    rows = db.session.execute(
        select(
            Person.email, Person.name, Membership.role, Person.created_at, Person.language, Person.time_zone
        )
        .join(Membership, Membership.person_id == Person.id)
        .where(Membership.startup_id == startup.id)
        .order_by(Membership.role.desc(), Person.email)
    )
    return [Member(*row) for row in rows]


def find_member(startup: Startup, email: str) -> Member:
    """The one of a startup's people who has that address, whatever its capitals. Raises NotFound("person").

    The caller must have been allowed to see the startup.
    """
    address = email.strip().lower()
    for member in members_of(startup):
        if member.email == address:
            return member
    raise NotFound("person", email)


def person_by_id(person_id: int, *, locked: bool = False) -> Person:
    """The person of that number; `locked`, they are held and read fresh. Raises NotFound("person").

    Whoever asks must have been allowed to.
    """
    statement = select(Person).where(Person.id == person_id)
    if locked:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    person = db.session.scalar(statement) if is_id(person_id) else None
    if person is None:
        raise NotFound("person", str(person_id))
    return person
