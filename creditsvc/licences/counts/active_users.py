"""The admin centre's report on active users as CSV (getOffice365ActiveUserDetail): who has what, and used it when."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from creditsvc.core.csv_faults import csv_fault
from creditsvc.core.errors import FileError, refusal_for
from creditsvc.core.sentences import Sentence
from creditsvc.licences.counts.files import LONGEST_SKU, CountFile, Sighting, refused

REFRESHED, PERSON, DELETED, PRODUCTS = (
    "Report Refresh Date", "User Principal Name", "Is Deleted", "Assigned Products"
)
REQUIRED = (REFRESHED, PERSON, DELETED, PRODUCTS)
ACTIVITY = "Last Activity Date"
LONGEST_EMAIL = 254

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_CONCEALED = re.compile(r"[0-9A-Fa-f]{32,128}", re.ASCII)
UNCONCEAL = Sentence(
    "is a concealed name: in the admin centre, under Settings, Org settings, Services, Reports, clear Display concealed"
    " user, group, and site names in all reports, then export again"
)


class _Wrong(Exception):
    def __init__(self, column: str, value: str, message: Sentence) -> None:
        self.column = column
        self.value = value
        self.message = message
        super().__init__(column, message)


def read_active_users(name: str, text: str) -> CountFile:
    """Who has which products by that report, and the last day on which each used any service. Raises FileRefused."""
    rows = _rows(name, text)
    line, header = next(rows, (0, []))
    columns = _columns(name, line, header)
    sightings: list[Sighting] = []
    faults: list[FileError] = []
    first: dict[str, int] = {}
    days: dict[date, int] = {}
    deleted = 0
    for line, row in rows:
        try:
            if len(row) != len(header):
                raise _Wrong("", "", Sentence(
                    "has %(found)s columns where the header has %(columns)s", found=len(row), columns=len(header)
                ))
            email, is_deleted, seen, refreshed = _person(columns, row)
            if first.setdefault(email, line) != line:
                raise _Wrong(PERSON, email, Sentence("is the person of line %(line)s again", line=first[email]))
            if days and refreshed not in days:
                raise _Wrong(REFRESHED, refreshed.isoformat(), Sentence(
                    "is another day than that of line %(line)s", line=min(days.values())
                ))
        except _Wrong as wrong:
            faults.append(FileError(name, line, wrong.column, wrong.value[:80], wrong.message))
            continue
        days.setdefault(refreshed, line)
        if is_deleted:
            deleted += 1
        else:
            sightings += seen
    if faults:
        raise refusal_for(faults)
    return CountFile("active-users", name, sightings=tuple(sightings), people=len(first) - deleted, deleted=deleted,
                     counted_on=next(iter(days), None))


def _rows(name: str, text: str) -> Iterator[tuple[int, list[str]]]:
    """(line, fields) of each row that is not blank; the header is the first."""
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    begins = 1
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise refused(name, csv_fault(error), line=begins) from None
        if row is None:
            return
        if row:
            yield begins, row
        begins = rows.line_num + 1


def _columns(name: str, line: int, header: Sequence[str]) -> Mapping[str, int]:
    names = [cell.strip() for cell in header]
    columns = {column: place for place, column in enumerate(names)}
    missing = [column for column in REQUIRED if column not in columns]
    if missing or not any(column.endswith(ACTIVITY) for column in columns):
        lacks = ", ".join(missing) or f"... {ACTIVITY}"
        raise refused(
            name,
            Sentence(
                "is no active users report in English: it lacks the column %(column)s; set the language of the admin "
                "centre to English and export again",
                column=lacks,
            ),
            line=line,
        )
    if len(columns) != len(names):
        raise refused(name, Sentence("has a column twice in its header"), line=line)
    return columns


def _person(columns: Mapping[str, int], row: Sequence[str]) -> tuple[str, bool, list[Sighting], date]:
    email = row[columns[PERSON]].strip().lower()
    if _CONCEALED.fullmatch(email):
        raise _Wrong(PERSON, email, UNCONCEAL)
    if not _is_address(email):
        raise _Wrong(PERSON, email, Sentence("is no user principal name, such as a.wong@example.com"))
    is_deleted = row[columns[DELETED]].strip().lower()
    if is_deleted not in ("true", "false"):
        raise _Wrong(DELETED, row[columns[DELETED]], Sentence("is neither True nor False"))
    refreshed = _day(columns, row, REFRESHED)
    if refreshed is None:
        raise _Wrong(REFRESHED, "", Sentence("is empty: a day such as 2026-06-01 is right"))
    used = [day for column in columns if column.endswith(ACTIVITY) and (day := _day(columns, row, column))]
    products = dict.fromkeys(part.strip() for part in row[columns[PRODUCTS]].split("+") if part.strip())
    for product in products:
        if len(product) > LONGEST_SKU or not product.isprintable():
            raise _Wrong(PRODUCTS, product, Sentence(
                "is no product's name of 1 to %(most)s characters", most=LONGEST_SKU
            ))
    last = max(used, default=None)
    return email, is_deleted == "true", [Sighting(email, product, last) for product in products], refreshed


def _is_address(text: str) -> bool:
    before, at, after = text.partition("@")
    return bool(before and at and after) and "@" not in after and len(text) <= LONGEST_EMAIL and text.isprintable() \
        and " " not in text


def _day(columns: Mapping[str, int], row: Sequence[str], column: str) -> date | None:
    text = row[columns[column]].strip()
    if not text:
        return None
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:  # 30 February
        pass
    raise _Wrong(
        column, text, Sentence("is no day: one such as 2026-06-01 is right; save the report as it was exported")
    )
