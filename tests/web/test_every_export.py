"""Every file for spreadsheets that the service gives: found from its own addresses, and no cell of any is a formula."""

import csv
import inspect
import io
import re
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import select

import creditsvc
from creditsvc.core.spreadsheets import FORMULAS
from creditsvc.db import db
from creditsvc.parties.models import Startup, StartupProgramme
from tests import factories as make
from tests.consulting.scenes import MORNING, add_consultant, book
from tests.licences.sitting import give, make_product, sit
from tests.web.browsing import Browser

ONE_DATABASE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

HOSTILE = (
    "=1+1", "+SUM(A1)", "-2+3", "@cmd", "=HYPERLINK(\"https://evil.example\")", "=cmd|' /C calc'!A0", "＝1+1", "－2+3",
    "-2",
)
STARTUP = "acme"
EXPORTS = {
    "lists.export": ("csv", "xlsx"), "sessions.export": ("csv", "xlsx"), "statements.export": ("xlsx",),
    "pools.report_book": ("xlsx",), "seats.export": ("csv", "xlsx"), "audit.copy": ("zip",),
    "month_ends.export": ("xlsx",),
}
"""The addresses that give a file for a spreadsheet, and of which kinds; what is new is added here and read below."""

SAID = {"lists.export": HOSTILE[0], "sessions.export": HOSTILE[2], "statements.export": HOSTILE[0],
        "seats.export": HOSTILE[5], "month_ends.export": HOSTILE[0]}
"""A hostile text that stands in that export of the park; the others hold keys, hashes and figures alone."""


def addresses_of_files(app: Flask) -> set[str]:
    """The endpoints that may answer with a file for a spreadsheet, by their address or by what their code names."""
    found = set()
    for rule in app.url_map.iter_rules():
        ends = re.search(r"[./](csv|xlsx|zip|<kind>)$", rule.rule)
        code = inspect.getsource(inspect.unwrap(app.view_functions[rule.endpoint]))
        if "GET" in (rule.methods or ()) and (ends or re.search(r"\b(XLSX|CSV)\b|text/csv|csv_file|book_of", code)):
            found.add(rule.endpoint)
    return found


@pytest.fixture
def park(app: Flask) -> dict[str, Browser]:
    """Startups, people, seats, sessions and a pool whose every free text is hostile; a browser for each role."""
    partner = make.make_partner("microsoft", HOSTILE[0])
    pool = make.make_pool("ms-azure", partner=partner.key, resource=make.make_resource(name=HOSTILE[1]).key)
    for number, name in enumerate(HOSTILE):
        key = STARTUP if not number else f"s-{number}"
        make.make_startup(key, name)
        make.make_grant(key, pool.key, "9", reason=HOSTILE[3])
    programme = make.make_programme(STARTUP)  # with the key of the startup, by which all addresses are made
    startup_id = make.do(lambda: db.session.scalars(select(Startup.id).where(Startup.key == STARTUP)).one())
    make.do(lambda: db.session.add(StartupProgramme(startup_id=startup_id, programme_id=programme.id)))
    make_product()
    give(STARTUP, "acme-m365", 9)
    for number, text in enumerate(HOSTILE):
        sit(f"p{number}", note=text)
    make.make_resource("consulting", "hours", None, None)
    make.make_grant(STARTUP, make.make_pool("hours", "100", resource="consulting").key, "20")
    make.make_person("lee@park.example", "consultant")
    make.do(lambda: add_consultant("lee"))
    for number, text in enumerate(HOSTILE):
        book(MORNING + timedelta(hours=number % 8, days=number // 8), 30, topic=text)
    people = {role: make.make_person(f"{role}@park.example", role) for role in ("administrator", "manager", "auditor")}
    people["partner"] = make.make_person("viewer@park.example", "partner", partner_id=partner.id)
    people["consultant"] = make.consultant("lee")
    people |= {role: make.make_member(STARTUP, f"{role}@acme.example", role) for role in ("owner", "member")}
    return {role: Browser(app).signed_in(person) for role, person in people.items()}


def cells_of(kind: str, content: bytes) -> list[str]:
    """The texts of a file: all cells of a CSV, those of a workbook that are no numbers or days."""
    if kind == "csv":
        return [cell for row in csv.reader(io.StringIO(content.decode("utf-8-sig"))) for cell in row]
    if kind == "zip":
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            return [cell for name in packed.namelist() if name.endswith(".csv")
                    for cell in cells_of("csv", packed.read(name))]
    book = openpyxl.load_workbook(io.BytesIO(content))
    cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f" or cell.hyperlink]
    return [cell.value for cell in cells if isinstance(cell.value, str)]


def files(app: Flask, park: dict[str, Browser]) -> Iterator[tuple[str, str, str, bytes]]:
    """Each export with its kind, whose it is and its bytes, for every role that has it."""
    for endpoint, kinds in EXPORTS.items():
        [rule] = app.url_map.iter_rules(endpoint)
        for kind in kinds:
            given = {"key": STARTUP, "kind": kind, "month": "2026-06"}
            values = {name: value for name, value in given.items() if name in rule.arguments}
            with app.test_request_context():
                address = app.url_for(endpoint, **values)
            for role, browser in park.items():
                answer = browser.get(address).response
                if answer.status_code == 200:
                    yield endpoint, kind, role, answer.get_data()


@ONE_DATABASE
def test_no_export_is_unknown_to_this_test(app: Flask) -> None:
    assert addresses_of_files(app) == set(EXPORTS)


@ONE_DATABASE
def test_no_cell_of_any_export_of_any_role_is_a_formula(app: Flask, park: dict[str, Browser]) -> None:
    seen: dict[str, list[str]] = {}
    for endpoint, kind, role, content in files(app, park):
        cells = cells_of(kind, content)
        assert [cell for cell in cells if cell.startswith(FORMULAS)] == [], (endpoint, kind, role)
        seen[f"{endpoint} {kind} {role}"] = cells

    assert {tuple(name.split()[:2]) for name, cells in seen.items() if cells} == {
        (endpoint, kind) for endpoint, kinds in EXPORTS.items() for kind in kinds
    }
    assert {name.split()[2] for name in seen} == set(park)
    told = {name: SAID[name.split()[0]] for name in seen if name.split()[0] in SAID}
    assert [name for name, text in told.items() if f"'{text}" not in seen[name]] == []


def test_there_is_one_writer_of_csv_and_one_of_workbooks() -> None:
    root = Path(creditsvc.__file__).parent

    def makes(pattern: str) -> list[str]:
        return sorted(str(path.relative_to(root)) for path in root.rglob("*.py")
                      if re.search(pattern, path.read_text("utf-8")))

    # the demonstration makes cost exports, which are read by machines as Azure writes them
    assert makes(r"csv\.(writer|DictWriter)\(") == ["core/spreadsheets.py", "onboarding/exports.py"]
    assert makes(r"\bxlsxwriter\b|openpyxl\.Workbook") == ["workbooks.py"]
