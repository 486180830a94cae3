"""Scopes, and runs that name them, tell a manager of some programmes nothing of the startups of others (P)."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from creditsvc.core.errors import Conflict, NotFound
from creditsvc.db import db, transaction
from creditsvc.parties.access import Caller
from creditsvc.parties.models import StartupProgramme
from creditsvc.usage.operations import apply_run, read_source, reverse_run
from creditsvc.usage.readers.source import open_source
from creditsvc.usage.reading import find_run, scopes_of, unassigned_scopes
from creditsvc.usage.reports import report_for
from creditsvc.usage.scopes import assign_scope, end_scope
from creditsvc.usage.suspicions import answered_report
from tests import factories
from tests.conftest import NOW
from tests.ledger.books import START, startup_id
from tests.usage.importing import assign, import_path
from tests.usage.scenes import OTHER, SCOPE, hours, june, make_startups, rows_of, spend, write

NEVER_SEEN = "99999999-0000-4000-8000-000000000009"


@pytest.fixture
def limited(app: Flask) -> Caller:
    """A manager of acme's programme alone; bolt is in no programme of theirs."""
    make_startups("acme", "bolt")
    programme = factories.make_programme("mine").id
    person = factories.make_person("limited@park.example", role="manager", programme_ids=[programme])

    ours = StartupProgramme(startup_id=startup_id("acme"), programme_id=programme)
    transaction(lambda: db.session.add(ours))
    return factories.caller(person)


def taken(caller: Caller, scope: str = OTHER, **more: bool) -> tuple[str, str, str]:
    """Why the caller may not assign the scope: field, code and text."""
    with pytest.raises(Conflict) as refused:
        transaction(lambda: assign_scope(
            caller, provider="azure", external_id=scope, startup="acme", starts=june(1), **more))
    return refused.value.field, refused.value.code, str(refused.value)


def not_ended(caller: Caller, scope: str) -> str:
    with pytest.raises((Conflict, NotFound)) as refused:
        transaction(lambda: end_scope(caller, provider="azure", external_id=scope, ends=june(5)))
    return str(refused.value)


def test_a_refusal_to_take_a_scope_over_does_not_say_whose_it_is(limited: Caller) -> None:
    assign(OTHER, "bolt", START, NOW)

    plain, over = taken(limited), taken(limited, hand_over=True)

    assert plain == over
    assert plain[:2] == ("id", "not-free")
    assert "bolt" not in plain[2]
    assert "startup" not in plain[2]


def test_to_end_a_scope_of_another_startup_is_answered_as_for_one_that_was_never_seen(limited: Caller) -> None:
    assign(OTHER, "bolt", START, NOW)

    assert not_ended(limited, OTHER) == f"no scope {OTHER}"
    assert not_ended(limited, NEVER_SEEN) == f"no scope {NEVER_SEEN}"


def test_a_scope_that_went_on_to_another_startup_looks_as_one_that_ended(limited: Caller, tmp_path: Path) -> None:
    assign(SCOPE, "acme", START, NOW)
    assign(SCOPE, "bolt", june(3), NOW, hand_over=True)
    spend(tmp_path, {1: "1", 2: "2", 8: "4"})

    (view,) = scopes_of(startup_id("acme"))

    assert (view.newest_charge_day, view.data_at) == (june(2), None)
    assert "to no startup" in not_ended(limited, SCOPE)


def test_waiting_usage_of_a_scope_of_another_startup_is_not_listed(limited: Caller, tmp_path: Path) -> None:
    assign(OTHER, "bolt", june(3), NOW)
    spend(tmp_path, {1: "1"}, OTHER)
    spend(tmp_path, {1: "1"}, NEVER_SEEN)

    assert [scope.external_id for scope in unassigned_scopes(limited)] == [NEVER_SEEN]
    assert {scope.external_id for scope in unassigned_scopes(factories.somebody())} == {OTHER, NEVER_SEEN}


def test_the_report_of_a_run_names_no_scope_of_another_startup(limited: Caller, tmp_path: Path) -> None:
    assign(SCOPE, "acme", june(3), NOW)
    assign(OTHER, "bolt", june(3), NOW)
    costs = {1: "1", 4: "200"}
    rows = [*rows_of(costs), *rows_of(costs, OTHER), *rows_of(costs, NEVER_SEEN)]
    import_path(write(tmp_path, rows), NOW)
    held = import_path(write(tmp_path, [*rows_of({1: "2"}), *rows_of({1: "2", 4: "1"}, OTHER)]), hours(2))
    stale = import_path(write(tmp_path, rows[::-1]), hours(-3))
    reports = [find_run(limited, run["id"]).report for run in (held, stale)]

    told = [report_for(limited, report) for report in reports]

    assert OTHER in str(reports[0]["suspicions"])
    assert OTHER in str(reports[1]["stale"])
    assert OTHER not in str(told)
    assert SCOPE in str(told[1]["stale"])
    assert [report_for(factories.somebody(), report) for report in reports] == list(map(answered_report, reports))


def test_what_a_dry_run_tells_of_a_file_is_the_sum_over_what_may_be_seen(limited: Caller, tmp_path: Path) -> None:
    assign(SCOPE, "acme", june(1), NOW)
    assign(OTHER, "bolt", june(1), NOW)
    import_path(write(tmp_path, [*rows_of({1: "1001"}), *rows_of({1: "1123.45"}, OTHER)]), NOW)
    crafted = read_source(open_source(write(tmp_path, [*rows_of({1: "1003"}), *rows_of({1: "0"}, OTHER)])))

    def tried(who: Caller) -> dict[str, Any]:
        return report_for(who, apply_run(who, crafted, submitted_at=hours(2), confirm=True))

    mine, whole = (transaction(lambda who=who: tried(who), keep=False)  # type: ignore[misc]
                   for who in (limited, factories.somebody()))

    assert (whole["delta"], whole["known_scopes"]) == ({"USD": "-1121.45"}, 2)
    assert (mine["delta"], mine["uncovered_delta"], mine["known_scopes"]) == ({"USD": "2"}, {"USD": "2"}, 1)


def test_taking_a_run_back_tells_what_changed_in_scopes_that_may_be_seen(limited: Caller, tmp_path: Path) -> None:
    assign(SCOPE, "acme", june(1), NOW)
    assign(OTHER, "bolt", june(1), NOW)
    run = import_path(write(tmp_path, [*rows_of({1: "1001"}), *rows_of({1: "1123.45"}, OTHER)]), NOW)["id"]

    answer, whole = (transaction(lambda who=who: reverse_run(who, run), keep=False)  # type: ignore[misc]
                     for who in (limited, factories.somebody()))

    assert (answer["delta"], answer["uncovered_delta"]) == ({"USD": "-1001"}, {"USD": "-1"})
    assert (whole["delta"], whole["uncovered_delta"]) == ({"USD": "-2124.45"}, {"USD": "-124.45"})


def test_a_scope_that_was_handed_over_shows_sums_of_the_days_before_alone(limited: Caller, tmp_path: Path) -> None:
    assign(SCOPE, "acme", START, NOW)
    assign(SCOPE, "bolt", june(3), NOW, hand_over=True)
    run = import_path(write(tmp_path, rows_of({1: "5", 4: "70"})), NOW)["id"]

    report = report_for(limited, find_run(limited, run).report)
    reversal = transaction(lambda: reverse_run(limited, run), keep=False)

    assert (report["delta"], reversal["delta"]) == ({"USD": "5"}, {"USD": "-5"})


def test_the_report_of_a_run_that_was_taken_back_has_no_sums_of_others(limited: Caller, tmp_path: Path) -> None:
    assign(SCOPE, "acme", june(1), NOW)
    assign(OTHER, "bolt", june(1), NOW)
    run = import_path(write(tmp_path, [*rows_of({1: "1001"}), *rows_of({1: "1123.45"}, OTHER)]), NOW)["id"]
    before = report_for(limited, find_run(limited, run).report)
    transaction(lambda: reverse_run(factories.somebody(), run))

    after = report_for(limited, find_run(limited, run).report)

    assert (before["delta"], before["uncovered_delta"]) == ({"USD": "1001"}, {"USD": "1"})
    assert (after["delta"], after["uncovered_delta"]) == ({}, {})
