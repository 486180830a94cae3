"""A file of our own in each format gives its totals, worked out by hand and by a reading of its own."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from creditsvc.usage.readers.read import read_export
from creditsvc.usage.readers.source import Part, source_of_files
from creditsvc.usage.readers.totals import Export, Units
from tests.usage.readers.exports import read
from tests.usage.readers.making import A, B
from tests.usage.readers.reference import Reading, read_apart
from tests.usage.readers.test_own_files import EA_TOTALS

FIRST, SECOND = date(2026, 3, 1), date(2026, 3, 2)
AWS = "051738928782"
HKD_TOTALS = [
    ("azure", A, FIRST, "blob|storage|usage", "USD", 300_000_000, 2),
    ("azure", B, SECOND, "blob|storage|purchase", "HKD", 78_000_000_000, 1),
    ("azure", B, SECOND, "blob|storage|usage", "HKD", 0, 1),
]
PROVIDER_TOTALS = [
    ("ali-cloud-ltd", "Acc-7", SECOND, "blob|storage|usage", "USD", 500_000_000, 1),
    ("aws", AWS, SECOND, "blob|storage|usage", "USD", 200_000_000, 1),
    ("azure", A, FIRST, "blob|storage|usage", "USD", 125_000_000, 2),
    ("gcp", "harbour-prod", SECOND, "blob|storage|usage", "USD", 300_000_000, 1),
    ("oracle", "ocid1.Tenancy", SECOND, "blob|storage|usage", "USD", 400_000_000, 1),
]
PAYG_TOTALS = [("azure", A, FIRST, "microsoft.storage|storage|usage", "USD", 150_000_000, 1)]
FORMATS: Mapping[str, tuple[str, list[tuple[Any, ...]]]] = {
    "focus-1.1-providers.csv": ("focus-1.1", PROVIDER_TOTALS),
    "focus-1.2.csv": ("focus-1.2", HKD_TOTALS),
    "focus-1.2.snappy.parquet": ("focus-1.2", HKD_TOTALS),
    "focus-aws-doubles.parquet": ("focus-1.1", [
        ("aws", AWS, FIRST, "blob|storage|usage", "USD", 30_000_000, 2),
        ("aws", AWS, SECOND, "blob|storage|usage", "USD", -29_999_985, 2),
    ]),
    "ea-actual.zstd.parquet": ("ea-actual", [
        ("azure", A, FIRST, "microsoft.storage|storage|usage", "USD", 125_000_001, 2),
        ("azure", B, SECOND, "microsoft.storage|storage|purchase", "USD", 325_000_000, 1),
    ]),
    "export-preview": ("focus-1.1", PROVIDER_TOTALS),
    "export-parquet": ("focus-1.2", HKD_TOTALS),
    "export-parquet.zip": ("focus-1.2", HKD_TOTALS),
    "export-2024.zip": ("ea-actual", EA_TOTALS),
    "one-file.zip": ("ea-actual", EA_TOTALS),
    "payg-french.csv": ("payg", PAYG_TOTALS),
    "payg-japanese.csv": ("payg", PAYG_TOTALS),
    "payg-chinese.csv": ("payg", PAYG_TOTALS),
    "payg-arabic.csv": ("payg", PAYG_TOTALS),
}  # fmt: skip


def as_read(export: Export) -> Reading:
    """What the product read, in the form of the reading apart."""
    rows = export.totals.select("provider", "scope", "day", "key", "currency", "amount").rows()
    return Reading({row[:5]: row[5] for row in rows}, {left.reason: left.rows for left in export.left_out})


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_of_each_format_gives_its_totals(own_data: Path, name: str) -> None:
    schema, totals = FORMATS[name]

    export = read(own_data / "formats" / name, Units({}, {"azure": "USD", "aws": "USD"}))

    assert (export.schema, export.totals.drop("part").rows()) == (schema, totals)


def test_every_file_of_a_format_is_asked_for(own_data: Path) -> None:
    assert {path.name for path in (own_data / "formats").iterdir()} == FORMATS.keys()


@pytest.mark.parametrize("name", [name for name in FORMATS if name.endswith((".csv", ".parquet"))])
def test_a_second_reading_by_csv_decimal_and_pyarrow_says_the_same(own_data: Path, name: str) -> None:
    path = own_data / "formats" / name

    assert as_read(read(path)) == read_apart(path.read_bytes())


@pytest.mark.parametrize("name", ["ea-actual.csv", "ea-actual.csv.gz", "focus.csv", "mca.csv", "payg.csv"])
def test_the_second_reading_knows_the_older_formats_too(own_data: Path, name: str) -> None:
    assert as_read(read(own_data / name)) == read_apart((own_data / name).read_bytes())


def test_what_parquet_leaves_out_has_reason_rows_and_exact_amounts(own_data: Path) -> None:
    export = read(own_data / "formats" / "export-parquet")

    assert [(left.reason, left.rows, dict(left.amounts)) for left in export.left_out] == [
        ("credit", 1, {"HKD": Decimal("-39")}),
        ("tax", 1, {"HKD": Decimal("0.5")}),
        ("no-scope", 1, {"HKD": Decimal("7.8")}),
    ]
    assert (export.rows, export.counted_rows, export.cover) == (7, 4, (FIRST, date(2026, 3, 6)))


@pytest.mark.parametrize(
    "one, other", [("export-parquet.zip", "export-parquet"), ("export-2024.zip", "../export-2024")]
)
def test_a_zip_is_the_folder_that_it_was_made_of(own_data: Path, one: str, other: str) -> None:
    zipped, folder = read(own_data / "formats" / one), read(own_data / "formats" / other)

    assert (zipped.parts, zipped.manifest, zipped.feed) == (folder.parts, folder.manifest, folder.feed)


def test_parts_of_parquet_at_hand_without_a_manifest_are_one_export(own_data: Path) -> None:
    paths = sorted((own_data / "formats" / "export-parquet").glob("*.parquet"))

    source = source_of_files("june", [Part(path.name, path) for path in paths], None)
    export = read_export(source, Units({}, {"azure": "USD"}))

    assert (export.totals.drop("part").rows(), export.rows) == (HKD_TOTALS, 7)
