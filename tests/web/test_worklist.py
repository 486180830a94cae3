"""The worklist as a page: the manager's first, each row with its next step, snoozed in place, few statements."""

from datetime import date

import pytest
from flask import Flask

from creditsvc.db import db
from creditsvc.ledger.models import Account
from tests import counting, factories
from tests.alerts import scenes
from tests.factories import do
from tests.journeys.scene import make_park
from tests.web.browsing import Browser

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def manager(app: Flask, browse_as) -> Browser:
    make_park()
    factories.make_grant("junk-finance", expires=date(2026, 7, 1), effective=date(2026, 6, 10), key="ends-soon")
    accounts = list(db.session.scalars(db.select(Account.id)))
    do(lambda: scenes.look_ahead(accounts))
    browser: Browser = browse_as(factories.make_person("lee@park.example", "manager"))
    return browser


def test_a_manager_begins_with_who_needs_them_today(manager: Browser):
    page = manager.follow(manager.get("/"))

    assert "Who needs me today As of" not in page.text
    assert "As of 15 Jun 2026, 12:00" in page.text
    for words in ("Uncovered spending", "Lantern AI", "since", "Runs out before it ends", "Expires with much left"):
        assert words in page.text
    for step in ("/grants/ends-soon/extend", "/startups/lantern-ai/award", "/usage/upload"):
        assert f'href="{step}"' in page.html


def test_a_row_is_snoozed_in_place(manager: Browser):
    page = manager.get("/worklist")

    after = manager.follow(manager.submit(page, {}, "/worklist/expiring/snooze"))

    assert "Off your worklist before 22 Jun 2026" in after.text
    assert "Expires with much left" not in after.text


def test_a_group_has_pages_and_the_worklist_asks_a_dozen_things_at_most(manager: Browser, monkeypatch):
    monkeypatch.setattr("creditsvc.alerts.work_items.PAGE", 1)
    monkeypatch.setattr("creditsvc.web.worklist.PAGE", 1)

    first, last = manager.get("/worklist/uncovered"), manager.get("/worklist/uncovered?page=2")

    assert ("Lantern" in first.text, "Tram" in first.text, "Page 1 of 2" in first.text) == (True, False, True)
    assert ("Lantern" in last.text, "Tram" in last.text) == (False, True)
    assert manager.get("/worklist/nothing").status == 404
    assert counting.queries(lambda: manager.get("/worklist")) <= 12


def test_where_nothing_waits_the_page_says_so(app: Flask, browse_as):
    manager = browse_as(factories.make_person("lee@park.example", "manager"))

    assert "Nobody: nothing waits for you." in manager.get("/worklist").text
