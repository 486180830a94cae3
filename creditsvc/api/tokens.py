"""Who asks: the bearer of a token acts as its person. No cookie is read here, so no other site can act for anybody."""

from flask import Response, g, request

from creditsvc import clock
from creditsvc.api.problems import problem
from creditsvc.parties.access import Caller, caller_of
from creditsvc.parties.tokens import person_of_token

_REALM = 'Bearer realm="creditsvc"'


def authenticate() -> Response | None:
    """Puts the caller in place for this request, or answers 401."""
    g.api_caller = None
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer":
        return problem(
            "unauthorized", "Send the header Authorization: Bearer cs_... with your token.",
            {"WWW-Authenticate": _REALM}, code="token-missing",
        )
    person = person_of_token(token.strip())
    if person is None:
        return problem(
            "unauthorized", "This token is unknown, revoked or of a person who may no longer sign in.",
            {"WWW-Authenticate": f'{_REALM}, error="invalid_token"'}, code="token-invalid",
        )
    g.api_caller = caller_of(person, clock.now(), request.remote_addr or "")
    return None


def current_caller() -> Caller:
    """Who asks in this request."""
    caller = g.api_caller
    if not isinstance(caller, Caller):
        raise RuntimeError("a route of the API runs without its guard")
    return caller
