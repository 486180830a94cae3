"""Who is told what: one digest a person and day, in their words, nothing lost, nothing twice (A5)."""

from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from creditsvc.alerts import night as deciding
from creditsvc.alerts import telling
from creditsvc.alerts.models import Alert, AlertMemory, AlertTold, Digest
from creditsvc.alerts.operations import acknowledge, set_preference, set_setting, snooze
from creditsvc.alerts.reading import alerts, tonight
from creditsvc.core.due_alerts import business_day
from creditsvc.core.errors import Forbidden, NotFound, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.grants import operations as grants
from creditsvc.mail.models import OutboxMail
from creditsvc.parties.access import operator
from creditsvc.parties.models import Person
from creditsvc.programmes.models import Programme
from tests import factories
from tests.alerts import scenes
from tests.alerts.scenes import NOW, TODAY, addressees, mails, night, text_of, told
from tests.counting import queries


def test_a_founder_with_two_matters_in_two_startups_gets_one_mail_worst_first(app: Flask):
    scenes.startup("calm")
    scenes.startup("pressed", founder=False)
    factories.make_member("pressed", "founder@calm.example")
    factories.make_grant("calm", expires=TODAY + timedelta(days=80), key="calm-azure")
    factories.make_grant("pressed", expires=TODAY + timedelta(days=2), key="pressed-azure")

    document = night(app)

    (mail,) = mails(app)
    assert document["mails"] == {"queued": 1, "sent": 1, "failed": 0, "uncertain": 0}
    assert mail["To"] == "founder@calm.example"
    assert 0 < text_of(mail).index("pressed-azure") < text_of(mail).index("calm-azure")


def test_a_mail_says_what_is_left_how_fast_it_goes_what_is_at_risk_and_what_to_do(app: Flask, tmp_path: Path):
    harbour = scenes.startup("harbour")
    factories.make_grant(harbour, amount="1000", expires=TODAY + timedelta(days=9))
    scenes.spend_daily(tmp_path, scenes.scope(harbour), "10")

    night(app)

    text = text_of(mails(app)[0])
    assert "USD 700.00 of azure-credit expires in 10 days: 24 June 2026 is the last day" in text
    assert "USD 700.00 of azure-credit" in text
    assert "USD 10.00 in a usual day, from 29 days" in text
    assert "about USD 600.00, if it is used as fast as now" in text
    assert "ask the incubation manager for an extension" in text


def test_where_no_data_ever_came_no_rate_is_made_up(app: Flask):
    harbour = scenes.startup("harbour")
    factories.make_grant(harbour, amount="1000", expires=TODAY + timedelta(days=9))

    night(app)

    text = text_of(mails(app)[0])
    assert "At risk: USD 1,000.00\n" in text
    assert "a day" not in text.replace("a day, because", "")


def test_what_was_drawn_before_go_live_is_no_usage_of_a_day(app: Flask, tmp_path: Path):
    harbour = scenes.startup("harbour")
    factories.make_grant(
        harbour, amount="1000", opening_drawn="600", opening_at=TODAY - timedelta(days=3),
    )
    scenes.spend_daily(tmp_path, scenes.scope(harbour), "1")

    night(app)

    assert "USD 1.00 in a usual day, from 29 days" in text_of(mails(app)[0])


def test_a_mail_says_about_when_the_rest_runs_out(app: Flask, tmp_path: Path):
    harbour = scenes.startup("harbour")
    factories.make_grant(harbour, amount="400", expires=TODAY + timedelta(days=200))
    scenes.spend_daily(tmp_path, scenes.scope(harbour), "10")

    night(app)

    # 110 left after 13 June at 10 a day: the 14th to the 24th are paid, the 25th is not
    assert "the rest runs out about 25 June 2026, between" in text_of(mails(app)[0])


def test_nothing_to_say_means_no_mail(app: Flask):
    harbour = scenes.startup("harbour")
    factories.make_grant(harbour)

    document = night(app)

    assert (document["alerts"], document["mails"]["queued"], mails(app)) == ([], 0, [])


def test_nobody_hears_of_another_startup(app: Flask):
    scenes.startup("harbour")
    scenes.startup("other")
    factories.make_grant("harbour", expires=TODAY + timedelta(days=2))

    night(app)

    assert addressees(app) == ["founder@harbour.example"]
    assert "Other" not in text_of(mails(app)[0])


def test_managers_hear_of_what_is_urgent_and_only_of_their_programmes(app: Flask):
    factories.make_programme("theirs")
    factories.make_person("all@park.example", "manager")
    limited_manager("limited@park.example", "theirs")
    factories.make_person("auditor@park.example", "auditor")
    scenes.startup("harbour", founder=False)
    factories.make_grant("harbour", expires=TODAY + timedelta(days=80))
    calm = night(app)
    factories.make_grant("harbour", expires=TODAY + timedelta(days=10))

    night(app, 1)

    assert calm["mails"]["queued"] == 0
    assert addressees(app) == ["all@park.example"]


def test_stale_data_is_told_to_owners_and_staff_and_not_to_members(app: Flask):
    harbour = scenes.startup("harbour")
    factories.make_member(harbour, "engineer@harbour.example", "member")
    factories.make_person("manager@park.example", "manager")
    factories.make_grant(harbour)
    scenes.scope(harbour)

    night(app)

    assert addressees(app) == ["founder@harbour.example", "manager@park.example"]


def test_who_has_left_is_not_written_to(app: Flask):
    harbour = scenes.startup("harbour")
    person = factories.make_member(harbour, "gone@harbour.example")
    transaction(lambda: setattr(db.session.merge(person), "active", False))
    factories.make_grant(harbour, expires=TODAY + timedelta(days=2))

    night(app)

    assert addressees(app) == ["founder@harbour.example"]


def test_a_second_run_of_the_day_says_already_done_and_what_came_meanwhile_is_told_next(app: Flask):
    harbour = scenes.startup("harbour")
    factories.make_grant(harbour, expires=TODAY + timedelta(days=20))
    night(app)
    factories.make_grant(harbour, expires=TODAY + timedelta(days=3))

    again = night(app)
    following = night(app, 1)

    assert (again["status"], again["alerts"], again["mails"]["queued"]) == ("already done", [], 0)
    assert told(following) == [("harbour", "expiry", 7)]
    assert len(mails(app)) == 2


def test_who_joins_later_is_told_of_what_stands_and_not_of_what_has_passed(app: Flask):
    harbour = scenes.startup("harbour")
    passing = factories.make_grant(harbour, expires=TODAY + timedelta(days=10), key="passing")
    factories.make_grant(harbour, expires=TODAY + timedelta(days=20), key="standing")
    night(app)
    transaction(lambda: grants.void_grant(operator(NOW), passing.key, at=NOW))
    factories.make_member(harbour, "newcomer@harbour.example")

    document = night(app, 1)

    assert told(document) == []
    (mail,) = [mail for mail in mails(app) if mail["To"] == "newcomer@harbour.example"]
    assert "standing" in text_of(mail)
    assert "passing" not in text_of(mail)


def test_alerts_of_a_night_that_died_before_its_mails_are_told_the_next_day(app: Flask):
    harbour = scenes.startup("harbour")
    factories.make_grant(harbour, expires=TODAY + timedelta(days=20))
    decide_only(0)

    document = night(app, 1)

    assert told(document) == []
    assert addressees(app) == ["founder@harbour.example"]


def test_what_passed_before_anybody_heard_of_it_may_be_told_when_it_comes_back(app: Flask, tmp_path: Path):
    harbour = scenes.startup("harbour")
    factories.make_grant(harbour, amount="100")
    scope = scenes.scope(harbour)
    scenes.spend(tmp_path, scope, "60")
    decide_only(0)
    scenes.spend(tmp_path, scope, "10", at=NOW + timedelta(days=1))
    fallen = night(app, 1)
    scenes.spend(tmp_path, scope, "60", at=NOW + timedelta(days=2))

    risen = night(app, 2)

    assert told(fallen) == []
    assert len(mails(app)) == 1
    assert risen["mails"]["queued"] == 1


def test_a_snoozed_matter_is_told_afterwards(app: Flask):
    harbour = scenes.startup("harbour")
    factories.make_grant(harbour, expires=TODAY + timedelta(days=30))
    night(app)
    founder = factories.caller(founder_of("harbour"))

    until = transaction(lambda: snooze(founder, scenes.alert_of("expiry").id, days=20))
    said = [night(app, days)["mails"]["queued"] for days in range(1, 22)]

    assert until == business_day(NOW) + timedelta(days=20)
    assert [days for days, queued in enumerate(said, start=1) if queued] == [20]
    assert "7" in text_of(mails(app)[-1])


def test_to_acknowledge_is_noted_once(app: Flask):
    harbour = scenes.startup("harbour")
    factories.make_grant(harbour, expires=TODAY + timedelta(days=30))
    night(app)
    founder = factories.caller(founder_of("harbour"))
    alert_id = scenes.alert_of("expiry").id

    first = transaction(lambda: acknowledge(founder, alert_id)).acknowledged_at
    later = factories.caller(founder_of("harbour"), NOW + timedelta(days=1))
    second = transaction(lambda: acknowledge(later, alert_id)).acknowledged_at

    assert first == second == NOW


def test_an_alert_of_others_is_as_if_it_did_not_exist(app: Flask):
    scenes.startup("harbour")
    scenes.startup("other")
    factories.make_grant("harbour", expires=TODAY + timedelta(days=30))
    night(app)
    stranger = factories.caller(founder_of("other"))
    alert_id = scenes.alert_of("expiry").id

    with pytest.raises(NotFound):
        transaction(lambda: acknowledge(stranger, alert_id))
    with pytest.raises(NotFound):
        transaction(lambda: snooze(stranger, alert_id))
    with pytest.raises(Forbidden):
        alerts(stranger)


def test_a_person_may_turn_a_rule_off_unless_a_programme_makes_it_mandatory(app: Flask):
    scenes.startup("harbour")
    founder = factories.caller(founder_of("harbour"))
    transaction(lambda: set_preference(founder, "expiry", wanted=False))
    factories.make_grant("harbour", expires=TODAY + timedelta(days=30))
    off = night(app)["mails"]["queued"]
    scenes.enrol("harbour", "strict")
    transaction(lambda: set_setting(operator(NOW), programme="strict", rule="expiry", mandatory=True))

    mandatory = night(app, 1)["mails"]["queued"]

    assert (off, mandatory) == (0, 1)


@pytest.mark.parametrize(
    "rule, thresholds, field",
    [
        ("used", (101,), "thresholds"),
        ("used", (0,), "thresholds"),
        ("expiry", (-1,), "thresholds"),
        ("uncovered", (5,), "thresholds"),
        ("spike", (5001,), "thresholds"),
        ("surprise", (), "rule"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(app: Flask, rule, thresholds, field):
    factories.make_programme("techconnect")

    with pytest.raises(RuleBroken) as refusal:
        transaction(
            lambda: set_setting(operator(NOW), programme="techconnect", rule=rule, thresholds=thresholds)
        )

    assert refusal.value.field == field


@pytest.mark.parametrize("days", [0, 91])
def test_a_snooze_out_of_range_is_refused(app: Flask, days: int):
    with pytest.raises(RuleBroken, match="1 to 90"):
        transaction(lambda: snooze(operator(NOW), 1, days=days))


def test_asking_what_tonight_would_say_writes_nothing_and_says_what_is_then_said(app: Flask, tmp_path: Path):
    harbour = scenes.startup("harbour")
    factories.make_grant(harbour, amount="100", expires=TODAY + timedelta(days=20))
    scenes.spend(tmp_path, scenes.scope(harbour), "130")

    asked = night(app, send=False)
    kept = [db.session.scalar(select(func.count()).select_from(table)) for table in (Alert, AlertMemory, Digest)]
    said = night(app)

    assert kept == [0, 0, 0]
    assert asked["alerts"] == said["alerts"] != []
    assert asked["mails"]["queued"] == said["mails"]["queued"] == 1
    assert asked["kept"] is False


def test_a_limited_manager_is_shown_only_their_startups_of_tonight(app: Flask):
    for startup in ("harbour", "lotus", "mine"):
        scenes.startup(startup)
        factories.make_grant(startup, expires=TODAY + timedelta(days=20))
    scenes.enrol("mine", "theirs")
    person = limited_manager("limited@park.example", "theirs")

    document = tonight(factories.caller(person))

    assert {alert["startup"] for alert in document["alerts"]} == {"mine"}
    assert document["mails"]["queued"] == 1  # to the founder of theirs; how many go to others is not told


def test_every_mail_has_its_told_rows_and_no_alert_is_told_twice(app: Flask):
    harbour = scenes.startup("harbour")
    factories.make_member(harbour, "second@harbour.example")
    factories.make_grant(harbour, expires=TODAY + timedelta(days=5))

    for days in range(6):
        night(app, days)

    pairs = db.session.execute(select(AlertTold.alert_id, AlertTold.person_id)).all()
    assert len(pairs) == 4 == len(set(pairs))  # 7 days and 1 day before, two people each
    assert db.session.scalar(select(func.count()).select_from(OutboxMail)) == 4


def test_choosing_whom_to_tell_takes_as_many_queries_for_many_as_for_few(app: Flask):
    for number in range(2):
        scenes.startup(f"few-{number}")
        factories.make_grant(f"few-{number}", expires=TODAY + timedelta(days=5))
    decide_only(0)
    few = queries(chosen)
    for number in range(8):
        scenes.startup(f"many-{number}")
        factories.make_grant(f"many-{number}", expires=TODAY + timedelta(days=5))
    decide_only(1)

    many = queries(chosen)

    assert len(telling.letters(deciding.night_of(TODAY, NOW))) == 10
    assert many == few


def chosen() -> None:
    """Chooses whom to tell, and reads what of."""
    telling.facts_for(deciding.night_of(TODAY, NOW), telling.letters(deciding.night_of(TODAY, NOW)))


def decide_only(days: int) -> None:
    """A night that died right after it had decided."""
    tonight_is = deciding.night_of(TODAY + timedelta(days=days), NOW + timedelta(days=days))
    decided = deciding.decide_accounts(tonight_is, deciding.all_accounts())
    transaction(lambda: deciding.store(decided))


def limited_manager(email: str, programme: str) -> Person:
    """A manager who looks after one programme."""
    programme_id = db.session.execute(select(Programme.id).where(Programme.key == programme)).scalar_one()
    return factories.make_person(email, "manager", programme_ids=[programme_id])


def founder_of(key: str) -> Person:
    """The startup's founder."""
    return factories.make_member(key, f"founder@{key}.example")
