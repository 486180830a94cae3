"""How amounts are shown to people (L2)."""

import pytest

from creditsvc.core.amounts import MAX_STEPS, parse_amount, shown_amount, unit_named
from creditsvc.core.errors import RuleBroken


@pytest.mark.parametrize(
    "steps, unit, shown",
    [
        (0, "USD", "0.00"),
        (2_500_000_000_000, "USD", "25,000.00"),
        (-123_450_000_000, "USD", "-1,234.50"),
        (500_000, "USD", "0.005"),  # half to even would make it 0
        (-1, "USD", "-0.00000001"),
        (500_001, "USD", "0.01"),
        (1_500_000, "USD", "0.02"),
        (2_500_000, "USD", "0.02"),
        (MAX_STEPS, "USD", "92,233,720,368.55"),
        (90, "hour", "1.5"),
        (72_000, "hour", "1,200"),
        (1_000, "seat", "1,000"),
    ],
)
def test_an_amount_is_shown_to_the_cent_and_never_as_nothing_when_it_is_something(steps, unit, shown):
    assert shown_amount(steps, unit_named(unit)) == shown


@pytest.mark.parametrize("minutes, text", [
    (0, "0"), (60, "1"), (90, "1.5"), (75, "1.25"), (3, "0.05"), (80, "1:20"), (1, "0:01"), (-80, "-1:20"),
    (60_001, "1,000:01"), (600_000, "10,000"),
])  # fmt: skip
def test_hours_are_shown_as_a_short_decimal_or_as_on_a_clock(minutes: int, text: str) -> None:
    assert shown_amount(minutes, unit_named("hour")) == text


@pytest.mark.parametrize("text", ["9" * 400_000, "x" * 400_000, "0." + "1" * 400_000, "NaN" + "1" * 400_000])
def test_a_refusal_of_a_very_long_amount_stays_short(text):
    with pytest.raises(RuleBroken) as refused:
        parse_amount(text, unit_named("USD"))

    assert len(str(refused.value)) < 200
