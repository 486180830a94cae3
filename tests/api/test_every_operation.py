"""Every operation, tried with what its schema allows and forbids, and in the order that its links suggest.

schemathesis makes the requests from the OpenAPI document: examples, every limit of every field, random bodies, and
walks along links. It may find no failure of the service, no status, type or shape that the document does not name, no
wrong input that is taken and no right input that is refused. Its choices come from a fixed seed. The databases
take turns: what one alone refuses is no failure of the service either.
"""

import io
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from flask import Flask
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, from_schema
from schemathesis.engine.events import EngineEvent, FatalError, NonFatalError, ScenarioFinished
from schemathesis.engine.recorder import ScenarioRecorder

from creditsvc.db import transaction
from creditsvc.parties.access import operator
from creditsvc.usage.files import pack
from creditsvc.usage.operations import receive_upload
from tests import factories
from tests.api.conftest import token_of
from tests.api.speaking import ONE_DATABASE
from tests.conftest import NOW
from tests.journeys.serving import served

pytestmark = pytest.mark.long

EXAMPLES, WALKS = 5, 15
"""Random requests for each operation, the limits of its fields being tried one by one besides; walks along links, of
which most end at what there is not."""

UNTELLABLE = re.compile("out of range|character that cannot be kept")
"""Refusals of a field that no schema foretells: years beyond the calendar, characters that no database keeps."""


def settings(address: str, token: str, phases: tuple[str, ...]) -> SchemathesisConfig:
    """What to try, and how much of it."""
    return SchemathesisConfig.from_dict({
        "seed": 20260615,
        "base-url": address,
        "headers": {"Authorization": f"Bearer {token}"},
        "continue-on-failure": True,
        "generation": {
            "max-examples": WALKS if "stateful" in phases else EXAMPLES, "deterministic": True, "database": "none",
            "no-shrink": True,
        },
        # 428 is what an edit without If-Match gets (RFC 6585), besides what is expected anyway
        "checks": {"missing_required_header": {"expected-statuses": [400, 401, 403, 406, 415, 422, 428]}},
        "phases": {
            "examples": {"enabled": "examples" in phases, "fill-missing": True},
            "coverage": {"enabled": "coverage" in phases},
            "fuzzing": {"enabled": "fuzzing" in phases},
            "stateful": {"enabled": "stateful" in phases, "max-steps": 5},
        },
    })


def tried(app: Flask, token: str, phases: tuple[str, ...]) -> list[EngineEvent]:
    """What happened when every operation was tried."""
    with served(app) as address:
        config = settings(address, token, phases)
        schema = schemathesis.openapi.from_url(f"{address}/api/v1/openapi.json", config=config)
        return list(from_schema(schema).execute())


def complaints(events: list[EngineEvent]) -> Iterator[str]:
    """What was found, with the request that shows it."""
    for event in events:
        if isinstance(event, FatalError | NonFatalError):
            yield f"{event.label if isinstance(event, NonFatalError) else event}: {event.value!r}"
        if isinstance(event, ScenarioFinished):
            for case_id, checks in event.recorder.checks.items():
                for check in checks:
                    if check.status == Status.FAILURE and not is_a_rule(event.recorder, case_id, check.name):
                        info: Any = check.failure_info
                        yield f"{event.recorder.label}: {check.name}: {info.failure}\n{info.code_sample}"


def is_a_rule(recorder: ScenarioRecorder, case_id: str, check: str) -> bool:
    """Whether a request of the right shape was refused by a rule, which no schema can tell."""
    answer = recorder.interactions[case_id].response
    if check != "positive_data_acceptance" or answer is None:
        return False
    problem = answer.json()
    kind = problem["type"].rpartition("#")[2]
    shapes = [error for error in problem.get("errors", []) if not UNTELLABLE.search(error["message"])]
    return (
        kind in ("rule-broken", "file-refused")
        or answer.status_code == 412
        or (kind == "invalid-input" and not shapes)
        or (answer.status_code == 400 and _carries_nul(recorder.interactions[case_id].request))
    )


def _carries_nul(request: Any) -> bool:
    """Whether the request holds the one character that neither an address nor a form can carry."""
    return "%00" in request.uri or b"\x00" in (request.body or b"")


def asked(events: list[EngineEvent]) -> Counter[str]:
    """How many requests were answered with which status."""
    finished = [event for event in events if isinstance(event, ScenarioFinished)]
    return Counter(
        str(interaction.response.status_code)
        for event in finished
        for interaction in event.recorder.interactions.values()
        if interaction.response is not None
    )


@pytest.fixture
def token(app: Flask) -> str:
    """An administrator's token, on a park in which there is one of each thing."""
    factories.make_startup("harbour-robotics")
    factories.make_cohort(factories.make_programme("techconnect").key, "tc-2026a")
    factories.make_pool("ms-azure-2026")
    factories.make_grant("harbour-robotics", "ms-azure-2026", key="hr-azure")
    factories.make_resource("m365", "seats", None, None)
    factories.make_pool("m365-2026", "20", "m365")
    packed = pack("not-an-export.csv", io.BytesIO(b""))
    transaction(lambda: receive_upload(operator(NOW), "not-an-export.csv", [packed]))
    return token_of("administrator@park.example", "administrator")


@pytest.mark.parametrize(("database", "phases"), [
    ("sqlite", ("examples", "coverage")), ("postgresql", ("fuzzing",)), ("postgresql", ("stateful",)),
], indirect=["database"], ids=["limits of fields", "at random", "along links"])
def test_no_request_finds_a_failure_or_an_answer_that_is_not_documented(
    app: Flask, token: str, phases: tuple[str, ...]
) -> None:
    app.testing = False
    events = tried(app, token, phases)
    answers = asked(events)

    assert list(complaints(events)) == []
    assert answers["200"] >= 10
    assert not [status for status in answers if status.startswith("5")]


@ONE_DATABASE
def test_the_search_finds_a_seeded_failure_and_a_status_that_is_not_documented(
    app: Flask, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(app.view_functions, "api_offers.list_pools", broken)
    monkeypatch.setitem(app.view_functions, "api_grants.list_grants", lambda: ({"items": [], "next": None}, 202))

    found = "\n".join(complaints(tried(app, token, ("examples",))))

    assert "GET /api/v1/pools: not_a_server_error" in found
    assert "GET /api/v1/grants: status_code_conformance" in found
