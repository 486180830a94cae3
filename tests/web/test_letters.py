"""The letter of an award: in the startup's language, with the partner's reference, the same whenever it is made."""

from datetime import date

import pytest

from creditsvc.grants.operations import award_package, top_up_grant
from creditsvc.parties.operations import edit_startup
from creditsvc.programmes import operations as programmes
from creditsvc.programmes.changes import change_programme
from creditsvc.programmes.packages import LineTerms
from tests import factories
from tests.pdf_text import text_of
from tests.web.browsing import Browser

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def founder(browse_as) -> Browser:
    factories.make_resource(name="Azure credit")
    factories.make_pool("ms-azure")
    factories.make_resource("advice", "hours", None, None, name="Advice")
    factories.make_pool("hours", resource="advice")
    factories.make_programme("techconnect")
    factories.make_cohort("techconnect", "tc")
    factories.make_package("techconnect", [
        LineTerms("azure-credit", "ms-azure", "25000", 12), LineTerms("advice", "hours", "4", 6, monthly=True)])
    factories.make_startup("acme", "Acme & Söhne")
    factories.do(lambda: programmes.enrol(factories.somebody(), startup="acme", cohort="tc", package="standard",
                                          status="active", on=date(2026, 3, 1)))
    factories.do(lambda: award_package(factories.somebody(), startup="acme", cohort="tc"))
    factories.do(lambda: change_programme(
        factories.somebody(), "techconnect", name="TechConnect", name_zh_hant="科技連結"))
    return browse_as(factories.make_member("acme", "ada@acme.example"))


def letter(browser: Browser) -> str:
    answer = browser.get("/grants/acme-azure-credit-1/letter.pdf").response
    assert answer.mimetype == "application/pdf"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="award-acme-azure-credit-1.pdf"'
    return text_of(answer.get_data()).replace("\n", " ").replace("\N{NO-BREAK SPACE}", " ")


def test_a_letter_says_all_that_came_with_the_enrolment_and_the_partners_reference(founder: Browser, browse_as):
    manager = browse_as(factories.make_person("lee@park.example", "manager"))
    manager.submit("/pools/ms-azure/reference", {"reference": "MSFT-HK/2026-17"})

    text = letter(founder)

    for words in ("Acme & Söhne", "TechConnect", "USD 25,000.00", "28 Feb 2027", "MSFT-HK/2026-17", "4 hours",
                  "each month for 6 months", "31 Aug 2026"):
        assert words in text


def test_a_letter_is_the_same_after_the_grant_has_changed(founder: Browser):
    before = founder.get("/grants/acme-azure-credit-1/letter.pdf").response.get_data()

    factories.do(lambda: top_up_grant(factories.somebody(), "acme-azure-credit-1", amount="5"))

    assert founder.get("/grants/acme-azure-credit-1/letter.pdf").response.get_data() == before


def test_a_letter_is_in_the_language_of_the_startup(founder: Browser):
    factories.do(lambda: edit_startup(factories.somebody(), "acme", language="zh_Hant"))

    assert "科技連結" in letter(founder)
