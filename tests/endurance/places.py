"""Where trials happen: one database of each kind, filled once, and put back to a state that was kept before each trial.

SQLite is a file that is copied. On PostgreSQL a database made from a template costs a fifth of a second, so the rows
of a state are kept in tables beside the service's own and copied back, which costs a few milliseconds.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask

from creditsvc.app import create_app
from creditsvc.config import Config
from tests import databases
from tests.endurance import forks


@dataclass
class Place:
    """A database with the service on it, and the folder of its files and mails.

    `made` is what filling it gave, for whoever acts on it. Only its own forks connect by `app`, and `warm_up`.
    """

    kind: str
    config: Config
    app: Flask
    made: dict[str, Any] = field(default_factory=dict)
    _tables: Sequence[str] = ()
    _reader: Any = field(default=None, repr=False)

    @property
    def folder(self) -> Path:
        """The folder of this place alone."""
        return self.config.instance.parent

    @property
    def letters(self) -> Path:
        """Where a post office leaves what it took."""
        return self.folder / "letters"

    def make_tables(self) -> None:
        """All tables, by the migrations."""
        forks.demand(lambda: databases.make_tables(self.app))
        if self.kind == "postgresql":
            tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
            self._tables = [name for (name,) in self.read(tables)]

    def fill(self, act: Callable[[Path], dict[str, Any]]) -> None:
        """Runs the act within the application; what it returns is added to `made`."""

        def work() -> dict[str, Any]:
            with self.app.app_context():
                return act(self.folder)

        self.made = {**self.made, **forks.demand(work)}

    @contextmanager
    def reading(self) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
        """A way to ask for the rows of queries, by a connection of our own."""
        if self.kind == "sqlite":
            # none stays open: a fork would inherit it, and the file is put back between trials
            with closing(sqlite3.connect(self._file)) as connection:
                yield lambda statement: connection.execute(statement).fetchall()
        else:
            yield lambda statement: self._postgres().execute(statement).fetchall()

    def read(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of one query."""
        with self.reading() as rows_of:
            return rows_of(statement)

    def keep(self, name: str) -> None:
        """Keeps the state as it is now under a name."""
        shutil.rmtree(self.folder / f"kept-{name}", ignore_errors=True)
        shutil.copytree(self.config.instance, self.folder / f"kept-{name}")
        if self.kind == "sqlite":
            Path(f"{self._file}.{name}").unlink(missing_ok=True)
            databases.copy_sqlite(self._file, Path(f"{self._file}.{name}"))
            return
        steps = ["BEGIN", f"DROP SCHEMA IF EXISTS {name} CASCADE", f"CREATE SCHEMA {name}"]
        steps += [f'CREATE TABLE {name}."{table}" AS TABLE public."{table}"' for table in self._tables]
        self._postgres().execute("; ".join([*steps, "COMMIT"]))

    def restore(self, name: str) -> None:
        """Goes back to a state that was kept."""
        shutil.rmtree(self.config.instance)
        shutil.copytree(self.folder / f"kept-{name}", self.config.instance)
        for path in self.letters.glob("*.eml"):
            path.unlink()
        if self.kind == "sqlite":
            for end in ("-wal", "-shm"):
                Path(f"{self._file}{end}").unlink(missing_ok=True)
            shutil.copyfile(f"{self._file}.{name}", self._file)
            return
        steps = ["BEGIN", "SET LOCAL session_replication_role = replica"]
        for table in self._tables:
            steps += [f'DELETE FROM public."{table}"', f'INSERT INTO public."{table}" SELECT * FROM {name}."{table}"']
        self._postgres().execute("; ".join([*steps, "COMMIT"]))

    def posting_to(self, smtp_url: str) -> None:
        """From here on mail goes there."""
        self.config = replace(self.config, smtp_url=smtp_url)
        self.app.config["CREDITSVC"] = self.config

    def reached_by(self, database_url: str) -> "Place":
        """The same place with its service connecting by another address."""
        config = replace(self.config, database_url=database_url)
        return replace(self, config=config, app=create_app(config))

    def close(self) -> None:
        """Lets go of the database until it is asked something again."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    @property
    def _file(self) -> Path:
        assert self.config.sqlite_path is not None
        return self.config.sqlite_path

    def _postgres(self) -> psycopg.Connection:
        if self._reader is None:
            address = self.config.database_url.replace("postgresql+psycopg://", "postgresql://")
            self._reader = psycopg.connect(address, autocommit=True, prepare_threshold=None)
        reader: psycopg.Connection = self._reader
        return reader


@contextmanager
def place(kind: str, folder: Path, server: str) -> Iterator[Place]:
    """A new place with all tables in a new folder; `server` is the URL of a PostgreSQL for a place of that kind."""
    instance = folder / "instance"
    instance.mkdir(parents=True)
    (folder / "letters").mkdir()
    if kind == "sqlite":
        url = f"sqlite:///{folder / 'creditsvc.sqlite'}"
    else:
        with databases.admin(server) as connection:
            connection.execute("CREATE DATABASE endurance")
        url = databases.named(server, "endurance")
    config = databases.config_for(url, instance)
    made = Place(kind, config, create_app(config))
    try:
        made.make_tables()
        yield made
    finally:
        made.close()
        if kind != "sqlite":
            databases.drop_postgres(server, "endurance")
        shutil.rmtree(folder, ignore_errors=True)
