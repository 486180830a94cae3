"""Seats from the import of keys to the comparison with the publisher's counts, in a real browser."""

import json
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from creditsvc.db import db
from creditsvc.licences import waiting
from tests import factories
from tests.journeys import scene
from tests.journeys.test_journeys import OpenPage, barriers, sign_in
from tests.licences.sitting import give, mails, make_product, sit

STARTUP = "harbour-robotics"
PEOPLE = [(f"p{number}@harbour-robotics.example", f"Person {number}") for number in range(1, 11)]
PAGES = (
    "/products", "/products/suite", "/new-product", "/products/suite/edit", "/publishers-counts",
    f"/startups/{STARTUP}", *(f"/startups/{STARTUP}/seats{page}" for page in (
        "", "/assign", "/paste", "/release?domain=harbour-robotics.example", "/move", "/import",
    )), "/seats/1/transfer",
)


@pytest.fixture
def seats(park: Flask) -> None:
    """Nine seats of a product that comes by key."""
    product = make_product("suite", delivery="key")
    give(STARTUP, "harbour-robotics-suite", 9)
    factories.do(lambda: setattr(db.session.merge(product), "sku", "SPB"))


def keys_file(folder: Path) -> Path:
    path = folder / "keys.csv"
    path.write_text("key\n" + "".join(f"QWERT-{number:05d}-YUIOP\n" for number in range(10)), encoding="utf-8")
    return path


def counts_file(folder: Path) -> Path:
    """The publisher has one seat more in use than there are, by its own count."""
    sku = {
        "skuId": "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46", "skuPartNumber": "SPB", "capabilityStatus": "Enabled",
        "consumedUnits": 10, "appliesTo": "User", "accountId": "a", "accountName": "a", "id": "a_b",
        "prepaidUnits": {"enabled": 8, "suspended": 0, "warning": 0, "lockedOut": 0},
    }
    path = folder / "subscribed-skus.json"
    path.write_text(json.dumps({"value": [sku]}), encoding="utf-8")
    return path


def row_of(page: Page, name: str) -> Page:
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name))


def test_a_manager_seats_ten_people_in_nine_seats_and_compares(
    seats: None, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page()
    sign_in(page, scene.MANAGER)
    page.get_by_role("link", name="Services").click()
    page.get_by_role("link", name="suite").click()
    page.get_by_label("File").set_input_files(keys_file(tmp_path))
    page.get_by_role("button", name="Import the keys").click()
    expect(page.get_by_role("status")).to_contain_text("10 keys are imported.")

    page.get_by_role("link", name=STARTUP).first.click()
    page.get_by_role("link", name="Paste a list").click()
    page.get_by_label("People").fill("\n".join(f"{email}, {name}" for email, name in PEOPLE))
    page.get_by_label("Where no seat is free").select_option("wait")
    page.get_by_role("button", name="Assign the seats").click()
    expect(page.get_by_role("status")).to_contain_text("9 seated, 1 waiting, 0 left out.")
    expect(row_of(page, "Person 10")).to_contain_text("0 of 9 seats of suite are free")

    page.get_by_role("link", name="To the seats").click()
    page.get_by_role("button", name="Release Person 3, suite").click()
    expect(page.get_by_role("status")).to_contain_text("The seat is free.")
    expect(row_of(page, "Person 10")).to_contain_text("seated")
    expect(page.get_by_text("Nobody waits.")).to_be_visible()
    assert mails() == [
        ("p10@harbour-robotics.example", "A seat of Microsoft SUITE is yours"),
        (scene.FOUNDER, "Person 10 has a seat of Microsoft SUITE now"),
    ]

    page.get_by_role("button", name="Show the key Person 10").click()
    expect(page.get_by_text("QWERT-00002-YUIOP")).to_be_visible()  # of the seat that was released: it was seen
    page.get_by_role("link", name="Services").click()
    page.get_by_role("link", name="Publishers' counts").click()
    page.get_by_label("Report").set_input_files(counts_file(tmp_path))
    page.get_by_label("Startup").fill(STARTUP)
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("region", name="What differs")).to_contain_text("more assigned than enabled")
    expect(page.get_by_role("region", name="What differs")).to_contain_text("more consumed than enabled")


def test_a_founder_gives_a_seat_and_sees_until_when(seats: None, open_page: OpenPage, tmp_path: Path) -> None:
    manager = open_page()
    sign_in(manager, scene.MANAGER)
    manager.goto("/products/suite")
    manager.get_by_label("File").set_input_files(keys_file(tmp_path))
    manager.get_by_role("button", name="Import the keys").click()
    page = open_page(360)
    sign_in(page, scene.FOUNDER)
    page.get_by_role("link", name="Seats", exact=True).click()
    page.get_by_role("link", name="Assign a seat").click()
    page.get_by_label("Mail address").fill(scene.FOUNDER)
    page.get_by_label("Name").fill("M. Chan")
    page.get_by_role("button", name="Assign the seat").click()

    expect(page.get_by_role("status")).to_contain_text("The seat is assigned.")
    expect(row_of(page, "M. Chan")).to_contain_text("ends with the grant")
    page.get_by_role("button", name="Show the key M. Chan").click()
    expect(page.get_by_text("QWERT-00000-YUIOP")).to_be_visible()


@pytest.fixture
def waiting_line(seats: None) -> None:
    """One who sits and one who waits, so that every piece of the pages shows."""
    factories.do(lambda: setattr(db.session.merge(make_product("office", pool="office-seats")), "sku", "OFF"))
    give(STARTUP, "harbour-robotics-office", 1, pool="office-seats")
    sit("ada", STARTUP, product="office")
    factories.do(lambda: waiting.queue_up(
        waiting.open_desk(factories.somebody(), "seat.assign", STARTUP, product="office"), "bob@acme.example", "Bob"
    ))


@pytest.mark.parametrize("width", [1280, 360])
def test_no_page_of_seats_is_too_wide_or_a_barrier(waiting_line: None, open_page: OpenPage, width: int) -> None:
    page = open_page(width)
    sign_in(page, scene.MANAGER)

    wide, nameless, found = [], [], []
    for address in PAGES:
        page.goto(address)
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wide.append(address)
        nameless += page.evaluate(
            "Array.from(document.querySelectorAll('input:not([type=hidden]), select, textarea'))"
            ".filter(field => !field.labels.length).map(field => location.pathname + ' ' + field.name)"
        )
        found += barriers(page) if width == 360 else []  # of a wide screen: test_axe.py

    assert (wide, nameless, found) == ([], [], [])
