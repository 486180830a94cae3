"""A partitioned export counts with all its parts, as its manifest states them, or not at all."""

import gzip
import json
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from creditsvc.core.errors import FileError, FileRefused
from creditsvc.usage.readers.manifest import parse_manifest
from creditsvc.usage.readers.read import read_export
from creditsvc.usage.readers.source import Part, open_source, source_of_files
from creditsvc.usage.readers.totals import Units
from tests.usage.readers.exports import EA_ROW, FOCUS_ROW, SCOPE, read, refused, text_of, written

MANIFESTS = {"export-2021": "_manifest.json", "export-2024": "manifest.json"}
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(params=MANIFESTS)
def export(request: pytest.FixtureRequest, own_data: Path, tmp_path: Path) -> Path:
    """A copy of an export of two parts, in either version of the manifest."""
    return Path(shutil.copytree(own_data / request.param, tmp_path / request.param))


def changed(export: Path, change: Change) -> Path:
    path = export / MANIFESTS[export.name]
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))
    return export


def parts_of(export: Path) -> list[Path]:
    return sorted(path for path in export.iterdir() if path.suffix != ".json")


def faults(act: Callable[[], object]) -> tuple[FileError, ...]:
    with pytest.raises(FileRefused) as refusal:
        act()
    return refusal.value.errors


def folder_of(tmp_path: Path, *texts: str, run: dict[str, str] | None = None) -> Path:
    """An export with those texts as parts; `run` is the manifest's runInfo."""
    for number, text in enumerate(texts):
        written(tmp_path, text, f"{number}.csv")
    blobs = [{"blobName": f"there/{number}.csv"} for number in range(len(texts))]
    manifest = {"manifestVersion": "2024-04-01", "blobs": blobs, "runInfo": run or {}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path


def test_the_newer_manifest_tells_name_type_range_and_when_it_was_submitted(own_data: Path) -> None:
    manifest = open_source(own_data / "export-2024").manifest

    assert manifest is not None
    assert (manifest.version, manifest.export_name, manifest.data_type) == ("2024-04-01", "daily-actual", "ActualCost")
    assert manifest.submitted_at == datetime(2026, 3, 6, 4, 0, 6, 523444, tzinfo=UTC)
    assert (manifest.first_day, manifest.last_day, manifest.row_count) == (date(2026, 3, 1), date(2026, 3, 6), 12)


EXPORT = "/providers/Microsoft.CostManagement/exports/daily"


@pytest.mark.parametrize(
    "resource_id, subscription",
    [
        (f"/subscriptions/{SCOPE.upper()}{EXPORT}", SCOPE),
        (f"/subscriptions/{SCOPE}", SCOPE),
        (f"/subscriptions/{SCOPE}/resourceGroups/one{EXPORT}", None),
        (f"/providers/Microsoft.Billing/billingAccounts/9000001{EXPORT}", None),
    ],
)
def test_a_manifest_names_a_subscription_only_where_it_is_the_whole_scope_of_the_export(
    export: Path, resource_id: str, subscription: str | None
) -> None:
    changed(export, lambda manifest: manifest.update(exportConfig={"resourceId": resource_id}))

    manifest = open_source(export).manifest

    assert manifest is not None
    assert manifest.subscription == subscription


def test_the_older_manifest_tells_parts_and_counts(shared_data: Path) -> None:
    content = (shared_data / "azure/export-manifest-2021-01-01.json").read_bytes()

    manifest = parse_manifest("manifest.json", content)

    (part,) = manifest.parts
    assert (manifest.version, manifest.row_count, manifest.first_day) == ("2021-01-01", 490, None)
    assert (part.name.rpartition("/")[2], part.byte_count, part.row_count) == ("000001.csv", 423869, 490)


def test_the_sample_manifest_without_its_parts_is_refused_naming_the_part(shared_data: Path, tmp_path: Path) -> None:
    shutil.copy(shared_data / "azure/export-manifest-2021-01-01.json", tmp_path / "manifest.json")

    (error,) = refused(tmp_path)

    assert error.value.endswith("/000001.csv")
    assert "not here" in error.message


def test_the_manifest_range_is_the_cover(own_data: Path) -> None:
    assert read(own_data / "export-2024").cover == (date(2026, 3, 1), date(2026, 3, 6))


def test_the_manifest_itself_may_be_named_instead_of_its_folder(export: Path) -> None:
    assert read(export / MANIFESTS[export.name]).rows == 12


def test_parts_are_found_below_the_manifest(export: Path) -> None:
    below = export / "run" / "pieces"
    below.mkdir(parents=True)
    for part in parts_of(export):
        if part.is_file():
            part.rename(below / part.name)

    assert read(export).rows == 12


def test_of_several_files_with_one_base_name_the_one_with_the_blobs_path_is_read(export: Path) -> None:
    part = parts_of(export)[0]
    for folder in ("20260201-20260228", "0f0f0f0f-0000-4000-8000-000000000004"):
        (export / folder).mkdir()
    written(export, "not,this\n", f"20260201-20260228/{part.name}")
    part.rename(export / "0f0f0f0f-0000-4000-8000-000000000004" / part.name)

    assert read(export).rows == 12


def test_a_missing_part_is_refused_by_name(export: Path) -> None:
    part = parts_of(export)[1]
    part.unlink()

    (error,) = refused(export)

    assert error.value.endswith(part.name)
    assert "not here" in error.message


def test_a_part_outside_the_folder_is_never_read(export: Path) -> None:
    part = parts_of(export)[1]
    outside = part.rename(export.parent / part.name)

    changed(export, lambda manifest: manifest["blobs"][1].update(blobName=f"../{part.name}"))
    (climbing,) = refused(export)
    changed(export, lambda manifest: manifest["blobs"][1].update(blobName=str(outside)))
    (absolute,) = refused(export)
    part.symlink_to(outside)
    (linked,) = refused(export)

    assert all("not here" in error.message for error in (climbing, absolute, linked))


@pytest.mark.parametrize("name", ["..", "a/..", "\\..\\..", "/", "."])
def test_a_blob_name_that_names_no_file_is_refused(export: Path, name: str) -> None:
    (error,) = refused(changed(export, lambda manifest: manifest["blobs"][0].update(blobName=name)))

    assert "not here" in error.message


@pytest.mark.parametrize("field, words", [("byteCount", "bytes where"), ("dataRowCount", "rows where")])
def test_a_part_with_another_count_than_stated_is_refused(export: Path, field: str, words: str) -> None:
    def one_more(manifest: dict[str, Any]) -> None:
        manifest["blobs"][1][field] += 1
        manifest[field] += 1

    (error,) = refused(changed(export, one_more))

    assert error.file == parts_of(export)[1].name
    assert words in error.message


@pytest.mark.parametrize("field", ["byteCount", "dataRowCount", "blobCount"])
def test_a_manifest_whose_own_counts_differ_is_refused(export: Path, field: str) -> None:
    (error,) = refused(changed(export, lambda manifest: manifest.update({field: manifest[field] + 1})))

    assert error.column == field
    assert "incomplete" in error.message


def test_the_bytes_of_a_part_may_be_those_of_its_text(own_data: Path, tmp_path: Path) -> None:
    export = Path(shutil.copytree(own_data / "export-2024", tmp_path / "export-2024"))
    sizes = [len(gzip.decompress(part.read_bytes())) for part in parts_of(export)]

    def of_text(manifest: dict[str, Any]) -> None:
        manifest["byteCount"] = sum(sizes)
        for blob, size in zip(manifest["blobs"], sizes, strict=True):
            blob["byteCount"] = size

    assert read(changed(export, of_text)).rows == 12


@pytest.mark.parametrize(
    "change, column",
    [
        (lambda manifest: manifest.update(manifestVersion="2030-01-01"), "manifestVersion"),
        (lambda manifest: manifest.update(manifestVersion=None, exportConfig={}), "manifestVersion"),
        (lambda manifest: manifest.update(blobs="x"), "blobs"),
        (lambda manifest: manifest.update(blobs=[]), "blobs"),
        (lambda manifest: manifest["blobs"][0].pop("blobName"), "blobName"),
        (lambda manifest: manifest["blobs"][0].update(byteCount=-1), "byteCount"),
        (lambda manifest: manifest["blobs"][0].update(dataRowCount="6"), "dataRowCount"),
        (lambda manifest: manifest.update(dataFormat="delta"), "dataFormat"),
        (lambda manifest: manifest.update(deliveryConfig={"fileFormat": "Delta"}), "fileFormat"),
        (lambda manifest: manifest.update(exportConfig={"type": "PriceSheet"}), "exportConfig.type"),
        (lambda manifest: manifest.update(exportConfig={"type": "AmortizedCost"}), "exportConfig.type"),
        (lambda manifest: manifest.update(exportConfig=[]), "exportConfig"),
        (lambda manifest: manifest.update(runInfo={"submittedTime": "noon"}), "submittedTime"),
        (lambda manifest: manifest.update(runInfo={"startDate": "2026-03-01T00:00:00"}), "runInfo"),
        (lambda manifest: manifest.update(runInfo={"startDate": "2026-03-02", "endDate": "2026-03-01"}), "endDate"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(export: Path, change: Change, column: str) -> None:
    (error,) = refused(changed(export, change))

    assert error.column == column
    assert error.file == f"{export.name}/{MANIFESTS[export.name]}"


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe{}"])
def test_a_manifest_that_is_no_json_object_is_refused(export: Path, content: bytes) -> None:
    written(export, content, MANIFESTS[export.name])

    (error,) = refused(export)

    assert "is no manifest" in error.message


def test_a_part_named_twice_is_refused(export: Path) -> None:
    def twice(manifest: dict[str, Any]) -> None:
        manifest["blobs"][1] = manifest["blobs"][0]
        manifest.pop("byteCount")

    (error,) = refused(changed(export, twice))

    assert "named twice" in error.message


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "march"
    folder.mkdir()
    written(folder, text_of(EA_ROW))

    (error,) = refused(folder)

    assert error.file == "march"
    assert "manifest.json" in error.message


def test_a_row_outside_the_manifests_range_is_refused(tmp_path: Path) -> None:
    run = {"startDate": "2026-03-01T00:00:00", "endDate": "2026-03-02T00:00:00Z"}
    second = text_of(EA_ROW, [{"Date": "03/02/2026"}, {"Date": "03/03/2026"}, {"Date": "02/28/2026"}])

    errors = refused(folder_of(tmp_path, text_of(EA_ROW), second, run=run))

    assert [(error.file, error.line, error.value) for error in errors] == [
        ("1.csv", 3, "03/03/2026"),
        ("1.csv", 4, "02/28/2026"),
    ]
    assert "2026-03-01 to 2026-03-02" in errors[0].message


@pytest.mark.parametrize("without", [[], ["BillingPeriodStartDate"]])
def test_a_part_of_another_period_is_refused_without_a_range_too(tmp_path: Path, without: list[str]) -> None:
    march = text_of(EA_ROW, without=without)
    april = text_of(EA_ROW, [{"BillingPeriodStartDate": "04/01/2026", "Date": "04/01/2026"}], without)

    errors = refused(folder_of(tmp_path, march, april, march))

    assert [error.file for error in errors] == ["1.csv"]
    assert "another period" in errors[0].message


def test_parts_that_share_a_period_or_have_no_rows_are_one_export(tmp_path: Path) -> None:
    both = text_of(EA_ROW, [{}, {"BillingPeriodStartDate": "04/01/2026", "Date": "04/01/2026"}])

    export = read(folder_of(tmp_path, text_of(EA_ROW), both, text_of(EA_ROW, [])))

    assert (export.rows, [part.rows for part in export.parts]) == (3, [1, 2, 0])


@pytest.mark.parametrize("other", [text_of(FOCUS_ROW), text_of(EA_ROW, without=["IsAzureCreditEligible"])])
def test_parts_with_other_headers_are_refused(tmp_path: Path, other: str) -> None:
    (error,) = refused(folder_of(tmp_path, text_of(EA_ROW), other))

    assert (error.file, error.line) == ("1.csv", 1)
    assert "other columns than 0.csv" in error.message


def test_date_styles_that_differ_between_parts_are_refused(tmp_path: Path) -> None:
    first = text_of(EA_ROW, [{}, {}])

    (error,) = refused(folder_of(tmp_path, first, text_of(EA_ROW, [{"Date": "2026-03-01"}])))

    assert (error.file, error.line, error.value) == ("1.csv", 2, "2026-03-01")


def test_faults_are_listed_in_the_order_of_parts_and_lines(tmp_path: Path) -> None:
    first = text_of(EA_ROW, [{"Cost": "b"}, {"Date": "x"}, {"Cost": "a"}])

    errors = refused(folder_of(tmp_path, first, text_of(EA_ROW, [{"BillingCurrency": ""}])))

    assert [(error.file, error.line) for error in errors] == [("0.csv", 2), ("0.csv", 3), ("0.csv", 4), ("1.csv", 2)]


def kept(own_data: Path) -> tuple[list[Part], bytes]:
    """The parts of an export in no order, as they come out of a store, and its manifest."""
    folder = own_data / "export-2024"
    return [Part(path.name, path) for path in reversed(parts_of(folder))], (folder / "manifest.json").read_bytes()


def test_files_at_hand_with_a_manifest_are_read_in_its_order(own_data: Path) -> None:
    files, manifest = kept(own_data)

    export = read_export(source_of_files("march", files, manifest), Units({}, {}))

    assert [part.name for part in export.parts] == ["part_0_0001.csv.gz", "part_1_0001.csv.gz"]
    assert export.totals.equals(read(own_data / "export-2024").totals)


def test_files_at_hand_must_be_those_of_the_manifest(own_data: Path) -> None:
    files, manifest = kept(own_data)
    stranger = Part("other.csv", own_data / "payg.csv")

    (missing,) = faults(lambda: source_of_files("march", files[:1], manifest))
    (extra,) = faults(lambda: source_of_files("march", [*files, stranger], manifest))
    (twice,) = faults(lambda: source_of_files("march", [*files, files[0]], manifest))
    (none,) = faults(lambda: source_of_files("march", [], None))

    assert "not here" in missing.message
    assert (extra.file, "not named" in extra.message) == ("other.csv", True)
    assert "twice" in twice.message
    assert "no file" in none.message


def test_one_file_at_hand_without_a_manifest_is_an_export(own_data: Path) -> None:
    source = source_of_files("upload", [Part("march.csv", own_data / "ea-actual.csv")], None)

    assert read_export(source, Units({}, {})).parts[0].name == "march.csv"
