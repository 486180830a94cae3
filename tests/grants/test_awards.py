from datetime import UTC, date, datetime

import pytest
from sqlalchemy import func, select

from creditsvc.core.days import end_text, start_text
from creditsvc.core.errors import Conflict, Forbidden, NotFound, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.grants import operations
from creditsvc.grants.models import Grant
from creditsvc.ledger.models import Batch, LotFact, Pool
from creditsvc.ledger.verify import verify
from creditsvc.parties.models import TrailEntry
from tests import factories as make

USD = 10**8


def award(**changed):
    what = {
        "startup": "harbour-robotics", "pool": "ms-azure", "amount": "25000", "effective": date(2026, 3, 1),
        "expires": date(2027, 2, 28), **changed,
    }
    return transaction(lambda: operations.award_grant(make.somebody(), **what))


@pytest.fixture
def park(app):
    make.make_pool("ms-azure", "100000")
    make.make_startup("harbour-robotics")
    return app


def committed(pool="ms-azure"):
    return db.session.execute(select(Pool.committed).where(Pool.key == pool)).scalar_one()


def rows():
    return {model: db.session.scalar(select(func.count()).select_from(model)) for model in (Grant, LotFact, Batch)}


def test_an_award_is_usable_from_its_first_midnight_to_the_end_of_its_last_day(park):
    grant = award()

    lot = make.lot_of(grant)
    assert lot.effective == datetime(2026, 2, 28, 16, tzinfo=UTC)
    assert lot.expires == datetime(2027, 2, 28, 16, tzinfo=UTC)
    assert lot.standing.remaining == 25000 * USD
    assert committed() == 25000 * USD


def test_an_award_says_who_gave_it_when_and_why(park):
    grant = award(reason="Demo day winner", priority=2, promotional=True)

    assert (grant.awarded_by, grant.awarded_at) == ("operator@park.example", make.NOW)
    assert grant.reason == "Demo day winner"
    entry = db.session.scalars(select(TrailEntry).where(TrailEntry.subject == f"grant:{grant.key}")).one()
    assert entry.action == "grant.awarded"
    assert entry.after["amount"] == "25000"
    assert (make.lot_of(grant).priority, make.lot_of(grant).promotional) == (2, True)


def test_keys_are_made_readable_and_unique_unless_given(park):
    keys = [award(amount="1").key, award(amount="1").key, award(amount="1", key="hr-azure").key]

    assert keys == ["harbour-robotics-azure-credit-1", "harbour-robotics-azure-credit-2", "hr-azure"]


def test_a_grant_may_have_no_expiry(park):
    grant = award(expires=None)

    assert make.lot_of(grant, datetime(2090, 1, 1, tzinfo=UTC)).standing.remaining == 25000 * USD


def test_days_are_of_the_programmes_calendar(park):
    programme = make.make_programme(timezone="Europe/London")
    cohort = make.make_cohort(programme.key)
    transaction(lambda: make.programmes.enrol(
        make.somebody(), startup="harbour-robotics", cohort=cohort.key, on=date(2026, 3, 1)))

    grant = award(effective=date(2026, 7, 1), expires=date(2026, 12, 31))

    lot = make.lot_of(grant)
    assert (lot.effective, lot.expires) == (datetime(2026, 6, 30, 23, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def test_what_was_drawn_before_go_live_is_drawn_from_its_day_on(park):
    grant = award(opening_drawn="1200", opening_at=date(2026, 5, 1))

    before, after = make.lot_of(grant, datetime(2026, 4, 1, tzinfo=UTC)), make.lot_of(grant)
    assert (before.standing.drawn, after.standing.drawn) == (0, 1200 * USD)
    assert after.standing.remaining == 23800 * USD


def test_an_opening_balance_without_a_day_is_of_the_grants_start(park):
    grant = award(opening_drawn="25000")

    assert make.lot_of(grant, datetime(2026, 3, 1, tzinfo=UTC)).standing.drawn == 25000 * USD


@pytest.mark.parametrize(
    "changed, field, code",
    [
        ({"amount": "-5"}, "amount", "not-positive"),
        ({"amount": "0"}, "amount", "not-positive"),
        ({"amount": "lots"}, "amount", "not-a-number"),
        ({"amount": "0.000000001"}, "amount", "too-precise"),
        ({"amount": "1e30"}, "amount", "too-large"),
        ({"amount": "100000.01"}, "amount", "pool-exceeded"),
        ({"pool": "nowhere"}, "pool", "unknown-pool"),
        ({"effective": date(2025, 12, 31)}, "effective", "outside-pool"),
        ({"effective": date(2028, 1, 1), "expires": None}, "effective", "outside-pool"),
        ({"effective": datetime(2026, 3, 1)}, "effective", "naive-instant"),
        ({"expires": date(2026, 2, 28)}, "expires", "not-after-start"),
        ({"expires": date(2025, 1, 1)}, "expires", "not-after-start"),
        ({"expires": date(9999, 12, 31)}, "expires", "out-of-range"),
        ({"priority": 10**6}, "priority", "out-of-range"),
        ({"key": "Not A Key"}, "key", "not-a-key"),
        ({"key": "x" * 121}, "key", "not-a-key"),
        ({"opening_drawn": "25000.01"}, "opening_drawn", "out-of-range"),
        ({"opening_drawn": "-1"}, "opening_drawn", "out-of-range"),
        ({"opening_at": date(2026, 4, 1)}, "opening_at", "nothing-drawn"),
        ({"opening_drawn": "1", "opening_at": date(2026, 2, 1)}, "opening_at", "outside-grant"),
        ({"opening_drawn": "1", "opening_at": date(2027, 4, 1)}, "opening_at", "outside-grant"),
    ],
)
def test_a_wrong_award_is_refused_at_its_field_and_changes_nothing(park, changed, field, code):
    before = rows()

    with pytest.raises(RuleBroken) as refusal:
        award(**changed)

    assert (refusal.value.field, refusal.value.code) == (field, code)
    assert rows() == before
    assert committed() == 0


def test_a_refusal_of_a_pool_names_what_is_left(park):
    award(amount="99999.5")

    with pytest.raises(RuleBroken) as refusal:
        award(amount="1")

    assert str(refusal.value) == "the pool ms-azure has 0.5 USD left, not 1"


def test_a_refusal_of_a_start_names_the_pools_days(park):
    with pytest.raises(RuleBroken) as refusal:
        award(effective=date(2025, 12, 31))

    assert "2025-12-31" in str(refusal.value)
    assert "from 2026-01-01 to 2027-12-31" in str(refusal.value)


def test_the_first_and_the_last_day_of_a_pool_are_in_its_period(park):
    award(effective=date(2026, 1, 1), amount="1")
    award(effective=date(2027, 12, 31), expires=None, amount="1")

    assert committed() == 2 * USD


def test_seats_and_hours_are_awarded_in_their_units(park):
    make.make_resource("m365-bp", "seats", None, None)
    make.make_resource("consulting", "hours", None, None)
    make.make_pool("ms-seats", "50", resource="m365-bp")
    make.make_pool("consultants", "50", resource="consulting")

    award(pool="ms-seats", amount="5")
    award(pool="consultants", amount="1.5")

    assert {key: steps for key, steps in db.session.execute(select(Pool.key, Pool.committed)) if steps} == {
        "ms-seats": 5, "consultants": 90,
    }
    with pytest.raises(RuleBroken, match=r"2\.5 is finer than one step"):
        award(pool="ms-seats", amount="2.5")


def test_a_monthly_allowance_is_a_grant_for_each_month(park):
    make.make_resource("consulting", "hours", None, None)
    make.make_pool("consultants", "50", resource="consulting")

    first = award(pool="consultants", amount="2", months=3, expires=None, effective=date(2026, 1, 31), key="hr")

    assert (first.key, first.series, first.month) == ("hr-m01", "hr", 1)
    lots = db.session.scalars(select(LotFact).where(LotFact.key.startswith("hr-")).order_by(LotFact.key)).all()
    assert [(lot.key, lot.amount, start_text(lot.effective), end_text(lot.expires)) for lot in lots] == [
        ("hr-m01", 120, "2026-01-31", "2026-02-28"), ("hr-m02", 120, "2026-03-01", "2026-03-30"),
        ("hr-m03", 120, "2026-03-31", "2026-04-30"),
    ]


def test_made_up_names_of_grants_and_allowances_are_all_different(park):
    make.make_resource("consulting", "hours", None, None)
    make.make_pool("consultants", "500", resource="consulting")
    hours = {"pool": "consultants", "amount": "2"}
    monthly = {**hours, "months": 2, "expires": None}

    made = [award(**terms) for terms in (monthly, hours, monthly, hours)]

    names = [grant.series or grant.key for grant in made]
    assert names == [f"harbour-robotics-consulting-{number}" for number in (1, 2, 3, 4)]


@pytest.mark.parametrize("wrong, field", [
    ({"months": 0}, "months"), ({"months": 121}, "months"), ({"expires": date(2026, 6, 30)}, "expires"),
    ({"opening_drawn": "1"}, "opening_drawn"), ({"key": "x" * 116}, "key"),
])  # fmt: skip
def test_what_makes_no_monthly_allowance_is_refused_by_name(park, wrong, field):
    with pytest.raises(RuleBroken) as refusal:
        award(**{"amount": "2", "months": 3, "expires": None} | wrong)

    assert refusal.value.field == field
    assert committed() == 0


def test_a_key_that_is_taken_is_a_conflict(park):
    award(key="hr-azure", amount="1")

    with pytest.raises(Conflict) as refusal:
        award(key="hr-azure", amount="1")

    assert (refusal.value.field, refusal.value.code) == ("key", "key-taken")


def test_an_unknown_startup_is_not_found(park):
    with pytest.raises(NotFound):
        award(startup="nobody")


@pytest.mark.parametrize("role", ["auditor", "partner", "consultant"])
def test_those_who_only_read_award_nothing(park, role):
    partner_id = make.make_partner().id if role == "partner" else None
    reader = make.caller(make.make_person(role=role, partner_id=partner_id))

    with pytest.raises((Forbidden, NotFound)):
        transaction(lambda: operations.award_grant(
            reader, startup="harbour-robotics", pool="ms-azure", amount="1", effective=date(2026, 3, 1)))

    assert committed() == 0


def test_a_founder_awards_nothing_to_their_own_startup(park):
    founder = make.caller(make.make_member("harbour-robotics"))

    with pytest.raises(Forbidden):
        transaction(lambda: operations.award_grant(
            founder, startup="harbour-robotics", pool="ms-azure", amount="1", effective=date(2026, 3, 1)))


def test_the_book_fits_its_facts_after_awards(park):
    award(opening_drawn="10")
    award(amount="10", effective=date(2026, 1, 1), expires=date(2026, 1, 31))

    assert verify()["differences"] == []
