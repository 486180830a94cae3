"""The zip in which people download an export: its folder with the manifest, or one file (U1, U6).

Nothing in it is believed: names that lead elsewhere, entries without number, and sizes that no export has are refused
before anything is unpacked.
"""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import BinaryIO, Final

from creditsvc.core.errors import FileError, FileRefused
from creditsvc.core.sentences import Sentence
from creditsvc.usage.readers.limits import Limits
from creditsvc.usage.readers.manifest import Manifest, parse_manifest
from creditsvc.usage.readers.parts import MANIFEST_NAMES, Part, Source, base_name, find_blob

MAGIC: Final = b"PK\x03\x04"
_EMPTY: Final = b"PK\x05\x06"
_END: Final = b"PK\x05\x06"
_END_64: Final = b"PK\x06\x06"
_MOST_COMMENT: Final = 1 << 16
_CHUNK: Final = 1 << 20
_ENCRYPTED: Final = 0x1
_FAULTS: Final = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error, EOFError, ValueError, NotImplementedError,
    OSError,
)  # fmt: skip
"""What the library raises for a zip that is not as it should be."""

_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_LEFT_BEHIND: Final = (".ds_store", "thumbs.db", "desktop.ini")
"""What file managers put beside the files of a folder."""


def is_zip(path: Path) -> bool:
    """Whether the file begins as a zip does. Raises OSError."""
    with path.open("rb") as lying:
        return lying.read(4) in (MAGIC, _EMPTY)


def source_of_zip(file: Part, limits: Limits | None = None) -> Source:
    """The export in a zip, its parts not unpacked yet (`unpacked`). Raises FileRefused."""
    bounds = limits or Limits()
    entries = _entries(file, bounds)
    found = [path for path in entries if path.name in MANIFEST_NAMES]
    if not found:
        entry = _single(file.name, list(entries.values()))
        _check_sizes(file, [entry], bounds)
        part = Part(base_name(entry.filename), file.path, entry.filename)
        return Source(file.name, (part,), None, archive=file)
    folders = sorted({path.parent for path in found})
    if len(folders) > 1:
        named = ", ".join(map(str, folders[:3]))
        raise _refused(file.name, Sentence(
            "holds %(count)s exports (%(named)s): a zip of each of its own would be right",
            count=len(folders), named=named,
        ))
    where = next(folders[0] / name for name in MANIFEST_NAMES if folders[0] / name in entries)
    manifest = _manifest(file, entries[where], bounds)
    below: dict[str, list[PurePosixPath]] = {}
    for path in entries:
        if path.is_relative_to(where.parent):
            below.setdefault(path.name, []).append(path.relative_to(where.parent))
    named_parts = [entries[where.parent / find_blob(file.name, below, part.name)] for part in manifest.parts]
    for entry in named_parts:
        if named_parts.count(entry) > 1:
            raise _refused(
                f"{file.name}/{entry.filename}",
                Sentence("is named twice by the manifest, and there is only one such file"),
            )
    _check_sizes(file, named_parts, bounds)
    parts = tuple(Part(base_name(entry.filename), file.path, entry.filename) for entry in named_parts)
    return Source(file.name, parts, manifest, archive=file)


def _manifest(file: Part, entry: zipfile.ZipInfo, limits: Limits) -> Manifest:
    name = f"{file.name}/{entry.filename}"
    if entry.file_size > limits.manifest_bytes:
        raise _refused(name, Sentence("is larger than %(most)s bytes: no manifest is", most=limits.manifest_bytes))
    with _opened(file) as archive:
        content = b"".join(_pieces(archive, entry, file.name))
    return parse_manifest(name, content)


@contextmanager
def unpacked(source: Source, limits: Limits) -> Iterator[Source]:
    """The source with the parts of a zip as files of their own, which are gone again afterwards. Raises FileRefused."""
    if source.archive is None:
        yield source
        return
    with TemporaryDirectory(prefix="creditsvc-") as folder:
        parts = []
        with _opened(source.archive) as archive:
            for number, part in enumerate(source.parts):
                path = Path(folder) / str(number)
                with path.open("wb") as target:
                    for piece in _pieces(archive, archive.getinfo(part.member or ""), source.archive.name):
                        target.write(piece)
                parts.append(replace(part, path=path, member=None))
        yield replace(source, parts=tuple(parts))


def _single(name: str, entries: list[zipfile.ZipInfo]) -> zipfile.ZipInfo:
    """The one file of a zip without a manifest."""
    if not entries:
        raise _refused(name, Sentence("is a zip without a file in it"))
    if any(entry.filename == "[Content_Types].xml" for entry in entries):
        raise _refused(name, Sentence("is an Excel workbook: import the export as it was downloaded"))
    if len(entries) > 1:
        raise _refused(
            name,
            Sentence(
                "is a zip of %(count)s files without a manifest: one file alone, or the folder that holds "
                "manifest.json (or _manifest.json), would be right",
                count=len(entries),
            ),
        )
    return entries[0]


def _entries(file: Part, limits: Limits) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """The files in a zip by their path, each checked; folders and what file managers leave behind are none."""
    try:
        with file.path.open("rb") as lying:
            _check_directory(file.name, lying, limits)
    except OSError as fault:
        raise _refused(file.name, Sentence("cannot be read: %(why)s", why=fault.strerror or fault)) from None
    with _opened(file) as archive:
        listed = archive.infolist()
    if len(listed) > limits.zip_entries:
        raise _refused(file.name, Sentence(
            "is a zip of %(count)s entries, more than %(most)s: no export has",
            count=len(listed), most=limits.zip_entries,
        ))
    found: dict[PurePosixPath, zipfile.ZipInfo] = {}
    for entry in listed:
        path = _path(file.name, entry)
        if entry.filename.endswith(("/", "\\")) or _is_left_behind(path):
            continue
        if path in found:
            raise _refused(
                f"{file.name}/{entry.filename}", Sentence("is there twice: a zip that was made anew would be right")
            )
        if entry.flag_bits & _ENCRYPTED:
            raise _refused(
                f"{file.name}/{entry.filename}", Sentence("is encrypted: a zip without a password would be right")
            )
        if entry.compress_type not in _METHODS:
            raise _refused(
                f"{file.name}/{entry.filename}",
                Sentence(
                    "is compressed by method %(method)s, which is not read: 0 or 8 (deflate) would be right",
                    method=entry.compress_type,
                ),
            )
        found[path] = entry
    return found


def _check_directory(name: str, lying: BinaryIO, limits: Limits) -> None:
    """The list of entries is read whole by the library, so its size is bounded before."""
    size = lying.seek(0, 2)
    start = max(0, size - _MOST_COMMENT - 22 - 76)
    lying.seek(start)
    tail = lying.read()
    end = tail.rfind(_END)
    if end < 0 or len(tail) - end < 22:
        raise _refused(name, Sentence("is a zip that was cut short: fetch it again"))
    length = int.from_bytes(tail[end + 12 : end + 16], "little")
    if length == 0xFFFFFFFF:
        wide = tail.rfind(_END_64, 0, end)
        length = int.from_bytes(tail[wide + 40 : wide + 48], "little") if wide >= 0 else length
    if length > limits.zip_directory_bytes:
        raise _refused(name, Sentence(
            "lists its entries in %(bytes)s bytes: no export needs %(most)s",
            bytes=length, most=limits.zip_directory_bytes,
        ))


def _path(zip_name: str, entry: zipfile.ZipInfo) -> PurePosixPath:
    """The path of an entry, which must stay below the folder of the zip; some tools write backslashes."""
    name = entry.orig_filename
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or not path.parts or ".." in path.parts or ":" in path.parts[0] or "\0" in name:
        raise _refused(
            zip_name, Sentence("an entry's name leads out of the zip: made anew from the folder would be right"), name
        )
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise _refused(
            zip_name, Sentence("an entry is a link: made anew from the files themselves would be right"), name
        )
    return path


def _is_left_behind(path: PurePosixPath) -> bool:
    return path.parts[0] == "__MACOSX" or path.name.startswith("._") or path.name.lower() in _LEFT_BEHIND


def _check_sizes(file: Part, entries: list[zipfile.ZipInfo], limits: Limits) -> None:
    """What will be unpacked stays within the bounds; the library stops an entry at the size that it states."""
    whole = sum(entry.file_size for entry in entries)
    if whole > limits.unpacked_bytes:
        raise _refused(file.name, Sentence(
            "unpacks to %(bytes)s bytes: %(most)s at most would be right", bytes=whole, most=limits.unpacked_bytes
        ))
    if whole > limits.gzip_floor and whole > limits.gzip_ratio * file.path.stat().st_size:
        raise _refused(
            file.name,
            Sentence(
                "unpacks to more than %(times)s times its size: no export does, real ones make 8",
                times=limits.gzip_ratio,
            ),
        )


@contextmanager
def _opened(file: Part) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(file.path)
    except _FAULTS as fault:
        raise _damaged(file.name, fault) from None
    with archive:
        yield archive


def _pieces(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> Iterator[bytes]:
    """An entry, unpacked piece by piece; its checksum is checked by the library at its end."""
    try:
        with archive.open(entry) as packed:
            while piece := packed.read(_CHUNK):
                yield piece
    except _FAULTS as fault:
        raise _damaged(f"{name}/{entry.filename}", fault) from None


def _damaged(name: str, fault: Exception) -> FileRefused:
    why = str(fault) or Sentence("it ends too early")
    return _refused(name, Sentence("is a damaged zip (%(why)s): fetch it again", why=why))


def _refused(file: str, message: Sentence, value: str = "") -> FileRefused:
    return FileRefused([FileError(file, 0, "", value, message)])
