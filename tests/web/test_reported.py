"""The page of the provider's own figure."""

import pytest

from tests import factories
from tests.web.browsing import Browser


@pytest.fixture
def founder(browse_as) -> Browser:
    factories.make_startup("harbour", "Harbour Robotics")
    factories.make_grant("harbour", amount="1000")
    return browse_as(factories.make_member("harbour", "founder@harbour.example"))


def test_a_founder_enters_what_the_portal_shows_and_sees_the_gap(founder: Browser):
    page = founder.follow(founder.submit("/startups/harbour/reported", {"amount": "990.25"}))

    assert "USD 990.25 USD 1,000.00 USD -9.75 founder@harbour.example" in page.text
    assert "USD 9.75 less than our estimate then" in founder.get("/startups/harbour").text


def test_a_refusal_stands_at_its_field_and_keeps_what_was_typed(founder: Browser):
    page = founder.submit("/startups/harbour/reported", {"amount": "12", "seen_at": "yesterday"})

    assert page.status == 422
    assert page.form().fields["amount"] == "12"
    assert "'yesterday' is no day or instant" in page.text
    assert "Nobody has entered a figure yet." in page.text


def test_sending_the_form_twice_enters_one_figure(founder: Browser):
    form = founder.get("/startups/harbour/reported")

    for _ in range(2):
        page = founder.follow(founder.submit(form, {"amount": "990"}))

    assert page.text.count("USD 990.00") == 1
