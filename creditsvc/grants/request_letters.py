"""Who is written to about a request, and the mails, queued in the transaction of what they tell (A6)."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_, select

from creditsvc.config import Config
from creditsvc.core.amounts import unit_named
from creditsvc.core.days import last_day
from creditsvc.db import db
from creditsvc.grants.models import Grant, GrantRequest
from creditsvc.grants.requests import APPROVED, OPEN
from creditsvc.ledger.models import Account, Resource
from creditsvc.mail import outbox
from creditsvc.mail.render import day, money
from creditsvc.mail.request_mails import RequestDecided, RequestMail, render_request_asked, render_request_decided
from creditsvc.parties.access import Caller
from creditsvc.parties.audience import belongs_to, looks_after, owns, people
from creditsvc.parties.models import Person, Startup
from creditsvc.programmes.reading import zone_of_startup


def tell(caller: Caller, request: GrantRequest, config: Config) -> list[int]:
    """Queues what people are to know of a request as it stands now; the mails' ids.

    Of one that is open, the managers who look after the startup (where there is none, the administrators); of one that
    is approved or refused, whoever asked and the startup's owners. Of a withdrawal nobody is written to. An address
    that no server would take gets none: it must not keep the rest from happening.
    """
    startup = db.session.get_one(Startup, request.startup_id)
    if request.state == OPEN:
        drafts = [
            _asked(request, startup, one, config) for one in _managers(startup.id) if one.email != request.first_by
        ]
    elif request.decided_by is not None and request.state in (APPROVED, "refused"):
        drafts = [_told_decided(request, startup, one, config) for one in _askers(request)]
    else:
        return []
    sendable = [draft for draft in drafts if outbox.refusal_of(draft) is None]
    return outbox.queue_all(sendable, config.mail_from, caller.now) if sendable else []


def request_url(base_url: str, request_id: int) -> str:
    """The page of a request."""
    return f"{base_url}/requests/{request_id}"


def _managers(startup_id: int) -> Sequence[Person]:
    managers = people(and_(Person.role == "manager", looks_after(startup_id)))
    return managers or people(Person.role == "administrator")


def _askers(request: GrantRequest) -> Sequence[Person]:
    """Whoever asked, as far as they still belong to the startup, and its owners."""
    asked = and_(Person.email == request.asked_by, belongs_to(request.startup_id))
    return people(or_(asked, owns(request.startup_id)))


def _asked(request: GrantRequest, startup: Startup, to: Person, config: Config) -> outbox.Draft:
    language = to.language or "en"
    first = None if request.first_by is None else _name_of(request.first_by)
    content = render_request_asked({**_values(request, startup, to, language, config), "first_by": first}, language)
    return outbox.Draft("request-asked", to.email, content, to.id)


def _told_decided(request: GrantRequest, startup: Startup, to: Person, config: Config) -> outbox.Draft:
    language = to.language or startup.language
    resource = _resource_of(request)
    values: RequestDecided = {
        **_values(request, startup, to, language, config),
        "is_approved": request.state == APPROVED,
        "given_more": _money(request.given_amount, resource, language),
        "given_until": _last_day(request.given_expires, zone_of_startup(startup.id), language),
        "is_new_grant": request.given_grant_id not in (None, request.grant_id),
        "reason": request.reason, "decided_by": _name_of(request.decided_by or ""),
    }
    return outbox.Draft("request-decided", to.email, render_request_decided(values, language), to.id)


def _values(request: GrantRequest, startup: Startup, to: Person, language: str, config: Config) -> RequestMail:
    resource = _resource_of(request)
    return {
        "person_name": to.name, "startup_name": startup.name, "holding": resource.name,
        "grant": db.session.get_one(Grant, request.grant_id).key, "more": _money(request.amount, resource, language),
        "until": _last_day(request.expires, zone_of_startup(startup.id), language), "why": request.why,
        "asked_by": _name_of(request.asked_by), "request_url": request_url(config.base_url, request.id),
        "base_url": config.base_url,
    }


def _resource_of(request: GrantRequest) -> Resource:
    return db.session.get_one(Resource, db.session.get_one(Account, request.account_id).resource_id)


def _name_of(email: str) -> str:
    return db.session.scalar(select(Person.name).where(Person.email == email)) or email


def _money(steps: int | None, resource: Resource, language: str) -> str | None:
    return None if steps is None else money(steps, unit_named(resource.unit).name, language)


def _last_day(end: datetime | None, zone: ZoneInfo, language: str) -> str | None:
    return None if end is None else day(last_day(end, zone), language)
