"""Graduation and withdrawal: each holding stops, stops later or runs on, and what is undrawn returns, in one act."""

from datetime import UTC, date, datetime, timedelta

import pytest
from flask import current_app
from sqlalchemy import func, select, update

from creditsvc.consulting import bookings
from creditsvc.consulting.consultants import add_consultant, consultants, set_weekly_hours
from creditsvc.consulting.models import Booking
from creditsvc.consulting.verify_bookings import check_bookings
from creditsvc.core.errors import Conflict, RuleBroken
from creditsvc.core.free_slots import Weekly
from creditsvc.db import db, transaction
from creditsvc.grants.models import Grant
from creditsvc.grants.operations import award_package
from creditsvc.ledger.models import LotChange, Pool
from creditsvc.ledger.verify import verify
from creditsvc.mail.models import OutboxMail
from creditsvc.onboarding.leaving import RUN_ON, STOP, UNTIL, Choice, held_by, leave, usual
from creditsvc.programmes import operations as programmes
from creditsvc.programmes.models import Enrolment
from creditsvc.programmes.packages import LineTerms
from tests import factories as make
from tests.conftest import NOW

USD = 10**8
LINES = [
    LineTerms("azure-credit", "ms-azure", "25000", 12), LineTerms("advice", "hours", "4", 12, monthly=True),
    LineTerms("suite", "seats", "5", 12),
]
CREDIT, HOURS, SEATS = "acme-azure-credit-1", "acme-advice-1", "acme-suite-1"


@pytest.fixture
def park(app):
    make.make_pool("ms-azure", "100000")
    make.make_resource("advice", "hours", None, None)
    make.make_resource("suite", "seats", None, None)
    make.make_pool("hours", "100", resource="advice")
    make.make_pool("seats", "50", resource="suite")
    make.make_programme("techconnect")
    make.make_cohort("techconnect", "tc")
    make.make_package("techconnect", LINES)
    make.make_startup("acme")
    make.make_member("acme", "ada@acme.example")
    make.do(lambda: programmes.enrol(
        make.somebody(), startup="acme", cohort="tc", package="standard", status="active", on=date(2026, 3, 1)))
    make.do(lambda: award_package(make.somebody(), startup="acme", cohort="tc"))
    return app


def go(choices, status="withdrawn", reason="they closed", keep=True, **more):
    config = current_app.config["CREDITSVC"]
    return transaction(lambda: leave(
        make.somebody(), config, startup="acme", cohort="tc", status=status, choices=choices, reason=reason, **more
    ), keep=keep)


def committed():
    return dict(db.session.execute(select(Pool.key, Pool.committed)).all())


def status():
    return db.session.scalar(select(Enrolment.status))


def holdings():
    return transaction(lambda: held_by(make.somebody(), "acme", "tc"), keep=False)


def book(hour=1, **more):
    starts = datetime(2026, 7, 16, hour, tzinfo=UTC)

    def act():
        if not consultants(make.somebody()):
            add_consultant(make.somebody(), key="kim", name="Kim")
            set_weekly_hours(make.somebody(), "kim", [Weekly(3, 9 * 60, 18 * 60)])
        bookings.book(make.somebody(), startup="acme", consultant="kim", topic="Tax", starts=starts, minutes=60, **more)

    transaction(act)


def test_what_lasts_is_listed_an_allowance_as_one_and_a_withdrawal_stops_what_came_with_the_enrolment(park):
    make.make_grant("acme", "ms-azure", "100", key="other")

    found = holdings()

    assert [(one.key, one.is_of_enrolment) for one in found] == [
        (HOURS, True), (CREDIT, True), (SEATS, True), ("other", False)]
    assert [usual(one, "withdrawn").way for one in found] == [STOP, STOP, STOP, RUN_ON]
    assert {usual(one, "graduated").way for one in found} == {RUN_ON}
    assert found[0].usable == 9 * 4 * 60  # the months from June to February


def test_a_look_says_what_would_happen_and_changes_nothing(park):
    before = committed()

    left = go({CREDIT: Choice(STOP, back=True), HOURS: Choice(STOP, back=True)}, keep=False)

    returned = {one.held.key: one.returned for one in left.outcomes}
    assert returned == {CREDIT: 25000 * USD, HOURS: 9 * 4 * 60, SEATS: 0}
    assert (committed(), status()) == (before, "active")


def test_a_holding_that_stops_at_once_returns_what_is_undrawn_to_its_pool(park):
    go({CREDIT: Choice(STOP, back=True), HOURS: Choice(STOP, back=True), SEATS: Choice(STOP)})

    assert committed() == {"ms-azure": 0, "hours": 3 * 4 * 60, "seats": 5}  # months that are over stay as they were
    assert status() == "withdrawn"
    assert make.account_of("acme", NOW + timedelta(seconds=1)).remaining == 0
    assert verify(check_bookings)["differences"] == []


def test_a_holding_stops_after_a_day_or_runs_on_and_nothing_returns_by_itself(park):
    left = go({CREDIT: Choice(UNTIL, date(2026, 8, 31)), SEATS: Choice(RUN_ON)}, status="graduated")

    ends = {one.held.key: one.ends for one in left.outcomes}
    assert ends[CREDIT] == datetime(2026, 8, 31, 16, tzinfo=UTC)
    assert ends[SEATS] == datetime(2027, 2, 28, 16, tzinfo=UTC)
    assert committed()["ms-azure"] == 25000 * USD
    assert status() == "graduated"


@pytest.mark.parametrize("choice, code", [
    (Choice(UNTIL), "missing"), (Choice(UNTIL, date(2026, 6, 1)), "in-past"),
    (Choice(UNTIL, date(2028, 1, 1)), "not-earlier"),
])
def test_a_day_that_cannot_be_its_end_is_refused_at_the_holding_and_nothing_changes(park, choice, code):
    with pytest.raises(RuleBroken) as refusal:
        go({HOURS: Choice(STOP), CREDIT: choice})

    assert (refusal.value.field, refusal.value.code) == (f"on.{CREDIT}", code)
    assert db.session.scalar(select(func.count()).select_from(LotChange)) == 0
    assert status() == "active"


def test_booked_sessions_keep_hours_from_stopping_unless_they_are_cancelled_too(park):
    book()

    with pytest.raises(Conflict, match="held for sessions"):
        go({HOURS: Choice(STOP)})
    left = go({HOURS: Choice(STOP, back=True)}, cancel_sessions=True)

    assert left.sessions == 1
    assert list(db.session.scalars(select(Booking.state))) == ["cancelled"]
    assert verify(check_bookings)["differences"] == []


def test_sessions_that_other_hours_pay_for_stay_booked(park):
    make.make_resource("legal", "hours", None, None)
    make.make_pool("lawyers", "100", resource="legal")
    make.make_grant("acme", "lawyers", "5")
    make.make_grant("acme", "hours", "1", effective=date(2026, 7, 1), expires=date(2026, 8, 31))
    book(resource="legal")
    for hour in (3, 5):
        book(hour, resource="advice")

    left = go({HOURS: Choice(STOP, back=True)}, cancel_sessions=True)

    assert left.sessions == 1
    assert list(db.session.scalars(select(Booking.state).order_by(Booking.starts))) == ["booked", "booked", "cancelled"]
    assert verify(check_bookings)["differences"] == []


def test_a_grant_that_shares_its_name_with_an_allowance_is_a_holding_of_its_own(park):
    alone = make.make_grant("acme", "hours", "1", effective=date(2026, 7, 1), expires=date(2026, 8, 31))
    transaction(lambda: db.session.execute(
        update(Grant).where(Grant.series == HOURS).values(series=alone.key)
    ))

    names = [one.key for one in holdings()]
    go({f"{HOURS}-m01": Choice(STOP, back=True)})

    assert names == [f"{HOURS}-m01", CREDIT, SEATS, alone.key]
    assert [(one.key, one.usable) for one in holdings()][-1] == (alone.key, 60)


def test_it_is_done_once_and_its_people_are_told_by_mail(park):
    go({CREDIT: Choice(STOP, back=True)})

    with pytest.raises(Conflict, match="already"):
        go({CREDIT: Choice(STOP, back=True)})

    mail = db.session.scalars(select(OutboxMail)).one()
    assert (mail.kind, mail.to_address) == ("cohort-left", "ada@acme.example")
    assert "it stops now" in mail.text
    assert "28 February 2027" in mail.text


def test_a_reason_is_needed(park):
    with pytest.raises(RuleBroken, match="say why"):
        go({}, reason=" ")
