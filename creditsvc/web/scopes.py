"""Billing scopes: those whose usage waits, assigning, handing over, ending."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from creditsvc.core.amounts import unit_named
from creditsvc.core.days import parse_moment
from creditsvc.ledger.models import Scope
from creditsvc.parties.access import require
from creditsvc.parties.reading import list_startups
from creditsvc.usage.reading import unassigned_scopes
from creditsvc.usage.schemas import AssignScopeShape, EndScopeShape
from creditsvc.usage.scopes import assign_scope, end_scope
from creditsvc.web import session
from creditsvc.web.forms import Form, posted, submit

pages = session.private_pages("scopes", __name__)


@pages.get("/scopes")
def listing() -> ResponseReturnValue:
    """The scopes whose usage settles nowhere yet, with what waits."""
    waiting = [
        (scope, [(amount, unit_named(currency)) for currency, amount in sorted(scope.amounts.items())])
        for scope in unassigned_scopes(session.caller())
    ]
    return render_template("scopes.html", waiting=waiting)


@pages.get("/scopes/assign")
def assign_form() -> ResponseReturnValue:
    """The form that says to whom a scope belongs; the address may fill it in."""
    require(session.caller(), "scope.assign")
    labels = _assign_labels()
    return _assign_page(Form(labels, {name: request.args.get(name, "") for name in labels}))


@pages.post("/scopes/assign")
def assign() -> ResponseReturnValue:
    """Assigns a scope, or hands it over from a day on."""
    caller = session.caller()
    require(caller, "scope.assign")
    form = posted(_assign_labels())

    def act(values: dict[str, Any]) -> Scope:
        return assign_scope(
            caller, provider=values["provider"], external_id=values["id"], startup=values["startup"],
            starts=parse_moment(values["starts"], "starts"),
            ends=None if values["ends"] is None else parse_moment(values["ends"], "ends"),
            resource=values["resource"], hand_over=values["hand_over"],
        )

    if submit(form, AssignScopeShape(), act) is None:
        return _assign_page(form)
    flash(_("The scope is assigned, and its usage of those days is settled."), "success")
    return redirect(url_for("holdings.one", key=form.value("startup").strip()), 303)


@pages.get("/scopes/end")
def end_form() -> ResponseReturnValue:
    """The form that says until when a scope belonged to its startup."""
    require(session.caller(), "scope.assign")
    labels = _end_labels()
    return _end_page(Form(labels, {name: request.args.get(name, "") for name in labels}))


@pages.post("/scopes/end")
def end() -> ResponseReturnValue:
    """Ends a scope; its later usage waits."""
    caller = session.caller()
    require(caller, "scope.assign")
    form = posted(_end_labels())

    def act(values: dict[str, Any]) -> Scope:
        return end_scope(
            caller, provider=values["provider"], external_id=values["id"], ends=parse_moment(values["ends"], "ends")
        )

    if submit(form, EndScopeShape(), act) is None:
        return _end_page(form)
    flash(_("The scope belongs to no startup after that day. Its later usage waits here."), "success")
    return redirect(url_for("scopes.listing"), 303)


def _assign_labels() -> dict[str, str]:
    return {
        "provider": _("Provider"), "id": _("Scope"), "startup": _("Startup"), "starts": _("First day"),
        "ends": _("Last day"), "resource": _("Credit resource"),
        "hand_over": _("Take these days over from the startup that has them now"),
    }


def _assign_page(form: Form) -> ResponseReturnValue:
    startups = [(startup.key, startup.name) for startup in list_startups(session.caller())]
    return render_template("scope_assign.html", form=form, startups=startups), form.status


def _end_labels() -> dict[str, str]:
    return {"provider": _("Provider"), "id": _("Scope"), "ends": _("Last day")}


def _end_page(form: Form) -> ResponseReturnValue:
    return render_template("scope_end.html", form=form), form.status
