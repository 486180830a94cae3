"""Everything that a database holds, to show that something changed nothing."""

from typing import Any

from sqlalchemy import func, select

from creditsvc.db import db, metadata

Dump = dict[str, list[tuple[Any, ...]]]


def dump() -> Dump:
    """Every row of every table, as it stands in the database now."""
    db.session.rollback()
    rows = {
        table.name: sorted((tuple(row) for row in db.session.execute(select(table))), key=repr)
        for table in metadata.sorted_tables
    }
    db.session.rollback()
    return rows


def counts() -> dict[str, int]:
    """How many rows each table has."""
    db.session.rollback()
    found = {
        table.name: db.session.scalar(select(func.count()).select_from(table)) or 0
        for table in metadata.sorted_tables
    }
    db.session.rollback()
    return found
