"""What a Parquet file says of itself, checked before it is decoded: its footer and the headers of its pages (U1, U6).

The reader of Parquet makes room for what these declare, so sizes, counts and places must add up first. Numbers and
names of fields are those of parquet-format's `parquet.thrift` (Apache), written in Thrift's compact protocol.
"""

import mmap
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from creditsvc.core.sentences import Sentence
from creditsvc.usage.readers.limits import Limits

_MAGIC: Final = b"PAR1"
_TAIL: Final = 8  # the footer's length in four bytes, then the magic
_PREFIXED: Final = 7
"""DELTA_BYTE_ARRAY: a value repeats the start of the one before, so that a page can hold a million times its size."""
_ENCODINGS: Final = frozenset({0, 2, 3, 4, 5, 6, 8, 9})
_DATA, _DICTIONARY, _DATA_V2 = 0, 2, 3
_VALUE_BYTES: Final = 16
"""What a value takes in memory at least once it is decoded."""

Fields = Mapping[int, object]


class Damaged(Exception):
    """The file contradicts itself; the text says where."""


class Unfit(Exception):
    """The file is whole and still not read; `message` says why and what would be right."""

    def __init__(self, msgid: str, **params: object) -> None:
        self.message = Sentence(msgid, **params)
        super().__init__(self.message)


@dataclass(frozen=True)
class Chunk:
    """One column's pages in one row group: `start` and `end` are offsets in the file."""

    column: str
    values: int
    start: int
    end: int


@dataclass(frozen=True)
class Footer:
    """The columns of a file in their order, its rows, and the chunks of its flat columns, row group by row group."""

    columns: tuple[str, ...]
    rows: int
    groups: tuple[tuple[Chunk, ...], ...]


def read_footer(path: Path, limits: Limits) -> Footer:
    """The footer of the Parquet file at `path`. Raises Damaged, Unfit, OSError."""
    size = path.stat().st_size
    if size < len(_MAGIC) + _TAIL:
        raise Damaged("it is too short for its footer")
    with path.open("rb") as file:
        file.seek(size - _TAIL)
        tail = file.read(_TAIL)
        if tail[4:] == b"PARE":
            raise Unfit("is an encrypted Parquet file: export without encryption")
        if tail[4:] != _MAGIC:
            raise Damaged("its end is missing")
        length = int.from_bytes(tail[:4], "little")
        if length > min(size - len(_MAGIC) - _TAIL, limits.footer_bytes):
            raise Damaged(f"its footer claims {length} bytes")
        file.seek(size - _TAIL - length)
        said = _Thrift(file.read(length), limits.footer_values).struct()
    if 8 in said:
        raise Unfit("is a Parquet file with encrypted columns: export without encryption")
    columns = _columns(said)
    groups = tuple(_group(group, columns, size - _TAIL - length, limits) for group in _structs(said, 4))
    rows = _count(said, 3, "rows")
    stated = sum(rows_here for rows_here, _ in groups)
    if stated != rows:
        raise Damaged(f"its footer states {rows} rows, its row groups {stated}")
    return Footer(columns, rows, tuple(chunks for _, chunks in groups))


def check_pages(path: Path, footer: Footer, columns: Collection[str], limits: Limits) -> None:
    """Walks the pages of the columns that will be decoded. Raises Damaged, Unfit, OSError.

    Their sizes must fit their chunk, their values add up, their checksums (where the writer left some) fit, and
    what they unpack to stay within the bounds of `limits`.
    """
    if not footer.groups:
        return
    unpacked = 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        bound = max(limits.parquet_floor, min(limits.unpacked_bytes, limits.gzip_ratio * len(data)))
        for group in footer.groups:
            held = 0
            for chunk in group:
                if chunk.column in columns:
                    held += _walk(data, chunk, limits)
            unpacked += held
            if held > limits.group_bytes:
                raise Unfit(
                    "has a row group that unpacks to more than %(most)s bytes: no export has", most=limits.group_bytes
                )
            if unpacked > bound:
                raise Unfit(
                    "unpacks to more than %(times)s times its size, or %(most)s bytes: no export does",
                    times=limits.gzip_ratio, most=limits.unpacked_bytes,
                )


def _columns(said: Fields) -> tuple[str, ...]:
    """The names of the outermost columns: the schema lists a tree, depth first, each with its count of children."""
    elements = _structs(said, 2)
    if not elements:
        raise Damaged("its footer has no columns")
    names = []
    below: list[int] = []
    for number, element in enumerate(elements):
        while below and below[-1] == 0:
            below.pop()
        if number and not below:
            raise Damaged("its footer has columns beside the outermost")
        if len(below) == 1:
            names.append(_text(element, 4))
        if below:
            below[-1] -= 1
        below.append(_count(element, 5, "columns", 0))
    if any(below):
        raise Damaged("its footer lacks columns")
    return tuple(names)


def _group(said: Fields, columns: tuple[str, ...], end: int, limits: Limits) -> tuple[int, tuple[Chunk, ...]]:
    rows = _count(said, 3, "rows")
    if rows > limits.group_rows:
        raise Unfit(
            "has a row group of %(rows)s rows, more than %(most)s: no export has", rows=rows, most=limits.group_rows
        )
    chunks = []
    for column in _structs(said, 1):
        if 1 in column:
            raise Unfit("keeps columns in other files: one whole file would be right")
        if 8 in column:
            raise Unfit("is a Parquet file with encrypted columns: export without encryption")
        about = column.get(3)
        if not isinstance(about, dict):
            raise Damaged("its footer does not say where a column lies")
        path = about.get(3)
        if not isinstance(path, list) or len(path) != 1 or not isinstance(path[0], bytes):
            continue  # a column within a column: none that is read
        chunks.append(_chunk(about, path[0].decode("utf-8", "replace"), rows, end))
    if {chunk.column for chunk in chunks} - set(columns):
        raise Damaged("its row groups have other columns than its schema")
    return rows, tuple(chunks)


def _chunk(about: Fields, column: str, rows: int, end: int) -> Chunk:
    values = _count(about, 5, "values")
    length = _count(about, 7, "bytes")
    start = _count(about, 9, "bytes")
    dictionary = _count(about, 11, "bytes", 0)
    if not rows and not values:
        return Chunk(column, 0, 0, 0)  # of nothing the place is stated at random
    if dictionary:
        start = min(start, dictionary)
    if start < len(_MAGIC) or start + length > end:
        raise Damaged(f"column {column} lies outside the file")
    return Chunk(column, values, start, start + length) if values == rows else _repeated(column, start, length)


def _repeated(column: str, start: int, length: int) -> Chunk:
    """A column with another count of values than rows is a list: none that is read (-1 fits no walk)."""
    return Chunk(column, -1, start, start + length)


def _walk(data: mmap.mmap, chunk: Chunk, limits: Limits) -> int:
    """Checks the pages of a chunk and gives the bytes that they unpack to."""
    where, values, unpacked = chunk.start, 0, 0
    while where < chunk.end and values != chunk.values:
        reader = _Thrift(data, limits.footer_values, where, chunk.end)
        header = reader.struct()
        size, packed = _count(header, 2, "bytes"), _count(header, 3, "bytes")
        if reader.at + packed > chunk.end:
            raise Damaged(f"a page of column {chunk.column} is longer than its column")
        if size > limits.group_bytes:
            raise Unfit(
                "has a page of column %(name)s that unpacks to %(bytes)s bytes: no export has",
                name=chunk.column, bytes=size,
            )
        _check_sum(data, header, reader.at, packed, chunk.column)
        values += _values(header, chunk.column, limits)
        unpacked += size
        where = reader.at + packed
    if values != chunk.values or where > chunk.end:
        raise Damaged(f"column {chunk.column} has {values} values where {chunk.values} are stated")
    return unpacked + _VALUE_BYTES * values


def _check_sum(data: mmap.mmap, header: Fields, start: int, packed: int, column: str) -> None:
    stated = header.get(4)
    if stated is None:
        return
    if not isinstance(stated, int) or zlib.crc32(memoryview(data)[start : start + packed]) != stated & 0xFFFFFFFF:
        raise Damaged(f"a page of column {column} does not fit its checksum")


def _values(header: Fields, column: str, limits: Limits) -> int:
    """How many values of its column a page has."""
    kind = header.get(1)
    said = header.get({_DATA: 5, _DICTIONARY: 7, _DATA_V2: 8}.get(kind if isinstance(kind, int) else -1, 0))
    if said is None:
        return 0  # an index page
    if not isinstance(said, dict):
        raise Damaged(f"a page of column {column} has no header")
    values = _count(said, 1, "values")
    encoding = said.get(4 if kind == _DATA_V2 else 2)
    if encoding == _PREFIXED:
        raise Unfit(
            "packs column %(name)s as DELTA_BYTE_ARRAY, which is not read: plain or dictionary encoding would be right",
            name=column,
        )
    if encoding not in _ENCODINGS or values > limits.group_rows:
        raise Damaged(f"a page of column {column} makes no sense")
    return 0 if kind == _DICTIONARY else values


def _structs(said: Fields, field: int) -> list[Fields]:
    found = said.get(field, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Damaged("its footer makes no sense")
    return found


def _text(said: Fields, field: int) -> str:
    found = said.get(field)
    if not isinstance(found, bytes):
        raise Damaged("its footer has a column without a name")
    try:
        return found.decode("utf-8")
    except UnicodeDecodeError:
        raise Damaged("its footer has a column whose name is no UTF-8") from None


def _count(said: Fields, field: int, what: str, default: int | None = None) -> int:
    found = said.get(field, default)
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise Damaged(f"it states {found} {what}")
    return found


class _Thrift:
    """Thrift's compact protocol, as far as Parquet uses it: structs as dicts by field number, texts as bytes."""

    def __init__(self, data: bytes | mmap.mmap, values: int, at: int = 0, end: int | None = None) -> None:
        self.at = at
        self._data = data
        self._end = len(data) if end is None else end
        self._left = values

    def struct(self, depth: int = 0) -> dict[int, object]:
        """The struct that begins here. Raises Damaged."""
        if depth > 16:
            raise Damaged("its footer is nested too deeply")
        found: dict[int, object] = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._signed()
            kind = head & 15
            found[number] = kind == 1 if kind in (1, 2) else self._value(kind, depth)
        return found

    def _value(self, kind: int, depth: int) -> object:
        self._left -= 1
        if self._left < 0:
            raise Damaged("its footer lists more than any export has")
        if kind in (1, 2, 3):  # a flag of a list is a byte of its own
            return self._byte()
        if kind in (4, 5, 6):
            return self._signed()
        if kind == 7:
            return self._take(8)
        if kind == 8:
            return self._take(self._unsigned())
        if kind in (9, 10):
            head = self._byte()
            count = head >> 4 if head >> 4 < 15 else self._unsigned()
            return [self._value(head & 15, depth + 1) for _ in range(count)]
        if kind == 12:
            return self.struct(depth + 1)
        raise Damaged("its footer makes no sense")

    def _byte(self) -> int:
        return self._take(1)[0]

    def _take(self, count: int) -> bytes:
        if self.at + count > self._end:
            raise Damaged("its footer ends too early")
        self.at += count
        return self._data[self.at - count : self.at]

    def _unsigned(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise Damaged("its footer has a number that does not end")

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)
