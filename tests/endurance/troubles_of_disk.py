"""SQLite on a full disk, with files that may not grow, or read-only; then there is room, and it is done again.

A file that may not grow is a limit of the process (RLIMIT_FSIZE), moved on by one page of SQLite's log at a time, so
that each page of it in turn is the first for which there is no room.
"""

import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.pool import Pool

from tests.endurance.ledgers import Difference
from tests.endurance.trials import Seed, Stage, Tally, chosen

FRAME = 4096 + 24
"""Bytes that a page takes in SQLite's log, with its own head."""

Trouble = tuple[str, Callable[[], None]]
"""What it is called, and what puts it into the process that meets it."""


def troubles(log: int, limit: int | None, seed: int) -> Iterator[Trouble]:
    """Nobody may write, no page more, and no room from each page of a log of that size in bytes on (or from some)."""
    yield "the database is read-only", lambda: _on_connect("PRAGMA query_only = ON")
    yield "the disk is full", lambda: _on_connect("PRAGMA max_page_count = 1")
    for size in chosen([str(size) for size in range(0, log, FRAME)], limit, seed):
        yield f"no room from byte {size} on", lambda size=int(size): _no_longer_than(size)  # type: ignore[misc]


def in_turn(on: Stage, limit: int | None, seed: int, tally: Tally, plant: Seed | None = None) -> Iterator[Tally]:
    """The act meets each trouble in turn, then room; yields the tally after each.

    A trouble that the act did not notice counts as a difference only where it lets nothing be written at all.
    """
    for what, put in troubles(_log(on), limit, seed):
        on.place.restore("scene")
        tally.trials += 1
        ended = on.perform(on.scenario.now, seed=lambda put=put: _both(plant, put))  # type: ignore[misc]
        differences = on.half_done() + on.finish(tally)
        if not ended.error and what.startswith("the database"):
            differences.append(Difference("other", "the trouble", "an error", "went through"))
        tally.add(what, differences)
        yield tally


def _log(on: Stage) -> int:
    """The most bytes that SQLite's log had while the act went through without any trouble."""
    on.place.restore("scene")
    noted, log = on.place.folder / "most", Path(f"{on.place.config.sqlite_path}-wal")
    noted.write_text("0")

    def note(*_: Any) -> None:
        noted.write_text(str(max(int(noted.read_text()), log.stat().st_size)))

    ended = on.perform(on.scenario.now, seed=lambda: event.listen(Pool, "checkin", note))
    most = int(noted.read_text())
    assert not ended.error, ended.error
    assert most, "no log was seen"
    return most


def _both(plant: Seed | None, put: Callable[[], None]) -> None:
    if plant is not None:
        plant()
    put()


def _on_connect(pragma: str) -> None:
    def run(connection: Any, _: Any) -> None:
        connection.execute(pragma)

    event.listen(Engine, "connect", run)


def _no_longer_than(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
