"""The frozen cost export of the import benchmark: FOCUS 1.0, 1,000,000 rows, 500 subscriptions, the 30 days of June
2026; and the same month restated (1 % of the costs changed, 0.5 % of the rows gone).

Made from a counter alone, so that it is the same everywhere; the hash of its text is checked by each run.
"""

import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from isal import igzip, igzip_lib

SUBSCRIPTIONS, DAYS, ROWS = 500, 30, 1_000_000
SERVICES_EACH = 4
"""How many services each subscription uses."""

HASHES = {
    "month.csv.gz": "e69a7404d9d2883bbe1c3c4132b90ce05c8ee0fb9ba9a88146ef0c3a8751233e",
    "restated.csv.gz": "ef167ec132a35335166b46f9358bcad5a53bcbbcfae83c122bf7538584844f61",
}
COLUMNS = (
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
    "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart",
    "CommitmentDiscountCategory", "CommitmentDiscountId", "CommitmentDiscountName", "CommitmentDiscountStatus",
    "ConsumedQuantity", "ConsumedUnit", "ContractedCost", "EffectiveCost", "InvoiceIssuerName", "ListCost",
    "ListUnitPrice", "PricingCategory", "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName", "RegionId",
    "RegionName", "ResourceId", "ResourceName", "ResourceType", "ServiceCategory", "ServiceName", "SkuId", "SkuPriceId",
    "SubAccountId", "SubAccountName", "SubAccountType", "Tags", "x_SkuIsCreditEligible",
)
_DAMAGED = cast(type[Exception], igzip_lib.IsalError)
_SERVICES = (
    ("Compute", "Virtual Machines", "microsoft.compute/virtualmachines", "1 Hour"),
    ("Storage", "Storage Accounts", "microsoft.storage/storageaccounts", "1 GB/Month"),
    ("Databases", "Azure SQL Database", "microsoft.sql/servers/databases", "1 Hour"),
    ("Networking", "Bandwidth", "microsoft.network/virtualnetworks", "1 GB"),
    ("AI and Machine Learning", "Azure OpenAI", "microsoft.cognitiveservices/accounts", "1K Tokens"),
    ("Web", "Azure App Service", "microsoft.web/sites", "1 Hour"),
    ("Management and Governance", "Log Analytics", "microsoft.operationalinsights/workspaces", "1 GB"),
)


def subscription(number: int) -> str:
    """The id of a subscription, 0 to 499."""
    return f"{number:08x}-0000-4000-8000-{number * 7919:012x}"


def export(folder: Path, name: str) -> Path:
    """The file of that name, made unless it is there whole. Raises RuntimeError when its text is not what it was."""
    path = folder / name
    if not (path.exists() and _digest(path) == HASHES[name]):
        folder.mkdir(parents=True, exist_ok=True)
        _write(path, restated=name.startswith("restated"))
        if _digest(path) != HASHES[name]:
            raise RuntimeError(f"{name}: the generator's text has changed: it has the hash {_digest(path)}")
    return path


def _digest(path: Path) -> str:
    """The hash of a file's text; of one that was cut short or damaged, nobody's."""
    digest = hashlib.sha256()
    try:
        with igzip.open(path, "rb") as packed:  # type: ignore[no-untyped-call]
            while chunk := packed.read(1 << 20):
                digest.update(chunk)
    except (EOFError, OSError, _DAMAGED):
        return ""
    return digest.hexdigest()


def _write(path: Path, restated: bool) -> None:
    with path.open("wb") as lying, gzip.GzipFile(fileobj=lying, mode="wb", compresslevel=5, mtime=0) as packed:
        for piece in _pieces(restated):
            packed.write(piece)


def _pieces(restated: bool) -> Iterator[bytes]:
    yield (",".join(COLUMNS) + "\n").encode()
    row = 0
    for day in range(1, DAYS + 1):
        for number in range(SUBSCRIPTIONS):
            lines = []
            for place in range(67 if (day - 1) * SUBSCRIPTIONS + number < 10_000 else 66):
                row += 1
                noise = row * 2_654_435_761 % 4_294_967_296
                if restated and noise % 200 == 1:  # 0.5 % gone
                    continue
                lines.append(_line(day, number, place, noise, changed=restated and noise % 100 == 2))
            yield "".join(lines).encode()


def _line(day: int, number: int, place: int, noise: int, changed: bool) -> str:
    family, service, kind, unit = _SERVICES[(number + place) % SERVICES_EACH + number % 4]
    whose, name = subscription(number), f"res-{number * 67 + place:08x}-{noise % 16 ** 3:03x}"
    digits = noise * (37 if changed else 31) % 10**10 * 6_364_136_223_846_793_005 % 10**18
    cost = f"{noise % 3 + changed}.{digits:018d}"
    listed = f"{noise % 3 + 1}.{digits * 7 % 10**18:018d}"
    group = f"/subscriptions/{whose}/resourcegroups/rg-{place % 5}/providers/{kind}/{name}"
    tags = (
        f'"{{""env"":""{"prod" if noise % 3 else "test"}"",""owner"":""team-{noise % 11}"",""run"":'
        f'""{digits:015x}{noise:08x}"",""cost-centre"":""{noise * 13 % 10**7:07d}""}}"'
    )
    hours = f"{noise * 17 % 24}.{noise % 10**9:09d}"
    return (
        f"{cost},/providers/Microsoft.Billing/billingAccounts/81234567:5f3c1b2a-77aa-4c11-9d0e-2b8f6a4d9e10_2019-05-31,"
        f"Incubator,USD,2026-07-01T00:00:00Z,2026-06-01T00:00:00Z,Usage,,{service} - {unit} - HK East,Usage-Based,"
        f"{'2026-07-01' if day == DAYS else f'2026-06-{day + 1:02d}'}T00:00:00Z,2026-06-{day:02d}T00:00:00Z,,,,,"
        f"{hours},{unit},{cost},{cost},Microsoft,{listed},0.0{digits % 10**9:09d},Standard,{hours},{unit},"
        f"Microsoft,Microsoft,eastasia,East Asia,{group},{name},{kind},{family},{service},DZH318Z0{place:04d},"
        f"DZH318Z0{place:04d}001,/subscriptions/{whose},startup-{number:03d},Subscription,{tags},True\n"
    )
