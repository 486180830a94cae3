"""The auditor's page of the book: accounts in pages, sums of all of them."""

import pytest
from flask import Flask

from tests import counting, factories
from tests.web.browsing import Browser

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def auditor(app: Flask, browse_as, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """With three accounts, two a page."""
    monkeypatch.setattr("creditsvc.statements.audit.SHOWN", 2)
    for key in ("acme", "bolt", "kite"):
        factories.make_startup(key)
        factories.make_grant(key, amount="100")
    return browse_as(factories.make_person("ada@park.example", "auditor"))


def test_accounts_come_in_pages_and_sums_are_of_all(auditor: Browser):
    first, last = auditor.get("/book"), auditor.get("/book?page=2")

    for page in (first, last):
        assert "3 accounts." in page.text
        assert "Page" in page.text
        assert "USD 3 300.00" in page.text
    assert ("bolt" in first.text, "kite" in first.text) == (True, False)
    assert ("bolt" in last.text, "kite" in last.text) == (False, True)


def test_many_accounts_are_summed_when_asked_for(auditor: Browser, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("creditsvc.web.audit.SUMMED", 2)

    page = auditor.get("/book?as_of=2026-06-10")

    assert "Sum 3 accounts" in page.text
    assert "USD 3 300.00" not in page.text
    assert "sums=1&amp;as_of=2026-06-10" in page.html
    assert "USD 3" in auditor.get("/book?sums=1").text


def test_a_page_of_many_asks_as_much_as_a_page_of_few(auditor: Browser, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("creditsvc.web.audit.SUMMED", 2)

    assert counting.queries(lambda: auditor.get("/book")) <= 12


def test_the_trail_shows_what_people_wrote_in_their_own_letters(auditor: Browser, browse_as):
    manager = browse_as(factories.make_person("lee@park.example", "manager"))
    manager.submit("/startups/new", {"name": "O'Hara 海港 <b>", "key": "ohara"})

    page = auditor.get("/trail?subject=startup:ohara")

    assert '"name": "O\'Hara 海港 <b>"' in page.text
    assert "<b>" not in page.html


def test_an_address_in_a_narrow_column_breaks_behind_a_sign_and_never_within_a_word(auditor: Browser):
    assert "operator@<wbr>park.<wbr>example" in auditor.get("/trail").html
    assert "operator@<wbr>park.<wbr>example" in auditor.get("/book/batches").html
