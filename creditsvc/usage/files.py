"""Files kept: in compressed pieces in a table, where another host finds them; large local ones by path and hash."""

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import delete, select

from creditsvc.columns import bulk_insert
from creditsvc.core.errors import Conflict
from creditsvc.db import db
from creditsvc.parties.access import Caller
from creditsvc.usage.models import FilePiece, ImportFile, ImportRun
from creditsvc.usage.readers.source import MANIFEST_NAMES, Part, Source, source_of_files
from creditsvc.usage.readers.totals import PartRead

PIECE_BYTES = 1 << 20
KEPT_BYTES = 64 << 20
"""The most compressed bytes of a file that are kept in the table."""

COMPRESSED = (b"\x1f\x8b", b"PK", b"PAR1")
"""How files begin that would not get smaller: gzip, zip, Parquet."""

KEPT_FOR = timedelta(days=731)
"""24 months."""


@dataclass(frozen=True)
class Packed:
    """A file ready to be kept: its pieces, compressed, or None with the path where a larger one lies."""

    name: str
    sha256: str
    size: int
    pieces: tuple[bytes, ...] | None
    path: str | None = None


def pack(name: str, stream: BinaryIO, path: Path | None = None) -> Packed:
    """Reads a file once, outside any transaction; what comes compressed is kept as it is.

    A file with a `path` that compresses to more than KEPT_BYTES is kept by its path and hash; without one
    (an upload) it is Conflict("files", "too-large").
    """
    digest, size, kept = hashlib.sha256(), 0, 0
    pieces: list[bytes] | None = []
    level = 6
    while content := stream.read(PIECE_BYTES):
        if not size and content.startswith(COMPRESSED):
            level = 0
        digest.update(content)
        size += len(content)
        if pieces is not None:
            pieces.append(zlib.compress(content, level))
            kept += len(pieces[-1])
            if kept > KEPT_BYTES:
                if path is None:
                    raise Conflict(
                        "files", "too-large",
                        "%(name)s is larger than %(bound)s MiB compressed: import it with the command `usage import`",
                        name=name, bound=KEPT_BYTES >> 20,
                    )
                pieces = None
    if pieces is None:
        return Packed(name, digest.hexdigest(), size, None, str(path))
    return Packed(name, digest.hexdigest(), size, tuple(pieces))


def pack_source(source: Source, read: Sequence[PartRead] = ()) -> list[Packed]:
    """The parts of an export on disk, packed, and behind them its manifest; a zip is kept as it is.

    `read` are the parts as they were read; one that comes compressed and is too large to be kept in the table is not
    read again for its hash.
    """
    if source.archive is not None:
        return [_packed(source.archive.name, source.archive.path)]
    packed = [
        _too_large(part, read[number] if number < len(read) else None) or _packed(part.name, part.path)
        for number, part in enumerate(source.parts)
    ]
    if source.manifest_file is not None:
        packed.append(_packed(source.manifest_file.name, source.manifest_file))
    return packed


def _packed(name: str, path: Path) -> Packed:
    with path.open("rb") as stream:
        return pack(name, stream, path.resolve())


def _too_large(part: Part, read: PartRead | None) -> Packed | None:
    """A part that can only be kept by its path, None where that is not known without packing it."""
    if read is None or (read.name, read.bytes) != (part.name, part.path.stat().st_size) or read.bytes <= KEPT_BYTES:
        return None
    with part.path.open("rb") as stream:
        if not stream.read(4).startswith(COMPRESSED):
            return None
    return Packed(part.name, read.sha256, read.bytes, None, str(part.path.resolve()))


def keep(run: ImportRun, files: Sequence[Packed], rows: Sequence[int] | None = None) -> None:
    """Adds the files to the run, with the number of rows of each once they are known (a manifest has none)."""
    for position, packed in enumerate(files):
        file = ImportFile(
            run_id=run.id, position=position, name=packed.name[:300], sha256=packed.sha256, bytes=packed.size,
            rows=rows[position] if rows and position < len(rows) else 0,
            kept="path" if packed.pieces is None else "pieces", path=packed.path,
        )
        db.session.add(file)
        db.session.flush()
        numbered = [(file.id, number, piece) for number, piece in enumerate(packed.pieces or ())]
        bulk_insert(FilePiece, ("file_id", "number", "data"), numbered)


def queue_run(caller: Caller, name: str, files: Sequence[Packed]) -> ImportRun:
    """Keeps uploaded files as a run that is queued, for whoever has been allowed to."""
    content = hashlib.sha256("\n".join(file.sha256 for file in files).encode("ascii")).hexdigest()
    run = ImportRun(
        status="queued", name=name[:300], content_hash=content, submitted_at=caller.now, received_at=caller.now,
        actor=caller.actor, report={},
    )
    db.session.add(run)
    db.session.flush()
    keep(run, files)
    return run


def source_of_run(run_id: int, folder: Path) -> Source:
    """The run's kept files written into `folder`, as a source to read.

    Raises Conflict("run", "not-kept") when a file was not kept, or is gone or another than it was.
    """
    run = db.session.get_one(ImportRun, run_id)
    files = db.session.scalars(
        select(ImportFile).where(ImportFile.run_id == run_id).order_by(ImportFile.position)
    ).all()
    parts: list[Part] = []
    manifest: bytes | None = None
    for file in files:
        if Path(file.name).name in MANIFEST_NAMES:
            manifest = b"".join(_pieces(file))
            continue
        path = folder / f"{file.position:06d}"
        with path.open("wb") as target:
            for content in _pieces(file):
                target.write(content)
        parts.append(Part(file.name, path))
    return source_of_files(run.name, parts, manifest)


def _pieces(file: ImportFile) -> Iterator[bytes]:
    if file.kept == "path" and file.path is not None:
        yield from _pieces_of_path(file, Path(file.path))
        return
    digest = hashlib.sha256()
    numbers = db.session.scalars(select(FilePiece.number).where(FilePiece.file_id == file.id)).all()
    for number in sorted(numbers):
        content = zlib.decompress(db.session.get_one(FilePiece, (file.id, number)).data)
        digest.update(content)
        yield content
    if file.kept == "no" or digest.hexdigest() != file.sha256:
        raise Conflict("run", "not-kept", "%(name)s was not kept: import the file again", name=file.name)


def _pieces_of_path(file: ImportFile, path: Path) -> Iterator[bytes]:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while content := stream.read(PIECE_BYTES):
                digest.update(content)
                yield content
    except OSError as fault:
        raise Conflict("run", "not-kept", "%(name)s is no longer where it was imported from: %(why)s",
                       name=file.name, why=fault.strerror) from None
    if digest.hexdigest() != file.sha256:
        raise Conflict("run", "not-kept", "%(name)s is no longer what was imported", name=file.name)


def drop_old_pieces(now: datetime, at_most: int = 20) -> int:
    """Forgets the content of files received over 24 months ago, so many at once, and returns of how many; their hashes
    stay.
    """
    old = db.session.scalars(
        select(ImportFile)
        .join(ImportRun, ImportRun.id == ImportFile.run_id)
        .where(ImportRun.received_at < now - KEPT_FOR, ImportFile.kept == "pieces")
        .order_by(ImportFile.id).limit(at_most)
    ).all()
    for file in old:
        db.session.execute(delete(FilePiece).where(FilePiece.file_id == file.id))
        file.kept = "no"
    return len(old)
