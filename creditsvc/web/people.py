"""A startup's people: who they are, and for its owners and managers inviting, roles, and taking somebody out."""

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from creditsvc.administration import welcoming
from creditsvc.core.errors import Conflict
from creditsvc.db import transaction
from creditsvc.parties import invitations
from creditsvc.parties.access import may_with, require_startup
from creditsvc.parties.models import Membership
from creditsvc.parties.operations import change_membership, end_membership
from creditsvc.parties.reading import find_startup, members_of
from creditsvc.parties.schemas import InviteMemberShape
from creditsvc.web import session
from creditsvc.web.forms import Form, mark_of, posted, submit_once

pages = session.private_pages("people", __name__)


@pages.get("/startups/<key>/members")
def members(key: str) -> ResponseReturnValue:
    """Who belongs to the startup, with a form to invite somebody."""
    return _page(key, _form())


@pages.post("/startups/<key>/members")
def invite(key: str) -> ResponseReturnValue:
    """Invites somebody by mail. Nothing tells whether the address is known elsewhere."""
    caller = session.caller()
    require_startup(caller, "team.edit", key)
    form = _form()

    def act(values: dict[str, Any]) -> str:
        welcoming.send(invitations.invite_member(caller, startup=key, **values), session.config(), caller.now)
        return url_for("people.members", key=key)

    onward = submit_once(form, InviteMemberShape(), caller, act)
    if onward is None:
        return _page(key, form)
    flash(_("An invitation is on its way to %(email)s.", email=form.value("email").strip().lower()), "success")
    return redirect(onward, 303)


@pages.post("/startups/<key>/members/role")
def change(key: str) -> ResponseReturnValue:
    """Makes a member an owner, or an owner a member."""
    caller = session.caller()
    email, role = request.form.get("email", ""), request.form.get("role", "")
    return _then_list(
        key, lambda check: change_membership(caller, startup=key, email=email, role=role, check=check), _("Saved.")
    )


@pages.post("/startups/<key>/members/end")
def end(key: str) -> ResponseReturnValue:
    """Takes somebody out of the startup's people."""
    caller = session.caller()
    email = request.form.get("email", "")
    return _then_list(
        key, lambda check: end_membership(caller, startup=key, email=email, check=check),
        _("%(email)s does not belong to the startup any more.", email=email),
    )


@pages.post("/startups/<key>/invitations/<int:invitation_id>/send-again")
def send_again(key: str, invitation_id: int) -> ResponseReturnValue:
    """Sends an invitation once more; the link that was sent before ends."""
    caller = session.caller()
    transaction(
        lambda: welcoming.send(
            invitations.send_again(caller, invitation_id, startup=key), session.config(), caller.now
        )
    )
    flash(_("The invitation is sent again. The link in the mail before it does not work any more."), "success")
    return redirect(url_for("people.members", key=key), 303)


@pages.post("/startups/<key>/invitations/<int:invitation_id>/revoke")
def revoke(key: str, invitation_id: int) -> ResponseReturnValue:
    """Ends an invitation."""
    caller = session.caller()
    transaction(lambda: invitations.revoke(caller, invitation_id, startup=key))
    flash(_("The invitation is revoked: its link does not work any more."), "success")
    return redirect(url_for("people.members", key=key), 303)


def _then_list(key: str, act: Callable[[Callable[[Membership], None]], object], done: str) -> ResponseReturnValue:
    """Does a button's act, unless somebody else has changed meanwhile what stood beside the button."""
    form = posted({})

    def check(membership: Membership) -> None:
        form.refuse_changed({"role": membership.role})

    try:
        transaction(lambda: act(check))
    except Conflict as refusal:
        if refusal.code != "changed-meanwhile":
            raise
        shown = Form(_form().labels)
        shown.show(refusal)
        return _page(key, shown)
    flash(done, "success")
    return redirect(url_for("people.members", key=key), 303)


def _form() -> Form:
    return posted({"email": _("Mail address"), "role": _("Role"), "language": _("Language of the mail")})


def _page(key: str, form: Form) -> ResponseReturnValue:
    caller = session.caller()
    startup = find_startup(caller, key)
    may_edit = may_with(caller, "team.edit", startup)
    return render_template(
        "members.html", startup=startup, members=members_of(startup), form=form, may_edit=may_edit, now=caller.now,
        mark_of=mark_of,
        invited=invitations.open_invitations(caller, key) if may_edit else [],
    ), form.status
