"""Sixteen processes book at once (L12): exactly what fits succeeds, the others are told what is left."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask

from creditsvc.config import Config
from creditsvc.consulting import consultants
from creditsvc.db import db, transaction
from tests import factories as make
from tests.consulting import racing
from tests.consulting.scenes import MORNING, WEEKDAYS

pytestmark = pytest.mark.long


@pytest.fixture
def url(app: Flask, config: Config) -> str:
    """Sixteen startups with an hour each, one with five, and sixteen consultants."""
    make.make_resource("consulting", "hours", None, None)
    pool = make.make_pool("consultants", "1000", resource="consulting").key
    wanted = {"acme": "5", **{f"s{number}": "1" for number in range(racing.PROCESSES)}}
    for startup, amount in wanted.items():
        make.make_startup(startup)
        make.make_grant(startup, pool, amount, effective=date(2026, 6, 1), expires=date(2026, 6, 30))
    for number in range(racing.PROCESSES):
        transaction(lambda key=f"c{number}": add_consultant(key))  # type: ignore[misc]
    db.session.remove()
    return config.database_url


def add_consultant(key: str) -> None:
    consultants.add_consultant(make.somebody(), key=key, name=key, slot_minutes=15)
    consultants.set_weekly_hours(make.somebody(), key, WEEKDAYS)


def wishes_for_the_last_hours() -> list[racing.Wish]:
    """One startup asks sixteen consultants at overlapping times."""
    return [("acme", f"c{number}", MORNING + timedelta(minutes=15 * number), 60) for number in range(racing.PROCESSES)]


def wishes_for_one_slot() -> list[racing.Wish]:
    """Sixteen startups ask one consultant for the same hour, half of them a quarter later."""
    return [
        (f"s{number}", "c0", MORNING + timedelta(minutes=15 * (number % 2)), 60) for number in range(racing.PROCESSES)
    ]


def test_the_last_hours_are_booked_once_and_the_others_are_told_what_is_left(url: str, tmp_path: Path):
    outcomes = racing.race(url, tmp_path, wishes_for_the_last_hours())

    assert outcomes.pop("booked") == 5
    assert outcomes == {"not-available: 0 hours can be booked for 2026-06-17, not 1": racing.PROCESSES - 5}
    assert make.account_of("acme", resource="consulting").held == 300
    assert racing.differences() == []


def test_one_slot_is_booked_by_one_and_the_others_are_told_that_it_is_not_free(url: str, tmp_path: Path):
    outcomes = racing.race(url, tmp_path, wishes_for_one_slot())

    assert outcomes.pop("booked") == 1
    assert outcomes.total() == racing.PROCESSES - 1
    assert all("c0 has no free slot of 60 minutes" in text for text in outcomes)
    assert racing.overlapping() == 0
    assert racing.differences() == []


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_control_without_locks_a_consultant_sits_in_several_sessions_at_once(url: str, tmp_path: Path):
    outcomes = racing.race(url, tmp_path, wishes_for_one_slot(), "unlocked")

    assert racing.overlapping() > 0, outcomes
