"""A startup's people upload an export of their own scopes; it waits for a manager."""

from typing import BinaryIO, cast

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from creditsvc.core.errors import FileRefused, RuleBroken
from creditsvc.core.file_names import file_name
from creditsvc.db import MAX_ID, transaction
from creditsvc.parties.access import Caller, may_with, require_startup
from creditsvc.usage.files import pack
from creditsvc.usage.own import hold_offer, offer_export, offers_of, read_offer, refuse_offer, withdraw_offer
from creditsvc.usage.own_letters import tell_of_upload
from creditsvc.usage.own_scopes import own_scopes
from creditsvc.web import session
from creditsvc.web.forms import Form, attempt, posted

pages = session.private_pages("own_exports", __name__)

RUN = f"int(max={MAX_ID}):run_id"


@pages.get("/startups/<key>/exports")
def listing(key: str) -> ResponseReturnValue:
    """What the startup's people uploaded and what became of it, and the form to upload more."""
    return _page(key, _form())


@pages.post("/startups/<key>/exports")
def upload(key: str) -> ResponseReturnValue:
    """Keeps the files, reads and checks them, and holds them for a manager or says why they are refused."""
    caller = session.caller()
    require_startup(caller, "usage.offer", key)
    form = _form()
    given = [file for file in request.files.getlist("files") if file.filename]
    if not given:
        form.refuse("files", _("Choose the files of one export."))
        return _page(key, form)
    try:
        packed = [pack(file_name(file.filename or ""), cast(BinaryIO, file.stream)) for file in given]
    except RuleBroken as error:
        form.show(error)
        return _page(key, form)
    run_id = attempt(form, lambda: offer_export(caller, key, packed[0].name, packed).id)
    if run_id is None:
        return _page(key, form)
    if _is_held(caller, run_id):
        flash(_("Read and kept. A manager looks at it before anything is posted."), "success")
    else:
        flash(_("The file is refused whole. Nothing was posted; why stands below."), "danger")
    return redirect(url_for("own_exports.listing", key=key), 303)


@pages.post(f"/startups/<key>/exports/<{RUN}>/withdraw")
def withdraw(key: str, run_id: int) -> ResponseReturnValue:
    """Takes back an upload that waits."""
    caller = session.caller()
    require_startup(caller, "usage.offer", key)
    form = Form({})

    def act() -> bool:
        withdraw_offer(caller, run_id)
        return True

    if attempt(form, act):
        flash(_("Withdrawn."), "success")
    else:
        flash(" ".join(form.general), "danger")
    return redirect(url_for("own_exports.listing", key=key), 303)


def _is_held(caller: Caller, run_id: int) -> bool:
    """Reads what was kept; whether it waits for a manager now."""
    try:
        prepared = read_offer(caller, run_id)
        transaction(lambda: tell_of_upload(caller, hold_offer(caller, run_id, prepared), session.config()))
    except FileRefused as refusal:
        refused = refusal
        transaction(lambda: refuse_offer(caller, run_id, refused))
        return False
    return True


def _form() -> Form:
    return posted({"files": _("Files of one export")})


def _page(key: str, form: Form) -> ResponseReturnValue:
    caller = session.caller()
    startup = require_startup(caller, "startup.see", key)
    page = render_template(
        "own_exports.html", startup=startup, form=form, offers=offers_of(caller, key),
        may_offer=may_with(caller, "usage.offer", startup),
        scopes=sorted(scope for _provider, scope in own_scopes(startup.id)),
    )
    return page, form.status
