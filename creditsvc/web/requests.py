"""What startups ask for: the form for it, the list for managers, and the page on which one is decided."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from marshmallow import Schema, fields

from creditsvc.core.amounts import format_amount
from creditsvc.core.days import end_text
from creditsvc.core.errors import RuleBroken
from creditsvc.db import MAX_ID
from creditsvc.grants import requests
from creditsvc.grants.models import GrantRequest
from creditsvc.grants.reading import PoolView, pools
from creditsvc.grants.request_letters import tell
from creditsvc.grants.request_reading import RequestView, find_request, requests_of
from creditsvc.grants.schemas import REASON, ApproveShape, AskShape
from creditsvc.ledger.reading import AccountView, LotView, holdings_of
from creditsvc.licences.waiting import seat_startups
from creditsvc.parties.access import Caller, may_with, require_startup
from creditsvc.programmes.reading import zone_of_startup
from creditsvc.web import session
from creditsvc.web.forms import Form, posted, submit_once
from creditsvc.web.paging import asked_before

pages = session.private_pages("requests", __name__)

PAGE = 50
REQUEST = f"int(max={MAX_ID}):request_id"


class RefusalShape(Schema):
    """Why a request is refused; named apart, since the page has another reason beside it."""

    refusal = fields.String(required=True, attribute="reason", validate=REASON)


class WithdrawShape(Schema):
    """Nothing need be said."""


@pages.get("/requests")
def listing() -> ResponseReturnValue:
    """The requests of the startups that the caller may see: those that wait, or all."""
    chosen = "" if request.args.get("show") == "all" else requests.OPEN
    found = requests_of(
        session.caller(), states=(chosen,) if chosen else (), limit=PAGE + 1, before=asked_before()
    )
    return render_template(
        "requests.html", requests=found[:PAGE], shows_all=not chosen,
        before=found[PAGE - 1].id if len(found) > PAGE else None,
    )


@pages.route("/startups/<key>/requests/new", methods=["GET", "POST"])
def ask(key: str) -> ResponseReturnValue:
    """The form in which a startup asks for more or for longer."""
    caller = session.caller()
    require_startup(caller, "request.make", key)
    form = posted(_ask_labels())
    if request.method == "GET":
        form.typed["grant"] = request.args.get("grant", "")[:120]
    else:

        def act(values: dict[str, Any]) -> str:
            made = requests.ask(caller, **values)
            tell(caller, made, session.config())
            return url_for("requests.one", request_id=made.id)

        onward = submit_once(form, AskShape(), caller, act)
        if onward is not None:
            flash(_("Sent. The incubator's managers are told by mail, and so are you of their answer."), "success")
            return redirect(onward, 303)
    startup, views = holdings_of(caller, key, caller.now)
    open_ones = requests_of(caller, startup=key, states=(requests.OPEN,))
    waiting = {one.resource for one in open_ones}
    page = render_template(
        "request_form.html", startup=startup, form=form, waiting=open_ones,
        choices=[(view, lot) for view in views if view.resource not in waiting for lot in _askable(view)],
    )
    return page, form.status


@pages.get(f"/requests/<{REQUEST}>")
def one(request_id: int) -> ResponseReturnValue:
    """A request: what is asked for, how it stands, and for a manager the forms that decide it."""
    found = find_request(session.caller(), request_id)
    return _page(found, _approve_form(found, fresh=True), Form(_refuse_labels()))


@pages.post(f"/requests/<{REQUEST}>/approve")
def approve(request_id: int) -> ResponseReturnValue:
    """Gives what was asked for, or what the form says instead."""
    caller = session.caller()

    def act(values: dict[str, Any]) -> GrantRequest:
        if values["amount"] is None and values["expires"] is None:
            raise RuleBroken("amount", "nothing-given", "say what is given: an amount, a last day, or both")
        made = requests.approve(caller, request_id, **values)
        seat_startups(caller, session.config(), [made.startup_id])
        return made

    found = _to_decide(caller, request_id)
    return _step(found, _approve_form(found), Form(_refuse_labels()), ApproveShape(), act,
                 _("Approved. The startup is told by mail."))


@pages.post(f"/requests/<{REQUEST}>/refuse")
def refuse(request_id: int) -> ResponseReturnValue:
    """Says no, with a reason."""
    caller = session.caller()
    found = _to_decide(caller, request_id)
    form = posted(_refuse_labels())
    return _step(found, form, _approve_form(found, fresh=True), RefusalShape(),
                 lambda values: requests.refuse(caller, request_id, **values),
                 _("Refused. The startup is told by mail."))


@pages.post(f"/requests/<{REQUEST}>/withdraw")
def withdraw(request_id: int) -> ResponseReturnValue:
    """Takes a request back."""
    caller = session.caller()
    found = find_request(caller, request_id)
    require_startup(caller, "request.make", found.startup)
    return _step(found, posted({}), _approve_form(found, fresh=True), WithdrawShape(),
                 lambda values: requests.withdraw(caller, request_id), _("Withdrawn."))


def _to_decide(caller: Caller, request_id: int) -> RequestView:
    found = find_request(caller, request_id)
    require_startup(caller, "request.decide", found.startup)
    return found


def _step(
    found: RequestView, sent: Form, other: Form, schema: Schema, act: Callable[[dict[str, Any]], GrantRequest],
    done: str,
) -> ResponseReturnValue:
    """Does what a form of the page asks for and tells of it; `other` is the page's other form."""
    caller, request_id = session.caller(), found.id

    def step(values: dict[str, Any]) -> str:
        tell(caller, act(values), session.config())
        return url_for("requests.one", request_id=request_id)

    onward = submit_once(sent, schema, caller, step)
    if onward is not None:
        if find_request(caller, request_id).is_open:
            flash(_("Your yes is noted. It is above the limit of the pool: a second person, told by mail, has to say "
                    "the same."), "info")
        else:
            flash(done, "success")
        return redirect(onward, 303)
    found = find_request(caller, request_id)
    return _page(found, *((sent, other) if "amount" in sent.labels else (other, sent)))


def _page(found: RequestView, approving: Form, refusing: Form) -> ResponseReturnValue:
    caller = session.caller()
    startup, views = holdings_of(caller, found.startup, caller.now)
    view = next(view for view in views if view.resource == found.resource)
    decides = found.is_open and may_with(caller, "request.decide", startup)
    page = render_template(
        "request.html", found=found, view=view, lot=next(lot for lot in view.lots if lot.key == found.grant),
        now=caller.now, approving=approving, refusing=refusing, decides=decides,
        pools=_pools_of(caller, found) if decides else [],
        withdraws=found.is_open and may_with(caller, "request.make", startup),
    )
    return page, max(approving.status, refusing.status)


def _pools_of(caller: Caller, found: RequestView) -> list[PoolView]:
    """The pools of which a new grant of the same resource could be."""
    return [pool for pool in pools(caller) if pool.resource == found.resource]


def _askable(view: AccountView) -> list[LotView]:
    """The grants of an account that can be asked about, those that last longest first."""
    return sorted((lot for lot in view.lots if not lot.worthless), key=lambda lot: lot.end, reverse=True)


def _approve_form(found: RequestView, *, fresh: bool = False) -> Form:
    """The form to approve with, filled with what is asked for when it is `fresh`."""
    labels = {"amount": _("More"), "expires": _("New last day"), "pool": _("From the pool"), "reason": _("Reason")}
    form = posted(labels)
    asked = found.request
    if fresh:
        first = asked.first_terms
        end = asked.expires if first is None else first["expires"] and datetime.fromisoformat(first["expires"])
        amount = None if asked.amount is None else format_amount(asked.amount, found.unit)
        form.typed = {
            "amount": (amount if first is None else first["amount"]) or "",
            "expires": end_text(end, zone_of_startup(asked.startup_id)) if end else "",
            "pool": (first or {}).get("pool") or "",
        }
    return form


def _ask_labels() -> dict[str, str]:
    return {"grant": _("Of what"), "amount": _("How much more"), "expires": _("Until when"), "why": _("What for")}


def _refuse_labels() -> dict[str, str]:
    return {"refusal": _("Why not")}
