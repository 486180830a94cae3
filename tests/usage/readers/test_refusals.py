"""Every file that is not fit to be counted is refused, naming file, line, column and value."""

import gzip
import io
import random
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from creditsvc.core.errors import FileRefused
from creditsvc.usage.readers.limits import MEBIBYTE, Limits
from creditsvc.usage.readers.source import open_source
from tests.usage.readers.exports import EA_ROW, FOCUS_ROW, MCA_ROW, PAYG_ROW, read, refused, text_of, written

GOOD = text_of(EA_ROW, [{}, {}])


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("export.csv", GOOD)
    return out.getvalue()


@pytest.mark.parametrize(
    "content, line, words",
    [
        pytest.param(b"", 0, "is empty", id="empty"),
        pytest.param(b"\xef\xbb\xbf", 1, "empty where the header", id="only a mark"),
        pytest.param(b"\n" + GOOD.encode(), 1, "empty where the header", id="blank header"),
        pytest.param(b"PAR1\x15\x04\x15", 0, "a damaged Parquet file", id="parquet cut short"),
        pytest.param(b"PARE\x15\x04\x15", 0, "an encrypted Parquet file", id="encrypted parquet"),
        pytest.param(gzip.compress(b"PAR1" * 9), 0, "a Parquet file within a gzip", id="parquet within gzip"),
        pytest.param(GOOD.replace("\n", "\r").encode(), 1, "a carriage return", id="old line ends"),
        pytest.param(GOOD.replace("-4000", "\r4000", 1).encode(), 2, "a carriage return", id="return in a field"),
        pytest.param(GOOD.replace("\n", "\r\n").encode()[:-1], 3, "a carriage return", id="half a line end"),
        pytest.param(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0, "an old Excel workbook", id="xls"),
        pytest.param(GOOD.encode("utf-16"), 0, "UTF-16", id="utf-16"),
        pytest.param(b"a,b\n\x00\x01", 2, "NUL byte", id="binary"),
        pytest.param(GOOD.replace("Storage", "Gr\u00f6\u00dfe", 1).encode("latin-1"), 2, "no UTF-8", id="latin-1"),
        pytest.param(GOOD.encode()[:-1] + b"\xc3", 0, "no UTF-8", id="half a character"),
        pytest.param(b'{"a": 1}\n', 1, "known", id="json"),
        pytest.param(b"<html><body>Sign in</body></html>\n", 1, "known", id="html"),
        pytest.param(b"name,amount\nx,1\n", 1, "known", id="another csv"),
        pytest.param(GOOD.replace(",", ";").encode(), 1, "semicolons", id="semicolons"),
        pytest.param(gzip.compress(gzip.compress(GOOD.encode())), 0, "gzip within a gzip", id="gzip twice"),
        pytest.param(gzip.compress(zipped()), 0, "a zip archive", id="zip within gzip"),
        pytest.param(gzip.compress(b""), 0, "is empty", id="empty gzip"),
        pytest.param(gzip.compress(b"a,b\n\0"), 2, "NUL byte", id="binary within gzip"),
    ],
)
def test_what_is_no_csv_of_a_known_schema_is_refused(tmp_path: Path, content: bytes, line: int, words: str) -> None:
    (error,) = refused(written(tmp_path, content))

    assert error.file == "export.csv"
    assert words in error.message
    assert error.line == (line or error.line)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="no such file"):
        open_source(tmp_path / "nothing.csv")


@pytest.mark.parametrize("kept", [20, 200, -9, -1])
def test_a_gzip_that_was_cut_short_is_refused(tmp_path: Path, kept: int) -> None:
    random.seed(7)
    rows = [{"Tags": random.randbytes(20).hex()} for _ in range(200)]
    packed = gzip.compress(text_of(EA_ROW, rows).encode())

    (error,) = refused(written(tmp_path, packed[:kept]))

    assert "cut short" in error.message


def test_a_damaged_gzip_is_refused(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(GOOD.encode()))
    packed[-6] ^= 0xFF

    (error,) = refused(written(tmp_path, bytes(packed)))

    assert "damaged gzip" in error.message


@pytest.mark.parametrize("behind", [b"\n", gzip.compress(b"more", mtime=0)[:9]])
def test_a_gzip_with_something_behind_it_is_refused(tmp_path: Path, behind: bytes) -> None:
    (error,) = refused(written(tmp_path, gzip.compress(GOOD.encode()) + behind))

    assert "fetch" in error.message


def test_a_gzip_of_several_members_is_read_whole(tmp_path: Path) -> None:
    header, rest = text_of(EA_ROW, [{}, {}]).encode().split(b"\n", 1)

    export = read(written(tmp_path, gzip.compress(header + b"\n") + gzip.compress(rest)))

    assert (export.rows, export.totals["amount"].to_list()) == (2, [300_000_000])


def test_a_gzip_bomb_is_refused_by_its_ratio_with_flat_memory(tmp_path: Path) -> None:
    bomb = gzip.compress(GOOD.encode() + b"," * (64 * MEBIBYTE))
    path = written(tmp_path, bomb)
    tracemalloc.start()

    (error,) = refused(path, Limits(chunk=MEBIBYTE))

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "200 times" in error.message
    assert "8 MiB" in error.message
    assert peak < 16 * MEBIBYTE  # a quarter of what the bomb holds


def test_text_beyond_the_absolute_bound_is_refused(tmp_path: Path) -> None:
    text = text_of(EA_ROW, [{}] * 100)
    limits = Limits(unpacked_bytes=4096, chunk=1024)

    for content in (text.encode(), gzip.compress(text.encode())):
        (error,) = refused(written(tmp_path, content), limits)
        assert "4096 bytes" in error.message


def test_a_small_file_that_compresses_well_is_no_bomb(tmp_path: Path) -> None:
    text = text_of(EA_ROW, [{}] * 20_000)
    packed = gzip.compress(text.encode())

    export = read(written(tmp_path, packed))

    assert len(text) < Limits().gzip_floor
    assert len(text) > 100 * len(packed)
    assert export.rows == 20_000


@pytest.mark.parametrize("row, schema", [(EA_ROW, "ea"), (FOCUS_ROW, "focus"), (MCA_ROW, "mca"), (PAYG_ROW, "payg")])
def test_every_column_that_a_schema_needs_is_asked_for(tmp_path: Path, row: dict[str, str], schema: str) -> None:
    optional = {
        "ea": {"BillingAccountId", "BillingPeriodStartDate", "Tags", "ReservationId", "IsAzureCreditEligible",
               "PricingModel"},
        "focus": {"BillingAccountId", "BillingPeriodStart", "Tags"},
        "mca": {"billingAccountId", "pricingCurrency", "costInPricingCurrency", "costInUsd"},
        "payg": set(),
    }[schema]  # fmt: skip

    for name in set(row) - optional:
        (error,) = refused(written(tmp_path, text_of(row, without=[name])))
        assert (error.line, "no such column" in error.message) == (1, True)
        assert error.column
    for name in optional:
        assert read(written(tmp_path, text_of(row, without=[name]))).rows == 1


def test_a_needed_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    lines = [f"{line},{extra}" for line, extra in zip(GOOD.splitlines(), ["Kosten (COST)", "7", "7"], strict=True)]

    (error,) = refused(written(tmp_path, "\n".join(lines) + "\n"))

    assert (error.line, error.column) == (1, "Cost")
    assert "2 times" in error.message


def test_an_unknown_column_may_be_there_twice(tmp_path: Path) -> None:
    lines = [f"{line},{extra}" for line, extra in zip(GOOD.splitlines(), ["Tags", "7", "7"], strict=True)]

    assert read(written(tmp_path, "\n".join(lines) + "\n")).rows == 2


@pytest.mark.parametrize(
    "cost, words",
    [
        ("", "missing"),
        ("NULL", "missing"),
        ("abc", "no number"),
        ("1,5", "no number"),
        ("1_000", "no number"),
        ("$1.50", "no number"),
        ("NaN", "no number"),
        ("Infinity", "no number"),
        ("0x10", "no number"),
        ("1.2.3", "no number"),
        ("١", "no number"),
        ("0." + "1" * 29, "29 decimals"),
        ("0." + "0" * 28 + "1", "29 decimals"),
        ("1.5E-28", "29 decimals"),
        ("1.23456789012345678E-12", "29 decimals"),
        ("1E+25", "too large"),
    ],
)
def test_a_cost_that_is_no_exact_number_is_refused(tmp_path: Path, cost: str, words: str) -> None:
    (error,) = refused(written(tmp_path, text_of(EA_ROW, [{}, {"Cost": cost}, {}])))

    assert (error.line, error.column, error.value) == (3, "Cost", cost)
    assert words in error.message


@pytest.mark.parametrize(
    "cost, amount",
    [
        ("5.64902E-05", 5649),
        ("5.64902e-5", 5649),
        ("1E2", 100 * 10**8),
        ("+1.5", 150_000_000),
        (".5", 50_000_000),
        (" 2 ", 200_000_000),
        ("0." + "1" * 28, 11_111_111),
        ("-1.2345678901234567E-12", 0),
        ("1.5" + "0" * 5000, 150_000_000),
        ("0E-30", None),
    ],
)
def test_a_cost_may_be_written_in_any_exact_way(tmp_path: Path, cost: str, amount: int | None) -> None:
    path = written(tmp_path, text_of(EA_ROW, [{"Cost": cost}]))

    if amount is None:
        assert "30 decimals" in refused(path)[0].message
    else:
        assert read(path).totals["amount"].to_list() == [amount]


def test_a_total_that_does_not_fit_64_bits_is_refused(tmp_path: Path) -> None:
    (error,) = refused(written(tmp_path, text_of(EA_ROW, [{"Cost": "50000000000"}, {"Cost": "42233720368.54775808"}])))

    assert (error.column, error.value) == ("Cost", "92233720368.54775808 USD")
    assert "64 bits" in error.message


def test_the_largest_total_fits(tmp_path: Path) -> None:
    export = read(written(tmp_path, text_of(EA_ROW, [{"Cost": "50000000000"}, {"Cost": "42233720368.54775807"}])))

    assert export.totals["amount"].to_list() == [2**63 - 1]


@pytest.mark.parametrize(
    "date, words",
    [
        ("02/30/2026", "no such day"),
        ("2026-02-29", "no such day"),
        ("2026-00-10", "no such day"),
        ("0/1/2026", "no such day"),
        ("13/02/2026", "saved again by a local tool"),
        ("2026-03-01T24:00:00Z", "no time of day"),
        ("1.3.2026", "no date"),
        ("46082", "no date"),
        ("03/01/26", "no date"),
        ("", "is empty"),
    ],
)
def test_an_impossible_date_is_refused(tmp_path: Path, date: str, words: str) -> None:
    (error,) = refused(written(tmp_path, text_of(PAYG_ROW, [{"UsageDateTime": date}])))

    assert (error.line, error.column, error.value) == (2, "UsageDateTime", date)
    assert words in error.message


@pytest.mark.parametrize(
    "other", ["3/2/2026", "03/02/2026", "2026-03-02 00:00:00", "2026-03-02T00:00:00Z"],
)  # fmt: skip
def test_mixed_date_styles_in_a_column_are_refused(tmp_path: Path, other: str) -> None:
    (error,) = refused(written(tmp_path, text_of(PAYG_ROW, [{}, {}, {"UsageDateTime": other}])))

    assert (error.line, error.column, error.value) == (4, "UsageDateTime", other)
    assert "another style" in error.message


@pytest.mark.parametrize("hour", ["2026-03-02T25:00:00Z", "2026-02-30T10:00:00Z", "2026-03-02 10:00:00", "yesterday"])
def test_a_wrong_instant_of_focus_is_refused(tmp_path: Path, hour: str) -> None:
    (error,) = refused(written(tmp_path, text_of(FOCUS_ROW, [{}, {}, {"ChargePeriodStart": hour}])))

    assert (error.line, error.column) == (4, "ChargePeriodStart")


@pytest.mark.parametrize("currency", ["", " ", "US", "USDX", "U$D", "840"])
def test_a_row_without_a_currency_is_refused_even_if_it_is_left_out(tmp_path: Path, currency: str) -> None:
    changes = [{}, {"BillingCurrency": currency, "ChargeType": "Tax"}]

    (error,) = refused(written(tmp_path, text_of(EA_ROW, changes)))

    assert (error.line, error.column) == (3, "BillingCurrency")


@pytest.mark.parametrize(
    "row, change, column",
    [
        (EA_ROW, {"ChargeType": ""}, "ChargeType"),
        (EA_ROW, {"IsAzureCreditEligible": "maybe"}, "IsAzureCreditEligible"),
        (FOCUS_ROW, {"ChargeCategory": "NULL"}, "ChargeCategory"),
        (FOCUS_ROW, {"BilledCost": "NULL"}, "BilledCost"),
        (FOCUS_ROW, {"ProviderName": "NULL"}, "ProviderName"),
        (FOCUS_ROW, {"ProviderName": "--"}, "ProviderName"),
        (FOCUS_ROW, {"ChargePeriodStart": "NULL"}, "ChargePeriodStart"),
    ],
)
def test_a_field_that_decides_must_be_stated(
    tmp_path: Path, row: dict[str, str], change: dict[str, str], column: str
) -> None:
    (error,) = refused(written(tmp_path, text_of(row, [{}, change])))

    assert (error.line, error.column) == (3, column)


@pytest.mark.parametrize(
    "change",
    [
        {"PricingModel": "Reservation"},
        {"PricingModel": "SavingsPlan"},
        {"PricingModel": "savings plan", "Cost": "5E-4"},
        {"ReservationId": "cccccccc-0000-4000-8000-000000000003"},
        {"ChargeType": "UnusedReservation", "Cost": "0"},
        {"ChargeType": "UnusedSavingsPlan"},
    ],
)
def test_amortized_data_is_refused(tmp_path: Path, change: dict[str, str]) -> None:
    (error,) = refused(written(tmp_path, text_of(EA_ROW, [{}, {}, change])))

    assert error.line == 4
    assert "amortized" in error.message


@pytest.mark.parametrize(
    "change",
    [
        {"PricingModel": "Reservation", "Cost": "0.00"},
        {"ReservationId": "cccccccc-0000-4000-8000-000000000003", "Cost": "0E-5"},
        {"PricingModel": "Reservation", "ChargeType": "Purchase"},
        {"PricingModel": "Reservation", "ChargeType": "Refund", "Cost": "-3"},
    ],
)
def test_commitments_in_actual_data_are_read(tmp_path: Path, change: dict[str, str]) -> None:
    assert read(written(tmp_path, text_of(EA_ROW, [{}, change]))).rows == 2


def test_faults_stand_on_their_lines_behind_quoted_line_ends(tmp_path: Path) -> None:
    changes = [{"Tags": 'x\n"y"\nz'}, {"Cost": "bad"}, {"Tags": "\n"}, {"Date": "13/13/2026"}]

    errors = refused(written(tmp_path, text_of(EA_ROW, changes)))

    assert [(error.line, error.column) for error in errors] == [(5, "Cost"), (8, "Date")]


def test_a_refusal_lists_the_first_faults_and_counts_the_rest(tmp_path: Path) -> None:
    changes = [{"Cost": f"bad {number}"} for number in range(30)] + [{"Date": "x"}] * 7

    with pytest.raises(FileRefused) as refusal:
        read(written(tmp_path, text_of(EA_ROW, changes)))

    assert [error.line for error in refusal.value.errors] == list(range(2, 22))
    assert refusal.value.more == 17
    assert str(refusal.value).endswith("and 17 more")


def test_a_blank_line_between_rows_is_refused(tmp_path: Path) -> None:
    lines = text_of(EA_ROW, [{}, {}]).splitlines()

    errors = refused(written(tmp_path, "\n".join([*lines[:2], "", lines[2], "", ""]) + "\n"))

    assert {error.line for error in errors} == {3}


def test_a_stray_quotation_mark_is_refused_with_its_line(tmp_path: Path) -> None:
    lines = text_of(EA_ROW, [{}, {}, {}]).splitlines()
    lines[2] = lines[2].replace("Microsoft.Storage", '"Micro"soft.Storage')

    (error,) = refused(written(tmp_path, "\n".join(lines) + "\n"))

    assert error.line == 3
    assert "no proper CSV" in error.message
