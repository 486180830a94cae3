"""Pasted lists of people, seats released by a filter, tables of seats as CSV and XLSX."""

import csv
import io
import zipfile
from datetime import date

import openpyxl
import pytest
from flask import Flask

from creditsvc.config import Config
from creditsvc.core.errors import Conflict, FileRefused, NotFound, RuleBroken
from creditsvc.db import db
from creditsvc.ledger.verify import verify
from creditsvc.licences import bulk, seats, sheets, waiting
from creditsvc.licences.models import CountReport, Product, SeatSighting
from creditsvc.licences.reading import list_seats
from creditsvc.parties.access import Caller
from tests import factories as make
from tests.conftest import NOW
from tests.licences.sitting import give, holders, leave, make_park, make_product, queue_up, sit, startup_id

LIST = "ada@acme.example, Ada Chan\n\nBob@acme.example\neve@acme.example\tEve"


@pytest.fixture
def park(app: Flask) -> None:
    make_park(2)


def paste(config: Config, text: str = LIST, **more: object) -> list[tuple[int, str, str]]:
    outcomes = make.do(lambda: bulk.assign_all(
        make.somebody(), config, startup="acme", product="m365", people=bulk.read_people(text), **more
    ))
    return [(one.line, one.name, one.outcome) for one in outcomes]


def rows_of(at=None):
    return make.do(lambda: list_seats(make.somebody(), startup="acme", at=at))


def test_as_many_are_seated_as_fit_and_each_line_is_answered(park: None, config: Config) -> None:
    assert paste(config) == [(1, "Ada Chan", "seated"), (3, "Bob@acme.example", "seated"), (4, "Eve", "none-free")]
    assert set(holders()) == {"ada", "bob"}


def test_the_rest_waits_when_asked_so(park: None, config: Config) -> None:
    sit("ada")

    assert paste(config, otherwise="wait") == [
        (1, "Ada Chan", "already-seated"), (3, "Bob@acme.example", "seated"), (4, "Eve", "waiting"),
    ]
    assert [view.wish.email for view in make.do(lambda: waiting.wishes_of(make.somebody()))] == ["eve@acme.example"]
    assert paste(config, "eve@acme.example", otherwise="wait") == [(1, "eve@acme.example", "already-waits")]


def test_all_or_nobody_when_asked_so(park: None, config: Config) -> None:
    with pytest.raises(RuleBroken, match=r"line 4, eve@acme\.example: 0 of 2 seats of m365 are free"):
        paste(config, otherwise="refuse")

    assert holders() == {}


@pytest.mark.parametrize("text, code, named", [
    ("ada@acme.example\nnobody, N.", "bad-line", "line 2, 'nobody, N.'"),
    ("ada@acme.example\nADA@acme.example", "twice", "line 2: 'ada@acme.example' stands in line 1"),
    ("\n \n", "empty", "at least one person"),
    ("\n".join(f"p{number}@acme.example" for number in range(2001)), "too-many", "2001"),
])
def test_a_bad_line_refuses_everything_and_is_named(text: str, code: str, named: str) -> None:
    with pytest.raises(RuleBroken) as refusal:
        bulk.read_people(text)

    assert refusal.value.code == code
    assert named in str(refusal.value)


def sighted(
    email: str, last: date | None, *, kind: str = "active-users", on: date = date(2026, 6, 15),
    owner: str | None = "acme", sku: str = "SPB",
) -> None:
    def add() -> None:
        db.session.query(Product).filter_by(key="m365").one().sku = "SPB"
        report = CountReport(
            kind=kind, name="users.csv", digest=f"{email} {on}",
            startup_id=None if owner is None else startup_id(owner), counted_on=on, received_at=NOW, actor="tester",
        )
        db.session.add(report)
        db.session.flush()
        db.session.add(SeatSighting(report_id=report.id, email=email, sku=sku, last_used_on=last))

    make.do(add)


def test_a_filter_finds_seats_and_they_are_released_together(app: Flask, config: Config) -> None:
    make_park(3)
    make_product("figma", pool="figma-seats")
    give("acme", "acme-figma", 1, pool="figma-seats")
    for who in ("ada", "bob", "eve"):
        sit(who)
    sit("ada", product="figma")
    queue_up(config, "zoe")
    sighted("bob@acme.example", date(2026, 5, 1))
    sighted("eve@acme.example", date(2026, 6, 10))

    def match(**wanted: object) -> list[tuple[str, str]]:
        found = make.do(lambda: bulk.matching_seats(make.somebody(), startup="acme", **wanted))
        return [(row.product, row.name) for row in found]

    assert match(product="figma") == [("figma", "Ada")]
    assert match(grant="acme-m365", domain="acme.example") == [("m365", "Ada"), ("m365", "Bob"), ("m365", "Eve")]
    assert match(domain="@example") == []
    assert match(unused_since=date(2026, 6, 1)) == [("m365", "Bob")]

    chosen = [row.id for row in rows_of() if row.name == "Ada"]
    assert make.do(lambda: bulk.release_all(make.somebody(), config, startup="acme", seat_ids=chosen)) == 2
    assert set(holders()) == {"bob", "eve", "zoe"}
    assert verify()["differences"] == []


def unused(since: date, caller: Caller | None = None) -> list[str]:
    return make.do(lambda: [
        row.name for row in bulk.matching_seats(caller or make.somebody(), startup="acme", unused_since=since)
    ])


def test_of_use_only_reports_on_activity_that_reach_so_far_say_anything(app: Flask) -> None:
    make_park(4)
    for who in ("ada", "bob", "eve", "zoe"):
        sit(who)
    sighted("ada@acme.example", None, kind="licence-details")  # tells of licences, not of use
    sighted("bob@acme.example", date(2026, 5, 1), on=date(2026, 5, 2))  # knows nothing of the weeks since
    sighted("eve@acme.example", date(2026, 5, 1), sku="m365")  # that report names plans
    sighted("zoe@acme.example", date(2026, 5, 1))
    sighted("zoe@acme.example", date(2026, 6, 14), on=date(2026, 6, 16))

    assert unused(date(2026, 6, 1)) == ["Eve"]


def test_nobody_learns_who_else_uses_what_by_giving_them_a_seat(app: Flask) -> None:
    make_park(2)
    owner = make.caller(make.make_member("acme", "owner@acme.example"))
    make.do(lambda: seats.assign(owner, startup="acme", product="m365", email="ceo@rival.example", name="Rival"))
    sighted("ceo@rival.example", date(2026, 5, 3), on=date(2026, 6, 14), owner=None)

    assert unused(date(2026, 6, 1), owner) == []

    sighted("ceo@rival.example", date(2026, 5, 3), on=date(2026, 6, 15), owner=None)
    assert unused(date(2026, 6, 1), owner) == ["Rival"]


def test_seats_are_released_all_or_none(park: None, config: Config) -> None:
    first, second = sit("ada"), sit("bob")
    leave(config, first)

    with pytest.raises(Conflict):
        make.do(lambda: bulk.release_all(make.somebody(), config, startup="acme", seat_ids=[first, second]))
    with pytest.raises(NotFound):
        make.do(lambda: bulk.release_all(make.somebody(), config, startup="acme", seat_ids=[second, 99]))
    with pytest.raises(RuleBroken):
        make.do(lambda: bulk.release_all(make.somebody(), config, startup="acme", seat_ids=[]))
    assert set(holders()) == {"bob"}


def bring(data: bytes, name: str = "seats.csv") -> int:
    return make.do(lambda: sheets.import_seats(
        make.somebody(), startup="acme", name=name, rows=sheets.read_seats(name, data)
    ))


@pytest.mark.parametrize("write", [sheets.seats_csv, sheets.seats_xlsx])
def test_what_is_exported_can_be_imported_again(park: None, config: Config, write) -> None:
    sit("ada", note="=1+1"), sit("bob", until=date(2026, 8, 31))
    before = rows_of()
    data = write(before, NOW)
    make.do(lambda: bulk.release_all(
        make.somebody(), config, startup="acme", seat_ids=[row.id for row in before]
    ))

    assert bring(data) == 2

    def told(rows):
        return [(row.product, row.grant, row.email, row.name, row.note, row.from_at, row.ends_at) for row in rows]

    assert told(rows_of(NOW)) == told(before)


def test_no_cell_becomes_a_formula(park: None) -> None:
    sit("ada", note="=cmd|' /C calc'!A0"), sit("bob", note="@SUM(A1)")
    rows = rows_of()

    written = list(csv.DictReader(io.StringIO(sheets.seats_csv(rows, NOW).decode("utf-8-sig"))))
    assert [row["note"] for row in written] == ["'=cmd|' /C calc'!A0", "'@SUM(A1)"]
    sheet = openpyxl.load_workbook(io.BytesIO(sheets.seats_xlsx(rows, NOW))).active
    notes = list(sheet["I"][1:])
    assert [cell.data_type for cell in notes] == ["s", "s"]
    assert notes[0].value == "'=cmd|' /C calc'!A0"


@pytest.mark.parametrize("text, named", [
    ("email,product\nada@acme.example,m365\nnobody,m365\n", "line 3, column email: 'nobody'"),
    ("email,product\nada@acme.example,nothing\n", "line 2, column product: 'nothing'"),
    ("email,product,from\nada@acme.example,m365,someday\n", "line 2, column from: 'someday'"),
    ("email,product\na@x.example,m365\nb@x.example,m365\nc@x.example,m365\n", "line 4"),
    ("name\nAda\n", "line 1: is no header"),
    ("email,email\n", "line 1: is no header"),
    ("email\n", "has no line of people"),
    ('email\n"ada', "is no proper CSV"),
])
def test_a_file_with_a_fault_is_refused_whole(park: None, text: str, named: str) -> None:
    with pytest.raises(FileRefused) as refusal:
        bring(text.encode())

    assert named in str(refusal.value)
    assert holders() == {}


def packed(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize("data, named", [
    (b"\xff\xfe\x00", "neither an XLSX file nor text"),
    (b"x" * (5 * 1024 * 1024 + 1), "larger than 5 MiB"),
    (b"PK\x03\x04 and no more", "no XLSX file that can be read"),
    (packed({"xl/nothing.xml": b""}), "no XLSX file that can be read"),
    (packed({"xl/sheet.xml": b"0" * (51 * 1024 * 1024)}), "unpacks to more than 50 MiB"),
    (b"email\n" + b"a@x.example\n" * 10_001, "beyond what is read"),
    (b"email\n" + b"x" * 1001, "more than 1000 characters"),
])
def test_a_file_that_is_none_or_too_much_is_refused(data: bytes, named: str) -> None:
    with pytest.raises(FileRefused) as refusal:
        sheets.read_seats("people.xlsx", data)

    assert named in str(refusal.value)
