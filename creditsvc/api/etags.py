"""ETags: what an editor has read, so that nobody writes over what somebody else changed meanwhile (RFC 9110, 13.1)."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from flask import Response, request
from werkzeug.exceptions import PreconditionFailed, PreconditionRequired

ETAG_HEADER = {
    "ETag": {"description": "What was read, for the `If-Match` of an edit.", "schema": {"type": "string"}},
}
IF_MATCH = {
    "in": "header", "name": "If-Match", "required": True, "example": "*",
    "schema": {"type": "string", "minLength": 1},
    "description": "The `ETag` of what you have read: the edit is refused (412) if it has changed since. `*` edits it "
    "whatever it is now.",
}
IF_NONE_MATCH = {
    "in": "header", "name": "If-None-Match", "schema": {"type": "string"},
    "description": "The `ETag` of what you have: answered with 304 and no body while it is the same.",
}


def etag_of(shown: Mapping[str, Any]) -> str:
    """The strong tag of a resource as it is shown."""
    text = json.dumps(shown, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def require_match() -> None:
    """Raises PreconditionRequired (428) for an edit that does not say what it was made from."""
    if not request.headers.get("If-Match", "").strip():  # one that cannot be read matches nothing
        raise PreconditionRequired("Send the header If-Match with the ETag of what you have read, or *.")


def check_match(shown: Mapping[str, Any]) -> None:
    """Raises PreconditionFailed (412) unless the request was made from this. To be called where it is locked."""
    if etag_of(shown) not in request.if_match:
        raise PreconditionFailed("It was changed since you read it: read it again, and edit what is there now.")


def with_etag(response: Response, shown: Mapping[str, Any]) -> Response:
    """The response with the tag of what it shows; 304 without a body to a reader who has just that."""
    tag = etag_of(shown)
    if request.method == "GET" and request.if_none_match.contains_weak(tag):
        response = Response(status=304)
        del response.headers["Content-Type"]
    response.set_etag(tag)
    return response
