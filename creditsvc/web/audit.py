"""The auditor's pages: the book as of a day as it was known on another, its batches, the trail, a signed copy."""

from datetime import datetime
from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from creditsvc.core.days import day_of, ends_at, starts_at
from creditsvc.ledger.verified import last_verification
from creditsvc.parties.access import require
from creditsvc.statements import audit
from creditsvc.web import session
from creditsvc.web.downloads import download
from creditsvc.web.forms import Form, typed_day
from creditsvc.web.paging import asked_before

pages = session.private_pages("audit", __name__)

SUMMED = 1000
"""So many accounts are summed whenever the page is read; more of them when somebody asks for it."""

LAST_PAGE = 1_000_000


@pages.get("/book")
def book() -> ResponseReturnValue:
    """The accounts in pages, their sums by resource, and where to get a signed copy."""
    caller = session.caller()
    form = _dates()
    as_of, known_at = _end(form, "as_of"), _end(form, "known_at")
    number = min(max(request.args.get("page", 1, type=int), 1), LAST_PAGE)
    count, views = audit.book_page(caller, as_of or caller.now, known_at, number)
    is_summed = count <= SUMMED or bool(request.args.get("sums"))
    totals = audit.book_totals(caller, as_of or caller.now, known_at) if is_summed else None
    page = render_template(
        "book_audit.html", form=form, totals=totals, views=views, count=count, number=number,
        pages=-(-count // audit.SHOWN),
        as_of=as_of or caller.now, known_at=known_at or caller.now, verified=last_verification(caller), now=caller.now,
        asked={name: form.value(name) for name in ("as_of", "known_at") if form.value(name)},
    )
    return page, form.status


@pages.get("/book/copy.zip")
def copy() -> ResponseReturnValue:
    """The signed copy of the book."""
    caller = session.caller()
    require(caller, "book.see")
    form = _dates()
    as_of, known_at = _end(form, "as_of"), _end(form, "known_at")
    if form.is_refused:
        return book()
    config = session.config()
    content = audit.signed_copy(caller, config.secret_key, as_of or caller.now, known_at)
    name = f"book-{day_of(as_of or caller.now)}-known-{day_of(known_at or caller.now)}.zip"
    return download(content, "application/zip", name)


@pages.get("/book/batches")
def batches() -> ResponseReturnValue:
    """Batches, the newest first."""
    startup, cause = request.args.get("startup", "").strip(), request.args.get("cause", "").strip()
    before = asked_before()
    rows, onward = audit.list_batches(session.caller(), startup=startup, cause=cause, before=before)
    form = Form({"startup": _("Startup's key"), "cause": _("Cause")}, request.args)
    return render_template(
        "batches.html", rows=rows, form=form, before=before,
        onward=url_for(".batches", startup=startup or None, cause=cause or None, before=onward) if onward else None,
    )


@pages.get("/book/batches/<int:batch_id>")
def batch(batch_id: int) -> ResponseReturnValue:
    """One batch with its postings."""
    view, postings = audit.find_batch(session.caller(), batch_id)
    return render_template("batch.html", batch=view, postings=postings)


@pages.get("/trail")
def trail() -> ResponseReturnValue:
    """What was done, the newest first."""
    caller = session.caller()
    labels = {
        "subject": _("Subject begins with"), "actor": _("By"), "action": _("Action"), "from": _("From"), "to": _("To"),
    }
    form = Form(labels, request.args)
    asked = {name: form.value(name).strip() for name in labels}
    first, until = _start(form, "from"), _end(form, "to")
    before = asked_before()
    rows, onward = audit.list_trail(
        caller, subject=asked["subject"], actor=asked["actor"], action=asked["action"], first=first, until=until,
        before=before,
    )
    given: dict[str, Any] = {name: text for name, text in asked.items() if text}
    page = render_template(
        "trail.html", rows=rows, form=form, before=before,
        onward=url_for(".trail", **given, before=onward) if onward else None,
    )
    return page, form.status


def _dates() -> Form:
    labels = {"as_of": _("Balance at the end of"), "known_at": _("As it was known at the end of")}
    return Form(labels, request.args)


def _end(form: Form, name: str) -> datetime | None:
    """The end of the day that is typed, None without one; never later than now, which is all that can be known."""
    day = typed_day(form, name)
    return None if day is None else min(ends_at(day), session.caller().now)


def _start(form: Form, name: str) -> datetime | None:
    day = typed_day(form, name)
    return None if day is None else starts_at(day)
