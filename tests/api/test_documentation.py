"""The requests that docs/api.md shows are sent as they stand there, in their order, and answered as it says.

A comment behind a request says its status where that is not 200; a block of JSON shows the answer to the last one.
"""

import io
import json
import re
import shlex
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from creditsvc.consulting import consultants
from creditsvc.core.free_slots import Weekly
from creditsvc.programmes import operations as programmes
from creditsvc.programmes.operations import LineTerms
from tests import factories
from tests.api.speaking import ONE_DATABASE, Speaker
from tests.conftest import NOW, ROOT
from tests.usage.exports import focus_row, write_focus

PAGE = ROOT / "docs" / "api.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def park(startups: None) -> None:
    """What the page speaks of."""
    factories.make_partner("microsoft")
    factories.make_programme("techconnect", partner="microsoft")
    pool = factories.make_pool("ms-azure-2026", partner="microsoft").key
    factories.make_package("techconnect", [LineTerms("azure-credit", pool, "25000", 12)])
    factories.make_cohort("techconnect", "tc-2026a")
    factories.do(lambda: programmes.enrol(
        factories.somebody(), startup="harbour-robotics", cohort="tc-2026a", package="standard", status="active",
        on=NOW.date(),
    ))
    factories.make_grant("harbour-robotics", pool, key="hr-azure")
    factories.make_resource("m365", "seats", None, None)
    factories.make_pool("m365-2026", "20", "m365")
    factories.make_resource("consulting", "hours", None, None)
    hours = factories.make_pool("consultants", "100", resource="consulting").key
    factories.make_grant("harbour-robotics", hours, "10", key="hr-hours")
    factories.do(lambda: consultants.add_consultant(factories.somebody(), key="lee", name="Lee"))
    factories.do(lambda: consultants.set_weekly_hours(factories.somebody(), "lee", [Weekly(2, 9 * 60, 18 * 60)]))


def differences(page: str, speaker: Speaker, export: bytes) -> Iterator[str]:
    """What the page shows otherwise than it is."""
    answer, tag = None, ""
    for language, text in BLOCK.findall(page):
        if language == "sh":
            for command in re.split(r"^(?=curl )", text, flags=re.MULTILINE):
                if command.startswith("curl "):
                    answer = sent(command.replace("$ETAG", shlex.quote(tag)[1:-1]), speaker, export)
                    stated = re.search(r"# (\d{3})", command)
                    tag = answer.headers.get("ETag", tag)
                    if answer.status_code != int(stated[1] if stated else 200):
                        yield f"{answer.status_code} for {command}{answer.text}"
        if language == "json":
            assert answer is not None
            yield from (f"{where} after {answer.request.path}" for where in other_keys(json.loads(text), answer.json))


def sent(command: str, speaker: Speaker, export: bytes) -> TestResponse:
    """The answer to a request of curl. An option that is not known here is a fault of this test (KeyError)."""
    words = iter(shlex.split(command.replace("\\\n", " ").replace("$(uuidgen)", uuid.uuid4().hex), comments=True)[1:])
    method, path, headers, more = "GET", "", {}, {}
    for word in words:
        if word.startswith("$API"):
            path = word.removeprefix("$API")
        elif word == "-X":
            method = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "--json":
            method, more["json"] = "POST" if method == "GET" else method, json.loads(next(words))
        elif word == "-F":
            name, _, value = next(words).partition("=")
            given: Any = (io.BytesIO(export), value[1:]) if value.startswith("@") else value
            method, more["data"] = "POST", {**more.get("data", {}), name: given}
        elif word != "-i":
            raise KeyError(word)
    assert headers.pop("$AUTH", None) == "", command
    return speaker.send(method, path, headers=headers, **more)


def other_keys(shown: Any, found: Any, where: str = "body") -> Iterator[str]:
    """Where the keys of what is shown are not those of what is found; of lists, the first items are held together."""
    if isinstance(shown, dict) and isinstance(found, dict):
        if shown.keys() != found.keys():
            yield f"{where}: {sorted(shown.keys() ^ found.keys())}"
        for name in shown.keys() & found.keys():
            yield from other_keys(shown[name], found[name], f"{where}.{name}")
    elif isinstance(shown, list) and isinstance(found, list) and shown and found:
        yield from other_keys(shown[0], found[0], f"{where}[0]")
    elif isinstance(shown, list | dict) or isinstance(found, list | dict):
        yield f"{where}: of another kind"


@pytest.fixture
def export(tmp_path: Path) -> bytes:
    """A cost export."""
    row = focus_row(NOW.date(), "64e355d7-997c-491d-b0c1-8414dccfcf42", "1.5")
    return write_focus(tmp_path / "june.csv", [row]).read_bytes()


@ONE_DATABASE
def test_what_the_page_shows_is_what_is_answered(manager: Speaker, park: None, export: bytes) -> None:
    page = PAGE.read_text()

    assert list(differences(page, manager, export)) == []
    assert page.count("curl ") >= 15


@ONE_DATABASE
def test_a_page_that_has_rotted_is_found(manager: Speaker, park: None, export: bytes) -> None:
    page = PAGE.read_text().replace('"months": 12', '"years": 1').replace("# 412", "# 409").replace("/night", "/nights")

    found = "\n".join(differences(page, manager, export))

    assert "body.items[0]: ['months', 'years'] after /api/v1/enrolments" in found
    assert "412 for curl -X PATCH" in found
    assert "404 for curl" in found
