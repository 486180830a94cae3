"""A file as it lies, checked so that it is safe to hand to the reader: within bounds, proper text, hashed.

A gzip is not unpacked to disk; what was checked of its text is handed on chunk by chunk.
"""

import codecs
import csv
import gzip
import hashlib
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from isal import igzip, igzip_lib

from creditsvc.core.csv_faults import csv_fault
from creditsvc.core.errors import FileError, FileRefused
from creditsvc.core.sentences import Sentence
from creditsvc.usage.readers.limits import MEBIBYTE, Limits
from creditsvc.usage.readers.parts import Part

_GZIP = b"\x1f\x8b"
_NOT_CSV = (
    (b"PK\x03\x04", Sentence("a zip archive or an Excel workbook")),
    (b"PK\x05\x06", Sentence("an empty zip archive")),
    (b"PAR1", Sentence("a Parquet file within a gzip")),
    (b"PARE", Sentence("an encrypted Parquet file")),
    (b"\xd0\xcf\x11\xe0", Sentence("an old Excel workbook")),
    (b"\xff\xfe", Sentence("text in UTF-16")),
    (b"\xfe\xff", Sentence("text in UTF-16")),
    (b"\x28\xb5\x2f\xfd", Sentence("a Zstandard archive")),
    (b"BZh", Sentence("a bzip2 archive")),
    (b"7z\xbc\xaf", Sentence("a 7z archive")),
    (b"%PDF", Sentence("a PDF")),
)
_DAMAGED = cast(type[Exception], igzip_lib.IsalError)
_TAIL = 1 << 16

_CSV_WANTED = Sentence("CSV in UTF-8, plain or compressed with gzip, or Parquet would be right")

Use = Callable[[bytes, int], None]
"""Takes a chunk of text, and how many quotation marks it has."""

csv.field_size_limit(1 << 30)  # Python's own bound of 128 KiB is less than a long list of tags may have


@dataclass(frozen=True)
class Plain:
    """A part that was checked and found to be text, plain or within a gzip (`plain_stream` reads either).

    `disk_bytes` and `sha256` are of the part as it lies, `plain_bytes` of its text. `blank_tail` counts empty lines
    after the last row, which the CSV reader takes for rows; `has_rows` is False for a header alone.
    """

    disk_bytes: int
    plain_bytes: int
    sha256: str
    header: tuple[str, ...]
    blank_tail: int
    has_rows: bool


def plain_stream(path: Path) -> IO[bytes]:
    """The text of a part as bytes, unpacked while it is read."""
    with path.open("rb") as lying:
        packed = lying.read(len(_GZIP)) == _GZIP
    return _unpacking(path) if packed else path.open("rb")


def _unpacking(packed: Path | io.RawIOBase) -> IO[bytes]:
    return cast(IO[bytes], igzip.open(packed, "rb"))  # type: ignore[no-untyped-call]


def check_plain(
    part: Part, limits: Limits, progress: Callable[[int], None], use: Use
) -> Plain:
    """Reads the part once and checks it. `use` gets its text in chunks, each when it was checked; `progress` the bytes
    of the part read so far.

    Raises FileRefused: not CSV, not UTF-8, empty, a gzip cut short or beyond the bounds, a last row cut short.
    """
    try:
        with part.path.open("rb") as lying:
            head = lying.read(8)
            lying.seek(0)
            raw = Hashed(lying)
            check = _Check(part.name, part.path, use)
            if head.startswith(_GZIP):
                _unpack(raw, check, limits, progress)
            else:
                _read_plain(raw, check, limits, progress)
        check.finish()
        header = _header(part.name, part.path, limits)
        has_rows, blank_tail = _check_tail(check, len(header))
    except OSError as fault:
        raise _refused(part.name, 0, Sentence("cannot be read: %(why)s", why=fault.strerror or fault)) from None
    return Plain(raw.bytes, check.bytes, raw.sha256.hexdigest(), header, blank_tail, has_rows)


class Hashed(io.RawIOBase):
    """Reads another file and keeps count and hash of what it gave; the hash is made beside the caller's own work."""

    def __init__(self, below: IO[bytes]) -> None:
        self.below = below
        self.bytes = 0
        self.sha256 = hashlib.sha256()

    def readable(self) -> bool:
        """It is a file for reading, as gzip asks to know."""
        return True

    def readinto(self, into: memoryview, /) -> int:  # type: ignore[override]
        """Reads the next chunk, already counted and hashed; `read` is made from it."""
        chunk = self.take(len(into))
        self.sha256.update(chunk)
        into[: len(chunk)] = chunk
        return len(chunk)

    def take(self, size: int) -> bytes:
        """The next chunk, counted; the caller has it hashed."""
        chunk = self.below.read(size)
        self.bytes += len(chunk)
        return chunk


class _Check:
    """What can be told from the bytes alone: no NUL, proper UTF-8, how many quotation marks there are, whether a
    carriage return stands outside of them, how it ends."""

    def __init__(self, name: str, path: Path, use: Use) -> None:
        self.name = name
        self.path = path
        self.use = use
        self.bytes = 0
        self.quotes = 0
        self.tail = b""
        self._returns = 0
        self._ends_in_return = False
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def feed(self, chunk: bytes) -> None:
        """Check the next chunk. Raises FileRefused."""
        if self.bytes == 0:
            _refuse_known(self.name, chunk)
        if b"\0" in chunk:
            line = self.line_at(self.bytes + chunk.index(b"\0"))
            wrong = Sentence("has a NUL byte, so it is no text: %(wanted)s", wanted=_CSV_WANTED)
            raise _refused(self.name, line, wrong)
        if not chunk.isascii() or self._decoder.getstate()[0]:
            self._decode(chunk, final=False)
        self.bytes += len(chunk)
        quotes = chunk.count(b'"')
        if self._ends_in_return or b"\r" in chunk:
            self._count_returns(chunk, quotes)
        self.quotes += quotes
        self.tail = chunk[-_TAIL:] if len(chunk) >= _TAIL else (self.tail + chunk)[-_TAIL:]
        self.use(chunk, quotes)

    def _count_returns(self, chunk: bytes, quotes: int) -> None:
        """Counts the carriage returns outside quotation marks that end no line; the chunk has so many marks."""
        if not self._ends_in_return and not chunk.endswith(b"\r") and chunk.count(b"\r") == chunk.count(b"\r\n"):
            return  # each has its line feed, so what takes longer need not be asked
        outside = _outside(chunk, self.quotes)
        ended = outside.count(b"\r\n") + (self._ends_in_return and chunk.startswith(b"\n"))
        self._returns += outside.count(b"\r") - ended
        self._ends_in_return = chunk.endswith(b"\r") and (self.quotes + quotes) % 2 == 0

    def finish(self) -> None:
        """Check the end. Raises FileRefused."""
        self._decode(b"", final=True)
        if self.bytes == 0:
            raise _refused(self.name, 0, Sentence("is empty: a header line at least would be right"))
        if self._returns:
            raise _refused(
                self.name, _lone_return(self.path),
                Sentence(
                    "has a carriage return that ends no line: the file is damaged, or was saved again by an old tool; "
                    "import the export as it was downloaded"
                ),
            )  # fmt: skip

    def line_at(self, offset: int) -> int:
        """The line in which a byte stands; only a refusal asks, so it is counted then."""
        lines = 1
        with plain_stream(self.path) as plain:
            while offset > 0 and (chunk := plain.read(min(offset, MEBIBYTE))):
                lines += chunk.count(b"\n")
                offset -= len(chunk)
        return lines

    def _decode(self, chunk: bytes, *, final: bool) -> None:
        pending = len(self._decoder.getstate()[0])
        try:
            self._decoder.decode(chunk, final)
        except UnicodeDecodeError as fault:
            line = self.line_at(self.bytes + fault.start - pending)
            wrong = Sentence("has bytes that are no UTF-8: %(wanted)s", wanted=_CSV_WANTED)
            raise _refused(self.name, line, wrong) from None


def _outside(text: bytes, quotes: int) -> bytes:
    """What of a text stands outside quotation marks, when so many went before, with a mark for what stands between;
    pairs of marks change no side, and stand for themselves."""
    return b'"'.join(text.replace(b'""', b"''").split(b'"')[quotes % 2 :: 2])


def _read_plain(raw: Hashed, check: _Check, limits: Limits, progress: Callable[[int], None]) -> None:
    """Check a part that is plain already, while the chunk before is hashed: hashing lets go of the interpreter."""
    with ThreadPoolExecutor(1) as beside:
        hashed = beside.submit(raw.sha256.update, b"")
        while chunk := raw.take(limits.chunk):
            hashed.result()
            hashed = beside.submit(raw.sha256.update, chunk)
            check.feed(chunk)
            _bound(check, limits)
            progress(raw.bytes)


def _unpack(raw: Hashed, check: _Check, limits: Limits, progress: Callable[[int], None]) -> None:
    """Check the unpacked text chunk by chunk, while the next is unpacked, which lets go of the interpreter.

    What is held in memory never exceeds two chunks.
    """
    try:
        with _unpacking(raw) as packed, ThreadPoolExecutor(1) as beside:
            coming = beside.submit(packed.read, limits.chunk)
            while chunk := coming.result():
                coming = beside.submit(packed.read, limits.chunk)
                check.feed(chunk)
                _bound(check, limits)
                if check.bytes > limits.gzip_floor and check.bytes > limits.gzip_ratio * raw.bytes:
                    raise _refused(
                        check.name, 0,
                        Sentence(
                            "unpacks to more than %(times)s times its size (past the first %(first)s MiB): no export "
                            "does, real ones make about 8 times",
                            times=limits.gzip_ratio, first=limits.gzip_floor // MEBIBYTE,
                        ),
                    )  # fmt: skip
                progress(raw.bytes)
    except EOFError:
        raise _refused(check.name, 0, Sentence("is a gzip that was cut short: fetch the file again")) from None
    except (gzip.BadGzipFile, _DAMAGED) as fault:
        wrong = Sentence("is a damaged gzip (%(why)s): fetch the file again", why=fault)
        raise _refused(check.name, 0, wrong) from None


def _bound(check: _Check, limits: Limits) -> None:
    if check.bytes > limits.unpacked_bytes:
        raise _refused(
            check.name, 0,
            Sentence(
                "holds more than %(most)s bytes of text, the most that one part may: let the export be partitioned",
                most=limits.unpacked_bytes,
            ),
        )  # fmt: skip


def _refuse_known(name: str, head: bytes) -> None:
    for magic, what in (*_NOT_CSV, (_GZIP, Sentence("a gzip within a gzip"))):
        if head.startswith(magic):
            raise _refused(name, 0, Sentence("is not CSV but %(what)s: %(wanted)s", what=what, wanted=_CSV_WANTED))


def _header(name: str, path: Path, limits: Limits) -> tuple[str, ...]:
    with plain_stream(path) as plain:
        return header_of(name, plain.readline(limits.header_bytes + 1), limits)


def header_of(name: str, line: bytes, limits: Limits) -> tuple[str, ...]:
    """The fields of the first line. Raises FileRefused where there is none within the bound."""
    if len(line) > limits.header_bytes:
        raise _refused(name, 1, Sentence(
            "has no line end within %(most)s bytes, so it is no CSV: %(wanted)s",
            most=limits.header_bytes, wanted=_CSV_WANTED,
        ))
    text = line.decode("utf-8-sig").strip("\r\n")
    if not text.strip():
        raise _refused(
            name, 1, Sentence("is empty where the header should be: the names of the columns would be right")
        )
    return tuple(_fields(name, 1, text))


def _check_tail(check: _Check, columns: int) -> tuple[bool, int]:
    """Whether there are rows, and how many empty lines follow the last; a last row that was cut short is refused.

    A line feed stands between rows only where the number of quotation marks before it is even, which is known from
    the end since all of them were counted.
    """
    name = check.name
    if check.quotes % 2:
        raise _refused(
            name, _open_quote(check.path),
            Sentence("a quotation mark is never closed: the file was cut short or is no CSV"),
        )
    window = len(check.tail)
    while True:
        tail = check.tail if window == len(check.tail) else _read_tail(check, window)
        start = check.bytes - len(tail)
        body = tail.rstrip(b"\r\n")
        first = _last_row(body)
        if first is not None or start == 0:
            break
        window *= 4
    if first is None:
        return False, 0  # the header alone
    ends = tail[len(body) :].count(b"\n")
    if not ends:
        line = check.line_at(start + first)
        raise _refused(
            name, line, Sentence("the last row has no line end where the others have one: the file was cut short")
        )
    found = len(_fields(name, 0, body[first:].decode("utf-8")))
    if found != columns:
        line = check.line_at(start + first)
        raise _refused(
            name, line,
            Sentence(
                "the last row has %(found)s columns where the header has %(columns)s: the file was cut short",
                found=found, columns=columns,
            ),
        )
    return True, ends - 1


def _read_tail(check: _Check, window: int) -> bytes:
    """The last bytes of the text, more than were held: only a row without end asks for them."""
    with plain_stream(check.path) as plain:
        plain.seek(max(0, check.bytes - window))
        return plain.read()


def _open_quote(path: Path) -> int:
    """The line in which the last quotation mark opens that nothing closes."""
    opened, inside = 0, False
    with plain_stream(path) as plain:
        for number, line in enumerate(plain, start=1):
            if line.count(b'"') % 2:
                inside = not inside
                opened = number if inside else opened
    return opened


def _lone_return(path: Path) -> int:
    """The first line in which a carriage return stands outside quotation marks, but for its end."""
    quotes = 0
    with plain_stream(path) as plain:
        for number, line in enumerate(plain, start=1):
            outside = line.split(b'"')[quotes % 2 :: 2]
            quotes += line.count(b'"')
            if any(b"\r" in piece.removesuffix(b"\r\n") for piece in outside):
                return number
    return 0


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
        raise _refused(name, line, csv_fault(fault)) from None


def _refused(file: str, line: int, message: Sentence) -> FileRefused:
    return FileRefused([FileError(file, line, "", "", message)])
