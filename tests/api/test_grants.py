from datetime import date
from typing import Any

import pytest
from flask import Flask

from creditsvc.licences.desk import open_desk
from creditsvc.licences.waiting import queue_up
from creditsvc.parties.access import operator
from tests.api.conftest import token_of
from tests.api.speaking import ONE_DATABASE, Speaker
from tests.conftest import NOW
from tests.counting import queries
from tests.factories import do, make_grant, make_person, make_pool, make_startup, somebody
from tests.licences.sitting import make_product

AWARD = {"startup": "harbour-robotics", "pool": "ms-azure", "amount": "25000.5", "effective": "2026-03-01",
         "expires": "2027-02-28", "key": "hr-azure", "reason": "the spring intake"}


@pytest.fixture
def pool(startups: None) -> str:
    """A pool of USD 100,000."""
    return make_pool("ms-azure", "100000").key


@pytest.fixture
def grant(manager: Speaker, pool: str) -> str:
    """The grant hr-azure of harbour-robotics."""
    assert manager.post("/grants", AWARD).status_code == 201
    return "hr-azure"


def test_an_award_answers_with_the_grant(manager: Speaker, pool: str) -> None:
    answer = manager.post("/grants", AWARD)

    assert (answer.status_code, answer.headers["Location"]) == (201, "/api/v1/grants/hr-azure")
    assert answer.json == {
        "key": "hr-azure", "startup": "harbour-robotics", "pool": "ms-azure", "resource": "azure-credit",
        "unit": "USD", "amount": "25000.5", "effective_at": "2026-02-28T16:00:00Z",
        "expires_at": "2027-02-28T16:00:00Z", "voided_at": None, "drawn": "0", "held": "0", "expired": "0",
        "voided": "0", "not_yet": "0", "remaining": "25000.5", "priority": 0, "promotional": False,
        "series": None, "month": 0,
        "reason": "the spring intake", "awarded_by": "manager@park.example", "awarded_at": "2026-06-15T04:00:00Z",
        "activation": None,
    }
    assert manager.get("/grants/hr-azure").json == answer.json


def test_an_award_shows_in_balance_pool_and_statement(manager: Speaker, founder: Speaker, grant: str) -> None:
    balance = founder.get("/startups/harbour-robotics/balance")
    before = founder.get("/startups/harbour-robotics/balance", known_at="2026-06-14")
    statement = founder.get("/startups/harbour-robotics/statement", **{"from": "2026-06-01", "to": "2026-06-30"})
    pools = manager.get("/pools")

    account = balance.json["accounts"][0]
    assert (account["granted"], account["remaining"]) == ("25000.5", "25000.5")
    assert [each["key"] for each in account["grants"]] == ["hr-azure"]
    assert [(account["granted"], account["grants"]) for account in before.json["accounts"]] == [("0", [])]
    assert statement.json["accounts"][0]["closing"]["remaining"] == "25000.5"
    assert (pools.json["items"][0]["committed"], pools.json["items"][0]["left"]) == ("25000.5", "74999.5")


@pytest.mark.parametrize(
    "change, status, field, code",
    [
        ({"amount": "100000.00000001"}, 422, "amount", "pool-exceeded"),
        ({"amount": "-1"}, 422, "amount", "not-positive"),
        ({"amount": "0.000000001"}, 422, "amount", "too-precise"),
        ({"amount": "many"}, 422, "amount", "not-a-number"),
        ({"pool": "no-such-pool"}, 422, "pool", "unknown-pool"),
        ({"expires": "2026-02-27"}, 422, "expires", "not-after-start"),
        ({"effective": "2020-01-01"}, 422, "effective", "outside-pool"),
        ({"priority": 5000}, 422, "priority", "out-of-range"),
    ],
)
def test_an_award_against_the_rules_names_field_and_code(
    manager: Speaker, pool: str, change: dict[str, Any], status: int, field: str, code: str
) -> None:
    answer = manager.post("/grants", {**AWARD, **change})

    assert (answer.status_code, answer.json["field"], answer.json["code"]) == (status, field, code)
    assert manager.get("/grants").json["items"] == []


@ONE_DATABASE
@pytest.mark.parametrize(
    "change, field",
    [
        ({"amount": 25000}, "amount"),
        ({"effective": "first of March"}, "effective"),
        ({"effective": 20260301}, "effective"),
        ({"priority": 1.5}, "priority"),
        ({"key": "HR"}, "key"),
        ({"reason": "x" * 501}, "reason"),
    ],
)
def test_an_award_of_a_wrong_shape_names_the_field(
    manager: Speaker, pool: str, change: dict[str, Any], field: str
) -> None:
    answer = manager.post("/grants", {**AWARD, **change})

    assert (answer.status_code, [error["field"] for error in answer.json["errors"]]) == (422, [field])
    assert manager.get("/grants").json["items"] == []


def test_an_award_sent_twice_is_one(manager: Speaker, pool: str) -> None:
    body = {name: value for name, value in AWARD.items() if name != "key"}

    first, again = (manager.post("/grants", body, key="the-award") for _ in range(2))

    assert again.json == first.json
    assert len(manager.get("/grants").json["items"]) == 1


def test_a_grant_is_extended_topped_up_returned_and_voided(manager: Speaker, grant: str) -> None:
    extended = manager.post("/grants/hr-azure/extend", {"expires": "2027-05-31", "reason": "late start"})
    topped_up = manager.post("/grants/hr-azure/top-up", {"amount": "1000"})
    returned = manager.post("/grants/hr-azure/return", {"amount": "6000.5"})
    voided = manager.post("/grants/hr-azure/void")
    again = manager.post("/grants/hr-azure/void", {"reason": "once more"})

    assert extended.json["expires_at"] == "2027-05-31T16:00:00Z"
    assert topped_up.json["amount"] == "26000.5"
    assert returned.json["amount"] == "20000"
    assert (voided.json["voided_at"], voided.json["voided"]) == ("2026-06-15T04:00:00Z", "20000")
    assert again.json == voided.json


@pytest.mark.parametrize(
    "step, body, status, field",
    [
        ("extend", {"expires": "2026-12-31"}, 422, "expires"),
        ("top-up", {"amount": "0"}, 422, "amount"),
        ("top-up", {"amount": "90000"}, 422, "amount"),
        ("return", {"amount": "30000"}, 409, "amount"),
    ],
)
def test_a_step_that_cannot_be_is_refused(
    manager: Speaker, grant: str, step: str, body: dict[str, str], status: int, field: str
) -> None:
    before = manager.get("/grants/hr-azure").json

    answer = manager.post(f"/grants/hr-azure/{step}", body)

    assert (answer.status_code, answer.json["field"]) == (status, field)
    assert manager.get("/grants/hr-azure").json == before


def test_a_voided_grant_takes_no_more(manager: Speaker, grant: str) -> None:
    manager.post("/grants/hr-azure/void")

    answer = manager.post("/grants/hr-azure/top-up", {"amount": "1"})

    assert (answer.status_code, answer.json["code"]) == (409, "voided")


def test_lists_come_in_pages(manager: Speaker, pool: str) -> None:
    keys = ["c-third", "a-first", "b-second"]
    for key in keys:
        make_grant("lotus-health", pool, "1", key=key)

    first = manager.get("/startups/lotus-health/grants", limit=2)
    second = manager.get("/startups/lotus-health/grants", limit=2, after=first.json["next"])
    everywhere = manager.get("/grants")

    assert [each["key"] for each in first.json["items"]] == keys[:2]
    assert [each["key"] for each in second.json["items"]] == keys[2:]
    assert second.json["next"] is None
    assert [each["key"] for each in everywhere.json["items"]] == keys


def test_grants_are_chosen_by_their_pool(manager: Speaker, pool: str) -> None:
    make_pool("another", "100")
    make_grant("lotus-health", pool, "1", key="of-this")
    make_grant("lotus-health", "another", "1", key="of-another")

    found = [manager.get(path, pool=chosen).json["items"] for path in ("/grants", "/startups/lotus-health/grants")
             for chosen in ("another", "none")]

    assert [[each["key"] for each in items] for items in found] == [["of-another"], [], ["of-another"], []]


def test_pools_come_in_pages(manager: Speaker) -> None:
    for key in ("pool-b", "pool-a", "pool-c"):
        make_pool(key, "5")

    first = manager.get("/pools", limit=2)
    second = manager.get("/pools", limit=2, after=first.json["next"])

    assert [pool["key"] for pool in first.json["items"] + second.json["items"]] == ["pool-a", "pool-b", "pool-c"]
    assert second.json["next"] is None


def test_a_partner_sees_its_own_pools_alone(nobody: Speaker, startups: None) -> None:
    from_them, _ = make_pool("theirs", "5"), make_pool("another", "5")
    person = make_person("viewer@microsoft.example", "partner", partner_id=from_them.partner_id)
    viewer = nobody.bearing(token_of(person.email, None))

    pools = viewer.get("/pools")

    assert [pool["key"] for pool in pools.json["items"]] == ["theirs"]
    assert viewer.get("/startups").json["items"] == []
    assert viewer.get("/startups/harbour-robotics").status_code == 404


def test_a_founder_sees_their_grants_and_changes_none(founder: Speaker, manager: Speaker, grant: str) -> None:
    other = make_grant("lotus-health", "ms-azure", "7", key="lh-azure").key

    own = founder.get("/grants")
    refused = [founder.post(f"/grants/{grant}/void").status_code, founder.post("/grants", AWARD).status_code]
    hidden = [
        founder.get(f"/grants/{other}").status_code, founder.post(f"/grants/{other}/void").status_code,
        founder.get("/startups/lotus-health/grants").status_code,
        founder.post("/grants", {**AWARD, "startup": "lotus-health"}).status_code,
    ]

    assert [each["key"] for each in own.json["items"]] == [grant]
    assert founder.get("/pools").status_code == 403
    assert refused == [403, 403]
    assert hidden == [404, 404, 404, 404]
    assert manager.get(f"/grants/{other}").json["voided_at"] is None


@pytest.mark.parametrize(
    "path",
    ["/startups", "/grants", "/pools", "/startups/lotus-health/grants", "/startups/lotus-health/balance",
     "/startups/lotus-health/statement", "/startups/lotus-health/scopes", "/scopes", "/usage-runs"],
)
def test_more_rows_ask_the_database_no_more(auditor: Speaker, pool: str, app: Flask, path: str) -> None:
    make_grant("lotus-health", pool, "1")
    auditor.get(path)  # the first use of a token is noted
    few = queries(lambda: auditor.get(path))

    for number in range(5):
        make_grant("lotus-health", pool, "1")
        make_grant(make_startup(f"more-{number}").key, make_pool().key, "1")
    many = queries(lambda: auditor.get(path))

    assert many == few
    assert many <= 25


def test_who_awarded_is_the_bearer(manager: Speaker, grant: str) -> None:
    statement = manager.get("/startups/harbour-robotics/statement")

    by = {entry["by"] for entry in statement.json["accounts"][0]["entries"] if entry["kind"] == "award"}

    assert by == {"manager@park.example"}
    assert operator(NOW).actor not in by


def test_an_activation_is_kept_once_and_shown_with_its_grant(manager: Speaker, founder: Speaker, grant: str) -> None:
    said = {"on": "2026-03-03", "subscription": "64E355D7-997C-491D-B0C1-8414DCCFCF42", "reason": "as the portal says"}
    before = founder.get("/grants/hr-azure").json["activation"]

    answer = founder.post("/grants/hr-azure/activate", said, key="once")
    again = founder.post("/grants/hr-azure/activate", said, key="once")
    refused = manager.post("/grants/hr-azure/activate", {**said, "subscription": "mine"})

    assert (before, answer.status_code, again.headers["Idempotency-Replayed"]) == (None, 200, "true")
    assert manager.get("/grants/hr-azure").json["activation"] == answer.json["activation"] == {
        "activated_at": "2026-03-02T16:00:00Z", "subscription": "64e355d7-997c-491d-b0c1-8414dccfcf42",
        "reason": "as the portal says", "entered_at": "2026-06-15T04:00:00Z",
        "entered_by": "founder@harbour-robotics.example",
    }
    assert (refused.status_code, refused.json["field"], refused.json["code"]) == (422, "subscription", "not-a-scope")


def test_the_history_of_an_activation_has_what_was_corrected(manager: Speaker, founder: Speaker, grant: str) -> None:
    said = {"on": "2026-03-03", "subscription": "64e355d7-997c-491d-b0c1-8414dccfcf42"}
    manager.post("/grants/hr-azure/activate", said)
    manager.post("/grants/hr-azure/activate", {**said, "on": "2026-03-05", "reason": "the day was wrong"})

    newest = founder.get("/grants/hr-azure/activations", limit=1).json
    older = founder.get("/grants/hr-azure/activations", limit=1, after=newest["next"]).json

    assert [one["reason"] for one in newest["items"]] == ["the day was wrong"]
    assert newest["items"] == [founder.get("/grants/hr-azure").json["activation"]]
    assert ([one["activated_at"] for one in older["items"]], older["next"]) == (["2026-03-02T16:00:00Z"], None)


def test_a_monthly_allowance_is_awarded_and_voided_whole(manager: Speaker, pool: str) -> None:
    body = {key: value for key, value in AWARD.items() if key != "expires"}
    first = manager.post("/grants", body | {"key": "hr", "amount": "100", "effective": "2026-05-01", "months": 3})

    voided = manager.post(f"/grants/{first.json['key']}/void-series", {"reason": "Left the park"})
    again = manager.post("/grants/hr-m02/void-series", {})

    assert (first.json["key"], first.json["series"], first.json["month"]) == ("hr-m01", "hr", 1)
    assert [(one["key"], one["remaining"]) for one in voided.json["items"]] == [("hr-m02", "0"), ("hr-m03", "0")]
    assert (again.status_code, again.json["items"]) == (200, [])


def test_a_monthly_allowance_is_extended_once(manager: Speaker, pool: str) -> None:
    body = {key: value for key, value in AWARD.items() if key != "expires"}
    manager.post("/grants", body | {"key": "hr", "amount": "100", "effective": "2026-05-01", "months": 3})

    more = manager.post("/grants/hr-m01/extend-series", {"months": 4})
    again = manager.post("/grants/hr-m04/extend-series", {"months": 4})

    assert [(one["key"], one["amount"], one["series"]) for one in more.json["items"]] == [("hr-m04", "100", "hr")]
    assert (again.status_code, again.json["items"]) == (200, [])


def test_who_waits_is_seated_by_a_grant_that_lasts_longer(manager: Speaker, startups: None) -> None:
    make_product("m365", pool="ms-seats")
    make_grant("harbour-robotics", "ms-seats", "1", expires=date(2026, 5, 31), key="hr-seats")
    do(lambda: queue_up(
        open_desk(somebody(), "seat.assign", "harbour-robotics", product="m365"), "ada@harbour.example", "Ada"
    ))

    answer = manager.post("/grants/hr-seats/extend", {"expires": "2026-12-31"})

    assert (answer.status_code, answer.json["drawn"], answer.json["remaining"]) == (200, "1", "0")
