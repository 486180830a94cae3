"""Exports in the formats that are more than text: Parquet as others write it, folders with a manifest, zips."""

import datetime as dt
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.usage.readers.exports import SCOPE

A = SCOPE
B = "bbbbbbbb-0000-4000-8000-000000000002"
DECIMAL = pa.decimal128(38, 18)
DOUBLE = pa.float64()
WIDE = Context(prec=76)
INSTANT = pa.timestamp("us", "UTC")

FOCUS_12 = {
    "BilledCost": "7.8",
    "BillingAccountId": "9000001",
    "BillingAccountType": "Billing Profile",
    "BillingCurrency": "HKD",
    "BillingPeriodStart": "2026-03-01T00:00:00Z",
    "CapacityReservationId": "",
    "ChargeCategory": "Usage",
    "ChargePeriodStart": "2026-03-01T00:00:00Z",
    "EffectiveCost": "7.8",
    "InvoiceId": "",
    "PricingCurrency": "USD",
    "PricingCurrencyEffectiveCost": "1",
    "ProviderName": "Microsoft",
    "ServiceCategory": "Storage",
    "ServiceName": "Blob",
    "ServiceSubcategory": "Object Storage",
    "SubAccountId": f"/subscriptions/{A}",
    "SubAccountType": "Subscription",
}


def parquet_bytes(
    rows: Sequence[Mapping[str, str]], types: Mapping[str, pa.DataType] | None = None, **options: Any
) -> bytes:
    """Rows of text as a Parquet file: columns of the `types` given, all others text; an empty field is a null."""
    kinds = types or {}
    columns = {
        name: pa.array([_value(row[name], kinds.get(name, pa.string())) for row in rows], kinds.get(name, pa.string()))
        for name in rows[0]
    }
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target, **{"compression": "snappy", "write_page_checksum": True, **options})
    return target.getvalue()


def _value(text: str, kind: pa.DataType) -> object:
    if text == "":
        return None
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return text
    if pa.types.is_decimal(kind):
        return Decimal(text).quantize(Decimal(1).scaleb(-kind.scale), context=WIDE)
    if pa.types.is_floating(kind):
        return float(text)
    if pa.types.is_integer(kind):
        return int(text)
    if pa.types.is_boolean(kind):
        return text.lower() == "true"
    if pa.types.is_timestamp(kind):
        return dt.datetime.fromisoformat(text).replace(tzinfo=None)
    if pa.types.is_date(kind):
        month, day, year = map(int, text.split("/"))
        return dt.date(year, month, day)
    return text.encode()



def manifest_of(parts: Mapping[str, bytes], rows: Sequence[int], **changes: Any) -> bytes:
    """A manifest of 2024-04-01 that names those parts."""
    blobs = [
        {"blobName": f"exports/daily/20260301-20260331/{name}", "byteCount": len(content), "dataRowCount": count}
        for (name, content), count in zip(parts.items(), rows, strict=True)
    ]
    stated = {
        "manifestVersion": "2024-04-01",
        "byteCount": sum(map(len, parts.values())),
        "blobCount": len(parts),
        "dataRowCount": sum(rows),
        "exportConfig": {"exportName": "daily", "type": "FocusCost", "dataVersion": "1.2-preview"},
        "deliveryConfig": {"partitionData": True, "fileFormat": "Parquet", "compressionMode": "Snappy"},
        "runInfo": {
            "submittedTime": "2026-03-06T04:00:06.5234447Z",
            "startDate": "2026-03-01T00:00:00",
            "endDate": "2026-03-06T00:00:00Z",
        },
        "blobs": blobs,
    }
    return json.dumps({**stated, **changes}, indent=2).encode()


def zip_bytes(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of those files by path; a path that ends with a slash is a folder."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 3, 6, 0, 0, 0)), content, method)
    return target.getvalue()


def zip_of_folder(folder: Path, at: str, more: Mapping[str, bytes] | None = None) -> bytes:
    """A folder zipped as a file manager does it, below the path `at`."""
    files: dict[str, bytes] = {f"{at}/": b""}
    files.update({f"{at}/{path.name}": path.read_bytes() for path in sorted(folder.iterdir())})
    return zip_bytes({**files, **(more or {})})


def changed(row: Mapping[str, str], changes: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """A row for each of the changes."""
    return [{**row, **change} for change in changes]
