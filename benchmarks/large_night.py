"""A night over 100,000 grants of 50,000 startups with 3,400 mails due, decided and queued.

Against one statement that aggregates those accounts, and a frozen mail rendered as often. Statements are counted by
1,000 startups, and the command's memory is what the system says of its process.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from benchmarks import night, park
from benchmarks.frame import Result, bounded, compared, rounds
from benchmarks.places import Ground, environment, run
from creditsvc.config import Config
from creditsvc.jobs import nightly
from creditsvc.jobs.delivery import DeliveryCount
from tests import databases

ROUNDS, SLOWER, MAILS, PER_THOUSAND, MIB = 3, 10.0, 3_400, 6, 300
WHOLE = park.Park(startups=50_000, grants=2, days=40, keys=1, troubled=MAILS - 1)


def measure(ground: Ground) -> list[Result]:
    """Seconds, statements and memory of a large night on both databases."""
    results = []
    for kind in databases.KINDS:
        url = ground.prepared(kind, lambda: night.fill(WHOLE))
        asked: list[int] = []
        values, limits = rounds(
            lambda: _queued(ground, url, asked), lambda: night.limit(ground, url, WHOLE, MAILS), ROUNDS)  # noqa: B023
        results.append(compared("large night, decided and queued", kind, values, limits, SLOWER))
        results.append(bounded("large night, statements for 1,000 startups", kind,
                               max(asked) * 1_000 / WHOLE.startups, PER_THOUSAND, unit="statements",
                               note=f"{max(asked)} statements in all"))
        copy = ground.copy(url)
        ran = run(["creditsvc", "nightly", "--now", park.NOW.isoformat(), "--json"],
                  environment(copy, ground.folder / "night"))
        results.append(bounded("large night, memory of the command", kind, ran.resident, MIB, unit="MiB",
                               note=f"the whole night as a command, mails as files: {ran.seconds:.1f} s"))
        for used in (copy, url):
            ground.drop(used)
    return results


def _queued(ground: Ground, url: str, asked: list[int]) -> float:
    """The seconds of a night on a copy until all its mails wait; how many statements it sent goes to `asked`."""
    with night.on_copy(ground, url) as (config, sent), _undelivered() as reached:
        begun = time.perf_counter()
        document = nightly.run_night(config, park.NOW)
    if document["mails"]["queued"] < MAILS:  # of so many startups some more have something to hear
        raise RuntimeError(f"the night's mails were {document['mails']}")
    asked.append(len(sent))
    return reached[0] - begun


@contextmanager
def _undelivered() -> Iterator[list[float]]:
    """Nights deliver nothing; when they would have begun to is noted."""
    reached: list[float] = []

    def none(_config: Config, *_: object, **__: object) -> DeliveryCount:
        reached.append(time.perf_counter())
        return DeliveryCount()

    with patch.object(nightly, "deliver", none):
        yield reached
