"""What an award or a change would do, said before it is done, and nothing of it kept."""

from datetime import date

import pytest
from sqlalchemy import func, select

from creditsvc.db import db, transaction
from creditsvc.grants.models import Grant, Proposal
from creditsvc.grants.proposals import set_award_limit
from creditsvc.mail.models import OutboxMail
from tests import factories
from tests.web.browsing import Browser, Page

AWARD = "/startups/harbour/award"
RIGHT = {"pool": "ms-azure", "amount": "25000", "effective": "2026-06-01", "expires": "2026-12-31", "reason": "spring"}

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def manager(browse_as) -> Browser:
    factories.make_startup("harbour", "Harbour Robotics")
    factories.make_pool("ms-azure", "100000")
    factories.make_grant("harbour", "ms-azure", "1000", key="first", expires=date(2027, 2, 28))
    return browse_as(factories.make_person("lee@park.example", "manager"))


def looks(browser: Browser, url: str, typed: dict[str, str]) -> Page:
    return browser.submit(url, {**typed, "step": "preview"})


def kept() -> tuple[int, int, int]:
    db.session.rollback()
    counted = [db.session.scalar(select(func.count()).select_from(one)) or 0 for one in (Grant, Proposal, OutboxMail)]
    return counted[0], counted[1], counted[2]


def test_an_award_is_shown_with_its_pool_its_end_its_mails_and_its_place_among_the_grants(manager: Browser):
    page = looks(manager, AWARD, RIGHT)

    assert page.status == 200
    assert "Nothing is saved, and nothing is sent." in page.text
    assert "Pool ms-azure: USD 99,000.00 left now, USD 74,000.00 after this." in page.text
    used = "USD 13,000.00 (50 %), USD 19,500.00 (75 %), USD 23,400.00 (90 %), USD 26,000.00 (100 %)"
    assert f"is used: {used}." in page.text
    assert "31 Dec 2026" in page.text
    assert "2026-12-31T16:00" in page.text
    assert "24 Dec 2026" in page.text  # seven days before
    assert page.text.index("this grant") < page.text.index("credit: first")  # it ends sooner
    assert {name: page.form().fields[name] for name in RIGHT} == RIGHT
    assert kept() == (1, 0, 0)
    assert manager.submit(page, {}).status == 303
    assert kept()[0] == 2


def test_what_is_used_already_is_no_mail_to_come(manager: Browser):
    factories.make_pool("more", "100000")
    factories.make_startup("other")
    factories.make_grant("other", "more", "1000", key="half", opening_drawn="600")

    page = looks(manager, "/grants/half/top-up", {"amount": "100"})

    assert "is used: USD 825.00 (75 %), USD 990.00 (90 %), USD 1,100.00 (100 %)." in page.text


def test_what_the_award_would_refuse_the_preview_refuses_at_its_field(manager: Browser):
    page = looks(manager, AWARD, {**RIGHT, "amount": "99000.01"})

    assert page.status == 422
    assert 'id="error-amount-1"' in page.html
    assert "What this would do" not in page.text


def test_above_the_limit_it_says_that_a_second_person_must_approve(manager: Browser):
    transaction(lambda: set_award_limit(factories.somebody(), "ms-azure", "5000"))

    page = looks(manager, AWARD, RIGHT)

    assert "a second person must approve it" in page.text
    assert "Pool ms-azure: USD" not in page.text
    assert kept() == (1, 0, 0)


@pytest.mark.parametrize("change, typed, told", [
    ("extend", {"expires": "2027-06-30"}, "30 Jun 2027"),
    ("top-up", {"amount": "500"}, "USD 98,500.00 after this"),
    ("return", {"amount": "400"}, "USD 99,400.00 after this"),
    ("void", {"reason": "closed"}, "this grant"),
])
def test_a_change_is_shown_and_not_made(manager: Browser, change: str, typed: dict[str, str], told: str):
    url = f"/grants/first/{change}"
    before = manager.get("/grants/first").text

    page = looks(manager, url, typed)

    assert page.status == 200
    assert told in page.text
    assert {name: page.form().fields[name] for name in typed} == typed
    assert manager.get("/grants/first").text == before
    assert manager.submit(page, {}).status == 303
