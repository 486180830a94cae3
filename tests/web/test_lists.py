"""The list's files, views and filters as people meet them: exactly what is filtered, and no cell that is a formula."""

import csv
import io

import openpyxl
import pytest
from flask import Flask

from creditsvc.alerts.startup_conditions import CHOICES
from creditsvc.web.lists import CONDITIONS
from tests import counting, factories
from tests.journeys.scene import make_park
from tests.web.browsing import Browser, Page

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

NAMES = ("=1+1", "+SUM(A1)", "-2", "@cmd", "=HYPERLINK(\"x\")", "Ordinary & <b>", "科技園, 香港")


@pytest.fixture
def manager(app: Flask, browse_as) -> Browser:
    browser: Browser = browse_as(factories.make_person("lee@park.example", "manager"))
    return browser


def csv_rows(page: Page) -> list[list[str]]:
    return list(csv.reader(io.StringIO(page.response.get_data().decode("utf-8-sig"))))


def xlsx_rows(page: Page) -> list[list[object]]:
    sheet = openpyxl.load_workbook(io.BytesIO(page.response.get_data())).worksheets[0]
    return [list(row) for row in sheet.iter_rows(values_only=True)]


def test_files_hold_exactly_what_is_filtered_in_its_order(manager: Browser):
    make_park()
    query = "show=uncovered&resource=azure-credit&sort=-uncovered"

    lines = csv_rows(manager.get(f"/lists/startups.csv?{query}"))
    cells = xlsx_rows(manager.get(f"/lists/startups.xlsx?{query}"))

    view = factories.account_of("lantern-ai")
    assert lines[0][:3] == ["Key", "Name", "Resource"]
    assert [line[0] for line in lines[1:]] == [line[0] for line in cells[1:]] == ["lantern-ai", "tram-logistics"]
    assert lines[1][lines[0].index("Uncovered")] == "5448.48"
    assert view.uncovered == 544_848_000_000
    assert cells[1][lines[0].index("Uncovered")] == 5448.48
    assert len(csv_rows(manager.get("/lists/startups.csv"))) == 9
    assert manager.get("/lists/startups.pdf").status == 404


def test_the_form_offers_each_condition_in_words(manager: Browser):
    page = manager.get("/startups?show=running-out")

    assert sorted(CONDITIONS) == sorted(CHOICES)
    assert [word for word in CHOICES if f'<option value="{word}"' not in page.html] == []
    assert '<option value="running-out" selected>credit that runs out before it ends</option>' in page.html


def test_no_cell_of_a_file_is_a_formula(manager: Browser):
    for number, name in enumerate(NAMES):
        factories.make_startup(f"s-{number}", name)

    written = [row[1] for row in csv_rows(manager.get("/lists/startups.csv"))[1:]]
    cells = [row[1] for row in xlsx_rows(manager.get("/lists/startups.xlsx"))[1:]]

    assert written == cells == [f"'{name}" if name[0] in "=+-@" else name for name in NAMES]


def test_filters_stay_in_the_address_and_become_a_view(manager: Browser):
    make_park()
    page = manager.get("/startups?show=uncovered&sort=name")

    saved = manager.follow(manager.submit(page, {"name": "Bills"}, "/lists/views"))
    renamed = manager.follow(manager.submit(saved, {"name": "On their bill"}, "/lists/views/1/rename"))

    assert "2 startups as filtered." in page.text
    assert 'href="/startups?show=uncovered&amp;sort=-name"' in page.html
    assert 'href="/startups?show=uncovered&amp;sort=name"' in saved.html
    assert "On their bill" in renamed.text
    assert "On their bill" not in manager.follow(manager.submit(renamed, {}, "/lists/views/1/delete")).text


def test_a_balance_without_a_resource_is_refused_at_its_field_and_the_rest_is_shown(manager: Browser):
    make_park()

    page = manager.get("/startups?least=5&q=peak")

    assert page.status == 422
    assert "Say of which resource the balance is" in page.text
    assert "1 startup as filtered" in page.text
    assert counting.queries(lambda: manager.get("/startups?resource=azure-credit&least=5&sort=remaining")) <= 12
