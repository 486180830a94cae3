"""Every mail in every language, with values made up, and a test of one to oneself."""

from flask import Response, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from creditsvc.administration import mail_samples
from creditsvc.languages import LANGUAGES
from creditsvc.parties.access import require
from creditsvc.parties.schemas import NothingShape
from creditsvc.web import session
from creditsvc.web.forms import Form, posted, submit_once

pages = session.private_pages("mails", __name__)

MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; sandbox"
)
"""Of a mail shown as its own page: mails have their styles in their elements, as mail programs want them. Nothing in it
can run, be sent or be fetched, and it is of no origin, so that it can read nothing of the service."""


@pages.get("/mails")
def listing() -> ResponseReturnValue:
    """The mails there are, with a link to each in each language."""
    require(session.caller(), "mail.edit")
    return render_template("mails.html", kinds=mail_samples.kinds(), languages=LANGUAGES)


@pages.get("/mails/<template>/<language>")
def one(template: str, language: str) -> ResponseReturnValue:
    """A mail's subject and text, with a link to its HTML and a button that sends it."""
    require(session.caller(), "mail.edit")
    return _page(template, _known(language), Form({}))


@pages.get("/mails/<template>/<language>/html")
def html(template: str, language: str) -> ResponseReturnValue:
    """The HTML part of a mail, as a page of its own."""
    require(session.caller(), "mail.edit")
    answer = Response(mail_samples.sample(template, _known(language)).html, mimetype="text/html")
    answer.headers["Content-Security-Policy"] = MAIL_POLICY
    return answer


@pages.post("/mails/<template>/<language>")
def send_test(template: str, language: str) -> ResponseReturnValue:
    """Sends the mail to who is signed in."""
    caller = session.caller()
    require(caller, "mail.edit")
    spoken = _known(language)
    form = posted({})

    def act(_values: dict[str, object]) -> str:
        mail_samples.send_test(caller, template, spoken, session.config().mail_from)
        return url_for("mails.one", template=template, language=spoken)

    onward = submit_once(form, NothingShape(), caller, act)
    if onward is None:
        return _page(template, spoken, form)
    flash(_("It is on its way to %(email)s.", email=caller.actor), "success")
    return redirect(onward, 303)


def _known(language: str) -> str:
    if language not in LANGUAGES:
        abort(404)
    return language


def _page(template: str, language: str, form: Form) -> ResponseReturnValue:
    return render_template(
        "mail_sample.html", template=template, language=language, languages=LANGUAGES, form=form,
        mail=mail_samples.sample(template, language),
    ), form.status
