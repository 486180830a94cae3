"""Extending, topping up, voiding and returning grants."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import func, select

from creditsvc.core.errors import Conflict, Forbidden, NotFound, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.grants import operations, reading
from creditsvc.ledger.history import lot_events
from creditsvc.ledger.models import Batch, LotChange, Pool
from creditsvc.ledger.verify import verify
from creditsvc.parties.models import TrailEntry
from tests import factories as make

USD = 10**8
LATER = datetime(2027, 6, 1, tzinfo=UTC)


@pytest.fixture
def grant(app):
    make.make_pool("ms-azure", "100000")
    make.make_startup("harbour-robotics")
    return make.make_grant("harbour-robotics", "ms-azure", "25000", key="hr-azure")


def change(verb, now=make.NOW, key="hr-azure", **what):
    return transaction(lambda: getattr(operations, verb)(make.somebody(now), key, **what))


def drawn_before_go_live(amount, key="drawn"):
    return make.make_grant("harbour-robotics", "ms-azure", "100", key=key, opening_drawn=amount)


def committed():
    return db.session.execute(select(Pool.committed).where(Pool.key == "ms-azure")).scalar_one()


def changes():
    return db.session.scalar(select(func.count()).select_from(LotChange))


def lot(key="hr-azure", as_of=make.NOW):
    return reading.find_grant(make.somebody(), key, as_of=as_of).lot


def test_an_extension_lets_a_grant_last_to_the_end_of_its_new_last_day(grant):
    change("extend_grant", expires=date(2027, 8, 31), reason="Six months more")

    assert lot().expires == datetime(2027, 8, 31, 16, tzinfo=UTC)
    assert lot(as_of=LATER).standing.remaining == 25000 * USD


def test_extending_twice_to_the_same_day_does_it_once(grant):
    change("extend_grant", expires=date(2027, 8, 31))

    change("extend_grant", expires=date(2027, 8, 31))

    assert changes() == 1


@pytest.mark.parametrize("day", [date(2027, 2, 27), date(2026, 1, 1)])
def test_an_extension_to_before_the_end_now_is_refused(grant, day):
    with pytest.raises(RuleBroken) as refusal:
        change("extend_grant", expires=day)

    assert (refusal.value.field, refusal.value.code) == ("expires", "not-later")
    assert str(refusal.value) == f"{day} is not later than the end now, 2027-02-28"
    assert changes() == 0


def test_a_grant_that_has_expired_can_be_extended(grant):
    change("extend_grant", now=LATER, expires=date(2027, 12, 31))

    assert lot(as_of=LATER).standing.remaining == 25000 * USD


def test_a_grant_without_an_end_cannot_be_extended(grant):
    make.make_grant("harbour-robotics", "ms-azure", "1", key="endless", expires=None)

    with pytest.raises(Conflict) as refusal:
        change("extend_grant", key="endless", expires=date(2030, 1, 1))

    assert refusal.value.code == "without-end"


@pytest.mark.parametrize(
    "verb, what", [("extend_grant", {"expires": date(2027, 8, 31)}), ("top_up_grant", {"amount": "5"})]
)
def test_what_is_voided_is_neither_extended_nor_topped_up(grant, verb, what):
    change("void_grant")

    with pytest.raises(Conflict) as refusal:
        change(verb, **what)

    assert (refusal.value.field, refusal.value.code) == ("grant", "voided")
    assert changes() == 1


def test_a_top_up_comes_from_the_pool(grant):
    change("top_up_grant", amount="1000.5", reason="Milestone")

    assert lot().standing.remaining == 26000 * USD + USD // 2
    assert committed() == 26000 * USD + USD // 2


def test_a_top_up_beyond_the_pool_is_refused_and_names_what_is_left(grant):
    with pytest.raises(RuleBroken) as refusal:
        change("top_up_grant", amount="75000.01")

    assert (refusal.value.field, refusal.value.code) == ("amount", "pool-exceeded")
    assert "75000 USD left" in str(refusal.value)
    assert (committed(), changes()) == (25000 * USD, 0)


@pytest.mark.parametrize("verb", ["top_up_grant", "return_to_pool"])
@pytest.mark.parametrize("amount, code", [("0", "not-positive"), ("-1", "not-positive"), ("x", "not-a-number")])
def test_an_amount_that_is_not_above_0_is_refused(grant, verb, amount, code):
    with pytest.raises(RuleBroken) as refusal:
        change(verb, amount=amount)

    assert (refusal.value.field, refusal.value.code) == ("amount", code)


def test_an_expired_grant_is_not_topped_up(grant):
    with pytest.raises(Conflict) as refusal:
        change("top_up_grant", now=LATER, amount="5")

    assert refusal.value.code == "expired"
    assert "2027-02-28" in str(refusal.value)


def test_a_void_stops_a_grant_from_now_on(grant):
    change("void_grant", reason="Left the park")

    assert lot().voided_at == make.NOW
    assert lot().standing.voided == 25000 * USD
    assert lot(as_of=datetime(2026, 6, 14, tzinfo=UTC)).standing.remaining == 25000 * USD


def test_voiding_again_changes_nothing(grant):
    change("void_grant")

    change("void_grant", now=LATER)
    change("void_grant", at=LATER)

    assert (lot().voided_at, changes()) == (make.NOW, 1)


def test_a_void_can_be_brought_forward(grant):
    change("void_grant", at=datetime(2026, 12, 31, tzinfo=UTC))

    change("void_grant")

    assert lot().voided_at == make.NOW


@pytest.mark.parametrize("at", [None, datetime(2026, 4, 1, tzinfo=UTC)])
def test_an_expired_grant_is_not_voided(grant, at):
    with pytest.raises(Conflict) as refusal:
        change("void_grant", now=LATER, at=at)

    assert refusal.value.code == "expired"


def test_a_grant_is_not_voided_from_after_its_end(grant):
    with pytest.raises(Conflict) as refusal:
        change("void_grant", at=LATER)

    assert refusal.value.code == "expired"


def test_a_used_up_grant_is_not_voided(grant):
    drawn_before_go_live("100")

    with pytest.raises(Conflict) as refusal:
        change("void_grant", key="drawn")

    assert refusal.value.code == "used-up"


def test_what_is_returned_can_be_awarded_again(grant):
    change("return_to_pool", amount="20000")

    assert lot().amount == 5000 * USD
    assert committed() == 5000 * USD
    make.make_grant("harbour-robotics", "ms-azure", "95000")
    assert committed() == 100000 * USD


def test_only_what_is_undrawn_can_be_returned(grant):
    drawn_before_go_live("40")

    with pytest.raises(Conflict) as refusal:
        change("return_to_pool", key="drawn", amount="60.01")

    assert (refusal.value.field, refusal.value.code) == ("amount", "more-than-undrawn")
    assert "60" in str(refusal.value)
    change("return_to_pool", key="drawn", amount="60")
    assert lot("drawn").standing.remaining == 0


@pytest.mark.parametrize("now", [make.NOW, LATER])
def test_what_is_voided_or_expired_is_still_returned(grant, now):
    if now == make.NOW:
        change("void_grant")

    change("return_to_pool", now=now, amount="25000")

    assert committed() == 0


@pytest.mark.parametrize(
    "verb, what",
    [
        ("extend_grant", {"expires": date(2027, 8, 31)}),
        ("top_up_grant", {"amount": "1"}),
        ("void_grant", {}),
        ("return_to_pool", {"amount": "1"}),
    ],
)
class TestEveryChange:
    def test_says_who_did_it_when_and_why(self, grant, verb, what):
        change(verb, reason="Because", **what)

        event = lot_events([make.account_of("harbour-robotics").id])[-1]
        assert (event.actor, event.reason, event.at) == ("operator@park.example", "Because", make.NOW)
        entry = db.session.scalars(select(TrailEntry).order_by(TrailEntry.id.desc())).first()
        assert entry.subject == "grant:hr-azure"
        assert entry.before["amount"] == "25000"
        assert entry.after["reason"] == "Because"

    def test_leaves_the_book_in_order(self, grant, verb, what):
        change(verb, **what)

        assert verify()["differences"] == []

    def test_of_a_grant_that_there_is_not_is_not_found(self, grant, verb, what):
        with pytest.raises(NotFound):
            change(verb, key="nothing", **what)

    def test_is_not_a_founders(self, grant, verb, what):
        founder = make.caller(make.make_member("harbour-robotics"))

        with pytest.raises(Forbidden):
            transaction(lambda: getattr(operations, verb)(founder, "hr-azure", **what))

    def test_of_anothers_grant_is_as_if_it_did_not_exist(self, grant, verb, what):
        make.make_startup("other")
        stranger = make.caller(make.make_member("other"))

        with pytest.raises(NotFound):
            transaction(lambda: getattr(operations, verb)(stranger, "hr-azure", **what))

        assert db.session.scalar(select(func.count()).select_from(Batch)) == 1
