"""The PostgreSQL itself dies under an operation and comes back; then it is done again.

Its first process is stopped at once, which ends all others where they are, or the one that serves the operation is
killed, after which the first one ends the others and recovers. Both must find in the log whatever was committed.
"""

import os
import signal
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import psycopg

from tests import databases
from tests.endurance.proxy import Break, proxy
from tests.endurance.trials import Tally, chosen
from tests.endurance.troubles_of_network import Network
from tests.polling import wait_until

Way = Literal["stopped", "killed"]
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
"""What a server must have that is to lose nothing."""


def crashes(requests: int, commits: Sequence[int], limit: int | None, seed: int) -> list[tuple[Way, Break]]:
    """Before, during and after up to `limit` commits, and at twice as many other requests; both ways by turns."""
    limit = limit or 4
    cases = [Break(int(word), when, "crash") for word in chosen(list(map(str, commits)), limit, seed)
             for when in ("before", "during", "after")]  # type: ignore[arg-type]
    others = [str(n + 1) for n in range(requests) if n + 1 not in commits]
    cases += [Break(int(word), ("before", "during", "after")[turn % 3], "crash")  # type: ignore[arg-type]
              for turn, word in enumerate(chosen(others, 2 * limit, seed))]
    return [(("stopped", "killed")[turn % 2], case) for turn, case in enumerate(cases)]  # type: ignore[misc]


def crash_in_turn(on: Network, planned: Sequence[tuple[Way, Break]], tally: Tally) -> None:
    """The server dies under the act, comes back, and the act is done again."""
    place = on.stage.place
    data = databases.data_folder(place.config.database_url)
    for name, value in DURABLE.items():
        assert place.read(f"SHOW {name}") == [(value,)], f"{name} is not {value}"
    for way, broken in planned:
        on.begin()
        tally.trials += 1
        with proxy(on.listener, on.socket_file, broken, on.counts, partial(_end, way, data)) as between:
            on.act().wait()  # it may fail, or have done all when its server died
            struck = between.has_struck()
        assert struck, f"{broken} was never reached"
        place.close()
        if way == "stopped":
            databases.start_postgres_again(data)
        wait_until(lambda: _answers(place.config.database_url), "the PostgreSQL to come back")
        tally.add(f"{way}: {broken}", on.stage.half_done() + on.stage.finish(tally))


def _end(way: Way, data: Path, backend: int) -> None:
    """Ends the server, and returns when nothing of it answers any more."""
    number = data / "postmaster.pid"
    if way == "killed":
        os.kill(backend, signal.SIGKILL)
        return
    os.kill(int(number.read_text().split()[0]), signal.SIGQUIT)
    wait_until(lambda: not number.exists(), "the PostgreSQL to stop")


def _answers(url: str) -> bool:
    try:
        with databases.admin(url):
            return True
    except psycopg.OperationalError:
        return False
