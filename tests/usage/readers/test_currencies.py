"""In which currency a row counts (U7)."""

from decimal import Decimal
from pathlib import Path

import pytest

from creditsvc.usage.readers.totals import Units
from tests.usage.readers.exports import FOCUS_ROW, MCA_ROW, SCOPE, read, text_of, written
from tests.usage.readers.making import FOCUS_12

B = "bbbbbbbb-0000-4000-8000-000000000002"


@pytest.mark.parametrize(
    "wanted, change, counted",
    [
        ("HKD", {}, ("HKD", "7.8")),
        ("USD", {}, ("USD", "1")),
        (None, {}, ("HKD", "7.8")),
        ("EUR", {}, ("HKD", "7.8")),
        ("USD", {"billingCurrency": "USD"}, ("USD", "7.8")),
        ("USD", {"pricingCurrency": "EUR"}, ("USD", "1.1")),
        ("EUR", {"pricingCurrency": "EUR"}, ("EUR", "1")),
        ("USD", {"costInPricingCurrency": ""}, ("USD", "1.1")),
        ("USD", {"costInPricingCurrency": "", "costInUsd": ""}, ("HKD", "7.8")),
        ("USD", {"costInPricingCurrency": "1E-05"}, ("USD", "0.00001")),
        ("USD", {"billingCurrency": "hkd", "pricingCurrency": "usd"}, ("USD", "1")),
    ],
)
def test_the_cost_that_counts_is_the_one_in_the_wanted_currency(
    tmp_path: Path, wanted: str | None, change: dict[str, str], counted: tuple[str, str]
) -> None:
    units = Units({}, {"azure": wanted} if wanted else {})

    export = read(written(tmp_path, text_of(MCA_ROW, [change])), units)

    ((currency, amount),) = export.totals.select("currency", "amount").rows()
    assert (currency, Decimal(amount) / 10**8) == (counted[0], Decimal(counted[1]))


def test_the_unit_of_a_scope_goes_before_that_of_its_provider(tmp_path: Path) -> None:
    units = Units({("azure", SCOPE): "HKD"}, {"azure": "USD"})

    export = read(written(tmp_path, text_of(MCA_ROW, [{}, {"subscriptionId": B.upper()}])), units)

    assert export.totals.select("scope", "currency", "amount").rows() == [
        (SCOPE, "HKD", 780_000_000),
        (B, "USD", 100_000_000),
    ]


def test_rows_of_one_day_and_key_in_two_currencies_are_never_mixed(tmp_path: Path) -> None:
    changes = [{}, {"costInPricingCurrency": "", "costInUsd": ""}]

    export = read(written(tmp_path, text_of(MCA_ROW, changes)))

    assert export.totals.select("currency", "amount").rows() == [("HKD", 780_000_000), ("USD", 100_000_000)]


def test_what_is_left_out_is_in_the_billed_currency(tmp_path: Path) -> None:
    export = read(written(tmp_path, text_of(MCA_ROW, [{"chargeType": "Tax"}, {}])))

    (left,) = export.left_out
    assert dict(left.amounts) == {"HKD": Decimal("7.8")}


def test_a_further_cost_that_is_no_number_is_refused_where_it_is_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, text_of(MCA_ROW, [{}, {"costInPricingCurrency": "x"}]))

    assert read(path, Units({}, {"azure": "HKD"})).rows == 2
    with pytest.raises(Exception, match="line 3, column costInPricingCurrency: 'x'"):
        read(path)


@pytest.mark.parametrize(
    "change, counted",
    [
        ({}, ("USD", 100_000_000)),
        ({"EffectiveCost": "3.9"}, ("HKD", 780_000_000)),  # part of a commitment: amortized, not billed
        ({"EffectiveCost": ""}, ("HKD", 780_000_000)),
        ({"PricingCurrency": "EUR"}, ("HKD", 780_000_000)),
        ({"PricingCurrencyEffectiveCost": ""}, ("HKD", 780_000_000)),
        ({"BillingCurrency": "USD"}, ("USD", 780_000_000)),
    ],
)
def test_focus_gives_its_cost_in_the_pricing_currency_where_the_effective_cost_is_the_billed_one(
    tmp_path: Path, change: dict[str, str], counted: tuple[str, int]
) -> None:
    export = read(written(tmp_path, text_of(FOCUS_12, [change])))

    assert export.totals.select("currency", "amount").rows() == [counted]


def test_a_cost_in_the_pricing_currency_does_not_count_without_the_effective_cost_beside_it(tmp_path: Path) -> None:
    export = read(written(tmp_path, text_of(FOCUS_12, without=["EffectiveCost"])))

    assert export.totals.select("currency", "amount").rows() == [("HKD", 780_000_000)]


def test_focus_gives_its_cost_in_us_dollars(tmp_path: Path) -> None:
    row = {**FOCUS_ROW, "BillingCurrency": "EUR", "x_BilledCostInUsd": "1.62"}

    export = read(written(tmp_path, text_of(row)))

    assert export.totals.select("currency", "amount").rows() == [("USD", 162_000_000)]
