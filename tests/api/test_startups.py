from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from creditsvc.core.days import starts_at
from creditsvc.programmes.operations import enrol
from tests import factories
from tests.alerts import scenes
from tests.api.speaking import ONE_DATABASE, Speaker
from tests.conftest import NOW
from tests.ledger.holdings import award, make_park, one_a_week


def test_a_manager_makes_a_startup_and_reads_it(manager: Speaker) -> None:
    made = manager.post("/startups", {"key": "jade-bio", "name": "Jade Bio", "language": "zh_Hant"})

    assert made.status_code == 201
    assert made.headers["Location"] == "/api/v1/startups/jade-bio"
    assert made.json == {
        "key": "jade-bio", "name": "Jade Bio", "language": "zh_Hant", "created_at": "2026-06-15T04:00:00Z"
    }
    assert manager.get("/startups/jade-bio").json == made.json


def test_the_list_comes_in_pages(manager: Speaker, startups: None) -> None:
    first = manager.get("/startups", limit=1)
    second = manager.get("/startups", limit=1, after=first.json["next"])

    assert [each["key"] for each in first.json["items"]] == ["harbour-robotics"]
    assert [each["key"] for each in second.json["items"]] == ["lotus-health"]
    assert second.json["next"] is None


def test_a_founder_sees_their_own_startup_alone(founder: Speaker) -> None:
    listed = founder.get("/startups")
    own = founder.get("/startups/harbour-robotics")
    other = founder.get("/startups/lotus-health")

    assert [each["key"] for each in listed.json["items"]] == ["harbour-robotics"]
    assert own.status_code == 200
    assert other.status_code == 404


@pytest.mark.parametrize(("query", "expected"), [
    ({"kind": "credit"}, ["harbour-robotics"]),
    ({"kind": "seats"}, []),
    ({"resource": "azure-credit", "least": "1000"}, ["harbour-robotics"]),
    ({"resource": "azure-credit", "least": "1000.01"}, []),
    ({"resource": "azure-credit", "most": "999", "q": "harbour"}, []),
    ({"cohort": "tc-2026a"}, ["lotus-health"]),
    ({"cohort": "tc-2026a", "state": "graduated"}, []),
    ({"cohort": "no-such-one"}, []),
])
def test_startups_are_chosen_by_what_they_hold_and_where_they_are_enrolled(
    manager: Speaker, startups: None, query: dict[str, str], expected: list[str]
) -> None:
    factories.make_grant("harbour-robotics", amount="1000")
    factories.make_programme("techconnect")
    factories.make_cohort("techconnect", "tc-2026a")
    factories.do(lambda: enrol(
        factories.somebody(), startup="lotus-health", cohort="tc-2026a", package=None, status="active", on=NOW.date()
    ))

    assert [each["key"] for each in manager.get("/startups", **query).json["items"]] == expected


def test_a_balance_is_asked_for_of_a_resource_and_in_its_unit(manager: Speaker, startups: None) -> None:
    factories.make_grant("harbour-robotics", amount="1000")
    asked = ({"least": "1"}, {"resource": "azure-credit", "most": "x"})
    answers = [manager.get("/startups", **query) for query in asked]

    assert [(one.status_code, one.json["field"]) for one in answers] == [(422, "resource"), (422, "most")]


def test_filters_widen_nothing_that_a_founder_may_see(founder: Speaker) -> None:
    factories.make_grant("lotus-health", amount="1000")

    assert founder.get("/startups", kind="credit").json["items"] == []
    assert founder.get("/startups", resource="azure-credit", least="0").json["items"] == []


@pytest.mark.parametrize("path", ["/startups/{}", "/startups/{}/balance"])
def test_another_startup_looks_like_none(founder: Speaker, path: str) -> None:
    other, none = founder.get(path.format("lotus-health")), founder.get(path.format("no-such-one"))

    assert other.status_code == none.status_code == 404
    assert other.text.replace("lotus-health", "no-such-one") == none.text


def test_those_who_only_read_make_nothing(founder: Speaker, auditor: Speaker, manager: Speaker) -> None:
    answers = [who.post("/startups", {"key": "jade-bio", "name": "Jade Bio"}) for who in (founder, auditor)]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert manager.get("/startups/jade-bio").status_code == 404


def test_a_key_that_is_taken_is_a_conflict(manager: Speaker, startups: None) -> None:
    answer = manager.post("/startups", {"key": "lotus-health", "name": "Another"})

    assert answer.status_code == 409
    assert (answer.json["field"], answer.json["code"]) == ("key", "key-taken")
    assert manager.get("/startups/lotus-health").json["name"] == "Lotus Health"


def test_an_empty_balance_has_no_accounts(founder: Speaker) -> None:
    answer = founder.get("/startups/harbour-robotics/balance")

    assert answer.json == {
        "startup": "harbour-robotics", "as_of": "2026-06-15T04:00:00Z", "known_at": "2026-06-15T04:00:00Z",
        "accounts": [],
    }


def test_a_bare_day_is_the_end_of_that_day_in_hong_kong(founder: Speaker) -> None:
    answer = founder.get("/startups/harbour-robotics/balance", as_of="2026-03-01", known_at="2026-03-02T00:00:00+08:00")

    assert answer.json["as_of"] == "2026-03-01T16:00:00Z"
    assert answer.json["known_at"] == "2026-03-01T16:00:00Z"


def test_startups_are_chosen_by_name_programme_and_what_calls_for_a_look(manager: Speaker, startups: None) -> None:
    scenes.enrol("lotus-health", "techconnect")
    for startup, days in (("harbour-robotics", 19), ("lotus-health", 20)):
        factories.make_grant(startup, amount="400", expires=scenes.TODAY + timedelta(days=days))
    factories.make_startup("jade-bio")

    def keys(**query: str) -> list[str]:
        return [each["key"] for each in manager.get("/startups", **query).json["items"]]

    assert keys(q="LOTUS") == ["lotus-health"]
    assert keys(programme="techconnect") == ["lotus-health"]
    assert keys(programme="none") == []
    assert keys(show="expiring") == ["harbour-robotics", "lotus-health"]
    assert keys(show="expiring", limit="1") == ["harbour-robotics"]
    assert keys(show="expiring", programme="techconnect") == ["lotus-health"]
    assert keys(show="expiring", q="lotus", after="lotus-health") == []
    assert keys(show="used-up") == []
    assert [keys(show=word) for word in ("running-out", "not-begun")] == [[], []]
    assert manager.get("/startups", show="everything").status_code == 422


@ONE_DATABASE
@pytest.mark.parametrize("name", ["as_of", "known_at"])
def test_a_moment_that_is_none_is_refused_by_name(founder: Speaker, name: str) -> None:
    answer = founder.get("/startups/harbour-robotics/balance", **{name: "yesterday"})

    assert answer.status_code == 422
    assert (answer.json["field"], answer.json["code"]) == (name, "not-a-day")


def test_a_balance_tells_what_is_forecast_and_from_what(founder: Speaker, tmp_path: Path) -> None:
    factories.make_grant("harbour-robotics", amount="400", expires=scenes.TODAY + timedelta(days=200), key="hr-azure")
    scenes.spend_daily(tmp_path, scenes.scope("harbour-robotics"), "10")

    (account,) = founder.get("/startups/harbour-robotics/balance", forecast="true").json["accounts"]

    assert account["forecast"] == {
        "run_out": "2026-06-25", "run_out_early": "2026-06-23", "run_out_late": "2026-06-26", "unused": "0",
        "grants": [], "per_day": "10", "complete_days": 29, "last_complete_day": "2026-06-13",
        "bill_from": "2026-06-25", "first_bill": "300",
    }


def test_a_balance_tells_from_when_on_no_seat_is_free(manager: Speaker) -> None:
    make_park()
    one_a_week(award("seats", "spring", 11, starts_at(date(2026, 3, 1)), starts_at(date(2026, 7, 1))))

    (account,) = manager.get("/startups/acme/balance", forecast="true").json["accounts"]
    (holding,) = manager.get("/startups/acme/holdings").json["items"]

    assert account["forecast"] is None
    assert account["seat_forecast"] == {
        "run_out": "2026-06-29", "run_out_early": "2026-06-24", "run_out_late": None, "unused": "0", "grants": [],
        "given": "8", "released": "0", "weeks": 8, "last_day": "2026-06-14",
    }
    assert holding["next"] == "As seats are taken now, none is free from 2026-06-29 on."
    assert holding["next_on"] == "2026-06-29"


def test_a_balance_of_another_moment_is_forecast_from_what_was_used_by_then(founder: Speaker, tmp_path: Path) -> None:
    factories.make_grant("harbour-robotics", amount="400", expires=scenes.TODAY + timedelta(days=200), key="hr-azure")
    scenes.spend_daily(tmp_path, scenes.scope("harbour-robotics"), "10")

    address = "/startups/harbour-robotics/balance"

    def forecast(**query: str) -> Any:
        return founder.get(address, forecast="true", **query).json["accounts"][0]["forecast"]

    assert founder.get(address).json["accounts"][0]["forecast"] is None  # only where it is asked for
    assert forecast(as_of="2026-06-10")["complete_days"] == 24
    assert forecast(as_of="2026-05-20") is None
    assert forecast(known_at="2026-06-15T12:00:00+08:00") is None
