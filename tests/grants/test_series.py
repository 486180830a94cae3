"""Voiding and extending a monthly allowance whole; what of seats and hours can be voided and returned."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import func, select

from creditsvc.core.days import starts_at
from creditsvc.core.errors import Conflict, Forbidden, NotFound, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.grants import operations, proposals, reading
from creditsvc.ledger import book, locks
from creditsvc.ledger.additions import Additions, HoldTerms, SeatTerms
from creditsvc.ledger.book import Cause
from creditsvc.ledger.models import Batch, LotFact, Pool
from creditsvc.ledger.verify import verify
from tests import factories as make

APRIL = datetime(2026, 4, 15, 4, tzinfo=UTC)


@pytest.fixture
def months(app):
    """Twelve months of two hours from 1 January 2026 on."""
    make.make_resource("consulting", "hours", None, None)
    make.make_pool("consultants", "50", resource="consulting")
    make.make_startup("harbour-robotics")
    transaction(lambda: operations.award_grant(
        make.somebody(), startup="harbour-robotics", pool="consultants", amount="2", months=12,
        effective=date(2026, 1, 1), key="hr",
    ))


def void(key="hr-m04", now=APRIL, **what):
    return transaction(lambda: operations.void_series(make.somebody(now), key, **what))


def add(lot_key, **facts):
    """Adds a fact to the account of a lot."""

    def act():
        lot = db.session.scalars(select(LotFact).where(LotFact.key == lot_key)).one()
        account = locks.lock_accounts([lot.account_id])[lot.account_id]
        made = {kind: (terms(lot.id),) for kind, terms in facts.items()}
        book.post([account], Cause("book", "booking:1", "manager@park.example"),
                  additions={account.id: Additions(**made)})

    transaction(act)


def lots(as_of=APRIL):
    return {view.key: view.lot for view in reading.grants_of(make.somebody(), "harbour-robotics", as_of=as_of)}


def test_the_months_that_have_not_ended_are_voided_and_those_that_have_stay(months):
    stopped = void(reason="Left the park")

    assert [grant.key for grant in stopped] == [f"hr-m{month:02d}" for month in range(4, 13)]
    assert {key for key, lot in lots().items() if lot.voided_at is None} == {"hr-m01", "hr-m02", "hr-m03"}
    assert sum(lot.standing.voided for lot in lots(datetime(2027, 6, 1, tzinfo=UTC)).values()) == 9 * 120
    assert verify()["differences"] == []


def test_all_months_are_voided_in_one_batch_and_again_changes_nothing(months):
    before = db.session.scalar(select(func.count()).select_from(Batch))

    void("hr-m01")
    once = db.session.scalar(select(func.count()).select_from(Batch))
    again = void("hr-m09", now=datetime(2026, 5, 1, tzinfo=UTC))

    assert (once - before, again) == (1, [])
    assert db.session.scalar(select(func.count()).select_from(Batch)) == once


def test_what_is_voided_can_be_returned_month_by_month(months):
    void()

    transaction(lambda: operations.return_to_pool(make.somebody(APRIL), "hr-m05", amount="2"))

    assert db.session.execute(select(Pool.committed).where(Pool.key == "consultants")).scalar_one() == 22 * 60


def test_an_allowance_is_not_voided_while_a_session_is_booked_of_it(months):
    at = datetime(2026, 5, 20, 2, tzinfo=UTC)
    add("hr-m05", holds=lambda lot: HoldTerms("booking:1:0", 90, at, APRIL))

    with pytest.raises(Conflict) as refusal:
        void()

    assert (refusal.value.field, refusal.value.code) == ("grant", "held")
    assert all(lot.voided_at is None for lot in lots().values())


def test_a_grant_of_no_allowance_is_refused(months):
    make.make_pool("ms-azure", "100000")
    make.make_grant("harbour-robotics", "ms-azure", "25000", key="hr-azure")

    with pytest.raises(Conflict) as refusal:
        void("hr-azure")

    assert refusal.value.code == "not-monthly"


def extend(months, key="hr-m04", caller=None, **what):
    return transaction(lambda: operations.extend_series(caller or make.somebody(APRIL), key, months=months, **what))


def test_an_allowance_runs_on_from_its_end_with_what_its_last_month_was_awarded_with(months):
    made = extend(14)

    view = lots(datetime(2027, 3, 1, tzinfo=UTC))
    assert [grant.key for grant in made] == ["hr-m13", "hr-m14"]
    assert (view["hr-m13"].effective, view["hr-m12"].expires) == (view["hr-m12"].expires, starts_at(date(2027, 1, 1)))
    assert (view["hr-m14"].expires, view["hr-m14"].amount) == (starts_at(date(2027, 3, 1)), 120)
    assert db.session.execute(select(Pool.committed).where(Pool.key == "consultants")).scalar_one() == 28 * 60
    assert verify()["differences"] == []


def test_extending_an_allowance_twice_does_it_once(months):
    before = db.session.scalar(select(func.count()).select_from(Batch))

    extend(14)
    again = extend(14, key="hr-m13")

    assert again == []
    assert db.session.scalar(select(func.count()).select_from(Batch)) == before + 1


@pytest.mark.parametrize("months_asked, code", [(11, "not-later"), (121, "out-of-range")])
def test_an_allowance_is_not_shortened_nor_made_endless(months, months_asked, code):
    with pytest.raises(RuleBroken) as refusal:
        extend(months_asked)

    assert (refusal.value.field, refusal.value.code) == ("months", code)


def test_more_months_than_the_pool_has_are_refused_whole(months):
    make.make_startup("tidal-labs")
    make.make_grant("tidal-labs", "consultants", "25", key="tidal")

    with pytest.raises(RuleBroken) as refusal:
        extend(14)

    assert (refusal.value.field, refusal.value.code) == ("amount", "pool-exceeded")
    assert len(lots()) == 12


def test_a_void_allowance_is_not_extended(months):
    void()

    with pytest.raises(Conflict) as refusal:
        extend(14)

    assert refusal.value.code == "voided"


def test_more_months_above_the_limit_wait_for_a_second_person(months):
    lee, kim = (make.caller(make.make_person(f"{name}@park.example", "manager")) for name in ("lee", "kim"))
    transaction(lambda: proposals.set_award_limit(make.somebody(), "consultants", "3"))

    with pytest.raises(Conflict) as refusal:
        extend(14, caller=lee)
    one_more = extend(13, caller=lee)
    proposal_id = transaction(lambda: proposals.extend_series_or_propose(lee, "hr-m01", months=15).id)
    assert len(lots()) == 13
    awarded = transaction(lambda: list(proposals.approve(kim, proposal_id).grants))

    assert refusal.value.code == "needs-second-person"
    assert [grant.key for grant in one_more] == ["hr-m13"]
    assert awarded == ["hr-m14", "hr-m15"]


def test_only_who_may_change_grants_extends_an_allowance(months):
    with pytest.raises(Forbidden):
        extend(14, caller=make.caller(make.make_person(role="auditor")))


def test_only_who_may_change_grants_voids_an_allowance(months):
    auditor = make.caller(make.make_person(role="auditor"))

    with pytest.raises(Forbidden):
        transaction(lambda: operations.void_series(auditor, "hr-m01"))
    with pytest.raises(NotFound):
        void("nothing")


@pytest.fixture
def seats(app):
    """Five seats without an end, of which three are taken for good."""
    make.make_resource("m365-bp", "seats", None, None)
    make.make_pool("ms-seats", "10", resource="m365-bp")
    make.make_startup("harbour-robotics")
    make.make_grant("harbour-robotics", "ms-seats", "5", key="hr-seats", expires=None)
    for _ in range(3):
        add("hr-seats", seats=lambda lot: SeatTerms(lot, make.NOW, None, make.NOW))


def test_seats_that_are_taken_are_not_returned(seats):
    with pytest.raises(Conflict) as refusal:
        transaction(lambda: operations.return_to_pool(make.somebody(), "hr-seats", amount="3"))

    assert (refusal.value.field, refusal.value.code) == ("amount", "more-than-undrawn")
    transaction(lambda: operations.return_to_pool(make.somebody(), "hr-seats", amount="2"))
    assert lots(make.NOW)["hr-seats"].amount == 3


def test_seats_are_never_used_up_so_a_void_frees_them(seats):
    transaction(lambda: operations.return_to_pool(make.somebody(), "hr-seats", amount="2"))

    transaction(lambda: operations.void_grant(make.somebody(), "hr-seats"))

    assert lots(make.NOW)["hr-seats"].standing.drawn == 0
    assert db.session.execute(select(Pool.committed).where(Pool.key == "ms-seats")).scalar_one() == 3
    assert verify()["differences"] == []
