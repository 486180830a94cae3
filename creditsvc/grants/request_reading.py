"""Requests as they stand, with whose they are and what they are about; one statement for any number of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import aliased

from creditsvc.core.amounts import Unit, format_amount, unit_named
from creditsvc.core.days import instant_text
from creditsvc.core.errors import NotFound
from creditsvc.db import db, is_id
from creditsvc.grants.activation import stands
from creditsvc.grants.models import Activation, Grant, GrantRequest
from creditsvc.grants.requests import OPEN
from creditsvc.ledger.models import Account, Resource
from creditsvc.ledger.reading import AccountView
from creditsvc.parties.access import Caller, require, visible_startups
from creditsvc.parties.models import Startup


@dataclass(frozen=True)
class RequestView:
    """A request with its startup, its grant and what that is of; amounts in steps of `unit`."""

    request: GrantRequest
    startup: str
    startup_name: str
    grant: str
    given_grant: str | None
    resource: str
    resource_name: str
    kind: str
    unit: Unit

    @property
    def id(self) -> int:
        """The number of the request."""
        return self.request.id

    @property
    def is_open(self) -> bool:
        """Whether it waits for an answer."""
        return self.request.state == OPEN


def requests_of(
    caller: Caller, *, startup: str | None = None, states: Collection[str] = (), before: int | None = None,
    limit: int | None = None,
) -> list[RequestView]:
    """The requests of the startup of a key, or of all that the caller may see, newest first; `before` is the id to go
    on from. Of a startup that the caller may not see there are none.

    Raises Forbidden for who neither looks after startups nor belongs to one.
    """
    if not caller.is_member:
        require(caller, "request.see")
    statement = _requests().where(visible_startups(caller)).order_by(GrantRequest.id.desc())
    if startup is not None:
        statement = statement.where(Startup.key == startup)
    if states:
        statement = statement.where(GrantRequest.state.in_(states))
    if before is not None:
        statement = statement.where(GrantRequest.id < before)
    if limit is not None:
        statement = statement.limit(limit)
    return [_view(*row) for row in db.session.execute(statement)]


def requests_of_startup(startup: Startup, limit: int) -> list[RequestView]:
    """The newest requests of a startup. The caller must have been allowed to see it."""
    statement = _requests().where(GrantRequest.startup_id == startup.id).order_by(GrantRequest.id.desc()).limit(limit)
    return [_view(*row) for row in db.session.execute(statement)]


def papers_of_startup(
    startup: Startup, views: Sequence[AccountView]
) -> tuple[dict[str, Activation], list[RequestView]]:
    """What stands of the activations of a startup's grants, by the key of the grant, and its requests that are open.

    `views` are its accounts. In one statement, since a startup's page asks for much. The caller must have been allowed
    to see it.
    """
    rows: Sequence[Any] = db.session.execute(
        select(Grant, Activation, GrantRequest)
        .select_from(Grant)
        .outerjoin(Activation, (Activation.grant_id == Grant.id) & stands())
        .outerjoin(GrantRequest, (GrantRequest.grant_id == Grant.id) & (GrantRequest.state == OPEN))
        .where(Grant.startup_id == startup.id, or_(Activation.id.is_not(None), GrantRequest.id.is_not(None)))
    ).all()
    accounts = {view.id: view for view in views}
    activated: dict[str, Activation] = {}
    asked: dict[int, RequestView] = {}
    for grant, activation, request in rows:
        if activation is not None:
            activated[grant.key] = activation
        if request is not None and request.account_id in accounts:
            view = accounts[request.account_id]
            asked[request.id] = RequestView(
                request, startup.key, startup.name, grant.key, None, view.resource, view.resource_name, view.kind,
                view.unit,
            )
    return activated, [asked[number] for number in sorted(asked, reverse=True)]


def find_request(caller: Caller, request_id: int) -> RequestView:
    """One request. Raises NotFound("request") when there is none or the caller may not know of it."""
    statement = _requests().where(GrantRequest.id == request_id, visible_startups(caller))
    row = db.session.execute(statement).first() if is_id(request_id) else None
    if row is None:
        raise NotFound("request", str(request_id))
    return _view(*row)


def request_document(view: RequestView) -> dict[str, Any]:
    """A request as JSON values."""
    request = view.request

    def text(steps: int | None) -> str | None:
        return None if steps is None else format_amount(steps, view.unit)

    return {
        "id": view.id, "startup": view.startup, "grant": view.grant, "resource": view.resource, "unit": view.unit.name,
        "amount": text(request.amount), "expires_at": instant_text(request.expires), "why": request.why,
        "state": request.state, "asked_at": instant_text(request.asked_at), "asked_by": request.asked_by,
        "decided_at": instant_text(request.decided_at), "decided_by": request.decided_by, "reason": request.reason,
        "given_amount": text(request.given_amount), "given_expires_at": instant_text(request.given_expires),
        "given_grant": view.given_grant, "first_by": request.first_by,
    }


_GIVEN = aliased(Grant)


def _requests() -> Select[*tuple[Any, ...]]:
    return (
        select(GrantRequest, Startup.key, Startup.name, Grant.key, _GIVEN.key, Resource)
        .join(Startup, Startup.id == GrantRequest.startup_id)
        .join(Grant, Grant.id == GrantRequest.grant_id)
        .join(Account, Account.id == GrantRequest.account_id)
        .join(Resource, Resource.id == Account.resource_id)
        .outerjoin(_GIVEN, _GIVEN.id == GrantRequest.given_grant_id)
    )


def _view(
    request: GrantRequest, startup: str, name: str, grant: str, given: str | None, resource: Resource
) -> RequestView:
    return RequestView(
        request, startup, name, grant, given, resource.key, resource.name, resource.kind, unit_named(resource.unit)
    )
