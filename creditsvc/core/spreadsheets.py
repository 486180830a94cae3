"""What files for spreadsheets have in common: cells, what makes text harmless, and the one writer of CSV."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
"""The media type of a workbook."""

CSV = "text/csv"

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""With one of these a cell begins that some spreadsheet would take for a formula; in East Asia also the wide ones."""

BYTE_ORDER_MARK = "\ufeff"
"""Without it a spreadsheet takes a CSV in UTF-8 for one in the code page of its machine."""


class Figure(str):
    """A figure of our own that stands as text; it may begin with a minus sign and is no formula."""


Cell = str | int | Decimal | date | None


def harmless(cell: str) -> str:
    """A text that no spreadsheet takes for a formula: an apostrophe goes before it where one would."""
    return f"'{cell}" if cell.startswith(FORMULAS) and not isinstance(cell, Figure) else cell


def csv_lines(rows: Iterable[Sequence[Cell]], end: str = "\r\n") -> Iterator[str]:
    """The rows as lines of CSV: text harmless, amounts plain and exact, days as 2026-03-01, nothing for None."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator=end)
    for row in rows:
        writer.writerow([_text(cell) for cell in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def csv_file(rows: Iterable[Sequence[Cell]]) -> bytes:
    """A CSV for spreadsheets, in UTF-8 behind a byte order mark."""
    return "".join((BYTE_ORDER_MARK, *csv_lines(rows))).encode()


def _text(cell: Cell) -> str | int | None:
    if isinstance(cell, str):
        return harmless(cell)
    if isinstance(cell, Decimal):
        return format(cell, "f")
    return cell.isoformat() if isinstance(cell, date) else cell
