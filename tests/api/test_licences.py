"""Products, keys of licences and publishers' counts over the API."""

import io
from typing import Any

import pytest
from werkzeug.test import TestResponse

from creditsvc.licences.keyring import normalised
from tests import factories
from tests.api.speaking import Speaker
from tests.dumping import dump
from tests.licences.scenes import KEYS, RING, csv_of
from tests.licences.test_count_files import csv_of as users_of
from tests.licences.test_count_files import sku, tenant

PRODUCT = {
    "resource": "m365", "publisher": "Microsoft", "plan": "Business Premium", "seat_is": "one person",
    "delivery": "key", "sku": "SPB",
}


@pytest.fixture(autouse=True)
def seats(startups: None) -> None:
    """A resource of seats, and a pool of it."""
    factories.make_resource("m365", "seats", None, None)
    factories.make_pool("m365-2026", "20", "m365")


def send(speaker: Speaker, place: str, field: str, *files: tuple[str, bytes], key: str | None = None,
         **fields: str) -> TestResponse:
    data: dict[str, Any] = {**fields, field: [(io.BytesIO(content), name) for name, content in files]}
    return speaker.post(place, key=key, data=data, content_type="multipart/form-data")


def test_a_product_is_made_read_and_edited_from_what_was_read(manager: Speaker) -> None:
    made = manager.post("/products", PRODUCT, key="one")
    again = manager.post("/products", PRODUCT, key="one")
    read = manager.get("/products/m365")

    edited = manager.patch("/products/m365", {"sku": None, "plan": "Standard"}, read.headers["ETag"])
    late = manager.patch("/products/m365", {"plan": "Basic"}, read.headers["ETag"])

    assert (made.status_code, made.headers["Location"]) == (201, "/api/v1/products/m365")
    assert (again.headers["Idempotency-Replayed"], again.json) == ("true", made.json)
    assert read.json == made.json == {**PRODUCT, "key": "m365", "resource_name": "m365", "portal": ""}
    assert (edited.status_code, edited.json) == (200, {**read.json, "sku": None, "plan": "Standard"})
    assert late.status_code == 412
    assert [one["key"] for one in manager.get("/products").json["items"]] == ["m365"]


@pytest.mark.parametrize("changed, status, field", [
    ({"delivery": "by hand"}, 422, None), ({"portal": "nowhere"}, 422, "portal"),
    ({"delivery": "portal"}, 422, "portal"),
    ({"resource": "azure-credit"}, 422, "resource"), ({"resource": "none"}, 404, None), ({"plan": ""}, 422, None),
])
def test_a_wrong_product_is_refused_and_nothing_is_made(
    manager: Speaker, changed: dict[str, str], status: int, field: str | None
) -> None:
    factories.make_resource()

    answer = manager.post("/products", {**PRODUCT, **changed})

    assert (answer.status_code, answer.json.get("field")) == (status, field)
    assert manager.get("/products").json["items"] == []


def test_keys_go_in_as_a_list_or_a_file_and_are_only_counted(manager: Speaker, caplog: Any) -> None:
    trial = manager.post("/licence-keys", {"pool": "m365-2026", "keys": KEYS[:2], "dry_run": True}, key="")
    listed = manager.post("/licence-keys", {"pool": "m365-2026", "keys": KEYS[:2]}, key="one")
    again = manager.post("/licence-keys", {"pool": "m365-2026", "keys": KEYS[:2]}, key="one")
    file = send(manager, "/licence-keys/file", "file", ("keys.csv", csv_of(KEYS[2:])), pool="m365-2026")

    assert (trial.status_code, trial.json["dry_run"]) == (200, True)
    assert (listed.status_code, listed.json) == (201, {"pool": "m365-2026", "keys": 2, "dry_run": False})
    assert (again.status_code, again.headers["Idempotency-Replayed"], again.json) == (201, "true", listed.json)
    assert (file.status_code, file.json["keys"]) == (201, 3)
    counted = manager.get("/licence-keys")
    assert counted.json["items"] == [
        {"pool": "m365-2026", "resource": "m365", "free": 5, "handed": 0, "used": 0}
    ]
    said = f"{dump()!r}{caplog.text}{[one.text for one in (trial, listed, again, file, counted)]}".upper()
    assert not [key for key in KEYS if key in said or normalised(key) in said]


def test_known_and_wrong_keys_are_refused_by_their_place_without_the_key(manager: Speaker) -> None:
    manager.post("/licence-keys", {"pool": "m365-2026", "keys": KEYS[:1]})
    before = dump()

    known = manager.post("/licence-keys", {"pool": "m365-2026", "keys": [KEYS[1], KEYS[0].lower()]})
    twice = send(manager, "/licence-keys/file", "file", ("keys.csv", csv_of([KEYS[2]] * 2)), pool="m365-2026")
    long = manager.post("/licence-keys", {"pool": "m365-2026", "keys": [KEYS[0] * 30]})
    none = manager.post("/licence-keys", {"pool": "nothing", "keys": KEYS[1:]})

    assert [(one["line"], one["place"], one["value"]) for one in known.json["errors"]] == [(2, "row", "")]
    assert known.json["errors"][0]["message"] == "is known already, in the pool m365-2026"
    assert [(one["file"], one["line"]) for one in twice.json["errors"]] == [("keys.csv", 3)]
    assert [answer.status_code for answer in (known, twice, long, none)] == [422, 422, 422, 404]
    assert not any(key in answer.text.upper() for key in KEYS for answer in (known, twice, long, none))
    assert dump() == before


def test_only_managers_bring_keys_and_only_staff_count_them(auditor: Speaker, founder: Speaker) -> None:
    body = {"pool": "m365-2026", "keys": KEYS}

    assert [one.post("/licence-keys", body).status_code for one in (auditor, founder)] == [403, 403]
    assert [one.get("/licence-keys").status_code for one in (auditor, founder)] == [200, 403]
    assert RING.fingerprint(KEYS[0]) not in repr(dump())


def test_counts_are_imported_listed_and_compared(manager: Speaker, founder: Speaker) -> None:
    manager.post("/products", PRODUCT)
    skus, users = ("skus.json", tenant(sku(consumed=26))), ("users.csv", users_of("2026-06-01,a@b.example,False,,,SPB"))

    first = send(manager, "/licence-counts", "files", skus, users)
    again = send(manager, "/licence-counts", "files", skus)
    own = send(manager, "/licence-counts", "files", skus, startup="harbour-robotics", counted_on="2026-06-02")

    assert (first.status_code, [one["status"] for one in first.json["items"]]) == (201, ["imported"] * 2)
    assert [one["counted_on"] for one in first.json["items"]] == ["2026-06-15", "2026-06-01"]
    assert (again.status_code, again.json["items"][0]["status"]) == (200, "unchanged")
    assert (own.status_code, own.json["items"][0]["startup"]) == (201, "harbour-robotics")
    page = manager.get("/licence-counts", limit=2).json
    rest = manager.get("/licence-counts", after=page["next"]).json
    assert [one["kind"] for one in page["items"] + rest["items"]] == [
        "subscribed-skus", "active-users", "subscribed-skus"
    ]
    found = manager.get("/licence-counts/comparison").json["findings"]
    assert [(one["kind"], one["startup"], one["email"]) for one in found] == [
        ("over-consumed", None, None), ("unknown", None, "a@b.example"),
        ("over-consumed", "harbour-robotics", None),
    ]
    mine = founder.get("/startups/harbour-robotics/licence-comparison").json
    assert [one["kind"] for one in mine["findings"]] == ["over-consumed"]
    listed = founder.get("/startups/harbour-robotics/licence-counts").json["items"]
    assert [one["id"] for one in listed] == [own.json["items"][0]["id"]]
    for place in ("licence-counts", "licence-comparison"):
        assert founder.get(f"/startups/lotus-health/{place}").status_code == 404


def test_counts_that_are_refused_keep_nothing(manager: Speaker) -> None:
    good, bad = ("skus.json", tenant(sku())), ("other.json", tenant({**sku(), "consumedUnits": "14"}))
    manager.get("/products")  # notes that the token was used
    before = dump()

    refused = send(manager, "/licence-counts", "files", good, bad)
    whose = send(manager, "/licence-counts", "files", ("a.json", b'{"value": [{"skuPartNumber": "SPB"}]}'))
    day = send(manager, "/licence-counts", "files", good, counted_on="2026-06-31")

    assert (refused.status_code, refused.json["errors"][0]["column"]) == (422, "value[0].consumedUnits")
    assert (whose.status_code, whose.json["field"]) == (422, "person")
    assert (day.status_code, day.json["field"]) == (422, "counted_on")
    assert dump() == before
