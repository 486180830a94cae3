"""Keys of licences from a CSV file or a list. What is wrong is named by its place; a key is never quoted."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from creditsvc.core.errors import FileError, FileRefused, refusal_for
from creditsvc.core.sentences import Sentence
from creditsvc.licences.keyring import normalised

COLUMN = "key"
LARGEST_FILE = 8 * 1024 * 1024
"""In bytes; what is longer is no list of keys."""

MOST_KEYS = 100_000
LONGEST_KEY = 300
SHORTEST_KEY = 4


@dataclass(frozen=True)
class KeyLine:
    """A key and where it stands: a line of a file (the header is line 1), or a place in a list."""

    line: int
    text: str = field(repr=False)


def read_keys(name: str, data: bytes) -> list[KeyLine]:
    """The keys of a CSV file with a column `key`; other columns and blank lines do not matter. Raises FileRefused."""
    if len(data) > LARGEST_FILE:
        raise _refused(name, 0, Sentence(
            "is larger than %(most)s MiB: send the keys in several files", most=LARGEST_FILE // 1024 // 1024
        ))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refused(name, 0, Sentence("is no UTF-8 text: save it as CSV in UTF-8")) from None
    if "\x00" in text:
        raise _refused(name, 0, Sentence("is no text: save it as CSV in UTF-8"))
    found: list[KeyLine] = []
    faults: list[FileError] = []
    at: int | None = None
    for line, row in _rows(name, text):
        if not any(cell.strip() for cell in row):
            continue
        if at is None:
            at = _column(name, line, row)
        elif len(row) <= at or not row[at].strip():
            blank = Sentence("is empty: write a key, or leave the whole line blank")
            faults.append(FileError(name, line, COLUMN, "", blank))
        else:
            found.append(KeyLine(line, row[at].strip()))
    if at is None:
        raise _refused(name, 0, Sentence(
            "is empty: write a header with the column %(column)s, and a key on each line below it", column=COLUMN
        ))
    return checked_keys(name, found, "line", faults)


def listed_keys(name: str, texts: Sequence[str]) -> list[KeyLine]:
    """The keys of a list, numbered from 1. Raises FileRefused."""
    return checked_keys(name, [KeyLine(number, text.strip()) for number, text in enumerate(texts, start=1)], "row", [])


def checked_keys(name: str, keys: list[KeyLine], place: str, faults: Iterable[FileError]) -> list[KeyLine]:
    """The keys themselves when each is one and none is there twice. Raises FileRefused with all `faults` too."""
    if len(keys) > MOST_KEYS:
        raise _refused(name, 0, Sentence("has more than %(most)s keys: send them in several files", most=MOST_KEYS))
    all_faults = list(faults)
    first: dict[str, int] = {}
    for key in keys:
        wrong = _fault(key.text)
        if wrong is None:
            before = first.setdefault(normalised(key.text), key.line)
            wrong = None if before == key.line else _again(place, before)
        if wrong is not None:
            all_faults.append(FileError(name, key.line, COLUMN, "", wrong, place))
    if all_faults:
        raise refusal_for(sorted(all_faults, key=lambda fault: fault.line))
    if not keys:
        raise _refused(name, 0, Sentence("has no keys"))
    return keys


def _rows(name: str, text: str) -> Iterable[tuple[int, list[str]]]:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    begins = 1
    while True:
        try:
            row = next(rows, None)
        except csv.Error:  # its words may quote the line
            what = Sentence('is no proper CSV: a quotation mark within a key is written twice ("")')
            raise _refused(name, begins, what) from None
        if row is None:
            return
        yield begins, row
        begins = rows.line_num + 1


def _column(name: str, line: int, header: Sequence[str]) -> int:
    places = [number for number, cell in enumerate(header) if cell.strip().lower() == COLUMN]
    if len(places) != 1:
        # not quoted: a file without a header has a key there
        wrong = Sentence(
            "has no column %(column)s: the first line names the columns, with commas between, one of them %(column)s",
            column=COLUMN,
        ) if not places else Sentence(
            "has more than one column %(column)s: the first line names the columns, with commas between, one of them "
            "%(column)s",
            column=COLUMN,
        )
        raise _refused(name, line, wrong)
    return places[0]


def _again(place: str, before: int) -> Sentence:
    if place == "row":
        return Sentence("is the key of row %(row)s again: leave one of them out", row=before)
    return Sentence("is the key of line %(line)s again: leave one of them out", line=before)


def _fault(text: str) -> Sentence | None:
    if not text.isprintable():
        return Sentence("holds a character that cannot be seen: a key is of letters, digits and signs on one line")
    if not SHORTEST_KEY <= len(text) <= LONGEST_KEY or not normalised(text):
        return Sentence(
            "has %(length)s characters: a key has %(least)s to %(most)s",
            length=len(text), least=SHORTEST_KEY, most=LONGEST_KEY,
        )
    return None


def _refused(name: str, line: int, message: Sentence) -> FileRefused:
    return FileRefused([FileError(name, line, "", "", message)])
