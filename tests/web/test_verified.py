"""What the last verification of the book came to, as auditors and administrators see it."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from creditsvc.db import db, transaction
from creditsvc.ledger.models import Account
from creditsvc.ledger.verified import MOST_NAMED, keep, last_verification
from creditsvc.ledger.verify import verify
from tests import factories
from tests.alerts.scenes import NOW
from tests.factories import somebody
from tests.licences.sitting import give, make_product, sit

BOTH_DATABASES = True
PAGES = ("/book", "/jobs")


@pytest.fixture
def pages(app: Flask, browse_as):
    """The texts of the pages that tell of it, by their address."""
    browser = browse_as(factories.make_person("audit@park.example", "auditor"))
    return lambda: {address: browser.get(address).text for address in PAGES}


def test_the_pages_say_when_the_book_was_verified_and_name_what_differs(pages) -> None:
    make_product()
    give(factories.make_startup("acme").key, "acme-seats", 3)
    sit("ada")
    assert {address for address, text in pages().items() if "has not been verified yet" in text} == set(PAGES)

    clean = verify()
    transaction(lambda: keep(somebody(NOW - timedelta(days=3)), clean))
    assert {address for address, text in pages().items() if "Nothing differs" in text and "3 days ago" in text} == set(
        PAGES
    )
    transaction(lambda: db.session.execute(update(Account).values(head_hash="0" * 64)))
    report = verify()
    transaction(lambda: keep(somebody(NOW - timedelta(hours=5)), report))

    shown = pages()
    assert report["differences"]
    assert {one["account"] for one in report["differences"]} == {"acme/m365"}
    for text in shown.values():
        assert "5 hours ago" in text
        assert "acme/m365" in text
        assert report["differences"][0]["what"] in text


def test_of_many_differences_the_first_are_kept_and_all_counted(app: Flask) -> None:
    differences = [{"account": f"a-{number}", "what": "w", "expected": "1", "found": "2"} for number in range(300)]
    counts = dict.fromkeys(("accounts", "grants", "postings", "batches"), 7)

    transaction(lambda: keep(somebody(), {**counts, "differences": differences}))

    kept = last_verification(factories.auditor())
    assert kept is not None
    assert (kept.found, len(kept.differences), kept.postings) == (300, MOST_NAMED, 7)
