"""A second reading of cost exports, sharing nothing with the product: csv, Decimal, and pyarrow for Parquet.

Slow and for small files. It settles Azure in US dollars, all else in what is billed, and raises ValueError (or another
error of Python's own) for what it cannot read.
"""

import csv
import gzip
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact

import pyarrow.parquet as pq

EXACT = Context(prec=100, traps=[Inexact])
STEP = Decimal("1e-8")
PROVIDERS = {
    "microsoft": "azure", "microsoft azure": "azure", "azure": "azure", "aws": "aws", "amazon web services": "aws",
    "amazon web services, inc.": "aws", "google": "gcp", "google cloud": "gcp", "google cloud platform": "gcp",
    "gcp": "gcp", "oracle": "oracle", "oracle cloud infrastructure": "oracle",
}  # fmt: skip
COLUMNS = {
    "scope": ("subaccountid", "subscriptionid", "subscriptionguid"),
    "date": ("chargeperiodstart", "date", "usagedatetime", "usagedate"),
    "cost": ("billedcost", "costinbillingcurrency", "cost", "pretaxcost"),
    "currency": ("billingcurrency", "billingcurrencycode", "currency"),
    "pricing": ("pricingcurrency", "pricingcurrencycode"),
    "usd": ("x_billedcostinusd", "costinusd"),
    "service": ("servicename", "consumedservice"),
    "category": ("servicecategory", "metercategory"),
    "charge": ("chargecategory", "chargetype"),
    "eligible": ("x_skuiscrediteligible", "isazurecrediteligible"),
}
Place = tuple[str, str, date, str, str]


@dataclass(frozen=True)
class Reading:
    """Totals by (provider, scope, day, key, currency) in 10^-8, and how many rows each reason left out."""

    totals: Mapping[Place, int]
    left_out: Mapping[str, int]


def read_apart(content: bytes) -> Reading:
    """The totals of one file: CSV, gzipped CSV or Parquet."""
    return total(rows_of(content))


def rows_of(content: bytes) -> list[dict[str, str]]:
    """The rows by plain column name, each value as text."""
    if content.startswith(b"PAR1"):
        table = pq.read_table(io.BytesIO(content), page_checksum_verification=True)
        names = [plain(name) for name in table.column_names]
        columns = [[shown(value) for value in column.to_pylist()] for column in table.columns]
        return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
    header = [plain(name) for name in next(lines)]
    found = []
    for fields in lines:
        if not fields:
            continue
        if len(fields) != len(header):
            raise ValueError(f"{len(fields)} fields under {len(header)} names")
        found.append(dict(zip(header, fields, strict=True)))
    return found


def plain(name: str) -> str:
    """A column's English name, small, without spaces."""
    inner = re.search(r"[(（]([^()（）]+)[)）]\s*$", name)
    return "".join((inner[1] if inner else name).lower().split())


def shown(value: object) -> str:
    """A typed value as text."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8")
    return value.isoformat() if isinstance(value, date) else str(value)


def total(rows: Iterable[Mapping[str, str]]) -> Reading:
    """The rows added up by the rules."""
    sums: dict[Place, Decimal] = defaultdict(Decimal)
    left_out: Counter[str] = Counter()
    for row in rows:
        focus = "billedcost" in row
        values = {name: first(row, among) for name, among in COLUMNS.items()}
        if focus:
            values = {name: "" if text == "NULL" else text for name, text in values.items()}
        provider = provider_of(values.get("provider") or row["providername"]) if focus else "azure"
        scope = scope_of(provider, values["scope"])
        kind = "".join(values["charge"].split()).lower() or ("" if has(row, "charge") else "usage")
        amount, currency = cost_of(row, values, provider)
        day = day_of(values["date"])
        reason = reason_of(kind, values["eligible"], scope)
        if reason:
            left_out[reason] += 1
            continue
        key = "|".join((values["service"].strip().lower(), values["category"].strip().lower(), kind))
        place = (provider, scope, day, key, currency)
        sums[place] = EXACT.add(sums[place], amount)
    return Reading({place: steps(amount) for place, amount in sums.items()}, dict(left_out))


def first(row: Mapping[str, str], names: Iterable[str]) -> str:
    """The value under the first of the names that the row has."""
    return next((row[name] for name in names if name in row), "")


def has(row: Mapping[str, str], name: str) -> bool:
    """Whether the row has a column of that kind."""
    return any(column in row for column in COLUMNS[name])


def reason_of(kind: str, eligible: str, scope: str) -> str:
    """Why a row draws no credit; empty where it does."""
    if kind in ("credit", "tax", "adjustment"):
        return kind
    if eligible.strip().lower() in ("false", "0"):
        return "not-eligible"
    return "" if scope else "no-scope"


def cost_of(row: Mapping[str, str], values: Mapping[str, str], provider: str) -> tuple[Decimal, str]:
    """What a row costs, and in which currency: in US dollars where the file says so."""
    billed, currency = Decimal(values["cost"].strip()), values["currency"].strip().upper()
    if provider != "azure" or currency == "USD":
        return billed, currency
    pricing = row.get("costinpricingcurrency", "")
    if "pricingcurrencyeffectivecost" in row and row.get("effectivecost") == values["cost"]:
        pricing = row["pricingcurrencyeffectivecost"]
    if pricing.strip() and values["pricing"].strip().upper() == "USD":
        return Decimal(pricing.strip()), "USD"
    return (Decimal(values["usd"].strip()), "USD") if values["usd"].strip() else (billed, currency)


def provider_of(name: str) -> str:
    """The short name of a provider."""
    small = name.strip().lower()
    return PROVIDERS.get(small) or re.sub("[^a-z0-9]+", "-", small).strip("-")


def scope_of(provider: str, text: str) -> str:
    """The billing scope, empty where there is none."""
    scope = text.strip()
    if provider == "azure":
        scope = scope.lower().removeprefix("/subscriptions/").rstrip("/")
    return scope if scope.strip("0-") or len(scope) != 36 else ""


def day_of(text: str) -> date:
    """The UTC day."""
    text = text.strip()
    if "/" in text:
        month, day, year = text.split("/")
        return date(int(year), int(month), int(day))
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).date()


def steps(amount: Decimal) -> int:
    """An amount in 10^-8, rounded half to even."""
    return int(amount.quantize(STEP, ROUND_HALF_EVEN, Context(prec=100)).scaleb(8))
