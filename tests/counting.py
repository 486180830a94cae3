"""Counting what a function asks of the database."""

from collections.abc import Callable

from sqlalchemy import event

from creditsvc.db import db


def queries(act: Callable[[], object]) -> int:
    """How many statements the act sends, reading afresh (the session is emptied first)."""
    return len(statements(act))


def statements(act: Callable[[], object]) -> list[str]:
    """The statements that the act sends, reading afresh."""
    sent: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        sent.append(statement)

    db.session.rollback()
    db.session.expunge_all()
    event.listen(db.engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return sent
