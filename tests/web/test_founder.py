"""A founder's first page: what is left, until when, what comes then, and what changed since the last visit."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from creditsvc.parties.models import Person
from creditsvc.usage.operations import apply_run, read_source
from creditsvc.usage.readers.source import open_source
from tests import counting, factories
from tests.conftest import NOW
from tests.factories import do, somebody
from tests.licences.sitting import give, make_product, sit
from tests.usage.exports import focus_row, write_focus
from tests.usage.importing import assign
from tests.web.browsing import Browser, Page

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

SCOPE = "64e355d7-997c-491d-b0c1-8414dccfcf42"


@pytest.fixture
def founder(app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Person:
    monkeypatch.setattr("creditsvc.clock.now", lambda: NOW - timedelta(days=1))
    factories.make_startup("harbour", "Harbour Robotics")
    pool = factories.make_pool("ms-azure", resource=factories.make_resource(name="Azure credit").key)
    factories.make_grant("harbour", pool.key, "400", effective=date(2026, 5, 1), key="hr-azure")
    assign(SCOPE, "harbour", NOW - timedelta(days=100), NOW)
    import_days(30, "10", NOW - timedelta(days=1), tmp_path)
    return factories.make_member("harbour", "founder@harbour.example")


def import_days(days: int, cost: str, now: datetime, folder: Path) -> None:
    rows = [focus_row(date(2026, 5, 16) + timedelta(days=n), SCOPE, cost) for n in range(days)]
    file = write_focus(folder / f"{cost}.csv", rows)
    do(lambda: apply_run(somebody(now), read_source(open_source(file))))


@pytest.fixture
def look(app: Flask, founder: Person, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Page]:
    def at(later: timedelta = timedelta()) -> Page:
        monkeypatch.setattr("creditsvc.clock.now", lambda: NOW + later)
        return Browser(app).signed_in(founder).get("/startups/harbour")

    return at


def test_one_screen_says_what_is_left_until_when_and_what_comes_then(look):
    page = look()

    for words in (
        "As of 15 Jun 2026, 12:00", "USD 100.00 can still be used, of USD 400.00 granted",
        "The last of it ends, last day 28 Feb 2027", "Runs out about 25 Jun 2026",
        "First bill after it, 30 days about USD 300.00", "Cost data up to 14 Jun 2026",
        "Dashed, the forecast: USD 0.00 on 25 Jun 2026.", "This is your first visit",
    ):
        assert words in page.text


def test_the_page_says_what_the_book_learned_since_the_last_visit_and_no_more(look):
    look()
    factories.make_grant("harbour", "ms-azure", "50", effective=NOW.date(), expires=date(2026, 6, 16), key="hr-short",
                         now=NOW + timedelta(hours=1))
    do(lambda: factories.grants.top_up_grant(somebody(NOW + timedelta(hours=2)), "hr-azure", amount="70"))

    page = look(timedelta(days=3))

    assert "What changed since your visit on 15 Jun 2026" in page.text
    assert "hr-short was awarded: USD 50.00, from 15 Jun 2026 to 16 Jun 2026." in page.text
    assert "hr-azure was topped up by USD 70.00." in page.text
    assert "hr-short expired with USD 50.00 unused." in page.text
    assert "hr-azure was awarded" not in page.text
    assert "Cost data for" not in page.text


def test_an_import_is_one_change_whatever_it_paid_and_left_open(look, tmp_path: Path):
    look()
    import_days(30, "15", NOW + timedelta(hours=1), tmp_path)

    text = look(timedelta(hours=7)).text

    assert ("Cost data for 16 May 2026 to 14 Jun 2026 came in: USD 150.00 used. "
            "No grant paid USD 50.00 of it: your own bill.") in text


def test_looking_twice_within_hours_is_one_visit(look):
    look()
    do(lambda: factories.grants.top_up_grant(somebody(NOW), "hr-azure", amount="70"))

    assert "This is your first visit" in look(timedelta(hours=5)).text
    first, second = look(timedelta(hours=7)), look(timedelta(hours=12))

    assert "hr-azure was topped up by USD 70.00." in first.text
    assert "hr-azure was topped up by USD 70.00." in second.text
    assert "Nothing in the book." in look(timedelta(days=2)).text


def test_hours_and_seats_stand_beside_credit(look):
    factories.make_resource("advice", "hours", "hour", None, name="Legal advice")
    factories.make_grant("harbour", factories.make_pool(resource="advice").key, "3", key="hr-hours")
    make_product()
    give("harbour", "hr-seats", 2, last=date(2026, 7, 20))
    sit("ada", "harbour")

    text = look().text

    assert "3 hours can still be booked, of 3 hours granted" in text
    assert "1 seat free, of 2 seats granted" in text


def test_a_startup_with_nothing_is_told_what_will_stand_here(browse_as):
    factories.make_startup("peak", "Peak")

    page = browse_as(factories.make_member("peak", "founder@peak.example")).get("/startups/peak")

    assert "What the incubator awards you stands here" in page.text
    assert "Ask for more" not in page.text


def test_the_page_asks_thirteen_things_at_most(look):
    factories.make_resource("advice", "hours", "hour", None)
    factories.make_grant("harbour", factories.make_pool(resource="advice").key, "3", key="hr-hours")
    make_product()
    give("harbour", "hr-seats", 2, last=date(2026, 7, 20))
    sit("ada", "harbour")
    look()

    asked = counting.queries(lambda: look(timedelta(hours=1)))

    assert asked <= 13
