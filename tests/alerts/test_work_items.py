"""The worklist: who is on it, with which figure, who sees it, and what a snooze takes off."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask

from creditsvc.alerts import work_items
from creditsvc.alerts.work_items import GROUPS, Item, snooze_item, work_group, worklist
from creditsvc.core.amounts import format_amount
from creditsvc.core.errors import Forbidden, NotFound
from creditsvc.db import db
from creditsvc.ledger.models import Account
from creditsvc.parties.access import Caller
from creditsvc.usage.reading import UnassignedScope
from tests import factories
from tests.alerts import scenes
from tests.counting import queries
from tests.factories import NOW, do
from tests.journeys.scene import make_park
from tests.usage.exports import focus_row, write_focus
from tests.usage.importing import import_path


@pytest.fixture
def manager(app: Flask) -> Caller:
    make_park()
    factories.make_grant("junk-finance", expires=date(2026, 7, 1), effective=date(2026, 6, 10), key="ends-soon")
    accounts = list(db.session.scalars(db.select(Account.id)))
    do(lambda: scenes.look_ahead(accounts))
    return factories.caller(factories.make_person("lee@park.example", "manager"))


def on(caller: Caller) -> dict[str, list[str]]:
    """Who is in each group that is not empty."""
    found = worklist(caller).groups
    return {
        group.name: [f"{item.startup} {format_amount(item.amount, item.unit)}" for item in group.items
                     if isinstance(item, Item)]
        for group in found
    }


def test_each_startup_is_where_its_balance_puts_it_with_the_figure(manager: Caller):
    found = on(manager)

    assert {name: [row.partition(" ")[0] for row in rows] for name, rows in found.items()} == {
        "uncovered": ["lantern-ai", "tram-logistics"], "running-out": ["banyan-chips", "harbour-robotics"],
        "expiring": ["junk-finance"], "stale": ["kite-energy"],
    }
    view = factories.account_of("lantern-ai")
    assert found["uncovered"][0].partition(" ")[2] == format_amount(view.uncovered, view.unit)
    view = factories.account_of("kite-energy")
    assert found["stale"][0].partition(" ")[2] == format_amount(view.remaining, view.unit)
    assert [group.total for group in worklist(manager).groups] == [2, 2, 1, 1]


def test_a_long_group_is_counted_no_further_than_needed_and_whole_on_its_own_page(
    manager: Caller, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(work_items, "COUNTED", 1)
    monkeypatch.setattr(work_items, "SHOWN", 1)
    first = {group.name: group for group in worklist(manager).groups}

    assert [(name, group.counted) for name, group in first.items()] == [
        ("uncovered", "1+"), ("running-out", "1+"), ("expiring", "1"), ("stale", "1"),
    ]
    assert [item.startup for item in first["uncovered"].items if isinstance(item, Item)] == ["lantern-ai"]
    assert [work_group(manager, name, 1).counted for name in first] == ["2", "2", "1", "1"]


def test_a_grant_of_which_nothing_was_drawn_in_a_month_has_not_begun(manager: Caller):
    factories.make_grant("kite-energy", effective=date(2026, 5, 1), now=NOW - timedelta(days=40), key="untouched")
    factories.make_grant("kite-energy", effective=date(2026, 6, 1), now=NOW - timedelta(days=40), key="young")

    rows = work_group(manager, "not-begun", 1).items

    assert [row.holding for row in rows if isinstance(row, Item)] == ["untouched"]


def test_scopes_that_nobody_knows_and_runs_that_wait_are_on_it(manager: Caller, tmp_path: Path):
    unknown = "99999999-0000-4000-8000-000000000000"
    import_path(write_focus(tmp_path / "new.csv", [focus_row(date(2026, 6, 1), unknown, "12.5")]), NOW)

    scopes = work_group(manager, "scopes-unknown", 1).items

    found = [(one.external_id, one.amounts) for one in scopes if isinstance(one, UnassignedScope)]
    assert found == [(unknown, {"USD": 1_250_000_000})]


def test_a_snoozed_row_is_off_the_list_of_who_snoozed_it_for_a_week(manager: Caller):
    other = factories.caller(factories.make_person("wu@park.example", "manager"))
    row = work_group(manager, "expiring", 1).items[0]
    assert isinstance(row, Item)

    until = do(lambda: snooze_item(manager, "expiring", row.account_id, row.holding))

    assert (until - NOW.date()).days == 7
    assert "expiring" not in on(manager)
    assert "expiring" in on(other)


def test_who_is_no_manager_snoozes_nothing_and_nobody_snoozes_what_they_do_not_see(manager: Caller):
    auditor = factories.caller(factories.make_person("au@park.example", "auditor"))
    limited = factories.caller(factories.make_person("li@park.example", "manager", programme_ids=[]))
    row = work_group(manager, "expiring", 1).items[0]
    assert isinstance(row, Item)

    with pytest.raises(Forbidden):
        do(lambda: snooze_item(auditor, "expiring", row.account_id, row.holding))
    with pytest.raises(NotFound):
        do(lambda: snooze_item(limited, "expiring", row.account_id, row.holding))
    assert set(on(limited)) <= {"scopes-unknown", "runs-held"}


def test_the_worklist_asks_the_same_number_of_things_however_much_there_is(manager: Caller):
    few = queries(lambda: worklist(manager))
    for number in range(12):
        factories.make_grant(factories.make_startup().key, expires=date(2026, 7, 1), key=f"ends-{number}",
                             effective=date(2026, 2, 1), now=NOW - timedelta(days=100))

    many = queries(lambda: worklist(manager))

    assert few == many == len(GROUPS)  # one for both groups of runs, and one for the night
    assert [group.total for group in worklist(manager).groups if group.name == "expiring"] == [13]


def test_the_night_forecasts_for_the_worklist(app: Flask, tmp_path: Path):
    scenes.startup("acme")
    factories.make_grant("acme", key="g", amount="1000")
    scenes.spend_daily(tmp_path, scenes.scope("acme"), "10", 60)

    scenes.night(app, 0)

    (row,) = work_group(factories.somebody(), "running-out", 1).items
    assert isinstance(row, Item)
    assert (row.startup, format_amount(row.drawn, row.unit)) == ("acme", "10")
