"""Cost exports as providers write them, made up: Azure's EA and MCA actual cost and FOCUS 1.0 (the demonstration's).

The shape is that of real files: their columns and date styles, costs with many decimals and in E-notation, corrections
below zero, and rows that credit does not pay. The text of a file depends on its plan alone.
"""

import csv
import gzip
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal

from creditsvc.onboarding.charges import EXACT, MARKETPLACE, ROUNDING, Charge, Meter, Subscription, charges, guid

Style = Literal["ea", "mca", "focus"]
Row = dict[str, str]


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


EA_COLUMNS = _names("""
    BillingAccountId BillingAccountName BillingPeriodStartDate BillingPeriodEndDate BillingProfileId
    BillingProfileName AccountOwnerId AccountName SubscriptionId SubscriptionName Date Product PartNumber MeterId
    ServiceFamily MeterCategory MeterSubCategory MeterRegion MeterName Quantity EffectivePrice Cost UnitPrice
    BillingCurrency ResourceLocation AvailabilityZone ConsumedService ResourceId ResourceName ServiceInfo1
    ServiceInfo2 AdditionalInfo Tags InvoiceSectionId InvoiceSection CostCenter UnitOfMeasure ResourceGroup
    ReservationId ReservationName ProductOrderId ProductOrderName OfferId IsAzureCreditEligible Term PublisherName
    PlanName ChargeType Frequency PublisherType PayGPrice PricingModel CostAllocationRuleName benefitId benefitName
""")
MCA_COLUMNS = _names("""
    invoiceId previousInvoiceId billingAccountId billingAccountName billingProfileId billingProfileName
    invoiceSectionId invoiceSectionName resellerName resellerMpnId costCenter billingPeriodEndDate
    billingPeriodStartDate servicePeriodEndDate servicePeriodStartDate date serviceFamily productOrderId
    productOrderName consumedService meterId meterName meterCategory meterSubCategory meterRegion ProductId product
    subscriptionId subscriptionName publisherType publisherId publisherName resourceGroupName InstanceName
    resourceLocation Location effectivePrice quantity unitOfMeasure chargeType billingCurrency pricingCurrency
    costInBillingCurrency costInPricingCurrency costInUsd paygCostInBillingCurrency paygCostInUsd
    exchangeRatePricingToBilling exchangeRateDate isAzureCreditEligible serviceInfo1 serviceInfo2 additionalInfo tags
    payGPrice frequency term reservationId reservationName unitPrice
""")
FOCUS_COLUMNS = _names("""
    AvailabilityZone BilledCost BillingAccountId BillingAccountName BillingCurrency BillingPeriodEnd
    BillingPeriodStart ChargeCategory ChargeClass ChargeDescription ChargeFrequency ChargePeriodEnd ChargePeriodStart
    CommitmentDiscountCategory CommitmentDiscountId CommitmentDiscountName CommitmentDiscountStatus
    CommitmentDiscountType ConsumedQuantity ConsumedUnit ContractedCost ContractedUnitPrice EffectiveCost
    InvoiceIssuerName ListCost ListUnitPrice PricingCategory PricingQuantity PricingUnit ProviderName PublisherName
    RegionId RegionName ResourceId ResourceName ResourceType ServiceCategory ServiceName SkuId SkuPriceId
    SubAccountId SubAccountName Tags x_BilledCostInUsd x_SkuIsCreditEligible
""")

HKD_PER_USD = Decimal("7.7956")
_NO_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Plan:
    """One export: its days of one month, the subscriptions of a billing account, and when it was made.

    EA is one file with a byte order mark, FOCUS one that is gzipped, MCA a folder of two parts with their manifest,
    billed in Hong Kong dollars with the cost in US dollars beside. `corrected` says of which subscriptions only so
    many percent of the first meter's cost are charged.
    """

    name: str
    style: Style
    account: str
    first: date
    last: date
    submitted_at: datetime
    subscriptions: tuple[Subscription, ...]
    corrected: Mapping[str, int] = field(default_factory=dict)


def write_export(plan: Plan, folder: Path) -> Path:
    """Writes the export into the folder, over one of that name, and gives the file or folder to import."""
    rows = [charge for each in plan.subscriptions
            for charge in charges(each, plan.first, plan.last, plan.corrected.get(each.scope, 100))]
    rows.sort(key=lambda charge: charge.day)
    folder.mkdir(parents=True, exist_ok=True)
    if plan.style == "mca":
        return _write_parts(plan, [*rows, *_not_paid(plan)], folder / plan.name)
    if plan.style == "ea":
        path = folder / f"{plan.name}.csv"
        path.write_bytes(_csv(EA_COLUMNS, [_ea(plan, charge) for charge in [*rows, *_not_paid(plan)]], "\ufeff"))
        return path
    path = folder / f"{plan.name}.csv.gz"
    text = _csv(FOCUS_COLUMNS, [*(_focus(plan, charge) for charge in rows), *_focus_not_paid(plan)])
    path.write_bytes(gzip.compress(text, mtime=0))
    return path


def month_after(day: date) -> date:
    """The first day of the next month."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _not_paid(plan: Plan) -> list[Charge]:
    """What credit does not pay: a marketplace product, and a rounding that belongs to no subscription."""
    return [
        Charge(plan.last, plan.subscriptions[0], MARKETPLACE, Decimal(1), MARKETPLACE.price, "Purchase", False),
        Charge(plan.last, None, ROUNDING, Decimal(1), ROUNDING.price),
    ]


def _csv(columns: Sequence[str], rows: Iterable[Row], before: str = "") -> bytes:
    target = io.StringIO(newline="")
    target.write(before)
    writer = csv.DictWriter(target, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return target.getvalue().encode("utf-8")


def _number(value: Decimal) -> str:
    """As .NET writes it: plain, what is small in E-notation with two digits of exponent."""
    if not value:
        return "0"
    plain = value.normalize(EXACT)
    if plain.adjusted() >= -5:
        return format(plain, "f")
    digits, _, exponent = format(plain, "E").partition("E")
    return f"{digits}E-{abs(int(exponent)):02d}"


def _slashed(day: date) -> str:
    return f"{day:%m/%d/%Y}"


def _resource(charge: Charge) -> tuple[str, str, str]:
    """The group, name and id of what was charged."""
    if charge.subscription is None:
        return "", "", ""
    group = f"rg-{charge.subscription.name.split()[0].lower()}"
    name = charge.meter.resource_type.split("/")[-1].lower() + "-" + guid(charge.subscription.scope)[:6]
    where = f"/subscriptions/{charge.subscription.scope}/resourceGroups/{group}/providers/"
    return group, name, f"{where}{charge.meter.service}/{charge.meter.resource_type}/{name}"


def _product(meter: Meter) -> str:
    return f"{meter.category} {meter.subcategory} - {meter.name} - AP East"


def _ea(plan: Plan, charge: Charge) -> Row:
    meter, group_name_id = charge.meter, _resource(charge)
    whose = charge.subscription
    return {
        "BillingAccountId": plan.account, "BillingAccountName": "Incubator (illustrative)",
        "BillingPeriodStartDate": _slashed(plan.first.replace(day=1)),
        "BillingPeriodEndDate": _slashed(month_after(plan.first) - timedelta(days=1)),
        "BillingProfileId": plan.account, "BillingProfileName": "Incubator (illustrative)",
        "AccountOwnerId": "cloud@park.example", "AccountName": "Cloud programme",
        "SubscriptionId": whose.scope if whose else "", "SubscriptionName": whose.name if whose else "",
        "Date": _slashed(charge.day), "Product": _product(meter), "MeterId": guid(meter.name),
        "ServiceFamily": meter.family, "MeterCategory": meter.category, "MeterSubCategory": meter.subcategory,
        "MeterRegion": "AP East", "MeterName": meter.name, "Quantity": _number(charge.quantity),
        "EffectivePrice": _number(meter.price), "Cost": _number(charge.cost), "UnitPrice": _number(meter.price),
        "BillingCurrency": "USD", "ResourceLocation": "eastasia", "ConsumedService": meter.service,
        "ResourceId": group_name_id[2], "ResourceName": group_name_id[1],
        "Tags": '"env": "prod"' if charge.day.day % 2 else "", "InvoiceSection": "Startups",
        "UnitOfMeasure": meter.unit, "ResourceGroup": group_name_id[0], "ReservationId": charge.reservation,
        "ReservationName": "VM_RI_D2s" if charge.reservation else "", "OfferId": "MS-AZR-0017P",
        "IsAzureCreditEligible": str(charge.eligible), "PublisherName": "Microsoft" if charge.eligible else "Vendor",
        "ChargeType": charge.kind, "Frequency": "UsageBased" if charge.kind == "Usage" else "Recurring",
        "PublisherType": "Azure" if charge.eligible else "Marketplace", "PayGPrice": _number(meter.price),
        "PricingModel": "Reservation" if charge.reservation else "OnDemand",
    }


def _mca(plan: Plan, charge: Charge) -> Row:
    meter, (group, _, resource) = charge.meter, _resource(charge)
    whose = charge.subscription
    billed = EXACT.multiply(charge.cost, HKD_PER_USD)
    return {
        "billingAccountId": plan.account, "billingAccountName": "Incubator (illustrative)",
        "billingProfileId": "PARK-BG7-PGB", "billingProfileName": "Startups", "invoiceSectionId": "PARK-PJA-PGB",
        "invoiceSectionName": "Startups", "billingPeriodStartDate": _slashed(plan.first.replace(day=1)),
        "billingPeriodEndDate": _slashed(month_after(plan.first) - timedelta(days=1)),
        "date": _slashed(charge.day), "serviceFamily": meter.family, "productOrderName": "Azure plan",
        "consumedService": meter.service, "meterId": guid(meter.name), "meterName": meter.name,
        "meterCategory": meter.category, "meterSubCategory": meter.subcategory, "meterRegion": "AP East",
        "product": _product(meter), "subscriptionId": whose.scope if whose else _NO_SUBSCRIPTION,
        "subscriptionName": whose.name if whose else "", "publisherType": "Azure" if charge.eligible else "Marketplace",
        "publisherName": "Microsoft" if charge.eligible else "Vendor", "resourceGroupName": group,
        "InstanceName": resource, "resourceLocation": "eastasia", "Location": "AP East",
        "effectivePrice": _number(meter.price), "quantity": _number(charge.quantity), "unitOfMeasure": meter.unit,
        "chargeType": charge.kind, "billingCurrency": "HKD", "pricingCurrency": "USD",
        "costInBillingCurrency": _number(billed), "costInPricingCurrency": _number(charge.cost),
        "costInUsd": _number(charge.cost), "paygCostInBillingCurrency": _number(billed),
        "paygCostInUsd": _number(charge.cost), "exchangeRatePricingToBilling": _number(HKD_PER_USD),
        "exchangeRateDate": _slashed(plan.first.replace(day=1)), "isAzureCreditEligible": str(charge.eligible),
        "payGPrice": _number(meter.price), "frequency": "UsageBased" if charge.kind == "Usage" else "Recurring",
        "reservationId": charge.reservation, "unitPrice": _number(meter.price),
    }


def _focus(plan: Plan, charge: Charge) -> Row:
    meter, (_, name, resource) = charge.meter, _resource(charge)
    whose = charge.subscription
    cost, sku = _number(charge.cost), guid(meter.name)[:8].upper()
    return {
        "BilledCost": cost, "BillingAccountId": f"/providers/Microsoft.Billing/billingAccounts/{plan.account}",
        "BillingAccountName": "Incubator (illustrative)", "BillingCurrency": "USD",
        "BillingPeriodStart": _instant(plan.first.replace(day=1)),
        "BillingPeriodEnd": _instant(month_after(plan.first)),
        "ChargeCategory": charge.kind, "ChargeDescription": _product(meter), "ChargeFrequency": "Usage-Based",
        "ChargePeriodStart": _instant(charge.day), "ChargePeriodEnd": _instant(charge.day + timedelta(days=1)),
        "ConsumedQuantity": _number(charge.quantity), "ConsumedUnit": meter.unit, "ContractedCost": cost,
        "ContractedUnitPrice": _number(meter.price), "EffectiveCost": cost, "InvoiceIssuerName": "Microsoft",
        "ListCost": cost, "ListUnitPrice": _number(meter.price), "PricingCategory": "Standard",
        "PricingQuantity": _number(charge.quantity), "PricingUnit": meter.unit, "ProviderName": "Microsoft",
        "PublisherName": "Microsoft", "RegionId": "eastasia", "RegionName": "East Asia", "ResourceId": resource,
        "ResourceName": name, "ResourceType": meter.resource_type, "ServiceCategory": meter.family,
        "ServiceName": meter.category, "SkuId": sku, "SkuPriceId": sku,
        "SubAccountId": f"/subscriptions/{whose.scope}" if whose else "", "SubAccountName": whose.name if whose else "",
        "x_BilledCostInUsd": cost, "x_SkuIsCreditEligible": str(charge.eligible),
    }


def _focus_not_paid(plan: Plan) -> list[Row]:
    """A credit, a tax and an adjustment on the last day, as FOCUS has categories for them, and the marketplace."""
    marketplace, rounding = _not_paid(plan)
    bought = _focus(plan, marketplace)
    rows = [bought, _focus(plan, rounding)]
    for category, cost in (("Credit", "-25"), ("Tax", "3.185"), ("Adjustment", "0.002")):
        rows.append({**bought, "ChargeCategory": category, "BilledCost": cost, "x_BilledCostInUsd": cost,
                     "x_SkuIsCreditEligible": "True", "ChargeDescription": category})
    return rows


def _instant(day: date) -> str:
    return f"{day:%Y-%m-%d}T00:00:00Z"


def _write_parts(plan: Plan, rows: Sequence[Charge], folder: Path) -> Path:
    """Two parts and the manifest that names them with their bytes and rows."""
    folder.mkdir(parents=True, exist_ok=True)
    half = len(rows) // 2
    blobs: list[dict[str, object]] = []
    for number, part in enumerate((rows[:half], rows[half:])):
        text = _csv(MCA_COLUMNS, [_mca(plan, charge) for charge in part])
        (folder / f"part_{number}_0001.csv").write_bytes(text)
        blobs.append({"blobName": f"exports/techconnect/{plan.name}/part_{number}_0001.csv", "byteCount": len(text),
                      "dataRowCount": len(part)})
    manifest = {
        "manifestVersion": "2024-04-01", "byteCount": _sum(blobs, "byteCount"), "blobCount": len(blobs),
        "dataRowCount": _sum(blobs, "dataRowCount"),
        "exportConfig": {
            "exportName": "techconnect", "resourceId": f"/providers/Microsoft.Billing/billingAccounts/{plan.account}",
            "dataVersion": "2021-10-01", "apiVersion": "2023-07-01-preview", "type": "ActualCost",
            "timeFrame": "MonthToDate", "granularity": "Daily",
        },
        "deliveryConfig": {"partitionData": True, "dataOverwriteBehavior": "CreateNewReport", "fileFormat": "Csv",
                           "compressionMode": "None"},
        "runInfo": {
            "executionType": "Scheduled", "submittedTime": plan.submitted_at.isoformat().replace("+00:00", "Z"),
            "runId": guid(plan.name), "startDate": f"{plan.first}T00:00:00", "endDate": f"{plan.last}T00:00:00",
        },
        "blobs": blobs,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return folder


def _sum(blobs: Sequence[Mapping[str, object]], what: str) -> int:
    return sum(count for blob in blobs if isinstance(count := blob[what], int))


