import re
from collections.abc import Iterator

import pytest
from flask import Flask
from openapi_spec_validator import validate

from tests.api.speaking import Speaker

UNDOCUMENTED = {"/api/v1/openapi.json", "/api/v1/docs"}


@pytest.fixture(params=["sqlite"])
def database(request: pytest.FixtureRequest) -> str:
    """One is enough: the document is made without the database."""
    return str(request.param)


def routes(app: Flask) -> Iterator[tuple[str, str]]:
    """Every route below /api with its methods."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api") and rule.rule not in UNDOCUMENTED:
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                yield method, re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule.rule)


def test_the_document_is_openapi_3_1(nobody: Speaker) -> None:
    validate(nobody.document)

    assert nobody.document["openapi"] == "3.1.0"


def test_every_route_is_documented_and_no_other(nobody: Speaker, app: Flask) -> None:
    documented = {
        (method.upper(), path)
        for path, item in nobody.document["paths"].items()
        for method in item
        if method != "parameters"
    }

    assert documented == set(routes(app))
    assert len(documented) >= 20


def test_every_write_asks_for_its_key(nobody: Speaker) -> None:
    keys = {
        (method, path): [each["required"] for each in operation["parameters"] if each["name"] == "Idempotency-Key"]
        for path, item in nobody.document["paths"].items()
        for method, operation in item.items()
        if method not in ("get", "parameters")
    }

    assert set(map(tuple, keys.values())) == {(True,)}


def test_every_edit_asks_from_what_it_was_made_and_reading_says_it(nobody: Speaker) -> None:
    edits = [item for item in nobody.document["paths"].values() if "patch" in item]

    assert edits
    for item in edits:
        asked = [each["required"] for each in item["patch"]["parameters"] if each["name"] == "If-Match"]
        assert asked == [True]
        assert {"412", "428"} <= item["patch"]["responses"].keys()
        assert "ETag" in item["patch"]["responses"]["200"]["headers"]
        assert "ETag" in item["get"]["responses"]["200"]["headers"]


def test_every_operation_says_what_it_is(nobody: Speaker) -> None:
    silent = [
        path
        for path, item in nobody.document["paths"].items()
        for method, operation in item.items()
        if method != "parameters" and not operation.get("summary")
    ]

    assert silent == []


def test_the_page_names_every_operation_and_has_no_script(app: Flask, nobody: Speaker) -> None:
    answer = app.test_client().get("/api/v1/docs")

    assert answer.status_code == 200
    assert all(path in answer.text for path in nobody.document["paths"])
    assert not re.search(r"<script|<style|style=|https?://(?!127\.0\.0\.1)", answer.text)


def test_every_link_of_the_page_has_its_place(app: Flask) -> None:
    page = app.test_client().get("/api/v1/docs").text

    links, places = set(re.findall(r'href="#([^"]+)"', page)), set(re.findall(r'id="([^"]+)"', page))

    assert links
    assert links <= places
    assert {"invalid-input", "rule-broken", "conflict", "not-found", "key-missing"} <= places
