"""Workbooks: sheets of rows as XLSX, exact and harmless.

A spreadsheet keeps 15 digits of a number: an amount that has more stands as text, exactly. Text that a spreadsheet
would take for a formula is neutralised.
"""

import io
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal

from flask_babel import gettext as _
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from creditsvc.core.amounts import Unit, format_amount, shown_amount, to_decimal
from creditsvc.core.spreadsheets import harmless

EXACT_DIGITS = 15
LONGEST_NAME = 31
"""What the name of a sheet may have, in characters."""

Cell = str | int | Decimal | date | None


def book_of(sheets: Iterable[tuple[str, Iterable[Sequence[Cell]]]], made: datetime) -> bytes:
    """An XLSX file of sheets, each a name and its rows, of which the first is its head; made at that instant."""
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(buffer, options) as book:
        book.set_properties({"created": made.replace(tzinfo=None)})
        bold, day = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd"})
        names: list[str] = []
        for wanted, rows in sheets:
            sheet = book.add_worksheet(_name(wanted, names))
            names.append(sheet.get_name())
            _write(sheet, rows, bold, day)
    return buffer.getvalue()


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


def amount_cell(steps: int, unit: Unit) -> Decimal | str:
    """An amount in whole units, exactly: a number where a spreadsheet can keep it, else text."""
    if unit.steps == 60 and steps % 3:  # minutes that make no short decimal
        return shown_amount(steps, unit)
    value = to_decimal(steps, unit)
    digits = len(value.normalize().as_tuple().digits)
    return value if digits <= EXACT_DIGITS else format_amount(steps, unit)


def unit_word(unit: Unit) -> str:
    """What amounts of a unit are counted in."""
    return str({"hour": _("hours"), "seat": _("seats")}.get(unit.name, unit.name))


def _write(sheet: Worksheet, rows: Iterable[Sequence[Cell]], bold: Format, day: Format) -> None:
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            if isinstance(cell, str):
                sheet.write_string(number, column, harmless(cell), bold if number == 0 else None)
            elif isinstance(cell, date):
                sheet.write_datetime(number, column, cell, day)
            elif cell is not None:
                sheet.write_number(number, column, cell)
    sheet.freeze_panes(1, 0)
    sheet.autofit()
