"""What startups ask for: asked once, decided once, given whole or not at all, told by mail."""

from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from creditsvc.app import create_app
from creditsvc.core.errors import Conflict, Forbidden, NotFound, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.grants import request_letters, requests
from creditsvc.grants.models import Grant, GrantRequest
from creditsvc.grants.proposals import set_award_limit
from creditsvc.grants.request_reading import find_request, requests_of
from creditsvc.ledger.models import LotChange, Pool
from creditsvc.ledger.verify import verify
from creditsvc.mail.models import OutboxMail
from creditsvc.parties.access import Caller
from tests import databases
from tests import factories as make
from tests.processes import quick_processes

USD = 10**8
LONGER = date(2027, 8, 31)


@pytest.fixture
def founder(app):
    make.make_pool("ms-azure", "30000")
    make.make_startup("harbour")
    make.make_grant("harbour", "ms-azure", "25000", key="hr-azure")
    return make.caller(make.make_member("harbour", "founder@harbour.example"))


@pytest.fixture
def manager(app):
    return make.caller(make.make_person("lee@park.example", "manager"))


def ask(caller, **what):
    return transaction(lambda: requests.ask(caller, **{"grant": "hr-azure", "why": "A second product", **what})).id


def decide(verb, caller, request_id, **what):
    return transaction(lambda: getattr(requests, verb)(caller, request_id, **what))


def held():
    db.session.expunge_all()
    return make.account_of("harbour")


def test_more_and_longer_are_given_as_asked_in_one_act(founder, manager):
    request_id = ask(founder, amount="2000", expires=LONGER)

    decide("approve", manager, request_id, reason="Good news")

    assert held().remaining == 27000 * USD
    assert held().lots[0].expires == datetime(2027, 8, 31, 16, tzinfo=UTC)
    view = find_request(founder, request_id)
    assert (view.request.state, view.request.given_amount, view.request.decided_by, view.given_grant) == (
        "approved", 2000 * USD, "lee@park.example", "hr-azure"
    )
    assert requests_of(manager, states=("open",)) == []


def test_a_manager_gives_less_than_was_asked_for(founder, manager):
    request_id = ask(founder, amount="2000", expires=LONGER)

    decide("approve", manager, request_id, amount="500")

    assert held().remaining == 25500 * USD
    assert held().lots[0].expires == datetime(2027, 2, 28, 16, tzinfo=UTC)


def test_a_new_grant_from_another_pool_is_given_for_one_that_has_ended(founder, manager):
    make.make_grant("harbour", "ms-azure", "100", expires=date(2026, 5, 31), key="hr-ended")
    make.make_pool("ms-second", "900")
    request_id = ask(founder, grant="hr-ended", amount="900", expires=date(2026, 12, 31))

    decide("approve", manager, request_id, amount="900", pool="ms-second")

    given = find_request(founder, request_id).given_grant
    assert given != "hr-ended"
    assert make.lot_of(db.session.execute(select(Grant).where(Grant.key == given)).scalar_one()).expires == datetime(
        2026, 12, 31, 16, tzinfo=UTC
    )


def test_a_pool_with_too_little_left_changes_nothing_and_leaves_the_request_open(founder, manager):
    request_id = ask(founder, amount="5000.01", expires=LONGER)

    with pytest.raises(RuleBroken) as refusal:
        decide("approve", manager, request_id)

    assert (refusal.value.field, refusal.value.code) == ("amount", "pool-exceeded")
    assert held().lots[0].expires == datetime(2027, 2, 28, 16, tzinfo=UTC)
    assert db.session.scalar(select(func.count()).select_from(LotChange)) == 0
    assert find_request(founder, request_id).is_open


def test_above_the_pools_limit_it_takes_the_same_yes_of_two_people(founder, manager):
    transaction(lambda: set_award_limit(make.somebody(), "ms-azure", "1000"))
    request_id = ask(founder, amount="2000", expires=LONGER)
    other = make.caller(make.make_person("wu@park.example", "manager"))

    decide("approve", manager, request_id)

    assert find_request(founder, request_id).is_open
    assert held().lots[0].expires == datetime(2027, 2, 28, 16, tzinfo=UTC)
    with pytest.raises(Conflict, match="somebody else must too"):
        decide("approve", manager, request_id)
    decide("approve", other, request_id, amount="1500")  # says something else: now theirs is the first
    decide("approve", manager, request_id, amount="1500")

    assert held().remaining == 26500 * USD
    assert find_request(founder, request_id).request.decided_by == "lee@park.example"


def test_what_lifts_a_grant_above_the_limit_takes_two_people_however_little_is_asked(founder, manager):
    transaction(lambda: set_award_limit(make.somebody(), "ms-azure", "26000"))
    decide("approve", manager, ask(founder, amount="1000"))
    above = ask(founder, amount="1")

    decide("approve", manager, above)

    assert find_request(founder, above).is_open
    assert held().remaining == 26000 * USD


def test_a_second_request_about_the_same_holding_waits_for_the_first(founder, manager):
    first = ask(founder, amount="1")

    with pytest.raises(Conflict, match=r"a request about .* is open since 2026-06-15"):
        ask(founder, amount="2")
    decide("withdraw", founder, first)

    assert ask(founder, amount="2") != first


def test_the_database_itself_keeps_two_open_requests_of_one_holding_apart(founder):
    ask(founder, amount="1")
    again = text(
        "INSERT INTO grant_request"
        " (id, startup_id, account_id, grant_id, amount, why, state, asked_at, asked_by, reason)"
        " SELECT 99, startup_id, account_id, grant_id, amount, why, state, asked_at, asked_by, reason"
        " FROM grant_request"
    )

    with pytest.raises(Exception, match=r"(?i)unique"):
        transaction(lambda: db.session.execute(again))


@pytest.mark.parametrize("asked, field, code", [
    ({}, "amount", "nothing-asked"),
    ({"amount": "0"}, "amount", "not-positive"),
    ({"amount": "1", "why": "  "}, "why", "missing"),
    ({"expires": date(2027, 2, 28)}, "expires", "not-later"),
    ({"grant": "hr-endless", "expires": LONGER}, "expires", "without-end"),
])  # fmt: skip
def test_what_cannot_be_asked_for_is_refused_at_its_field(founder, asked, field, code):
    make.make_grant("harbour", "ms-azure", "1", expires=None, key="hr-endless")

    with pytest.raises(RuleBroken) as refusal:
        ask(founder, **asked)

    assert (refusal.value.field, refusal.value.code) == (field, code)


def test_what_is_decided_stays_decided(founder, manager):
    request_id = ask(founder, amount="1")
    decide("refuse", manager, request_id, reason="The pool is for seed rounds")

    for again in (
        lambda: decide("approve", manager, request_id), lambda: decide("withdraw", founder, request_id),
        lambda: decide("refuse", manager, request_id, reason="No"),
    ):
        with pytest.raises(Conflict, match=r"refused on 2026-06-15 by lee@park\.example"):
            again()

    assert held().remaining == 25000 * USD


def test_a_refusal_needs_a_reason(founder, manager):
    with pytest.raises(RuleBroken) as refusal:
        decide("refuse", manager, ask(founder, amount="1"), reason=" ")

    assert refusal.value.field == "reason"


def test_who_asks_who_decides_and_who_hears_nothing_of_it(founder, manager):
    stranger = make.caller(make.make_member(make.make_startup("lotus").key))
    auditor = make.caller(make.make_person("audit@park.example", "auditor"))
    both = make.make_member("harbour", "both@park.example")
    transaction(lambda: setattr(db.session.get_one(type(both), both.id), "role", "manager"))
    request_id = ask(make.caller(both), amount="1")

    with pytest.raises(NotFound):
        ask(stranger, amount="1")
    with pytest.raises(NotFound):
        find_request(stranger, request_id)
    with pytest.raises(NotFound):
        decide("approve", stranger, request_id)
    with pytest.raises(Forbidden):
        ask(manager, amount="1")
    with pytest.raises(Forbidden):
        decide("approve", founder, request_id)
    with pytest.raises(Forbidden):
        decide("refuse", auditor, request_id, reason="No")
    with pytest.raises(Conflict, match="your own request"):
        decide("approve", make.caller(both), request_id)

    assert [view.id for view in requests_of(auditor)] == [request_id]
    assert requests_of(stranger) == []


def test_managers_hear_of_a_request_and_the_startup_of_the_answer_each_in_their_language(app, founder, manager):
    member = make.caller(make.make_member("harbour", "dev@harbour.example", "member"))
    config = app.config["CREDITSVC"]

    def told(caller, act):
        transaction(lambda: request_letters.tell(caller, act(), config))
        return {
            address: f"{subject} {body}" for address, subject, body in db.session.execute(
                select(OutboxMail.to_address, OutboxMail.subject, OutboxMail.text).order_by(OutboxMail.id)
            )
        }

    asked = told(member, lambda: requests.ask(member, grant="hr-azure", amount="2000", expires=LONGER, why="Growth"))
    request_id = db.session.scalar(select(GrantRequest.id))
    answered = told(manager, lambda: requests.refuse(manager, request_id, reason="Not this year"))

    assert list(asked) == ["lee@park.example"]
    assert "USD 2,000.00" in asked["lee@park.example"]
    assert "31 August 2027" in asked["lee@park.example"]
    assert f"/requests/{request_id}" in asked["lee@park.example"]
    assert set(answered) == {"lee@park.example", "dev@harbour.example", "founder@harbour.example"}
    assert "Not this year" in answered["dev@harbour.example"]
    assert answered["founder@harbour.example"].startswith("Refused: what Harbour Robotics asked for")


def _approve(url: str, folder: Path, request_id: int, manager: Caller, barrier, answers) -> None:
    app = create_app(databases.config_for(url, folder), doors=False)
    with app.app_context():
        barrier.wait(timeout=50)
        try:
            decide("approve", manager, request_id)
            answers.put("approved")
        except RuleBroken as refusal:
            answers.put(refusal.code)


def test_two_managers_at_once_give_it_once(founder, config, tmp_path):
    request_id = ask(founder, amount="3000")
    managers = [make.caller(make.make_person(f"{name}@park.example", "manager")) for name in ("one", "two")]
    db.session.remove()
    context = quick_processes()
    barrier, answers = context.Barrier(2), context.Queue()
    runners = [
        context.Process(
            target=_approve, args=(config.database_url, tmp_path, request_id, one, barrier, answers), daemon=True
        )
        for one in managers
    ]
    for runner in runners:
        runner.start()
    outcomes = Counter(answers.get(timeout=60) for _ in runners)
    for runner in runners:
        runner.join(timeout=60)

    assert outcomes == {"approved": 1, "decided": 1}
    assert held().remaining == 28000 * USD
    assert db.session.execute(select(Pool.committed).where(Pool.key == "ms-azure")).scalar_one() == 28000 * USD
    assert verify()["differences"] == []


def test_what_is_given_instead_comes_from_a_pool_of_what_was_asked_for_and_of_nothing_else(founder, manager):
    make.make_resource("m365", kind="seats", unit="seat", provider=None)
    make.make_grant("harbour", make.make_pool("ms-seats", "50", resource="m365").key, "5", key="hr-seats")
    transaction(lambda: set_award_limit(make.somebody(), "ms-azure", "1000"))
    request_id = ask(founder, grant="hr-seats", amount="3")

    with pytest.raises(RuleBroken) as refused:
        decide("approve", manager, request_id, amount="4000", pool="ms-azure")

    assert (refused.value.field, refused.value.code) == ("pool", "other-resource")
    assert held().granted == 25000 * USD
    assert find_request(manager, request_id).is_open
