"""Loading products: what resources of seats are."""

from collections.abc import Sequence

from sqlalchemy import select

from creditsvc.db import db
from creditsvc.ledger.models import Resource
from creditsvc.licences import products
from creditsvc.licences.models import Product
from creditsvc.onboarding.loading import Item, Loading, Outcome

_TEXTS = ("publisher", "plan", "seat_is", "delivery", "portal", "sku")


def load_products(loading: Loading, items: Sequence[Item]) -> None:
    """Says what is new, and changes what a file says otherwise; of which resource a product is stays as it is."""
    loading.each("products", items, lambda item: _product(loading, item))


def _product(loading: Loading, item: Item) -> Outcome:
    data = item.data
    texts = {name: data[name].strip() for name in _TEXTS if name in data}
    with item.placed():
        there = db.session.scalar(select(Product).where(Product.key == data["key"]))
        if there is None:
            products.add_product(loading.caller, key=data["key"], resource=data["resource"], **texts)
            return "new"
        resource = db.session.get_one(Resource, there.resource_id)
        if resource.key != data["resource"]:
            raise item.differs("resource", resource.key)
        if all(getattr(there, name) == text for name, text in texts.items()):
            return "same"
        products.edit_product(loading.caller, data["key"], **texts)
        return "changed"
