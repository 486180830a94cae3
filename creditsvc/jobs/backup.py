"""A consistent copy of a SQLite database while it serves, and the way back.

PostgreSQL has better tools of its own: `pg_dump` and `pg_restore`.
"""

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from creditsvc.config import Config
from creditsvc.core.errors import Conflict, RuleBroken

_NEEDED = {"alembic_version", "startup", "posting"}
_COMPANIONS = ("-journal", "-wal", "-shm")


def back_up(config: Config, target: Path) -> int:
    """Copies the database to `target`, checked, whole or not at all; returns its bytes.

    Raises RuleBroken("database", "not-sqlite") or ("file", "cannot-write"), Conflict("file", "exists").
    """
    source = _sqlite_file(config, "pg_dump --format=custom --file=FILE")
    if not source.exists():
        raise RuleBroken("database", "missing", "there is no database at %(path)s", path=source)
    _refuse_existing(target)
    with _beside(target) as copy:
        with closing(_open(source, read_only=True)) as live, closing(sqlite3.connect(copy)) as made:
            live.backup(made)  # in one step: under WAL it holds nobody up and sees one state
            made.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
        _check(copy)
        _sync(copy)
        _put(copy, target)
    return target.stat().st_size


def restore(config: Config, source: Path, now: datetime) -> Path | None:
    """Puts a backup in the place of the database; returns where the old one now lies, if there was one.

    Raises RuleBroken("database", "not-sqlite"), RuleBroken("file", ...) for what is no whole creditsvc database, and
    Conflict("database", "in-use") while another process holds the present one.
    """
    target = _sqlite_file(config, "pg_restore --clean --if-exists --dbname=DATABASE FILE")
    if not source.is_file():
        raise RuleBroken("file", "missing", "there is no file %(path)s", path=source)
    with _beside(target) as copy:
        with closing(_open(source, read_only=True)) as backup, closing(sqlite3.connect(copy)) as made:
            _readable(backup, source)
            backup.backup(made)
        _check(copy)
        if target.exists():
            copy.chmod(target.stat().st_mode & 0o777)
        _sync(copy)
        kept = _set_aside(target, now) if target.exists() else None
        os.replace(copy, target)
        _sync_folder(target.parent)
    return kept


def _sqlite_file(config: Config, instead: str) -> Path:
    path = config.sqlite_path
    if path is None:
        raise RuleBroken(
            "database", "not-sqlite", "the database is PostgreSQL: use its own tool, `%(instead)s`", instead=instead
        )
    return path


def _refuse_existing(target: Path) -> None:
    if target.exists():
        raise Conflict("file", "exists", "%(path)s exists: a backup never overwrites, name another file", path=target)
    if not target.absolute().parent.is_dir():
        raise RuleBroken("file", "cannot-write", "there is no folder %(path)s", path=target.absolute().parent)


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A name in the target's folder to write to, for its owner's eyes alone; gone at the end unless it was moved."""
    copy = target.absolute().parent / f".{target.name}.{secrets.token_hex(6)}.part"
    try:
        os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise RuleBroken(
            "file", "cannot-write", "%(path)s cannot be written: %(reason)s", path=target, reason=error.strerror
        ) from error
    try:
        yield copy
    finally:
        for ending in ("", *_COMPANIONS):
            Path(f"{copy}{ending}").unlink(missing_ok=True)


def _open(path: Path, *, read_only: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}", uri=True, timeout=30)
    connection.isolation_level = None
    return connection


def _readable(connection: sqlite3.Connection, path: Path) -> None:
    """Raises RuleBroken("file", "not-a-database" | "not-ours") unless it is a database of this service."""
    try:
        tables = {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        ours = tables >= _NEEDED
        versions = connection.execute("SELECT version_num FROM alembic_version").fetchall() if ours else []
    except sqlite3.DatabaseError as error:
        raise RuleBroken(
            "file", "not-a-database", "%(path)s is no SQLite database: %(error)s", path=path, error=error
        ) from error
    if not versions:
        raise RuleBroken("file", "not-ours", "%(path)s is no database of creditsvc", path=path)


def _check(path: Path) -> None:
    """Raises RuleBroken("file", "damaged") unless SQLite finds every page and key in order."""
    with closing(sqlite3.connect(path)) as connection:
        try:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(5)")]
        except sqlite3.DatabaseError as error:
            found = [str(error)]
        if found != ["ok"]:
            raise RuleBroken("file", "damaged", "the copy is damaged: %(found)s", found="; ".join(found))


def _set_aside(target: Path, now: datetime) -> Path:
    """Moves the present database out of the way, with nothing left in its log."""
    kept = target.with_name(f"{target.name}.before-restore-{now:%Y%m%dT%H%M%SZ}")
    if kept.exists():
        raise Conflict("file", "exists", "%(path)s exists already: move it away first", path=kept)
    _fold_in_log(target)
    os.replace(target, kept)
    for ending in _COMPANIONS:  # only a damaged database still has one; it must not be taken for the new one's
        left = Path(f"{target}{ending}")
        if left.exists():
            os.replace(left, f"{kept}{ending}")
    return kept


def _fold_in_log(path: Path) -> None:
    """Raises Conflict("database", "in-use") while any other process has the database open."""
    try:
        with closing(_open(path, read_only=False)) as connection:
            connection.execute("PRAGMA busy_timeout=0")
            # to leave WAL needs to be the only one connected, and takes the log and its index away
            mode = connection.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
            in_use = mode != "delete"
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            in_use = True
        else:
            raise RuleBroken(
                "database", "unreadable", "%(path)s cannot be opened: %(error)s", path=path, error=error
            ) from error
    except sqlite3.DatabaseError:
        return  # no database at all any more: all the more reason to restore; it is kept as it is
    if in_use:
        raise Conflict(
            "database", "in-use", "%(path)s is in use: stop the service (creditsvc serve, scheduler) first", path=path
        )


def _put(copy: Path, target: Path) -> None:
    """Gives the copy its name, never over a file that appeared meanwhile."""
    try:
        os.link(copy, target)
    except FileExistsError as error:
        raise Conflict(
            "file", "exists", "%(path)s exists: a backup never overwrites, name another file", path=target
        ) from error
    except OSError:  # a file system without links
        _refuse_existing(target)
        os.rename(copy, target)
    _sync_folder(target.absolute().parent)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
