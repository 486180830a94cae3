"""The list of startups: each filter against what the balances say, sorting, pages, and what a manager does not see."""

from datetime import date

import pytest
from flask import Flask
from sqlalchemy import delete

from creditsvc.alerts.startup_conditions import CHOICES
from creditsvc.alerts.startup_list import Filters, list_page, startups_of
from creditsvc.core.amounts import parse_amount, unit_named
from creditsvc.core.errors import RuleBroken
from creditsvc.db import db, transaction
from creditsvc.ledger.models import AccountCache, LotCache
from creditsvc.parties.access import Caller
from creditsvc.parties.saved_views import delete_view, rename_view, save_view, saved_views
from creditsvc.programmes import operations as programmes
from tests import factories
from tests.counting import queries
from tests.factories import do, somebody
from tests.journeys.scene import NAMES, make_park

USD = unit_named("USD")


@pytest.fixture
def manager(app: Flask) -> Caller:
    make_park()
    factories.make_startup("nothing-yet", "Nothing Yet")
    factories.make_cohort(factories.make_programme("tech").key, "tech-2026")
    for key, status in (("lantern-ai", "active"), ("peak-genomics", "graduated")):
        do(lambda key=key, status=status: programmes.enrol(
            somebody(), startup=key, cohort="tech-2026", status=status, on=date(2026, 3, 1)))
    return factories.caller(factories.make_person("lee@park.example", "manager"))


def keys(caller: Caller, **asked: str) -> list[str]:
    return [startup.key for startup in startups_of(caller, Filters(**asked))]


def remaining(key: str) -> int:
    return factories.account_of(key).remaining


NARROWED = (
    ({"q": "GENOM"}, ["peak-genomics"]),
    ({"programme": "tech"}, ["lantern-ai", "peak-genomics"]),
    ({"cohort": "tech-2026", "state": "graduated"}, ["peak-genomics"]),
    ({"state": "active"}, ["lantern-ai"]),
    ({"programme": "unknown"}, []),
    ({"kind": "hours"}, []),
    ({"show": "expiring-30"}, ["peak-genomics"]),
    ({"show": "uncovered", "sort": "-uncovered"}, ["lantern-ai", "tram-logistics"]),
    ({"show": "uncovered", "programme": "tech"}, ["lantern-ai"]),
    ({"kind": "nonsense", "show": "nonsense", "state": "nonsense", "q": "kite"}, ["kite-energy"]),
)


def test_filters_narrow_together(manager: Caller):
    found = [(asked, keys(manager, **asked)) for asked, _ in NARROWED]

    assert found == list(NARROWED)


@pytest.mark.parametrize("lose", [False, True])
def test_a_range_of_a_balance_holds_those_whose_balance_is_in_it(manager: Caller, lose: bool):
    if lose:
        transaction(lambda: [db.session.execute(delete(cache)) for cache in (LotCache, AccountCache)])
    least, most = "1000", "13857.21"

    found = keys(manager, resource="azure-credit", least=least, most=most)

    bounds = parse_amount(least, USD), parse_amount(most, USD)
    assert found == sorted(key for key in NAMES if bounds[0] <= remaining(key) <= bounds[1])
    assert "kite-energy" in found  # just at the upper end
    refusals = []
    for asked in ({"least": "1"}, {"least": "much", "resource": "azure-credit"}):
        with pytest.raises(RuleBroken) as refusal:
            keys(manager, **asked)
        refusals.append((refusal.value.field, refusal.value.code))
    assert refusals == [("resource", "missing"), ("least", "not-a-number")]


def test_the_list_is_sorted_by_what_remains_both_ways(manager: Caller):
    up = keys(manager, resource="azure-credit", sort="remaining")
    down = keys(manager, resource="azure-credit", sort="-remaining")

    assert up == sorted(NAMES, key=lambda key: (remaining(key), key))
    assert down == sorted(NAMES, key=lambda key: (-remaining(key), key))
    assert keys(manager, sort="name")[0] == "banyan-chips"
    assert keys(manager, sort="expiry")[0] == "peak-genomics"
    assert keys(manager, sort="-data")[-1] == "nothing-yet"


def test_pages_are_counted_and_ask_the_same_number_of_things(manager: Caller, monkeypatch: pytest.MonkeyPatch):
    asked = Filters(resource="azure-credit", sort="remaining", least="0")
    few = queries(lambda: list_page(manager, asked, 1))
    monkeypatch.setattr("creditsvc.alerts.startup_list.PAGE", 3)

    many = queries(lambda: list_page(manager, asked, 1))
    pages = [list_page(manager, Filters(), number) for number in (1, 2, 3, 99)]

    assert few == many
    assert [(page.number, page.pages, page.total, len(page.rows)) for page in pages] == [
        (1, 3, 9, 3), (2, 3, 9, 3), (3, 3, 9, 3), (3, 3, 9, 3)
    ]
    assert len({row.key for page in pages for row in page.rows}) == 9
    assert all(queries(lambda chosen=chosen: list_page(manager, Filters(show=chosen), 1)) <= 8 for chosen in CHOICES)


def test_a_limited_manager_sees_the_startups_of_their_programmes_alone(manager: Caller):
    tech = do(lambda: programmes.by_key(programmes.Programme, "programme", "tech").id)
    limited = factories.caller(factories.make_person("li@park.example", "manager", programme_ids=[tech]))

    assert keys(limited) == ["lantern-ai", "peak-genomics"]
    assert keys(limited, show="uncovered") == ["lantern-ai"]


def test_a_view_is_saved_renamed_and_deleted_and_nobody_else_has_it(manager: Caller):
    other = factories.caller(factories.make_person("wu@park.example", "manager"))

    view = do(lambda: save_view(manager, " My  list ", "show=stale"))
    again = do(lambda: save_view(manager, "My list", "show=stale"))

    assert (view.id, view.name) == (again.id, "My list")
    with pytest.raises(RuleBroken, match="choose another name"):
        do(lambda: save_view(manager, "My list", "show=expiring"))
    with pytest.raises(Exception, match="view"):
        do(lambda: delete_view(other, view.id))
    do(lambda: rename_view(manager, view.id, "Old data"))
    assert ([one.name for one in saved_views(manager)], list(saved_views(other))) == (["Old data"], [])
    do(lambda: delete_view(manager, view.id))
    assert list(saved_views(manager)) == []
