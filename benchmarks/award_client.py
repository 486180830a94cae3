"""One client of the awards: `python -m benchmarks.award_client NUMBER STARTUPS`.

Says `ready`; at each line `award POOLS` or `bare POOLS` it works for some seconds and prints how many it made a second.
"""

import random
import secrets
import sys
import time
from collections.abc import Callable
from datetime import date

from sqlalchemy import text

from creditsvc.app import create_app
from creditsvc.config import load_config
from creditsvc.db import db, transaction
from creditsvc.grants.operations import award_grant
from creditsvc.parties.access import operator
from tests.conftest import NOW

POOLS, SECONDS = 1_000, 2.0


def main(number: str, startups: str) -> None:
    """Awards, or does what is the least that could be done, as often as it is asked to."""
    chance = random.Random(f"client {number}")
    acts: dict[str, Callable[[int, int], None]] = {"award": _award, "bare": _bare}
    with create_app(load_config()).app_context():
        for act in acts.values():
            act(0, 0)
        print("ready", flush=True)
        for line in sys.stdin:
            what, pools = line.split()
            made, begun = 0, time.perf_counter()
            while (passed := time.perf_counter() - begun) < SECONDS:
                acts[what](chance.randrange(int(pools)), chance.randrange(int(startups)))
                made += 1
            print(made / passed, flush=True)


def _award(pool: int, startup: int) -> None:
    transaction(lambda: award_grant(
        operator(NOW), startup=f"startup-{startup}", pool=f"pool-{pool}", amount="1", effective=date(2026, 3, 1),
        expires=date(2027, 2, 28), key=secrets.token_hex(12),
    ))  # fmt: skip


def _bare(pool: int, startup: int) -> None:
    def least() -> None:
        lock = " FOR UPDATE" if db.session.get_bind().dialect.name == "postgresql" else ""
        found = db.session.execute(text(f"SELECT id, amount FROM pool WHERE key = :key{lock}"), {"key": f"pool-{pool}"})
        pool_id, amount = found.one()
        for said in ("lot", "grant"):
            db.session.execute(text("INSERT INTO bare (pool_id, amount, said) VALUES (:pool, :amount, :said)"),
                               {"pool": pool_id, "amount": amount, "said": f"{said} of startup-{startup}"})

    transaction(least)


if __name__ == "__main__":
    main(*sys.argv[1:])
