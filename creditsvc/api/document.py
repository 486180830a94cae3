"""The OpenAPI document, made from the schemas and routes, and a page that shows it without scripts."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Flask, current_app, render_template
from flask_smorest import Api
from flask_smorest import Blueprint as ResourceBlueprint
from flask_smorest.utils import prepare_response
from marshmallow import fields

from creditsvc.api.etags import ETAG_HEADER
from creditsvc.api.problems import KINDS, MIME_TYPE
from creditsvc.api.routes import tag_of
from creditsvc.api.schemas import ProblemSchema
from creditsvc.parties.fields import Amount, Day, Instant, Moment

DESCRIPTION = """\
Who was granted which cloud credits, what has drawn on them, and what is left.

Amounts are decimal strings in the resource's unit. Instants are RFC 3339 in UTC; a bare day where an instant is asked
for means the end of that day in Asia/Hong_Kong. Lists come in pages: `next` is the `after` of the next page, or null.
Every write takes an `Idempotency-Key`. Errors are problem JSON (RFC 9457).
"""

FORMATS: Mapping[type[fields.Field[Any]], Mapping[str, Any]] = {
    Moment: {"anyOf": [{"format": "date"}, {"format": "date-time"}], "example": "2026-03-01"},
    Day: {"format": "date", "example": "2026-03-01"},
    Instant: {"format": "date-time", "example": "2026-03-01T09:00:00+08:00"},
    Amount: {"pattern": r"^\d+(\.\d+)?$", "example": "25000.50"},
}
"""How our own fields are written."""

PROBLEM_HEADERS = {
    "UNAUTHORIZED": ("WWW-Authenticate", "How to send a token."),
    "TOO_MANY_REQUESTS": ("Retry-After", "After how many seconds to try again."),
    "SERVICE_UNAVAILABLE": ("Retry-After", "After how many seconds to try again."),
}

pages = Blueprint("api_docs_page", __name__, url_prefix="/api/v1", template_folder="templates")


class DocumentedApi(Api):  # type: ignore[misc]
    """flask-smorest's Api with problem JSON for errors, and no error handlers outside its own routes."""

    ERROR_SCHEMA = ProblemSchema
    DEFAULT_ERROR_RESPONSE_NAME = None  # each route names its problems

    def register_blueprint(self, blp: ResourceBlueprint, **options: Any) -> None:
        """Hangs the blueprint in and documents it under the name of its resource."""
        self._app.extensions["flask-smorest"]["blp_name_to_api"][blp.name] = self
        self._app.register_blueprint(blp, **options)
        blp.register_views_in_doc(self, self._app, self.spec, name=blp.name, parameters=None)
        self.spec.tag({"name": tag_of(blp), "description": blp.description})

    def _register_error_handlers(self) -> None:
        """None for the app as a whole: the pages have their own."""

    def _register_responses(self) -> None:
        not_modified = {"description": "What you have is what there is.", "headers": ETAG_HEADER}
        self.spec.components.response(HTTPStatus.NOT_MODIFIED.name, not_modified, lazy=True)
        for status in HTTPStatus:
            if status >= HTTPStatus.BAD_REQUEST:
                self._problem_response(status.name, status.phrase)

    def _register_etag_headers(self) -> None:
        """None: the routes that have ETags say so (`etags`)."""

    def _register_pagination_header(self) -> None:
        """None: lists say their next page in the body."""

    def _problem_response(self, name: str, description: str) -> None:
        response: dict[str, Any] = {"description": description, "schema": ProblemSchema}
        if name in PROBLEM_HEADERS:
            header, meaning = PROBLEM_HEADERS[name]
            response["headers"] = {header: {"description": meaning, "schema": {"type": "string"}}}
        prepare_response(response, self.spec, MIME_TYPE)
        self.spec.components.response(name, response, lazy=True)


def make_api(app: Flask) -> DocumentedApi:
    """The API with its document at /api/v1/openapi.json and its page at /api/v1/docs; no resources yet."""
    app.config.update(
        API_TITLE="creditsvc", API_VERSION="1", OPENAPI_VERSION="3.1.0", OPENAPI_URL_PREFIX="/api/v1",
        API_SPEC_OPTIONS={
            "info": {"description": DESCRIPTION, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
            "servers": [{"url": app.config["CREDITSVC"].base_url}],
            "security": [{"token": []}],
        },
    )
    api = DocumentedApi(app)
    for field in FORMATS:
        api.register_field(field, "string", None)
    api.ma_plugin.converter.add_attribute_function(format_of)
    api.spec.components.security_scheme("token", {
        "type": "http", "scheme": "bearer", "description": "A token made with `creditsvc token create`.",
    })
    app.register_blueprint(pages)
    app.extensions["creditsvc-api"] = api
    return api


def format_of(converter: Any, field: fields.Field[Any], **kwargs: Any) -> dict[str, Any]:
    """How a field of ours is written, for apispec."""
    return dict(FORMATS.get(type(field), {}))


@pages.get("/docs")
def docs() -> str:
    """The operations of the API as a plain page."""
    document = current_app.extensions["creditsvc-api"].spec.to_dict()
    operations = [
        {"path": path, "method": method.upper(), "parameters": item.get("parameters", []), **operation}
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    ]
    return render_template(
        "api/docs.html", info=document["info"], tags=document["tags"], operations=operations, kinds=KINDS,
        shapes=document["components"]["schemas"], shape_of=shape_of, type_of=type_of,
    )


def shape_of(content: Mapping[str, Any]) -> str:
    """The name of the shape that a body or an answer has."""
    media: Mapping[str, Any] = next(iter(content.get("content", {}).values()), {})
    return str(media.get("schema", {}).get("$ref", "")).rpartition("/")[2]


def type_of(schema: Mapping[str, Any]) -> str:
    """A field's type in words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for several in ("allOf", "anyOf", "oneOf"):
        if several in schema:
            return " or ".join(type_of(each) for each in schema[several])
    kinds = schema.get("type", "anything")
    text = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    if "items" in schema:
        text += f" of {type_of(schema['items'])}"
    if "enum" in schema:
        text += ": " + ", ".join(str(value) for value in schema["enum"])
    return text
