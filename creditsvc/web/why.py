"""Why a figure is what it is: from a balance to its grants, to postings, to the import, to the rows of its file."""

import tempfile
from datetime import date, datetime
from pathlib import Path

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from creditsvc.core.days import day_of, ends_at, parse_day
from creditsvc.core.errors import Conflict, NotFound, RuleBroken
from creditsvc.ledger.history import newest_postings
from creditsvc.ledger.reading import AccountView, holdings_of
from creditsvc.parties.access import may
from creditsvc.parties.models import Startup
from creditsvc.usage.behind import PostedTotal, file_rows, find_total, posted_totals
from creditsvc.web import session
from creditsvc.web.forms import Form, text_of, typed_day
from creditsvc.web.paging import asked_before

pages = session.private_pages("why", __name__)

POSTINGS_SHOWN = 100


@pages.get("/startups/<key>/why/<resource>")
def balance(key: str, resource: str) -> ResponseReturnValue:
    """The sum of a balance, grant by grant, and the postings it is made of, newest first."""
    caller = session.caller()
    form = Form({"as_of": _("Balance at the end of"), "known_at": _("As it was known at the end of")}, request.args)
    as_of, known_at = _end_of(form, "as_of"), _end_of(form, "known_at")
    startup, views = holdings_of(caller, key, min(as_of or caller.now, caller.now), known_at)
    view = _view_of(views, resource)
    grant = request.args.get("grant") or None
    before = asked_before()
    rows = newest_postings(
        view.id, lot=grant, before=before, until=as_of, batch=view.batch, limit=POSTINGS_SHOWN + 1
    )
    page = render_template(
        "why.html", startup=startup, view=view, form=form, now=caller.now, as_of=as_of, known_at=known_at,
        rows=rows[:POSTINGS_SHOWN], onward=rows[POSTINGS_SHOWN - 1].id if len(rows) > POSTINGS_SHOWN else None,
        grant=grant, before=before, sees_runs=may(caller, "usage.see"),
    )
    return page, form.status


@pages.get("/startups/<key>/why/<resource>/<day>")
def charge_day(key: str, resource: str, day: str) -> ResponseReturnValue:
    """What was used on a charge day, by scope and charge, with the imports that said so."""
    startup, view, on = _asked(key, resource, day)
    return render_template(
        "why_day.html", startup=startup, view=view, day=on, totals=posted_totals(view.id, on),
        rows=newest_postings(view.id, on=on, batch=view.batch, limit=POSTINGS_SHOWN),
        sees_runs=may(session.caller(), "usage.see"),
    )


@pages.get("/startups/<key>/why/<resource>/<day>/rows")
def rows(key: str, resource: str, day: str) -> ResponseReturnValue:
    """The rows of the file behind one of the day's totals."""
    startup, view, on = _asked(key, resource, day)
    scope, charge, currency = (request.args.get(name, "") for name in ("scope", "charge", "currency"))
    total: PostedTotal = find_total(view.id, on, scope, charge, currency)
    caller = session.caller()
    behind, refusal = None, None
    try:
        with tempfile.TemporaryDirectory() as folder:
            behind = file_rows(total, on, Path(folder))
    except Conflict as conflict:
        # the names of the incubator's files and folders may tell of others
        refusal = text_of(conflict) if caller.role else _("the file of the import cannot be read again")
    return render_template(
        "why_rows.html", startup=startup, view=view, day=on, total=total, behind=behind, refusal=refusal,
        sees_runs=may(caller, "usage.see"), sees_files=caller.role is not None,
    )


def _asked(key: str, resource: str, day: str) -> tuple[Startup, AccountView, date]:
    """The startup, the account and the day of an address. Raises NotFound for whatever is not there."""
    caller = session.caller()
    startup, views = holdings_of(caller, key, caller.now)
    try:
        return startup, _view_of(views, resource), parse_day(day, "day")
    except RuleBroken:
        raise NotFound("day", day) from None


def _view_of(views: list[AccountView], resource: str) -> AccountView:
    for view in views:
        if view.resource == resource:
            return view
    raise NotFound("resource", resource)


def _end_of(form: Form, name: str) -> datetime | None:
    """The end of the day that is typed, in the programme's calendar; None without one or with one that is no day."""
    day = typed_day(form, name)
    if day is None:
        return None
    if day > day_of(session.caller().now):
        form.refuse(name, _("This day is still to come: give one up to today."))
        return None
    return ends_at(day)
