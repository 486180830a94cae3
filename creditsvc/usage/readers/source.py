"""Where an export lies: one file, or a folder of parts with their manifest (U1, U6)."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from creditsvc.core.errors import FileError, FileRefused
from creditsvc.usage.readers.limits import Limits
from creditsvc.usage.readers.manifest import Manifest as Manifest
from creditsvc.usage.readers.manifest import ManifestPart as ManifestPart
from creditsvc.usage.readers.manifest import parse_manifest

MANIFEST_NAMES = ("manifest.json", "_manifest.json")


@dataclass(frozen=True)
class Part:
    """One file of an export: the name that people see, and where it lies."""

    name: str
    path: Path


@dataclass(frozen=True)
class Source:
    """One export to read; with a manifest the parts are those it names, in its order.

    `manifest_file` is where the manifest lies, for an export on disk.
    """

    name: str
    parts: tuple[Part, ...]
    manifest: Manifest | None
    manifest_file: Path | None = None


def open_source(path: Path) -> Source:
    """The export at `path`: a file, or a folder with `manifest.json` or `_manifest.json`. Raises FileRefused.

    Parts are looked for by the base name of their blob beside the manifest or below it, never outside the folder.
    """
    if path.is_dir():
        return _open_folder(path)
    if not path.is_file():
        raise _refused(path.name or str(path), "there is no such file or folder")
    if path.name in MANIFEST_NAMES:
        return _open_folder(path.parent)
    return Source(path.name, (Part(path.name, path),), None)


def source_of_files(name: str, files: Sequence[Part], manifest: bytes | None) -> Source:
    """The export made of files at hand; with a manifest exactly the files that it names. Raises FileRefused."""
    if not files:
        raise _refused(name, "there is no file to read")
    if manifest is None:
        return Source(name, tuple(files), None)
    stated = parse_manifest(f"{name}: manifest", manifest)
    by_name: dict[str, Part] = {}
    for file in files:
        if _base_name(file.name) in by_name:
            raise _refused(file.name, "was given twice under one name")
        by_name[_base_name(file.name)] = file
    parts = []
    for part in stated.parts:
        base = _base_name(part.name)
        found = by_name.pop(base, None)
        if found is None:
            raise _missing(name, part.name)
        parts.append(found)
    if by_name:
        raise _refused(next(iter(by_name)), "is not named by the manifest: give the files of one export alone")
    return Source(name, tuple(parts), stated)


def _open_folder(folder: Path) -> Source:
    name = folder.name or folder.resolve().name
    found = next((folder / known for known in MANIFEST_NAMES if (folder / known).is_file()), None)
    if found is None:
        raise _refused(
            name,
            "is a folder without a manifest: give the folder that holds manifest.json (or _manifest.json), "
            "or name each file of its own",
        )
    try:
        if found.stat().st_size > Limits().manifest_bytes:
            raise _refused(found.name, f"is larger than {Limits().manifest_bytes} bytes: no manifest is")
        manifest = parse_manifest(f"{name}/{found.name}", found.read_bytes())
    except OSError as fault:
        raise _refused(f"{name}/{found.name}", f"cannot be read: {fault.strerror}") from None
    below = _files_below(folder)
    parts = [Part(_base_name(part.name), _find(name, folder, below, part.name)) for part in manifest.parts]
    paths = [part.path for part in parts]
    for part in parts:
        if paths.count(part.path) > 1:
            raise _refused(f"{name}/{part.name}", "is named twice by the manifest, and there is only one such file")
    return Source(name, tuple(parts), manifest, found)


def _files_below(folder: Path) -> dict[str, list[PurePosixPath]]:
    """Every file of the folder by base name, as paths relative to it; links out of the folder do not count."""
    root = folder.resolve()
    found: dict[str, list[PurePosixPath]] = {}
    for where, _, names in os.walk(folder):
        for name in names:
            path = Path(where) / name
            if path.resolve().is_relative_to(root) and path.is_file():
                found.setdefault(name, []).append(PurePosixPath(path.relative_to(folder).as_posix()))
    return found


def _find(name: str, folder: Path, below: dict[str, list[PurePosixPath]], blob: str) -> Path:
    """The file of a blob: of several with its base name the one that shares most of its path."""
    candidates = below.get(_base_name(blob), [])
    if not candidates:
        raise _missing(name, blob)
    wanted = PurePosixPath(blob.replace("\\", "/")).parts
    shared = {candidate: _common_tail(wanted, candidate.parts) for candidate in candidates}
    best = max(shared.values())
    chosen = [candidate for candidate, length in shared.items() if length == best]
    if len(chosen) > 1:
        chosen = [candidate for candidate in chosen if len(candidate.parts) == 1] or chosen
    if len(chosen) > 1:
        raise _refused(f"{name}/{chosen[0].name}", "is there several times below the manifest: keep one of them")
    return folder / chosen[0]


def _common_tail(left: tuple[str, ...], right: tuple[str, ...]) -> int:
    length = 0
    for one, other in zip(reversed(left), reversed(right), strict=False):
        if one != other:
            break
        length += 1
    return length


def _base_name(blob: str) -> str:
    """The last piece of a blob's name, whatever its folders say; `..` and its like name no file."""
    base = PurePosixPath(blob.replace("\\", "/")).name
    return "" if base in (".", "..") else base


def _missing(name: str, blob: str) -> FileRefused:
    return _refused(
        name, "the manifest names a part that is not here: an export counts with all its parts or not at all", blob
    )


def _refused(file: str, message: str, value: str = "") -> FileRefused:
    return FileRefused([FileError(file, 0, "", value, message)])
