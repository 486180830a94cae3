"""The outbox: what waits, failed, is in doubt, was sent; sending a mail again or giving it up, with a reason."""

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from creditsvc.administration import outbox
from creditsvc.mail.tending import CHOICES
from creditsvc.parties.access import Caller, require
from creditsvc.parties.schemas import ReasonShape
from creditsvc.web import session
from creditsvc.web.forms import Form, posted, submit_once
from creditsvc.web.paging import asked_before

pages = session.private_pages("outbox", __name__)


@pages.get("/outbox")
def listing() -> ResponseReturnValue:
    """Mails of a state, newest first, a page at a time."""
    caller = session.caller()
    chosen = request.args.get("show", "failed")
    chosen = chosen if chosen in CHOICES else ""
    before = asked_before()
    rows, onward = outbox.list_mails(caller, chosen, before)
    return render_template(
        "outbox.html", rows=rows, onward=onward, chosen=chosen, before=before, counts=outbox.counts(caller),
        shows_addresses=outbox.shows_addresses(caller),
    )


@pages.get("/outbox/<int:mail_id>")
def one(mail_id: int) -> ResponseReturnValue:
    """What became of a mail. Its text is not shown: it may hold links that are its reader's alone."""
    return _page(mail_id, Form(_labels()))


@pages.post("/outbox/<int:mail_id>/send-again")
def send_again(mail_id: int) -> ResponseReturnValue:
    """Sends a mail once more."""
    return _step(mail_id, outbox.send_again, _("It leaves within the minute, under the same Message-ID."))


@pages.post("/outbox/<int:mail_id>/dismiss")
def dismiss(mail_id: int) -> ResponseReturnValue:
    """Gives a mail up."""
    return _step(mail_id, outbox.dismiss, _("Given up: it is not sent any more."))


def _step(mail_id: int, step: Callable[[Caller, int, str], object], done: str) -> ResponseReturnValue:
    """Does a step with a mail, for the reason that was typed."""
    caller = session.caller()
    require(caller, "mail.edit")
    form = posted(_labels())

    def act(values: dict[str, Any]) -> str:
        step(caller, mail_id, values["reason"])
        return url_for("outbox.one", mail_id=mail_id)

    onward = submit_once(form, ReasonShape(), caller, act)
    if onward is None:
        return _page(mail_id, form)
    flash(done, "success")
    return redirect(onward, 303)


def _labels() -> dict[str, str]:
    return {"reason": _("Reason")}


def _page(mail_id: int, form: Form) -> ResponseReturnValue:
    caller = session.caller()
    mail = outbox.find_mail(caller, mail_id)
    return render_template(
        "outbox_mail.html", mail=mail, form=form, shows_addresses=outbox.shows_addresses(caller)
    ), form.status
