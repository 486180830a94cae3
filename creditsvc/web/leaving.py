"""Graduating and withdrawing: what it does to each holding, shown before it happens; and an applied enrolment begun."""

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from marshmallow import Schema, fields

from creditsvc.core.days import parse_day
from creditsvc.core.errors import RuleBroken
from creditsvc.db import transaction
from creditsvc.onboarding.leaving import LEAVING, RUN_ON, UNTIL, WAYS, Choice, Held, Left, held_by, leave, usual
from creditsvc.parties.access import Caller, require_startup
from creditsvc.programmes.operations import change_status
from creditsvc.programmes.reading import find_cohort
from creditsvc.web import session
from creditsvc.web.forms import Form, attempt, posted, submit_once

pages = session.private_pages("leaving", __name__)


class LeaveShape(Schema):
    """Why an enrolment ends; the choices of each holding are read beside it."""

    reason = fields.String(load_default="")


@pages.route("/startups/<key>/enrolments/<cohort>/<leaving>", methods=["GET", "POST"])
def end(key: str, cohort: str, leaving: str) -> ResponseReturnValue:
    """The choices for each holding, a look at what they do, and doing it."""
    if leaving not in LEAVING:
        abort(404)
    caller = session.caller()
    startup = require_startup(caller, "grant.change", key)
    name, intake = startup.name, find_cohort(caller, cohort).name  # a refusal ends what was read
    holdings = held_by(caller, key, cohort)
    form = _form(holdings, leaving)
    seen: Left | None = None
    if request.method == "POST" and request.form.get("do") == "leave":

        def act(values: dict[str, Any]) -> str:
            leave(
                caller, session.config(), startup=key, cohort=cohort, status=leaving, reason=values["reason"],
                choices=_choices(form, holdings), cancel_sessions=bool(form.value("cancel_sessions")),
            )
            return url_for("holdings.one", key=key)

        onward = submit_once(form, LeaveShape(), caller, act)
        if onward is not None:
            flash(_("%(name)s has left the cohort; its people are told by mail.", name=name), "success")
            return redirect(onward, 303)
    elif request.method == "POST":
        seen = _look(form, caller, key, cohort, leaving, holdings)
    page = render_template(
        "leaving.html", form=form, startup_key=key, startup_name=name, cohort=cohort, cohort_name=intake,
        leaving=leaving, holdings=holdings, seen=seen, now=caller.now,
    )
    return page, form.status


@pages.post("/startups/<key>/enrolments/<cohort>/begin")
def begin(key: str, cohort: str) -> ResponseReturnValue:
    """Makes an applied enrolment active."""
    caller = session.caller()
    form = Form({})
    done = attempt(form, lambda: change_status(caller, startup=key, cohort=cohort, status="active").id)
    if done is None:
        flash(" ".join(form.general), "danger")
    else:
        flash(_("The enrolment is active. Its package can be awarded."), "success")
    return redirect(url_for("cohorts.one", key=cohort), 303)


def _form(holdings: list[Held], leaving: str) -> Form:
    labels = {"reason": _("Reason"), "cancel_sessions": _("Cancel the sessions that are booked for when hours have "
                                                          "stopped")}
    sent = [name.removeprefix("way.") for name in request.form if name.startswith("way.")]
    for key in dict.fromkeys([*(one.key for one in holdings), *sent]):  # sent again, it says the same as before
        labels |= {
            f"way.{key}": _("What becomes of %(key)s", key=key),
            f"on.{key}": _("Last day of %(key)s", key=key),
            f"back.{key}": _("Return what is undrawn of %(key)s to its pool", key=key),
        }
    form = posted(labels)
    if request.method == "GET":
        form.typed["cancel_sessions"] = "true"
        for one in holdings:
            choice = usual(one, leaving)
            form.typed |= {f"way.{one.key}": choice.way, f"back.{one.key}": "true" if choice.back else ""}
    return form


def _choices(form: Form, holdings: list[Held]) -> dict[str, Choice]:
    """What was chosen for each holding. Raises RuleBroken at `on.<holding>` and `way.<holding>`."""
    chosen = {}
    for one in holdings:
        way = form.value(f"way.{one.key}") or RUN_ON
        if way not in WAYS:
            raise RuleBroken(f"way.{one.key}", "unknown-way", "Choose one of the ways.")
        day = form.value(f"on.{one.key}").strip()
        on = parse_day(day, f"on.{one.key}") if way == UNTIL and day else None
        chosen[one.key] = Choice(way, on, bool(form.value(f"back.{one.key}")))
    return chosen


def _look(form: Form, caller: Caller, key: str, cohort: str, leaving: str, holdings: list[Held]) -> Left | None:
    """What would be done: done, and taken back; None with the refusal in the form."""
    try:
        return transaction(lambda: leave(
            caller, session.config(), startup=key, cohort=cohort, status=leaving, choices=_choices(form, holdings),
            reason=form.value("reason") or "-", cancel_sessions=bool(form.value("cancel_sessions")),
        ), keep=False)
    except RuleBroken as refusal:
        form.show(refusal)
        return None
