"""Products: what a resource of seats is, said by managers, read by whom it concerns; on both databases."""

from typing import Any

import pytest
from sqlalchemy import select

from creditsvc.core.errors import Conflict, Forbidden, NotFound, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.licences.models import title_of
from creditsvc.licences.products import add_product, edit_product, find_product, products
from creditsvc.parties.access import caller_of
from creditsvc.parties.models import TrailEntry
from tests import factories
from tests.conftest import NOW

SAID: dict[str, Any] = {
    "publisher": "Microsoft", "plan": "Microsoft 365 Business Premium", "seat_is": "one person's account",
    "delivery": "invitation", "sku": "SPB",
}


@pytest.fixture(autouse=True)
def seats(app: Any) -> None:
    factories.make_resource("m365", "seats", None, None, "Microsoft 365")
    factories.make_resource("copilot", "seats", None, None, "GitHub Copilot")
    factories.make_pool("m365-pool", "20", "m365")


def add(resource: str = "m365", **changed: Any) -> None:
    factories.do(lambda: add_product(factories.somebody(), resource=resource, **{**SAID, **changed}))


def caller_with(role: str | None, startup: str | None = None) -> Any:
    person = factories.make_member(startup) if startup else factories.make_person(role=role)
    return caller_of(person, NOW)


def test_a_product_is_added_edited_and_in_the_trail():
    add()
    view = transaction(lambda: edit_product(factories.somebody(), "m365", plan="Business Standard", sku=""))
    again = transaction(lambda: edit_product(factories.somebody(), "m365", plan="Business Standard"))

    assert (view.key, view.resource, view.resource_name) == ("m365", "m365", "Microsoft 365")
    assert (view.publisher, view.plan, view.sku) == ("Microsoft", "Business Standard", None)
    assert again == view == find_product(factories.somebody(), "m365")
    entries = db.session.scalars(select(TrailEntry.action).where(TrailEntry.subject == "product:m365")).all()
    assert entries == ["product.added", "product.edited"]


@pytest.mark.parametrize("changed, field, code", [
    ({"delivery": "by hand"}, "delivery", "unknown-delivery"),
    ({"delivery": "portal"}, "portal", "missing"),
    ({"portal": "portal.example.com"}, "portal", "not-an-address"),
    ({"portal": "https://[portal"}, "portal", "not-an-address"),
    ({"plan": "  "}, "plan", "empty"),
    ({"plan": "x" * 201}, "plan", "too-long"),
    ({"seat_is": "a\nb"}, "seat_is", "not-one-line"),
    ({"key": "Not A Key"}, "key", "not-a-key"),
    ({"resource": "azure-credit"}, "resource", "not-of-seats"),
])
def test_what_is_wrong_is_refused_by_its_field_and_adds_nothing(changed, field, code):
    factories.make_resource()

    with pytest.raises(RuleBroken) as refusal:
        add(**changed)

    assert (refusal.value.field, refusal.value.code) == (field, code)
    assert products(factories.somebody()) == []


def test_a_resource_has_one_product_and_a_sku_one_plan():
    add()

    with pytest.raises(Conflict, match="the product m365 already"):
        add(key="other", sku=None)
    with pytest.raises(Conflict, match="is that of the product m365"):
        add("copilot")
    with pytest.raises(Conflict, match="The key m365 is taken"):
        add("copilot", key="m365", sku=None)
    with pytest.raises(NotFound):
        add("nothing", sku=None)


def test_a_founder_sees_the_products_of_which_their_startup_has_seats():
    add()
    add("copilot", sku="COPILOT")
    factories.make_startup("acme")
    factories.make_grant("acme", "m365-pool", "3")
    founder = caller_with(None, "acme")

    assert [view.key for view in products(founder)] == ["m365"]
    assert [view.key for view in products(caller_with("auditor"))] == ["copilot", "m365"]
    with pytest.raises(NotFound):
        find_product(founder, "copilot")
    with pytest.raises(Forbidden):
        transaction(lambda: edit_product(founder, "m365", plan="Other"))
    with pytest.raises(Forbidden):
        products(caller_with("consultant"))


@pytest.mark.parametrize("publisher, plan, title", [
    ("Microsoft", "Microsoft 365 Business Premium", "Microsoft 365 Business Premium"),
    ("Microsoft", "microsoft 365", "microsoft 365"),
    ("GitHub", "Team", "GitHub Team"),
    ("Git", "GitHub Team", "Git GitHub Team"),
])
def test_a_publisher_stands_once_before_its_plan(publisher, plan, title):
    assert title_of(publisher, plan) == title
