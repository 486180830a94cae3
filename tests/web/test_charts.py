"""The geometry of the burn-down chart."""

from datetime import date, timedelta

import pytest

from creditsvc.core.amounts import MONEY_STEPS, unit_named
from creditsvc.web.charts import WIDE, burn_down
from creditsvc.web.show import amount, short

USD = unit_named("USD")


def series(*amounts: int, unit: int = MONEY_STEPS) -> list[tuple[date, int]]:
    return [(date(2026, 3, 1) + timedelta(days=number), steps * unit) for number, steps in enumerate(amounts)]


@pytest.mark.parametrize("days", [2, 3, 30, 31, 32, 33, 400])
def test_a_chart_of_any_length_spans_its_frame(days: int):
    burn = burn_down(series(*range(days, 0, -1)), USD)

    assert burn is not None
    assert burn.wide.line.startswith(f"M{WIDE.left} ")
    assert burn.wide.end_x == WIDE.width - WIDE.right
    assert burn.drawn_lately == min(days - 1, 30) * MONEY_STEPS


@pytest.mark.parametrize("days", [0, 1])
def test_a_single_day_is_no_chart(days: int):
    assert burn_down(series(*range(days)), USD) is None


@pytest.mark.parametrize("highest, top", [(0, 4), (3, 4), (25000, 28000), (25, 28), (33, 40), (7, 8), (100, 100)])
def test_the_top_of_the_axis_is_round_and_not_below_the_series(highest: int, top: int):
    burn = burn_down(series(highest, 0), USD)

    assert burn is not None
    assert burn.wide.up[-1].steps == top * MONEY_STEPS


def test_what_was_added_does_not_hide_what_was_drawn():
    burn = burn_down(series(100, 90, 190, 185), USD)

    assert burn is not None
    assert burn.drawn_lately == 15 * MONEY_STEPS


def test_a_forecast_is_drawn_from_the_last_day_on_and_ends_half_a_year_ahead():
    last = date(2026, 3, 4)
    burn = burn_down(series(400, 390, 380, 370), USD, [(last - timedelta(days=1), 380 * MONEY_STEPS),
                                                       (last + timedelta(days=366), 4 * MONEY_STEPS)])

    assert burn is not None
    assert burn.ahead == ((last, 370 * MONEY_STEPS), (last + timedelta(days=183), 187 * MONEY_STEPS))
    assert burn.wide.end_x < WIDE.width - WIDE.right
    assert burn.wide.ahead.endswith(f"L{WIDE.width - WIDE.right} {burn.wide.ahead.split()[-1]}")


def test_a_forecast_that_ends_with_the_last_day_is_no_line():
    burn = burn_down(series(20, 10), USD, [(date(2026, 3, 2), 0)])

    assert burn is not None
    assert (burn.ahead, burn.wide.ahead) == ((), "")


def test_the_table_has_the_first_day_the_ends_of_months_and_the_last_day():
    burn = burn_down(series(*range(70, 0, -1)), USD)

    assert burn is not None
    assert [day for day, _ in burn.table] == [
        date(2026, 3, 1), date(2026, 3, 31), date(2026, 4, 30), date(2026, 5, 9)
    ]


@pytest.mark.parametrize("steps, text", [(28000, "28K"), (1_500_000, "1.5M"), (500, "500"), (0, "0"), (7000, "7K")])
def test_figures_of_an_axis_are_short(steps: int, text: str):
    assert short(steps * MONEY_STEPS, USD) == text


@pytest.mark.parametrize(
    "steps, unit, text",
    [
        (2_500_000_000_000, "USD", "USD 25,000.00"),
        (-50_000_000, "USD", "USD -0.50"),
        (0, "USD", "USD 0.00"),
        (2624, "USD", "USD 0.00002624"),
        (100_500_000, "USD", "USD 1.00"),
        (90, "hour", "1.5 hours"),
        (60, "hour", "1 hour"),
        (5, "seat", "5 seats"),
    ],
)
def test_amounts_are_rounded_for_display_and_never_shown_as_nothing_when_they_are_something(
    steps: int, unit: str, text: str
):
    assert amount(steps, unit_named(unit)).replace("\N{NO-BREAK SPACE}", " ") == text
