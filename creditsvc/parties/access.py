"""Who may do what: the one place that decides (P).

Doors make a `Caller`; every operation asks here. What a startup's people may not see is as if it did not exist
(NotFound); what staff may see but not do is Forbidden.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, bindparam, false, select, true
from sqlalchemy.orm import InstrumentedAttribute

from creditsvc.core.errors import Forbidden, NotFound
from creditsvc.db import Model, db, is_id, table_of
from creditsvc.parties.models import (
    TOKEN_SCOPES,
    ManagerProgramme,
    Membership,
    Person,
    Startup,
    StartupProgramme,
)
from creditsvc.sets import read_fresh

MANAGERS = frozenset({"administrator", "manager"})
READERS = MANAGERS | {"auditor"}

ACTIONS: Mapping[str, frozenset[str]] = {
    # what may be done, and by which staff roles; a startup's own people see their startup by membership
    "startups.list": READERS,
    "startup.see": READERS,
    "startup.create": MANAGERS,
    "startup.edit": MANAGERS,
    "team.edit": MANAGERS,
    "scope.see": READERS,
    "scope.assign": MANAGERS,
    "balance.report": MANAGERS,
    "grant.award": MANAGERS,
    "grant.change": MANAGERS,
    "grant.activate": MANAGERS,
    "request.see": READERS,
    "proposal.see": READERS,
    "request.make": frozenset(),  # a startup's own people ask; whoever may award needs not
    "request.decide": MANAGERS,
    "seat.assign": MANAGERS,
    "seat.rank": MANAGERS,
    "pool.see": READERS | {"partner"},
    "pool.limit": frozenset({"administrator"}),  # or whoever awards could lift what asks for a second person
    "programme.see": READERS | {"partner"},
    "programme.edit": MANAGERS,
    "month.see": READERS,  # it names startups, so partners get the pools' report instead
    "month.freeze": MANAGERS,
    "consultant.see": READERS | {"consultant"},
    "consultant.edit": MANAGERS,
    "booking.see": READERS,
    "booking.make": MANAGERS,
    "booking.settle": MANAGERS,
    "booking.decide": MANAGERS,
    "usage.see": READERS,
    "usage.import": MANAGERS,
    "usage.offer": frozenset(),  # a startup's own people, of their own scopes; it waits for whoever may import
    "rate.see": READERS,
    "rate.state": MANAGERS,
    "licence.see": READERS,
    "licence.edit": MANAGERS,
    "licence.keys": MANAGERS,
    "alerts.see": READERS,
    "book.see": frozenset({"administrator", "auditor"}),
    "trail.see": frozenset({"administrator", "auditor"}),
    "alerts.snooze": MANAGERS,
    "startup.message": MANAGERS,
    "mail.see": frozenset({"administrator", "auditor"}),
    "mail.edit": frozenset({"administrator"}),
    "jobs.see": frozenset({"administrator", "auditor"}),
    "jobs.run": frozenset({"administrator"}),
    "settings.see": frozenset({"administrator"}),
    "people.list": frozenset({"administrator", "auditor"}),
    "people.edit": frozenset({"administrator"}),
    "tokens.see": frozenset({"administrator", "auditor"}),
    "load": frozenset({"administrator"}),
}
MEMBER_ACTIONS = frozenset({
    "startup.see", "balance.report", "grant.activate", "request.see", "request.make", "usage.offer", "licence.see",
    "booking.see", "booking.make", "booking.settle",
})
OWNER_ACTIONS = frozenset({"seat.assign", "team.edit"})
"""What of a startup's own people its owners alone may do."""

_STARTUP = select(Startup).where(Startup.key == bindparam("key"))
_STARTUP_HELD = _STARTUP.with_for_update(of=Startup)


M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Caller:
    """Who asks, when and from where. `programme_ids` None means all programmes.

    `scopes` are those of the token that speaks for the person; None where no token does.
    """

    now: datetime
    actor: str
    role: str | None = None
    person_id: int | None = None
    memberships: Mapping[int, str] = field(default_factory=dict)
    programme_ids: frozenset[int] | None = None
    partner_id: int | None = None
    address: str = ""
    scopes: frozenset[str] | None = None

    @property
    def is_member(self) -> bool:
        """Whether this is one of a startup's people."""
        return bool(self.memberships)


def operator(now: datetime, actor: str = "command line") -> Caller:
    """The operator at the shell, or the service itself: may do everything."""
    return Caller(now=now, actor=actor, role="administrator")


def caller_of(person: Person, now: datetime, address: str = "") -> Caller:
    """The caller that a person is. Raises NotFound("person") when there is no such person any more."""
    found = identify(_BY_ID, {"person": person.id}, now, address)
    if found is None:
        raise NotFound("person", person.email)
    return found[1]


def people_where(
    condition: ColumnElement[bool], *more: InstrumentedAttribute[Any] | ColumnElement[Any]
) -> Select[*tuple[Any, ...]]:
    """What `identify` asks, with the columns `more` besides; made once and kept, since every request asks it."""
    return (
        select(Person, Membership.startup_id, Membership.role, ManagerProgramme.programme_id, *more)
        .select_from(Person)
        .outerjoin(Membership, Membership.person_id == Person.id)
        .outerjoin(
            ManagerProgramme,
            (ManagerProgramme.person_id == Person.id) & Person.limited_to_programmes & (Person.role == "manager"),
        )
        .where(condition)
    )


_BY_ID = people_where(Person.id == bindparam("person"))


def identify(
    statement: Select[*tuple[Any, ...]], values: Mapping[str, Any], now: datetime, address: str = ""
) -> tuple[Person, Caller, tuple[Any, ...]] | None:
    """The one person whom a kept statement of `people_where` finds with those values, the caller that they are, and the
    columns asked for besides; None when there is nobody. In one statement.
    """
    rows = read_fresh(statement, values)
    if not rows:
        return None
    person = rows[0][0]
    memberships = {row[1]: row[2] for row in rows if row[1] is not None}
    programmes: frozenset[int] | None = None
    if person.role == "manager" and person.limited_to_programmes:
        programmes = frozenset(row[3] for row in rows if row[3] is not None)
    caller = Caller(now, person.email, person.role, person.id, memberships, programmes, person.partner_id, address)
    return person, caller, tuple(rows[0][4:])


def may(caller: Caller, action: str) -> bool:
    """Whether the caller's staff role allows the action at all. An unknown action is a fault of ours (KeyError)."""
    return caller.role in ACTIONS[action]


def require(caller: Caller, action: str) -> None:
    """Raises Forbidden(action) unless the caller's staff role allows it."""
    if not may(caller, action):
        raise Forbidden(action)


def require_person(caller: Caller, action: str) -> int:
    """The id of the person who asks. Raises Forbidden(action) for who is no person: the operator, the night."""
    if caller.person_id is None:
        raise Forbidden(action)
    return caller.person_id


def require_scope(caller: Caller, scope: str) -> None:
    """Raises Forbidden("scope:...") unless the caller's token, if one speaks for them, has that scope."""
    if scope not in TOKEN_SCOPES:
        raise ValueError(f"there is no scope {scope!r} that a token could have")
    if caller.scopes is not None and scope not in caller.scopes:
        raise Forbidden(f"scope:{scope}")


def visible_startups(caller: Caller) -> ColumnElement[bool]:
    """The condition on `Startup` that holds for what the caller may see."""
    if caller.role in READERS:
        if caller.programme_ids is None:
            return true()
        mine = select(StartupProgramme.startup_id).where(StartupProgramme.programme_id.in_(caller.programme_ids))
        return Startup.id.in_(mine)
    if caller.memberships:
        return Startup.id.in_(list(caller.memberships))
    return false()


def require_startup(caller: Caller, action: str, key: str, *, locked: bool = False) -> Startup:
    """The startup of that key, if the caller may do the action with it; `locked`, it is held and read fresh.

    Raises NotFound("startup", key) when there is none or the caller may not know of it, Forbidden(action) when the
    caller sees it and may not do this.
    """
    visible = visible_startups(caller)
    found = read_fresh(_STARTUP_HELD if locked else _STARTUP, {"key": key}, visible)
    if not found:
        raise NotFound("startup", key)
    startup: Startup = found[0].Startup
    if not may_with(caller, action, startup):
        raise Forbidden(action)
    return startup


def require_row(caller: Caller, action: str, model: type[M], row_id: int, what: str) -> tuple[M, Startup]:
    """A row that belongs to a startup, held and read fresh, with the startup, if the caller may do the action with it.

    `what` is the row's word in refusals. Raises NotFound(what) when there is none or the caller may not know of its
    startup, and Forbidden(action).
    """
    row = None
    if is_id(row_id):
        columns = table_of(model).c
        row = db.session.execute(
            select(model, Startup)
            .join(Startup, Startup.id == columns.startup_id)
            .where(columns.id == row_id, visible_startups(caller))
            .with_for_update(of=model)
            .execution_options(populate_existing=True)
        ).first()
    if row is None:
        raise NotFound(what, str(row_id))
    if not may_with(caller, action, row[1]):
        raise Forbidden(action)
    return row[0], row[1]


def may_with(caller: Caller, action: str, startup: Startup) -> bool:
    """Whether the caller, who sees the startup, may do the action with it: by staff role or as one of its people."""
    if may(caller, action) or (action in MEMBER_ACTIONS and startup.id in caller.memberships):
        return True
    return action in OWNER_ACTIONS and caller.memberships.get(startup.id) == "owner"
