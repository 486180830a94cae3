"""Lists that go on with `before=`: what is the id of no row gives the first page on each of them."""

from pathlib import Path

import pytest
from flask import Flask

import creditsvc.web
from creditsvc.db import MAX_ID
from creditsvc.web.paging import asked_before
from tests import factories
from tests.journeys.scene import make_park

ONE_DATABASE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

NO_ROWS = ("0", "-1", str(10**30), "x", "", "1.5", str(MAX_ID + 1))
GOING_ON = (
    "/book/batches", "/trail", "/people/1", "/pools/ms-azure-2026", "/startups/harbour-robotics/why/azure-credit",
)
ALL_LISTS = (*GOING_ON, "/outbox?show=all", "/proposals?show=all", "/requests?show=all", "/usage")


@ONE_DATABASE
def test_what_is_the_id_of_no_row_is_as_if_it_were_not_asked(app: Flask):
    def asked(text: str) -> int | None:
        with app.test_request_context(query_string={"before": text}):
            return asked_before()

    assert {asked(text) for text in NO_ROWS} == {None}
    assert [asked("1"), asked(str(MAX_ID))] == [1, MAX_ID]


@ONE_DATABASE
def test_each_list_begins_at_the_newest_for_what_is_the_id_of_no_row(app: Flask, browse_as):
    make_park()
    browser = browse_as(factories.make_person("root@park.example", "administrator"))

    def read(address: str, before: str) -> tuple[int, str]:
        page = browser.get(f"{address}{'&' if '?' in address else '?'}before={before}")
        return page.status, page.text

    first = {address: (200, browser.get(address).text) for address in ALL_LISTS}

    assert [address for address in ALL_LISTS for text in NO_ROWS if read(address, text) != first[address]] == []
    assert [address for address in GOING_ON if read(address, "1") == first[address]] == []


def test_no_page_reads_it_in_a_way_of_its_own():
    doors = sorted(Path(creditsvc.web.__file__).parent.glob("*.py"))

    assert [path.name for path in doors if 'args.get("before"' in path.read_text("utf-8")] == ["paging.py"]
