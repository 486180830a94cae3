"""Rates in a load file: stated once, the same again, refused where the book says otherwise."""

from datetime import date

import pytest

from creditsvc.usage.rates import list_rates, withdraw_rate
from tests import factories as make
from tests.onboarding.test_load import PARK, load, refusal_of

RATE = {"from": "HKD", "to": "USD", "day": date(2026, 6, 1), "rate": "0.1282", "source": "HKMA"}
RATES = {"rates": [RATE]}


def test_rates_are_loaded_once_and_are_the_same_the_second_time(app):
    report = load(PARK, RATES)
    again = load(PARK, RATES)

    assert (report.new["rates"], again.same["rates"], again.is_unchanged) == (1, 1, True)
    (view,) = list_rates(make.somebody())
    assert (view.from_currency, view.day, view.rate, view.source) == ("HKD", date(2026, 6, 1), "0.1282", "HKMA")


@pytest.mark.parametrize(
    "change, column", [({"rate": "0.13"}, "rates[0].rate"), ({"source": "ECB"}, "rates[0].source")]
)
def test_a_rate_that_differs_from_the_book_is_refused_by_name(app, change, column):
    load(PARK, RATES)

    (error,) = refusal_of({"rates": [RATE | change]})

    assert error.column == column
    assert "differs from what is in the book" in error.message


def test_a_rate_that_was_withdrawn_is_not_stated_again_by_a_load(app):
    load(PARK, RATES)
    make.do(lambda: withdraw_rate(make.somebody(), from_currency="HKD", to_currency="USD", day=date(2026, 6, 1),
                                  reason="a slip"))

    (error,) = refusal_of(RATES)

    assert (error.column, "withdrawn" in error.message) == ("rates[0].rate", True)


@pytest.mark.parametrize(
    "change, column",
    [({"rate": "0"}, "rates[0].rate"), ({"rate": 0.1282}, "rates[0].rate"), ({"from": "HK"}, "rates[0].from"),
     ({"to": "EUR"}, "rates[0].to"), ({"day": "soon"}, "rates[0].day"), ({"source": ""}, "rates[0].source")],
)
def test_a_wrong_rate_is_refused_with_its_place(app, change, column):
    load(PARK)

    assert [error.column for error in refusal_of({"rates": [RATE | change]})] == [column]


def test_a_rate_that_stands_twice_in_a_load_is_refused(app):
    load(PARK)

    (error,) = refusal_of({"rates": [RATE, RATE | {"from": "hkd", "rate": "0.2"}]})

    assert error.column == "rates[1].day"
