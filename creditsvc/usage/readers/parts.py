"""The pieces of an export: its files, where each lies, and how a manifest's blob finds its file (U1, U6)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from creditsvc.core.errors import FileError, FileRefused
from creditsvc.core.sentences import Sentence
from creditsvc.usage.readers.manifest import Manifest

MANIFEST_NAMES = ("manifest.json", "_manifest.json")


@dataclass(frozen=True)
class Part:
    """One file of an export: the name that people see, and where it lies; `member` is its path in a zip."""

    name: str
    path: Path
    member: str | None = None


@dataclass(frozen=True)
class Source:
    """One export to read; with a manifest the parts are those it names, in its order.

    `manifest_file` is where the manifest lies, for an export on disk; `archive` is the zip that all of it lies in.
    """

    name: str
    parts: tuple[Part, ...]
    manifest: Manifest | None
    manifest_file: Path | None = None
    archive: Part | None = None


def find_blob(name: str, below: Mapping[str, Sequence[PurePosixPath]], blob: str) -> PurePosixPath:
    """The file of a blob among those `below` the manifest, by base name; of several the one that shares most of its
    path. Raises FileRefused."""
    candidates = below.get(base_name(blob), [])
    if not candidates:
        raise missing(name, blob)
    wanted = PurePosixPath(blob.replace("\\", "/")).parts
    shared = {candidate: _common_tail(wanted, candidate.parts) for candidate in candidates}
    best = max(shared.values())
    chosen = [candidate for candidate, length in shared.items() if length == best]
    if len(chosen) > 1:
        chosen = [candidate for candidate in chosen if len(candidate.parts) == 1] or chosen
    if len(chosen) > 1:
        several = Sentence("is there several times below the manifest: keep one of them")
        raise _refused(f"{name}/{chosen[0].name}", several)
    return chosen[0]


def _common_tail(left: tuple[str, ...], right: tuple[str, ...]) -> int:
    length = 0
    for one, other in zip(reversed(left), reversed(right), strict=False):
        if one != other:
            break
        length += 1
    return length


def base_name(blob: str) -> str:
    """The last piece of a blob's name, whatever its folders say; `..` and its like name no file."""
    base = PurePosixPath(blob.replace("\\", "/")).name
    return "" if base in (".", "..") else base


def missing(name: str, blob: str) -> FileRefused:
    """The refusal of an export without a part that its manifest names."""
    return _refused(
        name,
        Sentence("the manifest names a part that is not here: an export counts with all its parts or not at all"),
        blob,
    )


def _refused(file: str, message: Sentence, value: str = "") -> FileRefused:
    return FileRefused([FileError(file, 0, "", value, message)])
