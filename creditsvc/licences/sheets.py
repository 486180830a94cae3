"""Seats as tables: exported as CSV or XLSX, and read back from either.

Text stays text: a cell that a spreadsheet would take for a formula has an apostrophe before it, which is taken off
again when the file is read. What is read is bounded before it is unpacked, for a small file can hold a huge one.
"""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import openpyxl

from creditsvc.core.csv_faults import csv_fault
from creditsvc.core.days import instant_text, parse_moment
from creditsvc.core.errors import FileError, FileRefused, RuleBroken, refusal_for
from creditsvc.core.sentences import Sentence
from creditsvc.core.spreadsheets import FORMULAS, csv_file
from creditsvc.licences.bulk import by_account
from creditsvc.licences.desk import Wanted, desk_of, product_of
from creditsvc.licences.reading import SeatRow
from creditsvc.licences.seating import check_email, check_name, check_note, seat_all
from creditsvc.licences.seats import interval_of
from creditsvc.parties.access import Caller, require_startup
from creditsvc.workbooks import book_of

COLUMNS = ("product", "grant", "email", "name", "from", "until", "note")
EXPORTED = ("seat", "state", *COLUMNS, "ends with grant")
REQUIRED = {"email"}
LARGEST_FILE = 5 * 1024 * 1024
LARGEST_UNPACKED = 50 * 1024 * 1024
MOST_ROWS, MOST_COLUMNS, LONGEST_CELL = 10_000, 50, 1000


@dataclass(frozen=True)
class SheetRow:
    """A line of a table of people: what stands in its columns; the header is line 1."""

    line: int
    cells: dict[str, str]


def seats_csv(rows: Iterable[SeatRow], now: datetime) -> bytes:
    """Seats as CSV, as spreadsheets want it."""
    return csv_file([EXPORTED, *(_cells(row, now) for row in rows)])


def seats_xlsx(rows: Iterable[SeatRow], now: datetime) -> bytes:
    """Seats as an XLSX file of one sheet."""
    return book_of([("seats", [EXPORTED, *(_cells(row, now) for row in rows)])], now)


def _cells(row: SeatRow, now: datetime) -> list[str]:
    ends = "" if row.ends_with_grant else instant_text(row.ends_at) or ""
    with_grant = instant_text(row.ends_at) or "" if row.ends_with_grant else ""
    return [str(row.id), row.state(now), row.product, row.grant, row.email, row.name, instant_text(row.from_at) or "",
            ends, row.note, with_grant]


def read_seats(name: str, data: bytes) -> list[SheetRow]:
    """The lines of a CSV or XLSX file with at least the column `email`; blank lines and other columns do not matter.

    Raises FileRefused.
    """
    rows = table_rows(name, data)
    header: dict[int, str] | None = None
    found: list[SheetRow] = []
    for line, row in rows:
        if not any(row):
            continue
        if line > MOST_ROWS or len(row) > MOST_COLUMNS:
            raise _refused(name, line, Sentence(
                "is beyond what is read: %(lines)s lines of %(columns)s columns", lines=MOST_ROWS, columns=MOST_COLUMNS
            ))
        if header is None:
            header = {at: cell.lower() for at, cell in enumerate(row) if cell.lower() in COLUMNS}
            if REQUIRED - set(header.values()) or len(set(header.values())) < len(header):
                raise _refused(name, line, no_header(COLUMNS))
            continue
        found.append(SheetRow(line, {column: row[at] for at, column in header.items() if at < len(row) and row[at]}))
    if not found:
        raise _refused(name, 0, Sentence("has no line of people below a header"))
    return found


def no_header(columns: Sequence[str]) -> Sentence:
    """A line that names the columns was looked for, and this is none."""
    return Sentence("is no header: write the columns %(columns)s, each once", columns=", ".join(columns))


def table_rows(name: str, data: bytes) -> Iterator[tuple[int, list[str]]]:
    """The lines of an XLSX file, or of text with commas, tabs or semicolons between its columns: number and cells.

    Raises FileRefused, also while the lines are read.
    """
    if len(data) > LARGEST_FILE:
        raise _refused(name, 0, Sentence("is larger than %(most)s MiB", most=LARGEST_FILE // 1024 // 1024))
    return _xlsx_rows(name, data) if data[:2] == b"PK" else _text_rows(name, data)


def _text_rows(name: str, data: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refused(name, 0, Sentence("is neither an XLSX file nor text in UTF-8")) from None
    first = next((line for line in text.splitlines() if line.strip()), "")
    between = next((sign for sign in "\t,;" if sign in first), ",")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=between)
    try:
        for row in reader:
            yield reader.line_num, [_read(name, reader.line_num, cell) for cell in row]
    except csv.Error as error:
        raise _refused(name, reader.line_num, csv_fault(error)) from error


def _xlsx_rows(name: str, data: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(member.file_size for member in packed.infolist()) > LARGEST_UNPACKED:
                raise _refused(
                    name, 0, Sentence("unpacks to more than %(most)s MiB", most=LARGEST_UNPACKED // 1024 // 1024)
                )
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        rows = sheet.iter_rows(max_row=MOST_ROWS + 1, max_col=MOST_COLUMNS + 1, values_only=True)
        for line, row in enumerate(rows, start=1):
            cells = [_read(name, line, cell) for cell in row]
            yield line, cells[: max((at for at, cell in enumerate(cells, start=1) if cell), default=0)]
    except FileRefused:
        raise
    except Exception as error:  # openpyxl raises whatever a broken file makes of it
        raise _refused(name, 0, Sentence("is no XLSX file that can be read")) from error


def _read(name: str, line: int, cell: Any) -> str:
    """A cell as text; a neutralised one without its apostrophe."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        cell = cell.date().isoformat() if cell.time() == time() else cell.isoformat()
    text = cell.isoformat() if isinstance(cell, date) else str(cell).strip()
    if len(text) > LONGEST_CELL or "\x00" in text:
        raise _refused(name, line, Sentence(
            "has a cell of more than %(most)s characters, or one that is no text", most=LONGEST_CELL
        ))
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULAS) else text


def import_seats(
    caller: Caller, *, startup: str, name: str, rows: Sequence[SheetRow]
) -> int:
    """Seats everybody of a file for whom it names a product or a grant, all or nobody; how many.

    Raises NotFound("startup"), Forbidden, FileRefused naming lines, columns and values.
    """
    company = require_startup(caller, "seat.assign", startup)
    faults: list[FileError] = []
    wanted: dict[str, list[tuple[SheetRow, Wanted]]] = {}
    for row in rows:
        try:
            key = product_of(company, row.cells.get("product"), row.cells.get("grant")).key
            wanted.setdefault(key, []).append((row, _wanted(caller, company, row)))
        except RuleBroken as refusal:
            faults.append(_fault(name, row, refusal))
    count = 0
    for product in by_account(company.id, wanted) if not faults else ():
        desk, placed = desk_of(caller, company, product), []
        for row, person in wanted.pop(product.key):
            try:
                placed.append(desk.place(person, row.cells.get("grant")))
            except RuleBroken as refusal:
                faults.append(_fault(name, row, refusal))
        if not faults:
            count += len(seat_all(desk, placed))
    if not faults and wanted:
        row = next(iter(wanted.values()))[0][0]
        raise _refused(name, row.line, Sentence(
            "%(startup)s has no seats of %(product)s: award some first",
            startup=startup, product=row.cells.get("product", ""),
        ))
    if faults:
        raise refusal_for(faults)
    return count


def _wanted(caller: Caller, company: Any, row: SheetRow) -> Wanted:
    cells = row.cells
    moments = {
        field: parse_moment(cells[field], field) if field in cells else None for field in ("from", "until")
    }
    from_at, until_at = interval_of(caller, company, moments["from"], moments["until"])
    email = check_email(cells.get("email", ""))
    return Wanted(email, check_name(cells.get("name", email)), from_at, until_at, check_note(cells.get("note", "")))


def _fault(name: str, row: SheetRow, refusal: RuleBroken) -> FileError:
    return FileError(name, row.line, refusal.field, row.cells.get(refusal.field, ""), refusal.sentence)


def _refused(name: str, line: int, message: Sentence) -> FileRefused:
    return FileRefused([FileError(name, line, "", "", message)])
