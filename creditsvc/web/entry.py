"""The front door: first page, signing in and out."""

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from creditsvc import clock
from creditsvc.consulting.consultants import consultant_of
from creditsvc.core.errors import RuleBroken
from creditsvc.db import transaction
from creditsvc.parties import signing_in
from creditsvc.parties.access import Caller, may
from creditsvc.parties.reading import list_startups
from creditsvc.parties.schemas import SignInShape
from creditsvc.web import keeping_typed, session
from creditsvc.web.forms import Form, posted, shape

pages = Blueprint("entry", __name__)


@pages.get("/")
def home() -> ResponseReturnValue:
    """Sends everybody to the first page of their role."""
    if not session.is_signed_in():
        return redirect(url_for("entry.sign_in"), 303)
    caller = session.caller()
    target = first_page(caller)
    return render_template("welcome.html", role=caller.role) if target is None else redirect(target, 303)


def first_page(caller: Caller) -> str | None:
    """Where a caller begins; None when their role has no page yet."""
    if may(caller, "startups.list"):
        return url_for("worklist.all_groups")
    if caller.is_member and caller.role is None:
        startups = list_startups(caller, limit=2)
        if len(startups) == 1:
            return url_for("holdings.one", key=startups[0].key)
        return url_for("startups.listing")
    if may(caller, "pool.see"):
        return url_for("pools.listing")
    if consultant_of(caller) is not None:
        return url_for("sessions.mine")
    return None


@pages.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> ResponseReturnValue:
    """The form to sign in."""
    form = posted(session.sign_in_labels())
    if request.method == "GET":
        if session.is_signed_in():
            return redirect(session.safe_next(request.args.get("next")), 303)
        return _sign_in_page(form)
    values = shape(form, SignInShape())
    if values is None:
        return _sign_in_page(form)
    now, address = clock.now(), session.address()
    try:
        tried = transaction(lambda: signing_in.begin_sign_in(values["email"], address, now))
    except RuleBroken as error:
        form.show(error)
        form.status = 429
        response = _sign_in_page(form)
        response.headers["Retry-After"] = str(error.params["seconds"])
        return response
    right = signing_in.check_password(tried, values["password"])
    person = transaction(lambda: signing_in.finish_sign_in(tried, values["password"])) if right else None
    if person is None:
        form.refuse("", _("The mail address or the password is wrong."))
        return _sign_in_page(form)
    session.sign_in(person)
    onward = session.safe_next(request.form.get("next"))
    typed = keeping_typed.typed() if keeping_typed.FIELD in request.form else ""
    return keeping_typed.offer(onward, typed) if typed else redirect(onward, 303)


def _sign_in_page(form: Form) -> Response:
    onward = session.safe_next(request.values.get("next"))
    typed = keeping_typed.typed() if keeping_typed.FIELD in request.form else ""
    return make_response(render_template("sign_in.html", form=form, onward=onward, typed=typed), form.status)


@pages.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """Ends the session."""
    session.sign_out()
    flash(_("You are signed out."), "success")
    return redirect(url_for("entry.sign_in"), 303)
