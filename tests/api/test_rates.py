"""Exchange rates through the API."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.api.speaking import Speaker
from tests.conftest import NOW
from tests.factories import make_grant, make_pool
from tests.usage.exports import focus_row, write_focus
from tests.usage.importing import assign, import_path

SCOPE = "aaaaaaaa-0000-4000-8000-000000000001"
RATE = {"from_currency": "HKD", "to_currency": "USD", "day": "2026-06-01", "rate": "0.1282", "source": "HKMA"}


@pytest.fixture
def _credit(startups: None) -> None:
    make_grant("harbour-robotics", make_pool("ms-azure", "100000").key)


@pytest.mark.usefixtures("_credit")
def test_a_rate_answers_with_what_it_did_and_can_be_read(manager: Speaker, auditor: Speaker) -> None:
    answer = manager.post("/rates", RATE)

    assert answer.status_code == 201
    assert {name: answer.json[name] for name in RATE} == RATE
    assert (answer.json["standing"], answer.json["changed"], answer.json["effects"]) == (True, True, [])
    assert answer.headers["Location"] == f"/api/v1/rates/{answer.json['id']}"
    read = auditor.get(f"/rates/{answer.json['id']}").json
    assert read == {name: value for name, value in answer.json.items() if name in read}


@pytest.mark.usefixtures("_credit")
@pytest.mark.parametrize("number", [10**6, 2**63 - 1, 2**63, 10**40])
def test_a_rate_that_is_not_there_is_not_found_however_large_its_number(manager: Speaker, number: int) -> None:
    assert manager.get(f"/rates/{number}").status_code == 404


@pytest.mark.usefixtures("_credit")
def test_a_dry_run_tells_what_a_rate_would_settle_and_changes_nothing(manager: Speaker, tmp_path: Path) -> None:
    assign(SCOPE, "harbour-robotics", NOW - timedelta(days=60), NOW)
    rows = [focus_row(date(2026, 6, 1), SCOPE, "100", BillingCurrency="HKD")]
    import_path(write_focus(tmp_path / "june.csv", rows), NOW)

    tried = manager.post("/rates", RATE | {"dry_run": True}, key="")
    left = manager.get("/startups/harbour-robotics/balance").json["accounts"][0]["drawn"]
    done = manager.post("/rates", RATE)

    assert (tried.status_code, tried.json["dry_run"], tried.json["id"]) == (200, True, None)
    assert [(one["startup"], one["drawn"]) for one in tried.json["effects"]] == [("harbour-robotics", "12.82")]
    assert (left, len(manager.get("/rates").json["items"])) == ("0", 1)
    assert done.status_code == 201
    assert tried.json["effects"] == done.json["effects"]
    assert manager.get("/startups/harbour-robotics/balance").json["accounts"][0]["drawn"] == "12.82"

    back = {name: RATE[name] for name in ("from_currency", "to_currency", "day")} | {"reason": "a slip"}
    tried = manager.post("/rates/withdraw", back | {"dry_run": True}, key="")
    assert (tried.status_code, [one["drawn"] for one in tried.json["effects"]]) == (200, ["-12.82"])
    assert manager.get("/startups/harbour-robotics/balance").json["accounts"][0]["drawn"] == "12.82"


@pytest.mark.usefixtures("_credit")
def test_saying_again_what_stands_is_answered_with_200(manager: Speaker) -> None:
    manager.post("/rates", RATE)

    again = manager.post("/rates", RATE)

    assert (again.status_code, again.json["changed"]) == (200, False)


@pytest.mark.usefixtures("_credit")
@pytest.mark.parametrize(
    "change, field",
    [({"rate": "0"}, "rate"), ({"rate": "1e3"}, "rate"), ({"from_currency": "HK"}, "from_currency"),
     ({"to_currency": "EUR"}, "to_currency"), ({"day": "2026-02-30"}, "day"), ({"day": "1989-01-01"}, "day"),
     ({"source": " "}, "source")],
)
def test_a_wrong_rate_is_a_problem_that_names_its_field(manager: Speaker, change: dict[str, Any], field: str) -> None:
    answer = manager.post("/rates", RATE | change)

    assert (answer.status_code, answer.json["field"]) == (422, field)
    assert manager.get("/rates").json["items"] == []


@pytest.mark.usefixtures("_credit")
def test_rates_come_in_pages_by_charge_day_with_what_was_replaced(manager: Speaker) -> None:
    for day, rate in (("2026-06-05", "0.1"), ("2026-06-01", "0.2"), ("2026-06-05", "0.3")):
        assert manager.post("/rates", RATE | {"day": day, "rate": rate}).status_code == 201

    first = manager.get("/rates", limit=2).json
    second = manager.get("/rates", limit=2, after=first["next"]).json

    shown = [(one["day"], one["rate"], one["standing"]) for one in first["items"] + second["items"]]
    assert shown == [("2026-06-01", "0.2", True), ("2026-06-05", "0.1", False), ("2026-06-05", "0.3", True)]
    assert (first["items"][0]["until"], second["next"]) == ("2026-06-05", None)


@pytest.mark.usefixtures("_credit")
def test_a_rate_is_withdrawn_with_its_reason(manager: Speaker) -> None:
    manager.post("/rates", RATE)

    answer = manager.post("/rates/withdraw", {"from_currency": "HKD", "to_currency": "USD", "day": "2026-06-01",
                                              "reason": "a slip"})

    assert (answer.status_code, answer.json["rate"], answer.json["source"]) == (200, None, "a slip")
    assert [(one["rate"], one["standing"]) for one in manager.get("/rates").json["items"]] == [
        ("0.1282", False), (None, True),
    ]
