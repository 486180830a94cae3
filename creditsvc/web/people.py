"""A startup's people."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from creditsvc.db import transaction
from creditsvc.parties.access import require_startup
from creditsvc.parties.operations import add_membership, end_membership
from creditsvc.parties.reading import find_startup, members_of
from creditsvc.parties.schemas import MemberShape
from creditsvc.web import session
from creditsvc.web.forms import Form, posted, submit

pages = session.private_pages("people", __name__)


@pages.get("/startups/<key>/members")
def members(key: str) -> ResponseReturnValue:
    """Who belongs to the startup, with a form to add somebody."""
    return _page(key, _form())


@pages.post("/startups/<key>/members")
def add(key: str) -> ResponseReturnValue:
    """Adds somebody; they set their password by mail."""
    caller = session.caller()
    require_startup(caller, "startup.edit", key)
    form = _form()
    done = submit(form, MemberShape(), lambda values: add_membership(caller, startup=key, **values))
    if done is None:
        return _page(key, form)
    flash(
        _("%(email)s belongs to the startup now. They set a password by “I have no password or forgot it”.",
          email=form.value("email").strip().lower()),
        "success",
    )
    return redirect(url_for("people.members", key=key), 303)


@pages.post("/startups/<key>/members/end")
def end(key: str) -> ResponseReturnValue:
    """Takes somebody out of the startup's people."""
    caller = session.caller()
    email = request.form.get("email", "")
    transaction(lambda: end_membership(caller, startup=key, email=email))
    flash(_("%(email)s does not belong to the startup any more.", email=email), "success")
    return redirect(url_for("people.members", key=key), 303)


def _form() -> Form:
    return posted({"email": _("Mail address"), "name": _("Name"), "role": _("Role")})


def _page(key: str, form: Form) -> ResponseReturnValue:
    startup = find_startup(session.caller(), key)
    return render_template("members.html", startup=startup, members=members_of(startup), form=form), form.status
