"""When a grant's credit was redeemed, by which subscription: kept, corrected with its history, refused where absurd."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from creditsvc.core.burndown import Lot
from creditsvc.core.days import DEFAULT_ZONE
from creditsvc.core.errors import Conflict, Forbidden, NotFound, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.grants.activation import (
    Stated,
    activate_grant,
    activated_lots,
    activation_history,
    activations_of_startup,
    checked,
)
from creditsvc.grants.models import Grant
from creditsvc.grants.reading import find_grant
from creditsvc.ledger.models import Resource
from creditsvc.ledger.reading import balances
from creditsvc.ledger.verify import verify
from creditsvc.parties.models import TrailEntry
from tests import factories as make

SUBSCRIPTION = "64e355d7-997c-491d-b0c1-8414dccfcf42"
OTHER = "0a11b22c-997c-491d-b0c1-8414dccfcf42"
AZURE = Resource(key="azure-credit", kind="credit", provider="azure")
# awarded on 20 February, to be used from 1 March to 28 February of the next year
LOT = Lot(
    "hr-azure", 1, datetime(2026, 2, 28, 16, tzinfo=UTC), datetime(2027, 2, 28, 16, tzinfo=UTC),
    awarded=datetime(2026, 2, 20, 1, tzinfo=UTC),
)


def check(
    on: date | datetime, subscription: str = SUBSCRIPTION, lot: Lot = LOT, resource: Resource = AZURE, reason: str = ""
) -> tuple[datetime, str]:
    stated = Stated(Grant(key=lot.key), on, subscription, DEFAULT_ZONE, reason)
    return checked(stated, make.NOW, lot, resource)


@pytest.mark.parametrize("on", [date(2026, 2, 20), date(2026, 3, 3), date(2026, 6, 15), make.NOW])
def test_a_credit_may_be_redeemed_from_the_day_of_its_award_until_now(on):
    assert check(on)[1] == SUBSCRIPTION


def test_a_day_is_one_of_the_programmes_calendar_and_an_instant_is_taken_exactly():
    assert check(date(2026, 3, 3))[0] == datetime(2026, 3, 2, 16, tzinfo=UTC)
    assert check(datetime(2026, 3, 3, 9, 30, tzinfo=UTC))[0] == datetime(2026, 3, 3, 9, 30, tzinfo=UTC)


def test_a_backdated_award_may_have_been_redeemed_from_its_first_day_on():
    backdated = Lot("g", 1, LOT.effective, LOT.expires, awarded=make.NOW)

    assert check(date(2026, 3, 1), lot=backdated)
    with pytest.raises(RuleBroken):
        check(date(2026, 2, 28), lot=backdated)


@pytest.mark.parametrize("written", [SUBSCRIPTION.upper(), f"/subscriptions/{SUBSCRIPTION}", f" {SUBSCRIPTION} "])
def test_a_subscription_has_one_spelling(written):
    assert check(date(2026, 3, 3), written)[1] == SUBSCRIPTION


@pytest.mark.parametrize(
    "what, field, code",
    [
        ({"on": date(2026, 2, 19)}, "on", "before-award"),
        ({"on": date(2026, 6, 16)}, "on", "in-future"),
        ({"on": make.NOW + timedelta(hours=1)}, "on", "in-future"),
        ({"on": date(2026, 3, 31), "lot": Lot("g", 1, LOT.effective, LOT.expires, LOT.effective + timedelta(days=30))},
         "on", "after-end"),
        ({"on": date(2026, 3, 3), "subscription": "my subscription"}, "subscription", "not-a-scope"),
        ({"on": date(2026, 3, 3), "subscription": "00000000-0000-0000-0000-000000000000"}, "subscription",
         "not-a-scope"),
        ({"on": date(2026, 3, 3), "reason": "x" * 501}, "reason", "too-long"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(what, field, code):
    with pytest.raises(RuleBroken) as refusal:
        check(**what)

    assert (refusal.value.field, refusal.value.code) == (field, code)


def test_only_credit_is_activated():
    with pytest.raises(Conflict, match="only credit is activated"):
        check(date(2026, 3, 3), resource=Resource(key="m365-bp", kind="seats"))


@pytest.fixture
def grant(app):
    make.make_startup("harbour")
    return make.make_grant("harbour", key="hr-azure")


def activate(on=date(2026, 3, 3), subscription=SUBSCRIPTION, caller=None, key="hr-azure", **more):
    return transaction(
        lambda: activate_grant(caller or make.somebody(), key, on=on, subscription=subscription, **more)
    )


def told():
    return [
        (str(one.activated_at.date()), one.subscription, one.actor, one.reason)
        for one in activation_history(find_grant(make.somebody(), "hr-azure").grant)
    ]


def test_a_correction_is_a_new_fact_and_what_was_said_before_stays_in_its_history(grant):
    before = balances(make.NOW)
    activate()
    activate()  # says nothing new
    activate(date(2026, 3, 4), OTHER, make.somebody(), reason="the wrong portal")

    view = find_grant(make.somebody(), "hr-azure")
    entries = db.session.scalars(select(TrailEntry).where(TrailEntry.action == "grant.activated")).all()
    assert told() == [("2026-03-03", OTHER, "operator@park.example", "the wrong portal"),
                      ("2026-03-02", SUBSCRIPTION, "operator@park.example", "")]
    assert (view.activation.subscription, activations_of_startup(view.grant.startup_id)) == (
        OTHER, {"hr-azure": view.activation})
    assert activated_lots([before[0].id]) == {"hr-azure"}
    assert [entry.after["subscription"] for entry in entries] == [SUBSCRIPTION, OTHER]
    assert (entries[0].before, entries[1].before) == (
        None, {"activated_at": "2026-03-02T16:00:00Z", "subscription": SUBSCRIPTION})
    assert balances(make.NOW) == before
    assert verify()["differences"] == []


def test_a_startups_own_people_may_enter_it_and_nobody_elses(grant):
    make.make_startup("other")
    ours = make.caller(make.make_member("harbour", "o@harbour.example"))
    theirs = make.caller(make.make_member("other", "o@other.example"))
    auditor = make.caller(make.make_person("u@park.example", "auditor"))

    activate(caller=ours)

    assert told() == [("2026-03-02", SUBSCRIPTION, "o@harbour.example", "")]
    with pytest.raises(NotFound):
        activate(caller=theirs)
    with pytest.raises(Forbidden):
        activate(caller=auditor)


def test_what_is_refused_is_not_kept(grant):
    with pytest.raises(RuleBroken):
        activate(subscription="none")

    assert told() == []
    assert activations_of_startup(grant.startup_id) == {}
