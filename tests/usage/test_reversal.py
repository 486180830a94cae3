"""An import is taken back whole: its days fall back to the next newest run (U9)."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from creditsvc.core.errors import Conflict, NotFound
from creditsvc.db import transaction
from creditsvc.parties.access import operator
from creditsvc.usage.operations import reverse_run
from tests.conftest import NOW
from tests.dumping import dump
from tests.ledger.books import START
from tests.usage.importing import assign, import_path
from tests.usage.scenes import (
    OTHER,
    SCOPE,
    differences,
    drawn,
    export,
    freshness,
    hours,
    june,
    make_startups,
    rows_of,
    spend,
    usage_by_day,
    write,
)


@pytest.fixture
def acme(app: Flask) -> None:
    """A startup with a subscription."""
    make_startups("acme", amount="50")
    assign(SCOPE, "acme", START, NOW)


def reverse(run_id: int) -> dict[str, Any]:
    return transaction(lambda: reverse_run(operator(hours(9)), run_id))


def test_the_days_of_a_run_taken_back_fall_back_on_the_next_newest(acme: None, tmp_path: Path) -> None:
    spend(tmp_path, {1: "10", 2: "10"})
    spend(tmp_path, {2: "20", 3: "20"}, at=hours(1))
    newest = spend(tmp_path, {1: "31", 2: "32", 3: "33", 4: "34"}, at=hours(2))

    report = reverse(newest["id"])

    assert usage_by_day() == {1: "10", 2: "20", 3: "20"}
    assert report == {
        "id": newest["id"], "status": "reversed", "delta": {"USD": "-80"}, "uncovered_delta": {"USD": "-80"},
    }
    assert (drawn(), freshness()) == ("50", (june(3), hours(1)))
    assert differences() == []


def test_nothing_to_fall_back_on_leaves_nothing(acme: None, tmp_path: Path) -> None:
    rows = rows_of({1: "10", 2: "-3"}) + rows_of({1: "7"}, OTHER)
    run_id = import_path(write(tmp_path, rows), NOW)["id"]

    report = reverse(run_id)

    assert report["delta"] == {"USD": "-14"}
    assert (usage_by_day(), usage_by_day(OTHER), drawn(), freshness()) == ({}, {}, "0", (None, None))
    assert differences() == []


def test_the_file_of_a_run_taken_back_may_be_imported_again(acme: None, tmp_path: Path) -> None:
    spend(tmp_path, {1: "10"})
    path = export(tmp_path, {1: "20"})
    run_id = import_path(path, hours(1))["id"]
    reverse(run_id)

    again = import_path(path, hours(1))

    assert (again["status"], again["delta"]) == ("applied", {"USD": "10"})
    assert again["id"] != run_id
    assert (usage_by_day(), drawn()) == ({1: "20"}, "20")
    assert differences() == []


def test_taking_a_run_back_twice_changes_nothing(acme: None, tmp_path: Path) -> None:
    run_id = spend(tmp_path, {1: "10"})["id"]
    reverse(run_id)
    before = dump()

    report = reverse(run_id)

    assert (report["status"], report["delta"]) == ("reversed", {})
    assert dump() == before


def test_taking_a_stale_run_back_changes_no_usage_and_it_is_fallen_back_on_no_more(acme: None, tmp_path: Path) -> None:
    newest = spend(tmp_path, {1: "30", 2: "30"}, at=hours(2))
    stale = spend(tmp_path, {1: "10"}, at=hours(1))
    before = usage_by_day(), drawn(as_of=hours(9)), freshness()

    report = reverse(stale["id"])

    assert (stale["status"], report["delta"], report["uncovered_delta"]) == ("stale", {}, {})
    assert (usage_by_day(), drawn(as_of=hours(9)), freshness()) == before
    reverse(newest["id"])
    assert usage_by_day() == {}
    assert differences() == []


def test_taking_back_an_unchanged_run_makes_the_data_as_old_as_it_was(acme: None, tmp_path: Path) -> None:
    spend(tmp_path, {1: "10"})
    unchanged = spend(tmp_path, {1: "10"}, at=hours(6))

    report = reverse(unchanged["id"])

    assert (unchanged["status"], report["delta"]) == ("unchanged", {})
    assert (usage_by_day(), freshness()) == ({1: "10"}, (june(1), NOW))


def test_after_a_scope_changed_hands_each_owner_gets_back_their_own(app: Flask, tmp_path: Path) -> None:
    make_startups("acme", "bolt")
    assign(SCOPE, "acme", START, NOW)
    run_id = spend(tmp_path, {1: "1", 2: "2", 3: "4"})["id"]
    assign(SCOPE, "bolt", june(2), NOW, hand_over=True)

    reverse(run_id)

    assert (drawn("acme"), drawn("bolt")) == ("0", "0")
    assert differences() == []


def test_a_held_run_and_one_that_is_not_there_cannot_be_taken_back(acme: None, tmp_path: Path) -> None:
    spend(tmp_path, {1: "300"})
    held = spend(tmp_path, {1: "3"}, at=hours(6))
    before = dump()

    with pytest.raises(Conflict) as refusal:
        reverse(held["id"])
    with pytest.raises(NotFound):
        reverse(held["id"] + 1)

    assert refusal.value.code == "nothing-to-reverse"
    assert dump() == before
