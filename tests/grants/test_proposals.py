"""Awards above a pool's limit: one proposes, another approves or refuses, once, and the pool is asked again (L13)."""

import threading
from datetime import date

import pytest
from flask import current_app
from sqlalchemy import func, select

from creditsvc.core.days import end_text, start_text
from creditsvc.core.errors import Conflict, Forbidden, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.grants import proposals
from creditsvc.grants.models import Grant, Proposal
from creditsvc.grants.operations import award_grant, award_package, top_up_grant
from creditsvc.grants.proposal_letters import tell
from creditsvc.ledger.models import Pool
from creditsvc.ledger.verify import verify
from creditsvc.mail.models import OutboxMail
from creditsvc.programmes import operations as programmes
from creditsvc.programmes.packages import LineTerms
from tests import factories as make

TERMS = {"startup": "acme", "pool": "ms-azure", "effective": date(2026, 3, 1), "expires": date(2027, 2, 28)}


@pytest.fixture
def park(app):
    make.make_pool("ms-azure", "100000")
    make.make_startup("acme")
    transaction(lambda: proposals.set_award_limit(make.somebody(), "ms-azure", "25000"))
    return app


@pytest.fixture
def lee(park):
    return make.caller(make.make_person("lee@park.example", "manager"))


@pytest.fixture
def kim(park):
    return make.caller(make.make_person("kim@park.example", "manager"))


def propose(caller, amount="40000", **more):
    return transaction(lambda: proposals.award_or_propose(caller, **{**TERMS, "amount": amount, **more}).id)


def approve(caller, proposal_id):
    return transaction(lambda: list(proposals.approve(caller, proposal_id).grants))


def committed():
    return db.session.scalar(select(Pool.committed).where(Pool.key == "ms-azure")) // 10**8


@pytest.mark.parametrize("terms", [{"amount": "25000.01"}, {"amount": "2500", "months": 11, "expires": None}])
def test_an_award_above_the_limit_is_refused_whatever_door_it_comes_through(lee, terms):
    with pytest.raises(Conflict) as refusal:
        transaction(lambda: award_grant(lee, **{**TERMS, **terms}))

    assert (refusal.value.field, refusal.value.code) == ("amount", "needs-second-person")
    assert committed() == 0


def test_what_is_at_the_limit_is_awarded_at_once(lee):
    made = transaction(lambda: isinstance(proposals.award_or_propose(lee, **TERMS, amount="25000"), Grant))

    assert made
    assert committed() == 25000


def test_a_proposal_awards_nothing_until_a_second_person_approves_it_with_the_days_proposed(lee, kim):
    proposal_id = propose(lee, reason="a big machine")
    before = committed()

    keys = approve(kim, proposal_id)

    lot = make.lot_of(db.session.scalars(select(Grant).where(Grant.key.in_(keys))).one())
    assert (before, committed()) == (0, 40000)
    assert (start_text(lot.effective), end_text(lot.expires)) == ("2026-03-01", "2027-02-28")
    assert verify()["differences"] == []


def test_nobody_approves_or_refuses_what_they_proposed_but_they_may_take_it_back(lee, kim):
    proposal_id = propose(lee)

    for step in (proposals.approve, lambda who, one: proposals.refuse(who, one, reason="no")):
        with pytest.raises(Conflict) as refusal:
            transaction(lambda step=step: step(lee, proposal_id))
        assert refusal.value.code == "own"
    with pytest.raises(Conflict, match="somebody else proposed"):
        transaction(lambda: proposals.withdraw(kim, proposal_id))

    transaction(lambda: proposals.withdraw(lee, proposal_id))
    with pytest.raises(Conflict, match="decided"):
        approve(kim, proposal_id)


def test_the_shell_is_nobody_and_a_limit_is_an_administrators(lee):
    proposal_id = propose(lee)

    with pytest.raises(Conflict, match="only a person"):
        approve(make.somebody(), proposal_id)
    with pytest.raises(Forbidden):
        transaction(lambda: proposals.set_award_limit(lee, "ms-azure", None))


def test_a_proposal_is_decided_once_and_a_refusal_has_a_reason(lee, kim):
    proposal_id = propose(lee)

    with pytest.raises(RuleBroken, match="say why not"):
        transaction(lambda: proposals.refuse(kim, proposal_id, reason=" "))
    transaction(lambda: proposals.refuse(kim, proposal_id, reason="too much"))
    with pytest.raises(Conflict, match="already"):
        approve(kim, proposal_id)

    assert committed() == 0


def test_where_the_pool_has_too_little_left_at_the_approval_nothing_changes_and_it_waits_on(lee, kim):
    proposal_id = propose(lee)
    for _ in range(3):
        make.make_grant("acme", "ms-azure", "25000")

    with pytest.raises(RuleBroken, match="25000"):
        approve(kim, proposal_id)

    assert db.session.get_one(Proposal, proposal_id).state == "waiting"
    assert committed() == 75000


def test_a_package_is_proposed_once_and_awarded_whole(lee, kim):
    make.make_programme("techconnect")
    make.make_cohort("techconnect", "tc")
    lines = [LineTerms("azure-credit", "ms-azure", "20000", 12), LineTerms("azure-credit", "ms-azure", "10000", 6)]
    make.make_package("techconnect", lines)
    make.do(lambda: programmes.enrol(
        make.somebody(), startup="acme", cohort="tc", package="standard", status="active", on=date(2026, 3, 1)))

    ids = {transaction(lambda: proposals.award_package_or_propose(lee, startup="acme", cohort="tc").id)
           for _ in range(2)}
    with pytest.raises(Conflict):
        transaction(lambda: award_package(lee, startup="acme", cohort="tc"))
    keys = approve(kim, *ids)

    assert (len(ids), len(keys), committed()) == (1, 2, 30000)


def test_a_top_up_that_lifts_a_grant_above_the_limit_needs_a_second_person_too(lee, kim):
    make.make_grant("acme", "ms-azure", "20000", key="grant")

    with pytest.raises(Conflict, match="second person"):
        transaction(lambda: top_up_grant(lee, "grant", amount="6000"))
    proposal_id = transaction(lambda: proposals.top_up_or_propose(lee, "grant", amount="6000").id)
    approve(kim, proposal_id)

    assert committed() == 26000


def test_whoever_could_be_the_second_person_is_told_by_mail_and_then_who_proposed_it(lee, kim):
    make.make_person("boss@park.example", "administrator")
    config = current_app.config["CREDITSVC"]

    transaction(lambda: tell(lee, [proposals.award_or_propose(lee, **TERMS, amount="40000")], config))
    proposal_id = db.session.scalar(select(Proposal.id))
    transaction(lambda: tell(kim, [proposals.approve(kim, proposal_id)], config))

    mails = db.session.execute(select(OutboxMail.kind, OutboxMail.to_address).order_by(OutboxMail.id)).all()
    assert sorted(tuple(mail) for mail in mails[:2]) == [
        ("proposal-made", "boss@park.example"), ("proposal-made", "kim@park.example")]
    assert [tuple(mail) for mail in mails[2:]] == [("proposal-decided", "lee@park.example")]


def test_two_people_who_approve_at_once_award_it_once(park, lee, kim):
    proposal_id = propose(lee)
    others = [kim, make.caller(make.make_person("mo@park.example", "administrator"))]
    barrier, outcomes = threading.Barrier(2), []

    def run(who):
        with park.app_context():
            db.session.execute(select(1))
            barrier.wait(timeout=60)
            try:
                outcomes.append(len(approve(who, proposal_id)))
            except Conflict as refusal:
                outcomes.append(refusal.code)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=(who,)) for who in others]
    db.session.rollback()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)

    assert sorted(outcomes, key=str) == [1, "decided"]
    assert committed() == 40000
    assert db.session.scalar(select(func.count()).select_from(Grant)) == 1
