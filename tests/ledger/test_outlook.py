"""What is forecast is read from the book: usage by charge day, what lots have left, nothing that is no usage."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask

from creditsvc.core.forecast import Forecast
from creditsvc.ledger.outlook import forecasts
from creditsvc.ledger.reading import balances
from tests import factories
from tests.alerts import scenes
from tests.alerts.scenes import NOW, TODAY
from tests.counting import queries

USD = 10**8


def outlook(days: int = 0) -> Forecast | None:
    """What is forecast for the one account there is, so many days after NOW."""
    as_of = NOW + timedelta(days=days)
    return next(iter(forecasts(balances(as_of), as_of).values()), None)


@pytest.fixture
def harbour(app: Flask) -> str:
    """A startup with 400 until the end of the year."""
    key = scenes.startup("harbour")
    factories.make_grant(key, amount="400", expires=date(2026, 12, 31))
    return key


def test_the_run_out_day_follows_from_what_was_used_and_what_is_left(harbour: str, tmp_path: Path):
    scenes.spend_daily(tmp_path, scenes.scope(harbour), "10")

    told = outlook()

    # 290 are drawn by 13 June: the 110 left pay 14 to 24 June
    assert told is not None
    assert (told.burn.last, told.burn.daily, told.run_out) == (date(2026, 6, 13), 10 * USD, date(2026, 6, 25))


def test_an_incomplete_day_that_has_used_much_already_brings_the_run_out_day_nearer(harbour: str, tmp_path: Path):
    scope = scenes.scope(harbour)
    scenes.spend_daily(tmp_path, scope, "10")
    scenes.spend(tmp_path, scope, "95", at=NOW + timedelta(minutes=1))

    told = outlook()

    assert told is not None
    assert (told.burn.daily, told.run_out) == (10 * USD, date(2026, 6, 16))


@pytest.mark.parametrize("back", [3, 40, 90])
def test_what_was_drawn_before_go_live_is_no_usage(app: Flask, tmp_path: Path, back: int):
    key = scenes.startup("harbour")
    factories.make_grant(key, amount="1000", opening_drawn="600", opening_at=TODAY - timedelta(days=back))
    scenes.spend_daily(tmp_path, scenes.scope(key), "1", days=20)

    told = outlook()

    assert told is not None
    assert (told.burn.days, told.burn.daily) == (19, USD)


def test_usage_that_no_grant_paid_counts_as_usage(app: Flask, tmp_path: Path):
    key = scenes.startup("harbour")
    factories.make_grant(key, amount="400", effective=TODAY - timedelta(days=10), expires=TODAY + timedelta(days=90))
    scenes.spend_daily(tmp_path, scenes.scope(key), "10")

    told = outlook()

    assert told is not None
    assert (told.burn.days, told.burn.daily) == (29, 10 * USD)


def test_usage_of_long_ago_says_that_a_week_of_nothing_is_no_missing_data(harbour: str, tmp_path: Path):
    scope = scenes.scope(harbour)
    scenes.spend(tmp_path, scope, "10", day=TODAY - timedelta(days=100))
    scenes.spend(tmp_path, scope, "0", day=TODAY - timedelta(days=1))

    told = outlook()

    assert told is not None
    assert (told.burn.weekly, told.run_out, told.unused_in_all) == (0, None, 390 * USD)


def test_nothing_is_forecast_from_a_few_days_or_from_stale_data(harbour: str, tmp_path: Path):
    scope = scenes.scope(harbour)
    scenes.spend_daily(tmp_path, scope, "10", days=6)
    few = outlook()
    scenes.spend_daily(tmp_path, scope, "10", days=20)

    assert few is None
    assert outlook() is not None
    assert outlook(days=16) is None


def test_forecasts_of_many_take_as_many_queries_as_of_few(app: Flask, tmp_path: Path):
    def crowd(first: int, count: int) -> int:
        for number in range(first, first + count):
            key = scenes.startup(f"startup-{number}", founder=False)
            factories.make_grant(key, amount="400")
            scenes.spend_daily(tmp_path, scenes.scope(key, number), "10", days=10)
        views = balances(NOW)
        return queries(lambda: forecasts(views, NOW))

    few, many = crowd(1, 2), crowd(3, 4)

    assert many == few
    assert len(forecasts(balances(NOW), NOW)) == 6
