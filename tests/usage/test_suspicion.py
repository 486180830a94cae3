"""A run that would take much away, or covers less than before, is held until a manager says yes (U5)."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from creditsvc.core.errors import Conflict
from creditsvc.db import transaction
from creditsvc.parties.access import operator
from creditsvc.usage.operations import confirm_run, discard_run
from tests.conftest import NOW
from tests.dumping import dump
from tests.ledger.books import START
from tests.usage.importing import assign, import_path
from tests.usage.scenes import (
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
    with_range,
    write,
)


@pytest.fixture
def acme(app: Flask) -> None:
    """A startup with a subscription."""
    make_startups("acme")
    assign(SCOPE, "acme", START, NOW)


def confirm(run_id: int) -> dict[str, Any]:
    return transaction(lambda: confirm_run(operator(hours(9)), run_id))


@pytest.mark.parametrize(
    "before, after, held",
    [
        ("300", "149.99999999", True),
        ("300", "150", False),  # half, and no more
        ("150", "49.99999999", True),
        ("150", "50", False),  # 100 units, and no more
        ("99", "0", False),
        ("300", "-1", True),
        ("-300", "-500", True),
        ("300", "301", False),
    ],
)
def test_taking_away_over_half_and_over_100_units_of_a_month_is_held(
    acme: None, tmp_path: Path, before: str, after: str, held: bool
) -> None:
    spend(tmp_path, {1: before, 2: "0"})

    report = spend(tmp_path, {1: "0", 2: after}, at=hours(6))

    assert (report["status"] == "held") == held
    assert bool(report["suspicions"]) == held


def test_a_held_run_posts_nothing_and_says_why_and_what_it_would_do(acme: None, tmp_path: Path) -> None:
    spend(tmp_path, {1: "300", 2: "300"})

    report = spend(tmp_path, {1: "30", 2: "40"}, at=hours(6))

    assert (report["status"], report["delta"]) == ("held", {"USD": "-530"})
    assert report["suspicions"] == [f"would take 530.00 of 600.00 USD of 2026-06 away from {SCOPE}"]
    assert (drawn(), usage_by_day(), freshness()) == ("600", {1: "300", 2: "300"}, (june(2), NOW))
    assert differences() == []


@pytest.mark.parametrize("again", ["import with a yes", "yes to the run"])
def test_a_managers_yes_posts_a_held_run_once(acme: None, tmp_path: Path, again: str) -> None:
    spend(tmp_path, {1: "300", 2: "300"})
    path = export(tmp_path, {1: "30", 2: "40"})
    held = import_path(path, hours(6))

    if again == "yes to the run":
        report = confirm(held["id"])
    else:
        report = import_path(path, hours(9), confirm=True)

    assert (report["id"], report["status"], report["delta"]) == (held["id"], "applied", {"USD": "-530"})
    assert (drawn(), usage_by_day(), freshness()) == ("70", {1: "30", 2: "40"}, (june(2), hours(6)))
    before = dump()
    with pytest.raises(Conflict) as refusal:
        confirm(held["id"])
    assert refusal.value.code == "not-held"
    assert dump() == before
    assert differences() == []


def test_a_yes_to_a_later_export_is_not_taken_for_one_to_a_held_run_that_said_the_same(
    acme: None, tmp_path: Path
) -> None:
    rows = rows_of({1: "30"})
    spend(tmp_path, {1: "300"})
    held = import_path(with_range(tmp_path, rows, 1, 1, hours(6)), hours(6))
    spend(tmp_path, {1: "310"}, at=hours(7))

    report = import_path(with_range(tmp_path, rows, 1, 1, hours(8)), hours(8), confirm=True)

    assert (held["status"], report["status"], report["delta"]) == ("held", "applied", {"USD": "-280"})
    assert report["id"] != held["id"]
    assert (usage_by_day(), freshness()) == ({1: "30"}, (june(1), hours(8)))


def test_an_import_with_a_yes_is_never_held(acme: None, tmp_path: Path) -> None:
    spend(tmp_path, {1: "300"})

    report = spend(tmp_path, {1: "3"}, at=hours(6), confirm=True)

    assert (report["status"], bool(report["suspicions"])) == ("applied", True)
    assert drawn() == "3"


def test_a_run_that_covers_less_than_the_one_before_of_its_feed_is_held(acme: None, tmp_path: Path) -> None:
    spend(tmp_path, {1: "1", 10: "1"})

    less = spend(tmp_path, {1: "1", 9: "1"}, at=hours(6))
    of_another_feed = import_path(write(tmp_path, rows_of({1: "1", 9: "1"}, BillingAccountId="account-2")), hours(7))
    more = spend(tmp_path, {1: "1", 11: "1"}, at=hours(8))

    assert less["status"] == "held"
    assert less["suspicions"] == ["covers 9 days of 2026-06 where the run before covered 10"]
    assert of_another_feed["status"] == "applied"
    assert (more["status"], more["suspicions"]) == ("applied", [])


def test_a_range_that_moves_on_and_one_of_another_month_are_not_less(acme: None, tmp_path: Path) -> None:
    rows = rows_of({2: "1"})
    import_path(with_range(tmp_path, rows, 1, 2), NOW)

    on = import_path(with_range(tmp_path, rows_of({3: "1"}), 2, 4, hours(1)), hours(1))
    july = [row | {"ChargePeriodStart": "2026-07-01T00:00:00Z"} for row in rows]
    next_month = import_path(write(tmp_path, july), hours(2))

    assert (on["status"], next_month["status"]) == ("applied", "applied")


def test_a_held_run_is_decided_as_things_stand_when_the_yes_comes(acme: None, tmp_path: Path) -> None:
    spend(tmp_path, {1: "300", 2: "300"})
    held = spend(tmp_path, {1: "30", 2: "40"}, at=hours(6))
    spend(tmp_path, {2: "310"}, at=hours(7), confirm=True)

    report = confirm(held["id"])

    assert (report["status"], report["delta"]) == ("applied", {"USD": "-270"})
    assert report["stale"] == [{"scope": SCOPE, "days": ["2026-06-02"]}]
    assert usage_by_day() == {1: "30", 2: "310"}


def test_a_yes_that_comes_too_late_for_every_day_makes_the_run_stale(acme: None, tmp_path: Path) -> None:
    spend(tmp_path, {1: "300"})
    held = spend(tmp_path, {1: "30"}, at=hours(6))
    spend(tmp_path, {1: "310"}, at=hours(7))

    report = confirm(held["id"])

    assert (report["status"], report["delta"]) == ("stale", {})
    assert (usage_by_day(), drawn()) == ({1: "310"}, "310")


def test_a_discarded_run_never_counts_and_its_file_may_be_imported_again(acme: None, tmp_path: Path) -> None:
    spend(tmp_path, {1: "300"})
    path = export(tmp_path, {1: "30"})
    held = import_path(path, hours(6))

    transaction(lambda: discard_run(operator(hours(7)), held["id"]))

    assert drawn() == "300"
    for step in (confirm_run, discard_run):
        with pytest.raises(Conflict):
            transaction(lambda step=step: step(operator(hours(8)), held["id"]))  # type: ignore[misc]
    again = import_path(path, hours(9), confirm=True)
    assert (again["status"], drawn()) == ("applied", "30")
    assert again["id"] != held["id"]


def test_a_run_that_stands_cannot_be_discarded(acme: None, tmp_path: Path) -> None:
    run_id = spend(tmp_path, {1: "300"})["id"]
    before = dump()

    with pytest.raises(Conflict) as refusal:
        transaction(lambda: discard_run(operator(NOW), run_id))

    assert refusal.value.code == "not-open"
    assert dump() == before
