"""Who asks: the bearer of a token acts as its person. No cookie is read here, so no other site can act for anybody."""

from flask import Response, current_app, g, request
from sqlalchemy.exc import OperationalError

from creditsvc import clock
from creditsvc.api.limiting import over_limit
from creditsvc.api.problems import problem
from creditsvc.config import Config
from creditsvc.core.errors import Forbidden
from creditsvc.db import transaction
from creditsvc.parties.access import Caller, require_scope
from creditsvc.parties.tokens import Bearer, find_bearer, note_use

_REALM = 'Bearer realm="creditsvc"'


def authenticate(scope: str) -> Response | None:
    """Puts the caller in place for this request, or answers 401, 403 for a token without that scope, or 429."""
    g.api_caller = g.api_bearer = None
    now, address = clock.now(), request.remote_addr or ""
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer":
        return over_limit("address", address) or problem(
            "unauthorized", "Send the header Authorization: Bearer cs_... with your token.",
            {"WWW-Authenticate": _REALM}, code="token-missing",
        )
    bearer = find_bearer(token.strip(), now, address)
    if bearer is None:
        return over_limit("address", address) or problem(
            "unauthorized", "This token is unknown, revoked, expired or of a person who may no longer sign in.",
            {"WWW-Authenticate": f'{_REALM}, error="invalid_token"'}, code="token-invalid",
        )
    refusal = over_limit("token", str(bearer.token_id))
    if refusal is not None:
        return refusal
    try:
        require_scope(bearer.caller, scope)
    except Forbidden:
        return problem(
            "forbidden", f"This token has not the scope {scope}: make one that has, or use another.",
            {"WWW-Authenticate": f'{_REALM}, error="insufficient_scope", scope="{scope}"'}, code="scope-missing",
        )
    g.api_caller, g.api_bearer = bearer.caller, bearer
    return None


def note_bearer(response: Response) -> Response:
    """Notes the use of the token now and then, unless somebody else is writing: then a later request notes it."""
    bearer: Bearer | None = g.get("api_bearer")
    if bearer is not None and bearer.is_due:
        try:
            transaction(lambda: note_use(bearer.token_id, current_caller().now), waits=False)
        except OperationalError as error:
            current_app.logger.info("the use of token %s is not noted: %s", bearer.token_id, error.orig)
    return response


def current_config() -> Config:
    """The settings of the service."""
    config: Config = current_app.config["CREDITSVC"]
    return config


def current_caller() -> Caller:
    """Who asks in this request."""
    caller = g.api_caller
    if not isinstance(caller, Caller):
        raise RuntimeError("a route of the API runs without its guard")
    return caller
