"""Every sample of other people gives the totals that its README states."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from creditsvc.usage.readers.totals import Units
from tests.usage.readers.exports import counted_apart, read, refused, sums

STATED = {
    # file: schema, rows, counted rows, total, first and last charge day
    "focus/focus-1.0-sample-1000.csv": (
        "focus-1.0", 1000, 997, "22.86192672899", date(2024, 9, 1), date(2024, 9, 30),
    ),
    "azure/ea-actual.csv": ("ea-actual", 11, 11, "8.5450077867419368", date(2023, 9, 4), date(2023, 9, 21)),
    "azure/mca-camel-case.csv": ("mca", 4, 4, "0.0000262412", date(2023, 8, 1), date(2023, 8, 1)),
    "azure/payg-usage.csv": ("payg", 3, 3, "0.00011016", date(2019, 7, 28), date(2019, 7, 29)),
    "azure/payg-one-row.csv": ("payg", 1, 1, "0.075", date(2021, 2, 2), date(2021, 2, 2)),
    "azure/mixed-german-headers.csv": ("payg", 1, 1, "0.075", date(2021, 2, 2), date(2021, 2, 2)),
}  # fmt: skip
COLUMNS = {
    "focus/focus-1.0-sample-1000.csv": ("SubAccountId", "BilledCost", "ChargeCategory"),
    "azure/ea-actual.csv": ("SubscriptionId", "Cost", "ChargeType"),
    "azure/mca-camel-case.csv": ("subscriptionId", "costInBillingCurrency", "chargeType"),
    "azure/payg-usage.csv": ("SubscriptionGuid", "PreTaxCost", None),
    "azure/payg-one-row.csv": ("SubscriptionGuid", "PreTaxCost", None),
    "azure/mixed-german-headers.csv": ("subscriptionId", "costInBillingCurrency", None),
}


@pytest.mark.parametrize("name", STATED)
def test_a_sample_gives_the_totals_that_its_readme_states(shared_data: Path, in_usd: Units, name: str) -> None:
    schema, rows, counted, total, first, last = STATED[name]

    export = read(shared_data / name, in_usd)

    half_a_step_each = Decimal("0.000000005") * export.totals.height
    assert (export.schema, export.rows, export.counted_rows) == (schema, rows, counted)
    assert export.cover == (first, last)
    assert abs(sum(sums(export).values()) - Decimal(total)) <= half_a_step_each
    assert set(export.totals["currency"]) == {"USD"}
    assert export.totals["rows"].sum() == counted


@pytest.mark.parametrize("name", COLUMNS)
def test_a_sample_gives_the_sums_by_scope_that_csv_and_decimal_give(
    shared_data: Path, in_usd: Units, name: str
) -> None:
    apart = counted_apart(shared_data / name, *COLUMNS[name])

    found = sums(read(shared_data / name, in_usd))

    assert {scope.lower() for scope, _ in found} == set(apart)
    for (scope, _), amount in found.items():
        assert abs(amount - apart[scope.lower()]) < Decimal("0.000001")


def test_the_focus_sample_leaves_out_a_credit_and_two_adjustments(shared_data: Path, in_usd: Units) -> None:
    export = read(shared_data / "focus/focus-1.0-sample-1000.csv", in_usd)

    found = [(left.reason, left.rows, dict(left.amounts)) for left in export.left_out]
    assert found == [("credit", 1, {"USD": Decimal("-2.6137")}), ("adjustment", 2, {"USD": Decimal("0.272")})]
    assert export.totals["scope"].n_unique() == 73
    assert export.totals.select("provider", "scope", "day").n_unique() == 475
    assert ("azure", "64e355d7-997c-491d-b0c1-8414dccfcf42") in set(export.totals.select("provider", "scope").rows())


def test_the_ea_sample_gives_each_subscription_its_own_total(shared_data: Path, in_usd: Units) -> None:
    found = sums(read(shared_data / "azure/ea-actual.csv", in_usd))

    by_start = {scope[:8]: amount for (scope, _), amount in found.items()}
    assert by_start["1caaa5a3"] == Decimal("6.10268368")
    assert abs(by_start["64e355d7"] - Decimal("2.4422729677419368")) < Decimal("0.00000001")
    assert by_start["9ec51cfd"] == 0
    assert abs(by_start["ed570627"] - Decimal("0.000051139")) <= Decimal("0.00000001")


def test_the_amortized_sample_is_refused_by_name(shared_data: Path) -> None:
    errors = refused(shared_data / "azure/ea-amortized.csv")

    assert (errors[0].file, errors[0].line, errors[0].column) == ("ea-amortized.csv", 2, "Cost")
    assert "amortized" in errors[0].message


def test_a_header_alone_is_an_export_of_no_rows(shared_data: Path) -> None:
    export = read(shared_data / "azure/ea-no-rows.csv")

    assert (export.schema, export.rows, export.counted_rows, export.cover) == ("ea-actual", 0, 0, None)
    assert export.totals.height == 0
