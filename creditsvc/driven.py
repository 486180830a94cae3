"""Statements as the driver takes them: compiled once, where SQLAlchemy would go through each call anew.

What a small statement costs is mostly SQLAlchemy's way to the driver; an award sends a dozen. Errors, events and
types are the same as there.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ClauseElement, Dialect
from sqlalchemy.engine import Connection

To = Callable[[Any], Any]


@dataclass(frozen=True)
class Driven:
    """A statement for the driver. `order` is that of parameters without names, `to` what the database wants of a value,
    by name, `fixed` the values that stand in the statement, `made` what Python wants of each column that it gives."""

    sql: str
    order: tuple[str, ...] | None
    to: Mapping[str, To]
    fixed: Mapping[str, Any]
    made: Sequence[To | None]

    def execute(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """Sends it with those values. What it gives is as the driver has it, see `made`."""
        given, to = {**self.fixed, **values}, self.to
        if self.order is None:
            for name, convert in to.items():
                given[name] = convert(given[name])
            return connection.exec_driver_sql(self.sql, given)
        ordered = [to[name](given[name]) if name in to else given[name] for name in self.order]
        return connection.exec_driver_sql(self.sql, tuple(ordered))


@lru_cache(maxsize=256)
def driven(statement: ClauseElement, dialect: Dialect, names: tuple[str, ...]) -> Driven | None:
    """The statement, given values of those names, for the driver; None where each call is another: lists of values, and
    defaults made in Python."""
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(names))
    if any(bind.expanding for bind in compiled.binds.values()) or (
        (compiled.isinsert and compiled.insert_prefetch) or (compiled.isupdate and compiled.update_prefetch)
    ):
        return None
    given: Any = getattr(statement, "exported_columns", ())
    return Driven(
        str(compiled),
        tuple(compiled.positiontup) if compiled.positional else None,
        {name: to for name, bind in compiled.binds.items()
         if (to := bind.type.dialect_impl(dialect).bind_processor(dialect))},
        {name: value for name, value in compiled.params.items() if name not in names},
        tuple(column.type.dialect_impl(dialect).result_processor(dialect, None) for column in given),
    )


@lru_cache(maxsize=64)
def driven_together(writes: tuple[tuple[ClauseElement, tuple[str, ...]], ...], dialect: Dialect) -> Driven | None:
    """Writes of one row each, with the names of their values, as one statement of PostgreSQL; it gives what the last of
    them gives. The values of each are to be named by `numbered`. None as `driven`."""
    parts = [driven(statement, dialect, names) for statement, names in writes]
    if any(part is None for part in parts):
        return None
    one: list[Driven] = [part for part in parts if part is not None]
    sqls = [re.sub(r"%\((\w+)\)s", rf"%({number}_\1)s", part.sql) for number, part in enumerate(one)]
    before = ", ".join(f"write_{number} AS ({sql})" for number, sql in enumerate(sqls[:-1]))
    return Driven(
        f"WITH {before} {sqls[-1]}", None,
        {name: to for number, part in enumerate(one) for name, to in numbered(number, part.to).items()},
        {name: value for number, part in enumerate(one) for name, value in numbered(number, part.fixed).items()},
        one[-1].made,
    )


def numbered(number: int, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of one of the statements of `driven_together`, counted from 0, by the names that they have there."""
    return {f"{number}_{name}": value for name, value in values.items()}
