"""The mails about awards that need a second person: their values, and one function for each."""

from typing import TypedDict

from creditsvc.mail.render import Rendered, render


class ProposalMail(TypedDict):
    """What both mails say. `asks` are (pool, amount ready to read, months where it comes each month)."""

    person_name: str
    startup_name: str
    proposed_by: str
    reason: str
    asks: list[tuple[str, str, int | None]]
    proposal_url: str
    base_url: str


class ProposalDecided(ProposalMail):
    """What a second person said to it."""

    is_approved: bool
    decided_by: str
    decision_reason: str


def render_proposal_made(values: ProposalMail, language: str) -> Rendered:
    """An award waits for a second person."""
    return render("proposal_made", values, language)


def render_proposal_decided(values: ProposalDecided, language: str) -> Rendered:
    """A second person approved or refused a proposed award."""
    return render("proposal_decided", values, language)
