"""Parquet: typed columns are read exactly, and what cannot be is refused by file, row and column."""

import io
import tracemalloc
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from creditsvc.usage.readers.limits import MEBIBYTE, Limits
from tests.usage.readers.exports import EA_ROW, FOCUS_ROW, read, refused, text_of, written
from tests.usage.readers.making import DECIMAL, DOUBLE, changed, parquet_bytes
from tests.usage.readers.test_own_formats import as_read

FIRST = date(2026, 3, 1)
DAY = datetime(2026, 3, 1)


def export_of(folder: Path, rows: int = 1, base: Mapping[str, str] = FOCUS_ROW, **columns: Any) -> Path:
    """A Parquet file of equal rows, with those columns in place of the text ones."""
    texts: dict[str, Any] = {name: pa.array([value] * rows) for name, value in base.items()}
    target = io.BytesIO()
    pq.write_table(pa.table({**texts, **columns}), target)
    return written(folder, target.getvalue(), "export.parquet")


@pytest.mark.parametrize(
    "costs, amount",
    [
        (pa.array([Decimal("1.25"), Decimal("-0.05")], pa.decimal128(38, 18)), 120_000_000),
        (pa.array([Decimal("0.3"), Decimal("0.1")], pa.decimal128(38, 37)), 40_000_000),
        (pa.array([Decimal("9999999999.99999999")] * 2, pa.decimal128(20, 8)), 1_999_999_999_999_999_998),
        (pa.array([Decimal("12345678901"), Decimal(1)], pa.decimal128(38, 0)), 1_234_567_890_200_000_000),
        (pa.array([0.1, 0.2], pa.float64()), 30_000_000),
        (pa.array([1e-7, 5.64902e-05], pa.float64()), 5_659),
        (pa.array([-0.0, 123456789.123], pa.float64()), 12_345_678_912_300_000),
        (pa.array([1.5e10, 0.5], pa.float64()), 1_500_000_000_050_000_000),
        (pa.array([0.1, 0.25], pa.float32()), 35_000_000),
        (pa.array([2, -1], pa.int64()), 100_000_000),
        (pa.array(["5.64902E-05", "+1"]), 100_005_649),
        (pa.array(["0.5", "0.5"]).dictionary_encode(), 100_000_000),
        (pa.array([b"0.5", b"0.25"]), 75_000_000),
    ],
)
def test_a_cost_of_any_type_is_read_exactly(tmp_path: Path, costs: pa.Array, amount: int) -> None:
    export = read(export_of(tmp_path, 2, BilledCost=costs))

    assert export.totals["amount"].to_list() == [amount]


@pytest.mark.parametrize(
    "at, day",
    [
        (pa.array([DAY], pa.timestamp("ms", "UTC")), FIRST),
        (pa.array([DAY + timedelta(hours=23, minutes=59)], pa.timestamp("us")), FIRST),
        (pa.array([DAY - timedelta(hours=1)], pa.timestamp("ns", "Asia/Hong_Kong")), date(2026, 2, 28)),
        (pa.array([FIRST], pa.date32()), FIRST),
        (pa.array([DAY], pa.date64()), FIRST),
        (pa.array(["2026-03-01T23:00:00-05:00"]), date(2026, 3, 2)),
    ],
)
def test_a_day_of_any_type_is_its_utc_day(tmp_path: Path, at: pa.Array, day: date) -> None:
    assert read(export_of(tmp_path, ChargePeriodStart=at)).totals["day"].to_list() == [day]


def test_old_timestamps_of_96_bits_are_read(tmp_path: Path) -> None:
    path = tmp_path / "export.parquet"
    table = pq.read_table(export_of(tmp_path, ChargePeriodStart=pa.array([DAY], pa.timestamp("ns"))))
    pq.write_table(table, path, use_deprecated_int96_timestamps=True)

    assert read(path).totals["day"].to_list() == [FIRST]


@pytest.mark.parametrize("options", [
    {"compression": "snappy"}, {"compression": "gzip"}, {"compression": "zstd"}, {"compression": "brotli"},
    {"compression": "lz4"}, {"compression": "none"}, {"data_page_version": "2.0"}, {"use_dictionary": False},
    {"row_group_size": 2}, {"write_page_checksum": False}, {"version": "1.0"}, {"data_page_size": 1},
])  # fmt: skip
def test_a_file_says_the_same_however_it_is_packed(tmp_path: Path, options: dict[str, Any]) -> None:
    rows = changed(FOCUS_ROW, [{"BilledCost": f"{n}.{n}5", "Tags": "" if n % 3 else "x"} for n in range(7)])
    text = read(written(tmp_path, text_of(rows[0], rows)))

    typed = read(written(tmp_path, parquet_bytes(rows, {"BilledCost": DECIMAL}, **options), "export.parquet"))

    assert (as_read(typed), typed.rows, typed.cover, typed.feed) == (as_read(text), 7, text.cover, text.feed)


def test_flags_and_nulls_have_the_meaning_of_their_text(tmp_path: Path) -> None:
    flags = pa.array([True, False, None])
    reservations = pa.array([None, None, None], pa.string())

    export = read(export_of(tmp_path, 3, EA_ROW, IsAzureCreditEligible=flags, ReservationId=reservations))

    assert [(left.reason, left.rows) for left in export.left_out] == [("not-eligible", 1)]
    assert export.counted_rows == 2


def test_columns_within_columns_do_not_matter(tmp_path: Path) -> None:
    tags = pa.array([[("owner", "x")]], pa.map_(pa.string(), pa.string()))
    details = pa.array([{"BilledCost": 7}])

    export = read(export_of(tmp_path, Tags=tags, x_SkuDetails=details, x_List=pa.array([["a", "b"]])))

    assert export.totals["amount"].to_list() == [150_000_000]


def test_a_file_without_rows_is_an_export_of_nothing(tmp_path: Path) -> None:
    assert read(export_of(tmp_path, 0)).rows == 0


@pytest.mark.parametrize(
    "column, values, row, value, words",
    [
        ("BilledCost", pa.array([1.0, float("nan")]), 2, "NaN", "is no number"),
        ("BilledCost", pa.array([float("inf"), 1.0]), 1, "inf", "is no number"),
        ("BilledCost", pa.array([1.0, None]), 2, "", "a cost is missing"),
        ("BilledCost", pa.array([5e-324, 1.0]), 1, "5e-324", "at most 28"),
        ("BilledCost", pa.array(["1", "1,5"]), 2, "1,5", "is no number"),
        ("BillingCurrency", pa.array(["USD", None]), 2, "", "is empty"),
        ("BillingCurrency", pa.array(["USD", "US"]), 2, "US", "is no currency"),
        ("ChargePeriodStart", pa.array([DAY, None], pa.timestamp("us")), 2, "", "is empty"),
        ("ChargePeriodStart", pa.array(["2026-03-01T00:00:00Z", "2026-02-30"]), 2, "2026-02-30", "no such day"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_row_and_column(
    tmp_path: Path, column: str, values: pa.Array, row: int, value: str, words: str
) -> None:
    (error,) = refused(export_of(tmp_path, 2, **{column: values}))

    assert (error.file, error.line, error.place, error.column, error.value) == (
        "export.parquet", row, "row", column, value,
    )  # fmt: skip
    assert words in error.message
    assert f"export.parquet, row {row}, column {column}" in str(error)


@pytest.mark.parametrize(
    "column, values, words",
    [
        ("BilledCost", pa.array([True]), "holds Boolean: decimals"),
        ("BilledCost", pa.array([DAY], pa.timestamp("us")), "decimals"),
        ("BilledCost", pa.array([["1"]]), "decimals"),
        ("SubAccountId", pa.array([51738928782]), "holds Int64: text"),  # its leading zero would be lost
        ("ChargePeriodStart", pa.array([20260301]), "dates, timestamps or text"),
        ("BillingCurrency", pa.array([840]), "text would be right"),
        ("ServiceName", pa.array([{"name": "Blob"}]), "text would be right"),
    ],
)
def test_a_column_of_a_type_that_cannot_be_meant_is_refused_by_name(
    tmp_path: Path, column: str, values: pa.Array, words: str
) -> None:
    (error,) = refused(export_of(tmp_path, **{column: values}))

    assert (error.column, error.line) == (column, 0)
    assert words in error.message


def test_a_missing_column_and_amortized_data_are_refused_as_in_text(tmp_path: Path) -> None:
    lacking = {name: value for name, value in EA_ROW.items() if name != "Cost"}

    (missing,) = refused(export_of(tmp_path, 1, lacking))
    (amortized,) = refused(export_of(tmp_path, 1, EA_ROW, ReservationId=pa.array(["r"])))

    assert (missing.column, amortized.line, amortized.place) == ("costinbillingcurrency", 1, "row")
    assert "amortized" in amortized.message


GOOD = parquet_bytes(changed(FOCUS_ROW, [{}] * 50), {"BilledCost": DOUBLE})


@pytest.mark.parametrize("kept", [4, 11, 100, len(GOOD) // 2, len(GOOD) - 9, len(GOOD) - 1])
def test_a_file_that_was_cut_short_is_refused(tmp_path: Path, kept: int) -> None:
    (error,) = refused(written(tmp_path, GOOD[:kept], "export.parquet"))

    assert "is a damaged Parquet file" in error.message


def test_a_page_that_does_not_fit_its_checksum_is_refused(tmp_path: Path) -> None:
    at = GOOD.index(b"/subscriptions/") + 20
    wrong = GOOD[:at] + bytes([GOOD[at] ^ 1]) + GOOD[at + 1 :]

    (error,) = refused(written(tmp_path, wrong, "export.parquet"))

    assert "a page of column SubAccountId does not fit its checksum" in error.message


def test_encryption_and_prefix_encoding_are_refused_by_name(tmp_path: Path) -> None:
    prefixed = parquet_bytes(
        changed(FOCUS_ROW, [{}, {}]), use_dictionary=False, column_encoding={"SubAccountId": "DELTA_BYTE_ARRAY"}
    )

    (packed,) = refused(written(tmp_path, prefixed, "export.parquet"))
    (locked,) = refused(written(tmp_path, GOOD[:-4] + b"PARE", "export.parquet"))

    assert "packs column SubAccountId as DELTA_BYTE_ARRAY" in packed.message
    assert "is an encrypted Parquet file" in locked.message


def test_a_file_that_holds_much_more_than_its_size_is_refused_with_flat_memory(tmp_path: Path) -> None:
    path = export_of(tmp_path, 1_000_000)
    assert path.stat().st_size < MEBIBYTE
    tracemalloc.start()

    (by_ratio,) = refused(path, Limits(parquet_floor=MEBIBYTE, chunk=MEBIBYTE))
    (by_rows,) = refused(path, Limits(group_rows=999_999, chunk=MEBIBYTE))
    (by_bytes,) = refused(path, Limits(group_bytes=MEBIBYTE, chunk=MEBIBYTE))

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "200 times its size" in by_ratio.message
    assert "a row group of 1000000 rows" in by_rows.message
    assert "a row group that unpacks to more than" in by_bytes.message
    assert peak < 8 * MEBIBYTE


def test_a_long_text_that_a_dictionary_hands_to_every_row_is_refused(tmp_path: Path) -> None:
    names = pa.array(["x" * 70_000] * 1000).dictionary_encode()

    (error,) = refused(export_of(tmp_path, 1000, ServiceName=names))

    assert (error.column, "a text of 70000 bytes" in error.message) == ("ServiceName", True)


def test_a_footer_beyond_its_bounds_is_refused(tmp_path: Path) -> None:
    for limits in (Limits(footer_bytes=100), Limits(footer_values=10)):
        (error,) = refused(written(tmp_path, GOOD, "export.parquet"), limits)
        assert "its footer" in error.message
