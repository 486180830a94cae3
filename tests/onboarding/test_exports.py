"""The demonstration's exports: the same text for the same plan, and read with the totals that their rows add up to."""

import csv
import gzip
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from creditsvc.onboarding.charges import Subscription, charges, guid
from creditsvc.onboarding.exports import EA_COLUMNS, FOCUS_COLUMNS, MCA_COLUMNS, Plan, write_export
from creditsvc.usage.readers.read import read_export
from creditsvc.usage.readers.source import open_source
from creditsvc.usage.readers.totals import Units

FIRST, LAST = date(2026, 5, 1), date(2026, 5, 31)
BUSY = Subscription(guid("busy"), "Busy prod", 40, date(2026, 4, 20), date(2026, 6, 14), reserved=True)
SMALL = Subscription(guid("small"), "Small prod", 9, date(2026, 5, 8), date(2026, 5, 20))
IDLE = Subscription(guid("idle"), "Idle prod", 0, date(2026, 4, 20), date(2026, 6, 14))
UNITS = Units({}, {"azure": "USD"})
COLUMNS = {"ea": EA_COLUMNS, "mca": MCA_COLUMNS, "focus": FOCUS_COLUMNS}
NAMES = {
    "ea": ("SubscriptionId", "Cost", "IsAzureCreditEligible", "ChargeType"),
    "mca": ("subscriptionId", "costInUsd", "isAzureCreditEligible", "chargeType"),
    "focus": ("SubAccountId", "BilledCost", "x_SkuIsCreditEligible", "ChargeCategory"),
}
"""The columns of the scope, the cost in US dollars, whether credit pays it, and the kind of charge."""


def plan_of(style, **changes):
    plan = Plan(f"may-{style}", style, "70012345", FIRST, LAST, datetime(2026, 6, 4, tzinfo=UTC), (BUSY, SMALL, IDLE))
    return replace(plan, **changes)


def texts_of(path: Path) -> list[str]:
    """The CSV texts of an export, in order."""
    if path.is_dir():
        return [part.read_text("utf-8-sig") for part in sorted(path.glob("*.csv"))]
    return [gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text("utf-8-sig")]


def rows_of(path: Path) -> list[dict[str, str]]:
    return [row for text in texts_of(path) for row in csv.DictReader(text.splitlines())]


def counted_by_hand(path: Path, style: str) -> dict[str, Decimal]:
    """What credit pays of each subscription, added up from the rows without the product."""
    scope, cost, eligible, kind = NAMES[style]
    sums: dict[str, Decimal] = {}
    for row in rows_of(path):
        known = row[scope].removeprefix("/subscriptions/")
        if row[eligible] == "True" and row[kind] in ("Usage", "Purchase") and known.strip("0-"):
            sums[known] = sums.get(known, Decimal(0)) + Decimal(row[cost])
    return sums


@pytest.mark.parametrize("style", COLUMNS)
def test_an_export_is_read_with_the_totals_that_its_rows_add_up_to(style, tmp_path):
    path = write_export(plan_of(style), tmp_path)

    export = read_export(open_source(path), UNITS)

    by_hand = counted_by_hand(path, style)
    read: dict[str, Decimal] = {}
    for scope, currency, amount in export.totals.select("scope", "currency", "amount").iter_rows():
        assert currency == "USD"
        read[scope] = read.get(scope, Decimal(0)) + Decimal(amount).scaleb(-8)
    half_a_step_each = Decimal("0.5e-8") * export.totals.height
    assert read.keys() == by_hand.keys() == {BUSY.scope, SMALL.scope, IDLE.scope}
    assert all(abs(read[scope] - by_hand[scope]) <= half_a_step_each for scope in by_hand)
    assert 900 < by_hand[BUSY.scope] < 1300
    assert 80 < by_hand[SMALL.scope] < 120
    assert by_hand[IDLE.scope] == 0
    assert export.cover == (FIRST, LAST)
    assert {one.reason for one in export.left_out} >= {"not-eligible", "no-scope"}


def test_focus_leaves_out_a_credit_a_tax_and_an_adjustment(tmp_path):
    path = write_export(plan_of("focus"), tmp_path)

    export = read_export(open_source(path), UNITS)

    amounts = {one.reason: one.amounts for one in export.left_out}
    assert amounts["credit"] == {"USD": Decimal(-25)}
    assert amounts["tax"] == {"USD": Decimal("3.185")}
    assert amounts["adjustment"] == {"USD": Decimal("0.002")}


@pytest.mark.parametrize("style", COLUMNS)
def test_the_same_plan_gives_the_same_bytes(style, tmp_path):
    first, again = (write_export(plan_of(style), tmp_path / name) for name in ("first", "again"))

    files = [sorted(path.rglob("*") if path.is_dir() else [path]) for path in (first, again)]

    assert [file.read_bytes() for file in files[0]] == [file.read_bytes() for file in files[1]]


@pytest.mark.parametrize("style", COLUMNS)
def test_an_export_has_the_columns_of_its_format_and_costs_as_real_ones(style, tmp_path):
    path = write_export(plan_of(style), tmp_path)

    header = texts_of(path)[0].splitlines()[0].split(",")
    costs = [row[NAMES[style][1]] for row in rows_of(path)]

    assert header == list(COLUMNS[style])
    assert any("E-" in cost for cost in costs)
    assert any(cost.startswith("-") for cost in costs)
    assert max(len(cost.partition(".")[2]) for cost in costs if "E" not in cost) >= 10


def test_the_enterprise_header_is_that_of_a_real_export(shared_data, tmp_path):
    real = (shared_data / "azure" / "ea-actual.csv").read_text("utf-8-sig").splitlines()[0]

    assert ",".join(EA_COLUMNS) == real


def test_a_month_to_date_says_of_a_day_what_the_whole_month_says():
    so_far = charges(BUSY, FIRST, date(2026, 5, 9))

    whole = charges(BUSY, FIRST, LAST)

    assert so_far == [charge for charge in whole if charge.day <= date(2026, 5, 9)]


def test_a_correction_lowers_one_meter_of_its_subscription_alone(tmp_path):
    before = write_export(plan_of("mca"), tmp_path / "before")
    after = write_export(plan_of("mca", corrected={SMALL.scope: 80}), tmp_path / "after")

    first, second = counted_by_hand(before, "mca"), counted_by_hand(after, "mca")

    assert Decimal("0.88") < second[SMALL.scope] / first[SMALL.scope] < Decimal("0.94")
    assert second[BUSY.scope] == first[BUSY.scope]


def test_a_spending_limit_is_met_exactly_and_rows_without_cost_go_on():
    limited = replace(BUSY, limit=Decimal(500), reserved=False)

    made = charges(limited, limited.first, limited.last)

    assert sum(charge.cost for charge in made) == 500
    assert made[-1].day == limited.last
    assert made[-1].cost == 0


def test_a_week_has_its_quiet_days():
    made = charges(replace(BUSY, reserved=False), date(2026, 5, 4), date(2026, 5, 10))

    by_day = {day: sum(c.cost for c in made if c.day == day) for day in {charge.day for charge in made}}

    assert max(by_day[date(2026, 5, 9)], by_day[date(2026, 5, 10)]) < by_day[date(2026, 5, 6)]
