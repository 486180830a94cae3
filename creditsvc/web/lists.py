"""The list of startups as a page and as files: its filters stand in the address, and people keep them as views."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from tempfile import TemporaryFile
from urllib.parse import urlencode

from flask import flash, make_response, redirect, render_template, request, send_file, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from werkzeug.datastructures import MultiDict

from creditsvc.alerts.startup_list import (
    Filters,
    choices,
    condition_of,
    holdings_in_parts,
    list_page,
    startups_of,
)
from creditsvc.core.days import day_of, last_day
from creditsvc.core.errors import NotFound, RuleBroken
from creditsvc.core.spreadsheets import BYTE_ORDER_MARK, CSV, XLSX, Cell, csv_lines
from creditsvc.db import begin_snapshot
from creditsvc.ledger.reading import AccountView
from creditsvc.parties.access import Caller, require
from creditsvc.parties.models import Startup
from creditsvc.parties.saved_views import delete_view, rename_view, save_view, saved_views
from creditsvc.web import live, session
from creditsvc.web.downloads import download
from creditsvc.web.forms import Form, attempt, mark_of, posted
from creditsvc.web.show import unit_word
from creditsvc.workbooks import amount_cell, stream_book

pages = session.private_pages("lists", __name__)

LONGEST = 200

CONDITIONS = {
    "expiring-30": lazy_gettext("something that expires within 30 days"),
    "expiring": lazy_gettext("something that expires within 60 days"),
    "not-begun": lazy_gettext("grants of which nothing was drawn"),
    "running-out": lazy_gettext("credit that runs out before it ends"),
    "hours-unbooked": lazy_gettext("hours that expire unbooked within 30 days"),
    "seats-unused": lazy_gettext("seats that nobody uses"),
    "seats-mismatch": lazy_gettext("seats that do not fit the publisher's counts"),
    "waiting": lazy_gettext("people who wait for a seat"),
    "sessions": lazy_gettext("sessions to settle"),
    "uncovered": lazy_gettext("usage that no grant covered"),
    "used-up": lazy_gettext("all credit or hours used or over"),
    "stale": lazy_gettext("no new cost data for 4 days or more"),
}
"""What narrows the list, as its form offers it: each of `startup_conditions.CHOICES` in words."""


def filters_of(values: MultiDict[str, str]) -> Filters:
    """What an address or a form asks for."""
    return Filters(**{name: values.get(name, "").strip()[:LONGEST] for name in vars(Filters())})


def list_page_of(caller: Caller, renaming: tuple[int, Form] | None = None) -> ResponseReturnValue:
    """The page of the list that the address asks for; a balance that is no amount is refused at its field.

    `renaming` is a view whose new name is refused, and its form.
    """
    asked = filters_of(request.args)
    form = Form(_labels(), asked.asked)
    number = request.args.get("page", 1, type=int)
    try:
        found = list_page(caller, asked, number)
    except RuleBroken as error:
        form.show(error)
        found = list_page(caller, replace(asked, least="", most=""), number)
    page = render_template(
        "startups.html", found=found, asked=asked, form=form, choices=choices(caller), conditions=CONDITIONS,
        views=saved_views(caller), query=urlencode(asked.asked), renaming=renaming, mark_of=mark_of,
    )
    if live.is_asked():
        piece = make_response(page)
        piece.headers["HX-Push-Url"] = _address(asked.asked)  # what is not asked for stays out of the address
        return piece
    return page, renaming[1].status if renaming else form.status


def _labels() -> dict[str, str]:
    return {
        "q": _("Name or key contains"), "show": _("Show"), "programme": _("Programme"), "cohort": _("Cohort"),
        "state": _("Enrolment"), "kind": _("Holds"), "resource": _("Resource"), "least": _("Remaining at least"),
        "most": _("Remaining at most"),
    }


@pages.get("/lists/startups.<kind>")
def export(kind: str) -> ResponseReturnValue:
    """Exactly what is filtered, a line for each holding: as CSV, streamed, or as a workbook."""
    if kind not in ("csv", "xlsx"):
        raise NotFound("export", kind)
    caller = session.caller()
    require(caller, "startups.list")
    asked = filters_of(request.args)
    try:
        condition_of(caller, asked)
    except RuleBroken:
        return redirect(_address(asked.asked), 303)
    name = f"startups-{day_of(caller.now).isoformat()}.{kind}"
    if kind == "csv":
        pieces = (piece.encode() for piece in chain((BYTE_ORDER_MARK,), csv_lines(_lines(caller, asked))))
        return download(stream_with_context(pieces), CSV, name)
    file = TemporaryFile()  # noqa: SIM115 (closed with the response)
    stream_book(file, [("startups", _lines(caller, asked))], caller.now)
    file.seek(0)
    response = send_file(file, XLSX, as_attachment=True, download_name=name)
    response.headers["Cache-Control"] = "no-store"
    return response


def _heads() -> list[str]:
    return [
        _("Key"), _("Name"), _("Resource"), _("Unit"), _("Granted"), _("Drawn"), _("Held"), _("Remaining"),
        _("Not yet usable"), _("Expired"), _("Voided"), _("Uncovered"), _("Next expiry"), _("Cost data to"),
    ]


def _lines(caller: Caller, asked: Filters) -> Iterator[Sequence[Cell]]:
    """The lines of the export, read some hundred startups at a time, all of one state of the database."""
    begin_snapshot()
    yield _heads()
    for startup, views in holdings_in_parts(startups_of(caller, asked), caller.now):
        for view in views:
            yield _line(startup, view)
        if not views:
            yield (startup.key, startup.name)


def _line(startup: Startup, view: AccountView) -> Sequence[Cell]:
    amounts = (
        view.granted, view.drawn, view.held, view.remaining, view.not_yet, view.expired, view.voided, view.uncovered,
    )
    ends, newest = view.next_expiry, view.newest_charge_day
    return (
        startup.key, startup.name, view.resource_name, unit_word(view.unit.name),
        *(amount_cell(steps, view.unit) for steps in amounts), None if ends is None else last_day(ends), newest,
    )


@pages.post("/lists/views")
def save() -> ResponseReturnValue:
    """Keeps the filters of the list under a name."""
    caller = session.caller()
    require(caller, "startups.list")
    asked = filters_of(request.form)
    name, form = request.form.get("name", ""), Form({})
    view = attempt(form, lambda: save_view(caller, name, urlencode(asked.asked)))
    return _back(form, asked.asked, _("The view %(name)s is saved.", name=view.name) if view else "")


@pages.post("/lists/views/<int:view_id>/rename")
def rename(view_id: int) -> ResponseReturnValue:
    """Gives a view another name."""
    caller, form = session.caller(), posted({"name": _("Name")})
    view = attempt(form, lambda: rename_view(
        caller, view_id, form.value("name"), lambda there: form.refuse_changed({"name": there.name})
    ))
    if view is None:
        return list_page_of(caller, (view_id, form))
    return _back(form, {}, _("The view is called %(name)s now.", name=view.name))


@pages.post("/lists/views/<int:view_id>/delete")
def delete(view_id: int) -> ResponseReturnValue:
    """Forgets a view."""
    caller, form = session.caller(), Form({})

    def act() -> bool:
        delete_view(caller, view_id)
        return True

    attempt(form, act)
    return _back(form, {}, _("The view is deleted."))


def _back(form: Form, asked: dict[str, str], done: str) -> ResponseReturnValue:
    flash(" ".join(form.general) if form.is_refused else done, "danger" if form.is_refused else "success")
    return redirect(_address(asked), 303)


def _address(asked: dict[str, str]) -> str:
    return url_for("startups.listing") + (f"?{urlencode(asked)}" if asked else "")
