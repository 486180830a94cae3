"""Small exports in each schema, with totals worked out by hand."""

import hashlib
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from creditsvc.usage.readers.read import read_export
from creditsvc.usage.readers.source import open_source
from creditsvc.usage.readers.totals import TOTALS_SCHEMA, Units
from tests.usage.readers.exports import EA_ROW, FOCUS_ROW, PAYG_ROW, SCOPE, read, text_of, written

A = SCOPE
B = "bbbbbbbb-0000-4000-8000-000000000002"
FIRST, SECOND = date(2026, 3, 1), date(2026, 3, 2)
EA_TOTALS = [
    ("azure", A, FIRST, "microsoft.compute|virtual machines|usage", "USD", 250_000_000, 2),
    ("azure", A, FIRST, "microsoft.storage|storage|usage", "USD", 5_649, 1),
    ("azure", A, SECOND, "microsoft.compute|virtual machines|refund", "USD", -50_000_000, 1),
    ("azure", A, SECOND, "microsoft.storage|storage|usage", "USD", 1, 1),
    ("azure", B, SECOND, "microsoft.capacity|virtual machines|purchase", "USD", 325_000_000, 1),
    ("azure", B, SECOND, "microsoft.compute|virtual machines|usage", "USD", 0, 1),
]
OWN = {
    "ea-actual.csv": EA_TOTALS,
    "ea-actual.csv.gz": EA_TOTALS,
    "export-2021": EA_TOTALS,
    "export-2024": EA_TOTALS,
    "mca.csv": [
        ("azure", A, FIRST, "microsoft.storage|storage|usage", "USD", 300_000_000, 2),
        ("azure", B, SECOND, "microsoft.storage|storage|usage", "USD", 203_230_000, 2),
    ],
    "payg.csv": [
        ("azure", A, FIRST, "microsoft.compute|bandwidth|usage", "USD", 10_368, 2),
        ("azure", A, SECOND, "microsoft.storage|storage|usage", "USD", 648, 1),
    ],
    "payg-german.csv": [
        ("azure", A, date(2026, 2, 13), "microsoft.network|load balancer|usage", "EUR", 7_500_000, 1),
    ],
    "focus.csv": [
        ("aws", "51738928782", FIRST, "virtual machines|compute|usage", "USD", 80, 1),
        ("azure", A, FIRST, "virtual machines|compute|usage", "USD", 30_000_000, 2),
        ("azure", A, SECOND, "virtual machines|compute|usage", "USD", -5_000_000, 1),
        ("oracle", "ocid1.Tenancy", SECOND, "virtual machines|compute|usage", "USD", 150_000_000, 1),
    ],
}


@pytest.mark.parametrize("name", OWN)
def test_an_export_gives_its_totals_by_scope_day_key_and_currency(own_data: Path, in_usd: Units, name: str) -> None:
    export = read(own_data / name, in_usd)

    assert export.totals.drop("part").rows() == OWN[name]
    assert dict(export.totals.schema) == TOTALS_SCHEMA


@pytest.mark.parametrize("name", ["ea-actual.csv", "ea-actual.csv.gz", "export-2021", "export-2024"])
def test_what_is_left_out_has_reason_rows_and_exact_amounts(own_data: Path, name: str) -> None:
    export = read(own_data / name)

    assert [(left.reason, left.rows, dict(left.amounts)) for left in export.left_out] == [
        ("credit", 1, {"USD": Decimal("-2")}),
        ("tax", 1, {"USD": Decimal("0.10")}),
        ("not-eligible", 1, {"USD": Decimal("40.125")}),
        ("no-scope", 2, {"USD": Decimal("7.0000001")}),
    ]
    assert (export.rows, export.counted_rows) == (12, 7)


@pytest.mark.parametrize(
    "name, feed",
    [
        ("ea-actual.csv", "ea-actual:9000001"),
        ("export-2021", "ea-actual:9000001"),
        ("export-2024", "ea-actual:9000001:daily-actual"),
        ("payg.csv", f"payg:{A}"),
        ("focus.csv", "focus-1.0:42+7+8"),
    ],
)
def test_the_feed_is_named_by_schema_accounts_and_export(own_data: Path, name: str, feed: str) -> None:
    assert read(own_data / name).feed == feed


def test_a_payg_file_of_two_scopes_has_the_schema_alone_as_its_feed(tmp_path: Path) -> None:
    path = written(tmp_path, text_of(PAYG_ROW, [{}, {"SubscriptionGuid": B}]))

    assert read(path).feed == "payg"


def test_a_part_tells_size_and_hash_of_the_file_as_it_lies(own_data: Path) -> None:
    path = own_data / "ea-actual.csv.gz"

    (part,) = read(path).parts

    assert (part.name, part.rows, part.bytes) == (path.name, 12, path.stat().st_size)
    assert part.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_total_knows_the_first_part_that_its_rows_came_from(own_data: Path) -> None:
    export = read(own_data / "export-2021")

    assert [part.name for part in export.parts] == ["000001.csv", "000002.csv"]
    assert export.totals["part"].to_list() == [0, 0, 0, 0, 0, 1]


def test_the_cover_is_first_to_last_charge_day_of_all_rows_without_a_manifest_range(own_data: Path) -> None:
    assert read(own_data / "ea-actual.csv").cover == (FIRST, date(2026, 3, 5))


def test_progress_rises_to_the_bytes_of_all_parts(own_data: Path) -> None:
    told: list[tuple[int, int]] = []

    source = open_source(own_data / "export-2024")
    read_export(source, Units({}, {}), progress=lambda done, total: told.append((done, total)))

    size = sum(part.path.stat().st_size for part in source.parts)
    assert told[-1] == (size, size)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_equal_rows_are_all_counted(tmp_path: Path) -> None:
    export = read(written(tmp_path, text_of(EA_ROW, [{}, {}, {}])))

    assert (export.counted_rows, export.totals["amount"].to_list()) == (3, [450_000_000])


def test_a_total_is_rounded_once_half_to_even(tmp_path: Path) -> None:
    days = [
        {"Date": "03/01/2026", "Cost": "0.000000005"},
        {"Date": "03/02/2026", "Cost": "0.000000015"},
        {"Date": "03/03/2026", "Cost": "-0.000000005"},
        {"Date": "03/04/2026", "Cost": "-0.000000015"},
        *[{"Date": "03/05/2026", "Cost": "0.000000004"}] * 3,
        {"Date": "03/06/2026", "Cost": "0.0000000050000000000000000001"},
    ]

    export = read(written(tmp_path, text_of(EA_ROW, days)))

    assert export.totals["amount"].to_list() == [0, 2, 0, -2, 1, 1]


def test_a_sum_beyond_ten_to_the_tenth_is_exact(tmp_path: Path) -> None:
    costs = [{"Cost": "9999999999.00000001"}] * 2 + [{"Cost": "15000000000.5"}, {"Cost": "999999999.25"}]

    export = read(written(tmp_path, text_of(EA_ROW, costs)))

    assert export.totals["amount"].to_list() == [(9999999999 * 2 + 15000000000 + 999999999) * 10**8 + 75_000_002]


def test_the_bytes_of_the_header_may_have_any_order_case_mark_and_unknown_columns(tmp_path: Path) -> None:
    row = {"New Column": "x", **{name.upper(): value for name, value in reversed(EA_ROW.items())}}

    export = read(written(tmp_path, b"\xef\xbb\xbf" + text_of(row).encode()))

    assert (export.schema, export.totals["amount"].to_list()) == ("ea-actual", [150_000_000])


@pytest.mark.parametrize(
    "text, day",
    [
        ("2026-03-01", FIRST),
        ("3/1/2026", FIRST),
        ("03/02/2026", SECOND),
        ("2026-03-01 00:00:00", FIRST),
        ("2026-03-01T00:00:00Z", FIRST),
        ("2026-03-01T23:59:59.1234567Z", FIRST),
        ("2026-03-01T23:00:00-05:00", SECOND),
        ("2026-03-02T07:59:59+08:00", FIRST),
    ],
)
def test_a_date_names_its_utc_day(tmp_path: Path, text: str, day: date) -> None:
    focus = read(written(tmp_path, text_of(FOCUS_ROW, [{"ChargePeriodStart": text}]), "focus.csv"))
    native = read(written(tmp_path, text_of(PAYG_ROW, [{"UsageDateTime": text}]), "payg.csv"))

    assert focus.totals["day"].to_list() == native.totals["day"].to_list() == [day]


@pytest.mark.parametrize(
    "columns, name",
    [
        ((), "focus-1.0"),
        (("x_SkuMeterName", "x_PricingCurrency"), "focus-1.0"),
        (("SkuMeter", "ServiceSubcategory"), "focus-1.1"),
        (("SkuMeter", "PricingCurrency", "SubAccountType"), "focus-1.2"),
    ],
)
def test_later_editions_of_focus_are_read_and_named(tmp_path: Path, columns: tuple[str, ...], name: str) -> None:
    export = read(written(tmp_path, text_of({**FOCUS_ROW, **dict.fromkeys(columns, "")})))

    assert (export.schema, export.feed) == (name, "focus-1.0:42")


def test_a_provider_of_no_known_name_becomes_a_slug_and_keeps_its_scope_as_it_is(tmp_path: Path) -> None:
    row = {"ProviderName": "Ali Cloud, Ltd.", "SubAccountId": "Acc-7"}

    export = read(written(tmp_path, text_of(FOCUS_ROW, [row])))

    assert export.totals.select("provider", "scope").rows() == [("ali-cloud-ltd", "Acc-7")]


def test_empty_lines_behind_the_last_row_are_no_rows(tmp_path: Path) -> None:
    with_rows = read(written(tmp_path, text_of(EA_ROW, [{}, {}]) + "\n\r\n", "rows.csv"))
    without = read(written(tmp_path, text_of(EA_ROW, []) + "\n\n", "none.csv"))

    assert (with_rows.rows, with_rows.parts[0].rows, without.rows) == (2, 2, 0)


@pytest.mark.parametrize("name", ["ea-actual.csv", "ea-actual.csv.gz"])
def test_reading_leaves_nothing_behind(
    own_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    read(own_data / name)

    assert list(tmp_path.iterdir()) == []
