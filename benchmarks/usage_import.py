"""The import of a month of 1,000,000 rows, whole command, first and restated; memory; how long others wait for it."""

import json
import sqlite3
import threading
import time
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

from benchmarks import exports
from benchmarks.frame import Result, bounded, compared
from benchmarks.places import FOLDER, Ground, Ran, environment, run, sqlite_path
from creditsvc.db import transaction
from creditsvc.grants.operations import award_grant
from creditsvc.parties.access import Caller, operator
from creditsvc.parties.operations import create_startup
from creditsvc.programmes import operations as programmes
from creditsvc.usage.scopes import assign_scope

NAME = "import"
ROUNDS = 15
BARS = {"sqlite": 3.5, "postgresql": 4.0}
MOST_RESIDENT, LONGEST_WAIT, LONGEST_READ = 600, 5, 0.5
LOTS = (("2000", date(2026, 1, 1), date(2026, 6, 20)), ("3000", date(2026, 3, 1), date(2026, 12, 31)),
        ("500", date(2026, 6, 1), date(2027, 5, 31)))
NOW = datetime(2026, 7, 1, 6, tzinfo=UTC)
SUBMITTED = ("2026-07-02T00:00:00Z", "2026-07-03T00:00:00Z")


def fill() -> None:
    """500 startups with a subscription and three lots each."""
    caller = operator(NOW)

    def park() -> None:
        programmes.add_partner(caller, key="microsoft", name="Microsoft")
        programmes.add_resource(caller, key="azure-credit", kind="credit", unit="USD", provider="azure")
        programmes.add_pool(caller, key="ms", partner="microsoft", resource="azure-credit", amount="100000000",
                            starts=date(2026, 1, 1), ends=date(2027, 12, 31))

    transaction(park)
    transaction(lambda: _startups(caller))


def _startups(caller: Caller) -> None:
    for number in range(exports.SUBSCRIPTIONS):
        _startup(caller, number)


def _startup(caller: Caller, number: int) -> None:
    key = f"startup-{number:03d}"
    create_startup(caller, key=key, name=key.title())
    for lot, (amount, first, last) in enumerate(LOTS):
        award_grant(caller, startup=key, pool="ms", amount=amount, effective=first, expires=last, key=f"{key}-{lot}")
    assign_scope(caller, provider="azure", external_id=exports.subscription(number), startup=key,
                 starts=date(2026, 1, 1))


def measure(ground: Ground) -> list[Result]:
    """The import on both databases, and who waits for it on SQLite."""
    month, restated = (exports.export(FOLDER, name) for name in exports.HASHES)
    results = []
    for kind, bar in BARS.items():
        seeded = ground.prepared(kind, fill)
        imported = ground.copy(seeded)
        _import(ground, imported, month, SUBMITTED[0])
        steps = [(seeded, month, SUBMITTED[0]), (imported, restated, SUBMITTED[1])]
        firsts, seconds, limits, resident = [], [], [], []
        for turn in range(ROUNDS):
            limits.append(run(["benchmarks.read_and_group", month], environment(seeded, ground.folder)).seconds)
            order = (0, 1) if turn % 2 else (1, 0)  # none of the two is always the one that comes after the other
            ran = {step: _import_into_copy(ground, *steps[step]) for step in order}
            firsts.append(ran[0].seconds)
            seconds.append(ran[1].seconds)
            resident += [one.resident for one in ran.values()]
        results.append(compared("import, first", kind, firsts, limits, bar))
        results.append(compared("import, restated against first", kind, seconds, firsts, 1.0))
        results.append(bounded("import, memory", kind, max(resident), MOST_RESIDENT, unit="MiB"))
        if kind == "sqlite":
            results += _waits(ground, ground.copy(seeded), month)
    return results


def _import_into_copy(ground: Ground, url: str, path: Path, submitted: str) -> Ran:
    copy = ground.copy(url)
    ran = _import(ground, copy, path, submitted)
    ground.drop(copy)
    return ran


def _import(ground: Ground, url: str, path: Path, submitted: str) -> Ran:
    ran = run(["creditsvc", "usage", "import", path, "--submitted-at", submitted, "--json"],
              environment(url, ground.folder))
    status = json.loads(ran.output)["runs"][0]["status"]
    if status != "applied":
        raise RuntimeError(f"{path.name} was {status}, not applied")
    return ran


def _waits(ground: Ground, url: str, path: Path) -> list[Result]:
    """While the import runs, somebody else writes and somebody else reads, over and over."""
    done = threading.Event()
    waits: dict[str, list[float]] = {"BEGIN IMMEDIATE": [], "BEGIN": []}

    def knock(begin: str) -> None:
        with closing(sqlite3.connect(sqlite_path(url), timeout=60, isolation_level=None)) as connection:
            while not done.is_set():
                begun = time.perf_counter()
                connection.execute(begin)
                connection.execute("SELECT count(*) FROM startup").fetchone()
                connection.execute("ROLLBACK")
                waits[begin].append(time.perf_counter() - begun)
                done.wait(0.01)

    others = [threading.Thread(target=knock, args=(begin,)) for begin in waits]
    for other in others:
        other.start()
    try:
        _import(ground, url, path, SUBMITTED[0])
    finally:
        done.set()
        for other in others:
            other.join()
    ground.drop(url)
    return [
        bounded("import, longest wait of a writer", "sqlite", max(waits["BEGIN IMMEDIATE"]), LONGEST_WAIT, unit="s"),
        bounded("import, longest wait of a reader", "sqlite", max(waits["BEGIN"]), LONGEST_READ, unit="s",
                note="a reader asks for no lock; what it waits is the processor"),
    ]
