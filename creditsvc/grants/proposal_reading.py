"""Proposed awards as they stand, with whose they are; one statement for any number of them."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select

from creditsvc.core.days import instant_text
from creditsvc.core.errors import NotFound
from creditsvc.db import db, is_id
from creditsvc.grants.models import Proposal
from creditsvc.grants.proposals import WAITING
from creditsvc.parties.access import Caller, require, visible_startups
from creditsvc.parties.models import Startup


@dataclass(frozen=True)
class ProposalView:
    """A proposal with its startup; `is_own` says whether the caller proposed it."""

    proposal: Proposal
    startup: str
    startup_name: str
    is_own: bool

    @property
    def id(self) -> int:
        """Its number."""
        return self.proposal.id

    @property
    def is_waiting(self) -> bool:
        """Whether nobody has decided it."""
        return self.proposal.state == WAITING

    @property
    def asks(self) -> list[dict[str, Any]]:
        """What would be awarded: pool, amount as a decimal string, months where it comes each month."""
        found: list[dict[str, Any]] = self.proposal.terms["asks"]
        return found

    @property
    def values(self) -> dict[str, Any]:
        """What the award would be called with; days and instants as text."""
        found: dict[str, Any] = self.proposal.terms["values"]
        return found


def proposals_of(
    caller: Caller, *, state: str | None = None, before: int | None = None, limit: int | None = None
) -> list[ProposalView]:
    """The proposals to startups that the caller may see, newest first, from below the id `before`. Raises Forbidden."""
    require(caller, "proposal.see")
    statement = _proposals().where(visible_startups(caller)).order_by(Proposal.id.desc()).limit(limit)
    if state is not None:
        statement = statement.where(Proposal.state == state)
    if before is not None:
        statement = statement.where(Proposal.id < before)
    return [_view(caller, *row) for row in db.session.execute(statement)]


def find_proposal(caller: Caller, proposal_id: int) -> ProposalView:
    """One proposal. Raises NotFound("proposal") also where the caller may not know of it, Forbidden."""
    require(caller, "proposal.see")
    statement = _proposals().where(Proposal.id == proposal_id, visible_startups(caller))
    row = db.session.execute(statement).first() if is_id(proposal_id) else None
    if row is None:
        raise NotFound("proposal", str(proposal_id))
    return _view(caller, *row)


def waiting_proposals(caller: Caller) -> int:
    """How many proposals wait for a second person, of startups that the caller may see."""
    statement = (
        select(func.count()).select_from(Proposal).join(Startup, Startup.id == Proposal.startup_id)
        .where(Proposal.state == WAITING, visible_startups(caller))
    )
    return db.session.scalar(statement) or 0


def proposal_document(view: ProposalView) -> dict[str, Any]:
    """A proposal as JSON values."""
    one = view.proposal
    return {
        "id": one.id, "startup": view.startup, "kind": one.kind.replace("_", "-"), "subject": one.subject,
        "asks": view.asks, "reason": one.reason, "state": one.state, "proposed_by": one.proposed_by,
        "proposed_at": instant_text(one.proposed_at), "decided_by": one.decided_by,
        "decided_at": instant_text(one.decided_at), "decision_reason": one.decision_reason, "grants": one.grants,
    }


def _proposals() -> Select[*tuple[Any, ...]]:
    return select(Proposal, Startup.key, Startup.name).join(Startup, Startup.id == Proposal.startup_id)


def _view(caller: Caller, proposal: Proposal, startup: str, name: str) -> ProposalView:
    own = proposal.proposed_by == caller.actor or (
        caller.person_id is not None and proposal.proposed_by_id == caller.person_id
    )
    return ProposalView(proposal, startup, name, own)
