"""Every refusal and failure as problem JSON (RFC 9457).

`type` names the kind of problem (a heading of the documentation page), `code` is stable for programs, `detail` is for
people. Nothing of the inside of the service is ever in an answer.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from http import HTTPStatus
from typing import Any, cast

from flask import Blueprint, Response, current_app, jsonify, request
from marshmallow import ValidationError
from sqlalchemy.exc import IntegrityError, OperationalError
from werkzeug.exceptions import HTTPException, default_exceptions

from creditsvc.core.errors import Conflict, FileRefused, Forbidden, NotFound, RuleBroken

Headers = Mapping[str, str] | Iterable[tuple[str, str]]
MIME_TYPE = "application/problem+json"

UNIQUE_VIOLATION = "23505"
"""By its SQLSTATE, of PostgreSQL; on SQLite who writes looks and writes while nobody else does."""

KINDS: Mapping[str, tuple[HTTPStatus, str, str]] = {
    "invalid-input": (
        HTTPStatus.UNPROCESSABLE_ENTITY, "The request has the wrong shape",
        "`errors` names each field and what would be right.",
    ),
    "rule-broken": (
        HTTPStatus.UNPROCESSABLE_ENTITY, "A rule forbids it",
        "`field` and `code` name the rule. Nothing was changed.",
    ),
    "file-refused": (
        HTTPStatus.UNPROCESSABLE_ENTITY, "The file is refused",
        "`errors` names file, line, column and value of the first faults, `more_errors` counts those not listed. "
        "Nothing was posted.",
    ),
    "conflict": (
        HTTPStatus.CONFLICT, "The state as it is now forbids it",
        "`field` and `code` name the reason; an Idempotency-Key that was used for another request is one.",
    ),
    "key-missing": (
        HTTPStatus.BAD_REQUEST, "The Idempotency-Key is missing",
        "Every write takes an Idempotency-Key: choose a new one for each thing to be done, and send it again with "
        "every repetition.",
    ),
    "not-found": (
        HTTPStatus.NOT_FOUND, "There is no such thing", "There is none, or none that the bearer of this token may see.",
    ),
    "forbidden": (HTTPStatus.FORBIDDEN, "Not allowed", "The bearer of this token may not do this."),
    "unauthorized": (
        HTTPStatus.UNAUTHORIZED, "A token is needed",
        "Send `Authorization: Bearer cs_...` with a token that has not been revoked.",
    ),
    "too-many-requests": (
        HTTPStatus.TOO_MANY_REQUESTS, "Too many requests within a minute",
        "Wait as many seconds as `Retry-After` says. Nothing was done: send the request again with the same key.",
    ),
}
"""The kinds of problems that are this service's own: status, title, explanation."""


def problem(kind: str, detail: str, headers: Headers = (), **members: Any) -> Response:
    """A problem of a kind of ours, with its extension members."""
    return _response(problem_body(kind, detail, **members), headers)


def problem_body(kind: str, detail: str, **members: Any) -> dict[str, Any]:
    """The members of a problem of a kind of ours."""
    status, title, _ = KINDS[kind]
    return {"type": f"/api/v1/docs#{kind}", "title": title, "status": int(status), "detail": detail, **members}


def http_problem(error: HTTPException, detail: str | None = None) -> Response:
    """A problem that HTTP itself names: its status says it all."""
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    headers = [(name, value) for name, value in error.get_headers() if name.lower() != "content-type"]
    return _plain(status, detail or error.description or status.phrase, headers)


def _plain(status: HTTPStatus, detail: str, headers: Headers = ()) -> Response:
    body = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail}
    return _response(body, headers)


def _response(body: Mapping[str, Any], headers: Headers) -> Response:
    response = jsonify(body)
    response.status_code = body["status"]
    response.mimetype = MIME_TYPE
    for name, value in dict(headers).items():
        response.headers[name] = value
    return response


def refused_file(error: FileRefused) -> dict[str, Any]:
    """A refused file as the members of its problem."""
    faults = [asdict(fault) for fault in error.errors]
    return problem_body("file-refused", str(error.errors[0]), errors=faults, more_errors=error.more)


def field_errors(messages: Any, path: str = "") -> list[dict[str, str]]:
    """marshmallow's nested messages as a flat list of fields (`lines.0.amount`) and sentences."""
    if isinstance(messages, Mapping):
        found = []
        for name, inner in messages.items():
            inside = path if name == "_schema" else f"{path}.{name}" if path else str(name)
            found += field_errors(inner, inside)
        return found
    if isinstance(messages, Sequence) and not isinstance(messages, str):
        return [error for message in messages for error in field_errors(message, path)]
    return [{"field": path, "message": str(messages)}]


def _rule_broken(error: RuleBroken) -> Response:
    kind = "conflict" if isinstance(error, Conflict) else "rule-broken"
    return problem(kind, str(error), field=error.field, code=error.code)


def _not_found(error: NotFound) -> Response:
    return problem("not-found", f"There is {error}.")


def _forbidden(error: Forbidden) -> Response:
    return problem("forbidden", f"The bearer of this token may not do this ({error.action}).", code=error.action)


def _file_refused(error: FileRefused) -> Response:
    return _response(refused_file(error), ())


def _invalid(error: ValidationError) -> Response:
    errors = field_errors(error.messages)
    first = errors[0]
    detail = f"{first['field']}: {first['message']}" if first["field"] else first["message"]
    return problem("invalid-input", detail, errors=errors)


def _http(error: HTTPException) -> Response:
    if error.code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        bound = request.max_content_length
        detail = f"The request is too large: this address takes {f'at most {bound:,} bytes' if bound else 'less'}."
        if request.mimetype == "multipart/form-data":
            detail += " Larger exports: creditsvc usage import, on the machine itself."
        return http_problem(error, detail)
    return http_problem(error)


def _unavailable(error: OperationalError) -> Response:
    current_app.logger.error("the database did not answer", exc_info=error)
    detail = "The database does not answer just now. Send the request again with the same Idempotency-Key."
    return _plain(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "5"})


def _kept_apart(error: IntegrityError) -> Response:
    """Of a key that was free when it was looked for, and that somebody else has used since."""
    if getattr(error.orig, "sqlstate", None) != UNIQUE_VIOLATION:
        return _failed(error)
    detail = "Somebody else has just made what has this key: read it, or choose another one."
    return problem("conflict", detail, field="key", code="key-taken")


def _failed(error: Exception) -> Response:
    current_app.logger.error("an API request failed", exc_info=error)
    detail = "The service failed; the failure is in its log. The same request may be sent again with the same key."
    return _plain(HTTPStatus.INTERNAL_SERVER_ERROR, detail)


def hang_problems(blueprint: Blueprint) -> None:
    """Makes the blueprint answer every error with a problem, whatever handlers the app has for its pages."""
    handlers: dict[type[Exception], Callable[[Any], Response]] = {
        RuleBroken: _rule_broken,
        NotFound: _not_found,
        Forbidden: _forbidden,
        FileRefused: _file_refused,
        ValidationError: _invalid,
        OperationalError: _unavailable,
        IntegrityError: _kept_apart,
        Exception: _failed,
        # By code, since the app's handler for a code would win over the blueprint's for the class.
        **{cast(type[Exception], kind): _http for kind in default_exceptions.values()},
        HTTPException: _http,
    }
    for kind, handler in handlers.items():
        blueprint.register_error_handler(kind, handler)
