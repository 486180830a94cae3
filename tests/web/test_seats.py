"""The pages of seats and products: what a manager and a founder do on them."""

import io

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import select

from creditsvc.config import Config
from creditsvc.db import db
from creditsvc.licences.models import LicenceKey, Product
from creditsvc.mail.models import OutboxMail
from tests import counting, databases
from tests import factories as make
from tests.api.speaking import ONE_DATABASE
from tests.licences.sitting import add_keys, give, holders, leave, mails, make_park, queue_up, sit
from tests.web.browsing import Browser

PASTE = "/startups/acme/seats/paste"


@pytest.fixture
def manager(app: Flask, browse_as) -> Browser:
    make_park(2)
    return browse_as(make.make_person("lee@park.example", "manager"))


@pytest.fixture
def owner(manager: Browser, browse_as) -> Browser:
    return browse_as(make.make_member("acme", "chan@acme.example"))


def test_a_manager_assigns_transfers_and_releases(manager: Browser) -> None:
    page = manager.submit("/startups/acme/seats/assign", {
        "product": "m365", "email": "ada@acme.example", "name": "Ada", "until": "2026-08-31",
    })
    listed = manager.follow(page)
    assert "The seat is assigned." in listed.text
    assert "Ada ada@acme.example" in listed.text
    assert "31 Aug 2026" in listed.text

    manager.submit("/seats/1/transfer", {"email": "bob@acme.example", "name": "Bob", "at": "2026-07-01"})
    assert holders() == {"ada": "acme-m365"}
    released = manager.follow(manager.submit(manager.get("/startups/acme/seats"), {}, "/seats/2/release"))

    assert "The seat is free." in released.text


@ONE_DATABASE
def test_a_refusal_stands_on_the_page_and_the_waiting_list_is_offered(manager: Browser) -> None:
    sit("ada"), sit("bob")
    typed = {"product": "m365", "email": "eve@acme.example", "name": "Eve"}

    refused = manager.submit("/startups/acme/seats/assign", typed)
    assert refused.status == 422
    assert "0 of 2 seats of m365 are free from 2026-06-15" in refused.text
    waits = manager.follow(manager.submit(refused, {**typed, "wait": "true"}))

    assert "No seat is free: they wait for the next one." in waits.text
    assert "Eve eve@acme.example" in waits.text


@ONE_DATABASE
def test_a_pasted_list_says_of_each_line_what_happened(manager: Browser) -> None:
    people = "ada@acme.example, Ada\nbob@acme.example, Bob\neve@acme.example, Eve"

    bad = manager.submit(PASTE, {"product": "m365", "people": "nobody\n" + people, "otherwise": "wait"})
    assert bad.status == 422
    assert "Line 1, 'nobody'" in bad.text
    done = manager.submit(PASTE, {"product": "m365", "people": people, "otherwise": "wait"})

    assert "2 seated, 1 waiting, 0 left out." in done.text
    assert "waiting: 0 of 2 seats of m365 are free" in done.text


@ONE_DATABASE
def test_the_order_of_who_waits_is_a_managers(manager: Browser, owner: Browser, config: Config) -> None:
    sit("ada"), sit("bob")
    queue_up(config, "eve"), queue_up(config, "zoe")

    assert "Seat now" not in owner.get("/startups/acme/seats").text
    page = manager.submit(manager.get("/startups/acme/seats"), {"place": "1"}, "/seat-wishes/2/place")
    assert "The order is changed." in manager.follow(page).text
    owner.submit(owner.get("/startups/acme/seats"), {}, "/seats/1/release")

    assert set(holders()) == {"bob", "zoe"}
    assert [to for to, _ in mails()] == ["zoe@acme.example", "chan@acme.example"]


@ONE_DATABASE
def test_several_seats_are_released_after_a_look(manager: Browser) -> None:
    sit("ada"), sit("bob")

    look = manager.get("/startups/acme/seats/release?domain=acme.example")
    assert "2 seats would be released" in look.text
    form = look.form("/startups/acme/seats/release")
    done = manager.post(form.action, {**form.fields, "seat": ["1"]})

    assert "1 seat is released." in manager.follow(done).text
    assert set(holders()) == {"bob"}


@ONE_DATABASE
def test_seats_leave_and_come_back_as_files(manager: Browser) -> None:
    sit("ada")
    saved = manager.get("/startups/acme/seats/export/csv")
    assert saved.response.headers["Content-Disposition"] == 'attachment; filename="acme-seats.csv"'
    assert manager.get("/startups/acme/seats/export/xlsx").response.data[:2] == b"PK"
    assert manager.get("/startups/acme/seats/export/pdf").status == 404
    manager.submit(manager.get("/startups/acme/seats"), {}, "/seats/1/release")

    page = manager.submit("/startups/acme/seats/import", {"file": (io.BytesIO(saved.response.data), "seats.csv")})

    assert "1 person is seated." in manager.follow(page).text
    wrong = manager.submit("/startups/acme/seats/import", {"file": (io.BytesIO(b"email\nnobody"), "seats.csv")})
    assert (wrong.status, "seats.csv, line 2" in wrong.text) == (422, True)


@ONE_DATABASE
def test_people_move_to_the_next_grant(manager: Browser) -> None:
    sit("ada")
    give("acme", "next", 1)

    page = manager.submit("/startups/acme/seats/move", {"grant": "acme-m365", "to": "next", "at": "2026-06-15"})

    assert "1 person moves." in manager.follow(page).text
    assert holders() == {"ada": "next"}


@ONE_DATABASE
def test_keys_are_imported_handed_out_and_shown_to_their_holder(
    app: Flask, manager: Browser, browse_as, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.do(lambda: setattr(db.session.query(Product).filter_by(key="m365").one(), "delivery", "key"))
    keys = {"pool": "ms-seats", "file": (io.BytesIO(b"key\nAAAA-11111-BBBB\nCCCC-22222-DDDD\n"), "keys.csv")}
    page = manager.submit(manager.get("/products/m365"), keys, "/products/m365/keys")
    assert "2 keys are imported." in manager.follow(page).text
    assert holders() == {}
    ada = browse_as(make.make_member("acme", "ada@acme.example", role="member"))
    sit("ada"), sit("bob")

    shown = ada.submit(ada.get("/startups/acme/seats"), {}, "/seats/1/key")

    assert "AAAA-11111-BBBB" in shown.text
    assert not [form for form in ada.get("/startups/acme/seats").forms if form.action == "/seats/2/key"]
    token = ada.get("/startups/acme/seats").forms[0].fields["csrf_token"]
    assert ada.post("/seats/2/key", {"csrf_token": token}).status == 403
    assert "CCCC-22222-DDDD" in manager.submit(manager.get("/startups/acme/seats"), {}, "/seats/2/key").text
    assert databases.LICENCE_KEY not in manager.get("/products/m365").html


@ONE_DATABASE
def test_no_mail_no_file_and_no_list_holds_a_key(manager: Browser, config: Config) -> None:
    make.do(lambda: setattr(db.session.query(Product).filter_by(key="m365").one(), "delivery", "key"))
    keys = [f"KEY{number}-QWERT-YUIOP" for number in range(3)]
    file = io.BytesIO("\n".join(["key", *keys]).encode())
    manager.submit(manager.get("/products/m365"), {"pool": "ms-seats", "file": (file, "k.csv")}, "/products/m365/keys")
    make.make_member("acme", "chan@acme.example")
    for who in ("ada", "bob"):
        sit(who)
    queue_up(config, "eve")  # who is seated and told by mail when ada goes
    manager.submit(manager.get("/startups/acme/seats"), {}, "/seats/1/release")

    def files() -> dict[str, str]:
        book = openpyxl.load_workbook(io.BytesIO(manager.get("/startups/acme/seats/export/xlsx").response.data))
        return {
            "csv": manager.get("/startups/acme/seats/export/csv").response.data.decode(),
            "xlsx": repr([list(sheet.values) for sheet in book.worksheets]),
        }

    told = db.session.execute(select(OutboxMail.subject, OutboxMail.text, OutboxMail.html)).all()
    seen = {"mails": repr(told), **files()} | {
        address: manager.get(address).html for address in ("/startups/acme/seats", "/products/m365", "/startups/acme")
    }
    assert len(told) == 2
    assert "eve" in seen["csv"]
    assert [(place, key) for place, text in seen.items() for key in keys if key in text] == []
    assert keys[0] in manager.submit(manager.get("/startups/acme/seats"), {}, "/seats/3/key").text  # ada's is handed on


def leave_a_key_idle(config: Config) -> None:
    """Two keys in the pool, of which ada had one and nobody has it now."""
    make.do(lambda: setattr(db.session.query(Product).filter_by(key="m365").one(), "delivery", "key"))
    add_keys("ms-seats", 2)
    leave(config, sit("ada"))


def test_a_manager_ticks_that_a_new_key_is_to_be_taken(manager: Browser, owner: Browser, config: Config) -> None:
    leave_a_key_idle(config)
    terms = {"product": "m365", "email": "bob@acme.example", "name": "Bob", "new_key": "true"}
    form = next(form for form in owner.get("/startups/acme/seats/assign").forms if "email" in form.fields)
    assert "new_key" not in form.fields
    assert owner.post("/startups/acme/seats/assign", {**form.fields, **terms}).status == 403

    manager.submit("/startups/acme/seats/assign", terms)

    assert sorted(db.session.scalars(select(LicenceKey.seat_id))) == [1, 2]
    leave(config, 2)
    eve = {**terms, "email": "eve@acme.example", "name": "Eve", "wait": "1"}
    refused = manager.submit("/startups/acme/seats/assign", eve)
    assert (refused.status, set(holders())) == (422, set())  # and does not wait, to be given a key that somebody had


@ONE_DATABASE
def test_an_import_of_keys_seats_who_waits_for_one(manager: Browser, config: Config) -> None:
    make.do(lambda: setattr(db.session.query(Product).filter_by(key="m365").one(), "delivery", "key"))
    queue_up(config, "eve")

    keys = {"pool": "ms-seats", "file": (io.BytesIO(b"key\nAAAA-11111-BBBB\n"), "keys.csv")}
    manager.submit(manager.get("/products/m365"), keys, "/products/m365/keys")

    assert set(holders()) == {"eve"}
    assert [to for to, _ in mails()] == ["eve@acme.example"]


@ONE_DATABASE
def test_a_list_is_given_new_keys_by_a_manager_who_says_so(manager: Browser, owner: Browser, config: Config) -> None:
    leave_a_key_idle(config)
    terms = {"product": "m365", "people": "bob@acme.example", "otherwise": "skip", "new_key": "true"}
    form = next(form for form in owner.get("/startups/acme/seats/paste").forms if "otherwise" in form.fields)
    assert "new_key" not in form.fields
    assert owner.post("/startups/acme/seats/paste", {**form.fields, **terms}).status == 403

    waits = manager.submit("/startups/acme/seats/paste", {**terms, "otherwise": "wait"})
    assert waits.status == 422
    assert "Who waits gets a key of the grant" in waits.text
    manager.submit("/startups/acme/seats/paste", terms)

    assert sorted(db.session.scalars(select(LicenceKey.seat_id))) == [1, 2]


@ONE_DATABASE
def test_a_product_is_added_and_edited(manager: Browser) -> None:
    make.make_resource("figma", kind="seats", unit="seat", provider=None)
    said = {"resource": "figma", "publisher": "Figma", "plan": "Organisation", "seat_is": "one editor",
            "delivery": "invitation"}

    page = manager.follow(manager.submit("/new-product", said))
    assert "Figma Organisation" in page.text
    edited = manager.follow(manager.submit("/products/figma/edit", {"plan": "Enterprise", "sku": "FIG-E"}))

    assert "Figma Enterprise" in edited.text
    assert manager.submit("/products/figma/edit", {"plan": ""}).status == 422
    assert "Figma" in manager.get("/products").text


@ONE_DATABASE
def test_publishers_counts_are_compared(manager: Browser) -> None:
    sit("ada")
    make.do(lambda: setattr(db.session.query(Product).filter_by(key="m365").one(), "sku", "SPB"))
    report = b"""{"value": [{"skuId": "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46", "skuPartNumber": "SPB",
      "capabilityStatus": "Enabled", "consumedUnits": 3, "appliesTo": "User", "accountId": "a", "accountName": "a",
      "id": "a_b", "prepaidUnits": {"enabled": 2, "suspended": 0, "warning": 0, "lockedOut": 0}}]}"""

    page = manager.submit("/publishers-counts", {"file": (io.BytesIO(report), "skus.json"), "startup": "acme"})

    shown = manager.follow(page)
    assert "1 plans and 0 people are counted." in shown.text
    assert "more consumed than enabled" in shown.text


@ONE_DATABASE
@pytest.mark.parametrize("address", ["/startups/acme/seats", "/startups/acme", "/products/m365", "/products"])
def test_no_page_of_seats_asks_more_than_a_dozen_things(manager: Browser, config: Config, address: str) -> None:
    sit("ada"), sit("bob")
    queue_up(config, "eve")  # who is seated and told by mail when ada goes
    give("acme", "later", 1)

    assert counting.queries(lambda: manager.get(address)) <= 12
    assert manager.get(address).status == 200


@ONE_DATABASE
def test_a_founder_sees_who_sits_where_and_gives_seats(owner: Browser, browse_as) -> None:
    member = browse_as(make.make_member("acme", "kim@acme.example", role="member"))
    owner.submit("/startups/acme/seats/assign", {"product": "m365", "email": "ada@acme.example", "name": "Ada"})

    assert "Ada ada@acme.example" in member.get("/startups/acme/seats").text
    assert "Assign a seat" not in member.get("/startups/acme/seats").text
    assert "ends with the grant" in owner.get("/startups/acme/seats").text


@ONE_DATABASE
def test_an_award_seats_who_waits_in_the_same_act(manager: Browser, config: Config) -> None:
    sit("ada"), sit("bob")
    queue_up(config, "eve")  # who is seated and told by mail when ada goes

    manager.submit("/startups/acme/award", {"pool": "ms-seats", "amount": "1", "effective": "2026-06-01"})

    assert set(holders()) == {"ada", "bob", "eve"}
    assert [to for to, _ in mails()] == ["eve@acme.example"]
