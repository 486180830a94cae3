"""Faults in rows: found on groups, then placed on their lines by a second pass that only a refusal needs (U6)."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import ComputeError, PolarsError, SchemaError

from creditsvc.core.csv_faults import csv_fault
from creditsvc.core.errors import FileError, FileRefused
from creditsvc.core.sentences import Sentence
from creditsvc.usage.readers.grouping import prepare, scan
from creditsvc.usage.readers.limits import Limits
from creditsvc.usage.readers.parquet import undecodable
from creditsvc.usage.readers.plain import plain_stream
from creditsvc.usage.readers.schemas import Layout

_NO_CSV = Sentence("is no proper CSV")


@dataclass(frozen=True)
class Opened:
    """A part that was checked: what a second pass over its rows needs."""

    name: str
    path: Path
    layout: Layout
    blank_tail: int
    has_rows: bool

    def prepared(self) -> pl.LazyFrame:
        """The rows, numbered from 0 in the column `row`, as the grouping sees them."""
        return prepare(scan(self.path, self.layout, has_rows=self.has_rows).with_row_index("row"), self.layout)


@dataclass(frozen=True)
class Fault:
    """Rows of one part with one kind of fault: which (`rows`, over prepared rows), how many, in which field.

    `shown` is the expression of the value that the refusal quotes, `say` makes its message from that value.
    """

    part: int
    name: str
    count: int
    rows: pl.Expr
    shown: pl.Expr
    say: Callable[[str], Sentence]


def refusal(faults: Sequence[Fault], parts: Sequence[Opened], limits: Limits) -> FileRefused:
    """All faults as one refusal: the first in the order of parts and lines up to the bound, the rest counted."""
    placed: list[tuple[int, int, FileError]] = []
    for number, part in enumerate(parts):
        here = [fault for fault in faults if fault.part == number]
        if not here:
            continue
        found = sorted(
            ((row, value, fault) for fault in here for row, value in _first_rows(part, fault, limits)),
            key=lambda entry: entry[0],
        )[: limits.errors]
        lines, place = _lines(part, [row for row, _, _ in found])
        for row, value, fault in found:
            column = part.layout.column(fault.name)
            placed.append((number, row, FileError(part.name, lines[row], column, value, fault.say(value), place)))
        if len(placed) >= limits.errors:
            break
    errors = [error for _, _, error in placed[: limits.errors]]
    return FileRefused(errors, max(0, sum(fault.count for fault in faults) - len(errors)))


def _first_rows(part: Opened, fault: Fault, limits: Limits) -> list[tuple[int, str]]:
    found = (
        part.prepared()
        .filter(fault.rows)
        .select("row", fault.shown.fill_null("").alias("shown"))
        .sort("row")
        .head(min(limits.errors, fault.count))
    )
    try:
        rows = found.collect(engine="streaming")
    except (ComputeError, SchemaError) as wrong:  # an empty line in the place of the first row
        raise unreadable(part, wrong) from None
    return [(int(row), str(shown)) for row, shown in rows.iter_rows()]


def _lines(part: Opened, rows: Sequence[int]) -> tuple[dict[int, int], str]:
    """Where each row stands, and by what that is counted: Parquet has rows and no lines."""
    if part.layout.parquet:
        return {row: row + 1 for row in rows}, "row"
    return line_numbers(part.path, rows), "line"


def line_numbers(path: Path, rows: Iterable[int]) -> dict[int, int]:
    """On which line of the file each row begins (rows from 0, the header is line 1), minding quoted line feeds."""
    wanted = set(rows)
    found: dict[int, int] = {}
    row, begins, inside = -1, 1, False
    with plain_stream(path) as plain:
        for number, line in enumerate(plain, start=1):
            if len(found) == len(wanted):
                break
            if not inside:
                begins = number
            if line.count(b'"') % 2:
                inside = not inside
            if inside:
                continue
            if row in wanted:
                found[row] = begins
            row += 1
    return found


def ragged_rows(part: Opened, limits: Limits) -> FileRefused:
    """The refusal of the rows that have fewer or more columns than the header, of which the reading found some.

    A row that was cut short must be told apart from one whose last fields are empty: what may be paid from credit, or
    was paid by a commitment, may stand in what it lost.
    """
    columns = len(part.layout.header)
    errors: list[FileError] = []
    more = 0
    with io.TextIOWrapper(plain_stream(part.path), encoding="utf-8-sig", newline="") as plain:
        for begins, has in _lengths(csv.reader(plain)):
            if has not in (0, columns):  # an empty line behind the last row is no row
                if len(errors) < limits.errors:
                    message = _ragged(has, columns)
                    errors.append(FileError(part.name, begins, "", "", message))
                else:
                    more += 1
    # where two ways of reading quotation marks differ there may be none
    return FileRefused(errors or [FileError(part.name, 0, "", "", _NO_CSV)], more)


def _lengths(rows: Any) -> Iterator[tuple[int, int]]:
    """On which line each row of a `csv.reader` begins, and how many columns it has."""
    begins = 1
    for fields in rows:
        yield begins, len(fields)
        begins = rows.line_num + 1


def _ragged(found: int, columns: int) -> Sentence:
    return Sentence("has %(found)s columns where the header has %(columns)s", found=found, columns=columns)


def unreadable(part: Opened, fault: PolarsError) -> FileRefused:
    """The refusal of text that the CSV reader could not read: names the first row that is not as the header is."""
    if part.layout.parquet:
        return undecodable(part.name, fault)
    columns = len(part.layout.header)
    line, message = 0, _NO_CSV
    with io.TextIOWrapper(plain_stream(part.path), encoding="utf-8-sig", newline="") as plain:
        rows = csv.reader(plain, strict=True)
        try:
            for begins, has in _lengths(rows):
                if has != columns:
                    line, message = begins, _ragged(has, columns)
                    break
        except csv.Error as wrong:
            line, message = rows.line_num, csv_fault(wrong)
    return FileRefused([FileError(part.name, line, "", "", message)])
