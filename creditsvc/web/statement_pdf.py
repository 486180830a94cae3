"""The PDF of a statement for who is not there: made by a job, in the language and on the clock of its reader."""

from flask import current_app, render_template

from creditsvc.statements.reading import Statement
from creditsvc.web import session
from creditsvc.web.pdf import pdf
from creditsvc.web.reader import read_by


def statement_pdf(told: Statement, language: str, zone: str) -> bytes:
    """The same file that the page of the statement gives. Needs an application context, and Pango (OSError)."""
    base_url = session.config().base_url
    with current_app.test_request_context(base_url=base_url), read_by(language, zone):
        page = render_template("pdf/statement.html", told=told, lang=language.replace("_", "-"))
    return pdf(page, made=told.known_at)
