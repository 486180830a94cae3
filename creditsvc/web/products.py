"""Software products: what they are, what the park has of them, their keys, and what their publishers count."""

from collections.abc import Sequence
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select
from werkzeug.datastructures import FileStorage

from creditsvc.core.days import parse_day
from creditsvc.core.errors import FileRefused, RuleBroken
from creditsvc.core.file_names import file_name
from creditsvc.db import db
from creditsvc.grants.reading import pools
from creditsvc.ledger.models import Resource
from creditsvc.licences import waiting
from creditsvc.licences.comparing import compare
from creditsvc.licences.counting import CountOutcome, import_counts, reports
from creditsvc.licences.counts.files import LARGEST_FILE as LARGEST_COUNTS
from creditsvc.licences.counts.read import read_counts
from creditsvc.licences.key_files import LARGEST_FILE as LARGEST_KEYS
from creditsvc.licences.key_files import read_keys
from creditsvc.licences.keyring import keyring_of
from creditsvc.licences.keys import SealedKey, import_keys, key_counts, seal_keys
from creditsvc.licences.models import DELIVERIES, Product
from creditsvc.licences.products import ProductView, add_product, edit_product, find_product, products
from creditsvc.licences.reading import park_of
from creditsvc.licences.schemas import ProductEditShape, ProductShape
from creditsvc.parties.access import Caller, require
from creditsvc.web import session
from creditsvc.web.forms import Form, attempt, posted, submit
from creditsvc.web.session import config

pages = session.private_pages("products", __name__)


@pages.get("/products")
def listing() -> ResponseReturnValue:
    """All products."""
    require(session.caller(), "licence.see")
    return render_template("products.html", products=products(session.caller()))


@pages.route("/new-product", methods=["GET", "POST"])
def new() -> ResponseReturnValue:
    """Says what a resource of seats is."""
    caller = session.caller()
    require(caller, "licence.edit")
    form = posted({"resource": _("Resource"), **_labels()})
    if request.method == "POST":
        made = submit(form, ProductShape(), lambda values: add_product(caller, **values).key)
        if made is not None:
            flash(_("The product is added."), "success")
            return redirect(url_for("products.one", product=made), 303)
    free = db.session.execute(
        select(Resource.key, Resource.name).where(
            Resource.kind == "seats", ~select(Product.id).where(Product.resource_id == Resource.id).exists()
        ).order_by(Resource.key)
    ).all()
    return _form_page(form, None, [(key, f"{name} ({key})") for key, name in free])


@pages.route("/products/<product>/edit", methods=["GET", "POST"])
def edit(product: str) -> ResponseReturnValue:
    """Changes what is said of a product."""
    caller = session.caller()
    require(caller, "licence.edit")
    found = find_product(caller, product)
    form = posted(_labels())
    if request.method == "POST":

        def act(values: dict[str, Any]) -> str:
            def check(there: ProductView) -> None:
                form.refuse_changed(_stands(there))

            return edit_product(caller, product, check=check, **{**dict.fromkeys(form.labels, ""), **values}).key

        if submit(form, ProductEditShape(), act) is not None:
            flash(_("The product is changed."), "success")
            return redirect(url_for("products.one", product=product), 303)
    else:
        form.fill(_stands(found))
    return _form_page(form, product, [])


def _stands(product: ProductView) -> dict[str, str]:
    return {name: getattr(product, name) or "" for name in _labels()}


def _labels() -> dict[str, str]:
    return {
        "publisher": _("Publisher"), "plan": _("Plan"), "seat_is": _("What a seat is"), "delivery": _("Delivery"),
        "portal": _("Portal"), "sku": _("Publisher's own name of the plan"),
    }


def _form_page(form: Form, product: str | None, resources: list[tuple[str, str]]) -> ResponseReturnValue:
    words = {"invitation": _("by invitation"), "key": _("by key"), "portal": _("in a portal")}
    deliveries = [(word, words[word]) for word in DELIVERIES]
    page = render_template("product_form.html", form=form, product=product, resources=resources, deliveries=deliveries)
    return page, form.status


@pages.get("/products/<product>")
def one(product: str) -> ResponseReturnValue:
    """What the park has of a product: granted, assigned, free, waiting; its pools and their keys."""
    return _product_page(product, Form({"pool": _("Pool"), "file": _("File")}))


def _product_page(product: str, form: Form) -> ResponseReturnValue:
    caller = session.caller()
    require(caller, "licence.see")
    found = find_product(caller, product)
    sources = [pool for pool in pools(caller) if pool.resource == found.resource]
    page = render_template(
        "product.html", found=found, holdings=park_of(caller, product), pools=sources, form=form, now=caller.now,
        keys={count.pool: count for count in key_counts(caller)}, wishes=waiting.wishes_of(caller, product=product),
    )
    return page, form.status


@pages.post("/products/<product>/keys")
def bring_keys(product: str) -> ResponseReturnValue:
    """Imports keys into a pool of the product, all or none."""
    caller = session.caller()
    require(caller, "licence.keys")
    found, form = find_product(caller, product), posted({"pool": _("Pool"), "file": _("File")})
    file = _sent(form, "file")
    if form.value("pool") not in {pool.key for pool in pools(caller) if pool.resource == found.resource}:
        form.refuse("pool", _("Choose a pool of this product."))
    if file is None or form.is_refused:
        return _product_page(product, form)
    name, ring = file_name(file.filename or "", "keys.csv"), keyring_of(config())
    count = None

    def act(keys: Sequence[SealedKey]) -> int:
        imported = import_keys(caller, ring, pool=form.value("pool"), name=name, keys=keys)
        waiting.seat_pool(caller, config(), form.value("pool"))
        return imported

    try:
        keys = seal_keys(ring, read_keys(name, file.stream.read(LARGEST_KEYS + 1)))
        count = attempt(form, lambda: act(keys))
    except FileRefused as refusal:
        form.show_file(refusal)
    except RuleBroken as refusal:
        form.show(refusal)
    if count is None:
        return _product_page(product, form)
    flash(ngettext("%(num)s key is imported.", "%(num)s keys are imported.", count), "success")
    return redirect(url_for("products.one", product=product), 303)


@pages.route("/publishers-counts", methods=["GET", "POST"])
def counts() -> ResponseReturnValue:
    """What publishers count beside what was assigned, with a form for their reports."""
    caller = session.caller()
    require(caller, "licence.see")
    labels = {"file": _("Report"), "startup": _("Startup"), "counted_on": _("Counted on"), "person": _("Person")}
    form = posted(labels)
    if request.method == "POST":
        require(caller, "licence.edit")
        outcome = _bring_counts(caller, form)
        if outcome is not None:
            flash(
                _("%(skus)s plans and %(people)s people are counted.", skus=outcome.skus, people=outcome.people)
                if outcome.changed else _("These counts are known already: nothing was changed."), "success",
            )
            return redirect(url_for("products.counts"), 303)
    found = compare(caller)
    page = render_template("counts.html", found=found, reports=reports(caller, limit=20), form=form)
    return page, form.status


def _bring_counts(caller: Caller, form: Form) -> CountOutcome | None:
    file = _sent(form, "file")
    if file is None:
        return None
    try:
        day = parse_day(form.value("counted_on"), "counted_on") if form.value("counted_on") else None
        name, content = file_name(file.filename or "", "counts"), file.stream.read(LARGEST_COUNTS + 1)
        read = read_counts(name, content, form.value("person") or None)
        startup = form.value("startup").strip() or None
        return attempt(form, lambda: import_counts(caller, read, startup=startup, counted_on=day))
    except FileRefused as refusal:
        form.show_file(refusal)
    except RuleBroken as refusal:
        form.show(refusal)
    return None


def _sent(form: Form, name: str) -> FileStorage | None:
    file = request.files.get(name)
    if file is None or not file.filename:
        form.refuse(name, _("Choose a file."))
        return None
    return file
