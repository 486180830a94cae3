"""A founder asks, a manager decides, on pages."""

import pytest

from tests import factories
from tests.web.browsing import Browser

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def founder(browse_as) -> Browser:
    factories.make_startup("harbour", "Harbour Robotics")
    factories.make_grant("harbour", factories.make_pool("ms-azure", "1500").key, "1000", key="hr-azure")
    return browse_as(factories.make_member("harbour", "founder@harbour.example"))


@pytest.fixture
def manager(browse_as) -> Browser:
    return browse_as(factories.make_person("lee@park.example", "manager"))


def asked(founder: Browser, **typed: str) -> str:
    """The address of a request that a founder sent."""
    page = founder.submit("/startups/harbour/requests/new", {"amount": "400", "why": "A second product", **typed})
    assert page.status == 303, page.text
    return page.location


def test_a_founder_asks_a_manager_approves_and_both_see_it(founder: Browser, manager: Browser):
    address = asked(founder, expires="2027-08-31")

    assert "Harbour Robotics Azure" in manager.get("/requests").text.replace("azure-credit", "Azure")
    assert "What is asked for Waits for an answer azure-credit: USD 400.00 more, until 31 Aug 2027" in manager.get(
        "/startups/harbour").text
    page = manager.get(address)
    assert "USD 500.00 (ms-azure)" in page.text
    done = manager.follow(manager.submit(page, {"reason": "Well used"}, action=f"{address}/approve"))

    assert "Approved" in done.text
    assert "Well used" in founder.get(address).text
    assert "USD 1,400.00" in founder.get("/startups/harbour").text
    assert "31 Aug 2027" in founder.get("/startups/harbour").text
    assert "Nothing waits for an answer." in manager.get("/requests").text
    assert "hr-azure" in manager.get("/requests?show=all").text


def test_a_pool_with_too_little_left_shows_at_the_amount_and_what_was_typed_stays(founder: Browser, manager: Browser):
    address = asked(founder)

    page = manager.submit(address, {"amount": "500.01", "reason": "Well used"}, action=f"{address}/approve")

    assert page.status == 422
    assert "Nothing was changed" in page.text
    assert page.form(f"{address}/approve").fields["amount"] == "500.01"
    assert "Waits for an answer" in founder.get(address).text


def test_a_refusal_is_told_with_its_reason_and_the_second_manager_hears_that_it_is_done(
    founder: Browser, manager: Browser, browse_as
):
    address = asked(founder)
    other = browse_as(factories.make_person("wu@park.example", "manager"))
    stale = other.get(address)

    manager.submit(address, {"refusal": "Not this year"}, action=f"{address}/refuse")
    page = other.submit(stale, {}, action=f"{address}/approve")

    assert page.status == 409
    assert "was refused on" in page.text
    assert "lee@park.example" in page.text
    assert "Not this year" in founder.get(address).text


def test_a_founder_with_an_open_request_is_led_to_it_and_may_withdraw_it(founder: Browser):
    address = asked(founder)

    page = founder.get("/startups/harbour/requests/new")
    assert "Look at it, or withdraw it" in page.text
    founder.submit(address, {}, action=f"{address}/withdraw")

    assert "Withdrawn" in founder.get(address).text
    assert "Send the request" in founder.get("/startups/harbour/requests/new").text


def test_a_refusal_of_what_is_asked_for_stands_at_its_field_and_keeps_what_was_typed(founder: Browser):
    page = founder.submit("/startups/harbour/requests/new", {"expires": "2027-01-01", "why": "A second product"})

    assert page.status == 422
    assert "is not later than the end now" in page.text
    assert page.form().fields["why"] == "A second product"
