"""Exchange rates on the pure core: which one holds on a day, what it makes of an amount, what is no rate (U7)."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditsvc.core.errors import RuleBroken
from creditsvc.core.rates import NO_RATES, StatedRate, converted, courses, pair_of, parse_rate, rate_text
from tests.conftest import NOW

EUR = ("EUR", "USD")


def june(day: int) -> date:
    return date(2026, 6, day)


def said(day: int, rate: str | None, minute: int = 0) -> StatedRate:
    return StatedRate(EUR, june(day), None if rate is None else Decimal(rate), "ECB", NOW + timedelta(minutes=minute))


def held(facts: list[StatedRate], day: int) -> str | None:
    found = courses(facts).get(EUR, NO_RATES).on(june(day))
    return None if found is None else str(found.rate)


@pytest.mark.parametrize("day, rate", [(4, None), (5, "1.1"), (9, "1.1"), (10, "1.2"), (30, "1.2")])
def test_a_rate_holds_from_its_day_until_the_next_later_day_of_its_pair(day: int, rate: str | None) -> None:
    assert held([said(5, "1.1"), said(10, "1.2")], day) == rate


def test_of_two_words_on_one_day_the_one_stated_last_stands_whatever_comes_first() -> None:
    facts = [said(5, "1.1", 1), said(5, "1.3", 2), said(5, "1.2", 0)]

    assert held(facts, 5) == held(facts[::-1], 5) == "1.3"


def test_after_a_withdrawal_the_rate_of_an_earlier_day_holds_again_or_none_does() -> None:
    facts = [said(1, "1.1"), said(5, "1.2"), said(5, None, 1)]

    assert held(facts, 6) == "1.1"
    assert held(facts[1:], 6) is None


def test_a_rate_stated_after_its_withdrawal_stands() -> None:
    assert held([said(5, "1.2"), said(5, None, 1), said(5, "1.4", 2)], 5) == "1.4"


def test_a_rate_does_not_hold_for_another_pair_nor_for_the_way_back() -> None:
    made = courses([said(1, "1.1")])

    assert set(made) == {EUR}


# known from arithmetic: 1 step at 0.5 lies between 0 and 1 and goes to the even one; so do 3 at 0.5 and -1 at 0.5
@pytest.mark.parametrize(
    "steps, rate, expected",
    [(1, "0.5", 0), (3, "0.5", 2), (-1, "0.5", 0), (-3, "0.5", -2), (10, "0.1282", 1), (2**63 - 1, "1", 2**63 - 1)],
)
def test_a_conversion_is_exact_and_rounded_once_half_to_even(steps: int, rate: str, expected: int) -> None:
    assert converted(steps, Decimal(rate)) == expected


@given(st.integers(-(2**63), 2**63), st.decimals(Decimal("0.000000000001"), 10**9 - 1, places=12))
def test_a_conversion_is_never_further_than_half_a_step_from_the_exact_product(steps: int, rate: Decimal) -> None:
    numerator, denominator = rate.as_integer_ratio()

    assert abs(2 * (converted(steps, rate) * denominator - steps * numerator)) <= denominator


@pytest.mark.parametrize(
    "text",
    ["", "0", "0.000", "-1", "1e3", "NaN", "inf", "1,1", "1.", ".5", "1234567890", "0.1234567890123", "١", "1 2"],
)
def test_what_is_no_rate_is_refused_at_its_field(text: str) -> None:
    with pytest.raises(RuleBroken) as refusal:
        parse_rate(text)

    assert refusal.value.field == "rate"
    assert str(refusal.value)


@pytest.mark.parametrize("text, kept", [(" 1.0832 ", "1.0832"), ("7.800", "7.8"), ("007.8", "7.8"), ("100", "100")])
def test_a_rate_is_kept_in_one_spelling(text: str, kept: str) -> None:
    assert rate_text(parse_rate(text)) == kept


@pytest.mark.parametrize("pair, field", [(("EURO", "USD"), "from_currency"), (("EUR", "hour"), "to_currency"),
                                         (("eur", "EUR "), "to_currency"), (("", "USD"), "from_currency")])
def test_what_is_no_pair_of_currencies_is_refused_at_its_field(pair: tuple[str, str], field: str) -> None:
    with pytest.raises(RuleBroken) as refusal:
        pair_of(*pair)

    assert refusal.value.field == field
    assert str(refusal.value)


_FACTS = st.lists(
    st.tuples(st.integers(1, 9), st.sampled_from(("1.1", "1.2", "0.9", None)), st.integers(0, 999)),
    max_size=8, unique_by=lambda fact: fact[2],
)


@given(_FACTS, st.integers(0, 2**32))
def test_the_order_in_which_rates_come_never_decides_which_one_holds(
    drawn: list[tuple[int, str | None, int]], seed: int
) -> None:
    facts = [said(day, rate, minute) for day, rate, minute in drawn]
    other = list(facts)
    Random(seed).shuffle(other)

    assert courses(facts) == courses(other)
