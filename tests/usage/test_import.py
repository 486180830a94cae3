"""What an import does to the book: what is posted, what waits, what is flagged, and what is refused (U4, U6, U7)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from creditsvc.core.errors import RuleBroken
from creditsvc.ledger.facts import units_of
from creditsvc.ledger.history import postings
from creditsvc.parties.access import operator
from creditsvc.parties.models import TrailEntry
from creditsvc.usage.reading import foreign_in_all, scopes_of, unassigned_scopes
from tests.conftest import NOW
from tests.dumping import counts, dump
from tests.ledger.books import START, startup_id
from tests.usage.importing import assign, import_path
from tests.usage.scenes import (
    OTHER,
    SCOPE,
    differences,
    drawn,
    export,
    freshness,
    holding,
    hours,
    june,
    make_startups,
    rows_of,
    spend,
    usage_by_day,
    with_range,
    write,
)


def without_id(report: dict[str, Any]) -> dict[str, Any]:
    return {word: value for word, value in report.items() if word != "id"}


def test_usage_of_a_scope_that_nobody_has_waits_and_settles_when_it_is_assigned(app: Flask, tmp_path: Path) -> None:
    make_startups("acme")

    report = spend(tmp_path, {1: "30", 3: "12.5"})

    assert (report["status"], report["known_scopes"], report["unknown_scopes"]) == ("applied", 0, [SCOPE])
    assert report["delta"] == {"USD": "42.5"}
    assert report["waiting"] == [
        {"scope": SCOPE, "currency": "USD", "amount": "42.5", "why": "the scope belongs to no startup"}
    ]
    assert drawn() == "0"
    (waiting,) = unassigned_scopes(operator(NOW))
    assert (waiting.external_id, waiting.first_day, waiting.last_day) == (SCOPE, june(1), june(3))
    assert waiting.amounts == {"USD": 42_50000000}
    assign(SCOPE, "acme", START, NOW)
    assert drawn() == "42.5"
    assert unassigned_scopes(operator(NOW)) == []
    assert differences() == []


def test_usage_before_the_scope_was_the_startups_waits_until_it_is_assigned_from_earlier(
    app: Flask, tmp_path: Path
) -> None:
    make_startups("acme")
    assign(SCOPE, "acme", june(3), NOW)

    report = spend(tmp_path, {1: "1", 2: "2", 3: "4", 4: "8"})

    assert drawn() == "12"
    assert report["known_scopes"] == 1
    assert report["waiting"] == [
        {"scope": SCOPE, "currency": "USD", "amount": "3", "why": "outside the scope's dates"}
    ]
    (waiting,) = unassigned_scopes(operator(NOW))
    assert (waiting.first_day, waiting.last_day, waiting.amounts) == (june(1), june(2), {"USD": 3_00000000})
    assign(SCOPE, "acme", june(1), NOW)
    assert drawn() == "15"
    assert unassigned_scopes(operator(NOW)) == []


def test_a_cost_in_another_currency_waits_and_is_never_mixed(app: Flask, tmp_path: Path) -> None:
    make_startups("acme")
    assign(SCOPE, "acme", START, NOW)
    rows = rows_of({1: "5"}) + rows_of({1: "780", 2: "7.8"}, BillingCurrency="HKD")

    report = import_path(write(tmp_path, rows), NOW)

    assert report["delta"] == {"HKD": "787.8", "USD": "5"}
    assert report["waiting"] == [
        {"scope": SCOPE, "currency": "HKD", "amount": "787.8", "why": "no rate from HKD to USD"}
    ]
    assert drawn() == "5"
    account = holding()
    assert account is not None
    assert account.uncovered == 0
    assert foreign_in_all(units_of([account.id]))[1] == {account.id: {"HKD": 787_80000000}}
    assert differences() == []


def test_a_run_that_was_submitted_before_the_one_that_stands_is_stale_and_posts_nothing(
    app: Flask, tmp_path: Path
) -> None:
    make_startups("acme")
    assign(SCOPE, "acme", START, NOW)
    spend(tmp_path, {1: "30", 2: "30"}, at=hours(2))
    before = usage_by_day(), drawn(as_of=hours(9)), freshness()

    report = spend(tmp_path, {1: "10", 2: "10"}, at=hours(1))

    assert (report["status"], report["delta"]) == ("stale", {})
    assert report["stale"] == [{"scope": SCOPE, "days": ["2026-06-01", "2026-06-02"]}]
    assert (usage_by_day(), drawn(as_of=hours(9)), freshness()) == before
    assert before == ({1: "30", 2: "30"}, "60", (june(2), hours(2)))


def test_a_run_that_is_stale_on_some_days_is_applied_on_the_others(app: Flask, tmp_path: Path) -> None:
    make_startups("acme")
    assign(SCOPE, "acme", START, NOW)
    spend(tmp_path, {3: "30", 4: "30"}, at=hours(2))

    report = spend(tmp_path, {2: "1", 3: "1", 4: "1", 5: "1"}, at=hours(1))

    assert (report["status"], report["delta"]) == ("applied", {"USD": "2"})
    assert report["stale"] == [{"scope": SCOPE, "days": ["2026-06-03", "2026-06-04"]}]
    assert usage_by_day() == {2: "1", 3: "30", 4: "30", 5: "1"}
    assert freshness() == (june(5), hours(2))


def test_an_unchanged_run_posts_nothing_and_refreshes_how_fresh_the_data_is(app: Flask, tmp_path: Path) -> None:
    make_startups("acme")
    assign(SCOPE, "acme", START, NOW)
    spend(tmp_path, {1: "30"})
    account = holding()
    assert account is not None
    rows = len(postings([account.id]))

    report = spend(tmp_path, {1: "30"}, at=hours(6))

    assert (report["status"], report["delta"], report["waiting"]) == ("unchanged", {}, [])
    assert len(postings([account.id])) == rows
    assert freshness() == (june(1), hours(6))
    (shown,) = scopes_of(startup_id("acme"))
    assert (shown.newest_charge_day, shown.data_at) == (june(1), hours(6))


def test_a_header_alone_is_an_unchanged_run_of_no_rows(app: Flask, tmp_path: Path) -> None:
    make_startups("acme")

    report = spend(tmp_path, {})

    assert (report["status"], report["rows"], report["cover"]) == ("unchanged", 0, [])


def test_a_change_after_the_months_close_is_posted_and_flagged(app: Flask, tmp_path: Path) -> None:
    make_startups("acme")
    assign(SCOPE, "acme", START, NOW)
    may = "2026-05-20"
    rows = rows_of({1: "1"})

    def submit(cost: str, at: datetime) -> dict[str, Any]:
        changed = [row | {"ChargePeriodStart": f"{may}T00:00:00Z", "BilledCost": cost} for row in rows]
        return import_path(write(tmp_path, changed), NOW, submitted_at=at)

    closed = datetime(2026, 6, 4, tzinfo=UTC)  # 72 hours after the end of May
    open_still = submit("10", closed - timedelta(seconds=1))
    at_close = submit("11", closed)
    after = submit("12.5", closed + timedelta(days=3))

    assert (open_still["after_close"], at_close["after_close"]) == ([], [])
    assert after["after_close"] == [{"scope": SCOPE, "month": "2026-05", "currency": "USD", "amount": "1.5"}]
    assert (after["status"], drawn()) == ("applied", "12.5")


def test_a_scope_that_is_missing_from_its_feed_is_flagged_and_keeps_its_usage(app: Flask, tmp_path: Path) -> None:
    make_startups("acme")
    assign(SCOPE, "acme", START, NOW)
    import_path(write(tmp_path, rows_of({1: "30"}) + rows_of({1: "7"}, OTHER)), NOW)

    report = spend(tmp_path, {1: "8"}, OTHER, at=hours(6))
    of_another_feed = import_path(
        write(tmp_path, rows_of({1: "8"}, OTHER, BillingAccountId="account-2")), hours(7)
    )

    assert (report["missing_scopes"], report["delta"]) == ([SCOPE], {"USD": "1"})
    assert of_another_feed["missing_scopes"] == []
    assert (drawn(), usage_by_day()) == ("30", {1: "30"})


def test_a_scope_that_the_manifest_names_and_that_has_no_rows_goes_to_zero(app: Flask, tmp_path: Path) -> None:
    make_startups("acme")
    assign(SCOPE, "acme", START, NOW)
    spend(tmp_path, {1: "30", 2: "40", 9: "5"})

    report = import_path(with_range(tmp_path, [], 1, 7, hours(6), subscription=SCOPE), hours(6))

    assert (report["status"], report["rows"], report["delta"]) == ("applied", 0, {"USD": "-70"})
    assert usage_by_day() == {9: "5"}
    assert drawn() == "5"
    assert differences() == []


def test_zeroing_a_named_scope_is_held_when_it_is_much(app: Flask, tmp_path: Path) -> None:
    make_startups("acme")
    assign(SCOPE, "acme", START, NOW)
    spend(tmp_path, {1: "30", 2: "70.01"})

    report = import_path(with_range(tmp_path, [], 1, 7, hours(6), subscription=SCOPE), hours(6))

    assert report["status"] == "held"
    assert drawn() == "100.01"


def test_a_dry_run_reports_as_the_real_run_and_writes_nothing(app: Flask, tmp_path: Path) -> None:
    make_startups("acme", amount="50")
    assign(SCOPE, "acme", START, NOW)
    spend(tmp_path, {1: "30"})
    rows = rows_of({1: "35", 2: "40"}) + rows_of({2: "9"}, OTHER) + rows_of({2: "-3"}, ChargeCategory="Credit")
    path = write(tmp_path, rows)
    before = counts(), dump()

    trial = import_path(path, hours(6), keep=False)

    assert (counts(), dump()) == before
    real = import_path(path, hours(6))
    assert without_id(trial) == without_id(real)
    assert real["uncovered_delta"] == {"USD": "25"}
    assert real["left_out"] == [{"reason": "credit", "rows": 1, "amounts": {"USD": "-3"}}]
    assert counts() != before[0]


def test_a_run_submitted_in_the_future_is_refused(app: Flask, tmp_path: Path) -> None:
    make_startups("acme")
    before = dump()
    tomorrow = NOW + timedelta(days=1)

    with pytest.raises(RuleBroken) as by_word:
        import_path(export(tmp_path, {1: "1"}), NOW, submitted_at=tomorrow + timedelta(seconds=1))
    with pytest.raises(RuleBroken) as by_manifest:
        import_path(with_range(tmp_path, rows_of({1: "1"}), 1, 2, tomorrow + timedelta(seconds=1)), NOW)

    for refusal in (by_word, by_manifest):
        assert (refusal.value.field, refusal.value.code) == ("submitted_at", "in-future")
    assert dump() == before
    assert spend(tmp_path, {1: "1"}, at=NOW)["status"] == "applied"
    assert import_path(with_range(tmp_path, rows_of({2: "1"}), 1, 2, tomorrow), NOW)["status"] == "applied"


def test_an_import_is_noted_in_the_trail_with_what_it_changed(app: Flask, tmp_path: Path) -> None:
    make_startups("acme")

    report = spend(tmp_path, {1: "30"})

    (entry,) = [row for row in dump()[TrailEntry.__tablename__] if "usage.import" in row]
    assert f"run:{report['id']}" in entry
    assert {"status": "applied", "delta": {"USD": "30"}} in entry
