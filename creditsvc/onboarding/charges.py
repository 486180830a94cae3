"""What an invented Azure subscription costs from day to day: the same charges for the same seed, in any order asked.

Costs are exact decimals of US dollars with as many places as real ones have; each (subscription, meter, day) is drawn
for itself, so that an export of one month and one of two say the same of a day that both cover.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Context, Decimal
from random import Random
from uuid import UUID

SEED = "techconnect"
EXACT = Context(prec=60)

_WEEK = (100, 104, 106, 103, 97, 58, 52)
"""Percent of a Monday's cost, by weekday."""
_QUANTITY = Decimal("1e-12")
_LIMITED = Decimal("1e-8")
_CORRECTED_ONE_IN = 45


@dataclass(frozen=True)
class Meter:
    """What is counted and what one of it costs; `share` is its part of a subscription's daily cost, in per mille."""

    service: str
    family: str
    category: str
    subcategory: str
    name: str
    unit: str
    price: Decimal
    share: int
    resource_type: str


METERS = (
    Meter("Microsoft.Compute", "Compute", "Virtual Machines", "Dsv5 Series", "D4s v5", "1 Hour", Decimal("0.264"), 430,
          "virtualMachines"),
    Meter("Microsoft.CognitiveServices", "AI + Machine Learning", "Cognitive Services", "Azure OpenAI",
          "gpt output tokens", "1K", Decimal("0.011"), 230, "accounts"),
    Meter("Microsoft.Sql", "Databases", "SQL Database", "General Purpose - Compute Gen5", "vCore", "1 Hour",
          Decimal("0.252123"), 180, "servers/databases"),
    Meter("Microsoft.Storage", "Storage", "Storage", "Tiered Block Blob", "Hot LRS Data Stored", "1 GB/Month",
          Decimal("0.0208"), 110, "storageAccounts"),
    Meter("Microsoft.Network", "Networking", "Bandwidth", "Rtn Preference: MGN", "Standard Data Transfer Out", "1 GB",
          Decimal("0.12"), 50, "publicIPAddresses"),
)
OPERATIONS = Meter("Microsoft.Storage", "Storage", "Storage", "Tiered Block Blob", "Hot LRS Write Operations", "10K",
                   Decimal("0.065"), 0, "storageAccounts")
"""Costs next to nothing: such costs come in E-notation."""
FREE = Meter("Microsoft.Network", "Networking", "Bandwidth", "Rtn Preference: MGN", "Standard Data Transfer In", "1 GB",
             Decimal(0), 0, "publicIPAddresses")
"""Costs nothing, and is there every day: also a subscription that uses no credit has rows."""
RESERVED = replace(METERS[0], price=Decimal("78.475"), unit="1 Hour", name="D2s v5")
MARKETPLACE = Meter("Microsoft.SaaS", "Azure Marketplace Services", "SaaS", "", "Monitoring, monthly", "1 Month",
                    Decimal("49"), 0, "resources")
ROUNDING = Meter("", "", "Unassigned", "", "Rounding", "1", Decimal("0.00413"), 0, "")


@dataclass(frozen=True)
class Subscription:
    """An invented subscription: about `daily` US dollars on a Monday, from the first day to the last.

    With a `limit` nothing more is charged once that much is used, as Azure does with a spending limit. With `reserved`
    it buys a reservation on the first day of each month, whose usage then costs nothing.
    """

    scope: str
    name: str
    daily: int
    first: date
    last: date
    limit: Decimal | None = None
    reserved: bool = False


@dataclass(frozen=True)
class Charge:
    """A row of an export. `subscription` None is a cost that belongs to none; `kind` is Usage, Purchase or Refund."""

    day: date
    subscription: Subscription | None
    meter: Meter
    quantity: Decimal
    cost: Decimal
    kind: str = "Usage"
    eligible: bool = True
    reservation: str = ""


def guid(text: str) -> str:
    """The id that this text always gets."""
    return str(UUID(bytes=hashlib.sha256(f"{SEED}/{text}".encode()).digest()[:16], version=4))


def charges(subscription: Subscription, first: date, last: date, corrected: int = 100) -> list[Charge]:
    """The charges of the days from first to last; `corrected` percent of the first meter's cost are charged."""
    found: list[Charge] = []
    left = subscription.limit
    for day in _days(subscription.first, min(subscription.last, last)):
        of_day = [*_used(subscription, day, corrected)]
        if left is not None:
            of_day = list(_limited(of_day, left))
            left -= sum((charge.cost for charge in of_day), Decimal(0))
        if day >= first:
            found += of_day
    return found


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def _used(subscription: Subscription, day: date, corrected: int) -> Iterator[Charge]:
    """What one day costs by meter, with a small correction of a cost here and there."""
    if subscription.daily:
        for meter in METERS:
            dice = _dice(subscription, meter, day)
            cost = Decimal(subscription.daily * meter.share * _WEEK[day.weekday()] * dice.randrange(8500, 11500))
            wanted = EXACT.multiply(cost, Decimal("1e-9"))
            quantity = EXACT.divide(wanted, meter.price).quantize(_QUANTITY, context=EXACT)
            if meter is METERS[0]:
                quantity = EXACT.multiply(quantity, Decimal(corrected).scaleb(-2))
            yield _charge(day, subscription, meter, quantity)
            if dice.randrange(_CORRECTED_ONE_IN) == 0 and subscription.limit is None:
                yield _charge(day, subscription, meter, -quantity.scaleb(-2))
        operations = Decimal(_dice(subscription, OPERATIONS, day).randrange(1, 10**6)).scaleb(-9)
        yield _charge(day, subscription, OPERATIONS, operations)
    if subscription.reserved:
        number = guid(f"reservation/{subscription.scope}")
        if day.day == 1:
            bought = _charge(day, subscription, RESERVED, Decimal(1))
            yield replace(bought, kind="Purchase", reservation=number)
        yield Charge(day, subscription, RESERVED, Decimal(24), Decimal(0), reservation=number)
    free = Decimal(_dice(subscription, FREE, day).randrange(1, 10**9)).scaleb(-9)
    yield _charge(day, subscription, FREE, free)


def _charge(day: date, subscription: Subscription, meter: Meter, quantity: Decimal) -> Charge:
    return Charge(day, subscription, meter, quantity, EXACT.multiply(quantity, meter.price))


def _limited(of_day: list[Charge], left: Decimal) -> Iterator[Charge]:
    """The day's charges as far as the limit goes, in steps of 10^-8 so that their sum meets it exactly."""
    for charge in of_day:
        cost = min(charge.cost.quantize(_LIMITED, context=EXACT), left)
        left -= cost
        if cost or charge.meter is FREE:
            yield replace(charge, cost=cost)


def _dice(subscription: Subscription, meter: Meter, day: date) -> Random:
    return Random(f"{SEED}/{subscription.scope}/{meter.name}/{day}")  # noqa: S311 (no secrets)  # nosec B311
