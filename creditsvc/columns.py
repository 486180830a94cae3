"""Many rows through the driver, by column: what rows and objects of SQLAlchemy would cost several times as much for."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Dialect, Select, func, insert, select
from sqlalchemy.orm import InstrumentedAttribute

from creditsvc.db import Model, connection_in_use, db, is_postgresql, table_of


def bulk_insert(model: type[Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Adds many rows through the driver: COPY on PostgreSQL, executemany on SQLite (2.5 times faster than the ORM).

    Values are what the columns' Python types say (aware datetimes, dates, integers, text); every column without a
    default of the database's own must be given.
    """
    table, rows = table_of(model), list(rows)
    if not rows:
        return
    connection = connection_in_use()
    if connection.dialect.name != "postgresql":
        types = [table.c[name].type.dialect_impl(connection.dialect) for name in columns]
        # columns of dates and instants repeat themselves, so each value is converted once
        stored = [cache(to) if (to := kind.bind_processor(connection.dialect)) else None for kind in types]
        given = {name: map(to, values) if to else values
                 for name, to, values in zip(columns, stored, zip(*rows, strict=True), strict=True)}
        statement: Any = insert(table).compile(dialect=connection.dialect, column_keys=list(columns))
        in_order = zip(*(given[name] for name in statement.positiontup), strict=True)  # the table's, whatever is given
        connection.exec_driver_sql(str(statement), list(in_order))
        return
    names = ", ".join(f'"{name}"' for name in columns)
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy:
        for row in rows:
            copy.write_row(row)


def bulk_read(statement: Select[*tuple[Any, ...]]) -> list[Sequence[Any]]:
    """What the statement finds, by column, through the driver: for many rows, and columns instead of entities. The rows
    come in no certain order.

    Values are what the columns' Python types say, each different one of a column of dates or instants made once.
    On SQLite whole numbers, text, dates and instants alone: each column comes as one JSON array, at half of what it
    costs to make an object of every row.
    """
    if is_postgresql():
        return next(bulk_parts(statement), [()] * len(statement.selected_columns))
    db.session.flush()
    inner = statement.subquery().columns
    connection = connection_in_use()
    whole = connection.execute(select(*(func.json_group_array(column) for column in inner))).one()
    return [_once_each(_made(column, connection.dialect), json.loads(values))
            for column, values in zip(inner, whole, strict=True)]


def bulk_parts(
    statement: Select[*tuple[Any, ...]], at_once: int | None = None, *, by: InstrumentedAttribute[int] | None = None
) -> Iterator[list[Sequence[Any]]]:
    """As `bulk_read`, so many rows at once (None: all), for what need not be held whole. No part is empty.

    `by` is one of the columns that are asked for, by which an index finds the rows: on SQLite those with the same value
    of it come as JSON (so of what columns `bulk_read` says), and together, so that a part may have as many more. The
    statement itself has no group, order or limit.
    """
    db.session.flush()
    if by is not None and at_once is not None and not is_postgresql():
        yield from _grouped(statement, at_once, by)
        return
    result = connection_in_use().execute(statement)
    dialect, driver = result.dialect, result.cursor
    made = [_made(column, dialect, described[1])
            for column, described in zip(statement.selected_columns, driver.description, strict=True)]
    try:
        while rows := driver.fetchall() if at_once is None else driver.fetchmany(at_once):
            columns = zip(*rows, strict=True)
            yield [_once_each(to, values) for to, values in zip(made, columns, strict=True)]
    finally:
        result.close()


def _grouped(
    statement: Select[*tuple[Any, ...]], at_once: int, by: InstrumentedAttribute[int]
) -> Iterator[list[Sequence[Any]]]:
    """The rows as JSON arrays, one of each column for each value of `by`, put together again to parts."""
    columns = list(statement.selected_columns)
    arrays = [func.json_group_array(column) for column in columns]
    result = connection_in_use().execute(statement.with_only_columns(func.count(), *arrays).group_by(by))
    made = [_made(column, result.dialect) for column in columns]
    groups: list[Sequence[str]] = []
    rows = 0
    try:
        for count, *group in iter(result.cursor.fetchone, None):
            groups.append(group)
            rows += count
            if rows >= at_once:
                yield _joined(groups, made)
                groups, rows = [], 0
    finally:
        result.close()
    if groups:
        yield _joined(groups, made)


def _joined(groups: Sequence[Sequence[str]], made: Sequence[Callable[[Any], Any] | None]) -> list[Sequence[Any]]:
    whole = (json.loads(f"[{','.join(array[1:-1] for array in column)}]") for column in zip(*groups, strict=True))
    return [_once_each(to, values) for to, values in zip(made, whole, strict=True)]


def _made(column: ColumnElement[Any], dialect: Dialect, stored_as: object = None) -> Callable[[Any], Any] | None:
    """What makes a value of the column's Python type of what the driver gives, each different one once."""
    to = column.type.dialect_impl(dialect).result_processor(dialect, stored_as)
    return cache(to) if to else None


def _once_each(to: Callable[[Any], Any] | None, values: Sequence[Any]) -> Sequence[Any]:
    return tuple(map(to, values)) if to else values
