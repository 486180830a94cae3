"""A pool that is nearly gone is told to those whom all pools concern, once, in their one digest."""

from datetime import date, timedelta

import pytest
from alembic import command
from alembic.config import Config as AlembicConfig
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from creditsvc.alerts import operations, reading
from creditsvc.alerts.choices import choices_of
from creditsvc.alerts.models import Alert
from creditsvc.core.errors import Forbidden, NotFound
from creditsvc.db import MIGRATIONS, db, transaction
from creditsvc.grants import operations as grants
from creditsvc.ledger.models import Account, Pool
from creditsvc.parties.access import Caller, caller_of, operator
from creditsvc.parties.models import Person, TrailEntry
from creditsvc.statements.pool_page import pool_page
from tests import factories
from tests.alerts import scenes
from tests.alerts.scenes import NOW, addressees, mails, night


@pytest.fixture
def park(app: Flask) -> Flask:
    factories.make_person("admin@park.example", "administrator")
    factories.make_person("all@park.example", "manager")
    factories.make_person("one@park.example", "manager", programme_ids=())
    factories.make_pool("small", "1000")
    scenes.startup("harbour")
    return app


def caller(email: str) -> Caller:
    return caller_of(db.session.scalars(select(Person).where(Person.email == email)).one(), NOW)


def award(amount: str) -> None:
    factories.make_grant("harbour", "small", amount)


def test_a_pool_is_told_of_with_a_tenth_left_and_not_before(park: Flask):
    award("899")
    night(park)
    before = addressees(park)
    assert not pool_page(operator(NOW), "small").is_low

    award("1")
    night(park, 1)

    assert before == []
    assert addressees(park) == ["admin@park.example", "all@park.example"]
    assert pool_page(operator(NOW), "small").is_low
    text = " ".join(scenes.text_of(mails(park)[0]).split())
    assert "Only USD 100.00 is left to award of pool small" in text
    assert "/pools" in text


def test_seats_of_grants_that_have_ended_are_left_again(park: Flask):
    factories.make_resource("suite", "seats", None, None)
    factories.make_pool("seats", "10", resource="suite")
    for first, last, amount in ((1, 3, "10"), (5, 12, "4"), (9, 12, "2")):
        factories.make_grant("harbour", "seats", amount, effective=date(2026, first, 1), expires=date(2026, last, 28))
    night(park)

    page = pool_page(operator(NOW), "seats")
    assert (page.pool.left, page.not_used, page.is_low) == (4, 6, False)
    assert addressees(park) == []


def test_a_pool_is_told_of_once(park: Flask):
    award("1000")

    for days in range(3):
        night(park, days)

    assert len(addressees(park)) == 2
    assert "Nothing is left to award of pool small" in str(mails(park)[0]["Subject"])


@pytest.mark.parametrize("back, mails_of_each", [("49", 1), ("50", 2)])
def test_a_pool_is_told_of_anew_once_it_had_well_over_a_tenth_again(park: Flask, back: str, mails_of_each: int):
    first = factories.make_grant("harbour", "small", "900").key
    night(park)
    transaction(lambda: grants.return_to_pool(operator(NOW), first, amount=back))
    night(park, 1)
    award(back)

    night(park, 2)

    assert addressees(park).count("all@park.example") == mails_of_each


def test_a_pool_that_was_low_only_between_two_nights_is_told_of_to_nobody(park: Flask):
    paper = factories.make_grant("harbour", "small", "900").key
    transaction(lambda: grants.return_to_pool(operator(NOW), paper, amount="100"))

    night(park)

    assert addressees(park) == []


def test_the_alert_has_a_subject_and_no_startup_and_stands_in_the_lists_of_those_who_look_after_all(park: Flask):
    award("950")

    document = night(park)

    assert document["alerts"] == []
    (told,) = document["own_alerts"]
    assert (told["startup"], told["subject"], told["key"]) == (None, "pool", "pool:small/pool-low/10/0")
    alert = scenes.alert_of("pool-low")
    assert (alert.startup_id, alert.account_id, alert.subject) == (None, None, "pool")
    assert [one.key for one in reading.alerts(operator(NOW), rule="pool-low", is_open=True)] == [alert.key]
    assert [one.alert.key for one in reading.told(caller("all@park.example"))] == [alert.key]


def test_nobody_else_hears_of_it_in_mail_list_or_preview(park: Flask):
    partner = db.session.scalars(select(Pool.partner_id)).one()
    factories.make_person("auditor@park.example", "auditor")
    factories.make_person("partner@park.example", "partner", partner_id=partner)
    award("950")
    before = {
        address: len(reading.say_tonight(caller(address)).own)
        for address in ("all@park.example", "one@park.example", "auditor@park.example")
    }
    night(park)
    alert_id = scenes.alert_of("pool-low").id

    assert before == {"all@park.example": 1, "one@park.example": 0, "auditor@park.example": 1}
    assert addressees(park) == ["admin@park.example", "all@park.example"]
    assert reading.alerts(caller("one@park.example")) == []
    for address in ("founder@harbour.example", "partner@park.example"):
        with pytest.raises(Forbidden):
            reading.alerts(caller(address))
    for address in ("founder@harbour.example", "one@park.example"):
        assert reading.told(caller(address)) == []
        with pytest.raises(NotFound):
            transaction(lambda who=address: operations.acknowledge(caller(who), alert_id))


def test_one_who_looks_after_all_no_more_no_longer_sees_what_they_were_told(park: Flask):
    award("950")
    night(park)
    alert_id = scenes.alert_of("pool-low").id
    person = db.session.scalars(select(Person).where(Person.email == "all@park.example")).one()
    transaction(lambda: setattr(db.session.merge(person), "role", None))

    assert reading.told(caller("all@park.example")) == []
    with pytest.raises(NotFound):
        transaction(lambda: operations.acknowledge(caller("all@park.example"), alert_id))


def test_it_is_acknowledged_and_put_off_and_both_stand_in_the_trail(park: Flask):
    award("950")
    night(park)
    alert_id = scenes.alert_of("pool-low").id
    mine = caller("all@park.example")

    transaction(lambda: operations.acknowledge(mine, alert_id))
    until = transaction(lambda: operations.snooze(mine, alert_id))
    shorter = transaction(lambda: operations.snooze(mine, alert_id, 1))

    (told,) = reading.told(mine)
    assert (told.acknowledged_at, told.snoozed_until) == (NOW, until)
    assert shorter == until == scenes.TODAY + timedelta(days=7)
    kept = db.session.scalars(select(TrailEntry.action).where(TrailEntry.subject == "alert:pool:small/pool-low/10/0"))
    assert list(kept) == ["alert.acknowledge", "alert.snooze", "alert.snooze"]


def test_who_put_it_off_hears_of_the_next_time_when_that_is_over(park: Flask):
    paper = factories.make_grant("harbour", "small", "950").key
    night(park)
    alert_id = scenes.alert_of("pool-low").id
    transaction(lambda: operations.snooze(caller("all@park.example"), alert_id, 5))
    transaction(lambda: grants.return_to_pool(operator(NOW), paper, amount="950"))
    night(park, 1)
    award("950")

    night(park, 2)
    second = addressees(park)
    night(park, 5)

    assert second == ["admin@park.example", "admin@park.example", "all@park.example"]
    assert addressees(park).count("all@park.example") == 2


def test_who_turned_the_rule_off_is_told_nothing(park: Flask):
    transaction(lambda: operations.set_preference(caller("all@park.example"), "pool-low", wanted=False))
    award("950")

    night(park)

    assert addressees(park) == ["admin@park.example"]
    assert [one.rule for one in choices_of(caller("all@park.example")) if not one.is_wanted] == ["pool-low"]
    assert "pool-low" not in [one.rule for one in choices_of(caller("one@park.example"))]


def test_a_pool_that_has_ended_is_no_matter_any_more(park: Flask):
    award("950")
    night(park)
    pool = db.session.scalars(select(Pool).where(Pool.key == "small")).one()
    transaction(lambda: setattr(db.session.merge(pool), "ends", NOW))

    night(park, 1)

    assert scenes.alert_of("pool-low").closed_on == scenes.TODAY + timedelta(days=1)


@pytest.mark.parametrize("startup, subject", [(True, True), (False, False)])
def test_an_alert_is_of_a_startup_or_of_a_subject(park: Flask, startup: bool, subject: bool):
    award("950")
    night(park)
    known = scenes.alert_of("pool-low")
    account = db.session.scalars(select(Account)).one()
    values = {column.key: getattr(known, column.key) for column in Alert.__table__.columns if column.key != "id"}
    values |= {"key": "other", "startup_id": account.startup_id if startup else None,
               "account_id": account.id if startup else None, "subject": "pool" if subject else None,
               "subject_id": 1 if subject else None}

    with pytest.raises(IntegrityError):
        transaction(lambda: db.session.add(Alert(**values)))


def test_whoever_was_told_before_pools_had_alerts_is_told_no_second_time(park: Flask):
    award("950")
    night(park)
    settings = AlembicConfig(str(MIGRATIONS / "alembic.ini"))
    settings.set_main_option("script_location", str(MIGRATIONS))
    db.session.remove()
    command.downgrade(settings, "0030")
    told = db.session.execute(text("SELECT count(*) FROM pool_told")).scalar()
    db.session.remove()
    command.upgrade(settings, "head")

    night(park, 1)

    assert told == 2
    assert len(addressees(park)) == 2
    assert scenes.alert_of("pool-low").closed_on is None
    assert len(reading.told(caller("all@park.example"))) == 1
