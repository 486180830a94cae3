"""Seats as a shell sees them."""

from datetime import date

import pytest
from sqlalchemy import select

from creditsvc.db import db
from creditsvc.licences.models import LicenceKey
from tests import factories as make
from tests.conftest import NOW
from tests.jobs.shell import run
from tests.licences.sitting import FIRST, give, holders, make_park, make_product, queue_up, sit


@pytest.fixture
def park(app, monkeypatch):
    monkeypatch.setattr("creditsvc.clock.now", lambda: NOW)
    make_park(2)


def test_people_are_seated_listed_and_released(park, config):
    said = run(config, "licences", "assign", "acme", "ada@acme.example,Ada", "--product", "m365", "--json")
    assert (said.code, said.document["people"][0]["outcome"]) == (0, "seated")
    seat = said.document["people"][0]["seat_id"]
    listed = run(config, "licences", "assign", "acme", "--product", "m365", "--list", "-", "--otherwise", "wait",
                 given="bob@acme.example, Bob\neve@acme.example, Eve\n")
    assert "waiting: 0 of 2 seats" in listed.out

    shown = run(config, "licences", "seats", "acme")
    assert "Ada <ada@acme.example>" in shown.out
    assert "2026-12-31 (grant)" in shown.out
    assert "1. waits for m365: Eve" in shown.out
    released = run(config, "licences", "release", seat)

    assert "is free from" in released.out
    document = run(config, "licences", "seats", "acme", "--json").document
    assert [row["name"] for row in document["seats"]] == ["Bob", "Eve"]
    assert document["waiting"] == []
    assert run(config, "licences", "seats", "acme", "--at", FIRST.isoformat(), "--json").document["seats"] == []


def test_an_import_of_keys_seats_who_waits_and_new_keys_are_taken_where_said(app, config, tmp_path, monkeypatch):
    monkeypatch.setattr("creditsvc.clock.now", lambda: NOW)
    make.make_startup("acme", "Acme")
    make_product(delivery="key")
    give("acme", "acme-m365", 2)
    queue_up(config, "ada")
    file = tmp_path / "keys.csv"
    file.write_text("key\nAAAA-11111-BBBB\nCCCC-22222-DDDD\n")

    tried = run(config, "licences", "import-keys", file, "--pool", "ms-seats", "--dry-run")
    assert (tried.code, holders()) == (0, {})
    run(config, "licences", "import-keys", file, "--pool", "ms-seats")
    assert holders() == {"ada": "acme-m365"}
    run(config, "licences", "release", 1)
    said = run(config, "licences", "assign", "acme", "bob@acme.example,Bob", "--product", "m365", "--new-key")
    assert (said.code, said.err) == (0, "")

    db.session.rollback()
    assert dict(db.session.execute(select(LicenceKey.id, LicenceKey.seat_id)).all()) == {1: 1, 2: 2}


def test_a_refusal_is_printed_and_changes_nothing(park, config):
    sit("ada"), sit("bob")

    said = run(config, "licences", "assign", "acme", "eve@acme.example", "--product", "m365")

    assert said.code == 1
    assert "line 1, eve@acme.example: 0 of 2 seats of m365 are free" in said.err
    assert run(config, "licences", "assign", "acme", "x@acme.example", "--list", "-", given="").code == 2
    assert run(config, "licences", "release", 99).code == 1


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_seats_go_to_a_file_and_come_from_one(park, config, tmp_path, kind):
    seat = sit("ada", note="=1+1")
    file = tmp_path / f"seats.{kind}"
    assert run(config, "licences", "export-seats", "acme", file).out == "1 seats are written.\n"
    run(config, "licences", "release", seat)

    tried = run(config, "licences", "import-seats", file, "--startup", "acme", "--dry-run")
    assert "nothing is kept" in tried.out
    assert holders() == {}
    done = run(config, "licences", "import-seats", file, "--startup", "acme", "--json")

    assert done.document["seated"] == 1
    assert holders() == {"ada": "acme-m365"}
    assert run(config, "licences", "export-seats", "acme", tmp_path / "seats.pdf").code == 1


def test_seats_go_to_others_to_the_next_grant_and_back_by_a_filter(park, config):
    give("acme", "acme-2027", 2, date(2027, 1, 1), date(2027, 12, 31))
    sit("ada")
    bob = sit("bob")
    waits = run(config, "licences", "wait", "acme", "eve@acme.example", "--name", "Eve", "--product", "m365")
    assert "m365: waiting, place 1." in waits.out

    given = run(config, "licences", "transfer", bob, "joe@acme.example", "--name", "Joe", "--json")
    assert given.document["transferred_from"] == bob
    moved = run(config, "licences", "move", "acme", "acme-m365", "acme-2027", "ada@acme.example", "--json")
    assert [(row["email"], row["from_at"]) for row in moved.document["seats"]] == [
        ("ada@acme.example", "2026-12-31T16:00:00Z")
    ]
    filtered = ("licences", "release-matching", "acme", "--grant", "acme-m365")
    tried = run(config, *filtered, "--dry-run", "--json").document
    assert {row["email"] for row in tried["seats"]} == {"ada@acme.example", "joe@acme.example"}
    assert run(config, *filtered).out.endswith("2 seats released.\n")

    assert holders() == {"eve": "acme-m365"}
    assert run(config, "licences", "release-matching", "acme").code == 1
    assert run(config, *filtered[:-1], "none").out == "No seat is like that.\n"
