"""Eight processes award from one pool at once (L12), and the forms that fail under the same judge."""

from pathlib import Path

import pytest

from creditsvc.db import db
from tests import factories as make
from tests.grants import racing


@pytest.fixture
def url(app, config):
    make.make_pool("ms-azure", str(racing.POOL))
    for number in range(racing.PROCESSES):
        make.make_startup(f"s{number}")
    db.session.remove()
    return config.database_url


@pytest.mark.parametrize("startups", [racing.PROCESSES, 1])
def test_eight_processes_never_promise_more_than_the_pool_holds(url: str, tmp_path: Path, startups: int):
    outcomes = racing.race(url, tmp_path, startups)

    assert racing.faults(outcomes) == set()
    assert outcomes == {
        "awarded": racing.POOL, "pool-exceeded": racing.PROCESSES * racing.ATTEMPTS - racing.POOL,
    }


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_control_reading_without_a_lock_overspends_on_postgresql(url: str, tmp_path: Path):
    outcomes = racing.race(url, tmp_path, racing.PROCESSES, "unlocked")

    assert "overspent" in racing.faults(outcomes)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_control_statements_by_themselves_overspend_on_sqlite(url: str, tmp_path: Path):
    outcomes = racing.race(url, tmp_path, racing.PROCESSES, "plain")

    assert "overspent" in racing.faults(outcomes)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_control_a_deferred_begin_ends_in_a_locked_database(url: str, tmp_path: Path):
    outcomes = racing.race(url, tmp_path, racing.PROCESSES, "deferred")

    assert "neither awarded nor refused by name" in racing.faults(outcomes)
    assert any("locked" in outcome for outcome in outcomes)
