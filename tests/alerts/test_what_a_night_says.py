"""What a night finds: expiry, used, uncovered and stale, each once, on both databases (A1 to A4)."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from creditsvc.alerts.night import all_accounts, decide_accounts, night_of
from creditsvc.alerts.operations import set_setting
from creditsvc.alerts.reading import alerts
from creditsvc.db import transaction
from creditsvc.grants import operations as grants
from creditsvc.grants.activation import activate_grant
from creditsvc.parties.access import operator
from tests import factories
from tests.alerts import scenes
from tests.alerts.scenes import NOW, TODAY, night, told
from tests.counting import queries


def test_a_grant_about_to_end_is_told_once_per_step_of_the_ladder(app: Flask):
    harbour = scenes.startup("harbour")
    factories.make_grant(harbour, expires=TODAY + timedelta(days=24), key="hr-azure")

    nights = [told(night(app, days)) for days in range(12)]

    assert nights[0] == [("harbour", "expiry", 30)]
    assert [day for day, said in enumerate(nights) if said] == [0, 11]
    assert nights[11] == [("harbour", "expiry", 14)]


def test_the_alert_of_a_grant_names_it_and_what_is_at_risk(app: Flask):
    harbour = scenes.startup("harbour")
    factories.make_grant(harbour, amount="1234.50", expires=TODAY + timedelta(days=24), key="hr-azure")

    (alert,) = night(app)["alerts"]

    assert alert["key"] == "harbour/hr-azure/expiry/30/0"
    assert (alert["holding"], alert["resource"], alert["severity"]) == ("hr-azure", "azure-credit", "warning")
    assert alert["message"] == "USD 1,234.50 of azure-credit expires in 25 days: 9 July 2026 is the last day"


@pytest.mark.parametrize("first, second", [(date(2026, 7, 14), date(2026, 7, 15))])
def test_thirty_days_before_is_exact_to_the_night(app: Flask, first: date, second: date):
    harbour = scenes.startup("harbour")
    factories.make_grant(harbour, expires=first, key="reached")
    factories.make_grant(harbour, expires=second, key="not-yet")

    said = {alert["holding"]: alert["threshold"] for alert in night(app)["alerts"]}

    # at noon of 15 June 29.5 and 30.5 days are left
    assert said == {"reached": 30, "not-yet": 60}


def test_a_grant_with_nothing_left_or_voided_is_not_told_of(app: Flask, tmp_path: Path):
    harbour, voided = scenes.startup("harbour"), scenes.startup("voided")
    factories.make_grant(harbour, amount="100", expires=TODAY + timedelta(days=5))
    scenes.spend(tmp_path, scenes.scope(harbour), "100")
    grant = factories.make_grant(voided, expires=TODAY + timedelta(days=5))
    transaction(lambda: grants.void_grant(operator(NOW), grant.key, at=NOW))

    document = night(app)

    assert told(document) == [("harbour", "used", 100)]


def test_after_an_outage_there_is_one_alert_and_not_four(app: Flask):
    harbour = scenes.startup("harbour")
    factories.make_grant(harbour, expires=TODAY + timedelta(days=100), key="hr-azure")
    transaction(lambda: activate_grant(operator(NOW), "hr-azure", on=TODAY, subscription=scenes.scope_id()))
    assert told(night(app)) == []

    document = night(app, 95)

    assert told(document) == [("harbour", "expiry", 7)]


def test_a_grant_that_ended_during_an_outage_is_told_of_all_the_same(app: Flask):
    harbour = scenes.startup("harbour")
    factories.make_grant(harbour, amount="500", expires=TODAY + timedelta(days=10))
    night(app)

    document = night(app, 20)

    (alert,) = document["alerts"]
    assert (alert["rule"], alert["threshold"]) == ("expiry", 1)
    assert alert["message"] == "USD 500.00 of azure-credit expired unused after 25 June 2026"
    assert told(night(app, 21)) == []


def test_a_grant_that_ended_before_the_first_night_is_old_news(app: Flask):
    harbour = scenes.startup("harbour")
    factories.make_grant(harbour, expires=TODAY - timedelta(days=10))

    assert told(night(app)) == []


def test_an_extension_arms_the_ladder_again(app: Flask):
    harbour = scenes.startup("harbour")
    grant = factories.make_grant(harbour, expires=TODAY + timedelta(days=20))
    assert told(night(app)) == [("harbour", "expiry", 30)]

    transaction(lambda: grants.extend_grant(operator(NOW), grant.key, expires=TODAY + timedelta(days=25)))

    assert told(night(app, 1)) == [("harbour", "expiry", 30)]
    assert told(night(app, 2)) == []


def test_used_is_told_at_the_threshold_exactly_and_not_before(app: Flask, tmp_path: Path):
    harbour = scenes.startup("harbour")
    factories.make_grant(harbour, amount="100")
    scope = scenes.scope(harbour)

    scenes.spend(tmp_path, scope, "74.99999999")
    before = night(app)
    scenes.spend(tmp_path, scope, "75", at=NOW + timedelta(hours=1))
    after = night(app, 1)

    assert told(before) == [("harbour", "used", 50)]
    assert told(after) == [("harbour", "used", 75)]


def test_an_exhausted_lot_does_not_cry_while_a_second_is_full(app: Flask, tmp_path: Path):
    harbour = scenes.startup("harbour")
    factories.make_grant(harbour, amount="100", expires=TODAY + timedelta(days=200))
    factories.make_grant(harbour, amount="900", expires=TODAY + timedelta(days=300))
    scenes.spend(tmp_path, scenes.scope(harbour), "100")

    assert told(night(app)) == []


def test_a_top_up_arms_used_again_at_once(app: Flask, tmp_path: Path):
    harbour = scenes.startup("harbour")
    grant = factories.make_grant(harbour, amount="100")
    scenes.spend(tmp_path, scenes.scope(harbour), "80")
    first = night(app)

    transaction(lambda: grants.top_up_grant(operator(NOW), grant.key, amount="5"))
    second = night(app, 1)

    assert told(first) == told(second) == [("harbour", "used", 75)]
    assert first["alerts"][0]["key"] != second["alerts"][0]["key"]


def test_what_a_restatement_took_back_is_told_again_at_once_and_then_after_two_nights_back(app: Flask, tmp_path: Path):
    harbour = scenes.startup("harbour")
    factories.make_grant(harbour, amount="100")
    scope = scenes.scope(harbour)
    said = []
    for days, cost in enumerate(["80", "60", "80", "60", "60", "80"]):
        scenes.spend(tmp_path, scope, cost, at=NOW + timedelta(days=days))
        said.append([threshold for _, rule, threshold in told(night(app, days)) if rule == "used"])

    assert said == [[75], [], [75], [], [], [75]]


def test_uncovered_usage_is_told_when_it_begins(app: Flask, tmp_path: Path):
    harbour = scenes.startup("harbour")
    factories.make_grant(harbour, amount="100")
    scope = scenes.scope(harbour)
    scenes.spend(tmp_path, scope, "130")

    first = night(app)
    scenes.spend(tmp_path, scope, "30", day=TODAY, at=NOW + timedelta(days=1))
    second = night(app, 1)

    assert told(first) == [("harbour", "uncovered", 0), ("harbour", "used", 100)]
    assert first["alerts"][0]["message"] == "USD 30.00 of usage is not covered by azure-credit"
    assert told(second) == []


def test_after_a_new_grant_only_new_uncovered_usage_is_told(app: Flask, tmp_path: Path):
    harbour = scenes.startup("harbour")
    factories.make_grant(harbour, amount="100")
    scope = scenes.scope(harbour)
    scenes.spend(tmp_path, scope, "130")
    night(app)
    factories.make_grant(harbour, amount="10", effective=TODAY, now=NOW)

    after_award = told(night(app, 1))
    scenes.spend(tmp_path, scope, "25", day=TODAY + timedelta(days=1), at=NOW + timedelta(days=2))
    after_usage = told(night(app, 2))

    assert ("harbour", "uncovered", 0) not in after_award
    assert ("harbour", "uncovered", 0) in after_usage


def test_stale_data_is_told_once_until_fresh_data_came(app: Flask, tmp_path: Path):
    harbour = scenes.startup("harbour")
    factories.make_grant(harbour, amount="1000")
    scope = scenes.scope(harbour)
    scenes.spend(tmp_path, scope, "1")
    said = [told(night(app, days)) for days in range(6)]
    scenes.spend(tmp_path, scope, "1", day=TODAY + timedelta(days=5), at=NOW + timedelta(days=6))
    said += [told(night(app, days)) for days in range(6, 11)]

    # the newest day is 14 June, then 20 June: four days later is the 18th, then the 24th
    stale = [("harbour", "stale", 4)]
    assert said == [[], [], [], stale, [], [], [], [], [], stale, []]


def test_a_scope_without_any_data_is_stale_too(app: Flask):
    harbour = scenes.startup("harbour")
    factories.make_grant(harbour)
    scenes.scope(harbour, starts=NOW - timedelta(days=4))

    (alert,) = night(app)["alerts"]

    assert (alert["rule"], alert["holding"]) == ("stale", f"azure:{scenes.scope_id()}")


def test_a_scope_that_went_elsewhere_is_stale_for_its_later_startup_alone(app: Flask, tmp_path: Path):
    old, later = scenes.startup("old"), scenes.startup("later")
    factories.make_grant(old)
    factories.make_grant(later)
    scope = scenes.scope(old)
    scenes.spend(tmp_path, scope, "1", day=TODAY - timedelta(days=30), at=NOW - timedelta(days=29))
    scenes.assign(scope, later, datetime(2026, 6, 1, tzinfo=UTC), NOW, hand_over=True)

    assert told(night(app)) == [("later", "stale", 4)]


def test_a_grant_that_nobody_redeemed_is_told_once_and_ends_with_its_activation(app: Flask):
    harbour = scenes.startup("harbour")
    factories.make_grant(harbour, amount="500", key="hr-azure")  # awarded on the day of the first night

    nights = [told(night(app, days)) for days in (0, 89, 90, 91)]
    said = [(alert.message, alert.severity) for alert in alerts(operator(NOW), is_open=True)]
    subscription = scenes.scope_id()
    transaction(lambda: activate_grant(operator(NOW), "hr-azure", on=TODAY, subscription=subscription))
    after = told(night(app, 92))

    assert nights == [[], [], [("harbour", "not-activated", 90)], []]
    assert said == [("USD 500.00 of azure-credit is not activated after 90 days", "warning")]
    assert after == []
    assert alerts(operator(NOW), is_open=True) == []


def test_a_grant_needs_no_activation_that_is_in_use_activated_void_or_new(app: Flask, tmp_path: Path):
    long_ago = NOW - timedelta(days=100)
    for key in ("used", "activated", "void", "opening", "forgotten"):
        more = {"opening_drawn": "1"} if key == "opening" else {}
        factories.make_grant(scenes.startup(key), amount="1000", key=f"{key}-azure", now=long_ago, **more)
    factories.make_grant(scenes.startup("fresh"), amount="1000")
    scenes.spend(tmp_path, scenes.scope("used"), "1")
    subscription = scenes.scope_id(2)
    transaction(lambda: activate_grant(operator(NOW), "activated-azure", on=TODAY, subscription=subscription))
    transaction(lambda: grants.void_grant(operator(NOW), "void-azure"))

    assert told(night(app)) == [("forgotten", "not-activated", 90)]


def test_a_programme_tunes_a_rule_and_several_give_the_union(app: Flask, tmp_path: Path):
    harbour = scenes.startup("harbour")
    scenes.enrol("harbour", "one")
    scenes.enrol("harbour", "two")
    transaction(lambda: set_setting(operator(NOW), programme="one", rule="used", thresholds=(60,)))
    transaction(lambda: set_setting(operator(NOW), programme="two", rule="used", enabled=False))
    factories.make_grant(harbour, amount="100")
    scope = scenes.scope(harbour)

    scenes.spend(tmp_path, scope, "55")
    first = told(night(app))
    scenes.spend(tmp_path, scope, "80", at=NOW + timedelta(hours=1))
    second = told(night(app, 1))

    assert first == []
    assert second == [("harbour", "used", 60)]


def test_a_rule_that_is_off_says_nothing(app: Flask):
    harbour = scenes.startup("harbour")
    scenes.enrol("harbour", "one")
    transaction(lambda: set_setting(operator(NOW), programme="one", rule="expiry", enabled=False))
    factories.make_grant(harbour, expires=TODAY + timedelta(days=3))

    assert told(night(app)) == []


def test_deciding_takes_as_many_queries_for_many_accounts_as_for_few(app: Flask, tmp_path: Path):
    few = crowd(tmp_path, 2)
    asked_for_few = queries(lambda: decide_accounts(night_of(TODAY, NOW), few))
    many = crowd(tmp_path, 8)

    asked_for_many = queries(lambda: decide_accounts(night_of(TODAY, NOW), many))

    assert len(many) == 10
    assert asked_for_many == asked_for_few


def crowd(folder: Path, count: int) -> list[int]:
    """More startups, each with something to tell; the ids of all accounts there are."""
    for _ in range(count):
        key = factories.make_startup().key
        factories.make_grant(key, amount="100", expires=TODAY + timedelta(days=20))
        number = int(key.rpartition("-")[2])
        scenes.spend(folder, scenes.scope(key, number), "60")
    return all_accounts()
