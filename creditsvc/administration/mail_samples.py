"""Every mail of the service with values made up, to be looked at in each language before anybody gets one."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from creditsvc.administration import alert_samples
from creditsvc.core.days import DEFAULT_ZONE
from creditsvc.core.due_alerts import RULES
from creditsvc.core.errors import NotFound
from creditsvc.mail.outbox import queue
from creditsvc.mail.render import Rendered, day, gettext_for, money, render, render_digest
from creditsvc.mail.render import templates as mail_templates
from creditsvc.mail.session_mails import moment, period
from creditsvc.parties import trail
from creditsvc.parties.access import Caller, require
from creditsvc.parties.models import Person
from creditsvc.parties.reading import person_by_id
from creditsvc.usage.suspicions import covers_fewer

_BASE = "https://credits.park.example"
_FIRST, _LAST = date(2026, 6, 15), date(2027, 2, 28)
_BEGINS, _HOUR = datetime(2026, 6, 18, 2, tzinfo=UTC), timedelta(hours=1)
_STEP = 10**8

_HARBOUR = {"startup_name": "Harbour Robotics", "startup_url": f"{_BASE}/startups/harbour"}


def _session(language: str) -> dict[str, Any]:
    return {
        **_HARBOUR,
        "reader": "startup",
        "consultant_name": "T. Lam",
        "topic": "Tax of a branch",
        "begins": moment(_BEGINS, DEFAULT_ZONE, language),
        "when": period(_BEGINS, _BEGINS + _HOUR, DEFAULT_ZONE, language),
        "session_url": f"{_BASE}/bookings/sample",
        "was": period(_BEGINS - 24 * _HOUR, _BEGINS - 23 * _HOUR, DEFAULT_ZONE, language),
        "reason": "The consultant is ill.",
        "used": 60,
        "minutes": 75,
        "booked": 60,
        "note": "We went through the forms.",
        "dispute": "It was an hour.",
        "confirm_by": moment(_BEGINS + 7 * 24 * _HOUR, DEFAULT_ZONE, language),
    }


def _request(language: str) -> dict[str, Any]:
    return {
        **_HARBOUR,
        "holding": "Azure credits",
        "grant": "harbour-azure",
        "more": money(5_000 * _STEP, "USD", language),
        "until": day(date(2027, 8, 31), language),
        "why": "A trial with two customers.",
        "asked_by": "M. Chan",
        "first_by": "K. Lee",
        "request_url": f"{_BASE}/requests/1",
        "is_approved": True,
        "given_more": money(2_500 * _STEP, "USD", language),
        "given_until": day(date(2027, 5, 31), language),
        "is_new_grant": False,
        "reason": "Half of it now.",
        "decided_by": "K. Lee",
    }


def _proposal(language: str) -> dict[str, Any]:
    return {
        **_HARBOUR,
        "proposed_by": "M. Chan",
        "reason": "A second year.",
        "proposal_url": f"{_BASE}/proposals/1",
        "asks": [
            ("ms-azure", money(50_000 * _STEP, "USD", language), None),
            ("hours", money(120, "hour", language), 12),
        ],
        "is_approved": True,
        "decided_by": "K. Lee",
        "decision_reason": "Within the budget.",
    }


def _cohort(language: str) -> dict[str, Any]:
    return {
        **_HARBOUR,
        "cohort": "2026 spring",
        "is_graduation": True,
        "sessions": 1,
        "holdings": [
            ("Azure credits", money(12_500 * _STEP, "USD", language), "until", False, day(date(2026, 8, 31), language)),
            ("Microsoft 365", money(5, "seat", language), "stop", False, None),
        ],
    }


def _export(language: str) -> dict[str, Any]:
    return {
        **_HARBOUR,
        "sent_by": "M. Chan",
        "file": "june.csv",
        "first_day": day(date(2026, 6, 1), language),
        "last_day": day(date(2026, 6, 14), language),
        "changes": [money(1_250 * _STEP, "USD", language)],
        "suspicions": [covers_fewer(date(2026, 6, 1), 20, 14).said(gettext_for(language))],
        "run_url": f"{_BASE}/usage/runs/1",
    }


def _invitation(language: str) -> dict[str, Any]:
    return {
        **_HARBOUR,
        "inviter_name": "M. Chan",
        "role": "owner",
        "invitation_url": f"{_BASE}/invitations/sample",
        "last_day": _FIRST,
    }


def _message(language: str) -> dict[str, Any]:
    return {
        **_HARBOUR,
        "subject": "Pitch day on 24 June",
        "sender_name": "K. Lee",
        "paragraphs": ["The pitch day is on 24 June.\nPlease send us your slides two days before.", "See you there!"],
        "lines": ["Hall 5, second floor"],
    }


def _night(language: str) -> dict[str, Any]:
    since = datetime(2026, 6, 13, 18, 4, tzinfo=UTC)
    return {
        "is_first": False,
        "since": moment(since, DEFAULT_ZONE, language),
        "hours": 27,
        "jobs_url": f"{_BASE}/jobs",
    }


def _password(language: str) -> dict[str, Any]:
    return {"reset_url": f"{_BASE}/password/reset/sample", "valid_minutes": 60}


def _seat(language: str) -> dict[str, Any]:
    return {
        **_HARBOUR,
        "is_holder": True,
        "holder_name": "A. Wong",
        "holder_email": "a.wong@harbour.example",
        "product": "Microsoft 365 Business",
        "first_day": _FIRST,
        "last_day": _LAST,
        "delivery": "invitation",
        "portal": "",
    }


def _summary(language: str) -> dict[str, Any]:
    _ = gettext_for(language)
    url = f"{_BASE}/startups/harbour"
    places = {"resource": "Azure credit", "day": day(date(2026, 6, 29), language),
              "amount": money(12_500 * _STEP, "USD", language)}
    return {
        "first_day": _FIRST - timedelta(days=1), "as_of": moment(_BEGINS, DEFAULT_ZONE, language),
        "unsubscribe_url": f"{_BASE}/unsubscribe/sample",
        "groups": [
            {"title": _("Expires within 30 days"), "total": 9, "url": f"{_BASE}/startups?show=expiring-30",
             "rows": [("Harbour Robotics", _("%(amount)s of %(resource)s, last day %(day)s") % places, url)]},
            {"title": _("Cost data is old"), "total": 1, "url": f"{_BASE}/worklist/stale",
             "rows": [("Harbour Robotics", _("%(resource)s: the newest data is of %(day)s") % {
                 **places, "day": day(date(2026, 6, 11), language),
             }, url)]},
        ],
    }


def _statement(language: str) -> dict[str, Any]:
    return {
        "first_day": date(2026, 5, 1), "last_day": date(2026, 5, 31),
        "as_of": moment(_BEGINS, DEFAULT_ZONE, language), "unsubscribe_url": f"{_BASE}/unsubscribe/sample",
        "startups": [{
            "name": "Harbour Robotics", "url": f"{_BASE}/startups/harbour/statement?from=2026-05-01&to=2026-05-31",
            "file": "statement-harbour-2026-05-01-2026-05-31.pdf",
            "accounts": [
                ("Azure credit", *(money(amount * _STEP, "USD", language) for amount in (14_200, 1_700, 12_500))),
            ],
        }],
    }


_VALUES: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "session": _session,
    "request": _request,
    "proposal": _proposal,
    "cohort": _cohort,
    "export": _export,
    "invitation": _invitation,
    "message": _message,
    "night": _night,
    "password": _password,
    "seat": _seat,
    "summary": _summary,
    "statement": _statement,
}
"""By the first word of a template, in the words of a language."""


def kinds() -> list[str]:
    """The templates of mails, by name."""
    return sorted(mail_templates())


def values_of(kind: str, language: str) -> dict[str, Any]:
    """What a sample of that kind is made of, besides its reader and where the service is; a digest's stand apart."""
    return {} if kind == "digest" else _VALUES[kind.partition("_")[0]](language)


def sample(kind: str, language: str, person_name: str = "M. Chan") -> Rendered:
    """A mail of that kind with values made up. Raises NotFound("mail") for a kind that is none."""
    if kind not in mail_templates():
        raise NotFound("mail", kind)
    if kind == "digest":
        return digest(language, person_name=person_name)
    return render(kind, {**values_of(kind, language), "person_name": person_name, "base_url": _BASE}, language)


def digest(
    language: str, rules: Sequence[str] = tuple(RULES), *, for_staff: bool = False, person_name: str = "M. Chan"
) -> Rendered:
    """A nightly mail that tells of some rules, to staff or to a startup's people."""
    return render_digest(
        {
            "person_name": person_name,
            "base_url": _BASE,
            "business_day": _FIRST,
            "sections": alert_samples.sections(language, _BASE, rules, for_staff=for_staff),
            "unsubscribe_url": f"{_BASE}/unsubscribe/sample",
        },
        language,
    )


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
