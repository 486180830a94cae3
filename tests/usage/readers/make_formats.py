"""Writes tests/data/usage/formats anew: `python -m tests.usage.readers.make_formats`. The totals stand in its test."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet

from tests.usage.readers.exports import EA_ROW, FOCUS_ROW, PAYG_ROW
from tests.usage.readers.making import (
    DECIMAL,
    DOUBLE,
    FOCUS_12,
    INSTANT,
    B,
    changed,
    manifest_of,
    parquet_bytes,
    zip_bytes,
    zip_of_folder,
)

ROOT = Path(__file__).resolve().parents[2] / "data" / "usage"
FORMATS = ROOT / "formats"

HKD_ROWS = changed(FOCUS_12, [
    {},
    {"BilledCost": "15.6", "EffectiveCost": "15.6", "PricingCurrencyEffectiveCost": "2.000000000000000001"},
    {"SubAccountId": f"/subscriptions/{B.upper()}", "ChargePeriodStart": "2026-03-02T00:00:00Z", "BilledCost": "0",
     "EffectiveCost": "3.9", "PricingCurrencyEffectiveCost": "0.5"},
    {"SubAccountId": f"/subscriptions/{B}", "ChargePeriodStart": "2026-03-02T00:00:00Z", "BilledCost": "780",
     "EffectiveCost": "0", "PricingCurrencyEffectiveCost": "0", "ChargeCategory": "Purchase"},
    {"ChargeCategory": "Tax", "BilledCost": "0.5", "EffectiveCost": "0.5", "PricingCurrencyEffectiveCost": "0.0625"},
    {"ChargeCategory": "Credit", "BilledCost": "-39", "EffectiveCost": "-39", "PricingCurrencyEffectiveCost": "-5"},
    {"SubAccountId": "", "BilledCost": "7.8", "PricingCurrencyEffectiveCost": "1"},
])  # fmt: skip
HKD_TYPES = {
    **dict.fromkeys(("BilledCost", "EffectiveCost", "PricingCurrencyEffectiveCost"), DECIMAL),
    **dict.fromkeys(("ChargePeriodStart", "BillingPeriodStart"), INSTANT),
    "ServiceName": pa.dictionary(pa.int32(), pa.string()),
}
AWS_ROW = {**FOCUS_ROW, "ProviderName": "AWS", "SubAccountId": "051738928782", "BillingAccountId": "7",
           "ChargePeriodStart": "2026-03-01T05:00:00Z", "SkuMeter": "TimedStorage-ByteHrs"}  # fmt: skip
AWS_ROWS = changed(AWS_ROW, [
    {"BilledCost": "0.1"},
    {"BilledCost": "0.2", "ChargePeriodStart": "2026-03-01T23:00:00Z"},
    {"BilledCost": "1.5e-7", "ChargePeriodStart": "2026-03-02T00:00:00Z"},
    {"BilledCost": "-0.30000000000000004", "ChargePeriodStart": "2026-03-02T07:00:00Z"},
    {"BilledCost": "12", "ChargeCategory": "Adjustment"},
])  # fmt: skip
EA_ROWS = changed(EA_ROW, [
    {"Cost": "1.25"},
    {"Cost": "0.0000000072922557592391990000"},
    {"SubscriptionId": B, "Date": "03/02/2026", "Cost": "3.25", "ChargeType": "Purchase",
     "ReservationId": "cccccccc-0000-4000-8000-000000000003", "PricingModel": "Reservation"},
    {"Cost": "40.125", "IsAzureCreditEligible": "False"},
])  # fmt: skip
PROVIDERS = changed({**FOCUS_ROW, "ServiceSubcategory": "Virtual Machines"}, [
    {"ChargePeriodStart": "2026-03-01T00:00:00.0000000Z", "BilledCost": "1"},
    {"ChargePeriodStart": "2026-03-01T23:59:59.9999999Z", "BilledCost": "0.25"},
    {"ChargePeriodStart": "2026-03-02T00:00:00.0000001Z", "ProviderName": "Amazon Web Services", "BilledCost": "2",
     "SubAccountId": "051738928782"},
    {"ChargePeriodStart": "2026-03-02T00:00:00.0000000Z", "ProviderName": "Google Cloud", "BilledCost": "3",
     "SubAccountId": "harbour-prod"},
    {"ChargePeriodStart": "2026-03-02T00:00:00.0000000Z", "ProviderName": "Oracle", "BilledCost": "4",
     "SubAccountId": "ocid1.Tenancy"},
    {"ChargePeriodStart": "2026-03-02T00:00:00.0000000Z", "ProviderName": "Ali Cloud, Ltd.", "BilledCost": "5",
     "SubAccountId": "Acc-7"},
])  # fmt: skip
PAYG_NAMES = ("SubscriptionGuid", "UsageDateTime", "MeterCategory", "PreTaxCost", "ConsumedService", "Currency")
HEADERS = {
    "payg-french.csv": ("GUID d’abonnement", "Date et heure d’utilisation", "Catégorie du compteur", "Coût avant impôt",
                        "Service consommé", "Devise"),
    "payg-japanese.csv": ("サブスクリプション GUID", "使用日時", "メーター カテゴリ", "税引前コスト",
                          "使用サービス", "通貨"),
    "payg-chinese.csv": ("訂用帳戶 GUID", "使用日期時間", "計量類別", "稅前成本", "取用的服務", "貨幣"),
    "payg-arabic.csv": ("معرّف الاشتراك", "تاريخ الاستخدام", "فئة العداد", "التكلفة قبل الضريبة", "الخدمة", "العملة"),
}  # fmt: skip
BRACKETS = {"payg-chinese.csv": "{}（{}）"}


def csv_bytes(rows: Sequence[Mapping[str, str]], header: Sequence[str] | None = None) -> bytes:
    """The rows as CSV, with other names for the columns where given."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header or list(rows[0]))
    writer.writerows(list(row.values()) for row in rows)
    return out.getvalue().encode()


def localised(name: str) -> list[str]:
    """The header of a file in its language, the English names in parentheses."""
    pairs = zip(HEADERS[name], PAYG_NAMES, strict=True)
    return [BRACKETS.get(name, "{} ({})").format(*pair) for pair in pairs]


def ea_by_polars() -> bytes:
    """The Enterprise Agreement rows as another writer makes them: Zstandard, typed dates and flags, nulls."""
    target = io.BytesIO()
    table = pa.parquet.read_table(io.BytesIO(parquet_bytes(EA_ROWS, {
        "Cost": pa.decimal128(38, 28), "Date": pa.date32(), "IsAzureCreditEligible": pa.bool_(),
    })))  # fmt: skip
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    frame.write_parquet(target, compression="zstd")
    return target.getvalue()


def write() -> None:
    """Writes every file."""
    parts = {
        "part_0_0001.snappy.parquet": parquet_bytes(HKD_ROWS[:4], HKD_TYPES),
        "part_1_0001.snappy.parquet": parquet_bytes(HKD_ROWS[4:], HKD_TYPES, data_page_version="2.0"),
    }
    export = {**parts, "manifest.json": manifest_of(parts, [4, 3])}
    preview = csv_bytes(PROVIDERS)
    files = {
        "focus-1.1-providers.csv": preview,
        "focus-1.2.csv": csv_bytes(HKD_ROWS),
        "focus-1.2.snappy.parquet": parquet_bytes(HKD_ROWS, HKD_TYPES),
        "focus-aws-doubles.parquet": parquet_bytes(
            AWS_ROWS, {"BilledCost": DOUBLE, "ChargePeriodStart": pa.timestamp("ms")}, compression="gzip"
        ),
        "ea-actual.zstd.parquet": ea_by_polars(),
        "export-preview/part_0_0001.csv": preview,
        "export-preview/manifest.json": manifest_of(
            {"part_0_0001.csv": preview}, [len(PROVIDERS)], manifestVersion=None, byteCount=None, dataRowCount=None,
            exportConfig={"exportName": "daily", "type": "FocusCost", "apiVersion": "2023-07-01-preview"},
            deliveryConfig={"partitionData": True, "fileFormat": "Csv"},
            blobs=[{"blobName": "exports/daily/part_0_0001.csv"}],
        ),
        **{f"export-parquet/{name}": content for name, content in export.items()},
        "export-parquet.zip": zip_bytes({f"daily/20260301-20260331/{name}": one for name, one in export.items()}),
        "export-2024.zip": zip_of_folder(ROOT / "export-2024", "daily", {
            "__MACOSX/daily/._manifest.json": b"\0\5\x16\7", "daily/.DS_Store": b"\0\0\0\1Bud1",
        }),
        "one-file.zip": zip_bytes({"Detail_202603_en.csv": (ROOT / "ea-actual.csv").read_bytes()}),
        **{name: csv_bytes([PAYG_ROW], localised(name)) for name in HEADERS},
    }  # fmt: skip
    for name, content in files.items():
        (FORMATS / name).parent.mkdir(parents=True, exist_ok=True)
        (FORMATS / name).write_bytes(content)


if __name__ == "__main__":
    write()
