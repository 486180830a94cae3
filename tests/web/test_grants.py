"""Awarding and changing grants in forms."""

from datetime import date

import pytest
from sqlalchemy import func, select

from creditsvc.db import db
from creditsvc.grants.models import Grant
from creditsvc.licences.desk import open_desk
from creditsvc.licences.models import SeatAssignment
from creditsvc.licences.waiting import queue_up
from creditsvc.programmes.operations import LineTerms, enrol
from tests import factories
from tests.factories import do, somebody
from tests.licences.sitting import make_product
from tests.web.browsing import Browser

AWARD = "/startups/harbour/award"
RIGHT = {"pool": "ms-azure", "amount": "25000", "effective": "2026-06-01", "expires": "2027-05-31", "reason": "spring"}


@pytest.fixture
def manager(browse_as) -> Browser:
    factories.make_startup("harbour", "Harbour Robotics")
    factories.make_pool("ms-azure", "100000")
    return browse_as(factories.make_person("lee@park.example", "manager"))


def grants() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count(Grant.id))) or 0


def test_a_manager_awards_a_grant(manager: Browser):
    page = manager.follow(manager.submit(AWARD, RIGHT))

    assert "The grant is awarded." in page.text
    assert "USD 25,000.00 USD 0.00 USD 25,000.00 1 Jun 2026 31 May 2027" in page.text


@pytest.mark.parametrize(
    "field, value, message",
    [
        ("amount", "100000.01", "The pool ms-azure has 100000 USD left"),
        ("amount", "-5", "a grant is of more than 0"),
        ("amount", "0", "a grant is of more than 0"),
        ("amount", "a lot", "is no number"),
        ("amount", "1.123456789", "finer than one step"),
        ("amount", "99999999999999999999", "does not fit 64 bits"),
        ("amount", "", "Fill this in."),
        ("pool", "no-such-pool", "There is no pool no-such-pool"),
        ("effective", "2025-12-31", "ms-azure"),
        ("effective", "31/12/2026", "is no day"),
        ("effective", "", "Fill this in."),
        ("expires", "2026-05-31", "2026-05-31"),
        ("expires", "2026-02-30", "is no day"),
        ("priority", "first", "Write a whole number."),
        ("reason", "x" * 501, "at most 500 characters"),
    ],
)
def test_a_refusal_stands_at_its_field_and_what_was_typed_is_kept(
    manager: Browser, field: str, value: str, message: str
):
    typed = {**RIGHT, field: value}

    page = manager.submit(AWARD, typed)

    assert page.status in (409, 422)
    assert message in page.text
    assert f'id="error-{field}-1"' in page.html
    fields = page.form().fields
    kept = {name: fields[name] for name in typed if name != "pool"}
    assert kept == {name: text for name, text in typed.items() if name != "pool"}
    assert grants() == 0


def test_the_same_form_sent_twice_awards_once(manager: Browser):
    page = manager.get(AWARD)

    first, again = manager.submit(page, RIGHT), manager.submit(page, RIGHT)

    assert (first.status, first.location) == (again.status, again.location) == (303, "/startups/harbour")
    assert grants() == 1


def test_a_form_sent_again_with_other_content_asks_before_it_does_more(manager: Browser):
    page = manager.get(AWARD)
    manager.submit(page, RIGHT)

    asked = manager.submit(page, {**RIGHT, "amount": "10"})

    assert asked.status == 409
    assert "was sent before with other content" in asked.text
    assert grants() == 1
    assert manager.submit(asked, {}).status == 303
    assert grants() == 2


def test_a_refused_form_can_be_put_right_and_sent_again(manager: Browser):
    refused = manager.submit(AWARD, {**RIGHT, "amount": "200000"})

    done = manager.submit(refused, {"amount": "20000"})

    assert done.status == 303
    assert grants() == 1


def grant() -> str:
    return factories.make_grant("harbour", "ms-azure", "1000", key="harbour-azure").key


@pytest.mark.parametrize(
    "change, typed, told",
    [
        ("extend", {"expires": "2027-06-30", "reason": "later"}, "Extended 30 Jun 2027 lee@park.example later"),
        ("top-up", {"amount": "250.5", "reason": "more"}, "Topped up USD 250.50 lee@park.example more"),
        ("return", {"amount": "400", "reason": "less"}, "Returned to the pool USD 400.00 lee@park.example less"),
        ("void", {"reason": "left"}, "Voided 15 Jun 2026, 12:00 UTC+8 lee@park.example left"),
    ],
)
def test_a_manager_changes_a_grant_and_its_page_says_who_did_what_and_why(
    manager: Browser, change: str, typed: dict, told: str
):
    key = grant()

    page = manager.follow(manager.submit(f"/grants/{key}/{change}", typed))

    assert told in page.text


@pytest.mark.parametrize(
    "change, typed, message, status",
    [
        ("extend", {"expires": "2027-02-27"}, "is not later than the end now", 422),
        ("extend", {"expires": ""}, "Fill this in.", 422),
        ("top-up", {"amount": "99000.01"}, "left", 422),
        ("top-up", {"amount": "-1"}, "above 0", 422),
        ("return", {"amount": "1000.5"}, "is more than the grant", 409),
    ],
)
def test_a_change_that_cannot_be_is_refused_with_what_was_typed_kept(
    manager: Browser, change: str, typed: dict, message: str, status: int
):
    key = grant()

    page = manager.submit(f"/grants/{key}/{change}", {**typed, "reason": "because"})

    assert page.status == status
    assert message in page.text
    assert page.form().fields["reason"] == "because"


def test_a_top_up_sent_twice_is_done_once(manager: Browser):
    key = grant()
    page = manager.get(f"/grants/{key}/top-up")

    manager.submit(page, {"amount": "100"})
    manager.submit(page, {"amount": "100"})

    assert "Granted USD 1,100.00" in manager.get(f"/grants/{key}").text


def test_another_way_to_change_a_grant_does_not_exist(manager: Browser):
    assert manager.get(f"/grants/{grant()}/double").status == 404


def test_a_package_is_awarded_from_the_startups_page(manager: Browser):
    cohort = factories.make_cohort(factories.make_programme("techconnect").key, "tc-2026a")
    factories.make_package("techconnect", [LineTerms("azure-credit", "ms-azure", "500", 12)])
    do(lambda: enrol(somebody(), startup="harbour", cohort=cohort.key, package="standard", status="active",
                     on=date(2026, 3, 1)))
    action = "/startups/harbour/packages/tc-2026a/award"

    page = manager.follow(manager.submit("/startups/harbour", {}, action))

    assert "The package is awarded: 1 grant." in page.text
    assert action not in page.html


def test_a_monthly_allowance_of_hours_is_awarded_and_voided_whole(manager: Browser):
    factories.make_resource("consulting", "hours", None, None)
    factories.make_pool("consultants", "50", resource="consulting")
    allowance = {"pool": "consultants", "amount": "2", "effective": "2026-06-01", "expires": "", "months": "3"}

    awarded = manager.follow(manager.submit(AWARD, allowance))
    page = manager.get("/grants/harbour-consulting-1-m02")
    voided = manager.follow(manager.submit("/grants/harbour-consulting-1-m02/void-series", {"reason": "left"}))

    assert "The grant is awarded." in awarded.text
    assert "month 2 of harbour-consulting-1" in page.text
    assert "Void all months" in page.text
    assert "Activation" not in page.text
    assert "The allowance is void from now on." in voided.text
    assert {lot.voided_at for lot in factories.account_of("harbour", resource="consulting").lots} == {factories.NOW}


def test_a_monthly_allowance_is_extended_by_form(manager: Browser):
    factories.make_resource("consulting", "hours", None, None)
    factories.make_pool("consultants", "50", resource="consulting")
    manager.submit(AWARD, {"pool": "consultants", "amount": "2", "effective": "2026-06-01", "expires": "",
                           "months": "3"})
    address = "/grants/harbour-consulting-1-m02/extend-series"

    refused = manager.submit(address, {"months": "2"})
    done = manager.follow(manager.submit(address, {"months": "4", "reason": "a month more"}))

    assert "the allowance runs for 3 months already" in refused.text
    assert "The allowance is extended." in done.text
    assert len(factories.account_of("harbour", resource="consulting").lots) == 4


def test_a_single_grant_offers_no_void_of_all_months(manager: Browser):
    factories.make_grant("harbour", "ms-azure", key="hr")

    assert "Void all months" not in manager.get("/grants/hr").text
    assert "is no month of an allowance" in manager.submit("/grants/hr/void-series", {}).text


def wait_for_a_seat(email: str) -> None:
    def act() -> None:
        desk = open_desk(somebody(), "seat.assign", "harbour", product="m365")
        queue_up(desk, email, "Somebody")

    do(act)


def seated() -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(select(SeatAssignment.email).order_by(SeatAssignment.seat_id)))


def test_who_waits_is_seated_by_the_award_or_the_top_up_that_brings_a_seat(manager: Browser):
    make_product("m365", pool="ms-seats")
    factories.make_grant("harbour", "ms-seats", "1", key="first")
    for name in ("ada", "bob", "eve"):
        wait_for_a_seat(f"{name}@harbour.example")

    manager.submit(AWARD, {"pool": "ms-seats", "amount": "1", "effective": "2026-06-01", "expires": "2027-05-31"})
    by_award = seated()
    manager.submit("/grants/first/top-up", {"amount": "1"})

    assert by_award == ["ada@harbour.example", "bob@harbour.example"]
    assert seated() == [*by_award, "eve@harbour.example"]
