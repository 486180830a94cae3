"""Databases for tests that kill processes; PostgreSQL with its default care."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import databases
from tests.crash.killing import Ground

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def durable_template(durable_postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database with all tables and no rows on the durable server."""
    name = "template_crash"
    with databases.admin(durable_postgres_url) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    databases.make_template(databases.named(durable_postgres_url, name), tmp_path_factory.mktemp("crash-template"))
    return name


@pytest.fixture
def ground(request: pytest.FixtureRequest, database: str, tmp_path: Path) -> Iterator[Ground]:
    """Databases to kill commands on. Runs once on each kind."""
    if database == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")

        def copy_file(url: str) -> str:
            return databases.copy_sqlite(Path(url.removeprefix("sqlite:///")), tmp_path / f"{next(_numbers)}.sqlite")

        yield Ground(tmp_path, lambda: copy_file(f"sqlite:///{template}"), copy_file)
        return
    server: str = request.getfixturevalue("durable_postgres_url")
    empty: str = request.getfixturevalue("durable_template")
    made: list[str] = []

    def copy_database(url: str) -> str:
        made.append(f"crash_{next(_numbers)}")
        return databases.copy_postgres(server, databases.name_of(url), made[-1])

    yield Ground(tmp_path, lambda: copy_database(databases.named(server, empty)), copy_database)
    for name in made:
        databases.drop_postgres(server, name)
