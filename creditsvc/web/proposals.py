"""Awards that wait for a second person: the list, one with what it would do to its pools, approve, refuse, withdraw."""

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from marshmallow import Schema

from creditsvc.core.amounts import parse_amount
from creditsvc.core.errors import NotFound
from creditsvc.db import MAX_ID
from creditsvc.grants import proposals
from creditsvc.grants.models import Proposal
from creditsvc.grants.proposal_letters import tell
from creditsvc.grants.proposal_reading import ProposalView, find_proposal, proposals_of
from creditsvc.grants.reading import PoolView, pools
from creditsvc.grants.schemas import LimitShape, ReasonShape
from creditsvc.licences.waiting import seat_startups
from creditsvc.parties.access import Caller, require, require_startup
from creditsvc.web import session
from creditsvc.web.forms import Form, posted, submit, submit_once
from creditsvc.web.paging import asked_before
from creditsvc.web.plain_forms import Piece, Way, form_page
from creditsvc.web.show import unit_word

pages = session.private_pages("proposals", __name__)

PROPOSAL = f"int(max={MAX_ID}):proposal_id"
PAGE = 50


def onward(made: object, otherwise: str) -> str:
    """Where a door goes on to after an award: to the proposal, told of by mail, where a second person is needed."""
    if not isinstance(made, Proposal):
        return otherwise
    tell(session.caller(), [made], session.config())
    return url_for("proposals.one", proposal_id=made.id)


def say(address: str, done: str) -> None:
    """Tells of an award, or that it waits for a second person where `onward` led there."""
    if address.startswith(url_for("proposals.listing") + "/"):
        flash(_("This needs a second person, who is asked by mail. Nothing is awarded before somebody else approves "
                "it."), "info")
    else:
        flash(done, "success")


@pages.get("/proposals")
def listing() -> ResponseReturnValue:
    """The proposals that wait, or all of them, newest first."""
    caller = session.caller()
    shows_all = request.args.get("show") == "all"
    found = proposals_of(
        caller, state=None if shows_all else proposals.WAITING, limit=PAGE + 1,
        before=asked_before(),
    )
    return render_template(
        "proposals.html", proposals=found[:PAGE], shows_all=shows_all, pools=_pools(caller),
        before=found[PAGE - 1].id if len(found) > PAGE else None,
    )


@pages.get(f"/proposals/<{PROPOSAL}>")
def one(proposal_id: int) -> ResponseReturnValue:
    """A proposal and what it would do to its pools."""
    found = find_proposal(session.caller(), proposal_id)
    return _page(found, _form(), _form())


@pages.post(f"/proposals/<{PROPOSAL}>/approve")
def approve(proposal_id: int) -> ResponseReturnValue:
    """A second person says yes."""
    caller = session.caller()

    def act(values: dict[str, Any]) -> Proposal:
        proposal = proposals.approve(caller, proposal_id, **values)
        seat_startups(caller, session.config(), [proposal.startup_id])
        return proposal

    return _step(proposal_id, ReasonShape(), act, _("Approved and awarded. Who proposed it is told by mail."))


@pages.post(f"/proposals/<{PROPOSAL}>/refuse")
def refuse(proposal_id: int) -> ResponseReturnValue:
    """A second person says no, with a reason."""
    caller = session.caller()
    return _step(
        proposal_id, ReasonShape(),
        lambda values: proposals.refuse(caller, proposal_id, **values),
        _("Refused. Who proposed it is told by mail."), is_refusal=True,
    )


@pages.post(f"/proposals/<{PROPOSAL}>/withdraw")
def withdraw(proposal_id: int) -> ResponseReturnValue:
    """Whoever proposed it takes it back."""
    caller = session.caller()
    return _step(
        proposal_id, ReasonShape(), lambda values: proposals.withdraw(caller, proposal_id),
        _("Withdrawn. Nothing was awarded."),
    )


def _step(
    proposal_id: int, schema: Schema, act: Callable[[dict[str, Any]], Proposal], done: str, *,
    is_refusal: bool = False,
) -> ResponseReturnValue:
    caller = session.caller()
    require_startup(caller, "grant.award", find_proposal(caller, proposal_id).startup)
    form = _form()

    def step(values: dict[str, Any]) -> str:
        tell(caller, [act(values)], session.config())
        return url_for("proposals.one", proposal_id=proposal_id)

    address = submit_once(form, schema, caller, step)
    if address is not None:
        flash(done, "success")
        return redirect(address, 303)
    found = find_proposal(caller, proposal_id)
    return _page(found, *((_form(blank=True), form) if is_refusal else (form, _form(blank=True))))


def _form(*, blank: bool = False) -> Form:
    form = posted({"reason": _("Reason")})
    return Form(form.labels) if blank else form


def _page(found: ProposalView, approving: Form, refusing: Form) -> ResponseReturnValue:
    caller = session.caller()
    sources = _pools(caller)
    rows = [
        (ask, pool, steps * (ask["months"] or 1)) for ask in found.asks
        if (pool := sources.get(ask["pool"])) is not None
        for steps in (parse_amount(ask["amount"], pool.unit),)
    ]
    page = render_template("proposal.html", found=found, rows=rows, approving=approving, refusing=refusing)
    return page, max(approving.status, refusing.status)


def _pools(caller: Caller) -> dict[str, PoolView]:
    return {pool.key: pool for pool in pools(caller)}


@pages.route("/pools/<pool>/limit", methods=["GET", "POST"])
def limit(pool: str) -> ResponseReturnValue:
    """Says above which amount an award from a pool needs a second person."""
    caller = session.caller()
    require(caller, "pool.limit")
    found = _pools(caller).get(pool)
    if found is None:
        raise NotFound("pool", pool)
    form = posted({"amount": _("Limit")})
    if request.method == "POST":

        def act(values: dict[str, Any]) -> bool:
            proposals.set_award_limit(
                caller, pool, values["amount"],
                check=lambda: form.refuse_changed({"amount": _pools(caller)[pool].limit_text}),
            )
            return True

        if submit(form, LimitShape(), act) is not None:
            flash(_("The limit holds for awards from now on."), "success")
            return redirect(url_for("pools.listing"), 303)
    else:
        form.fill({"amount": found.limit_text})
    pieces = [Piece("amount", required=False, inputmode="decimal", help=_(
        "In %(unit)s. What one startup gets at once above it waits until somebody else approves it. Blank: no limit.",
        unit=unit_word(found.unit.name),
    ))]
    return form_page(
        form, pieces, title=_("Limit of the pool %(pool)s", pool=pool), button=_("Save"), once=False,
        back=Way(url_for("pools.listing"), _("Pools")),
    )
