"""The tables that the migrations make are the tables that the models say."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import text

from creditsvc.db import compared_by_alembic, db, metadata, schema_versions


def differences() -> list[object]:
    """What alembic would write into the next migration."""
    with db.engine.connect() as connection:
        opts = {"compare_server_default": True, "include_object": compared_by_alembic(connection.dialect.name)}
        context = MigrationContext.configure(connection, opts=opts)
        return list(compare_metadata(context, metadata))


def test_the_migrations_make_what_the_models_say(app: Flask) -> None:
    assert differences() == []


def test_one_line_of_migrations_leads_to_where_a_new_database_stands(app: Flask) -> None:
    heads = ScriptDirectory.from_config(app.extensions["migrate"].migrate.get_config()).get_heads()

    with db.engine.connect() as connection:
        assert MigrationContext.configure(connection).get_current_heads() == tuple(heads)
    assert schema_versions() == (set(heads), set(heads))
    assert len(heads) == 1


def test_a_table_without_its_migration_is_found(app: Flask) -> None:
    with db.engine.begin() as connection:
        connection.execute(text("CREATE TABLE forgotten (id INTEGER PRIMARY KEY)"))

    assert "forgotten" in str(differences())


def test_a_column_without_its_migration_is_found(app: Flask) -> None:
    with db.engine.begin() as connection:
        connection.execute(text("ALTER TABLE startup DROP COLUMN language"))

    assert "language" in str(differences())
