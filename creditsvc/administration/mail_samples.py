"""Every mail of the service with values made up, to be looked at in each language before anybody gets one."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from creditsvc.alerts import texts
from creditsvc.core.due_alerts import EXPIRY
from creditsvc.core.errors import NotFound
from creditsvc.mail.outbox import queue
from creditsvc.mail.render import DigestSection, Rendered, money, render, render_digest
from creditsvc.mail.render import templates as mail_templates
from creditsvc.parties import trail
from creditsvc.parties.access import Caller, require
from creditsvc.parties.models import Person
from creditsvc.parties.reading import person_by_id

_BASE = "https://credits.park.example"
_FIRST, _LAST = date(2026, 6, 15), date(2027, 2, 28)

_SESSION: Mapping[str, Any] = {
    "reader": "startup", "startup_name": "Harbour Robotics", "consultant_name": "T. Lam", "topic": "Tax of a branch",
    "begins": "18 June, 10:00", "when": "Thursday 18 June 2026, 10:00–11:00 (Asia/Hong_Kong, UTC+08:00)",
    "session_url": f"{_BASE}/bookings/sample", "was": "Wednesday 17 June 2026, 10:00–11:00 (Asia/Hong_Kong, UTC+08:00)",
    "reason": "The consultant is ill.", "used": 60, "minutes": 75, "booked": 60,
    "note": "We went through the forms.", "confirm_by": "25 June 2026, 10:00", "dispute": "It was an hour.",
}
_REQUEST: Mapping[str, Any] = {
    "startup_name": "Harbour Robotics", "holding": "Azure credits", "grant": "harbour-azure", "more": "USD 5,000.00",
    "until": "31 August 2027", "why": "A trial with two customers.", "asked_by": "M. Chan", "first_by": "K. Lee",
    "request_url": f"{_BASE}/requests/1", "is_approved": True, "given_more": "USD 2,500.00",
    "given_until": "31 May 2027", "is_new_grant": False, "reason": "Half of it now.", "decided_by": "K. Lee",
}
_PROPOSAL: Mapping[str, Any] = {
    "startup_name": "Harbour Robotics", "proposed_by": "M. Chan", "reason": "A second year.",
    "asks": [("ms-azure", "USD 50,000.00", None), ("hours", "2 hours", 12)], "proposal_url": f"{_BASE}/proposals/1",
    "is_approved": True, "decided_by": "K. Lee", "decision_reason": "Within the budget.",
}
_SHARED = {"session": _SESSION, "request": _REQUEST, "proposal": _PROPOSAL}
"""By the first word of a template."""

_VALUES: Mapping[str, Mapping[str, Any]] = {
    "cohort_left": {
        "startup_name": "Harbour Robotics", "cohort": "2026 spring", "is_graduation": True, "sessions": 1,
        "holdings": [
            ("Azure credits", "USD 12,500.00", "until", False, "31 August 2026"),
            ("Microsoft 365", "5 seats", "stop", False, None),
        ],
        "startup_url": f"{_BASE}/startups/harbour",
    },
    "invitation": {
        "startup_name": "Harbour Robotics", "inviter_name": "M. Chan", "role": "owner",
        "invitation_url": f"{_BASE}/invitations/sample", "last_day": _FIRST,
    },
    "message": {
        "subject": "Some of what Harbour Robotics holds ends soon", "startup_name": "Harbour Robotics",
        "paragraphs": ["Some of what Harbour Robotics holds ends soon."],
        "lines": ["USD 1,200.00 of Azure credit, last day 14 July 2026"],
        "startup_url": f"{_BASE}/startups/sample", "sender_name": "K. Lee",
    },
    "night_silent": {
        "is_first": False, "since": "14 June 2026, 02:04 (UTC+8)", "hours": 27, "jobs_url": f"{_BASE}/jobs",
    },
    "password_reset": {"reset_url": f"{_BASE}/password/reset/sample", "valid_minutes": 60},
    "seat_freed": {
        "is_holder": True, "holder_name": "A. Wong", "holder_email": "a.wong@harbour.example",
        "startup_name": "Harbour Robotics", "product": "Microsoft 365 Business", "first_day": _FIRST,
        "last_day": _LAST, "delivery": "invitation", "portal": "",
    },
}
"""By template, what only that one says."""


def kinds() -> list[str]:
    """The templates of mails, by name."""
    return sorted(mail_templates())


def sample(kind: str, language: str, person_name: str = "M. Chan", base_url: str = _BASE) -> Rendered:
    """A mail of that kind with values made up. Raises NotFound("mail") for a kind that is none."""
    if kind not in mail_templates():
        raise NotFound("mail", kind)
    common = {"person_name": person_name, "base_url": base_url}
    if kind == "digest":
        return render_digest({
            "person_name": person_name, "base_url": base_url, "business_day": _FIRST, "sections": [_section(language)],
            "unsubscribe_url": f"{_BASE}/unsubscribe/sample",
        }, language)
    shared = _SHARED.get(kind.partition("_")[0], {})
    return render(kind, {**shared, **_VALUES.get(kind, {}), **common}, language)


def _section(language: str) -> DigestSection:
    """A startup with a credit that ends soon, in the words that the night would find."""
    params = {
        "unit": "USD", "resource": "Azure credit", "grant": "harbour-azure", "left": 12_500 * 10**8, "days": 14,
        "last_day": "2026-06-29", "over": False,
    }
    said = texts.words(EXPIRY.name, params, None, language)
    return {
        "startup_name": "Harbour Robotics", "startup_url": f"{_BASE}/startups/harbour",
        "items": [{
            "severity": "urgent", "title": said.title, "detail": said.detail, "action": said.action,
            "balance": texts.remaining(params, 12_500 * 10**8, language),
            "at_risk": money(4_000 * 10**8, "USD", language), "ack_url": f"{_BASE}/alerts/a",
            "snooze_url": f"{_BASE}/alerts/s",
        }],
    }


def send_test(caller: Caller, kind: str, language: str, mail_from: str) -> str:
    """Queues such a mail to the caller's own address, which it returns. Raises Forbidden and NotFound("mail")."""
    require(caller, "mail.edit")
    if caller.person_id is None:
        raise NotFound("person")
    person: Person = person_by_id(caller.person_id)
    made = sample(kind, language, person.name)
    content = Rendered(f"[test] {made.subject}", made.text, made.html)
    queue(
        kind="test", to_address=person.email, content=content, mail_from=mail_from, now=caller.now, person_id=person.id
    )
    trail.record(caller, "mail.test", f"mail:{kind}", after={"language": language})
    return person.email
