"""A zip as people download it is read; one that is not what it says is refused by name, before it is unpacked."""

import io
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from creditsvc.core.errors import FileError, FileRefused
from creditsvc.usage.readers.limits import MEBIBYTE, Limits
from creditsvc.usage.readers.parts import Part
from creditsvc.usage.readers.source import open_source
from creditsvc.usage.readers.zips import source_of_zip
from tests.usage.readers.exports import EA_ROW, read, refused, text_of, written
from tests.usage.readers.making import manifest_of, parquet_bytes, zip_bytes

GOOD = text_of(EA_ROW, [{}, {}]).encode()
PARTS = {"a.csv": GOOD, "b.csv": text_of(EA_ROW, [{"Cost": "2"}]).encode()}
MANIFEST = manifest_of(PARTS, [2, 1])


@pytest.mark.parametrize("files", [
    {"june.csv": GOOD},
    {"there/june.csv": GOOD},
    {"there\\june.csv": GOOD},  # as an old Windows tool writes it
    {"there/": b"", "there/june.csv": GOOD, "__MACOSX/there/._june.csv": b"\0", "there/Thumbs.db": b"\0"},
])  # fmt: skip
def test_a_zip_of_one_file_is_that_file(tmp_path: Path, files: dict[str, bytes]) -> None:
    export = read(written(tmp_path, zip_bytes(files), "june.zip"))

    assert [(part.name, part.rows) for part in export.parts] == [("june.csv", 2)]
    assert export.totals["amount"].to_list() == [300_000_000]


@pytest.mark.parametrize("folder", ["", "daily/", "daily/20260301-20260331/", "daily\\"])
def test_a_zip_of_an_export_has_its_parts_and_its_manifest(tmp_path: Path, folder: str) -> None:
    files = {f"{folder}{name}": content for name, content in {**PARTS, "manifest.json": MANIFEST}.items()}

    export = read(written(tmp_path, zip_bytes(files), "daily.zip"))

    assert [(part.name, part.rows) for part in export.parts] == [("a.csv", 2), ("b.csv", 1)]
    assert export.manifest is not None
    assert export.totals["amount"].to_list() == [500_000_000]


def test_parts_of_a_zip_may_be_parquet_or_compressed_themselves(tmp_path: Path) -> None:
    parquet = parquet_bytes([EA_ROW])

    export = read(written(tmp_path, zip_bytes({"june.parquet": parquet}, zipfile.ZIP_STORED), "june.zip"))

    assert (export.rows, export.parts[0].bytes) == (1, len(parquet))


def test_reading_a_zip_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, zip_bytes({"june.csv": GOOD}), "june.zip")
    (tmp_path / "temp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temp"))

    read(path)

    assert list((tmp_path / "temp").iterdir()) == []


def doubled() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("june.csv", GOOD)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("june.csv", GOOD)
    return target.getvalue()


def linked() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        entry = zipfile.ZipInfo("june.csv")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")
    return target.getvalue()


def encrypted() -> bytes:
    """A zip whose entry says that it is encrypted, in both places where it is said."""
    content = bytearray(zip_bytes({"june.csv": GOOD}))
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(magic) + at] |= 1
    return bytes(content)


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing in it": (lambda: zip_bytes({}), "without a file"),
    "a folder alone": (lambda: zip_bytes({"there/": b""}), "without a file"),
    "several files": (lambda: zip_bytes(PARTS), "a zip of 2 files without a manifest"),
    "two exports": (
        lambda: zip_bytes({"one/manifest.json": MANIFEST, "two/manifest.json": MANIFEST}), "holds 2 exports (one, two)",
    ),
    "a part that is not there": (
        lambda: zip_bytes({"a.csv": GOOD, "manifest.json": MANIFEST}), "names a part that is not here",
    ),
    "another part than stated": (
        lambda: zip_bytes({**PARTS, "a.csv": GOOD + b"\n", "manifest.json": MANIFEST}), "where the manifest states",
    ),
    "a zip": (lambda: zip_bytes({"june.zip": zip_bytes({"june.csv": GOOD})}), "a zip archive"),
    "a workbook": (
        lambda: zip_bytes({"[Content_Types].xml": b"", "xl/workbook.xml": b""}), "an Excel workbook",
    ),
    "a way out": (lambda: zip_bytes({"../june.csv": GOOD}), "leads out of the zip"),
    "a way out further down": (lambda: zip_bytes({"there/../../june.csv": GOOD}), "leads out of the zip"),
    "a way out in Windows": (lambda: zip_bytes({"..\\june.csv": GOOD}), "leads out of the zip"),
    "the root": (lambda: zip_bytes({"/etc/june.csv": GOOD}), "leads out of the zip"),
    "a drive": (lambda: zip_bytes({"C:/june.csv": GOOD}), "leads out of the zip"),
    "a link": (linked, "is a link"),
    "twice the same": (doubled, "is there twice"),
    "the same by another spelling": (lambda: zip_bytes({"a/b.csv": GOOD, "a\\b.csv": GOOD}), "is there twice"),
    "encrypted": (encrypted, "is encrypted"),
    "packed by bzip2": (lambda: zip_bytes({"june.csv": GOOD}, zipfile.ZIP_BZIP2), "compressed by method 12"),
    "cut short": (lambda: zip_bytes({"june.csv": GOOD})[:-30], "cut short"),
    "damaged": (lambda: zip_bytes({"june.csv": GOOD}, zipfile.ZIP_STORED).replace(b"1.5", b"9.5"), "damaged zip"),
    "its list damaged": (
        lambda: zip_bytes({"june.csv": GOOD}).replace(b"PK\x01\x02", b"PK\x01\x03"), "damaged zip",
    ),
    "an unknown file": (lambda: zip_bytes({"notes.txt": b"hello\n"}), "known"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_zip_that_is_no_export_is_refused_by_name(tmp_path: Path, name: str) -> None:
    make, words = REFUSED[name]

    error = refused(written(tmp_path, make(), "june.zip"))[0]

    assert words in error.message
    assert error.file


def refused_within(path: Path, limits: Limits) -> FileError:
    with pytest.raises(FileRefused) as refusal:
        source_of_zip(Part(path.name, path), limits)
    return refusal.value.errors[0]


def test_more_entries_than_any_export_has_are_refused_before_they_are_listed(tmp_path: Path) -> None:
    path = written(tmp_path, zip_bytes({f"{number}.csv": b"" for number in range(100)}), "many.zip")

    assert "100 entries, more than 99" in refused_within(path, Limits(zip_entries=99)).message
    assert "lists its entries in" in refused_within(path, Limits(zip_directory_bytes=1000)).message


def test_a_zip_bomb_is_refused_by_what_it_states_with_flat_memory(tmp_path: Path) -> None:
    path = written(tmp_path, zip_bytes({"june.csv": b"," * (64 * MEBIBYTE)}), "bomb.zip")
    tracemalloc.start()

    by_ratio = refused_within(path, Limits())
    by_size = refused_within(path, Limits(unpacked_bytes=MEBIBYTE))

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "200 times its size" in by_ratio.message
    assert "unpacks to 67108864 bytes" in by_size.message
    assert peak < 8 * MEBIBYTE


def test_an_entry_that_holds_more_than_it_states_is_not_unpacked_further(tmp_path: Path) -> None:
    content = bytearray(zip_bytes({"june.csv": GOOD * 1000}))
    for magic, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        where = content.index(magic) + at
        content[where : where + 4] = len(GOOD).to_bytes(4, "little")

    error = refused(written(tmp_path, bytes(content), "june.zip"))[0]

    assert "damaged zip" in error.message


def test_a_zip_that_is_gone_or_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="no such file"):
        open_source(tmp_path / "june.zip")
