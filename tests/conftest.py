"""Fixtures that all tests share. Every one is safe under pytest-xdist: each worker has its own server and files."""

import itertools
import os
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings

from creditsvc.config import Config
from tests import databases
from tests.apps import app_for

NOW = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)
"""The instant at which tests happen unless they say otherwise: noon of a Monday in Hong Kong."""

ROOT = Path(__file__).resolve().parent.parent

# A slow machine is no failure; what hypothesis finds is printed so that it can be repeated.
settings.register_profile("house", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

_numbers = itertools.count(1)


DOORS = ("web", "api", "jobs/test_commands", "jobs/test_import_formats")
"""How the paths of tests begin that ask through a door what operations and readings do."""


def _is_of_doors_alone(item: pytest.Item) -> bool:
    """Whether a test asks on PostgreSQL, through a door, what the rooms' own tests ask there."""
    if not isinstance(item, pytest.Function) or getattr(item.module, "BOTH_DATABASES", False):
        return False
    params = item.callspec.params if hasattr(item, "callspec") else {}
    said = any("database" in mark.args[0] for mark in item.iter_markers("parametrize"))
    where = item.path.relative_to(ROOT / "tests").as_posix()
    return params.get("database") == "postgresql" and not said and where.startswith(DOORS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked as long go first: left for the end, one of them would keep a single worker busy.

    Doors are tested on SQLite: that what is behind them is right on both databases, the rooms' own tests show. A module
    of doors whose statements differ says `BOTH_DATABASES = True`.
    """
    items[:] = [item for item in items if not _is_of_doors_alone(item)]
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture
def now() -> datetime:
    """NOW, for those who rather ask for it than import it."""
    return NOW


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of other people's exports: beside the checkout, or where CREDITSVC_SHARED_DATA says."""
    folder = Path(os.environ.get("CREDITSVC_SHARED_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        message = f"the sample exports are missing: {folder} (set CREDITSVC_SHARED_DATA)"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The folder of cases with answers; always there."""
    return ROOT / "tests" / "data" / "vectors"


@pytest.fixture(scope="session")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def postgres_url(together: Path) -> Iterator[str]:
    """A real PostgreSQL of this worker, quick and careless about power cuts; its `postgres` database."""
    with databases.postgres_server(together) as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables and no rows."""
    folder = tmp_path_factory.mktemp("sqlite-template")
    databases.make_template(f"sqlite:///{folder}/template.sqlite", folder)
    return folder / "template.sqlite"


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a PostgreSQL database with all tables and no rows."""
    with databases.admin(postgres_url) as connection:
        connection.execute("CREATE DATABASE template_creditsvc")
    url = databases.named(postgres_url, "template_creditsvc")
    databases.make_template(url, tmp_path_factory.mktemp("postgres-template"))
    return "template_creditsvc"


@pytest.fixture(scope="session")
def kept_postgres(postgres_url: str, postgres_template: str) -> databases.KeptPostgres:
    """The PostgreSQL database that one test of this worker after the other has."""
    return databases.KeptPostgres(postgres_url, postgres_template)


@pytest.fixture(params=databases.KINDS)
def database(request: pytest.FixtureRequest) -> str:
    """Which database the test runs on: it runs once on each."""
    return str(request.param)


@pytest.fixture
def new_database(request: pytest.FixtureRequest, database: str, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Makes a fresh database with all tables at each call and returns its URL, for tests that need several."""
    if database == "sqlite":
        file: Path = request.getfixturevalue("sqlite_template")
        yield lambda: databases.copy_sqlite(file, tmp_path / f"database-{next(_numbers)}.sqlite")
        return
    kept: databases.KeptPostgres = request.getfixturevalue("kept_postgres")
    made: list[str] = []

    def make() -> str:
        made.append("kept" if not made else f"test_{next(_numbers)}")
        return kept.emptied() if made == ["kept"] else kept.copied(made[-1])

    yield make
    for name in made[1:]:
        databases.drop_postgres(kept.server, name)


@pytest.fixture
def config(new_database: Callable[[], str], tmp_path: Path) -> Config:
    """Settings on a fresh database; `instance` is a temporary folder."""
    instance = tmp_path / "instance"
    instance.mkdir()
    return databases.config_for(new_database(), instance)


WITHOUT_DOORS = frozenset({
    "administration", "alerts", "consulting", "grants", "ledger", "licences", "mail", "onboarding", "parties",
    "programmes", "statements", "usage",
})
"""The folders of rooms: their tests need neither pages nor API, which cost more to hang in than most tests take."""


@pytest.fixture
def app(config: Config, request: pytest.FixtureRequest) -> Iterator[Flask]:
    """The service on a fresh database, with its app context pushed. Runs once on each database."""
    room = request.path.relative_to(ROOT / "tests").parts[0]
    app = app_for(config, doors=room not in WITHOUT_DOORS)
    app.testing = True
    with app.app_context():
        yield app
    databases.dispose(app)


@pytest.fixture(autouse=True)
def no_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever speaks to anything but this machine fails the test, and nothing can swallow that."""
    connect, connect_ex, look_up = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: object) -> None:
        refuse_strangers(address)
        connect(self, address)  # type: ignore[arg-type]

    def guarded_connect_ex(self: socket.socket, address: object) -> int:
        refuse_strangers(address)
        return connect_ex(self, address)  # type: ignore[arg-type]

    def guarded_look_up(host: bytes | str | None, *args: object, **kwargs: object) -> object:
        refuse_strangers((host, 0))
        return look_up(host, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_look_up)


def refuse_strangers(address: object) -> None:
    """Fails the test unless the address is a socket file or on this machine."""
    if not isinstance(address, tuple):
        return
    host = address[0].decode() if isinstance(address[0], bytes) else address[0]
    if host in (None, "", "localhost") or _is_loopback(str(host)):
        return
    pytest.fail(f"a test tried to reach {host!r}: only this machine may be spoken to")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
