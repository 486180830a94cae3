"""How often somebody is written to, and about what: their choice, within what programmes make mandatory (A5)."""

from datetime import date, timedelta

import pytest
from flask import Flask

from creditsvc.alerts.choices import choices_of, choose, rhythm_of
from creditsvc.alerts.operations import set_setting
from creditsvc.core.due_alerts import RULES
from creditsvc.core.errors import Forbidden, RuleBroken
from creditsvc.db import transaction
from creditsvc.parties.access import Caller, operator
from tests import factories
from tests.alerts import scenes
from tests.alerts.scenes import NOW, TODAY, night


@pytest.fixture
def founder(app: Flask) -> Caller:
    factories.make_startup("harbour")
    return factories.caller(factories.make_member("harbour", "founder@harbour.example"))


def expire(days: int) -> None:
    factories.make_grant("harbour", expires=TODAY + timedelta(days=days))


def queued(app: Flask, days: int = 0) -> int:
    count: int = night(app, days)["mails"]["queued"]
    return count


def test_who_wants_a_mail_a_week_gets_the_first_at_once_and_the_rest_with_the_next_week(app: Flask, founder: Caller):
    transaction(lambda: choose(founder, wanted=RULES, rhythm="weekly"))
    expire(80)
    first = queued(app)
    expire(50)

    assert (first, [queued(app, day) for day in range(1, 9)]) == (1, [0, 0, 0, 0, 0, 0, 1, 0])


def test_what_a_programme_makes_mandatory_waits_for_no_week(app: Flask, founder: Caller):
    scenes.enrol("harbour", "strict")
    transaction(lambda: set_setting(operator(NOW), programme="strict", rule="expiry", mandatory=True))
    transaction(lambda: choose(founder, wanted=(), rhythm="monthly"))
    expire(80)
    first = queued(app)
    expire(50)

    assert (first, queued(app, 1)) == (1, 1)
    expiry = next(choice for choice in choices_of(founder) if choice.rule == "expiry")
    assert (expiry.is_mandatory, expiry.is_wanted) == (True, True)


def test_the_choice_is_kept_and_taken_back(founder: Caller):
    transaction(lambda: choose(founder, wanted=("expiry",), rhythm="monthly"))
    kept = [choice.rule for choice in choices_of(founder) if choice.is_wanted], rhythm_of(founder)
    transaction(lambda: choose(founder, wanted=RULES, rhythm="nightly"))

    assert kept == (["expiry"], "monthly")
    assert (all(choice.is_wanted for choice in choices_of(founder)), rhythm_of(founder)) == (True, "nightly")


def test_a_member_chooses_among_what_concerns_members_and_a_choice_that_is_none_is_refused(founder: Caller):
    member = factories.caller(factories.make_member("harbour", "dev@harbour.example", "member"))

    assert "stale" not in {choice.rule for choice in choices_of(member)}
    with pytest.raises(RuleBroken) as refusal:
        transaction(lambda: choose(member, wanted=(), rhythm="yearly"))
    assert refusal.value.field == "rhythm"
    with pytest.raises(Forbidden):
        choices_of(operator(NOW))


@pytest.mark.parametrize("day", [date(2026, 6, 30), date(2026, 7, 1)])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_month_begins_anew(app: Flask, founder: Caller, day: date):
    transaction(lambda: choose(founder, wanted=RULES, rhythm="monthly"))
    expire(80)
    queued(app)
    expire(50)

    assert queued(app, (day - TODAY).days) == int(day.day == 1)
