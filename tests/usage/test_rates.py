"""Exchange rates in the book (U7): what waited settles, what changes is posted, nothing depends on who came first."""

from datetime import date
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from creditsvc.core.amounts import format_amount
from creditsvc.core.errors import Forbidden, NotFound, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.ledger.models import Batch
from creditsvc.ledger.reading import balances
from creditsvc.parties.access import Caller, operator
from creditsvc.parties.models import TrailEntry
from creditsvc.usage.operations import reverse_run
from creditsvc.usage.rates import add_rate, list_rates
from creditsvc.usage.scopes import end_scope
from tests.conftest import NOW
from tests.ledger.books import START, startup_id
from tests.usage.importing import assign
from tests.usage.rating import causes, hkd, make_acme, rate, waits, withdraw
from tests.usage.scenes import SCOPE, USD, differences, drawn, hours, june, make_startups, spend


@pytest.fixture
def acme(app: Flask) -> None:
    """A startup with a grant of 1,000 USD and a subscription."""
    make_acme()


def test_what_waits_settles_when_its_rate_is_stated(acme: None, tmp_path: Path) -> None:
    hkd(tmp_path, {1: "780", 2: "78"})
    assert (drawn(), waits()) == ("0", "858")

    outcome = rate("0.1282")

    assert (drawn(), waits()) == ("109.9956", "0")
    assert (outcome.changed, outcome.accounts, outcome.rate.standing) == (True, 1, True)
    assert [(one.startup, one.drawn, one.uncovered) for one in outcome.effects] == [("acme", 109_99560000, 0)]
    assert causes()[-1] == ("rate", f"rate:{outcome.rate.id}")
    assert differences() == []


def test_usage_that_comes_after_its_rate_settles_at_once_and_does_not_wait(acme: None, tmp_path: Path) -> None:
    rate("0.1282", june(2))

    report = hkd(tmp_path, {1: "780", 2: "78"})

    assert report["delta"] == {"HKD": "858"}
    assert report["waiting"] == [
        {"scope": SCOPE, "currency": "HKD", "amount": "780", "why": "no rate from HKD to USD"}
    ]
    assert (drawn(), waits()) == ("9.9996", "780")
    assert differences() == []


def test_a_dry_run_says_what_waits_with_the_rates_there_are(acme: None, tmp_path: Path) -> None:
    rate("0.1282", june(2))

    trial = hkd(tmp_path, {1: "780", 2: "78"}, keep=False)

    assert [one["amount"] for one in trial["waiting"]] == ["780"]
    assert (drawn(), waits()) == ("0", "0")


def test_a_changed_rate_is_a_new_fact_and_posts_the_difference(acme: None, tmp_path: Path) -> None:
    hkd(tmp_path, {1: "1000"})
    first = rate("0.1282")

    second = rate("0.1280", now=hours(1))

    assert drawn() == "128"
    assert [(one.drawn, one.uncovered) for one in second.effects] == [(-20000000, 0)]
    assert causes()[-2:] == [("rate", f"rate:{first.rate.id}"), ("rate", f"rate:{second.rate.id}")]
    assert [(view.rate, view.standing) for view in list_rates(operator(NOW))] == [("0.128", True), ("0.1282", False)]
    assert differences() == []


def test_a_rate_of_a_later_day_changes_only_the_days_from_it_on(acme: None, tmp_path: Path) -> None:
    hkd(tmp_path, {1: "100", 5: "100", 9: "100"})
    rate("0.1")
    rate("0.3", june(9))

    rate("0.2", june(5))

    assert drawn() == "60"
    assert [view.until for view in list_rates(operator(NOW))] == [None, june(9), june(5)]
    assert differences() == []


def test_what_was_known_before_a_rate_is_answered_as_it_was_then(acme: None, tmp_path: Path) -> None:
    hkd(tmp_path, {1: "1000"})
    rate("0.1")
    db.session.rollback()
    then = db.session.execute(select(func.max(Batch.recorded_at))).scalar_one()

    rate("0.2", now=hours(1))

    (known,) = balances(hours(9), startup_ids=[startup_id()], known_at=then)
    assert (format_amount(known.drawn, USD), drawn(as_of=hours(9))) == ("100", "200")


def test_saying_again_what_stands_changes_nothing(acme: None, tmp_path: Path) -> None:
    hkd(tmp_path, {1: "1000"})
    first = rate("0.1280")

    again = rate("0.128000", now=hours(1), from_currency="hkd", source="  HKMA ")

    assert (again.changed, again.rate.id) == (False, first.rate.id)
    assert len(list_rates(operator(NOW))) == 1
    assert len(causes()) == 1


def test_another_source_for_the_same_rate_is_a_new_fact_that_posts_nothing(acme: None, tmp_path: Path) -> None:
    hkd(tmp_path, {1: "1000"})
    rate("0.128")

    outcome = rate("0.128", source="the bank's letter")

    assert (outcome.changed, outcome.accounts, outcome.effects) == (True, 0, ())
    assert differences() == []


def test_usage_waits_again_when_its_only_rate_is_withdrawn(acme: None, tmp_path: Path) -> None:
    hkd(tmp_path, {1: "1000"})
    rate("0.1")

    outcome = withdraw()

    assert (drawn(), waits()) == ("0", "1000")
    assert (outcome.changed, outcome.rate.rate, outcome.rate.source) == (True, None, "a slip")
    assert withdraw(now=hours(1)).changed is False
    assert differences() == []


def test_the_rate_of_an_earlier_day_holds_again_when_a_later_one_is_withdrawn(acme: None, tmp_path: Path) -> None:
    hkd(tmp_path, {1: "100", 5: "100"})
    rate("0.1")
    rate("0.2", june(3))

    withdraw(june(3))

    assert drawn() == "20"
    assert differences() == []


def test_a_rate_that_was_never_stated_cannot_be_withdrawn(acme: None) -> None:
    with pytest.raises(NotFound):
        withdraw(june(3))


def test_a_restated_day_is_summed_before_it_is_converted_once(acme: None, tmp_path: Path) -> None:
    rate("0.5")
    hkd(tmp_path, {1: "0.00000001"})
    assert drawn() == "0"

    hkd(tmp_path, {1: "0.00000003"}, at=hours(1))

    assert drawn(as_of=hours(9)) == "0.00000002"
    assert differences() == []


def test_a_reversal_takes_the_converted_amount_back(acme: None, tmp_path: Path) -> None:
    rate("0.1")
    hkd(tmp_path, {1: "1000"})
    report = hkd(tmp_path, {1: "3000"}, at=hours(1))
    assert drawn(as_of=hours(9)) == "300"

    transaction(lambda: reverse_run(operator(hours(2)), report["id"]))

    assert drawn(as_of=hours(9)) == "100"
    assert differences() == []


def test_converted_usage_goes_with_a_scope_that_changes_hands(app: Flask, tmp_path: Path) -> None:
    make_startups("acme", "beta")
    assign(SCOPE, "acme", START, NOW)
    hkd(tmp_path, {1: "100", 5: "100"})
    rate("0.1")

    assign(SCOPE, "beta", june(3), NOW, hand_over=True)

    assert (drawn("acme"), drawn("beta")) == ("10", "10")
    rate("0.2", now=hours(1))
    assert (drawn("acme"), drawn("beta")) == ("20", "20")
    assert differences() == []


def test_usage_of_a_scope_of_nobody_settles_when_it_is_assigned_though_its_rate_came_before(
    app: Flask, tmp_path: Path
) -> None:
    make_startups("acme")
    rate("0.1")
    hkd(tmp_path, {1: "100"})

    assign(SCOPE, "acme", START, NOW)

    assert drawn() == "10"
    transaction(lambda: end_scope(operator(NOW), provider="azure", external_id=SCOPE, ends=date(2026, 5, 1)))
    assert drawn() == "0"
    assert differences() == []


def test_a_rate_leaves_usage_in_the_accounts_own_currency_alone(acme: None, tmp_path: Path) -> None:
    spend(tmp_path, {1: "5"})

    outcome = rate("0.1")

    assert (outcome.changed, outcome.accounts, drawn()) == (True, 0, "5")


def test_what_a_rate_makes_of_more_than_the_grant_is_uncovered_and_told(acme: None, tmp_path: Path) -> None:
    hkd(tmp_path, {1: "20000"})

    outcome = rate("0.1")

    assert [(one.drawn, one.uncovered) for one in outcome.effects] == [(1000_00000000, 1000_00000000)]


def test_a_refund_in_another_currency_gives_back_at_the_rate_of_its_day(acme: None, tmp_path: Path) -> None:
    hkd(tmp_path, {1: "1000", 2: "-500"})
    rate("0.1")

    rate("0.2", june(2))

    assert drawn() == "0"
    assert differences() == []


def test_a_look_ahead_says_what_would_settle_and_keeps_nothing(acme: None, tmp_path: Path) -> None:
    hkd(tmp_path, {1: "1000"})

    outcome = rate("0.1", keep=False)

    assert [one.drawn for one in outcome.effects] == [100_00000000]
    assert (drawn(), list_rates(operator(NOW))) == ("0", [])


@pytest.mark.parametrize(
    "said, field",
    [({"from_currency": "HK"}, "from_currency"), ({"to_currency": "USB"}, "to_currency"),
     ({"to_currency": "HKD"}, "to_currency"), ({"source": " "}, "source"), ({"source": "x" * 301}, "source")],
)
def test_a_word_that_breaks_a_rule_is_refused_at_its_field_and_changes_nothing(
    acme: None, said: dict[str, str], field: str
) -> None:
    with pytest.raises(RuleBroken) as refusal:
        rate("0.1", **said)

    assert refusal.value.field == field
    assert str(refusal.value)
    assert list_rates(operator(NOW)) == []


@pytest.mark.parametrize("day", [date(1999, 12, 31), date(2027, 6, 17)])
def test_a_day_that_no_cost_can_have_is_refused(acme: None, day: date) -> None:
    with pytest.raises(RuleBroken) as refusal:
        rate("0.1", day)

    assert (refusal.value.field, refusal.value.code) == ("day", "out-of-range")


def test_what_does_not_fit_64_bits_is_refused_by_name_and_nothing_is_kept(acme: None, tmp_path: Path) -> None:
    hkd(tmp_path, {1: "90000000000"})

    with pytest.raises(RuleBroken) as refusal:
        rate("2")

    assert (refusal.value.field, refusal.value.code) == ("rate", "too-large")
    assert "HKD" in str(refusal.value)
    assert (list_rates(operator(NOW)), drawn()) == ([], "0")


def test_days_that_fit_alone_but_not_together_are_refused_too(acme: None, tmp_path: Path) -> None:
    hkd(tmp_path, {1: "90000000000", 2: "90000000000"})

    with pytest.raises(RuleBroken) as refusal:
        rate("1")

    assert (refusal.value.field, refusal.value.code) == ("rate", "too-large")


@pytest.mark.parametrize("role", ["auditor", "partner", "consultant", None])
def test_who_is_no_manager_cannot_state_a_rate(acme: None, role: str | None) -> None:
    caller = Caller(now=NOW, actor="x@example.com", role=role)

    with pytest.raises(Forbidden):
        transaction(lambda: add_rate(caller, from_currency="HKD", to_currency="USD", day=june(1), rate="1", source="x"))


def test_a_rate_leaves_its_trail_with_what_stood_before(acme: None) -> None:
    rate("0.1")
    rate("0.2", now=hours(1))
    withdraw(now=hours(2))

    entries = db.session.scalars(
        select(TrailEntry).where(TrailEntry.subject == "rate:HKD-USD:2026-06-01").order_by(TrailEntry.id)
    ).all()
    assert [(entry.action, (entry.before or {}).get("rate"), (entry.after or {}).get("rate")) for entry in entries] == [
        ("rate.add", None, "0.1"), ("rate.add", "0.1", "0.2"), ("rate.withdraw", "0.2", None),
    ]
