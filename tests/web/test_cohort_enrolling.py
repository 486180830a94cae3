"""A cohort enrolled on the page: a look first, each refusal at its row, then done once however often it is pressed."""

import io

import pytest
from sqlalchemy import func, select

from creditsvc.db import db
from creditsvc.mail.models import OutboxMail
from creditsvc.programmes.models import Enrolment
from creditsvc.programmes.packages import LineTerms
from tests import factories
from tests.licences.sitting import give, holders, make_product, queue_up, sit
from tests.web.browsing import Browser

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

ADDRESS = "/cohorts/tc/enrol"
TABLE = "startup\towner\tpackage\nHarbour\tada@harbour.example\tstandard\nLotus\tbo@lotus.example\t\n"


@pytest.fixture
def manager(browse_as) -> Browser:
    factories.make_pool("ms-azure")
    factories.make_programme("techconnect")
    factories.make_cohort("techconnect", "tc")
    factories.make_package("techconnect", [LineTerms("azure-credit", "ms-azure", "25000", 12)])
    return browse_as(factories.make_person("lee@park.example", "manager"))


def enrolled() -> int:
    return int(db.session.scalar(select(func.count()).select_from(Enrolment)) or 0)


def test_a_pasted_table_is_looked_at_then_enrolled_once(manager: Browser):
    look = manager.submit(ADDRESS, {"table": TABLE, "do": "look"})
    before = enrolled()
    fields = {**look.form().fields, "table": TABLE.replace("startup\t", "startup\t"), "do": "enrol"}

    answers = [manager.post(ADDRESS, fields) for _ in range(2)]
    page = manager.follow(answers[0])

    assert "2 startups would be enrolled" in look.text
    assert "USD 25,000.00" in look.text
    assert (before, enrolled()) == (0, 2)
    assert [answer.status for answer in answers] == [303, 303]
    assert "2 startups are enrolled." in page.text
    assert "harbour" in page.text
    assert sorted(db.session.scalars(select(OutboxMail.to_address))) == ["ada@harbour.example", "bo@lotus.example"]


def test_a_package_with_seats_seats_who_waits_at_the_startup(manager: Browser, config):
    make_product()
    factories.make_startup("kite", "Kite", language="en")
    give("kite", "first", 1)
    sit("ada", startup="kite"), queue_up(config, "bob", startup="kite")
    factories.make_package("techconnect", [LineTerms("m365", "ms-seats", "2", 12)], key="seats")

    manager.submit(ADDRESS, {"table": "startup\tpackage\nkite\tseats\n", "do": "enrol"})

    assert enrolled() == 1
    assert set(holders()) == {"ada", "bob"}


def test_a_wrong_row_is_named_with_what_would_be_right_and_the_table_is_kept(manager: Browser):
    page = manager.submit(ADDRESS, {"table": TABLE + "Kite\tnowhere\t\n", "do": "enrol"})

    assert page.status == 422
    assert "Line 4, owner" in page.text
    assert "write one such as founder@example.com" in page.text
    assert "Kite" in page.html.partition("<textarea")[2]
    assert enrolled() == 0


def test_an_uploaded_file_is_shown_as_text_to_go_on_with(manager: Browser):
    form = manager.get(ADDRESS).form().fields
    file = (io.BytesIO(b"Startup,Email\nHarbour,ada@harbour.example\n"), "cohort.csv")

    page = manager.post(ADDRESS, {**form, "do": "look", "file": file})

    assert "1 startup would be enrolled" in page.text
    assert "Harbour\t\tada@harbour.example" in page.html
