"""The link by which a reader ends one kind of mails: with a button, or by the mail program itself (RFC 8058)."""

from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from creditsvc import clock
from creditsvc.alerts.choices import DIGEST, unsubscribe
from creditsvc.alerts.links import UNSUBSCRIBE, read_unsubscribe_link
from creditsvc.alerts.periodic import STATEMENT, SUMMARY
from creditsvc.core.errors import NotFound
from creditsvc.db import db, transaction
from creditsvc.parties.access import caller_of
from creditsvc.parties.models import Person
from creditsvc.web import session

pages = Blueprint("unsubscribing", __name__)

MAILS: dict[str, Any] = {
    DIGEST: lazy_gettext("the nightly mail with your alerts"),
    SUMMARY: lazy_gettext("the weekly summary of your programmes"),
    STATEMENT: lazy_gettext("the monthly statement of your startups"),
}
"""What can be ended."""


@pages.get(f"{UNSUBSCRIBE}<token>")
def ask(token: str) -> ResponseReturnValue:
    """What the link would end, with a button: mail scanners open every link, so opening ends nothing."""
    mails, _person_id = _read(token)
    return render_template("unsubscribe.html", mails=MAILS[mails], is_done=False)


@pages.post(f"{UNSUBSCRIBE}<token>")
def end(token: str) -> ResponseReturnValue:
    """Ends these mails for whom the link was made; nobody has to be signed in for it, and a repeat changes nothing."""
    mails, person_id = _read(token)
    person = db.session.get(Person, person_id)
    if person is None or not person.active:
        raise NotFound("link")
    caller = caller_of(person, clock.now(), session.address())
    transaction(lambda: unsubscribe(caller, mails))
    return render_template("unsubscribe.html", mails=MAILS[mails], is_done=True)


def _read(token: str) -> tuple[str, int]:
    mails, person_id = read_unsubscribe_link(session.config().secret_key, token, clock.now())
    if mails not in MAILS:
        raise NotFound("link")
    return mails, person_id
