"""A startup's people, and your own tokens."""

from datetime import datetime
from typing import Any

from creditsvc.api.paging import page_of_all
from creditsvc.api.people_schemas import MemberListSchema, TokenListSchema, TokenQuerySchema
from creditsvc.api.routes import get, new_blueprint
from creditsvc.api.schemas import PagingSchema
from creditsvc.api.tokens import current_caller
from creditsvc.core.days import instant_text
from creditsvc.parties.reading import Member, find_startup, members_of
from creditsvc.parties.tokens import TokenView, list_tokens

blueprint = new_blueprint("people", "A startup's people, and your own tokens.")


@get(blueprint, "/startups/<key>/members", query=PagingSchema, answers=MemberListSchema)
def list_members(query: dict[str, Any], key: str) -> dict[str, Any]:
    """Who belongs to a startup, by mail address."""
    everything = members_of(find_startup(current_caller(), key))
    return page_of_all(everything, query, shown_member, lambda member: member.email)


@get(blueprint, "/tokens", query=TokenQuerySchema, answers=TokenListSchema)
def list_own_tokens(query: dict[str, Any]) -> dict[str, Any]:
    """Your own tokens, oldest first; what they say when sent is kept nowhere."""
    caller = current_caller()
    live = query.get("live")
    everything = [view for view in list_tokens(caller, caller.actor) if live in (None, view.is_live(caller.now))]
    return page_of_all(everything, query, lambda view: _shown(view, caller.now), lambda view: f"{view.id:018}")


def shown_member(member: Member) -> dict[str, Any]:
    """One of a startup's people as JSON."""
    return {"email": member.email, "name": member.name, "role": member.role}


def _shown(view: TokenView, now: datetime) -> dict[str, Any]:
    return {
        "name": view.name, "scopes": list(view.scopes), "live": view.is_live(now),
        "created_at": instant_text(view.created_at), "expires_at": instant_text(view.expires_at),
        "last_used_at": instant_text(view.last_used_at), "revoked_at": instant_text(view.revoked_at),
    }
