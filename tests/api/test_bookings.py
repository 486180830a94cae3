"""Bookings through the API: the whole way of a session, once per key, as the document says."""

from datetime import timedelta

import pytest

from creditsvc import clock
from tests import factories as make
from tests.api.conftest import new_token
from tests.api.speaking import Speaker
from tests.consulting.scenes import MORNING, fill, hours

OVER = MORNING + timedelta(hours=2)
WANTED = {"startup": "acme", "consultant": "lee", "topic": "Cloud costs", "starts": "2026-06-17T09:00:00+08:00",
          "minutes": 60}


@pytest.fixture
def speakers(nobody: Speaker) -> dict[str, Speaker]:
    """The startup's founder, its consultant, a manager."""
    fill()
    make.make_member("acme", "founder@acme.example")
    make.make_person("boss@park.example", "manager")
    emails = {"founder": "founder@acme.example", "lee": "lee@park.example", "boss": "boss@park.example"}
    return {name: nobody.bearing(new_token(email)) for name, email in emails.items()}


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch):
    """Lets the session be over."""
    return lambda: monkeypatch.setattr(clock, "now", lambda: OVER)


def test_a_session_from_its_slot_to_its_end(speakers: dict[str, Speaker], later):
    founder, lee, boss = speakers["founder"], speakers["lee"], speakers["boss"]
    people = founder.get("/consultants").json["items"]
    assert [(one["key"], one["rate"]) for one in people] == [("lee", None), ("wong", None)]
    slots = founder.get("/consultants/lee/slots", **{"from": "2026-06-17", "to": "2026-06-17", "minutes": 60}).json
    assert slots["items"][0] == {"starts_at": "2026-06-17T01:00:00Z", "ends_at": "2026-06-17T02:00:00Z"}

    made = founder.post("/bookings", WANTED)
    assert (made.status_code, made.json["state"], made.json["minutes"]) == (201, "booked", 60)
    uid = made.json["uid"]
    assert made.headers["Location"] == f"/api/v1/bookings/{uid}"
    moved = founder.post(f"/bookings/{uid}/move", {"starts": "2026-06-17T01:30:00Z", "minutes": 90}).json
    assert (moved["starts_at"], moved["sequence"], moved["minutes"]) == ("2026-06-17T01:30:00Z", 1, 90)
    later()
    assert lee.post(f"/bookings/{uid}/log", {"minutes": 80, "note": "done"}).json["state"] == "logged"
    assert founder.post(f"/bookings/{uid}/dispute", {"reason": "shorter"}).json["dispute"] == "shorter"
    assert founder.post(f"/bookings/{uid}/decide", {"minutes": 60, "reason": "x"}).status_code == 403
    assert boss.post(f"/bookings/{uid}/decide", {"minutes": 60, "reason": "x"}).json["settled_minutes"] == 60
    corrected = boss.post(f"/bookings/{uid}/correct", {"minutes": 45, "reason": "looked it up"}).json

    assert (corrected["state"], corrected["settled_minutes"]) == ("confirmed", 45)
    assert hours(OVER).drawn == 45


def test_a_session_that_nobody_booked_is_kept_by_managers_alone(speakers: dict[str, Speaker], later):
    later()
    body = {**WANTED, "minutes": 50, "note": "by the way"}

    made = speakers["boss"].post("/unbooked-sessions", body)

    assert (made.status_code, made.json["state"], made.json["settled_minutes"]) == (201, "confirmed", 50)
    assert speakers["founder"].post("/unbooked-sessions", body).status_code == 403
    assert speakers["lee"].post("/unbooked-sessions", body).status_code == 404
    assert hours(OVER).drawn == 50


def test_the_same_booking_asked_twice_is_made_once(speakers: dict[str, Speaker]):
    first, second = (speakers["founder"].post("/bookings", WANTED, key="one") for _ in range(2))

    assert (first.json, second.headers["Idempotency-Replayed"]) == (second.json, "true")
    assert hours().held == 60


def test_what_does_not_fit_is_refused_at_its_field(speakers: dict[str, Speaker]):
    founder = speakers["founder"]
    founder.post("/bookings", {**WANTED, "minutes": 480})

    taken = founder.post("/bookings", WANTED)
    too_much = founder.post("/bookings", {**WANTED, "consultant": "wong", "minutes": 180})

    assert (taken.status_code, taken.json["field"], taken.json["code"]) == (409, "starts", "not-free")
    assert (too_much.status_code, too_much.json["code"]) == (422, "not-available")
    assert too_much.json["detail"] == "2 hours can be booked for 2026-06-17, not 3"


def test_bookings_are_listed_by_their_start_in_pages(speakers: dict[str, Speaker]):
    founder = speakers["founder"]
    uids = [
        founder.post("/bookings", {**WANTED, "starts": f"2026-06-17T{hour}:00:00+08:00"}).json["uid"]
        for hour in ("14", "10", "12")
    ]
    founder.post(f"/bookings/{uids[2]}/cancel")

    first = founder.get("/bookings", limit=2, startup="acme").json
    rest = founder.get("/bookings", limit=2, startup="acme", after=first["next"]).json

    assert [one["uid"] for one in first["items"] + rest["items"]] == [uids[1], uids[2], uids[0]]
    assert rest["next"] is None
    assert [one["uid"] for one in founder.get("/bookings", state="cancelled").json["items"]] == [uids[2]]
    assert founder.get("/bookings", **{"from": "2026-06-17T13:00:00+08:00"}).json["items"][0]["uid"] == uids[0]
    assert speakers["lee"].get("/bookings", consultant="wong").json["items"] == []
    assert founder.get(f"/bookings/{uids[0]}").json["consultant"] == "lee"
    assert founder.get("/bookings", after="nothing").status_code == 422


def test_a_no_show_and_a_confirmation_without_a_body(speakers: dict[str, Speaker], later):
    founder, lee = speakers["founder"], speakers["lee"]
    missed = founder.post("/bookings", WANTED).json["uid"]
    other = {**WANTED, "consultant": "wong", "starts": "2026-06-17T10:30:00+08:00"}
    held = founder.post("/bookings", other).json["uid"]
    later()

    assert lee.post(f"/bookings/{missed}/no-show").json["settled_minutes"] == 60
    assert lee.post(f"/bookings/{held}/no-show").status_code == 404
    assert founder.post(f"/bookings/{held}/confirm").status_code == 409
