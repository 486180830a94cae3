"""A new password by mail."""

from flask import Blueprint, flash, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from creditsvc import clock
from creditsvc.core.errors import RuleBroken
from creditsvc.db import transaction
from creditsvc.mail.outbox import queue
from creditsvc.mail.render import render_password_reset
from creditsvc.parties import signing_in
from creditsvc.parties.schemas import ForgotShape, NewPasswordShape
from creditsvc.web import session
from creditsvc.web.errors import page
from creditsvc.web.forms import Form, posted, shape

pages = Blueprint("passwords", __name__, url_prefix="/password")


@pages.get("/forgot")
def forgot() -> ResponseReturnValue:
    """The form that asks for a link."""
    return render_template("password_forgot.html", form=_forgot_form())


@pages.post("/forgot")
def send_link() -> ResponseReturnValue:
    """Sends a link when the address is somebody's; the answer is the same when it is not."""
    form = _forgot_form()
    values = shape(form, ForgotShape())
    if values is None:
        return render_template("password_forgot.html", form=form), form.status
    now, address = clock.now(), session.address()

    def act() -> None:
        link = signing_in.request_reset(values["email"], address, now)
        if link is not None:
            _queue_mail(link)

    try:
        transaction(act)
    except RuleBroken as error:
        form.show(error)
        response = make_response(render_template("password_forgot.html", form=form), 429)
        response.headers["Retry-After"] = str(error.params.get("seconds", 60))
        return response
    return render_template("password_sent.html", email=values["email"])


def _queue_mail(link: signing_in.ResetLink) -> None:
    config = session.config()
    mail = render_password_reset(
        {
            "person_name": link.name,
            "reset_url": config.base_url + url_for("passwords.reset", token=link.token),
            "valid_minutes": int(signing_in.RESET_LIFE.total_seconds() // 60),
            "base_url": config.base_url,
        },
        link.language or "en",
    )
    queue(
        kind="password-reset", to_address=link.email, content=mail,
        mail_from=config.mail_from, now=clock.now(), person_id=link.person_id,
    )


@pages.get("/reset/<token>")
def reset(token: str) -> ResponseReturnValue:
    """The form for the new password, while the link works."""
    if not signing_in.is_reset_open(token, clock.now()):
        return _link_over()
    return render_template("password_reset.html", form=_reset_form())


@pages.post("/reset/<token>")
def set_new(token: str) -> ResponseReturnValue:
    """Sets the new password and ends all sessions of its person."""
    form = _reset_form()
    values = shape(form, NewPasswordShape())
    now, address = clock.now(), session.address()
    if values is not None:
        try:
            transaction(lambda: signing_in.reset_password(token, values["password"], now, address))
        except RuleBroken as error:
            if error.field == "token":
                return _link_over()
            form.show(error)
    if form.is_refused:
        return render_template("password_reset.html", form=form), form.status
    session.sign_out()
    flash(_("Your new password is set. Sign in with it."), "success")
    return redirect(url_for("entry.sign_in"), 303)


def _link_over() -> ResponseReturnValue:
    return page(410, _("This link is over"), _("It has been used or is older than an hour. Ask for a new one."))


def _forgot_form() -> Form:
    return posted({"email": _("Mail address")})


def _reset_form() -> Form:
    return posted({"password": _("New password")})
