"""Startups: the list, a new one, its paperwork."""

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from creditsvc.core.errors import Forbidden
from creditsvc.parties.access import may, require, require_startup
from creditsvc.parties.models import Startup
from creditsvc.parties.operations import create_startup, edit_startup
from creditsvc.parties.reading import list_startups
from creditsvc.parties.schemas import StartupEditShape, StartupShape
from creditsvc.web import session
from creditsvc.web.forms import Form, posted, submit
from creditsvc.web.lists import list_page_of

pages = session.private_pages("startups", __name__)


@pages.get("/startups")
def listing() -> ResponseReturnValue:
    """The startups that the caller may see, with what each has left."""
    caller = session.caller()
    if may(caller, "startups.list"):
        return list_page_of(caller)
    if not caller.is_member:
        raise Forbidden("startups.list")
    return render_template("my_startups.html", startups=list_startups(caller))


@pages.get("/startups/new")
def new() -> ResponseReturnValue:
    """The form for a new startup."""
    require(session.caller(), "startup.create")
    return render_template("startup_form.html", form=_form(), startup=None)


@pages.post("/startups/new")
def create() -> ResponseReturnValue:
    """Makes the startup and goes to its page."""
    caller = session.caller()
    require(caller, "startup.create")
    form = _form()
    startup = submit(form, StartupShape(), lambda values: create_startup(caller, **values))
    if startup is None:
        return render_template("startup_form.html", form=form, startup=None), form.status
    flash(_("%(name)s is here now. Next: its billing scopes, its people, an award.", name=startup.name), "success")
    return redirect(url_for("holdings.one", key=startup.key), 303)


@pages.get("/startups/<key>/edit")
def edit(key: str) -> ResponseReturnValue:
    """The form for a startup's paperwork."""
    startup = require_startup(session.caller(), "startup.edit", key)
    form = Form(_edit_labels())
    form.fill(_stands(startup))
    return render_template("startup_form.html", form=form, startup=startup)


@pages.post("/startups/<key>/edit")
def save(key: str) -> ResponseReturnValue:
    """Saves a startup's paperwork."""
    caller = session.caller()
    require_startup(caller, "startup.edit", key)
    form = posted(_edit_labels())

    def act(values: dict[str, Any]) -> Startup:
        return edit_startup(caller, key, check=lambda startup: form.refuse_changed(_stands(startup)), **values)

    saved = submit(form, StartupEditShape(), act)
    if saved is None:
        startup = require_startup(caller, "startup.edit", key)
        return render_template("startup_form.html", form=form, startup=startup), form.status
    flash(_("Saved."), "success")
    return redirect(url_for("holdings.one", key=key), 303)


def _form() -> Form:
    return posted({"name": _("Name"), "key": _("Key"), "language": _("Language of its mails")})


def _stands(startup: Startup) -> dict[str, str]:
    return {"name": startup.name, "language": startup.language}


def _edit_labels() -> dict[str, str]:
    return {"name": _("Name"), "language": _("Language of its mails")}
