"""Whether the database has the tables that this version needs, and how it gets them."""

from pathlib import Path

import flask_migrate
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import inspect

from creditsvc.config import Config
from creditsvc.db import db


class NotMigrated(Exception):
    """The database is empty or of an older version; the message says what to do."""


def migrations_folder() -> Path:
    """Where the migrations lie."""
    return Path(current_app.root_path) / "migrations"


def upgrade() -> None:
    """Makes the tables, or brings them up to this version; safe to repeat. Needs an application context."""
    if not (migrations_folder() / "env.py").exists():  # TODO: goes with the first migration
        db.create_all()
        return
    flask_migrate.upgrade(directory=str(migrations_folder()))


def require_migrated() -> None:
    """Raises NotMigrated unless the database has the tables of this very version."""
    config: Config = current_app.config["CREDITSVC"]
    path = config.sqlite_path
    if path is not None and not path.exists():  # to connect would make an empty file
        raise NotMigrated("There is no database yet: run `creditsvc init` first.")
    if not (migrations_folder() / "env.py").exists():  # TODO: goes with the first migration
        if not inspect(db.engine).has_table("startup"):
            raise NotMigrated("The database is empty: run `creditsvc init` first.")
        return
    with db.engine.connect() as connection:
        found = set(MigrationContext.configure(connection).get_current_heads())
    wanted = set(ScriptDirectory(str(migrations_folder())).get_heads())
    if not found:
        raise NotMigrated("The database is empty: run `creditsvc init` first.")
    if found != wanted:
        raise NotMigrated(
            f"The database is at version {', '.join(sorted(found))}, this program needs {', '.join(sorted(wanted))}: "
            "run `creditsvc init` to upgrade it (after a backup), or run the newer program."
        )
