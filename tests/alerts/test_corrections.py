"""An alert that a restatement takes back is corrected once, to those who were told, and to nobody else (A8)."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, update

from creditsvc.alerts import corrections, telling
from creditsvc.alerts.corrections import taken_back
from creditsvc.alerts.models import Alert, AlertTold, JobRun
from creditsvc.alerts.operations import set_preference
from creditsvc.alerts.reading import say_tonight
from creditsvc.alerts.reading import told as told_of
from creditsvc.core.alert_readings import restated_permille
from creditsvc.db import db, transaction
from creditsvc.grants import operations as grants
from creditsvc.ledger.models import Account
from creditsvc.ledger.reading import balances
from creditsvc.parties.access import operator
from creditsvc.parties.models import Membership, Person
from tests import factories
from tests.alerts import scenes
from tests.alerts.scenes import NOW, TODAY, addressees, mails, night, text_of, told
from tests.counting import queries

FOUNDER = "founder@harbour.example"


@pytest.mark.parametrize("threshold, used, granted, instead", [
    (90, 62, 100, 620),
    (90, 90, 100, None),
    (90, 8_999, 10_000, 899),
    (100, 100, 100, None),
    (50, -3, 100, 0),
    (50, 0, 0, None),
])
def test_what_was_used_instead_is_said_where_the_threshold_is_not_reached(threshold, used, granted, instead):
    assert restated_permille(threshold, used, granted) == instead


@pytest.fixture
def harbour(app: Flask, tmp_path: Path) -> str:
    """A startup of which 92 of 100 are used, as its founder was told in the first night; its billing scope."""
    scenes.startup("harbour")
    factories.make_grant("harbour", amount="100", key="harbour-azure")
    scope = scenes.scope("harbour")
    scenes.spend(tmp_path, scope, "92")
    assert told(night(app)) == [("harbour", "used", 90)]
    return scope


def restate(folder: Path, scope: str, cost: str, days: int, day: date = TODAY - timedelta(days=1)) -> None:
    """The usage of that day was this, says an export that comes so many days after NOW."""
    scenes.spend(folder, scope, cost, day, NOW + timedelta(days=days) - timedelta(hours=2))


def said(app: Flask) -> list[str]:
    """The mails so far, each on one line."""
    return [" ".join(text_of(mail).split()) for mail in mails(app)]


def speaking(app: Flask, language: str) -> None:
    transaction(lambda: db.session.execute(update(Person).where(Person.email == FOUNDER).values(language=language)))


def test_a_restatement_that_takes_back_an_alert_is_told_once(app: Flask, harbour: str, tmp_path: Path):
    restate(tmp_path, harbour, "62", 1)

    for days in (1, 2, 3):
        night(app, days)

    assert ["corrected" in text for text in said(app)[:3]].count(True) == 1
    assert ("On 15 June 2026 we told you that 92 % was used. The figures were corrected since: it was 62 %. "
            "Now 62 % is used.") in said(app)[1]
    alert = scenes.alert_of("used")
    assert (alert.taken_back_on, alert.taken_back_to) == (TODAY + timedelta(days=1), 620)


@pytest.mark.parametrize("language, words", [
    ("en", "it was 62 %"), ("zh_Hant", "當時為 62 %"), ("zh_Hans", "当时为 62 %"),
])
def test_the_correction_is_in_the_readers_language(app: Flask, harbour: str, tmp_path: Path, language, words):
    speaking(app, language)
    restate(tmp_path, harbour, "62", 1)

    night(app, 1)

    assert words in said(app)[1]


def test_usage_that_was_covered_after_all_is_said(app: Flask, tmp_path: Path):
    scenes.startup("harbour")
    factories.make_grant("harbour", amount="100")
    scope = scenes.scope("harbour")
    scenes.spend(tmp_path, scope, "120")
    night(app)
    restate(tmp_path, scope, "100", 1)

    night(app, 1)

    alerts = {alert.rule: alert for alert in db.session.scalars(select(Alert))}
    assert "we told you that USD 20.00 of usage was not covered" in said(app)[1]
    assert alerts["uncovered"].taken_back_on == TODAY + timedelta(days=1)
    assert alerts["used"].taken_back_on is None  # all of it was used, as it was told


@pytest.mark.parametrize("cost", ["90", "95"])
def test_a_restatement_after_which_the_threshold_is_still_reached_corrects_nothing(
    app: Flask, harbour: str, tmp_path: Path, cost: str
):
    restate(tmp_path, harbour, cost, 1)

    assert night(app, 1)["mails"]["queued"] == 0
    assert scenes.alert_of("used").taken_back_on is None


@pytest.mark.parametrize("act", [
    lambda: grants.top_up_grant(operator(NOW + timedelta(hours=1)), "harbour-azure", amount="900"),
    lambda: grants.extend_grant(operator(NOW + timedelta(hours=1)), "harbour-azure", expires=date(2028, 6, 1)),
    lambda: grants.void_grant(operator(NOW + timedelta(hours=1)), "harbour-azure", at=NOW + timedelta(hours=1)),
])
def test_what_a_person_does_corrects_nothing(app: Flask, harbour: str, act):
    transaction(act)

    night(app, 1)

    assert scenes.alert_of("used").taken_back_on is None
    assert not any("corrected" in text for text in said(app))


def test_a_grant_dated_back_makes_what_was_not_covered_no_error(app: Flask, tmp_path: Path):
    scenes.startup("harbour")
    factories.make_grant("harbour", amount="100")
    scope = scenes.scope("harbour")
    scenes.spend(tmp_path, scope, "120")
    night(app)
    factories.make_grant("harbour", amount="500", key="dated-back")
    restate(tmp_path, scope, "119", 1)

    night(app, 1)

    assert db.session.scalars(select(Alert.rule).where(Alert.taken_back_on.is_not(None))).all() == []


def test_usage_of_the_days_since_takes_nothing_back_and_hides_nothing(app: Flask, harbour: str, tmp_path: Path):
    restate(tmp_path, harbour, "62", 1)
    scenes.spend(tmp_path, harbour, "33", TODAY + timedelta(days=1), NOW + timedelta(days=2))

    night(app, 2)

    assert "it was 62 %. Now 95 % is used." in said(app)[1]


def test_only_who_was_told_and_still_belongs_to_it_gets_the_correction(app: Flask, harbour: str, tmp_path: Path):
    factories.make_member("harbour", "left@harbour.example")
    night(app, 1)
    transaction(lambda: db.session.execute(
        Membership.__table__.delete().where(
            Membership.person_id == select(Person.id).where(Person.email == "left@harbour.example").scalar_subquery()
        )
    ))
    restate(tmp_path, harbour, "40", 2)
    factories.make_member("harbour", "newcomer@harbour.example")
    before = addressees(app)

    night(app, 2)

    assert before == [FOUNDER, "left@harbour.example"]
    assert addressees(app) == [FOUNDER, FOUNDER, "left@harbour.example"]


def test_who_wants_no_mail_of_the_rule_gets_none_unless_it_is_mandatory(app: Flask, harbour: str, tmp_path: Path):
    founder = factories.caller(factories.make_member("harbour", FOUNDER))
    transaction(lambda: set_preference(founder, "used", wanted=False))
    restate(tmp_path, harbour, "40", 1)
    unwanted = night(app, 1)["mails"]["queued"]
    scenes.make_mandatory("harbour", "used")

    mandatory = night(app, 2)["mails"]["queued"]

    assert (unwanted, mandatory) == (0, 1)


def test_a_night_that_dies_before_its_mails_corrects_with_its_next_try(
    app: Flask, harbour: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    restate(tmp_path, harbour, "62", 1)
    with monkeypatch.context() as broken:
        broken.setattr(telling, "facts_for", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            night(app, 1)
    kept = scenes.alert_of("used").taken_back_on

    counts = [night(app, days)["mails"]["queued"] for days in (1, 2)]

    assert kept == TODAY + timedelta(days=1)
    assert counts == [1, 0]


def test_mail_and_that_it_corrected_are_kept_together_or_not_at_all(
    app: Flask, harbour: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    restate(tmp_path, harbour, "62", 1)
    with monkeypatch.context() as broken:
        broken.setattr(corrections, "keep_corrected", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            night(app, 1)
    db.session.rollback()
    before = db.session.scalars(select(AlertTold.corrected_in)).all()

    counts = [night(app, days)["mails"]["queued"] for days in (1, 2)]

    assert before == [None]
    assert counts == [1, 0]


def test_what_was_corrected_is_told_anew_after_two_nights_five_points_back(
    app: Flask, harbour: str, tmp_path: Path
):
    restate(tmp_path, harbour, "62", 1)
    night(app, 1)
    night(app, 2)
    restate(tmp_path, harbour, "93", 3)

    again = told(night(app, 3))
    restate(tmp_path, harbour, "10", 4)
    night(app, 4)

    assert ("harbour", "used", 90) in again
    days = db.session.scalars(select(Alert.taken_back_on).where(Alert.rule == "used").order_by(Alert.id)).all()
    assert days == [TODAY + timedelta(days=1), TODAY + timedelta(days=4)]


def test_the_next_crossing_after_a_correction_is_told_the_night_after(app: Flask, harbour: str, tmp_path: Path):
    restate(tmp_path, harbour, "62", 1)
    night(app, 1)
    restate(tmp_path, harbour, "95", 2)

    again = told(night(app, 2))

    assert again == [("harbour", "used", 90)]
    assert len(addressees(app)) == 3
    keys = db.session.execute(select(Alert.key, Alert.closed_on).order_by(Alert.id)).all()
    assert [(key[-1], closed) for key, closed in keys] == [("1", TODAY + timedelta(days=1)), ("2", None)]


def test_a_figure_that_flaps_by_restatements_every_night_mails_two_alerts_and_two_corrections(
    app: Flask, harbour: str, tmp_path: Path
):
    for days in range(1, 9):
        restate(tmp_path, harbour, "62" if days % 2 else "95", days)
        night(app, days)
    flapping = len(addressees(app))
    for days in (9, 10, 11):
        restate(tmp_path, harbour, str(95 + days % 2), days)
        night(app, days)

    assert flapping == 4  # 92, corrected, 95, corrected, and nothing more while it flaps
    assert len(addressees(app)) == 5
    assert ["corrected since" in text for text in said(app)].count(True) == 2


def test_what_was_restated_is_found_after_nights_that_were_missed(app: Flask, harbour: str, tmp_path: Path):
    restate(tmp_path, harbour, "20", 2)
    transaction(lambda: db.session.execute(update(JobRun).values(state="running", worker="")))

    night(app, 4)

    assert scenes.alert_of("used").taken_back_to == 200


def test_what_tonight_would_say_counts_corrections_and_writes_none(app: Flask, harbour: str, tmp_path: Path):
    restate(tmp_path, harbour, "62", 1)

    asked = say_tonight(operator(NOW + timedelta(days=1)))

    assert ([one.figure for one in asked.taken_back], asked.mails) == ([620], 1)
    assert scenes.alert_of("used").taken_back_on is None


def test_whoever_was_told_sees_when_it_was_corrected(app: Flask, harbour: str, tmp_path: Path):
    restate(tmp_path, harbour, "62", 1)
    night(app, 1)

    (one,) = told_of(factories.caller(factories.make_member("harbour", FOUNDER)))

    assert (one.day, one.corrected_on) == (TODAY, TODAY + timedelta(days=1))


def test_looking_for_corrections_asks_one_statement_for_any_number_of_accounts(app: Flask, tmp_path: Path):
    def asked(first: int, many: int) -> int:
        for number in range(first, first + many):
            key = scenes.startup(f"s-{number}")
            factories.make_grant(key, amount="100", key=f"{key}-azure")
            scenes.spend(tmp_path, scenes.scope(key, number), "92")
        night(app, first)
        for number in range(first, first + many):
            restate(tmp_path, scenes.scope_id(number), "50", first + 1)
        views = balances(NOW + timedelta(days=first + 1))
        found: list[int] = []
        count = queries(lambda: found.append(len(taken_back(views, None))))
        assert found == [many]
        return count

    assert (asked(1, 1), asked(3, 8)) == (1, 1)
    assert len(db.session.scalars(select(Account)).all()) == 9
