"""The page that the link of an invitation leads to: a name and a password, or signing in, and the role is taken up."""

from collections.abc import Mapping
from datetime import datetime

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from creditsvc import clock
from creditsvc.administration import welcoming
from creditsvc.core.errors import RuleBroken
from creditsvc.db import db, transaction
from creditsvc.parties import invitations
from creditsvc.parties.access import Caller, caller_of
from creditsvc.parties.invitations import Invited
from creditsvc.parties.models import Person
from creditsvc.parties.schemas import AcceptShape
from creditsvc.web import session
from creditsvc.web.errors import page
from creditsvc.web.forms import Form, shape, text_of

pages = Blueprint("invitations", __name__, url_prefix="/invitations")


@pages.get("/<token>")
def one(token: str) -> ResponseReturnValue:
    """What the invitation is to, and what it takes to take it up. Opening it does nothing: scanners open every link."""
    try:
        invited = invitations.find_invitation(token, clock.now())
    except RuleBroken as error:
        return _over(error)
    return _page(token, invited, _form({"name": invited.name}))


@pages.post("/<token>")
def accept(token: str) -> ResponseReturnValue:
    """Takes the invitation up, once: as who is signed in, or with a name and a password and then signed in."""
    now, address = clock.now(), session.address()
    form = _form(request.form)
    try:
        invited = invitations.find_invitation(token, now)
        if invited.has_password:
            return _accepted_by(session.caller(), token) if session.is_signed_in() else _page(token, invited, form)
        values = shape(form, AcceptShape())
        if values is None:
            return _page(token, invited, form)
        person = transaction(lambda: _begin(token, values["name"], values["password"], now, address))
    except RuleBroken as error:
        if error.field not in form.labels:
            return _over(error)
        form.show(error)
        return _page(token, invited, form)
    session.sign_in(person)
    flash(_("Welcome, %(name)s: your password is set, and you are signed in.", name=person.name), "success")
    return redirect(url_for("entry.home"), 303)


def _begin(token: str, name: str, password: str, now: datetime, address: str) -> Person:
    key = invitations.consultant_of_invitation(token)
    person = invitations.accept_with_password(token, name, password, now, address)
    welcoming.sign_in_as_consultant(caller_of(person, now, address), person, key)
    return person


def _accepted_by(caller: Caller, token: str) -> ResponseReturnValue:
    transaction(lambda: _take_up(caller, token))
    flash(_("Done: the role is yours now."), "success")
    return redirect(url_for("entry.home"), 303)


def _take_up(caller: Caller, token: str) -> None:
    key = invitations.consultant_of_invitation(token)
    invitations.accept_signed_in(caller, token)
    person = db.session.get_one(Person, caller.person_id)
    welcoming.sign_in_as_consultant(caller, person, key)


def _form(typed: Mapping[str, str]) -> Form:
    labels = {"name": _("Your name"), "password": _("Password")}
    return Form(labels, {name: typed.get(name, "") for name in labels})


def _page(token: str, invited: Invited, form: Form) -> ResponseReturnValue:
    signed_in_as = session.caller().actor if session.is_signed_in() else ""
    return render_template(
        "invitation.html", invited=invited, form=form, token=token, signed_in_as=signed_in_as
    ), form.status


def _over(error: RuleBroken) -> ResponseReturnValue:
    status = 410 if error.code == "link-over" else 409
    return page(status, _("This invitation cannot be taken up"), text_of(error))
