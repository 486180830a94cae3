"""Whether the database has the tables that this version needs."""

from flask import current_app

from creditsvc.config import Config
from creditsvc.db import schema_versions


class NotMigrated(Exception):
    """The database is empty or of another version; the message says what to do."""


def require_migrated() -> None:
    """Raises NotMigrated unless the database has the tables of this very version. Needs an application context."""
    config: Config = current_app.config["CREDITSVC"]
    path = config.sqlite_path
    if path is not None and not path.exists():  # to connect would make an empty file
        raise NotMigrated("There is no database yet: run `creditsvc init` first.")
    found, wanted = schema_versions()
    if not found:
        raise NotMigrated("The database is empty: run `creditsvc init` first.")
    if found != wanted:
        raise NotMigrated(
            f"The database is at version {', '.join(sorted(found))}, this program needs {', '.join(sorted(wanted))}: "
            "run `creditsvc init` to upgrade it (after a backup), or run the newer program."
        )
