from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from creditsvc.parties import operations
from tests.api.speaking import ONE_DATABASE, Speaker

NEW = {"key": "jade-bio", "name": "Jade Bio"}


@ONE_DATABASE
def test_an_unknown_address_is_a_problem(nobody: Speaker) -> None:
    answer = nobody.get("/nothing/here")

    assert answer.status_code == 404
    assert answer.json["type"] == "about:blank"


@ONE_DATABASE
def test_a_method_that_the_address_does_not_take_is_a_problem(manager: Speaker) -> None:
    answer = manager.send("DELETE", "/startups")

    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) >= {"GET", "POST"}


@ONE_DATABASE
@pytest.mark.parametrize(
    "body, field",
    [
        ({"name": "Jade Bio"}, "key"),
        ({**NEW, "name": 7}, "name"),
        ({**NEW, "colour": "green"}, "colour"),
        ({**NEW, "key": "Not A Key"}, "key"),
        ({**NEW, "language": "fr"}, "language"),
        ({**NEW, "name": "nul \x00"}, "name"),
        ({**NEW, "name": "half \ud800"}, "name"),
        ([NEW], ""),
    ],
)
def test_a_wrong_shape_names_its_field(manager: Speaker, body: Any, field: str) -> None:
    answer = manager.post("/startups", body)

    assert answer.status_code == 422
    assert answer.json["type"].endswith("#invalid-input")
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert answer.json["detail"].startswith(field)
    assert manager.get("/startups").json["items"] == []


@ONE_DATABASE
@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "201"}, {"limit": "many"}, {"page": "2"}, {"after": ""}])
def test_a_wrong_query_names_its_field(manager: Speaker, query: dict[str, str]) -> None:
    answer = manager.get("/startups", **query)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == list(query)


@ONE_DATABASE
@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b"\xff", b'{"key": ' + b"9" * 5000 + b"}"])
def test_what_is_no_json_is_refused(manager: Speaker, body: bytes) -> None:
    answer = manager.post("/startups", data=body, content_type="application/json")

    assert answer.status_code == 400


@ONE_DATABASE
def test_a_body_of_another_type_is_refused(manager: Speaker) -> None:
    answer = manager.post("/startups", data="key=jade-bio&name=Jade", content_type="application/x-www-form-urlencoded")

    assert answer.status_code in (415, 422)
    assert manager.get("/startups").json["items"] == []


@ONE_DATABASE
def test_a_body_that_is_too_large_is_refused_with_the_bound(manager: Speaker) -> None:
    answer = manager.post("/startups", {**NEW, "name": "x" * 1_100_000})

    assert answer.status_code == 413
    assert "1,048,576 bytes" in answer.json["detail"]


def test_a_broken_rule_names_field_and_code(manager: Speaker) -> None:
    answer = manager.post("/startups", {**NEW, "name": "   "})

    assert answer.status_code == 422
    assert answer.json["type"].endswith("#rule-broken")
    assert answer.json["field"] == "name"
    assert answer.json["code"]


def test_what_is_not_there_is_a_problem(manager: Speaker) -> None:
    answer = manager.get("/startups/no-such-one")

    assert answer.status_code == 404
    assert answer.json["detail"] == "There is no startup no-such-one."


@pytest.mark.parametrize("path", ["/startups/%00", "/grants/%00", "/usage-runs/9999999999999999999999"])
def test_an_address_that_no_key_has_is_a_problem(manager: Speaker, path: str) -> None:
    assert manager.get(path).status_code in (400, 404)


def test_what_is_not_allowed_is_a_problem(auditor: Speaker) -> None:
    answer = auditor.post("/startups", NEW)

    assert answer.status_code == 403
    assert answer.json["code"] == "startup.create"


@ONE_DATABASE
@pytest.mark.parametrize("testing", [True, False])
def test_a_failure_tells_nothing_of_the_inside(
    manager: Speaker, app: Flask, monkeypatch: pytest.MonkeyPatch, testing: bool
) -> None:
    app.testing = testing

    def fail(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError("a secret of the inside")

    monkeypatch.setattr("creditsvc.api.startups.reading.list_startups", fail)
    answer = manager.get("/startups")

    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "ZeroDivision" not in answer.text


def test_a_database_that_does_not_answer_is_said_so(manager: Speaker, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OperationalError("SELECT secret", {}, Exception("no connection"))

    monkeypatch.setattr("creditsvc.api.startups.reading.list_startups", fail)
    answer = manager.get("/startups")

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "secret" not in answer.text


def test_a_failed_write_leaves_nothing(manager: Speaker, monkeypatch: pytest.MonkeyPatch) -> None:
    make = operations.create_startup

    def make_and_fail(*args: Any, **kwargs: Any) -> None:
        make(*args, **kwargs)
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(operations, "create_startup", make_and_fail)
        failed = manager.post("/startups", NEW, key="once")
    again = manager.post("/startups", NEW, key="once")

    assert (failed.status_code, again.status_code) == (500, 201)
    assert "Idempotency-Replayed" not in again.headers
