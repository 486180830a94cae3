"""Who is written to about a proposed award, and the mails, queued in the transaction of what they tell (A6)."""

from collections.abc import Sequence

from sqlalchemy import select

from creditsvc.config import Config
from creditsvc.core.amounts import parse_amount, unit_named
from creditsvc.db import db
from creditsvc.grants.models import Proposal
from creditsvc.grants.proposals import APPROVED, WAITING, WITHDRAWN
from creditsvc.ledger.models import Pool, Resource
from creditsvc.mail import outbox
from creditsvc.mail.proposal_mails import (
    ProposalDecided,
    ProposalMail,
    render_proposal_decided,
    render_proposal_made,
)
from creditsvc.mail.render import money
from creditsvc.parties.access import Caller
from creditsvc.parties.audience import looks_after, people
from creditsvc.parties.models import Person, Startup


def tell(caller: Caller, proposals: Sequence[Proposal], config: Config) -> list[int]:
    """Queues what people are to know of proposals of one kind of state, a mail a person; the mails' ids.

    Of those that wait, whoever could be the second person; of decided ones, who proposed them. Of a withdrawal nobody
    is written to. An address that no server would take gets none.
    """
    drafts: list[outbox.Draft] = []
    for proposal in proposals:
        startup = db.session.get_one(Startup, proposal.startup_id)
        if proposal.state == WAITING:
            seconds = [one for one in people(looks_after(startup.id)) if one.email != proposal.proposed_by]
            drafts += [_made(proposal, startup, one, config) for one in seconds]
        elif proposal.state != WITHDRAWN:
            drafts += [_told(proposal, startup, one, config) for one in people(Person.email == proposal.proposed_by)]
    sendable = [draft for draft in drafts if outbox.refusal_of(draft) is None]
    return outbox.queue_all(sendable, config.mail_from, caller.now) if sendable else []


def _made(proposal: Proposal, startup: Startup, to: Person, config: Config) -> outbox.Draft:
    language = to.language or "en"
    content = render_proposal_made(_values(proposal, startup, to, language, config), language)
    return outbox.Draft("proposal-made", to.email, content, to.id)


def _told(proposal: Proposal, startup: Startup, to: Person, config: Config) -> outbox.Draft:
    language = to.language or "en"
    values: ProposalDecided = {
        **_values(proposal, startup, to, language, config), "is_approved": proposal.state == APPROVED,
        "decided_by": _name_of(proposal.decided_by or ""), "decision_reason": proposal.decision_reason,
    }
    return outbox.Draft("proposal-decided", to.email, render_proposal_decided(values, language), to.id)


def _values(proposal: Proposal, startup: Startup, to: Person, language: str, config: Config) -> ProposalMail:
    units = dict(db.session.execute(
        select(Pool.key, Resource.unit)
        .join(Resource, Resource.id == Pool.resource_id)
        .where(Pool.key.in_([ask["pool"] for ask in proposal.terms["asks"]]))
    ).all())
    return {
        "person_name": to.name, "startup_name": startup.name, "reason": proposal.reason,
        "proposed_by": _name_of(proposal.proposed_by),
        "asks": [(ask["pool"], _amount(ask, units, language), ask["months"]) for ask in proposal.terms["asks"]],
        "proposal_url": f"{config.base_url}/proposals/{proposal.id}", "base_url": config.base_url,
    }


def _amount(ask: dict[str, object], units: dict[str, str], language: str) -> str:
    unit = unit_named(units[str(ask["pool"])])
    return money(parse_amount(str(ask["amount"]), unit), unit.name, language)


def _name_of(email: str) -> str:
    return db.session.scalar(select(Person.name).where(Person.email == email)) or email
