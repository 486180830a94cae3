"""Awards above their pool's limit: proposed by one person, approved or refused by another."""

from collections.abc import Callable
from typing import Any

from flask import Response, current_app, url_for

from creditsvc.api.etags import check_match
from creditsvc.api.paging import id_cursor, one_of, page
from creditsvc.api.proposal_schemas import LimitedPoolSchema, ProposalListSchema, ProposalQuerySchema, ProposalSchema
from creditsvc.api.routes import get, new_blueprint, patch, post
from creditsvc.api.schemas import NothingSchema
from creditsvc.api.tokens import current_caller
from creditsvc.api.writes import edit_once, write_once
from creditsvc.core.errors import Conflict
from creditsvc.db import MAX_ID
from creditsvc.grants import proposals
from creditsvc.grants.models import Proposal
from creditsvc.grants.proposal_letters import tell
from creditsvc.grants.proposal_reading import find_proposal, proposal_document, proposals_of
from creditsvc.grants.reading import pools
from creditsvc.grants.schemas import AmountShape, AwardShape, LimitEditShape, MonthsShape, ReasonShape, RefuseShape
from creditsvc.licences.waiting import seat_startups
from creditsvc.parties.access import require
from creditsvc.parties.once import Answer

blueprint = new_blueprint("proposals", "Awards above their pool's limit, which need a second person.")

PROPOSAL = f"<int(max={MAX_ID}):proposal_id>"
PROPOSAL_STEPS = dict.fromkeys(
    ("get_proposal", "approve_proposal", "refuse_proposal", "withdraw_proposal"), "proposal_id"
)


@get(blueprint, "/proposals", query=ProposalQuerySchema, answers=ProposalListSchema)
def list_proposals(query: dict[str, Any]) -> dict[str, Any]:
    """The proposed awards to startups you may see, newest first."""
    found = proposals_of(
        current_caller(), state=query.get("state"), before=id_cursor(query.get("after")), limit=query["limit"] + 1
    )
    return page(found, query["limit"], proposal_document, lambda view: str(view.id))


@get(blueprint, f"/proposals/{PROPOSAL}", answers=ProposalSchema)
def get_proposal(proposal_id: int) -> dict[str, Any]:
    """One proposed award, and what has become of it."""
    return proposal_document(find_proposal(current_caller(), proposal_id))


@post(blueprint, "/proposals", scope="award", body=AwardShape, answers=ProposalSchema, status=201,
      next_steps=PROPOSAL_STEPS)
def propose_grant(body: dict[str, Any]) -> Response:
    """Proposes a grant above its pool's limit; one below it is refused, for it can be awarded at once."""
    caller = current_caller()
    return _step(lambda: _needed(proposals.award_or_propose(caller, **body)), 201)


@post(blueprint, "/startups/<key>/enrolments/<cohort>/propose", scope="award", body=NothingSchema,
      answers=ProposalSchema, status=201, required=False, next_steps=PROPOSAL_STEPS)
def propose_enrolment(body: dict[str, Any], key: str, cohort: str) -> Response:
    """Proposes the package of an enrolment; while that waits, it is what is answered."""
    caller = current_caller()
    return _step(lambda: _needed(proposals.award_package_or_propose(caller, startup=key, cohort=cohort)), 201)


@post(blueprint, "/grants/<key>/propose-top-up", scope="award", body=AmountShape, answers=ProposalSchema, status=201,
      next_steps=PROPOSAL_STEPS)
def propose_top_up(body: dict[str, Any], key: str) -> Response:
    """Proposes to top up a grant above its pool's limit."""
    caller = current_caller()
    return _step(lambda: _needed(proposals.top_up_or_propose(caller, key, **body)), 201)


@post(blueprint, "/grants/<key>/propose-extend-series", scope="award", body=MonthsShape, answers=ProposalSchema,
      status=201, next_steps=PROPOSAL_STEPS)
def propose_extend_series(body: dict[str, Any], key: str) -> Response:
    """Proposes more months of a monthly allowance, above its pool's limit."""
    caller = current_caller()
    return _step(lambda: _needed(proposals.extend_series_or_propose(caller, key, **body)), 201)


@post(blueprint, f"/proposals/{PROPOSAL}/approve", scope="award", body=ReasonShape, answers=ProposalSchema,
      required=False)
def approve_proposal(body: dict[str, Any], proposal_id: int) -> Response:
    """Says yes, as somebody other than who proposed it: it is awarded, whole or not at all."""
    caller = current_caller()

    def act() -> Proposal:
        proposal = proposals.approve(caller, proposal_id, **body)
        seat_startups(caller, current_app.config["CREDITSVC"], [proposal.startup_id])
        return proposal

    return _step(act)


@post(blueprint, f"/proposals/{PROPOSAL}/refuse", scope="award", body=RefuseShape, answers=ProposalSchema)
def refuse_proposal(body: dict[str, Any], proposal_id: int) -> Response:
    """Says no, as somebody other than who proposed it, with a reason."""
    caller = current_caller()
    return _step(lambda: proposals.refuse(caller, proposal_id, **body))


@post(blueprint, f"/proposals/{PROPOSAL}/withdraw", scope="award", body=NothingSchema, answers=ProposalSchema,
      required=False)
def withdraw_proposal(body: dict[str, Any], proposal_id: int) -> Response:
    """Takes back what you proposed."""
    caller = current_caller()
    return _step(lambda: proposals.withdraw(caller, proposal_id))


@get(blueprint, "/pools/<pool>/limit", answers=LimitedPoolSchema, etag=True)
def get_pool_limit(pool: str) -> dict[str, Any]:
    """Above which amount an award from a pool needs a second person; null: none does. For the incubator's own staff."""
    require(current_caller(), "startups.list")
    return _shown_limit(pool)


@patch(blueprint, "/pools/<pool>/limit", scope="admin", body=LimitEditShape, answers=LimitedPoolSchema)
def limit_pool(body: dict[str, Any], pool: str) -> Response:
    """Says above which amount an award from a pool needs a second person; with null, none does."""
    caller = current_caller()

    def act() -> Answer:
        proposals.set_award_limit(caller, pool, body["amount"], check=lambda: check_match(_shown_limit(pool)))
        return Answer(200, _shown_limit(pool))

    return edit_once(act)


def _shown_limit(pool: str) -> dict[str, Any]:
    view = one_of(pools(current_caller()), "pool", pool)
    return {"pool": pool, "amount": view.limit_text or None}


def _needed(made: object) -> Proposal:
    if not isinstance(made, Proposal):
        raise Conflict("amount", "no-second-person", "this needs no second person: award it")
    return made


def _step(act: Callable[[], Proposal], status: int = 200) -> Response:
    caller = current_caller()

    def answer() -> Answer:
        proposal = act()
        tell(caller, [proposal], current_app.config["CREDITSVC"])
        view = find_proposal(caller, proposal.id)
        location = url_for("api_proposals.get_proposal", proposal_id=view.id) if status == 201 else ""
        return Answer(status, proposal_document(view), location)

    return write_once(answer)
