"""Exchange rates on the pages: stated after a look, refused at the field, withdrawn, shown beside converted usage."""

from datetime import date
from pathlib import Path

import pytest

from creditsvc.core.days import starts_at
from creditsvc.parties.access import operator
from creditsvc.usage.rates import list_rates
from tests import factories
from tests.conftest import NOW
from tests.usage.exports import focus_row, write_focus
from tests.usage.importing import assign, import_path
from tests.usage.scenes import SCOPE
from tests.web.browsing import Browser

TYPED = {"from_currency": "HKD", "to_currency": "USD", "day": "2026-06-01", "rate": "0.1282", "source": "HKMA"}


@pytest.fixture
def manager(browse_as, tmp_path: Path) -> Browser:
    factories.make_startup("harbour", "Harbour Robotics")
    factories.make_grant("harbour", amount="1000", key="harbour-azure")
    assign(SCOPE, "harbour", starts_at(date(2026, 3, 1)), NOW)
    rows = [focus_row("2026-06-02", SCOPE, "780", BillingCurrency="HKD")]
    import_path(write_focus(tmp_path / "hkd.csv", rows), NOW)
    return browse_as(factories.make_person("lee@park.example", "manager"))


def test_a_look_shows_what_would_settle_and_keeps_nothing(manager: Browser):
    page = manager.submit("/rates/new", {**TYPED, "look": "yes"})

    assert page.status == 200
    assert "Harbour Robotics" in page.text
    assert "USD 100.00" in page.text
    assert page.form("/rates/new").fields["rate"] == "0.1282"
    assert list_rates(operator(NOW)) == []


def test_a_stated_rate_settles_and_stands_in_the_list(manager: Browser):
    page = manager.follow(manager.submit("/rates/new", TYPED))

    assert "1 HKD is 0.1282 USD" in page.text
    assert "HKMA" in page.text
    assert "USD 900.00" in manager.get("/startups/harbour").text


def test_a_refusal_stands_at_its_field_and_what_was_typed_is_kept(manager: Browser):
    page = manager.submit("/rates/new", {**TYPED, "rate": "0,1282"})

    assert page.status == 422
    assert "'0,1282' is no rate" in page.text
    assert page.form("/rates/new").fields == page.form("/rates/new").fields | {**TYPED, "rate": "0,1282"}
    assert list_rates(operator(NOW)) == []


def test_a_withdrawn_rate_is_told_among_what_was_said_before(manager: Browser):
    manager.submit("/rates/new", TYPED)

    page = manager.follow(manager.submit("/rates/withdraw", {**TYPED, "reason": "a slip"}))

    assert "No rate stands." in page.text
    assert "a slip" in page.text


def test_withdrawing_what_was_never_stated_is_refused_at_the_day(manager: Browser):
    page = manager.submit("/rates/withdraw", {**TYPED, "reason": "a slip"})

    assert page.status == 422
    assert "No rate was stated for that pair and day" in page.text


def test_a_startup_sees_its_usage_as_billed_first_and_then_as_converted_by_which_rate(manager: Browser, browse_as):
    manager.submit("/rates/new", TYPED)
    founder = browse_as(factories.make_member("harbour", "chan@harbour.example", "owner"))

    for address in ("/startups/harbour/usage?from=2026-06-01&to=2026-06-15",
                    "/startups/harbour/statement?from=2026-06-01&to=2026-06-15", "/startups/harbour"):
        text = founder.get(address).text
        assert text.index("HKD 780.00") < text.index("0.1282"), address
        assert "HKMA" in text
        assert "1 Jun 2026" in text


def test_a_correction_by_a_rate_says_so_in_the_statement(manager: Browser):
    manager.submit("/rates/new", TYPED)
    manager.submit("/rates/new", {**TYPED, "rate": "0.13"})

    text = manager.get("/startups/harbour/statement?from=2026-06-01&to=2026-06-15").text

    assert "Correction: an exchange rate for usage of the day was stated, changed or withdrawn" in text
