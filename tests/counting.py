"""Counting what a function asks of the database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event

from creditsvc.db import db


def queries(act: Callable[[], object]) -> int:
    """How many statements the act sends, reading afresh (the session is emptied first)."""
    return len(statements(act))


def statements(act: Callable[[], object]) -> list[str]:
    """The statements that the act sends, reading afresh."""
    db.session.rollback()
    db.session.expunge_all()
    with sent_meanwhile() as sent:
        act()
    return sent


@contextmanager
def sent_meanwhile(engine: Engine | None = None) -> Iterator[list[str]]:
    """The statements that are sent meanwhile, through the engine of the application in place unless another is given.
    """
    engine = engine or db.engine
    sent: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
