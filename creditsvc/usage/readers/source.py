"""Where an export lies: one file, a folder of parts with their manifest, or a zip of either (U1, U6)."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from creditsvc.core.errors import FileError, FileRefused
from creditsvc.core.sentences import Sentence
from creditsvc.usage.readers.limits import Limits
from creditsvc.usage.readers.manifest import Manifest as Manifest
from creditsvc.usage.readers.manifest import ManifestPart as ManifestPart
from creditsvc.usage.readers.manifest import parse_manifest
from creditsvc.usage.readers.parts import MANIFEST_NAMES as MANIFEST_NAMES
from creditsvc.usage.readers.parts import Part as Part
from creditsvc.usage.readers.parts import Source as Source
from creditsvc.usage.readers.parts import base_name, find_blob, missing
from creditsvc.usage.readers.zips import is_zip, source_of_zip


def open_source(path: Path) -> Source:
    """The export at `path`: a file, a folder with `manifest.json` or `_manifest.json`, or a zip. Raises FileRefused.

    Parts are looked for by the base name of their blob beside the manifest or below it, never outside the folder.
    """
    if path.is_dir():
        return _open_folder(path)
    if not path.is_file():
        raise _refused(path.name or str(path), Sentence("there is no such file or folder"))
    if path.name in MANIFEST_NAMES:
        return _open_folder(path.parent)
    return _source_of_file(Part(path.name, path))


def source_of_files(name: str, files: Sequence[Part], manifest: bytes | None) -> Source:
    """The export made of files at hand, or of one zip; with a manifest exactly the files that it names.

    Raises FileRefused.
    """
    if not files:
        raise _refused(name, Sentence("there is no file to read"))
    if manifest is None and len(files) == 1:
        return replace(_source_of_file(files[0]), name=name)
    if manifest is None:
        return Source(name, tuple(files), None)
    stated = parse_manifest(f"{name}: manifest", manifest)
    by_name: dict[str, Part] = {}
    for file in files:
        if base_name(file.name) in by_name:
            raise _refused(file.name, Sentence("was given twice under one name"))
        by_name[base_name(file.name)] = file
    parts = []
    for part in stated.parts:
        base = base_name(part.name)
        found = by_name.pop(base, None)
        if found is None:
            raise missing(name, part.name)
        parts.append(found)
    if by_name:
        raise _refused(
            next(iter(by_name)), Sentence("is not named by the manifest: give the files of one export alone")
        )
    return Source(name, tuple(parts), stated)


def _source_of_file(file: Part) -> Source:
    try:
        if is_zip(file.path):
            return source_of_zip(file)
    except OSError as fault:
        raise _refused(file.name, Sentence("cannot be read: %(why)s", why=fault.strerror)) from None
    return Source(file.name, (file,), None)


def _open_folder(folder: Path) -> Source:
    name = folder.name or folder.resolve().name
    found = next((folder / known for known in MANIFEST_NAMES if (folder / known).is_file()), None)
    if found is None:
        raise _refused(
            name,
            Sentence(
                "is a folder without a manifest: give the folder that holds manifest.json (or _manifest.json), "
                "or name each file of its own"
            ),
        )
    try:
        if found.stat().st_size > Limits().manifest_bytes:
            raise _refused(
                found.name, Sentence("is larger than %(most)s bytes: no manifest is", most=Limits().manifest_bytes)
            )
        manifest = parse_manifest(f"{name}/{found.name}", found.read_bytes())
    except OSError as fault:
        raise _refused(f"{name}/{found.name}", Sentence("cannot be read: %(why)s", why=fault.strerror)) from None
    below = _files_below(folder)
    parts = [Part(base_name(part.name), folder / find_blob(name, below, part.name)) for part in manifest.parts]
    paths = [part.path for part in parts]
    for part in parts:
        if paths.count(part.path) > 1:
            raise _refused(
                f"{name}/{part.name}",
                Sentence("is named twice by the manifest, and there is only one such file"),
            )
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


def _refused(file: str, message: Sentence, value: str = "") -> FileRefused:
    return FileRefused([FileError(file, 0, "", value, message)])
