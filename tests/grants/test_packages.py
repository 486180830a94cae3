"""A package is awarded as a whole or not at all, and once (L13)."""

from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from sqlalchemy import func, select

from creditsvc.core.days import end_text, start_text
from creditsvc.core.errors import Conflict, NotFound, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.grants import operations, reading
from creditsvc.grants.models import Grant
from creditsvc.ledger.models import LotFact, Pool
from creditsvc.ledger.verify import verify
from creditsvc.programmes import operations as programmes
from creditsvc.programmes.operations import LineTerms
from tests import factories as make

USD = 10**8
LINES = [
    LineTerms("azure-credit", "ms-azure", "25000", 12),
    LineTerms("m365-bp", "ms-seats", "5", 12),
    LineTerms("azure-credit", "bonus", "100", 3),
]


@pytest.fixture
def park(app):
    make.make_pool("ms-azure", "40000")
    make.make_pool("bonus", "150")
    make.make_resource("m365-bp", "seats", None, None)
    make.make_pool("ms-seats", "50", resource="m365-bp")
    make.make_programme("techconnect")
    make.make_cohort("techconnect", "tc-2026a", date(2026, 3, 1), date(2027, 2, 28))
    make.make_package("techconnect", LINES)
    return app


def enrol(startup, package="standard", status="active", on=date(2026, 2, 10)):
    make.make_startup(startup)
    make.do(lambda: programmes.enrol(
        make.somebody(), startup=startup, cohort="tc-2026a", package=package, status=status, on=on))


def award(startup, caller=None):
    granted = transaction(
        lambda: operations.award_package(caller or make.somebody(), startup=startup, cohort="tc-2026a"))
    return [grant.key for grant in granted]


def committed():
    return dict(db.session.execute(select(Pool.key, Pool.committed)).all())


def test_the_lines_of_a_package_become_grants_of_every_kind(park):
    enrol("a")

    keys = award("a")

    lots = [reading.find_grant(make.somebody(), key).lot for key in keys]
    assert [(lot.pool, lot.amount) for lot in lots] == [
        ("ms-azure", 25000 * USD), ("ms-seats", 5), ("bonus", 100 * USD),
    ]
    assert committed() == {"ms-azure": 25000 * USD, "bonus": 100 * USD, "ms-seats": 5}
    assert verify()["differences"] == []


def test_lines_of_one_resource_make_allowances_and_grants_of_names_of_their_own(park):
    make.make_resource("consulting", "hours", None, None)
    make.make_pool("consultants", "500", resource="consulting")
    make.make_package("techconnect", [
        LineTerms("consulting", "consultants", "2", 2, monthly=True), LineTerms("consulting", "consultants", "5", 12),
        LineTerms("consulting", "consultants", "1", 2, monthly=True),
    ], "hours")
    enrol("a", package="hours")

    assert award("a") == [
        "a-consulting-1-m01", "a-consulting-1-m02", "a-consulting-3", "a-consulting-2-m01", "a-consulting-2-m02",
    ]


def test_a_monthly_line_is_a_grant_for_each_month_that_lapses_with_it(park):
    make.make_resource("consulting", "hours", None, None)
    make.make_pool("consultants", "100", resource="consulting")
    make.make_package("techconnect", [LINES[0], LineTerms("consulting", "consultants", "2", 12, monthly=True)], "hours")
    enrol("a", package="hours", on=date(2026, 3, 31))

    keys = award("a")

    assert keys[1:3] == ["a-consulting-1-m01", "a-consulting-1-m02"]
    views = [reading.find_grant(make.somebody(), key) for key in keys[1:]]
    lots = [view.lot for view in views]
    days = [(start_text(lot.effective), end_text(lot.expires)) for lot in lots]
    assert days[:3] == [("2026-03-31", "2026-04-30"), ("2026-05-01", "2026-05-30"), ("2026-05-31", "2026-06-30")]
    assert days[-1] == ("2027-03-01", "2027-03-30")
    assert all(first.expires == second.effective for first, second in pairwise(lots))
    assert {(lot.amount, view.grant.series) for lot, view in zip(lots, views, strict=True)} == {
        (120, "a-consulting-1")
    }
    assert [view.grant.month for view in views] == list(range(1, 13))
    assert committed()["consultants"] == 24 * 60
    assert award("a") == keys
    assert verify()["differences"] == []


def test_a_line_whose_pool_is_to_follow_holds_the_whole_package_back(park):
    make.make_resource("consulting", "hours", None, None)
    make.make_package("techconnect", [LINES[0], LineTerms("consulting", "later", "2", 12)], "hours")
    enrol("a", package="hours")

    with pytest.raises(Conflict) as refusal:
        award("a")

    assert (refusal.value.field, refusal.value.code) == ("lines[1].pool", "no-pool-yet")
    assert committed()["ms-azure"] == 0


def test_seats_that_the_pool_has_not_at_once_name_their_line(park):
    make.make_package("techconnect", [LINES[0], LineTerms("m365-bp", "ms-seats", "51", 12)], "many")
    enrol("a", package="many")

    with pytest.raises(RuleBroken, match="the pool ms-seats has 50 seat left, not 51") as refusal:
        award("a")

    assert (refusal.value.field, refusal.value.code) == ("lines[1].amount", "pool-exceeded")
    assert committed() == {"ms-azure": 0, "bonus": 0, "ms-seats": 0}


@pytest.mark.parametrize(
    "on, first, last",
    [
        (date(2026, 2, 10), datetime(2026, 2, 28, 16, tzinfo=UTC), datetime(2027, 2, 28, 16, tzinfo=UTC)),
        (date(2026, 4, 15), datetime(2026, 4, 14, 16, tzinfo=UTC), datetime(2027, 4, 14, 16, tzinfo=UTC)),
    ],
)
def test_a_line_starts_at_the_later_of_the_cohorts_start_and_the_enrolment(park, on, first, last):
    enrol("a", on=on)

    lot = reading.find_grant(make.somebody(), award("a")[0]).lot

    assert (lot.effective, lot.expires) == (first, last)


def test_awarding_a_package_twice_does_it_once(park):
    enrol("a")
    keys = award("a")

    again = award("a")

    assert again == keys
    assert db.session.scalar(select(func.count()).select_from(LotFact)) == 3


def test_a_package_that_was_awarded_is_answered_also_after_graduation(park):
    enrol("a")
    keys = award("a")
    transaction(lambda: programmes.change_status(
        make.somebody(), startup="a", cohort="tc-2026a", status="graduated"))

    assert award("a") == keys


def test_a_package_is_awarded_as_a_whole_or_not_at_all(park):
    enrol("a")
    award("a")
    enrol("b")

    with pytest.raises(RuleBroken) as refusal:
        award("b")

    assert (refusal.value.field, refusal.value.code) == ("lines[0].amount", "pool-exceeded")
    assert "15000 USD left" in str(refusal.value)
    assert db.session.scalar(select(func.count()).select_from(Grant)) == 3
    assert committed()["bonus"] == 100 * USD


def test_the_line_whose_pool_is_short_is_named(park):
    enrol("a")
    make.make_grant("a", "bonus", "100")

    with pytest.raises(RuleBroken) as refusal:
        award("a")

    assert refusal.value.field == "lines[2].amount"
    assert committed()["ms-azure"] == 0


@pytest.mark.parametrize("status", ["applied", "withdrawn", "graduated"])
def test_only_an_active_enrolment_is_awarded(park, status):
    enrol("a", status=status)

    with pytest.raises(Conflict) as refusal:
        award("a")

    assert (refusal.value.field, refusal.value.code) == ("status", "not-active")


def test_an_enrolment_without_a_package_has_nothing_to_award(park):
    enrol("a", package=None)

    with pytest.raises(Conflict) as refusal:
        award("a")

    assert refusal.value.code == "no-package"


def test_a_package_may_be_of_seats_alone(park):
    make.make_package("techconnect", [LINES[1]], "seats")
    enrol("a", package="seats")

    assert award("a") == ["a-m365-bp-1"]


def test_who_is_not_enrolled_is_awarded_nothing(park):
    make.make_startup("a")

    with pytest.raises(NotFound):
        award("a")


def test_a_manager_of_another_programme_awards_nothing(park):
    enrol("a")
    other = make.make_programme("other")
    make.make_cohort("other", "other-1")
    make.do(lambda: programmes.enrol(make.somebody(), startup="a", cohort="other-1", on=date(2026, 3, 1)))
    manager = make.caller(make.make_person(role="manager", programme_ids=[other.id]))

    with pytest.raises(NotFound) as refusal:
        award("a", manager)
    assert refusal.value.args == NotFound("cohort", "tc-2026a").args


def test_a_manager_of_the_programme_awards_it(park):
    enrol("a")
    programme_id = make.do(lambda: make.programmes_reading.by_key(make.Programme, "programme", "techconnect").id)
    manager = make.caller(make.make_person(role="manager", programme_ids=[programme_id]))

    assert len(award("a", manager)) == 3
