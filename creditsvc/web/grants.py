"""Awarding and changing grants. A refusal stands at its field and what was typed is kept; sent twice, done once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from marshmallow import Schema

from creditsvc.core.days import day_of
from creditsvc.grants.locked import lock_grant
from creditsvc.grants.models import Proposal
from creditsvc.grants.operations import (
    extend_grant,
    return_to_pool,
    void_grant,
    void_series,
)
from creditsvc.grants.proposals import (
    award_or_propose,
    award_package_or_propose,
    extend_series_or_propose,
    top_up_or_propose,
)
from creditsvc.grants.reading import find_grant, pools
from creditsvc.grants.schemas import AmountShape, AwardShape, ExtendShape, MonthsShape, ReasonShape
from creditsvc.ledger.history import lot_events
from creditsvc.ledger.reading import LotView, balances
from creditsvc.licences.waiting import seat_startups
from creditsvc.parties.access import may_with, require_startup
from creditsvc.web import live, proposals, session
from creditsvc.web.forms import Form, attempt, posted, submit_once
from creditsvc.web.grant_previews import Preview, preview

pages = session.private_pages("grants", __name__)


@dataclass(frozen=True)
class Change:
    """A way to change a grant: its words, its fields, the verb."""

    title: Any
    explanation: Any
    button: Any
    done: Any
    fields: tuple[str, ...]
    schema: Callable[[], Schema]
    act: Callable[..., object]
    is_of_series: bool = False  # of all months of an allowance rather than of the one grant


CHANGES: Mapping[str, Change] = {
    "extend": Change(
        lazy_gettext("Extend"), lazy_gettext("The grant lasts longer, to the end of the day below."),
        lazy_gettext("Extend the grant"), lazy_gettext("The grant is extended."),
        ("expires", "reason"), ExtendShape, extend_grant,
    ),
    "top-up": Change(
        lazy_gettext("Top up"), lazy_gettext("An amount from the grant's pool is added to it, for the days it has."),
        lazy_gettext("Top up the grant"), lazy_gettext("The grant is topped up."),
        ("amount", "reason"), AmountShape, top_up_or_propose,
    ),
    "void": Change(
        lazy_gettext("Void"),
        lazy_gettext("The grant stops now: it pays for no later charge day. What it paid for stays paid. This cannot "
                     "be taken back."),
        lazy_gettext("Void the grant"), lazy_gettext("The grant is void from now on."),
        ("reason",), ReasonShape, void_grant,
    ),
    "void-series": Change(
        lazy_gettext("Void all months"),
        lazy_gettext("The monthly allowance stops now, with all its months to come. What was used stays used. This "
                     "cannot be taken back."),
        lazy_gettext("Void the allowance"), lazy_gettext("The allowance is void from now on."),
        ("reason",), ReasonShape, void_series, is_of_series=True,
    ),
    "extend-series": Change(
        lazy_gettext("More months"),
        lazy_gettext("The monthly allowance runs on from its end, each month with what its last month was awarded "
                     "with. Write how many months it has in all."),
        lazy_gettext("Extend the allowance"), lazy_gettext("The allowance is extended."),
        ("months", "reason"), MonthsShape, extend_series_or_propose, is_of_series=True,
    ),
    "return": Change(
        lazy_gettext("Return to the pool"),
        lazy_gettext("An amount that nobody drew goes back to the pool, where it can be awarded again."),
        lazy_gettext("Return the amount"), lazy_gettext("The amount is back in the pool."),
        ("amount", "reason"), AmountShape, return_to_pool,
    ),
}


@pages.get("/startups/<key>/award")
def award(key: str) -> ResponseReturnValue:
    """The award form."""
    startup = require_startup(session.caller(), "grant.award", key)
    form = Form(_award_labels(), {"effective": day_of(session.caller().now).isoformat(), "priority": "0"})
    return _award_page(startup.key, form)


@pages.post("/startups/<key>/award")
def make_award(key: str) -> ResponseReturnValue:
    """Awards the grant and goes to the startup's page."""
    caller = session.caller()
    startup_id = require_startup(caller, "grant.award", key).id
    form = posted(_award_labels())
    form.typed["startup"] = key
    if _is_preview():
        seen = preview(
            form, AwardShape(exclude=["key"]), caller, startup_id, lambda values: award_or_propose(caller, **values)
        )
        return _preview_piece(form, seen) if live.is_asked() else _award_page(key, form, seen)

    def act(values: dict[str, Any]) -> str:
        made = award_or_propose(caller, **values)
        seat_startups(caller, session.config(), [made.startup_id])
        return proposals.onward(made, url_for("holdings.one", key=key))

    onward = submit_once(form, AwardShape(exclude=["key"]), caller, act)
    if onward is None:
        return _award_page(key, form)
    proposals.say(onward, _("The grant is awarded."))
    return redirect(onward, 303)


def _award_labels() -> dict[str, str]:
    return {
        "pool": _("Pool"), "amount": _("Amount"), "effective": _("First day"), "expires": _("Last day"),
        "months": _("Months"), "priority": _("Priority"), "promotional": _("Promotional credit"), "reason": _("Reason"),
    }


def _is_preview() -> bool:
    return request.form.get("step") == "preview"


def _preview_piece(form: Form, seen: Preview | None) -> ResponseReturnValue:
    """The preview alone, for the page that is there. What is only half typed is no fault: it says so in itself."""
    return render_template("preview_piece.html", form=form, seen=seen)


def _award_page(key: str, form: Form, seen: Preview | None = None) -> ResponseReturnValue:
    caller = session.caller()
    startup = require_startup(caller, "grant.award", key)
    return render_template("award.html", startup=startup, pools=pools(caller), form=form, seen=seen), form.status


@pages.post("/startups/<key>/packages/<cohort>/award")
def make_package_award(key: str, cohort: str) -> ResponseReturnValue:
    """Awards what an enrolment brings, whole or not at all."""
    caller = session.caller()
    form, home = Form({}), url_for("holdings.one", key=key)

    def act() -> tuple[str, int]:
        made = award_package_or_propose(caller, startup=key, cohort=cohort)
        if not isinstance(made, Proposal):
            seat_startups(caller, session.config(), [made[0].startup_id])
        return proposals.onward(made, home), 0 if isinstance(made, Proposal) else len(made)

    done = attempt(form, act)
    if done is None:
        flash(" ".join(form.general), "danger")
        return redirect(home, 303)
    proposals.say(done[0], ngettext(
        "The package is awarded: %(num)s grant.", "The package is awarded: %(num)s grants.", done[1]
    ))
    return redirect(done[0], 303)


@pages.get("/grants/<key>")
def grant(key: str) -> ResponseReturnValue:
    """A grant: what it says, what became of it, what was changed by whom and why."""
    caller = session.caller()
    found = find_grant(caller, key)
    startup = require_startup(caller, "startup.see", found.startup)
    accounts = [view.id for view in balances(caller.now, startup_ids=[startup.id])]
    events = [event for event in lot_events(accounts) if event.lot == key]
    return render_template(
        "grant.html", found=found, startup=startup, events=events, now=caller.now,
        changes={name: kind for name, kind in CHANGES.items() if found.grant.series or not kind.is_of_series},
        may_activate=may_with(caller, "grant.activate", startup),
    )


@pages.route("/grants/<key>/<change>", methods=["GET", "POST"])
def change(key: str, change: str) -> ResponseReturnValue:
    """The form for one change of a grant."""
    kind = CHANGES.get(change)
    if kind is None:
        abort(404)
    caller = session.caller()
    startup = find_grant(caller, key).startup
    startup_id = require_startup(caller, "grant.change", startup).id
    form = posted({name: text for name, text in _change_labels().items() if name in kind.fields})
    seen = None
    if request.method == "POST" and _is_preview():
        seen = preview(form, kind.schema(), caller, startup_id, lambda values: kind.act(caller, key, **values))
        if live.is_asked():
            return _preview_piece(form, seen)
    elif request.method == "POST":

        def act(values: dict[str, Any]) -> str:
            lock_grant(caller, key)
            form.refuse_changed(_stands(find_grant(caller, key).lot))
            made = kind.act(caller, key, **values)
            seat_startups(caller, session.config(), [startup_id])
            return proposals.onward(made, url_for("grants.grant", key=key))

        onward = submit_once(form, kind.schema(), caller, act)
        if onward is not None:
            proposals.say(onward, kind.done)
            return redirect(onward, 303)
    found = find_grant(caller, key)
    if request.method == "GET":
        form.fill(_stands(found.lot))
        form.typed = {}
    page = render_template("grant_change.html", found=found, kind=kind, form=form, now=caller.now, seen=seen)
    return page, form.status


def _stands(lot: LotView) -> dict[str, str]:
    """What people change of a grant. What it has paid for changes daily and makes no form old."""
    return {"granted": str(lot.amount), "expires": str(lot.expires), "voided": str(lot.voided_at)}


def _change_labels() -> dict[str, str]:
    return {"expires": _("New last day"), "amount": _("Amount"), "months": _("Months in all"), "reason": _("Reason")}
