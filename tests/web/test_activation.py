"""The page on which a grant's activation is entered and corrected."""

from datetime import UTC, date, datetime

import pytest

from tests import factories
from tests.usage.importing import assign
from tests.web.browsing import Browser

SUBSCRIPTION = "64e355d7-997c-491d-b0c1-8414dccfcf42"


@pytest.fixture
def founder(browse_as) -> Browser:
    factories.make_startup("harbour", "Harbour Robotics")
    factories.make_grant("harbour", key="hr-azure", effective=date(2026, 3, 1))
    assign(SUBSCRIPTION, "harbour", datetime(2026, 3, 1, tzinfo=UTC), factories.NOW)
    return browse_as(factories.make_member("harbour", "founder@harbour.example"))


def test_a_founder_enters_an_activation_and_corrects_it(founder: Browser):
    assert "Not activated yet Enter it" in founder.get("/startups/harbour").text

    founder.submit("/grants/hr-azure/activation", {"on": "2026-03-03", "subscription": SUBSCRIPTION.upper()})
    startup, form = founder.get("/startups/harbour"), founder.get("/grants/hr-azure/activation")
    page = founder.follow(founder.submit(form, {"on": "2026-03-04", "reason": "a slip"}))

    assert f"Activated 3 Mar 2026 by subscription {SUBSCRIPTION}" in startup.text
    assert f'href="#scopes">{SUBSCRIPTION}' in startup.html
    assert form.form().fields["on"] == "2026-03-03"
    assert f"4 Mar 2026 {SUBSCRIPTION} Stands" in page.text
    assert f"3 Mar 2026 {SUBSCRIPTION} Corrected" in page.text
    assert f"Activated 4 Mar 2026 by subscription {SUBSCRIPTION}" in founder.get("/grants/hr-azure").text


def test_a_refusal_stands_at_its_field_and_keeps_what_was_typed(founder: Browser):
    page = founder.submit("/grants/hr-azure/activation", {"on": "2026-02-03", "subscription": SUBSCRIPTION})

    assert page.status == 422
    assert page.form().fields["on"] == "2026-02-03"
    assert "2026-02-03 is before the grant hr-azure, which is of 2026-03-01" in page.text
    assert "Not activated yet" in page.text
