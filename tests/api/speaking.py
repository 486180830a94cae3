"""Speaking to the API as a program does, with every answer held against the OpenAPI document."""

import re
from collections.abc import Mapping
from contextvars import Context
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

ONE_DATABASE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""For what is decided before a database is asked."""

_keys = count(1)


@dataclass(frozen=True)
class Speaker:
    """The bearer of a token. Each request runs in contexts of its own, as in a server."""

    app: Flask
    token: str | None
    document: Mapping[str, Any] = field(repr=False)

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.send("GET", path, query_string=query)

    def post(self, path: str, body: Any = None, *, key: str | None = None, **more: Any) -> TestResponse:
        """A write under a new Idempotency-Key, or the one given ("" for none)."""
        key = f"key-{next(_keys)}" if key is None else key
        headers = {**more.pop("headers", {}), **({"Idempotency-Key": key} if key else {})}
        if body is not None:
            more["json"] = body
        return self.send("POST", path, headers=headers, **more)

    def patch(self, path: str, body: Any, match: str | None, *, key: str | None = None) -> TestResponse:
        """An edit made from what had the ETag `match`."""
        headers = {"Idempotency-Key": f"key-{next(_keys)}" if key is None else key}
        return self.send("PATCH", path, json=body, headers={**headers, **({"If-Match": match} if match else {})})

    def send(self, method: str, path: str, **more: Any) -> TestResponse:
        headers = dict(more.pop("headers", {}))
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        client = self.app.test_client()
        answer: TestResponse = Context().run(
            lambda: client.open("/api/v1" + path, method=method, headers=headers, **more)
        )
        assert_as_documented(self.document, method, "/api/v1" + path, answer)
        return answer

    def bearing(self, token: str | None) -> "Speaker":
        return replace(self, token=token)


def assert_as_documented(document: Mapping[str, Any], method: str, path: str, answer: TestResponse) -> None:
    """The answer has a status, a type and a shape that the document names for its address."""
    assert "Set-Cookie" not in answer.headers
    if answer.status_code >= 400:
        assert answer.mimetype == "application/problem+json", answer.text
        assert answer.json["status"] == answer.status_code
    operation = _operation(document, method, path)
    if operation is None:
        assert answer.status_code in (404, 405)
        return
    responses = operation["responses"]
    response = responses.get(str(answer.status_code))
    assert response is not None, f"{answer.status_code} is not documented for {method} {path}"
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    if answer.status_code == 304:
        assert not answer.data
        assert "content" not in response
        return
    schema = response["content"][answer.mimetype]["schema"]
    Draft202012Validator({**schema, "components": closed(document["components"])}).validate(answer.json)


def closed(schema: Any) -> Any:
    """The schemas, but a field that they do not name is a fault: what is answered is what is documented."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inside = {name: closed(each) for name, each in schema.items()}
    return {**inside, "additionalProperties": False} if schema.get("additionalProperties") is True else inside


def _operation(document: Mapping[str, Any], method: str, path: str) -> Mapping[str, Any] | None:
    for template, item in document["paths"].items():
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
        if re.fullmatch(pattern, path.partition("?")[0]) and method.lower() in item:
            found: Mapping[str, Any] = item[method.lower()]
            return found
    return None
