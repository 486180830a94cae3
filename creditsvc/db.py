"""The SQLAlchemy handle, the column types that both databases share, and the one `transaction`.

SQLite: WAL, full sync, foreign keys, and `BEGIN IMMEDIATE` for whatever writes (a deferred BEGIN that turns into a
write fails with "database is locked" at once, whatever the timeout). PostgreSQL: READ COMMITTED and row locks.
"""

import random
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

import flask_sqlalchemy.session
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    Engine,
    Integer,
    MetaData,
    Table,
    event,
    inspect,
    text,
)
from sqlalchemy.engine import Connection, ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

T = TypeVar("T")

MIGRATIONS = Path(__file__).parent / "migrations"

BY_TRIGGER = {"by_trigger": True}
"""The `info` of a foreign key that is a trigger on PostgreSQL, where it is looked at once for all rows of a statement
(migration 0034): looked at one by one, 60,000 rows take longer to check than to add."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class _Session(flask_sqlalchemy.session.Session):
    """The session of the house. Outside `transaction` and `begin_snapshot` it begins nothing on PostgreSQL.

    Under READ COMMITTED each statement sees a state of its own anyway, and the ROLLBACK that would end a read makes
    the driver forget all that it has prepared, so that every statement would be planned anew at every request.
    """

    def get_bind(self, *args: Any, **kwargs: Any) -> Engine | Connection:
        """The application's engine, in the mode for reading."""
        bind = super().get_bind(*args, **kwargs)
        return _for_reading(bind) if isinstance(bind, Engine) and bind.dialect.name == "postgresql" else bind


@lru_cache(maxsize=4)  # a process has one engine; a test run makes many, and must not keep them all
def _for_reading(engine: Engine) -> Engine:
    return engine.execution_options(isolation_level="AUTOCOMMIT")


db = SQLAlchemy(metadata=metadata, session_options={"class_": _Session, "expire_on_commit": False})


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware UTC in Python, `timestamptz` on PostgreSQL, naive UTC text on SQLite. Refuses naive values."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], str | datetime | None]:
        """To the database; ValueError for a naive value."""
        return _as_text if dialect.name == "sqlite" else _in_utc_aware

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        """From the database, in one step and not by way of `process_result_value`: most columns of most rows are these.
        """
        return _from_text if dialect.name == "sqlite" else _in_utc


def _in_utc_aware(value: datetime | None) -> datetime | None:
    if value is not None and value.tzinfo is None:
        raise ValueError(f"an instant needs a time zone: {value!r}")
    return _in_utc(value)


def _as_text(value: datetime | None) -> str | None:
    """What SQLite keeps of an instant."""
    return _text_of(_in_utc_aware(value))


@lru_cache(maxsize=4096)  # in UTC: within another zone the two hours that clocks show twice a year are equal
def _text_of(value: datetime | None) -> str | None:
    return None if value is None else value.replace(tzinfo=None).isoformat(" ", "microseconds")


@lru_cache(maxsize=4096)
def _from_text(stored: str | None) -> datetime | None:
    """What SQLite keeps of an instant; the same ones come again and again."""
    return None if stored is None else datetime.fromisoformat(stored).replace(tzinfo=UTC)


def _in_utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


Id = BigInteger().with_variant(Integer, "sqlite")
"""A primary or foreign key (SQLite numbers rows only in a column declared INTEGER)."""


MAX_ID = 2**63 - 1
"""The highest number that a row can have."""


def is_id(number: int) -> bool:
    """Whether a row can have that number: the drivers fail on one that no column keeps."""
    return 1 <= number <= MAX_ID


class Model(DeclarativeBase):
    """The base of all tables."""

    metadata = metadata
    type_annotation_map = {datetime: UtcDateTime, int: BigInteger().with_variant(Integer, "sqlite")}


def attach_engine_events(engine: Engine) -> None:
    """Gives an engine the house's ways of connecting and beginning. Called once for each engine made."""
    if engine.dialect.name != "sqlite":
        event.listen(engine, "handle_error", _hide_values)
        return

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, record: object) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself
        cursor = connection.cursor()
        for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if not options.get("writes"):  # takes no lock, so it has nothing to wait for or to report
            cast(sqlite3.Connection, connection.connection.driver_connection).execute("BEGIN")
            return
        if options.get("waits", True):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            return
        patience = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
        connection.exec_driver_sql("PRAGMA busy_timeout=0")
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={patience}")


def _hide_values(context: ExceptionContext) -> None:
    """Takes out of an error of PostgreSQL what it quotes of a row (DETAIL, CONTEXT): errors are logged and kept."""
    original: Any = context.original_exception
    said = getattr(original, "diag", None)
    quoted = [text for text in (said and said.message_detail, said and said.context) if text]
    for error in (original, context.sqlalchemy_exception):
        if error is not None and quoted and error.args:
            text = str(error.args[0])
            for part in quoted:
                text = text.replace(part, "(hidden)")
            error.args = (text, *error.args[1:])


def transaction(fn: Callable[[], T], *, keep: bool = True, waits: bool = True, attempts: int = 6) -> T:
    """Runs `fn` in the one transaction of a door and commits; the only commit of the house.

    With `keep` False everything is rolled back instead: a dry run that is true because it is the real run. With `waits`
    False it gives up at once (OperationalError) where it would wait for another writer: for what can be left undone.

    Ends an open read, empties the session, begins for writing, and runs `fn` again, whole, when the database reports
    a lost lock or a serialisation failure, so `fn` must not have effects outside the database. Does not nest.
    """
    session = db.session()
    if session.info.get("in_transaction"):
        raise RuntimeError("transaction() does not nest: it is for doors, operations add and flush")
    session.info["in_transaction"] = True
    try:
        for attempt in range(1, attempts + 1):
            session.rollback()
            session.expunge_all()
            session.info["locks"] = set()
            try:
                connection = session.connection(execution_options=_writing(session, waits))
                session.info["connection"] = connection
                if not waits and connection.dialect.name == "postgresql":
                    connection.exec_driver_sql("SET LOCAL lock_timeout = 1")
                result = fn()
                if keep:
                    session.commit()
                else:
                    session.rollback()
                return result
            except DBAPIError as error:
                session.rollback()
                if attempt == attempts or not waits or not _worth_another_try(error):
                    raise
                time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 (spreads losers)  # nosec B311
            except BaseException:
                session.rollback()
                raise
        raise AssertionError("unreachable")
    finally:
        session.info["in_transaction"] = False
        session.info.pop("connection", None)


def connection_in_use() -> Connection:
    """The connection of the session; the one of the transaction that is under way."""
    # kept by `transaction`: to find it in the session takes as long as a small statement
    return db.session().info.get("connection") or db.session.connection()


def is_postgresql() -> bool:
    """Whether the database is PostgreSQL; it is SQLite otherwise."""
    return connection_in_use().dialect.name == "postgresql"


def _writing(session: Session, waits: bool) -> dict[str, Any]:
    if session.get_bind().dialect.name == "postgresql":
        return {"isolation_level": "READ COMMITTED"}
    return {"writes": True, "waits": waits}


def wait_for_writers(name: str) -> None:
    """Lets no other transaction write this table until this one ends; those that have begun end before it returns.

    So no row with a lower number than one that is there can appear. On SQLite writers are one at a time anyway.
    """
    if is_postgresql():
        db.session.execute(text(f"LOCK TABLE {Model.metadata.tables[name].name} IN SHARE MODE"))


def begin_snapshot() -> None:
    """Begins a read that sees one state of the database to its end, whatever others commit meanwhile."""
    session = db.session()
    session.rollback()
    session.expunge_all()
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    else:
        session.connection()  # a deferred BEGIN under WAL is a snapshot from its first read on


def _worth_another_try(error: DBAPIError) -> bool:
    original = error.orig
    if isinstance(original, sqlite3.OperationalError):
        return getattr(original, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
    # serialization_failure, deadlock_detected, lock_not_available
    return getattr(original, "sqlstate", None) in ("40001", "40P01", "55P03")


def compared_by_alembic(dialect: str) -> Callable[..., bool]:
    """Alembic's `include_object` for a database of that kind: leaves out foreign keys that are triggers there."""

    def is_included(item: Any, _name: object, kind: str, *_: object) -> bool:
        is_key = dialect == "postgresql" and kind == "foreign_key_constraint"
        return not (is_key and item.elements[0].info.get("by_trigger"))

    return is_included


def table_of(model: type[Model]) -> Table:
    """The table of a model, for statements that pass objects by."""
    return cast(Table, model.__table__)


def schema_versions() -> tuple[set[str], set[str]]:
    """The migrations at which the database stands (none when it is empty), and those that this program needs."""
    with db.engine.connect() as connection:
        has_versions = inspect(connection).has_table("alembic_version")
        found = set(connection.scalars(text("SELECT version_num FROM alembic_version"))) if has_versions else set()
    # one line of numbered files (a test holds it), so that alembic need not be loaded by every command to say this
    return found, {max(path.name for path in (MIGRATIONS / "versions").glob("0*.py")).partition("_")[0]}
