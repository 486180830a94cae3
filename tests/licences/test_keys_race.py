"""Processes that hand out keys at once, on both databases: each key once, also while another encrypts them anew."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from creditsvc.app import create_app
from creditsvc.config import Config
from creditsvc.core.errors import RuleBroken
from creditsvc.db import db, transaction
from creditsvc.licences.keyring import Keyring
from creditsvc.licences.keys import rotate_batch
from creditsvc.licences.models import LicenceKey
from tests import databases, factories
from tests.licences.scenes import RING, assign, bring, hand, make_seats
from tests.processes import quick_processes

PROCESSES, SEATS_EACH, KEYS_THERE = 6, 4, 20
NEW = "YW5vdGhlciBrZXksIG9mIHRlc3RzIGFsbCBhbG9uZSE="


def run(url: str, folder: Path, seats: list[int], barrier: Any, answers: Any) -> None:
    outcomes: Counter[str] = Counter()
    try:
        with create_app(databases.config_for(url, folder), doors=False).app_context():
            db.session.execute(select(1))
            barrier.wait(timeout=240)
            for seat_id in seats:
                try:
                    hand(seat_id)
                    outcomes["handed"] += 1
                except RuleBroken as refusal:
                    outcomes[refusal.code] += 1
    except Exception as error:  # noqa: BLE001 (whatever it is, the judge must hear of it)
        outcomes[f"error: {error!r}"] += 1
    finally:
        answers.put(outcomes)


@pytest.mark.usefixtures("app")
def test_processes_hand_out_each_key_once_while_keys_are_rotated(config: Config):
    make_seats(PROCESSES * SEATS_EACH)
    bring([f"KEY-{number:04d}" for number in range(KEYS_THERE)])
    seats = [assign(f"p{number}@acme.example") for number in range(PROCESSES * SEATS_EACH)]
    ring = Keyring((NEW, databases.LICENCE_KEY), config.secret_key)
    context = quick_processes()
    barrier, answers = context.Barrier(PROCESSES + 1), context.Queue()
    runners = [
        context.Process(
            target=run, args=(config.database_url, config.instance, seats[number::PROCESSES], barrier, answers),
            daemon=True,
        )
        for number in range(PROCESSES)
    ]
    for runner in runners:
        runner.start()

    barrier.wait(timeout=240)
    transaction(lambda: rotate_batch(factories.somebody(), ring))
    outcomes = sum((answers.get(timeout=300) for _ in runners), Counter())
    for runner in runners:
        runner.join(timeout=60)

    assert outcomes == {"handed": KEYS_THERE, "no-free-key": PROCESSES * SEATS_EACH - KEYS_THERE}
    db.session.rollback()
    rows = db.session.execute(select(LicenceKey.seat_id, LicenceKey.ciphertext)).all()
    assert len({row.seat_id for row in rows} - {None}) == KEYS_THERE
    assert {ring.decrypt(row.ciphertext) for row in rows} == {f"KEY-{number:04d}" for number in range(KEYS_THERE)}
    assert RING.fingerprint("KEY-0000") == ring.fingerprint("KEY 0000")
