"""What partners give: partners, resources, and pools, each made and (where it is paperwork) said anew."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from creditsvc.db import db
from creditsvc.ledger.models import Pool, Resource
from creditsvc.parties.access import require
from creditsvc.programmes import changes, operations
from creditsvc.programmes.models import Partner
from creditsvc.programmes.reading import by_key, partners
from creditsvc.programmes.schemas import PartnerShape, PoolShape, ReferenceShape, ResourceShape
from creditsvc.web import session
from creditsvc.web.forms import posted, submit, submit_once
from creditsvc.web.plain_forms import Piece, Way, form_page
from creditsvc.web.show import unit_word

pages = session.private_pages("offers", __name__)


@pages.get("/partners")
def partners_listing() -> ResponseReturnValue:
    """Who gives."""
    return render_template("partners.html", partners=partners(session.caller()))


@pages.route("/new-partner", methods=["GET", "POST"])
def new_partner() -> ResponseReturnValue:
    """Makes a partner."""
    caller = session.caller()
    require(caller, "programme.edit")
    form = posted({"name": _("Name"), "key": _("Key")})
    if request.method == "POST":

        def act(values: dict[str, Any]) -> str:
            operations.add_partner(caller, **values)
            return url_for("offers.partners_listing")

        onward = submit_once(form, PartnerShape(), caller, act)
        if onward is not None:
            flash(_("The partner is added."), "success")
            return redirect(onward, 303)
    pieces = [Piece("name", maxlength=200), _key_piece()]
    return form_page(form, pieces, title=_("New partner"), back=_partners(), button=_("Add the partner"))


@pages.route("/partners/<partner>/edit", methods=["GET", "POST"])
def edit_partner(partner: str) -> ResponseReturnValue:
    """Says a partner's name anew."""
    caller = session.caller()
    require(caller, "programme.edit")
    found = by_key(Partner, "partner", partner)
    form = posted({"name": _("Name")})
    if request.method == "POST":

        def act(values: dict[str, Any]) -> bool:
            def check(there: Partner) -> None:
                form.refuse_changed({"name": there.name})

            return changes.change_partner(caller, partner, name=values["name"], check=check)

        if submit(form, PartnerShape(only=["name"]), act) is not None:
            flash(_("Saved."), "success")
            return redirect(url_for("offers.partners_listing"), 303)
    else:
        form.fill({"name": found.name})
    return form_page(form, [Piece("name", maxlength=200)], title=_("Name of the partner"), back=_partners(),
                     button=_("Save"), once=False)


@pages.route("/new-resource", methods=["GET", "POST"])
def new_resource() -> ResponseReturnValue:
    """Makes a resource: something countable that is granted."""
    caller = session.caller()
    require(caller, "programme.edit")
    form = posted({"name": _("Name"), "key": _("Key"), "kind": _("Kind"), "unit": _("Currency"),
                   "provider": _("Provider")})
    if request.method == "POST":

        def act(values: dict[str, Any]) -> str:
            operations.add_resource(caller, **values)
            return url_for("offers.new_pool")

        onward = submit_once(form, ResourceShape(), caller, act)
        if onward is not None:
            flash(_("The resource is added. Next: a pool of it."), "success")
            return redirect(onward, 303)
    kinds = [("credit", _("credit: money for a provider's cost")), ("hours", _("hours with consultants")),
             ("seats", _("seats of a product"))]
    pieces = [
        Piece("name", maxlength=200), _key_piece(), Piece("kind", "choice", options=kinds),
        Piece("unit", required=False, maxlength=3, help=_("Of credit alone, such as USD.")),
        Piece("provider", required=False, maxlength=50, help=_("Of credit alone: whose cost it pays, such as azure.")),
    ]
    return form_page(form, pieces, title=_("New resource"), back=_pools(), button=_("Add the resource"))


@pages.route("/new-pool", methods=["GET", "POST"])
def new_pool() -> ResponseReturnValue:
    """Makes a pool: what a partner commits of a resource for a period."""
    caller = session.caller()
    require(caller, "programme.edit")
    form = posted({"key": _("Key"), "partner": _("Partner"), "resource": _("Resource"), "amount": _("Amount"),
                   "starts": _("First day"), "ends": _("Last day"), "reference": _("Partner's reference")})
    if request.method == "POST":

        def act(values: dict[str, Any]) -> str:
            operations.add_pool(caller, **values)
            return url_for("pools.listing")

        onward = submit_once(form, PoolShape(), caller, act)
        if onward is not None:
            flash(_("The pool is added."), "success")
            return redirect(onward, 303)
    resources = db.session.execute(select(Resource.key, Resource.name, Resource.unit).order_by(Resource.key))
    pieces = [
        _key_piece(), Piece("partner", "choice", options=[(one.key, one.name) for one in partners(caller)]),
        Piece("resource", "choice", options=[(key, f"{name} ({unit_word(unit)})") for key, name, unit in resources]),
        Piece("amount", inputmode="decimal",
              help=_("In the unit of the resource, money, hours or seats: digits with a point, such as 25000.50.")),
        Piece("starts", "date"), Piece("ends", "date", required=False, help=_("It counts whole. Blank: without end.")),
        _reference_piece(),
    ]
    return form_page(
        form, pieces, title=_("New pool"), back=_pools(), button=_("Add the pool"),
        intro=[_("What is committed stays as it is said here; awards from it never exceed it.")],
    )


@pages.route("/pools/<pool>/reference", methods=["GET", "POST"])
def edit_reference(pool: str) -> ResponseReturnValue:
    """Says anew how the partner names what it commits with a pool."""
    caller = session.caller()
    require(caller, "programme.edit")
    found = by_key(Pool, "pool", pool)
    form = posted({"reference": _("Partner's reference")})
    if request.method == "POST":

        def act(values: dict[str, Any]) -> bool:
            def check(there: Pool) -> None:
                form.refuse_changed({"reference": there.reference or ""})

            return changes.change_reference(caller, pool, **values, check=check)

        if submit(form, ReferenceShape(), act) is not None:
            flash(_("Saved."), "success")
            return redirect(url_for("pools.listing"), 303)
    else:
        form.fill({"reference": found.reference or ""})
    return form_page(form, [_reference_piece()], title=_("Reference of the pool %(pool)s", pool=pool), back=_pools(),
                     button=_("Save"), once=False)


def _reference_piece() -> Piece:
    return Piece("reference", required=False, maxlength=100,
                 help=_("How the partner names what it commits, such as the number of a contract. Letters quote it."))


def _key_piece() -> Piece:
    return Piece("key", help=_("Small letters, digits and hyphens; it stays as it is."), maxlength=100)


def _partners() -> Way:
    return Way(url_for("offers.partners_listing"), _("Partners"))


def _pools() -> Way:
    return Way(url_for("pools.listing"), _("Pools"))
