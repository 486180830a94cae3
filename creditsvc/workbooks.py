"""Workbooks: sheets of rows as XLSX, exact and harmless.

A spreadsheet keeps 15 digits of a number: an amount that has more stands as text, exactly. Text that a spreadsheet
would take for a formula is neutralised.
"""

import io
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import BinaryIO

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from creditsvc.core.amounts import Unit, format_amount, shown_amount, to_decimal
from creditsvc.core.spreadsheets import Cell, Figure, harmless

EXACT_DIGITS = 15
LONGEST_NAME = 31
"""What the name of a sheet may have, in characters."""

Sheets = Iterable[tuple[str, Iterable[Sequence[Cell]]]]
"""Sheets, each a name and its rows, of which the first is its head."""


def book_of(sheets: Sheets, made: datetime) -> bytes:
    """An XLSX file of sheets, made at that instant."""
    buffer = io.BytesIO()
    _fill(buffer, sheets, made, {"in_memory": True})
    return buffer.getvalue()


def stream_book(target: BinaryIO, sheets: Sheets, made: datetime) -> None:
    """The same into a file, line by line: however many there are, one is held at a time. Columns are as wide as usual.
    """
    _fill(target, sheets, made, {"constant_memory": True})


def _fill(target: BinaryIO, sheets: Sheets, made: datetime, options: dict[str, bool]) -> None:
    never = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(target, options | never) as book:
        book.set_properties({"created": made.replace(tzinfo=None)})
        bold, day = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd"})
        names: list[str] = []
        for wanted, rows in sheets:
            sheet = book.add_worksheet(_name(wanted, names))
            names.append(sheet.get_name())
            _write(sheet, rows, bold, day)
            if "constant_memory" not in options:  # there the rows are gone by now
                sheet.autofit()


def _name(wanted: str, taken: Sequence[str]) -> str:
    """A name that a sheet may have, and that no other has."""
    plain = re.sub(r"[\[\]:*?/\\]", " ", wanted).strip("' ") or "-"
    lower = {name.lower() for name in taken}
    for number in range(1, len(taken) + 2):
        end = "" if number == 1 else f" ({number})"
        name = f"{plain[: LONGEST_NAME - len(end)]}{end}"
        if name.lower() not in lower:
            return name
    raise AssertionError("one more name than there are sheets is free")


def amount_cell(steps: int, unit: Unit) -> Decimal | Figure:
    """An amount in whole units, exactly: a number where a spreadsheet can keep it, else text."""
    if unit.steps == 60 and steps % 3:  # minutes that make no short decimal
        return Figure(shown_amount(steps, unit))
    value = to_decimal(steps, unit)
    digits = len(value.normalize().as_tuple().digits)
    return value if digits <= EXACT_DIGITS else Figure(format_amount(steps, unit))


def _write(sheet: Worksheet, rows: Iterable[Sequence[Cell]], bold: Format, day: Format) -> None:
    sheet.freeze_panes(1, 0)
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            if isinstance(cell, str):
                sheet.write_string(number, column, harmless(cell), bold if number == 0 else None)
            elif isinstance(cell, date):
                sheet.write_datetime(number, column, cell, day)
            elif cell is not None:
                sheet.write_number(number, column, cell)
