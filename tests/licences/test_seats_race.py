"""Sixteen processes assign the last seats at once: what fits succeeds, the others are told what is left."""

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from creditsvc.config import Config
from creditsvc.db import db
from creditsvc.licences.models import LicenceKey
from tests import factories as make
from tests.licences import racing
from tests.licences.sitting import add_keys, give, make_product

pytestmark = pytest.mark.long
ASKED = racing.PROCESSES * racing.ATTEMPTS


@pytest.fixture
def url(app: Flask, config: Config) -> str:
    make.make_startup("s0")
    make_product()
    give("s0", "s0-m365", racing.SEATS)
    db.session.remove()
    return config.database_url


def test_sixteen_processes_never_assign_more_seats_than_there_are(url: str, tmp_path: Path) -> None:
    outcomes = racing.race(url, tmp_path)

    assert racing.faults(outcomes) == set()
    assert outcomes.pop("assigned") == racing.SEATS
    assert sum(outcomes.values()) == ASKED - racing.SEATS
    assert all(sentence.startswith(f"0 of {racing.SEATS} seats of m365 are free") for sentence in outcomes)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_control_reading_without_a_lock_gives_seats_twice_or_fails(url: str, tmp_path: Path) -> None:
    outcomes = racing.race(url, tmp_path, "unlocked")

    assert racing.faults(outcomes) or any(outcome.startswith("error") for outcome in outcomes)


def test_sixteen_processes_of_two_startups_never_hand_out_one_key_twice(
    app: Flask, config: Config, tmp_path: Path
) -> None:
    make_product(delivery="key")
    for startup in ("s0", "s1"):
        make.make_startup(startup)
        give(startup, f"{startup}-m365", ASKED)
    add_keys("ms-seats", racing.SEATS)
    db.session.remove()

    outcomes = racing.race(config.database_url, tmp_path, startups=2)

    assert racing.faults(outcomes) == set()
    assert outcomes == {
        "assigned": racing.SEATS,
        "the pool ms-seats has no free key of m365: import keys first": ASKED - racing.SEATS,
    }
    assert len(db.session.scalars(select(LicenceKey.seat_id).distinct()).all()) == racing.SEATS
