"""Billing scopes: which startup's usage they are, and those that belong to nobody yet."""

from datetime import UTC, datetime
from typing import Any

from flask import Response

from creditsvc.api.paging import page_of_all
from creditsvc.api.routes import get, new_blueprint, post
from creditsvc.api.schemas import PagingSchema
from creditsvc.api.tokens import current_caller
from creditsvc.api.usage_schemas import (
    EndedScopeSchema,
    ScopeOfStartupSchema,
    ScopesOfStartupSchema,
    UnassignedScopeListSchema,
)
from creditsvc.api.writes import write_once
from creditsvc.core.amounts import MONEY_STEPS, Unit, format_amount
from creditsvc.core.days import ends_at, instant_text, parse_moment, starts_at
from creditsvc.parties.once import Answer
from creditsvc.parties.reading import find_startup
from creditsvc.usage.reading import ScopeView, UnassignedScope, scopes_of, unassigned_scopes
from creditsvc.usage.schemas import AssignScopeShape, EndScopeShape
from creditsvc.usage.scopes import assign_scope, end_scope

blueprint = new_blueprint("scopes", "Billing scopes: subscriptions and accounts whose cost is usage.")


@get(blueprint, "/scopes", query=PagingSchema, answers=UnassignedScopeListSchema)
def list_unassigned_scopes(query: dict[str, Any]) -> dict[str, Any]:
    """The scopes whose usage waits, since it belongs to no startup."""
    everything = unassigned_scopes(current_caller())
    return page_of_all(everything, query, _shown_unassigned, lambda scope: f"{scope.provider}:{scope.external_id}")


@get(blueprint, "/startups/<key>/scopes", query=PagingSchema, answers=ScopesOfStartupSchema)
def list_startup_scopes(query: dict[str, Any], key: str) -> dict[str, Any]:
    """The scopes of a startup, in the order of their start."""
    startup = find_startup(current_caller(), key)
    return page_of_all(
        scopes_of(startup.id), query, lambda view: _shown(view, key),
        lambda view: f"{instant_text(view.starts)} {view.provider}:{view.external_id}",
    )


@post(blueprint, "/scopes/assign", scope="import", body=AssignScopeShape, answers=ScopeOfStartupSchema)
def assign(body: dict[str, Any]) -> Response:
    """From a day on, a scope's usage belongs to a startup; what waits is settled.

    `ends` is the last day that counts. Days that belong to another startup are taken from it with `hand_over` alone.
    """
    caller = current_caller()
    starts = parse_moment(body["starts"], "starts")
    ends = parse_moment(body["ends"], "ends") if body["ends"] is not None else None
    key = body["startup"]

    def act() -> Answer:
        scope = assign_scope(
            caller, provider=body["provider"], external_id=body["id"], startup=key, starts=starts, ends=ends,
            resource=body["resource"], hand_over=body["hand_over"],
        )
        views = scopes_of(find_startup(caller, key).id)
        return Answer(200, _shown(_at(views, scope.provider, scope.external_id, starts_at(starts)), key))

    return write_once(act)


@post(blueprint, "/scopes/end", scope="import", body=EndScopeShape, answers=EndedScopeSchema)
def end(body: dict[str, Any]) -> Response:
    """After a last day, a scope belongs to nobody; its later usage waits."""
    caller = current_caller()
    ends = parse_moment(body["ends"], "ends")

    def act() -> Answer:
        scope = end_scope(caller, provider=body["provider"], external_id=body["id"], ends=ends)
        shown = {"provider": scope.provider, "id": scope.external_id, "ends_at": instant_text(ends_at(ends))}
        return Answer(200, shown)

    return write_once(act)


def _at(views: list[ScopeView], provider: str, external_id: str, at: datetime) -> ScopeView:
    """The time in which a scope belongs to the startup that has that instant in it."""
    forever = datetime.max.replace(tzinfo=UTC)
    return next(
        view for view in views
        if (view.provider, view.external_id) == (provider, external_id)
        and view.starts <= at < (view.ends or forever)
    )


def _shown(view: ScopeView, startup: str) -> dict[str, Any]:
    return {
        "provider": view.provider,
        "id": view.external_id,
        "startup": startup,
        "resource": view.resource,
        "starts_at": instant_text(view.starts),
        "ends_at": instant_text(view.ends),
        "newest_charge_day": view.newest_charge_day.isoformat() if view.newest_charge_day else None,
        "data_at": instant_text(view.data_at),
    }


def _shown_unassigned(scope: UnassignedScope) -> dict[str, Any]:
    amounts = {
        currency: format_amount(amount, Unit(currency, MONEY_STEPS)) for currency, amount in scope.amounts.items()
    }
    return {
        "provider": scope.provider,
        "id": scope.external_id,
        "first_day": scope.first_day.isoformat(),
        "last_day": scope.last_day.isoformat(),
        "amounts": amounts,
    }
