"""A startup's statement: as a page, as a PDF and as a workbook, with the same figures in each."""

from datetime import date, timedelta

from flask import render_template
from flask.typing import ResponseReturnValue

from creditsvc.core.days import day_of
from creditsvc.core.errors import NotFound, RuleBroken
from creditsvc.core.spreadsheets import XLSX
from creditsvc.parties.access import Caller
from creditsvc.parties.models import Startup
from creditsvc.parties.reading import find_startup
from creditsvc.statements.reading import Statement, statement
from creditsvc.web import session
from creditsvc.web.downloads import download
from creditsvc.web.forms import Form, asked_period
from creditsvc.web.pdf import pdf
from creditsvc.web.reader import language
from creditsvc.web.statement_books import workbook

pages = session.private_pages("statements", __name__)

USUAL_DAYS = timedelta(days=30)
MOST_DAYS = timedelta(days=800)


@pages.get("/startups/<key>/statement")
def show(key: str) -> ResponseReturnValue:
    """Everything that happened in a period, with running balances."""
    startup, form, told = _asked(session.caller(), key)
    return render_template("statement.html", startup=startup, told=told, form=form), form.status


@pages.get("/startups/<key>/statement.<kind>")
def export(key: str, kind: str) -> ResponseReturnValue:
    """The statement of the period as a file: `pdf` or `xlsx`; a period that is refused shows the page that says why."""
    startup, form, told = _asked(session.caller(), key)
    if kind not in ("pdf", "xlsx"):
        raise NotFound("export", kind)
    if told is None:
        return render_template("statement.html", startup=startup, told=None, form=form), form.status
    name = f"statement-{told.startup}-{form.value('from')}-{form.value('to')}.{kind}"
    if kind == "pdf":
        page = render_template("pdf/statement.html", told=told, lang=language().replace("_", "-"))
        return download(pdf(page, made=told.known_at), "application/pdf", name)
    return download(workbook(told), XLSX, name)


def _asked(caller: Caller, key: str) -> tuple[Startup, Form, Statement | None]:
    """The startup and the statement of the period that is asked for; None with a refusal in the form."""
    startup = find_startup(caller, key)
    form, first, last = asked_period(day_of(caller.now - USUAL_DAYS), day_of(caller.now), MOST_DAYS)
    return startup, form, None if form.is_refused else _told(caller, key, form, first, last)


def _told(caller: Caller, key: str, form: Form, first: date, last: date) -> Statement | None:
    try:
        return statement(
            caller, key, first=first, last=None if last >= day_of(caller.now) else last, ahead=True
        )
    except RuleBroken as error:
        form.show(error)
        return None
