"""How migrations run: on the app's own database, in one transaction, with all rooms' tables known."""

import importlib.util
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager

from alembic import context
from flask import current_app
from sqlalchemy.engine import Connection

import creditsvc
from creditsvc.db import UtcDateTime, compared_by_alembic, db, metadata

_STRAYS = "PRAGMA foreign_key_check"


def _import_models() -> None:
    """Makes every room's tables known, also where no door reaches the room yet."""
    for room in pkgutil.iter_modules(creditsvc.__path__):
        if room.ispkg and room.name != "migrations":
            name = f"creditsvc.{room.name}.models"
            if importlib.util.find_spec(name) is not None:
                importlib.import_module(name)


def _render(kind: str, item: object, autogen_context: object) -> str | bool:
    """Our own column types are written as what they are in the database, so that migrations need no code of ours."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


@contextmanager
def _foreign_keys_off(connection: Connection) -> Iterator[None]:
    """SQLite makes a table anew to change its constraints, which rows of other tables refer to meanwhile.

    Its checks can be turned off only outside a transaction; what refers to nothing afterwards is refused.
    """
    driver = connection.connection.dbapi_connection
    if connection.dialect.name != "sqlite" or driver is None:
        yield
        return
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def _run() -> None:
    _import_models()
    with current_app.app_context():
        engine = db.engine
        with engine.connect().execution_options(writes=True) as connection, _foreign_keys_off(connection):
            context.configure(
                connection=connection,
                target_metadata=metadata,
                render_as_batch=engine.dialect.name == "sqlite",
                render_item=_render,
                include_object=compared_by_alembic(engine.dialect.name),
                compare_type=True,
            )
            with context.begin_transaction():
                context.run_migrations()
                if engine.dialect.name == "sqlite" and (strays := connection.exec_driver_sql(_STRAYS).all()):
                    raise RuntimeError(f"rows that refer to nothing after the migration: {strays[:5]}")


_run()
