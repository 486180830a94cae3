"""How migrations run: on the app's own database, in one transaction, with all rooms' tables known."""

import importlib.util
import pkgutil

from alembic import context
from flask import current_app

import creditsvc
from creditsvc.db import UtcDateTime, db, metadata


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


def _run() -> None:
    _import_models()
    with current_app.app_context():
        engine = db.engine
        with engine.connect().execution_options(writes=True) as connection:
            context.configure(
                connection=connection,
                target_metadata=metadata,
                render_as_batch=engine.dialect.name == "sqlite",
                render_item=_render,
                compare_type=True,
            )
            with context.begin_transaction():
                context.run_migrations()


_run()
