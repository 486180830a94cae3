"""The manager's first page: who needs them today, with the next step at each row."""

from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from creditsvc.alerts.work_items import PAGE, snooze_item, work_group
from creditsvc.alerts.work_items import worklist as read_worklist
from creditsvc.db import MAX_ID
from creditsvc.grants.proposal_reading import waiting_proposals
from creditsvc.web import session, show
from creditsvc.web.forms import Form, attempt

pages = session.private_pages("worklist", __name__)

LAST_PAGE = 10_000


@dataclass(frozen=True)
class Words:
    """What a group is called, and what it means."""

    title: Any
    meaning: Any


WORDS = {
    "uncovered": Words(
        lazy_gettext("Uncovered spending"),
        lazy_gettext("Usage that no grant paid: it is on the startup's own bill until a grant covers it."),
    ),
    "running-out": Words(
        lazy_gettext("Runs out before it ends"),
        lazy_gettext("If it is used as now, nothing is left before the grants end, as the last night forecast it."),
    ),
    "exports-offered": Words(
        lazy_gettext("Startups' own exports that wait for a yes"),
        lazy_gettext("Uploaded by a startup's own people, of its own billing scopes: nothing was posted."),
    ),
    "runs-held": Words(
        lazy_gettext("Imports that wait for a yes"),
        lazy_gettext("They look unlike a full export: nothing was posted."),
    ),
    "scopes-unknown": Words(
        lazy_gettext("Billing scopes that nobody knows"),
        lazy_gettext("Their usage waits until they are assigned to a startup."),
    ),
    "expiring": Words(
        lazy_gettext("Expires with much left"),
        lazy_gettext("Grants of credit that end within 60 days with a quarter or more not used."),
    ),
    "hours-unbooked": Words(
        lazy_gettext("Hours that nobody booked"), lazy_gettext("They expire within 30 days."),
    ),
    "stale": Words(
        lazy_gettext("Old cost data"),
        lazy_gettext("Nothing new for 4 days or more: what was used since is not in the balance."),
    ),
    "not-begun": Words(
        lazy_gettext("Not begun"),
        lazy_gettext("Grants that could be used for 30 days or more, of which nothing was drawn."),
    ),
    "seats-unused": Words(
        lazy_gettext("Seats that nobody uses"),
        lazy_gettext("Free, or without activity by the publisher's counts, as the last night found them."),
    ),
}


@pages.get("/worklist")
def all_groups() -> ResponseReturnValue:
    """All groups with their first rows."""
    caller = session.caller()
    return render_template(
        "worklist.html", found=read_worklist(caller), words_of=WORDS, proposals=waiting_proposals(caller)
    )


@pages.get("/worklist/<group>")
def one_group(group: str) -> ResponseReturnValue:
    """All rows of a group, in pages."""
    number = min(max(request.args.get("page", 1, type=int), 1), LAST_PAGE)
    caller = session.caller()
    found = work_group(caller, group, number)
    return render_template(
        "worklist_group.html", group=found, words_of=WORDS, number=number, pages=-(-found.total // PAGE),
        as_of=caller.now,
    )


@pages.post("/worklist/<group>/snooze")
def snooze(group: str) -> ResponseReturnValue:
    """Takes a row off the caller's list for a week."""
    caller = session.caller()
    account_id = request.form.get("account", 0, type=int)
    holding, form = request.form.get("holding", ""), Form({})
    until = attempt(form, lambda: snooze_item(caller, group, min(max(account_id, 0), MAX_ID), holding))
    if until is None:
        flash(" ".join(form.general), "danger")
    else:
        flash(_("Off your worklist before %(day)s, and no mail about it.", day=show.day(until)), "success")
    return redirect(url_for("worklist.all_groups"), 303)
