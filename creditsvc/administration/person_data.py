"""All that is held about a person: found by their number and their address in every table, and given as JSON."""

import json
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Column, ColumnElement, LargeBinary, String, Table, Text, cast, func, or_, select

from creditsvc.core.days import instant_text
from creditsvc.db import Model, db
from creditsvc.parties.access import Caller, require
from creditsvc.parties.models import Membership, Person, Startup
from creditsvc.parties.reading import person_by_id

SHORTEST = 60
"""Texts of at most so many characters that may hold an address are none: states, kinds, currencies."""

ROWS_AT_MOST = 20_000
"""Of one table in one export; what goes beyond is counted."""

_SECRETS = frozenset({"password_hash", "token_hash", "ciphertext", "fingerprint", "session_epoch", "key_hash"})


def texts_of(table: Table) -> list[Column[Any]]:
    """The columns of a table in which an address may stand."""
    return [
        column for column in table.columns
        if isinstance(column.type, JSON)
        or (isinstance(column.type, String | Text) and (column.type.length or SHORTEST + 1) > SHORTEST)
    ]


def holds(column: Column[Any], address: str) -> ColumnElement[bool]:
    """The condition that the address stands in that column, whatever its capitals."""
    if isinstance(column.type, JSON):
        return func.lower(cast(column, Text)).contains(json.dumps(address)[1:-1].lower(), autoescape=True)
    return func.lower(column).contains(address, autoescape=True)


def mentions(table: Table, person: Person) -> ColumnElement[bool] | None:
    """The condition on the rows of a table that are of that person or name them; None where no row can."""
    conditions = [holds(column, person.email) for column in texts_of(table)]
    conditions += [
        column == person.id for column in table.columns
        if any(key.target_fullname == "person.id" for key in column.foreign_keys)
    ]
    if table.name == "person":
        conditions = [table.c.id == person.id]
    return or_(*conditions) if conditions else None


def export_person(caller: Caller, person_id: int) -> dict[str, Any]:
    """Everything held about a person, by administrators and the person: JSON values, without secrets.

    Raises Forbidden and NotFound("person").
    """
    if caller.person_id != person_id:
        require(caller, "people.edit")
    person = person_by_id(person_id)
    startups = db.session.execute(
        select(Startup.key, Startup.name, Membership.role)
        .join(Membership, Membership.startup_id == Startup.id)
        .where(Membership.person_id == person.id)
        .order_by(Startup.key)
    )
    return {
        "made_at": instant_text(caller.now),
        "person": {"email": person.email, "name": person.name, "role": person.role},
        "startups": [{"key": key, "name": name, "role": role} for key, name, role in startups],
        "held": {name: rows for name, rows in _held(person) if rows["count"]},
    }


def _held(person: Person) -> Iterator[tuple[str, dict[str, Any]]]:
    for table in Model.metadata.sorted_tables:
        condition = mentions(table, person)
        if condition is None:
            continue
        if table.name == "outbox_mail":  # what others were written is theirs
            condition = or_(table.c.person_id == person.id, func.lower(table.c.to_address) == person.email)
        columns = [
            column for column in table.columns
            if column.name not in _SECRETS and not isinstance(column.type, LargeBinary)
        ]
        count = db.session.scalar(select(func.count()).select_from(table).where(condition)) or 0
        found = select(*columns).where(condition).order_by(*table.primary_key.columns).limit(ROWS_AT_MOST)
        rows = db.session.execute(found).mappings().all() if count else ()
        yield table.name, {
            "count": count, "rows": [{name: _plain(value) for name, value in row.items()} for row in rows]
        }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return instant_text(value)
    return value.isoformat() if isinstance(value, date) else value
