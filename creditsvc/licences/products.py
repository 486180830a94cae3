"""Products: whose software a resource of seats is, and how a seat of it reaches its holder."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, Select, false, select, true

from creditsvc.core.errors import Conflict, Forbidden, NotFound, RuleBroken
from creditsvc.db import db
from creditsvc.ledger.models import Account, Resource
from creditsvc.licences.models import DELIVERIES, Product, title_of
from creditsvc.parties.access import Caller, may, require
from creditsvc.parties.operations import check_key
from creditsvc.parties.trail import record
from creditsvc.programmes.reading import by_key

LONGEST = {"publisher": 200, "plan": 200, "seat_is": 300, "portal": 300, "sku": 100}
"""How many characters each text may have."""


@dataclass(frozen=True)
class ProductView:
    """A product with the resource whose seats it is; `sku` is the publisher's own name of the plan, if stated."""

    key: str
    resource: str
    resource_name: str
    publisher: str
    plan: str
    seat_is: str
    delivery: str
    portal: str
    sku: str | None

    @property
    def title(self) -> str:
        """What people know it by."""
        return title_of(self.publisher, self.plan)


def add_product(
    caller: Caller, *, resource: str, publisher: str, plan: str, seat_is: str, delivery: str, key: str | None = None,
    portal: str = "", sku: str | None = None,
) -> Product:
    """Says what a resource of seats is; the product's key is the resource's unless given.

    Raises RuleBroken("resource", "not-of-seats"), RuleBroken of a text's field ("empty", "too-long", "not-one-line"),
    ("delivery", "unknown-delivery"), ("portal", ...); Conflict("key" | "resource" | "sku", ...); NotFound("resource"),
    Forbidden.
    """
    require(caller, "licence.edit")
    what = by_key(Resource, "resource", resource)
    if what.kind != "seats":
        raise RuleBroken(
            "resource", "not-of-seats", "%(value)r is of kind %(kind)s: a product says what a resource of seats is",
            value=resource, kind=what.kind,
        )
    key = check_key(key or resource)
    if db.session.scalar(select(Product.id).where(Product.key == key)) is not None:
        raise Conflict("key", "key-taken", "The key %(key)s is taken: choose another one.", key=key)
    there = db.session.scalar(select(Product.key).where(Product.resource_id == what.id))
    if there is not None:
        raise Conflict(
            "resource", "has-a-product", "%(value)s is the product %(key)s already: edit that one",
            value=resource, key=there,
        )
    product = Product(key=key, resource_id=what.id)
    _set(product, publisher=publisher, plan=plan, seat_is=seat_is, delivery=delivery, portal=portal, sku=sku or None)
    db.session.add(product)
    db.session.flush()
    record(caller, "product.added", f"product:{key}", after={"resource": resource, **_said(product)})
    return product


def edit_product(
    caller: Caller, key: str, *, check: Callable[[ProductView], None] | None = None, **changes: str | None
) -> ProductView:
    """Changes what is said of a product: any of publisher, plan, seat_is, delivery, portal, sku; the others stay.

    `check` may refuse it as it stands now, while it is locked. A sku of "" takes it away. Raises as `add_product`,
    NotFound("product") and what `check` raises.
    """
    require(caller, "licence.edit")
    statement = select(Product).where(Product.key == key).with_for_update().execution_options(populate_existing=True)
    product = db.session.scalar(statement)
    if product is None:
        raise NotFound("product", key)
    if check is not None:
        check(find_product(caller, key))
    before = _said(product)
    if "sku" in changes:
        changes["sku"] = changes["sku"] or None
    _set(product, **{**before, **changes})
    after = _said(product)
    if after != before:
        db.session.flush()
        record(caller, "product.edited", f"product:{key}", before=before, after=after)
    return find_product(caller, key)


def products(caller: Caller) -> list[ProductView]:
    """The products by key: all for staff, for a startup's people those of which it was granted seats. Raises Forbidden.
    """
    return [ProductView(*row) for row in db.session.execute(_views().where(_visible(caller)).order_by(Product.key))]


def find_product(caller: Caller, key: str) -> ProductView:
    """The product of that key. Raises NotFound("product"), Forbidden."""
    row = db.session.execute(_views().where(_visible(caller), Product.key == key)).one_or_none()
    if row is None:
        raise NotFound("product", key)
    return ProductView(*row)


def product_document(view: ProductView) -> dict[str, Any]:
    """A product as JSON."""
    return asdict(view)


def _views() -> Select[*tuple[Any, ...]]:
    return select(
        Product.key, Resource.key, Resource.name, Product.publisher, Product.plan, Product.seat_is, Product.delivery,
        Product.portal, Product.sku,
    ).join(Resource, Resource.id == Product.resource_id)


def _visible(caller: Caller) -> ColumnElement[bool]:
    if may(caller, "licence.see"):
        return true()
    if caller.is_member:
        mine = select(Account.resource_id).where(Account.startup_id.in_(list(caller.memberships)))
        return Product.resource_id.in_(mine)
    if caller.role is None:
        return false()
    raise Forbidden("licence.see")


def _said(product: Product) -> dict[str, str | None]:
    return {
        "publisher": product.publisher, "plan": product.plan, "seat_is": product.seat_is, "delivery": product.delivery,
        "portal": product.portal, "sku": product.sku,
    }


def _set(product: Product, **said: str | None) -> None:
    """Checks all that is said of a product, then sets it."""
    texts = {field: _one_line(field, said[field] or "") for field in ("publisher", "plan", "seat_is")}
    delivery = said["delivery"] or ""
    if delivery not in DELIVERIES:
        raise RuleBroken(
            "delivery", "unknown-delivery", "%(value)r is no way of delivery: invitation, key or portal is right",
            value=delivery[:40],
        )
    portal = _portal(said["portal"] or "", delivery)
    sku = _one_line("sku", said["sku"]) if said["sku"] is not None else None
    if sku is not None:
        with db.session.no_autoflush:
            other = db.session.scalar(select(Product.key).where(Product.sku == sku, Product.key != product.key))
        if other is not None:
            raise Conflict(
                "sku", "sku-taken", "The sku %(value)s is that of the product %(key)s: counts of it could not be told"
                " apart.", value=sku, key=other,
            )
    for field, text in texts.items():
        setattr(product, field, text)
    product.delivery, product.portal, product.sku = delivery, portal, sku


def _portal(text: str, delivery: str) -> str:
    text = text.strip()
    if not text:
        if delivery == "portal":
            raise RuleBroken("portal", "missing", "Say at which portal, such as https://portal.example.com.")
        return ""
    text = _one_line("portal", text)
    try:
        parts = urlsplit(text)
        right = parts.scheme == "https" and bool(parts.hostname) and " " not in text
    except ValueError:  # brackets that hold no address
        right = False
    if not right:
        raise RuleBroken(
            "portal", "not-an-address", "%(value)r is no address of a portal: write one such as"
            " https://portal.example.com", value=text,
        )
    return text


def _one_line(field: str, text: str) -> str:
    text = text.strip()
    if not text:
        raise RuleBroken(field, "empty", "Write at least one character.")
    if len(text) > LONGEST[field]:
        raise RuleBroken(field, "too-long", "Write at most %(longest)s characters.", longest=LONGEST[field])
    if not text.isprintable():
        raise RuleBroken(field, "not-one-line", "Write it on one line, without control characters.")
    return text
