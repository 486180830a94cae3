"""Small cost exports made for a test: FOCUS files, with or without a manifest."""

import csv
import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path

FOCUS_COLUMNS = (
    "BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodStart", "BillingPeriodEnd", "ChargeCategory",
    "ChargePeriodStart", "ChargePeriodEnd", "ProviderName", "ServiceCategory", "ServiceName", "SubAccountId",
)  # fmt: skip


def focus_row(day: date | str, scope: str, cost: str, **more: str) -> dict[str, str]:
    """A row of a FOCUS export; `more` overrides columns."""
    start = date.fromisoformat(day) if isinstance(day, str) else day
    month = start.replace(day=1)
    row = {
        "BilledCost": cost,
        "BillingAccountId": "account-1",
        "BillingCurrency": "USD",
        "BillingPeriodStart": f"{month}T00:00:00Z",
        "BillingPeriodEnd": f"{(month + timedelta(days=32)).replace(day=1)}T00:00:00Z",
        "ChargeCategory": "Usage",
        "ChargePeriodStart": f"{start}T00:00:00Z",
        "ChargePeriodEnd": f"{start + timedelta(days=1)}T00:00:00Z",
        "ProviderName": "Microsoft",
        "ServiceCategory": "Compute",
        "ServiceName": "Virtual Machines",
        "SubAccountId": scope,
    }
    return row | more


def write_focus(path: Path, rows: Iterable[Mapping[str, str]]) -> Path:
    """A FOCUS export as one CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, FOCUS_COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_with_manifest(
    folder: Path, rows: list[dict[str, str]], submitted_at: datetime, first: date | str, last: date | str,
    subscription: str | None = None,
) -> Path:
    """A FOCUS export as a folder with a manifest that states its range and when it was submitted.

    With a `subscription` it says that it was made for that one alone.
    """
    folder.mkdir(parents=True)
    part = write_focus(folder / "part_0_0001.csv", rows)
    manifest = {
        "manifestVersion": "2024-04-01",
        "byteCount": part.stat().st_size,
        "blobCount": 1,
        "dataRowCount": len(rows),
        "exportConfig": {
            "exportName": "monthly", "type": "FocusCost",
            **({"resourceId": f"/subscriptions/{subscription}"} if subscription else {}),
        },
        "runInfo": {
            "submittedTime": submitted_at.isoformat(),
            "startDate": f"{first}T00:00:00Z",
            "endDate": f"{last}T00:00:00Z",
        },
        "blobs": [{"blobName": f"exports/{part.name}", "byteCount": part.stat().st_size, "dataRowCount": len(rows)}],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder
