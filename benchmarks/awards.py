"""Awards by 8 clients at once, from one hot pool and from 1,000 pools, against a bare row lock and two inserts.

Each client is a process with a connection of its own that awards to one startup after another; what is compared is
awards a second. The bare one locks the pool's row, adds two rows and commits.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta

from benchmarks.award_client import POOLS
from benchmarks.frame import Result, compared, rounds
from benchmarks.places import ROOT, Ground, environment
from creditsvc.columns import bulk_insert
from creditsvc.db import db, transaction
from creditsvc.ledger.models import Pool
from creditsvc.parties.access import operator
from creditsvc.parties.models import Startup
from creditsvc.programmes import operations as programmes
from tests import databases
from tests.conftest import NOW

Client = subprocess.Popen[str]

ROUNDS, CLIENTS, STARTUPS, BAR = 5, 8, 2_000, 0.3


def measure(ground: Ground) -> list[Result]:
    """Awards a second on both databases, from one pool and from many."""
    results = []
    for kind in databases.KINDS:
        url = ground.prepared(kind, _fill)
        with _clients(ground, url) as clients:
            for pools in (1, POOLS):
                values, limits = rounds(
                    lambda: _rate(clients, f"award {pools}"), lambda: _rate(clients, f"bare {pools}"), ROUNDS,  # noqa: B023
                )
                name = "awards from one pool" if pools == 1 else f"awards from {pools:,} pools"
                results.append(compared(name, kind, values, limits, BAR, at_least=True, unit="awards/s"))
        ground.drop(url)
    return results


def _fill() -> None:
    caller = operator(NOW)

    def frame() -> None:
        programmes.add_partner(caller, key="microsoft", name="Microsoft")
        programmes.add_resource(caller, key="azure-credit", kind="credit", unit="USD", provider="azure")
        programmes.add_pool(caller, key="pool-0", partner="microsoft", resource="azure-credit", amount="1000000000",
                            starts=date(2026, 1, 1), ends=date(2027, 12, 31))
        db.session.flush()
        hot = db.session.query(Pool).one()
        bulk_insert(Pool, ("key", "partner_id", "resource_id", "amount", "committed", "starts", "ends"),
                    [(f"pool-{n}", hot.partner_id, hot.resource_id, hot.amount, 0, hot.starts, hot.ends)
                     for n in range(1, POOLS)])
        bulk_insert(Startup, ("key", "name", "language", "created_at"),
                    [(f"startup-{n}", f"Startup {n}", "en", NOW - timedelta(days=1)) for n in range(STARTUPS)])
        number = "INTEGER" if db.session.get_bind().dialect.name == "sqlite" else "BIGSERIAL"
        db.session.execute(db.text(
            f"CREATE TABLE bare (id {number} PRIMARY KEY, pool_id BIGINT, amount BIGINT, said TEXT)"
        ))

    transaction(frame)


@contextmanager
def _clients(ground: Ground, url: str) -> Iterator[list[Client]]:
    """The clients, started and waiting for what to do."""
    clients = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.award_client", str(number), str(STARTUPS)],
            env=dict(environment(url, ground.folder)), cwd=ROOT, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for number in range(CLIENTS)
    ]
    try:
        if any(_line(client) != "ready" for client in clients):
            raise RuntimeError("a client did not start")
        yield clients
    finally:
        for client in clients:
            client.communicate(timeout=60)


def _rate(clients: Sequence[Client], what: str) -> float:
    """How much of it all clients together do in a second. Raises RuntimeError when one died."""
    for client in clients:
        assert client.stdin is not None
        client.stdin.write(f"{what}\n")
        client.stdin.flush()
    rates = [_line(client) for client in clients]
    if not all(rates):
        raise RuntimeError("a client failed")
    return sum(map(float, rates))


def _line(client: Client) -> str:
    assert client.stdout is not None
    return client.stdout.readline().strip()
