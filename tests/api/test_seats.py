"""Seats and waiting lists through the API."""

from datetime import date

import pytest
from sqlalchemy import select

from creditsvc.config import Config
from creditsvc.db import db
from creditsvc.licences.models import LicenceKey, Product
from tests import factories as make
from tests.api.speaking import ONE_DATABASE, Speaker
from tests.licences.sitting import give, holders, mails, make_product

WHO = {"startup": "harbour-robotics", "product": "m365"}
ADA = {**WHO, "email": "ada@hr.example", "name": "Ada"}


@pytest.fixture
def park(startups: None) -> None:
    make_product()
    give("harbour-robotics", "hr-m365", 2)
    give("lotus-health", "lh-m365", 1)


def test_a_seat_is_assigned_read_transferred_and_released(park: None, manager: Speaker) -> None:
    made = manager.post("/seats", {**ADA, "until": "2026-08-31", "note": "designer"})
    assert (made.status_code, made.headers["Location"]) == (201, "/api/v1/seats/1")
    assert made.json["ends_at"] == "2026-08-31T16:00:00Z"

    other = manager.post("/seats/1/transfer", {"email": "bob@hr.example", "name": "Bob", "at": "2026-07-01"})
    assert (other.status_code, other.json["transferred_from"], other.json["state"]) == (201, 1, "to-come")
    assert manager.get("/seats/1").json["ends_at"] == "2026-06-30T16:00:00Z"
    assert manager.post("/seats/2/release").json["state"] == "taken-back"

    listed = manager.get("/seats", startup="harbour-robotics", at="2026-06-20").json
    assert [item["email"] for item in listed["items"]] == ["ada@hr.example"]
    assert [item["state"] for item in manager.get("/seats").json["items"]] == ["taken", "taken-back"]


@ONE_DATABASE
def test_an_assignment_asked_twice_is_done_once(park: None, manager: Speaker) -> None:
    first, second = manager.post("/seats", ADA, key="once"), manager.post("/seats", ADA, key="once")

    assert first.json == second.json
    assert second.headers["Idempotency-Replayed"] == "true"
    assert holders() == {"ada": "hr-m365"}


@ONE_DATABASE
def test_an_import_of_keys_seats_who_waits_and_a_list_takes_new_ones_where_said(
    park: None, manager: Speaker, config: Config
) -> None:
    make.do(lambda: setattr(db.session.scalars(select(Product)).one(), "delivery", "key"))
    assert manager.post("/seat-wishes", ADA).status_code == 201

    manager.post("/licence-keys", {"pool": "ms-seats", "keys": ["AAAA-11111-BBBB", "CCCC-22222-DDDD"]})
    assert holders() == {"ada": "hr-m365"}
    manager.post("/seats/1/release")
    bob = {**WHO, "people": [{"email": "bob@hr.example", "name": "Bob"}], "new_key": True}
    assert manager.post("/seats/bulk", bob).json["items"][0]["outcome"] == "seated"

    db.session.rollback()
    assert dict(db.session.execute(select(LicenceKey.id, LicenceKey.seat_id)).all()) == {1: 1, 2: 2}


@ONE_DATABASE
def test_a_refusal_names_what_is_free_and_changes_nothing(park: None, manager: Speaker) -> None:
    for who in ("ada", "bob"):
        manager.post("/seats", {**WHO, "email": f"{who}@hr.example", "name": who})

    refused = manager.post("/seats", {**WHO, "email": "eve@hr.example", "name": "Eve"})

    assert (refused.status_code, refused.json["code"]) == (422, "none-free")
    assert refused.json["field"] == "seats"
    assert refused.json["detail"].startswith("0 of 2 seats of m365 are free")


@ONE_DATABASE
def test_many_are_assigned_and_the_rest_waits(park: None, manager: Speaker, config: Config) -> None:
    people = [{"email": f"p{number}@hr.example", "name": f"P{number}"} for number in range(4)]

    answer = manager.post("/seats/bulk", {**WHO, "people": people, "otherwise": "wait"})
    assert [item["outcome"] for item in answer.json["items"]] == ["seated", "seated", "waiting", "waiting"]
    line = manager.get("/seat-wishes", startup="harbour-robotics").json["items"]
    assert [(wish["email"], wish["place"]) for wish in line] == [("p2@hr.example", 1), ("p3@hr.example", 2)]

    assert manager.post(f"/seat-wishes/{line[1]['id']}/place", {"place": 1}).json["place"] == 1
    manager.post("/seats/1/release")

    assert set(holders()) == {"p1", "p3"}
    assert manager.get(f"/seat-wishes/{line[1]['id']}").json["state"] == "seated"
    assert [to for to, _ in mails()] == ["p3@hr.example"]
    assert manager.post("/seats/bulk", {**WHO, "people": people[:1] * 2}).status_code == 422


@ONE_DATABASE
def test_who_waits_withdraws_or_is_seated_by_hand(park: None, manager: Speaker) -> None:
    for who in ("ada", "bob"):
        manager.post("/seats", {**WHO, "email": f"{who}@hr.example", "name": who})
    first = manager.post("/seat-wishes", {**WHO, "email": "eve@hr.example", "name": "Eve"})
    second = manager.post("/seat-wishes", {**WHO, "email": "zoe@hr.example", "name": "Zoe"})
    assert (first.status_code, first.json["place"], second.json["place"]) == (201, 1, 2)

    assert manager.post(f"/seat-wishes/{first.json['id']}/withdraw").json["state"] == "withdrawn"
    assert manager.post(f"/seat-wishes/{second.json['id']}/seat").json["code"] == "none-free"
    give("harbour-robotics", "more", 1)

    assert manager.post(f"/seat-wishes/{second.json['id']}/seat").json["email"] == "zoe@hr.example"


@ONE_DATABASE
def test_lists_go_on_by_pages(park: None, manager: Speaker) -> None:
    for who in ("ada", "bob"):
        manager.post("/seats", {**WHO, "email": f"{who}@hr.example", "name": who})
    for who in ("eve", "zoe"):
        manager.post("/seat-wishes", {**WHO, "email": f"{who}@hr.example", "name": who})

    for address in ("/seats", "/seat-wishes"):
        first = manager.get(address, limit=1).json
        second = manager.get(address, limit=1, after=first["next"]).json
        assert [len(first["items"]), len(second["items"]), second["next"]] == [1, 1, None]
        assert first["items"] != second["items"]


@ONE_DATABASE
def test_a_founder_gives_and_sees_seats_of_their_own_startup(park: None, founder: Speaker, manager: Speaker) -> None:
    other = manager.post("/seats", {**ADA, "startup": "lotus-health"}).json["id"]

    assert founder.post("/seats", ADA).status_code == 201
    assert founder.post("/seats", {**ADA, "startup": "lotus-health"}).status_code == 404
    assert founder.get(f"/seats/{other}").status_code == 404
    assert [item["startup"] for item in founder.get("/seats").json["items"]] == ["harbour-robotics"]
    assert founder.get("/seats", startup="lotus-health").json["items"] == []
    assert founder.get("/seat-wishes", startup="lotus-health").json["items"] == []


@ONE_DATABASE
def test_people_move_to_the_next_grant_and_seats_of_a_filter_are_released(park: None, manager: Speaker) -> None:
    for who in ("ada", "bob"):
        manager.post("/seats", {**WHO, "email": f"{who}@hr.example", "name": who})
    give("harbour-robotics", "hr-2027", 2, date(2027, 1, 1), date(2027, 12, 31))
    move = {"startup": "harbour-robotics", "grant": "hr-m365", "to": "hr-2027", "emails": ["ada@hr.example"]}
    which = {"startup": "harbour-robotics", "domain": "hr.example", "product": "m365"}

    moved = manager.post("/seats/move", move)
    tried = manager.post("/seats/release", {**which, "dry_run": True})

    assert [(item["email"], item["grant"]) for item in moved.json["items"]] == [("ada@hr.example", "hr-2027")]
    assert (tried.json["dry_run"], len(tried.json["items"]), len(holders())) == (True, 3, 2)
    released = manager.post("/seats/release", which).json["items"]
    assert {item["state"] for item in released} == {"taken-back"}  # all at the instant at which they began, or before
    assert holders() == {}
    refused = manager.post("/seats/release", {"startup": "harbour-robotics"})
    assert (refused.status_code, refused.json["code"]) == (422, "no-filter")
