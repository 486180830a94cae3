"""How a route of the API is declared: guarded, its input checked by a schema, and documented, all in one place."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

import marshmallow
from flask import Response, jsonify, request
from flask_smorest import Blueprint
from webargs.flaskparser import FlaskParser
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from creditsvc.api.etags import ETAG_HEADER, IF_MATCH, IF_NONE_MATCH, with_etag
from creditsvc.api.problems import hang_problems
from creditsvc.api.tokens import authenticate, note_bearer

View = Callable[..., Any]

JSON_BOUND = 1024 * 1024
"""The largest request body that is no upload, in bytes."""

KEY_PARAMETER = {
    "in": "header", "name": "Idempotency-Key", "required": True,
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
    "description": "A new value for each thing to be done (a UUID is a good one). The same request with the same key "
    "gets the first answer again, with the header `Idempotency-Replayed: true`; another request with it is refused.",
}
READ_PROBLEMS = (400, 401, 403, 429, 500, 503)
"""What every address may answer: no readable text, no token, not allowed, too often, a fault of ours, no database."""

WRITE_PROBLEMS = (*READ_PROBLEMS, 404, 409, 413, 415, 422)
"""What every write may answer."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Parser(FlaskParser):
    """webargs' parser with our manners: what is unknown or cannot be kept is refused, never dropped."""

    DEFAULT_UNKNOWN_BY_LOCATION = {
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": marshmallow.RAISE, "multipart": marshmallow.RAISE,
    }
    __location_map__ = {**FlaskParser.__location_map__, "multipart": "load_multipart"}

    def load_multipart(self, req: Any, schema: marshmallow.Schema) -> Any:
        """The fields and files of a form, together."""
        together = MultiDict(req.form)
        for name, file in req.files.items(multi=True):
            together.add(name, file)
        return self._makeproxy(together, schema)

    def load_json(self, req: Any, schema: marshmallow.Schema) -> Any:
        """The JSON body; one of another type is refused (a body that is silently ignored would mislead)."""
        if req.get_data(cache=True) and not req.is_json:
            raise UnsupportedMediaType("Send the body as Content-Type: application/json.")
        try:
            return super().load_json(req, schema)
        except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets without end
            raise BadRequest("The body is no JSON that can be read.") from error

    def _handle_invalid_json_error(self, error: Any, req: Any, *args: Any, **kwargs: Any) -> Any:
        raise BadRequest("The body is no JSON.")

    def pre_load(self, location_data: Any, *, schema: marshmallow.Schema, req: Any, location: str) -> Any:
        """Refuses text that a database cannot keep: a NUL, half a surrogate pair."""
        try:
            for path, text in _texts(location_data):
                if _UNSTORABLE.search(text):
                    raise marshmallow.ValidationError({path: ["The text holds a character that cannot be kept."]})
        except RecursionError as error:
            raise BadRequest("The body is nested too deeply.") from error
        return location_data

    def handle_error(self, error: marshmallow.ValidationError, *args: Any, **kwargs: Any) -> Any:
        """Lets the problem handler show the messages, without the location around them."""
        assert isinstance(error.messages, dict)
        raise marshmallow.ValidationError(next(iter(error.messages.values())))


def _texts(data: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in the data, keys of objects too, with the field it stands in."""
    if isinstance(data, str):
        yield path, data
    elif isinstance(data, Mapping):
        for name, value in data.items():
            yield path or "body", str(name)
            values = data.getlist(name) if hasattr(data, "getlist") else [value]
            for each in values:
                yield from _texts(each, f"{path}.{name}" if path else str(name))
    elif isinstance(data, list):
        for number, each in enumerate(data):
            yield from _texts(each, f"{path}.{number}" if path else str(number))


class ApiBlueprint(Blueprint):  # type: ignore[misc]
    """A blueprint whose every route asks for a token and answers errors with problems."""

    ARGUMENTS_PARSER = Parser()
    DEFAULT_LOCATION_CONTENT_TYPE_MAPPING = {
        **Blueprint.DEFAULT_LOCATION_CONTENT_TYPE_MAPPING, "multipart": "multipart/form-data",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scopes: dict[str, str] = {}
        """By endpoint, the scope that a token needs; an address without one opens to nobody (KeyError)."""


def new_blueprint(name: str, description: str) -> Blueprint:
    """The blueprint of one resource under /api/v1, guarded."""
    blueprint = ApiBlueprint(f"api_{name}", __name__, url_prefix="/api/v1", description=description)
    hang_problems(blueprint)
    blueprint.before_request(_bound_body)
    blueprint.before_request(_check_address)
    blueprint.before_request(lambda: authenticate(blueprint.scopes[(request.endpoint or "").rpartition(".")[2]]))
    blueprint.after_request(note_bearer)
    return blueprint


def _bound_body() -> None:
    if request.mimetype != "multipart/form-data":
        request.max_content_length = JSON_BOUND


def _check_address() -> None:
    for value in (request.view_args or {}).values():
        if isinstance(value, str) and _UNSTORABLE.search(value):
            raise BadRequest("The address holds a character that no key has.")


def get(
    blueprint: Blueprint, rule: str, *, answers: type[marshmallow.Schema],
    query: type[marshmallow.Schema] | None = None, etag: bool = False,
) -> Callable[[View], View]:
    """Declares a reading route. The view gets the checked query (if any) and the path's values, and returns JSON.

    With `etag` the answer says what was read, for an edit of it.
    """

    def decorate(view: View) -> View:
        name = view.__name__
        reasons = {*READ_PROBLEMS, *((404,) if "<" in rule else ()), *((422,) if query else ())}
        view = _with_problems(blueprint, _as_response(view, etag), reasons)
        view = blueprint.response(200, answers, headers=ETAG_HEADER if etag else {})(view)
        if etag:
            view = _with_problems(blueprint, view, (304,))
        if query is not None:
            view = blueprint.arguments(query(), location="query")(view)  # made once: it costs more than its use
        view = blueprint.doc(
            operationId=name, security=[{"token": ["read"]}], **({"parameters": [IF_NONE_MATCH]} if etag else {})
        )(view)
        blueprint.scopes[name] = "read"
        blueprint.route(rule, methods=["GET"], endpoint=name, tags=[tag_of(blueprint)])(view)
        return view

    return decorate


def write(
    method: str,
    blueprint: Blueprint,
    rule: str,
    *,
    scope: str,
    answers: type[marshmallow.Schema],
    body: type[marshmallow.Schema],
    status: int = 200,
    also: tuple[int, ...] = (),
    location: str = "json",
    required: bool = True,
    next_steps: Mapping[str, str] | None = None,
) -> Callable[[View], View]:
    """Declares a writing route: POST, or PATCH for an edit, which says by If-Match what it was made from.

    The view gets the checked body and the path's values, and returns a response, made by `write_once` or `edit_once`.
    `scope` is what its token needs; `location` of the body is json or multipart. `status` is that of its answer, `also`
    are others with an answer of the same shape.
    `next_steps` are operations that the answer leads to: the name of each with its parameter, filled from the answer
    (`{"get_grant": "key"}`).
    """
    edits = method == "PATCH"

    def decorate(view: View) -> View:
        name = view.__name__
        view = _with_problems(blueprint, view, (*WRITE_PROBLEMS, *((412, 428) if edits else ())))
        for code in also:
            view = blueprint.alt_response(code, schema=answers)(view)
        headers = {**_headers(status), **(ETAG_HEADER if edits else {})}
        view = blueprint.response(status, answers, headers=headers)(view)
        view = blueprint.arguments(body, location=location, required=required)(view)
        view = blueprint.doc(
            parameters=[KEY_PARAMETER, *([IF_MATCH] if edits else ())], operationId=name, security=[{"token": [scope]}],
            **_links(status, next_steps or {}),
        )(view)
        blueprint.scopes[name] = scope
        blueprint.route(rule, methods=[method], endpoint=name, tags=[tag_of(blueprint)])(view)
        return view

    return decorate


post = partial(write, "POST")
patch = partial(write, "PATCH")


def _with_problems(blueprint: Blueprint, view: View, statuses: Iterable[int]) -> View:
    """Documents what else the view may answer with, problems above all: no status is left to be guessed."""
    for status in sorted(statuses):
        view = blueprint.alt_response(status, response=HTTPStatus(status).name)(view)
    return view


def tag_of(blueprint: Blueprint) -> str:
    """The name of the resource in the documentation (pages may have a blueprint of that name too)."""
    return str(blueprint.name).removeprefix("api_").replace("_", "-")


def _headers(status: int) -> dict[str, Any]:
    headers: dict[str, Any] = {
        "Idempotency-Replayed": {
            "description": "`true` when this is the first answer once more.",
            "schema": {"type": "string", "enum": ["true"]},
        }
    }
    if status == 201:
        headers["Location"] = {"description": "Where what was made can be read.", "schema": {"type": "string"}}
    return headers


def _links(status: int, next_steps: Mapping[str, str]) -> dict[str, Any]:
    links = {}
    for operation, parameter in next_steps.items():
        source = f"$response.body#/{'id' if parameter.endswith('_id') else parameter}"
        links[operation] = {"operationId": operation, "parameters": {parameter: source}}
    return {"responses": {status: {"links": links}}} if links else {}


def _as_response(view: View, etag: bool) -> View:
    def respond(*args: Any, **kwargs: Any) -> Response:
        shown = view(*args, **kwargs)
        return with_etag(jsonify(shown), shown) if etag else jsonify(shown)

    respond.__name__, respond.__doc__ = view.__name__, view.__doc__
    return respond
