"""A startup's people, and your own tokens."""

from datetime import datetime
from typing import Any

from flask import Response

from creditsvc.administration import welcoming
from creditsvc.api.paging import page_of_all
from creditsvc.api.people_schemas import (
    InvitationListSchema,
    InvitationSchema,
    MemberListSchema,
    MemberSchema,
    TokenListSchema,
    TokenQuerySchema,
)
from creditsvc.api.routes import get, new_blueprint, post
from creditsvc.api.schemas import PagingSchema
from creditsvc.api.tokens import current_caller, current_config
from creditsvc.api.writes import write_once
from creditsvc.core.days import instant_text
from creditsvc.parties import invitations
from creditsvc.parties.access import require_startup
from creditsvc.parties.models import Invitation
from creditsvc.parties.once import Answer
from creditsvc.parties.operations import add_membership, end_membership
from creditsvc.parties.reading import Member, find_member, find_startup, members_of
from creditsvc.parties.schemas import EndMemberShape, InviteMemberShape, MemberShape, NothingShape
from creditsvc.parties.tokens import TokenView, list_tokens

blueprint = new_blueprint("people", "A startup's people, and your own tokens.")


@get(blueprint, "/startups/<key>/members", query=PagingSchema, answers=MemberListSchema)
def list_members(query: dict[str, Any], key: str) -> dict[str, Any]:
    """Who belongs to a startup, by mail address."""
    everything = members_of(find_startup(current_caller(), key))
    return page_of_all(everything, query, shown_member, lambda member: member.email)


@post(blueprint, "/startups/<key>/members", scope="admin", body=MemberShape, answers=MemberSchema)
def add_member(body: dict[str, Any], key: str) -> Response:
    """Makes somebody one of a startup's people, or changes their role; they set a password by mail.

    The name of somebody who is known already stays as it is. Not for managers of some programmes (403), who would learn
    that name: they invite (`/startups/{key}/invitations`).
    """
    caller = current_caller()

    def act() -> Answer:
        add_membership(caller, startup=key, **body)
        return Answer(200, shown_member(find_member(find_startup(caller, key), body["email"])))

    return write_once(act)


@post(blueprint, "/startups/<key>/members/end", scope="admin", body=EndMemberShape, answers=MemberSchema)
def end_member(body: dict[str, Any], key: str) -> Response:
    """Takes somebody out of a startup's people, by its owners too; answers with who they were.

    The last owner stays (409).
    """
    caller = current_caller()

    def act() -> Answer:
        member = find_member(require_startup(caller, "team.edit", key), body["email"])
        end_membership(caller, startup=key, email=member.email)
        return Answer(200, shown_member(member))

    return write_once(act)


@get(blueprint, "/startups/<key>/invitations", query=PagingSchema, answers=InvitationListSchema)
def list_invitations(query: dict[str, Any], key: str) -> dict[str, Any]:
    """Invitations to a startup that were neither taken up nor revoked, for its owners and managers."""
    everything = invitations.open_invitations(current_caller(), key)
    return page_of_all(everything, query, _shown_invitation, lambda one: f"{one.id:018}")


@post(blueprint, "/startups/<key>/invitations", scope="admin", body=InviteMemberShape, answers=InvitationSchema)
def invite_to_startup(body: dict[str, Any], key: str) -> Response:
    """Invites somebody to a startup by a mail with a link that works once, within seven days.

    The answer does not tell whether the address is known.
    """
    caller = current_caller()

    def act() -> Answer:
        welcoming.send(invitations.invite_member(caller, startup=key, **body), current_config(), caller.now)
        return Answer(200, _shown_invitation(invitations.open_invitations(caller, key)[0]))

    return write_once(act)


@post(
    blueprint, "/startups/<key>/invitations/<int:invitation_id>/revoke", scope="admin", body=NothingShape,
    answers=InvitationSchema, required=False,
)
def revoke_invitation(body: dict[str, Any], key: str, invitation_id: int) -> Response:
    """Ends an invitation to a startup: its link does not work any more."""
    caller = current_caller()

    def act() -> Answer:
        return Answer(200, _shown_invitation(invitations.revoke(caller, invitation_id, startup=key)))

    return write_once(act)


@get(blueprint, "/tokens", query=TokenQuerySchema, answers=TokenListSchema)
def list_own_tokens(query: dict[str, Any]) -> dict[str, Any]:
    """Your own tokens, oldest first; what they say when sent is kept nowhere."""
    caller = current_caller()
    live = query.get("live")
    everything = [view for view in list_tokens(caller, caller.actor) if live in (None, view.is_live(caller.now))]
    return page_of_all(everything, query, lambda view: _shown(view, caller.now), lambda view: f"{view.id:018}")


def shown_member(member: Member) -> dict[str, Any]:
    """One of a startup's people as JSON."""
    return {
        "email": member.email, "name": member.name, "role": member.role, "language": member.language,
        "time_zone": member.time_zone,
    }


def _shown_invitation(one: Invitation) -> dict[str, Any]:
    return {
        "id": one.id, "email": one.email, "role": one.role, "sent_at": instant_text(one.sent_at),
        "expires_at": instant_text(one.expires_at),
    }


def _shown(view: TokenView, now: datetime) -> dict[str, Any]:
    return {
        "name": view.name, "scopes": list(view.scopes), "live": view.is_live(now),
        "created_at": instant_text(view.created_at), "expires_at": instant_text(view.expires_at),
        "last_used_at": instant_text(view.last_used_at), "revoked_at": instant_text(view.revoked_at),
    }
