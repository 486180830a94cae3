"""Enrolling a whole cohort from a table: pasted or uploaded, looked at row by row, then done in one act or not."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from marshmallow import Schema, fields

from creditsvc.administration import welcoming
from creditsvc.core.errors import FileRefused, RuleBroken
from creditsvc.core.file_names import file_name
from creditsvc.db import transaction
from creditsvc.grants.proposal_letters import tell
from creditsvc.licences.sheets import LARGEST_FILE
from creditsvc.licences.waiting import seat_startups
from creditsvc.onboarding.cohort_enrolling import CohortEnrolled, RowsRefused, enrol_cohort
from creditsvc.onboarding.cohort_tables import COLUMNS, Planned, TableRow, as_text, read_table
from creditsvc.parties.access import Caller, require
from creditsvc.programmes.reading import find_cohort
from creditsvc.web import session
from creditsvc.web.forms import Form, posted, submit_once, text_of
from creditsvc.web.session import private_pages

pages = private_pages("cohort_enrolling", __name__)


class TableShape(Schema):
    """The table as text, and the language of startups that are made."""

    table = fields.String(required=True)
    language = fields.String(load_default="en")


@pages.route("/cohorts/<key>/enrol", methods=["GET", "POST"])
def enrol(key: str) -> ResponseReturnValue:
    """The table, a look at what each row would do, and doing it."""
    caller = session.caller()
    require(caller, "startup.create")
    cohort = find_cohort(caller, key)
    name = cohort.name  # a refusal ends what was read
    form = posted({"table": _("Table"), "file": _("File"), "language": _("Language of new startups' mails")})
    form.typed["file"] = ""
    planned: list[Planned] = []
    if request.method == "POST":
        rows = _rows(form)
        if rows is not None and request.form.get("do") == "enrol":
            onward, planned = _do(form, caller, key, rows)
            if onward is not None:
                return redirect(onward, 303)
        elif rows is not None:
            planned = _look(form, caller, key, rows)
    page = render_template(
        "cohort_enrol.html", form=form, key=key, name=name, planned=planned, columns=COLUMNS, text_of=text_of,
    )
    return page, form.status


def _rows(form: Form) -> list[TableRow] | None:
    """The rows of the file, where one was sent, else of what was pasted; None with the refusal in the form."""
    file = request.files.get("file")
    sent = file is not None and bool(file.filename)
    name = file_name(file.filename or "") if file is not None and sent else _("the table")
    data = file.stream.read(LARGEST_FILE + 1) if file is not None and sent else form.value("table").encode()
    if not data.strip():
        form.refuse("table", _("Paste a table, or choose a file."))
        return None
    try:
        rows = read_table(name, data)
    except FileRefused as refusal:
        form.show_file(refusal, "file" if sent else "table")
        return None
    form.typed["table"] = as_text(rows)
    return rows


def _look(form: Form, caller: Caller, key: str, rows: list[TableRow]) -> list[Planned]:
    """What would be done: done, and taken back."""
    language = form.value("language") or "en"
    try:
        return transaction(lambda: enrol_cohort(caller, cohort=key, rows=rows, language=language), keep=False).planned
    except RowsRefused as refusal:
        form.status = 422
        return refusal.planned
    except RuleBroken as refusal:
        form.show(refusal)
        return []


def _do(form: Form, caller: Caller, key: str, rows: list[TableRow]) -> tuple[str | None, list[Planned]]:
    refused: list[Planned] = []

    def act(values: dict[str, str]) -> str:
        refused.clear()
        try:
            done = enrol_cohort(caller, cohort=key, rows=rows, language=values["language"])
        except RowsRefused as refusal:
            refused.extend(refusal.planned)
            raise
        _write(caller, done)
        return url_for("cohorts.one", key=key, done=f"{_count(done)}-{len(done.proposals)}")

    onward = submit_once(form, TableShape(), caller, act)
    if onward is not None:
        count, _dash, proposed = onward.rpartition("done=")[2].partition("-")
        onward = url_for("cohorts.one", key=key)
        flash(ngettext("%(num)s startup is enrolled.", "%(num)s startups are enrolled.", int(count)), "success")
        if int(proposed):
            flash(ngettext("%(num)s package waits for a second person.", "%(num)s packages wait for a second person.",
                           int(proposed)), "info")
    return onward, refused


def _count(done: CohortEnrolled) -> int:
    return sum(not one.there for one in done.planned)


def _write(caller: Caller, done: CohortEnrolled) -> None:
    for sending in done.sendings:
        welcoming.send(sending, session.config(), caller.now)
    tell(caller, done.proposals, session.config())
    seat_startups(caller, session.config(), done.startup_ids)


