"""Making small exports, and adding them up again without anything of the product."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Context, Decimal
from pathlib import Path

from creditsvc.core.errors import FileError, FileRefused
from creditsvc.usage.readers.limits import Limits
from creditsvc.usage.readers.read import read_export
from creditsvc.usage.readers.source import open_source
from creditsvc.usage.readers.totals import Export, Units

EXACT = Context(prec=80)
SCOPE = "aaaaaaaa-0000-4000-8000-000000000001"

EA_ROW = {
    "BillingAccountId": "9000001",
    "BillingPeriodStartDate": "03/01/2026",
    "SubscriptionId": SCOPE,
    "Date": "03/01/2026",
    "MeterCategory": "Storage",
    "Cost": "1.5",
    "BillingCurrency": "USD",
    "ConsumedService": "Microsoft.Storage",
    "Tags": "",
    "ReservationId": "",
    "IsAzureCreditEligible": "True",
    "ChargeType": "Usage",
    "PricingModel": "OnDemand",
}
FOCUS_ROW = {
    "BilledCost": "1.5",
    "BillingAccountId": "42",
    "BillingCurrency": "USD",
    "BillingPeriodStart": "2026-03-01T00:00:00Z",
    "ChargeCategory": "Usage",
    "ChargePeriodStart": "2026-03-01T00:00:00Z",
    "ProviderName": "Microsoft",
    "ServiceCategory": "Storage",
    "ServiceName": "Blob",
    "SubAccountId": f"/subscriptions/{SCOPE}",
    "Tags": "",
}
MCA_ROW = {
    "billingAccountId": "acc",
    "date": "03/01/2026",
    "subscriptionId": SCOPE,
    "meterCategory": "Storage",
    "consumedService": "Microsoft.Storage",
    "chargeType": "Usage",
    "billingCurrency": "HKD",
    "pricingCurrency": "USD",
    "costInBillingCurrency": "7.8",
    "costInPricingCurrency": "1",
    "costInUsd": "1.1",
}
PAYG_ROW = {
    "SubscriptionGuid": SCOPE,
    "UsageDateTime": "2026-03-01",
    "MeterCategory": "Storage",
    "PreTaxCost": "1.5",
    "ConsumedService": "Microsoft.Storage",
    "Currency": "USD",
}


def text_of(row: Mapping[str, str], changes: Iterable[Mapping[str, str]] = ({},), without: Sequence[str] = ()) -> str:
    """A CSV with the columns of `row` but for those `without`, and one row for each of the changes."""
    out = io.StringIO(newline="")
    names = [name for name in row if name not in without]
    writer = csv.DictWriter(out, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, **change} for change in changes)
    return out.getvalue()


def written(folder: Path, content: str | bytes, name: str = "export.csv") -> Path:
    """A file with that content."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path: Path, units: Units | None = None, limits: Limits | None = None) -> Export:
    """The export at a path, settled in US dollars unless said otherwise."""
    return read_export(open_source(path), units or Units({}, {"azure": "USD"}), limits=limits or Limits())


def refused(path: Path, limits: Limits | None = None) -> tuple[FileError, ...]:
    """The faults for which the export at a path is refused."""
    try:
        read(path, limits=limits)
    except FileRefused as refusal:
        return refusal.errors
    raise AssertionError(f"{path.name} was read")


def sums(export: Export) -> dict[tuple[str, str], Decimal]:
    """The totals of an export by (scope, currency), in whole units."""
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in export.totals.iter_rows(named=True):
        place = (row["scope"], row["currency"])
        found[place] = EXACT.add(found[place], EXACT.divide(Decimal(row["amount"]), Decimal(10**8)))
    return dict(found)


def counted_apart(path: Path, scope: str, cost: str, charge: str | None = None) -> dict[str, Decimal]:
    """The exact sums by scope as Python's csv and Decimal give them: no credit, tax, adjustment or empty scope."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    with path.open(encoding="utf-8-sig", newline="") as lines:
        for row in csv.DictReader(lines):
            name = row[scope].lower().removeprefix("/subscriptions/")
            left_out = charge is not None and row[charge].lower() in ("credit", "tax", "adjustment")
            if name.strip("0-") and name != "null" and not left_out:
                found[name] = EXACT.add(found[name], Decimal(row[cost]))
    return dict(found)
