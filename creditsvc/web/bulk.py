"""Many startups at once: chosen in the list, asked what is to be done, shown every row of it, then done in one act."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from marshmallow import Schema
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from creditsvc.alerts.messages import Letter, plan_mailing, send_all
from creditsvc.alerts.startup_list import Filters, choices, startups_of
from creditsvc.core.errors import NotFound, RuleBroken
from creditsvc.db import db
from creditsvc.grants.bulk import MOST, AwardTerms, award_all, award_packages, plan_awards, plan_packages
from creditsvc.grants.bulk_extending import extend_all, plan_extensions
from creditsvc.grants.reading import pools
from creditsvc.grants.schemas import BulkAwardShape, BulkExtendShape, BulkMessageShape
from creditsvc.licences.waiting import seat_startups
from creditsvc.parties.access import Caller, require, visible_startups
from creditsvc.parties.models import Startup
from creditsvc.web import session
from creditsvc.web.forms import Form, posted, shape, submit_once, text_of
from creditsvc.web.lists import filters_of

pages = session.private_pages("bulk", __name__)

Values = dict[str, Any]

FILTER = "f-"
"""Before the names of the list's filters, which are fields of the forms here too."""


@dataclass(frozen=True)
class Selection:
    """The startups chosen: ticked ones by their keys, or (`filters`) all that a filter finds."""

    keys: tuple[str, ...] = ()
    filters: Filters | None = None

    def startups(self, caller: Caller) -> list[Startup]:
        """Those of them that the caller may see, in the order of the list.

        Raises RuleBroken("", "none-chosen" | "too-many").
        """
        if self.filters is not None:
            found = list(startups_of(caller, self.filters, MOST + 1))
        else:
            found = list(db.session.scalars(
                select(Startup).where(Startup.key.in_(self.keys[: MOST + 1]), visible_startups(caller))
                .order_by(Startup.key)
            ))
        if not found:
            raise RuleBroken("", "none-chosen", "no startup is chosen: tick some in the list, or choose all")
        if len(found) > MOST:
            raise RuleBroken("", "too-many", "at most %(most)s startups can be done at once: narrow the list",
                             most=MOST)
        return found

    @property
    def fields(self) -> list[tuple[str, str]]:
        """What a form sends to choose the same again."""
        if self.filters is not None:
            return [("chosen", "all"), *((FILTER + name, value) for name, value in self.filters.asked.items())]
        return [("startup", key) for key in self.keys]


@dataclass(frozen=True)
class Action:
    """What can be done to many: its permission, words and fields, how it is planned and done."""

    permission: str
    title: Any
    button: Any
    labels: Callable[[], Mapping[str, str]]
    schema: Callable[[], Schema]
    plan: Callable[[Caller, list[Startup], Values], Any]
    act: Callable[[Caller, list[Startup], Values, Mapping[str, str]], str]


def _award_labels() -> Mapping[str, str]:
    return {
        "cohort": _("Package of"), "pool": _("Pool"), "amount": _("Amount for each"), "effective": _("First day"),
        "expires": _("Last day"), "reason": _("Reason"),
    }


def _plan_award(caller: Caller, startups: list[Startup], values: Values) -> Any:
    if values["cohort"]:
        return plan_packages(caller, startups, values["cohort"])
    return plan_awards(caller, startups, _terms(values))


def _terms(values: Values) -> AwardTerms:
    for name in ("pool", "amount", "effective"):
        if not values[name]:
            raise RuleBroken(name, "missing", "fill this in, or choose a package instead")
    return AwardTerms(**{name: value for name, value in values.items() if name != "cohort"})


def _award(caller: Caller, startups: list[Startup], values: Values, seen: Mapping[str, str]) -> str:
    if values["cohort"]:
        plan = award_packages(caller, startups, values["cohort"], seen)
    else:
        plan = award_all(caller, startups, _terms(values), seen)
    seat_startups(caller, session.config(), [startup.id for startup in startups])
    return str(ngettext("Awarded to %(num)s startup.", "Awarded to %(num)s startups.", plan.count))


def _extend(caller: Caller, startups: list[Startup], values: Values, seen: Mapping[str, str]) -> str:
    plan = extend_all(caller, startups, values["resource"], values["expires"], values["reason"], seen)
    seat_startups(caller, session.config(), [startup.id for startup in startups])
    return str(ngettext("Extended for %(num)s startup.", "Extended for %(num)s startups.", plan.count))


def _send(caller: Caller, startups: list[Startup], values: Values, seen: Mapping[str, str]) -> str:
    mailing = send_all(caller, session.config(), startups, Letter(**values), seen)
    return str(ngettext("%(num)s mail is in the outbox.", "%(num)s mails are in the outbox.", mailing.count))


ACTIONS: Mapping[str, Action] = {
    "award": Action(
        "grant.award", lazy_gettext("Award to many"), lazy_gettext("Award all of it"), _award_labels, BulkAwardShape,
        _plan_award, _award,
    ),
    "extend": Action(
        "grant.change", lazy_gettext("Extend for many"), lazy_gettext("Extend all of it"),
        lambda: {"resource": _("Resource"), "expires": _("New last day"), "reason": _("Reason")}, BulkExtendShape,
        lambda caller, startups, values: plan_extensions(caller, startups, values["resource"], values["expires"]),
        _extend,
    ),
    "message": Action(
        "startup.message", lazy_gettext("Write to many"), lazy_gettext("Send all of it"),
        lambda: {
            "kind": _("What"), "subject": _("Subject"), "text": _("Text"), "owners_only": _("To owners alone"),
        },
        BulkMessageShape,
        lambda caller, startups, values: plan_mailing(caller, session.config(), startups, Letter(**values)), _send,
    ),
}


def _action(name: str, caller: Caller) -> Action:
    if name not in ACTIONS:
        abort(404)
    require(caller, ACTIONS[name].permission)
    return ACTIONS[name]


def _selection() -> Selection:
    values = request.values
    if values.get("chosen") == "all":
        return Selection(filters=filters_of(MultiDict({
            name.removeprefix(FILTER): value for name, value in values.items() if name.startswith(FILTER)
        })))
    return Selection(tuple(dict.fromkeys(key[:100] for key in values.getlist("startup"))))


@pages.route("/bulk/<action>", methods=["GET", "POST"])
def ask(action: str) -> ResponseReturnValue:
    """The form for what is to be done to the startups chosen; once it is filled in, every row of what would happen."""
    caller = session.caller()
    kind = _action(action, caller)
    chosen, form = _selection(), posted(kind.labels())
    if "step" not in request.form:
        form.typed.update({name: value for name, value in request.args.items() if name in form.labels})
        return _page(action, chosen, form)
    return _page(action, chosen, form, shape(form, kind.schema()))


@pages.post("/bulk/<action>/apply")
def apply(action: str) -> ResponseReturnValue:
    """Does all that the preview showed, or nothing; sent twice, it is done once."""
    caller = session.caller()
    kind = _action(action, caller)
    chosen, form = _selection(), posted(kind.labels())
    seen = _seen(request.form.get("seen", ""))
    form.typed |= {"selection": json.dumps(chosen.fields), "seen": json.dumps(seen, sort_keys=True)}

    told: list[str] = []

    def act(values: Values) -> str:
        told.append(kind.act(caller, chosen.startups(caller), values, seen))
        return url_for("startups.listing")

    onward = submit_once(form, kind.schema(), caller, act)
    if onward is None:
        return _page(action, chosen, form, shape(Form(form.labels, form.typed), kind.schema()), seen)
    flash(told[-1] if told else _("This was done before: it was not done again."), "success")
    return redirect(onward, 303)


def _seen(text: str) -> dict[str, str]:
    """The seals of the preview, as the form sends them back; what is none of ours fits no plan."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _page(
    action: str, chosen: Selection, form: Form, values: Values | None = None, seen: Mapping[str, str] | None = None
) -> ResponseReturnValue:
    """The form, and the rows of what it would do where it is filled in; `seen` is what was shown before."""
    caller, kind = session.caller(), ACTIONS[action]
    startups, plan = [], None
    try:
        startups = chosen.startups(caller)
        plan = None if values is None else kind.plan(caller, startups, values)
    except NotFound:
        form.refuse("cohort", _("There is no such cohort."))
    except RuleBroken as error:
        form.show(error)
    refusal = getattr(plan, "refusal", None)
    if refusal is not None and text_of(refusal) not in form.error(refusal.field):
        before = form.status
        form.show(refusal)
        form.status = before if before > 200 else form.status  # what was refused first decides
    changed = set() if not seen or plan is None else {
        key for key in {*plan.seals, *seen} if plan.seals.get(key) != seen.get(key)
    }
    page = render_template(
        "bulk.html", action=action, kind=kind, chosen=chosen, startups=startups, form=form, plan=plan, changed=changed,
        seen=json.dumps(plan.seals) if plan is not None else "", pools=pools(caller) if action == "award" else [],
        choices=choices(caller), text_of=text_of,
    )
    return page, form.status
