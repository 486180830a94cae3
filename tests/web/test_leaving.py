"""Graduation and withdrawal on the pages."""

from datetime import date

import pytest
from sqlalchemy import select

from creditsvc.db import db
from creditsvc.grants.operations import award_package
from creditsvc.ledger.models import Pool
from creditsvc.programmes import operations as programmes
from creditsvc.programmes.models import Enrolment
from creditsvc.programmes.packages import LineTerms
from tests import factories
from tests.web.browsing import Browser

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

ADDRESS = "/startups/acme/enrolments/tc/withdrawn"


def enrol(status: str) -> None:
    factories.do(lambda: programmes.enrol(factories.somebody(), startup="acme", cohort="tc", package="standard",
                                          status=status, on=date(2026, 3, 1)))


@pytest.fixture
def manager(browse_as) -> Browser:
    factories.make_pool("ms-azure")
    factories.make_programme("techconnect")
    factories.make_cohort("techconnect", "tc")
    factories.make_package("techconnect", [LineTerms("azure-credit", "ms-azure", "25000", 12)])
    factories.make_startup("acme", "Acme")
    return browse_as(factories.make_person("lee@park.example", "manager"))


def test_a_withdrawal_shows_what_it_would_do_then_does_it_once(manager: Browser):
    enrol("active")
    factories.do(lambda: award_package(factories.somebody(), startup="acme", cohort="tc"))
    look = manager.submit(ADDRESS, {"do": "look"})
    unchanged = db.session.scalar(select(Enrolment.status))

    fields = {**look.form().fields, "reason": "they closed", "do": "leave"}
    answers = [manager.post(ADDRESS, fields).status for _ in range(2)]

    assert "Stops now" in look.text
    assert "USD 25,000.00 ms-azure" in look.text
    assert unchanged == "active"
    assert answers == [303, 303]
    assert db.session.scalar(select(Enrolment.status)) == "withdrawn"
    assert db.session.scalar(select(Pool.committed)) == 0


def test_a_refused_day_stands_at_its_holding_and_what_was_chosen_is_kept(manager: Browser):
    enrol("active")
    factories.do(lambda: award_package(factories.somebody(), startup="acme", cohort="tc"))

    page = manager.submit(ADDRESS, {"way.acme-azure-credit-1": "until", "on.acme-azure-credit-1": "2026-01-01",
                                    "reason": "x", "do": "leave"})

    assert page.status == 422
    assert 'id="error-on.acme-azure-credit-1-1"' in page.html
    assert page.form().fields["way.acme-azure-credit-1"] == "until"


def test_an_applied_enrolment_is_begun_from_the_cohorts_page(manager: Browser):
    enrol("applied")
    page = manager.get("/cohorts/tc")

    address = "/startups/acme/enrolments/tc/begin"
    manager.post(address, page.form(address).fields)

    assert db.session.scalar(select(Enrolment.status)) == "active"
