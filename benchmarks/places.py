"""Where benchmarks run: databases prepared once and copied for each round, and commands as processes of their own."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from creditsvc.app import create_app
from tests import databases

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "instance" / "bench"
"""Exports and databases that were made once lie here; it can be thrown away."""


@dataclass(frozen=True)
class Ran:
    """A process that ended: seconds from start to end, and the most memory it had resident, in MiB."""

    seconds: float
    resident: float
    output: str


@dataclass
class Ground:
    """Where this run of the benchmarks does its work: a folder, and a PostgreSQL of its own."""

    folder: Path
    server: str
    _made: int = field(default=0)

    def prepared(self, kind: str, fill: Callable[[], object]) -> str:
        """The URL of a new database of that kind with all tables, filled by `fill` within an application context."""
        url = self._new(kind)
        app = create_app(databases.config_for(url, self.folder))
        databases.make_tables(app)
        with app.app_context():
            fill()
        databases.dispose(app)
        if kind == "postgresql":
            with databases.admin(url) as connection:
                connection.execute("VACUUM ANALYZE")
        return url

    def copy(self, url: str) -> str:
        """A copy of a prepared database that nobody uses."""
        if url.startswith("sqlite"):
            return databases.copy_sqlite(sqlite_path(url), self.folder / self._name())
        return databases.copy_postgres(self.server, databases.name_of(url), self._name())

    def drop(self, url: str) -> None:
        """Away with a database."""
        if url.startswith("sqlite"):
            for end in ("", "-wal", "-shm"):
                Path(f"{sqlite_path(url)}{end}").unlink(missing_ok=True)
        else:
            databases.drop_postgres(self.server, databases.name_of(url))

    def _new(self, kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{self.folder / self._name()}"
        name = self._name()
        with databases.admin(self.server) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return databases.named(self.server, name)

    def _name(self) -> str:
        self._made += 1
        return f"bench{self._made}"


def sqlite_path(url: str) -> Path:
    """The file of an SQLite database."""
    return Path(url.removeprefix("sqlite:///"))


@contextmanager
def ground() -> Iterator[Ground]:
    """A ground for one run; all of it is gone afterwards. PostgreSQL runs as it would in service: safe from a cut."""
    work = FOLDER / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        yield Ground(work, stack.enter_context(databases.postgres_server(work, durable=True)))


def environment(url: str, instance: Path) -> Mapping[str, str]:
    """The environment of a command on that database."""
    return {**os.environ, "CREDITSVC_DATABASE_URL": url, "CREDITSVC_INSTANCE": str(instance),
            "POLARS_MAX_THREADS": "2", "CREDITSVC_SECRET_KEY": "a key for benchmarks alone"}


def run(words: Sequence[str | Path], env: Mapping[str, str]) -> Ran:
    """Runs `python -m words...` to its end. Raises RuntimeError with its errors when it fails."""
    begun = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", *map(str, words)], env=dict(env), stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert child.stdout is not None
    assert child.stderr is not None
    output = child.stdout.read()
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - begun
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))} ended with {child.returncode}: {errors}")
    return Ran(seconds, usage.ru_maxrss / 1024, output)
