"""A startup's usage by charge day over the API: what it cost, what paid it, what waits."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.api.speaking import ONE_DATABASE, Speaker
from tests.conftest import NOW
from tests.factories import make_grant, make_pool
from tests.usage.exports import focus_row, write_focus
from tests.usage.importing import assign, import_path

SCOPE = "aaaaaaaa-0000-4000-8000-000000000001"
PATH = "/startups/harbour-robotics/usage"


@pytest.fixture
def _used(startups: None, tmp_path: Path) -> None:
    """harbour-robotics has USD 12 and used 10 on 1 June, 5 on 2 June, and HKD 80 on 3 June, which wait for a rate."""
    make_grant("harbour-robotics", make_pool("ms-azure").key, "12", key="hr-azure")
    assign(SCOPE, "harbour-robotics", NOW - timedelta(days=60), NOW)
    import_path(write_focus(tmp_path / "june.csv", [
        focus_row(date(2026, 6, 1), SCOPE, "7.5"),
        focus_row(date(2026, 6, 1), SCOPE, "2.5", ServiceCategory="Storage"),
        focus_row(date(2026, 6, 2), SCOPE, "5"),
        focus_row(date(2026, 6, 3), SCOPE, "80", BillingCurrency="HKD"),
    ]), NOW)  # fmt: skip


@pytest.mark.usefixtures("_used")
def test_each_day_says_what_it_cost_what_paid_it_and_what_waits(founder: Speaker) -> None:
    third, second, first = founder.get(PATH).json["items"]

    assert (third["day"], third["amount"], third["paid_from"]) == ("2026-06-03", "0", [])
    assert third["waiting"] == {"HKD": "80"}
    assert (second["day"], second["amount"], second["uncovered"]) == ("2026-06-02", "5", "3")
    assert second["paid_from"] == [{"grant": "hr-azure", "amount": "2"}]
    assert (first["amount"], first["uncovered"]) == ("10", "0")
    assert [one["amount"] for one in first["charge_keys"]] == ["7.5", "2.5"]
    assert first["scopes"] == [{"scope": SCOPE, "amount": "10"}]


@ONE_DATABASE
@pytest.mark.usefixtures("_used")
def test_days_come_in_pages_and_in_a_period(manager: Speaker) -> None:
    page = manager.get(PATH, limit=2).json
    rest = manager.get(PATH, limit=2, after=page["next"]).json
    of_two = manager.get(PATH, **{"from": "2026-06-01", "to": "2026-06-02"}).json

    assert [one["day"] for one in page["items"]] == ["2026-06-03", "2026-06-02"]
    assert ([one["day"] for one in rest["items"]], rest["next"]) == (["2026-06-01"], None)
    assert [one["day"] for one in of_two["items"]] == ["2026-06-02", "2026-06-01"]
    assert manager.get(PATH, resource="azure-credit").json["items"] == page["items"] + rest["items"]
    assert manager.get(PATH, resource="nothing").status_code == 404
    assert manager.get(PATH, after="yesterday").json["field"] == "after"
    assert manager.get(PATH, **{"from": "June"}).json["field"] == "from"


def test_what_was_drawn_before_go_live_is_no_usage_of_its_day(founder: Speaker, startups: None, tmp_path: Path) -> None:
    pool = make_pool("ms-azure").key
    make_grant("harbour-robotics", pool, "1000", key="old", effective=date(2026, 5, 1))
    make_grant("harbour-robotics", pool, "1000", key="opened", effective=date(2026, 5, 1), opening_drawn="400",
               opening_at=date(2026, 6, 1))
    assign(SCOPE, "harbour-robotics", NOW - timedelta(days=60), NOW)
    import_path(write_focus(tmp_path / "may.csv", [
        focus_row(date(2026, 5, 31), SCOPE, "10"), focus_row(date(2026, 6, 1), SCOPE, "20"),
    ]), NOW)  # fmt: skip

    for query in ({}, {"to": "2026-05-31"}):
        day = founder.get(PATH, **query).json["items"][-1]

        assert (day["day"], day["amount"], sum(Decimal(one["amount"]) for one in day["paid_from"])) == (
            "2026-05-31", "10", Decimal(10)
        )


@ONE_DATABASE
def test_a_startup_that_holds_nothing_has_no_usage(founder: Speaker, startups: None) -> None:
    assert founder.get(PATH).json == {"items": [], "next": None}
