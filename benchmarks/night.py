"""A night of 10,000 grants of 2,500 startups with 336 mails due, written as files.

Against one statement that aggregates those accounts, and a frozen mail rendered as often. How many statements the night
asks is counted too, and once more with a tenth of the people to tell: people must not cost statements.
"""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import text

from benchmarks import park, reference_mail
from benchmarks.frame import Result, bounded, compared, rounds
from benchmarks.places import Ground
from creditsvc.app import create_app
from creditsvc.config import Config
from creditsvc.db import db, transaction
from creditsvc.jobs.nightly import run_night
from creditsvc.ledger import seals
from creditsvc.parties.access import operator
from creditsvc.parties.operations import add_person
from tests import databases
from tests.counting import sent_meanwhile

ROUNDS, SLOWER = 9, 20.0
THRESHOLDS = (100_000, 10, 10)
"""When garbage is looked for in the commands (`creditsvc/__main__.py`)."""

MAILS, FEW_MAILS = 336, 34
"""How many digests are due: one for each startup that is in trouble, and one for the manager of all."""

WHOLE = park.Park(startups=2_500, grants=4, days=200, keys=1, troubled=MAILS - 1)
FEW = park.Park(startups=2_500, grants=4, days=200, keys=1, troubled=FEW_MAILS - 1)
PEER = "a peer was reported to ask 242,274 and to take 77 s (SQLite) and 130 s (PostgreSQL) for this load"
AGGREGATE = """
SELECT account.id, account.startup_id, count(DISTINCT lot.id), min(lot.expires), sum(lot.amount),
       (SELECT sum(posting.amount) FROM posting WHERE posting.account_id = account.id)
FROM account JOIN lot ON lot.account_id = account.id GROUP BY account.id, account.startup_id
"""


def measure(ground: Ground) -> list[Result]:
    """Seconds and statements of a night on both databases."""
    results = []
    for kind in databases.KINDS:
        whole, few = (ground.prepared(kind, partial(fill, size)) for size in (WHOLE, FEW))
        values, limits = rounds(lambda: _night(ground, whole)[0], lambda: limit(ground, whole, WHOLE, MAILS), ROUNDS)  # noqa: B023
        statements = _night(ground, whole)[1]
        results.append(compared("night", kind, values, limits, SLOWER))
        results.append(bounded("night, statements more than for a tenth of the people", kind,
                               statements - _night(ground, few, FEW_MAILS)[1], 0, unit="statements",
                               note=f"{statements} statements in all; {PEER}"))
        for url in (whole, few):
            ground.drop(url)
    return results


def fill(size: park.Park) -> None:
    """A park as it stands before a usual night, with its manager."""
    park.fill(size)
    caller = operator(park.NOW)
    transaction(lambda: add_person(caller, email="lee@park.example", name="A. Lee", role="manager"))
    # the first night of a park seals all that there is; this is a usual one
    newest = {name: transaction(lambda name=name: seals.newest_row(name)) for name in seals.SEALED}  # type: ignore[misc]
    while transaction(lambda: seals.seal(caller, park.NEWEST, newest)):
        pass


def _night(ground: Ground, url: str, mails: int = MAILS) -> tuple[float, int]:
    """The seconds and the statements of one whole night, on a copy. Raises RuntimeError unless it sent all."""
    with on_copy(ground, url) as (config, sent):
        begun = time.perf_counter()
        document = run_night(config, park.NOW)
        seconds = time.perf_counter() - begun
    files = list(config.mail_folder.glob("*.eml"))
    if document["mails"] != {"queued": mails, "sent": mails, "failed": 0, "uncertain": 0} or len(files) != mails:
        raise RuntimeError(f"the night's mails were {document['mails']}, its files {len(files)}")
    for file in files:
        Path(file).unlink()
    return seconds, len(sent)


@contextmanager
def on_copy(ground: Ground, url: str) -> Iterator[tuple[Config, list[str]]]:
    """A place for one night: the configuration of a copy of the park, and the statements that are sent there."""
    copy = ground.copy(url)
    config = databases.config_for(copy, ground.folder / "night")
    app = create_app(config)
    thresholds = gc.get_threshold()
    # as the commands do, or each look for garbage goes through all that benchmarks import too
    gc.set_threshold(*THRESHOLDS)
    gc.freeze()
    try:
        with app.app_context(), sent_meanwhile() as sent:
            yield config, sent
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
        databases.dispose(app)
        ground.drop(copy)


def limit(ground: Ground, url: str, size: park.Park, mails: int) -> float:
    """The seconds of the statement and the mails. Raises RuntimeError unless it found every account."""
    app = create_app(databases.config_for(url, ground.folder))
    with app.app_context():
        begun = time.perf_counter()
        rows = db.session.execute(text(AGGREGATE)).all()
        reference_mail.render(mails)
        seconds = time.perf_counter() - begun
    databases.dispose(app)
    if len(rows) != size.startups:
        raise RuntimeError(f"the statement found {len(rows)} accounts")
    return seconds
