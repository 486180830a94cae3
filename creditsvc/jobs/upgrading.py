"""How the database gets its tables. Apart from `database.py`: commands that make none start sooner without alembic."""

import alembic.command
from alembic.config import Config as AlembicConfig
from alembic.util import CommandError

from creditsvc.db import MIGRATIONS
from creditsvc.jobs.database import NotMigrated


def upgrade() -> None:
    """Makes the tables, or brings them up to this version; safe to repeat. Needs an application context.

    Raises NotMigrated for a database of a version that this program does not know.
    """
    settings = AlembicConfig(str(MIGRATIONS / "alembic.ini"))
    settings.set_main_option("script_location", str(MIGRATIONS))
    try:
        alembic.command.upgrade(settings, "head")
    except CommandError as error:
        raise NotMigrated(f"The database cannot be upgraded by this program: {error}") from error
