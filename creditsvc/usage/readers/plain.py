"""From a file as it lies to plain CSV that is safe to hand to the reader: unpacked within bounds, checked, hashed."""

import codecs
import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from creditsvc.core.errors import FileError, FileRefused
from creditsvc.usage.readers.limits import MEBIBYTE, Limits
from creditsvc.usage.readers.source import Part

_GZIP = b"\x1f\x8b"
_NOT_CSV = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"PAR1", "a Parquet file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"BZh", "a bzip2 archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"%PDF", "a PDF"),
)
_CSV_WANTED = "CSV in UTF-8, plain or compressed with gzip, would be right"


@dataclass(frozen=True)
class Plain:
    """A part as plain text: `path` is the part itself or what it unpacked to.

    `disk_bytes` and `sha256` are of the part as it lies, `plain_bytes` of its text. `blank_tail` counts empty lines
    after the last row, which the CSV reader takes for rows.
    """

    path: Path
    disk_bytes: int
    plain_bytes: int
    sha256: str
    header: tuple[str, ...]
    blank_tail: int


def make_plain(part: Part, folder: Path, limits: Limits, progress: Callable[[int], None]) -> Plain:
    """The part as plain, checked CSV; a gzip is unpacked into `folder`. `progress` gets bytes of the part read so far.

    Raises FileRefused: not CSV, not UTF-8, empty, a gzip cut short or beyond the bounds, a last row cut short.
    """
    try:
        with part.path.open("rb") as lying:
            head = lying.read(8)
            lying.seek(0)
            raw = _Hashed(lying)
            check = _Check(part.name)
            if head.startswith(_GZIP):
                path = folder / "part.csv"
                _unpack(part, raw, path, check, limits, progress)
            else:
                path = part.path
                _refuse_known(part.name, head)
                while chunk := raw.read(limits.chunk):
                    check.feed(chunk)
                    _bound(part.name, check.bytes, limits)
                    progress(raw.bytes)
        check.finish()
        header = _header(part.name, path, limits)
        blank_tail = _check_tail(part.name, path, check, len(header))
    except OSError as fault:
        raise _refused(part.name, 0, f"cannot be read: {fault.strerror or fault}") from None
    return Plain(path, raw.bytes, check.bytes, raw.sha256.hexdigest(), header, blank_tail)


class _Hashed(io.RawIOBase):
    """Reads another file and keeps count and hash of what it gave."""

    def __init__(self, below: IO[bytes]) -> None:
        self.below = below
        self.bytes = 0
        self.sha256 = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        chunk = self.below.read(size)
        self.bytes += len(chunk)
        self.sha256.update(chunk)
        return chunk


class _Check:
    """What can be told from the bytes alone: no NUL, proper UTF-8, and the count of quotation marks and lines."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.bytes = 0
        self.quotes = 0
        self.lines = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def feed(self, chunk: bytes) -> None:
        if self.bytes == 0:
            _refuse_known(self.name, chunk)
        if b"\0" in chunk:
            line = self.lines + chunk.count(b"\n", 0, chunk.index(b"\0")) + 1
            raise _refused(self.name, line, f"has a NUL byte, so it is no text: {_CSV_WANTED}")
        pending = bool(self._decoder.getstate()[0])
        if pending or not chunk.isascii():
            self._decode(chunk, final=False)
        self.bytes += len(chunk)
        self.quotes += chunk.count(b'"')
        self.lines += chunk.count(b"\n")

    def finish(self) -> None:
        self._decode(b"", final=True)
        if self.bytes == 0:
            raise _refused(self.name, 0, "is empty: a header line at least would be right")

    def _decode(self, chunk: bytes, *, final: bool) -> None:
        try:
            self._decoder.decode(chunk, final)
        except UnicodeDecodeError as fault:
            line = self.lines + chunk.count(b"\n", 0, max(fault.start, 0)) + 1
            raise _refused(self.name, line, f"has bytes that are no UTF-8: {_CSV_WANTED}") from None


def _unpack(
    part: Part, raw: _Hashed, path: Path, check: _Check, limits: Limits, progress: Callable[[int], None]
) -> None:
    """Write the unpacked text piece by piece; what is held in memory never exceeds a chunk."""
    try:
        with gzip.GzipFile(fileobj=raw, mode="rb") as packed, path.open("wb") as plain:
            while chunk := packed.read(limits.chunk):
                check.feed(chunk)
                _bound(part.name, check.bytes, limits)
                if check.bytes > limits.gzip_floor and check.bytes > limits.gzip_ratio * raw.bytes:
                    raise _refused(
                        part.name, 0,
                        f"unpacks to more than {limits.gzip_ratio} times its size (past the first "
                        f"{limits.gzip_floor // MEBIBYTE} MiB): no export does, real ones make about 8 times",
                    )  # fmt: skip
                plain.write(chunk)
                progress(raw.bytes)
    except EOFError:
        raise _refused(part.name, 0, "is a gzip that was cut short: fetch the file again") from None
    except (gzip.BadGzipFile, zlib.error) as fault:
        raise _refused(part.name, 0, f"is a damaged gzip ({fault}): fetch the file again") from None


def _bound(name: str, size: int, limits: Limits) -> None:
    if size > limits.unpacked_bytes:
        raise _refused(
            name, 0,
            f"holds more than {limits.unpacked_bytes} bytes of text, the most that one part may: "
            "let the export be partitioned",
        )  # fmt: skip


def _refuse_known(name: str, head: bytes) -> None:
    for magic, what in (*_NOT_CSV, (_GZIP, "a gzip within a gzip")):
        if head.startswith(magic):
            raise _refused(name, 0, f"is not CSV but {what}: {_CSV_WANTED}")


def _header(name: str, path: Path, limits: Limits) -> tuple[str, ...]:
    """The fields of the first line. Raises FileRefused where there is none within the bound."""
    with path.open("rb") as plain:
        line = plain.readline(limits.header_bytes + 1)
    if len(line) > limits.header_bytes:
        raise _refused(name, 1, f"has no line end within {limits.header_bytes} bytes, so it is no CSV: {_CSV_WANTED}")
    text = line.decode("utf-8-sig").strip("\r\n")
    if not text.strip():
        raise _refused(name, 1, "is empty where the header should be: the names of the columns would be right")
    fields = _fields(name, 1, text)
    return tuple(fields)


def _check_tail(name: str, path: Path, check: _Check, columns: int) -> int:
    """Refuse a last row that was cut short; the count of empty lines behind it.

    A line feed stands between rows only where the number of quotation marks before it is even, which is known from
    the end since all of them were counted.
    """
    if check.quotes % 2:
        raise _refused(name, 0, "has a quotation mark that is never closed: the file was cut short or is no CSV")
    window = 1 << 16
    with path.open("rb") as plain:
        while True:
            start = max(0, check.bytes - window)
            plain.seek(start)
            tail = plain.read()
            body = tail.rstrip(b"\r\n")
            first = _last_row(body)
            if first is not None or start == 0:
                break
            window *= 4
    if first is None:
        return max(0, tail[len(body) :].count(b"\n") - 1)  # the header alone
    ends = tail[len(body) :].count(b"\n")
    line = check.lines - tail.count(b"\n", first) + 1
    if not ends:
        raise _refused(name, line, "the last row has no line end where the others have one: the file was cut short")
    found = len(_fields(name, line, body[first:].decode("utf-8")))
    if found != columns:
        raise _refused(
            name, line, f"the last row has {found} columns where the header has {columns}: the file was cut short"
        )
    return ends - 1


def _last_row(body: bytes) -> int | None:
    """Where the last row begins: after the last line feed with an even number of quotation marks behind it."""
    end = len(body)
    quotes = 0
    while (found := body.rfind(b"\n", 0, end)) >= 0:
        quotes += body.count(b'"', found, end)
        if quotes % 2 == 0:
            return found + 1
        end = found
    return None


def _fields(name: str, line: int, text: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as fault:
        raise _refused(name, line, f"is no proper CSV ({fault})") from None


def _refused(file: str, line: int, message: str) -> FileRefused:
    return FileRefused([FileError(file, line, "", "", message)])
