"""Rows in sets, and lists of ids. Past the session, for what a flush or an entity for each row would cost several times
as much.

Statements that are kept go to the driver as they were compiled once (`driven.py`).
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Literal, TypeVar, cast

from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    ClauseElement,
    Column,
    ColumnElement,
    Select,
    Table,
    any_,
    bindparam,
    insert,
    literal,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Session, class_mapper, make_transient_to_detached
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql.dml import ReturningInsert

from creditsvc.db import Model, connection_in_use, db, is_postgresql, table_of
from creditsvc.driven import driven, driven_together, numbered

M = TypeVar("M", bound=Model)
T = TypeVar("T")

CHUNK = 10_000  # below SQLite's bound of 32,766 parameters

FEW = 8
"""Columns up to which a row is read quicker from the driver than through SQLAlchemy's result."""

_IDS = ARRAY(BigInteger())

Given = Literal["one", "array", "list"]

Write = tuple[ClauseElement, Sequence[Mapping[str, Any]]]
"""A statement that is kept, and the rows for which it is to run."""


def chunks(ids: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """The ids in lists of at most `size`: short enough for one statement unless given."""
    ordered = list(ids)
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def among(column: ColumnElement[Any] | InstrumentedAttribute[Any], ids: Sequence[int]) -> ColumnElement[bool]:
    """The condition that a column has one of these ids, which may be thousands.

    On PostgreSQL they are one array: a parameter for each is dear to write down, to send and to read. A single one is
    compared as it is, for the server keeps no plan for an array of one.
    """
    if len(ids) == 1:
        return column == ids[0]
    return column == any_(literal(list(ids), _IDS)) if is_postgresql() else column.in_(ids)


def given(ids: Sequence[int]) -> tuple[Given, Any]:
    """How these ids are given to a statement that is kept, and as what value."""
    if len(ids) == 1:
        return "one", ids[0]
    return ("array" if is_postgresql() else "list"), list(ids)


def among_given(
    column: ColumnElement[Any] | InstrumentedAttribute[Any], name: str, how: Given
) -> ColumnElement[bool]:
    """`among` for a statement that is kept, once for each way: the ids are `given` by that name when it runs."""
    if how == "one":
        return column == bindparam(name)
    if how == "array":
        return column == any_(bindparam(name, type_=_IDS))
    return column.in_(bindparam(name, expanding=True))


def parameters_for(columns: Iterable[Column[Any]]) -> list[BindParameter[Any]]:
    """A parameter for each column, of its name and type, where a statement selects what it adds."""
    return [bindparam(column.name, type_=column.type) for column in columns]


def insert_if_absent(model: type[Model], values: Mapping[str, Any]) -> bool:
    """Adds a row unless a unique key already has it; True when it was added. Never an error in a race."""
    return bool(insert_absent(model, [values]))


def send(statement: ClauseElement, rows: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
    """Runs a statement for each of the rows, in sets, and gives what it returns, if it returns rows.

    It passes the session by: entities are not its matter, and nothing is flushed before it. For one row a statement
    should be one that is kept, for it is compiled once.
    """
    if not rows:
        return []
    connection = connection_in_use()
    # the drivers' way for many rows costs more than the one for one
    one = driven(statement, connection.dialect, tuple(rows[0])) if len(rows) == 1 else None
    if one is not None and not any(one.made):
        return _given(one.execute(connection, rows[0]))
    return _given(connection.execute(cast(Any, statement), rows[0] if len(rows) == 1 else rows))


def _given(result: Any) -> Sequence[Any]:
    return result.all() if result.returns_rows else []


def send_together(writes: Iterable[Write]) -> Sequence[Any]:
    """Runs statements that write different tables, and gives what the last one returns, as `send` does.

    On PostgreSQL, where all are of one row, they go as one statement, for whoever waits for a lock waits for each way
    there and back; elsewhere one after another.
    """
    wanted = [(statement, rows) for statement, rows in writes if rows]
    if is_postgresql() and len(wanted) > 1 and all(len(rows) == 1 for _, rows in wanted):
        connection = connection_in_use()
        one = driven_together(tuple((statement, tuple(rows[0])) for statement, rows in wanted), connection.dialect)
        if one is not None and not any(one.made):
            values: dict[str, Any] = {}
            for number, (_, rows) in enumerate(wanted):
                values |= numbered(number, rows[0])
            return _given(one.execute(connection, values))
    given: Sequence[Any] = []
    for statement, rows in wanted:
        given = send(statement, rows)
    return given


def read_fresh(
    kept: Select[*tuple[Any, ...]], values: Mapping[str, Any], where: ColumnElement[bool] | None = None
) -> list[Any]:
    """The rows that a kept statement finds, where a condition of this call narrows it: entities and columns by their
    names, as `session.execute` has them.

    Entities join the session and are fresh, whatever it held of them; None where an outer join found none. At half of
    what `session.execute` costs; for whole entities with a key of one column, called `id`.
    """
    session = db.session()
    session.flush()
    statement = kept if where is None or where is true() else kept.where(where)
    row_of, parts, width = _shape(kept)
    connection = connection_in_use()
    # SQLAlchemy keeps what it knows of a result's columns, and asks the driver's each time, so wide ones are left to it
    few = driven(kept, connection.dialect, tuple(values)) if statement is kept and width <= FEW else None
    found = connection.execute(statement, values).all() if few is None else [
        [value if to is None else to(value) for to, value in zip(few.made, stored, strict=True)]
        for stored in few.execute(connection, values)
    ]
    return [
        row_of(*[
            cells[start] if model is None else _held(session, model, names, cells[start : start + len(names)])
            for start, model, names in parts
        ])
        for cells in found
    ]


_Part = tuple[int, type[Model] | None, tuple[str, ...]]


@cache
def _shape(kept: Select[*tuple[Any, ...]]) -> tuple[Callable[..., Any], list[_Part], int]:
    """What makes a row of a kept statement, of which columns each of its parts is (the first one's place, the entity if
    it is one, the names), and how many columns there are."""
    parts: list[_Part] = []
    start = 0
    for one in kept.column_descriptions:
        model = one["entity"] if one["expr"] is one["entity"] else None
        of_part = tuple(table_of(model).columns.keys()) if model is not None else (one["name"],)
        parts.append((start, model, of_part))
        start += len(of_part)
    names = [one["name"] for one in kept.column_descriptions]
    return namedtuple("Found", names, rename=True), parts, start  # columns without a name are asked for by place


def _held(session: Session, model: type[Model], names: tuple[str, ...], values: Sequence[Any]) -> Model | None:
    """The session's entity of those values, which it is given if it has none."""
    stored = dict(zip(names, values, strict=True))
    if stored["id"] is None:
        return None
    held: Model | None = session.identity_map.get(
        class_mapper(model).identity_key_from_primary_key((stored["id"],))
    )
    if held is not None:
        for name, value in stored.items():
            set_committed_value(held, name, value)
        return held
    return join_session(transient(model, **stored))


def transient(model: type[M], **values: Any) -> M:
    """A row in no session; columns that are not given stay unset, and defaults are not applied. To make one by its
    class costs several times as much."""
    row: M = class_mapper(model).class_manager.new_instance()
    vars(row).update(values)
    return row


def join_session(row: M) -> M:
    """Gives the session a row that is in the database, with all its columns, and that it does not have."""
    make_transient_to_detached(row)
    db.session.add(row)
    return row


def insert_rows(rows: Sequence[Model], key: str, besides: Sequence[Write] = ()) -> None:
    """Adds rows of one table, in sets, and gives them their ids; the column `key` tells them apart.

    `besides` is written with them (`send_together`). They do not join the session: a flush costs several times as much.
    """
    if not rows:
        return
    if len(rows) == 1 and not is_postgresql():
        send_together(besides)
        _insert_one(rows[0])
        return
    adding = _giving(table_of(type(rows[0])), key), [values_of(row) for row in rows]
    ids: dict[Any, int] = dict(send_together([*besides, adding]))
    for row in rows:
        vars(row)["id"] = ids[getattr(row, key)]


def insert_rows_absent(rows: Sequence[Model], key: str) -> None:
    """As `insert_rows`, but those whose unique keys somebody has are not added and get no id."""
    if not rows:
        return
    if len(rows) == 1 and not is_postgresql():
        _insert_one(rows[0], absent=True)
        return
    ids: dict[Any, int] = dict(insert_absent(type(rows[0]), [values_of(row) for row in rows], key, "id"))
    for row in rows:
        if getattr(row, key) in ids:
            vars(row)["id"] = ids[getattr(row, key)]


def _insert_one(row: Model, *, absent: bool = False) -> None:
    """Adds a row on SQLite, which says its number without being asked for rows: those cost as much as adding it."""
    values, connection = values_of(row), connection_in_use()
    statement = _adding(table_of(type(row)), absent)
    one = driven(statement, connection.dialect, tuple(values))
    added: Any = one.execute(connection, values) if one is not None else connection.execute(statement, values)
    if added.rowcount:
        vars(row)["id"] = added.lastrowid


@cache
def _adding(table: Table, absent: bool) -> Any:
    statement = _insert(table, "sqlite")
    return statement.on_conflict_do_nothing() if absent else statement


@cache
def _giving(table: Table, key: str) -> ReturningInsert[Any]:
    return insert(table).returning(table.c[key], table.c.id)


def values_of(row: Model) -> dict[str, Any]:
    """What a row that is not added yet says, without its id, which the database gives."""
    return {name: value for name, value in vars(row).items() if name not in ("_sa_instance_state", "id")}


def insert_absent(model: type[Model], rows: Sequence[Mapping[str, Any]], *give: str) -> list[tuple[Any, ...]]:
    """Adds those of the rows whose unique keys nobody has yet, in sets; of those added the primary key, or what `give`
    names."""
    if not rows:
        return []
    table = table_of(model)
    statement = _absent(table, connection_in_use().dialect.name, give or tuple(table.primary_key.columns.keys()))
    return [tuple(row) for row in send(statement, rows)]


@cache
def _absent(table: Table, dialect: str, give: tuple[str, ...]) -> Any:
    # Asked by RETURNING: PostgreSQL's driver counts no rows (-1) of a statement that may return some.
    return _insert(table, dialect).on_conflict_do_nothing().returning(*(table.c[name] for name in give))


def adding_or_setting(model: type[Model], rows: Sequence[Mapping[str, Any]], column: str) -> Write:
    """The write that adds the rows and, of those whose primary key is there already, sets that column alone."""
    return _or_set(table_of(model), connection_in_use().dialect.name, column), rows


@cache
def _or_set(table: Table, dialect: str, column: str) -> Any:
    statement = _insert(table, dialect)
    keys = list(table.primary_key.columns)
    return statement.on_conflict_do_update(index_elements=keys, set_={column: statement.excluded[column]})


def _insert(table: Table, dialect: str) -> Any:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
