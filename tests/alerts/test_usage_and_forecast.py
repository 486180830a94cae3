"""What a night says of what is used and forecast: what runs out, is left over, lies idle, or is used far too fast."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask

from creditsvc.alerts.operations import set_setting
from creditsvc.grants import operations as grants
from tests import factories
from tests.alerts import scenes
from tests.alerts.scenes import NOW, TODAY, mails, night, told
from tests.usage.exports import focus_row, write_focus
from tests.usage.importing import import_path

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def harbour(amount: str, expires: date = date(2027, 6, 30)) -> str:
    """A startup with a grant of that much; the day of its end is the last."""
    key = scenes.startup("harbour")
    factories.make_grant(key, amount=amount, expires=expires, key="first", now=NOW - timedelta(days=105))
    return scenes.scope(key)


def spend_each(folder: Path, scope: str, costs: list[str], days: int = 0) -> None:
    """What each of the days up to yesterday costs, as it is known so many days after NOW."""
    end = TODAY + timedelta(days=days)
    rows = [focus_row(end - timedelta(days=back), scope, cost) for back, cost in enumerate(reversed(costs), 1)]
    at = NOW + timedelta(days=days)
    report = import_path(write_focus(folder / f"each-{days}.csv", rows), at, submitted_at=at, confirm=True)
    assert report["status"] in ("applied", "unchanged"), report


def said(document: dict) -> list[tuple[str, int]]:
    return [(rule, threshold) for _, rule, threshold in told(document)]


def test_credit_that_runs_out_before_it_ends_is_told_with_the_day_and_once(app: Flask, tmp_path: Path):
    spend_each(tmp_path, harbour("700"), ["10"] * 30)

    first, second = night(app), night(app, 1)
    text = " ".join(scenes.text_of(mails(app)[0]).split())

    # 290 by 13 June: the 410 left pay 41 days from 14 June on
    assert (said(first), said(second)) == ([("running-out", 60)], [])
    assert first["alerts"][0]["message"] == "azure-credit runs out about 25 July 2026, if it is used as now"
    assert "USD 400.00 remains, and USD 10.00 goes in a usual day. It was meant to last until 30 June 2027." in text


def test_a_top_up_that_is_not_enough_arms_the_forecast_again(app: Flask, tmp_path: Path):
    spend_each(tmp_path, harbour("700"), ["10"] * 30)
    night(app)
    manager = factories.somebody()
    factories.do(lambda: grants.top_up_grant(manager, "first", amount="10", reason="a little"))

    assert said(night(app, 1)) == [("running-out", 60)]


def test_credit_that_will_be_left_is_told_with_how_much(app: Flask, tmp_path: Path):
    spend_each(tmp_path, harbour("1000", date(2026, 9, 30)), ["2"] * 30)

    document = night(app)

    # 58 by 13 June, then 2 a day for 109 days up to 30 September
    assert said(document) == [("expiring-unused", 50)]
    assert document["alerts"][0]["message"] == (
        "About USD 724.00 of azure-credit will expire unused, if it is used as now"
    )


def test_credit_that_nobody_uses_any_more_is_told_after_a_month_of_data_without_use(app: Flask, tmp_path: Path):
    spend_each(tmp_path, harbour("1000"), ["2"] * 10 + ["0"] * 32)

    document = night(app)

    assert ("idle", 30) in said(document)
    (alert,) = [one for one in document["alerts"] if one["rule"] == "idle"]
    assert alert["message"] == "azure-credit has not been used for 32 days"


def test_a_last_use_before_the_days_of_the_forecast_is_found(app: Flask, tmp_path: Path):
    spend_each(tmp_path, harbour("1000"), ["2"] + ["0"] * 99)

    (alert,) = [one for one in night(app)["alerts"] if one["rule"] == "idle"]

    assert (alert["threshold"], alert["message"]) == (90, "azure-credit has not been used for 99 days")


def test_data_that_stays_away_is_stale_and_not_idle(app: Flask, tmp_path: Path):
    spend_each(tmp_path, harbour("1000"), ["2"] * 10)

    assert {rule for days in (0, 35, 95) for rule, _ in said(night(app, days))} == {"stale"}


def test_a_day_of_far_more_than_usual_is_told_also_after_nights_that_were_missed(app: Flask, tmp_path: Path):
    scope = harbour("5000")
    spend_each(tmp_path, scope, ["10"] * 30)
    quiet = night(app)
    spend_each(tmp_path, scope, ["10", "95", "10", "10", "10"], days=5)

    document = night(app, 5)

    assert (said(quiet), said(document)) == ([], [("spike", 300)])
    assert document["alerts"][0]["message"] == (
        "USD 95.00 of azure-credit was used on 16 June 2026, far more than usual"
    )


def test_a_programme_turns_a_rule_off(app: Flask, tmp_path: Path):
    spend_each(tmp_path, harbour("700"), ["10"] * 30)
    scenes.enrol("harbour", "techconnect")
    factories.do(lambda: set_setting(factories.somebody(), programme="techconnect", rule="running-out", enabled=False))

    assert said(night(app)) == []
