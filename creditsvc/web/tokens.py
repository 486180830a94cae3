"""Tokens of the API: one's own, and for administrators everybody's; made with scopes and an end, shown once, ended."""

from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from creditsvc.core.days import as_of_instant
from creditsvc.db import transaction
from creditsvc.parties.access import Caller, may, require
from creditsvc.parties.models import TOKEN_SCOPES
from creditsvc.parties.schemas import TokenShape
from creditsvc.parties.tokens import create_token, list_tokens, revoke_token
from creditsvc.web import session
from creditsvc.web.forms import Form, posted, submit

pages = session.private_pages("tokens", __name__)


@pages.get("/tokens")
def listing() -> ResponseReturnValue:
    """One's own tokens; with `email`, somebody's, and with `all`, everybody's, for who may see them."""
    return _page(Form(_labels(), {"scope-read": "true"}))


@pages.post("/tokens")
def create() -> ResponseReturnValue:
    """Makes a token and shows it, once."""
    caller = session.caller()
    form = posted(_labels())
    email = _whose(caller)

    def act(values: dict[str, str | None]) -> str:
        ends = None if values["expires"] is None else as_of_instant(str(values["expires"]), "expires")
        scopes = [scope for scope in TOKEN_SCOPES if form.value(f"scope-{scope}")]
        return create_token(caller, email, str(values["name"]), scopes=scopes, expires_at=ends)

    made = submit(form, TokenShape(), act)
    return _page(form) if made is None else _page(Form(_labels(), {"scope-read": "true"}), made)


@pages.post("/tokens/revoke")
def revoke() -> ResponseReturnValue:
    """Ends a token at once."""
    caller = session.caller()
    email, name = request.form.get("email", ""), request.form.get("name", "")
    if email.strip().lower() != caller.actor:
        require(caller, "people.edit")
    transaction(lambda: revoke_token(caller, email, name))
    flash(_("The token %(name)s opens nothing any more.", name=name), "success")
    return redirect(session.safe_next(request.form.get("next")), 303)


def _labels() -> dict[str, str]:
    """The scopes stand as fields of their own; a refusal about them goes to the first."""
    return {
        "name": _("Name"), "scopes": _("Scopes"), "scope-read": _("read: read what you may see"),
        "scope-award": _("award: grants, seats"), "scope-import": _("import: cost exports, scopes, rates"),
        "scope-admin": _("admin: everything else that is written"), "expires": _("Last day"),
    }


def _whose(caller: Caller) -> str:
    email = request.args.get("email", "").strip().lower()
    return email if email and may(caller, "people.edit") else caller.actor


def _page(form: Form, made: str = "") -> ResponseReturnValue:
    caller = session.caller()
    sees_all = may(caller, "tokens.see")
    asked = request.args.get("email", "").strip().lower() if sees_all else ""
    is_all = sees_all and request.args.get("show") == "all" and not asked
    email = None if is_all else asked or caller.actor
    tokens = list_tokens(caller, email)
    if is_all:
        tokens = [token for token in tokens if token.is_live(caller.now)]
    own = email == caller.actor
    return render_template(
        "tokens.html", form=form, made=made, tokens=tokens[:500], more=len(tokens) > 500, now=caller.now,
        email=email, is_all=is_all, person_id=caller.person_id, own=own,
        may_make=own or (email is not None and may(caller, "people.edit")),
    ), form.status
