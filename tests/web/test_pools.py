"""A pool's page: its parts come to what the partner committed, what expires soon, its grants a page at a time."""

from datetime import date

import pytest
from flask import Flask
from sqlalchemy import delete

from creditsvc.db import db, transaction
from creditsvc.ledger.models import AccountCache, LotCache
from creditsvc.parties.access import operator
from creditsvc.statements import pool_page as module
from creditsvc.statements.pool_page import pool_page
from creditsvc.web.charts import shares
from tests import counting, factories
from tests.conftest import NOW

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def given(app: Flask) -> None:
    factories.make_partner("giver")
    factories.make_pool("azure", "1000", partner="giver")
    for number, last in enumerate((date(2026, 7, 1), date(2026, 8, 30), date(2027, 5, 31))):
        factories.make_startup(f"s{number}", f"Startup {number}")
        factories.make_grant(f"s{number}", "azure", "300", effective=date(2026, 6, 1), expires=last, key=f"g{number}",
                             opening_drawn="50")
    transaction(lambda: factories.grants.return_to_pool(operator(NOW), "g2", amount="100"))


def test_a_pool_says_what_became_of_it_with_or_without_caches():
    found = pool_page(operator(NOW), "azure")
    transaction(lambda: (db.session.execute(delete(LotCache)), db.session.execute(delete(AccountCache))))

    assert pool_page(operator(NOW), "azure") == found
    hundreds = 100 * 10**8
    assert (found.pool.committed, found.pool.left, found.returned) == (8 * hundreds, 2 * hundreds, hundreds)
    assert (found.used, found.startups) == (150 * 10**8, 3)
    assert list(found.expiring.values()) == [250 * 10**8, 250 * 10**8, 500 * 10**8]
    assert not found.is_low


def test_an_account_whose_cache_is_gone_is_added_up_by_its_balance():
    found, account = pool_page(operator(NOW), "azure"), factories.account_of("s1").id
    transaction(lambda: [
        db.session.execute(delete(cache).where(cache.account_id == account)) for cache in (LotCache, AccountCache)
    ])

    assert pool_page(operator(NOW), "azure") == found


def test_its_page_lists_grants_from_the_newest_in_a_dozen_statements(browse_as, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "PAGE", 2)
    manager = browse_as(factories.make_person("lee@park.example", "manager"))

    page = manager.get("/pools/azure")
    asked = counting.queries(lambda: manager.get("/pools/azure"))

    assert [name in page.text for name in ("Startup 2", "Startup 1", "Startup 0")] == [True, True, False]
    assert "USD 100.00 came back from grants" in page.text
    assert asked <= 12


def test_a_partner_sees_the_figures_of_its_own_pool_and_no_startup(browse_as):
    factories.make_partner("other")
    mine = browse_as(factories.make_person("p@giver.example", "partner", partner_id=factories.partner_of("giver").id))
    others = browse_as(factories.make_person("p@o.example", "partner", partner_id=factories.partner_of("other").id))

    page = mine.get("/pools/azure")

    assert "is awarded to 3 startups" in page.text
    assert "Startup 0" not in page.text
    assert others.get("/pools/azure").status == 404


def test_a_bar_has_no_gaps_and_never_leaves_its_frame():
    bar = shares((("used", 1), ("not_used", 1), ("left", 1), ("more", 9)), 3)

    assert [(one.at, one.width) for one in bar] == [(0, 333), (333, 333), (666, 334), (1000, 0)]
    assert [one.width for one in shares((("left", 0),), 0)] == [0]
