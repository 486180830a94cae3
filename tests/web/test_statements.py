"""A statement as a page, a PDF and a workbook: the same figures in each, and those of the book."""

import io
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from flask import Flask

from creditsvc.core.amounts import MONEY_STEPS, shown_amount
from creditsvc.core.days import starts_at
from creditsvc.statements.reading import Statement, statement
from creditsvc.usage.operations import apply_run, read_source
from creditsvc.usage.readers.source import open_source
from tests import factories
from tests.conftest import NOW
from tests.factories import do, somebody
from tests.ledger.holdings import award, correct, make_park, one_a_week, use
from tests.pdf_text import text_of
from tests.usage.exports import focus_row, write_focus
from tests.usage.importing import assign
from tests.web.browsing import Browser

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

SCOPE = "64e355d7-997c-491d-b0c1-8414dccfcf42"
PERIOD = "from=2026-03-01&to=2026-06-15"


@pytest.fixture
def founder(app: Flask, tmp_path: Path, browse_as) -> Browser:
    factories.make_startup("harbour", "=Harbour Robotics")
    pool = factories.make_pool("ms-azure", resource=factories.make_resource(name="Azure credit").key)
    factories.make_grant("harbour", pool.key, "100", effective=date(2026, 3, 1), key="hr-azure", reason="=1+1")
    do(lambda: factories.grants.top_up_grant(somebody(), "hr-azure", amount="0.00000001", reason="@home"))
    assign(SCOPE, "harbour", NOW - timedelta(days=100), NOW)
    rows = [focus_row(date(2026, 6, 10) + timedelta(days=n), SCOPE, "33.33333333") for n in range(4)]
    do(lambda: apply_run(somebody(), read_source(open_source(write_focus(tmp_path / "june.csv", rows)))))
    factories.make_resource("advice", "hours", "hour", None, name="Legal advice")
    factories.make_grant("harbour", factories.make_pool(resource="advice").key, "3", key="hr-hours")
    return browse_as(factories.make_member("harbour", "founder@harbour.example"))


def told() -> Statement:
    return do(lambda: statement(somebody(), "harbour", first=date(2026, 3, 1)))


def sheets(founder: Browser) -> dict[str, list[tuple[object, ...]]]:
    answer = founder.get(f"/startups/harbour/statement.xlsx?{PERIOD}").response
    book = openpyxl.load_workbook(io.BytesIO(answer.get_data()))
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets}


def steps(cell: object) -> Decimal:
    return Decimal(str(cell)) * MONEY_STEPS


def test_the_sums_of_the_workbook_are_those_of_the_book_to_the_last_step(founder: Browser):
    account = next(one for one in told().accounts if one.view.unit.is_money)
    book = sheets(founder)

    _head, *lines = book["Azure credit"]
    summary = next(line for line in book["Summary"] if line[0] == "Azure credit")

    assert sum(steps(line[6]) for line in lines) == account.closing - account.opening
    assert sum(steps(line[8]) for line in lines) == account.drawn == account.view.drawn
    assert sum(steps(line[9]) for line in lines) == account.uncovered == account.view.uncovered > 0
    assert steps(lines[-1][7]) == account.closing == account.view.remaining
    assert [steps(cell) for cell in summary[2:6]] == [
        account.opening, account.drawn, account.uncovered, account.closing
    ]
    assert summary[11] == account.view.batch


def test_the_pdf_and_the_page_say_what_the_book_says(founder: Browser):
    answer = founder.get(f"/startups/harbour/statement.pdf?{PERIOD}")
    shown = text_of(answer.response.get_data()).replace("\N{NO-BREAK SPACE}", " ").replace("\n", " ")
    page = founder.get(f"/startups/harbour/statement?{PERIOD}")

    assert answer.response.mimetype == "application/pdf"
    for account in told().accounts:
        for entry in account.entries:
            for amount in (entry.remaining, entry.amount):
                text = shown_amount(amount, account.view.unit)
                assert text in shown
                assert text in page.text
    assert "=Harbour Robotics" in shown
    assert "Batch" in shown


def test_in_another_language_the_words_change_and_the_figures_do_not(founder: Browser):
    chinese = {"Accept-Language": "zh-Hant"}
    answer = founder.get(f"/startups/harbour/statement.pdf?{PERIOD}", headers=chinese).response
    shown = text_of(answer.get_data()).replace("\N{NO-BREAK SPACE}", " ")
    book = openpyxl.load_workbook(io.BytesIO(
        founder.get(f"/startups/harbour/statement.xlsx?{PERIOD}", headers=chinese).response.get_data()
    ))

    account = next(one for one in told().accounts if one.view.unit.is_money)
    assert "Remaining" not in shown
    assert shown_amount(account.drawn, account.view.unit) in shown
    lines = list(book["Azure credit"].iter_rows(values_only=True))
    assert "Remaining" not in lines[0]
    assert sum(steps(line[8]) for line in lines[1:]) == account.drawn


def test_text_that_would_be_a_formula_is_neutralised_and_numbers_stay_numbers(founder: Browser):
    book = sheets(founder)
    cells = [cell for lines in book.values() for line in lines for cell in line]

    assert "'@home" in cells
    assert "'=Harbour Robotics" in cells
    assert not [cell for cell in cells if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t"))]
    assert [cell for line in book["Legal advice"][1:] for cell in line[5:8] if isinstance(cell, str)] == []


def test_an_amount_of_more_digits_than_a_spreadsheet_keeps_stands_as_text(founder: Browser):
    factories.make_pool("big", "99999999")
    factories.make_grant("harbour", "big", "12345678.12345678", key="hr-big")

    cells = [cell for line in sheets(founder)["Azure credit"] for cell in line]

    assert "12345678.12345678" in cells


def test_a_file_of_a_period_that_is_refused_says_why_and_an_unknown_kind_is_not_there(founder: Browser):
    assert founder.get("/startups/harbour/statement.pdf?from=2026-06-15&to=2026-06-01").status == 422
    assert founder.get("/startups/harbour/statement.doc").status == 404


@pytest.fixture
def spring(app: Flask, browse_as) -> Browser:
    """A startup whose hours and seats run out on 29 June at the present pace."""
    make_park()
    award("hours", "advice", 1_200, starts_at(date(2026, 3, 1)), starts_at(date(2027, 1, 1)))
    correct(*(use(f"booking:{week}", 120, NOW - timedelta(days=7 * week + 3), "excess") for week in range(8)))
    one_a_week(award("seats", "spring", 11, starts_at(date(2026, 3, 1)), starts_at(date(2027, 1, 1))))
    return browse_as(factories.make_member("acme", "founder@acme.example"))


def test_a_statement_up_to_now_says_what_is_forecast_in_each_form(spring: Browser):
    page = spring.get(f"/startups/acme/statement?{PERIOD}").text
    pdf = text_of(spring.get(f"/startups/acme/statement.pdf?{PERIOD}").response.get_data())
    printed = " ".join(pdf.replace("\N{NO-BREAK SPACE}", " ").split())
    file = spring.get(f"/startups/acme/statement.xlsx?{PERIOD}").response.get_data()
    sums = {line[0]: line[12:] for line in openpyxl.load_workbook(io.BytesIO(file))["Summary"].values}

    for words in (
        "Runs out about 29 Jun 2026", "the last 8 whole weeks up to 14 Jun 2026: 2 hours in a usual week",
        "No seat free from about 29 Jun 2026", "seats given: 8, released: 0.",
    ):
        assert words in page
        assert words in printed
    assert sums["Account"] == ("Runs out about", "At the earliest", "At the latest", "Will expire unused")
    assert {key: day(sums[key][0]) for key in ("Hours", "Seats")} == dict.fromkeys(("Hours", "Seats"), "2026-06-29")
    assert sums["Seats"][3] == 0


def test_a_statement_of_a_past_period_forecasts_nothing(spring: Browser):
    page = spring.get("/startups/acme/statement?from=2026-03-01&to=2026-06-10").text

    assert "Runs out" not in page
    assert "No seat free" not in page


def day(cell: object) -> str:
    return str(cell)[:10]
