"""What the night would say if it ran now, and the links of its mails."""

from collections.abc import Callable

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from creditsvc import clock
from creditsvc.alerts import operations, texts
from creditsvc.alerts.corrections import TakenBack, correction_text
from creditsvc.alerts.incubator import own_words
from creditsvc.alerts.links import Link, read_link
from creditsvc.alerts.models import Alert
from creditsvc.alerts.reading import say_tonight
from creditsvc.core.errors import NotFound
from creditsvc.db import db, transaction
from creditsvc.parties.access import Caller, caller_of
from creditsvc.parties.models import Person
from creditsvc.web import reader, session, show

pages = session.private_pages("night", __name__)
links = Blueprint("alert_links", __name__)


@pages.get("/night")
def tonight() -> ResponseReturnValue:
    """The alerts and the number of mails of a night that ran now; nothing is written."""
    return render_template(
        "tonight.html", told=say_tonight(session.caller()), title_of=title_of, correction_of=correction_of
    )


def title_of(alert: Alert) -> str:
    """What an alert says, in the reader's language."""
    if alert.subject is not None:
        return own_words(alert.subject, alert.params, reader.language()).title
    return texts.words(alert.rule, alert.params, None, reader.language()).title


def correction_of(one: TakenBack) -> str:
    """What is said of an alert that was taken back, in the reader's language."""
    return correction_text(one.rule, one.params, one.figure, one.decided_on, reader.language())


@links.get("/alerts/<token>")
def link(token: str) -> ResponseReturnValue:
    """What the link of a mail would do, with a button: mail scanners open every link, so opening does nothing."""
    return render_template("alert_link.html", link=_read(token), done="")


@links.post("/alerts/<token>")
def follow(token: str) -> ResponseReturnValue:
    """Acknowledges or snoozes what the mail told its reader; nobody has to be signed in for it."""
    read = _read(token)
    person = db.session.get(Person, read.person_id)
    if person is None or not person.active:
        raise NotFound("link")
    caller = caller_of(person, clock.now(), session.address())
    done = transaction(_act(caller, read))
    return render_template("alert_link.html", link=read, done=done)


def _act(caller: Caller, read: Link) -> Callable[[], str]:
    def acknowledge() -> str:
        operations.acknowledge(caller, read.alert_id)
        return str(_("Noted: you have seen it."))

    def snooze() -> str:
        until = operations.snooze(caller, read.alert_id)
        return str(_("No mail about this matter before %(day)s.", day=show.day(until)))

    return acknowledge if read.act == "acknowledge" else snooze


def _read(token: str) -> Link:
    return read_link(session.config().secret_key, token, clock.now())
