"""What a token may do is its person's part and its scopes: every address asks for one scope, stated here once more."""

import re
from typing import Any

import pytest
from flask import Flask

from creditsvc.db import transaction
from creditsvc.parties.access import operator
from creditsvc.parties.models import TOKEN_SCOPES
from creditsvc.parties.tokens import create_token
from tests.api.conftest import token_of
from tests.api.speaking import ONE_DATABASE, Speaker
from tests.conftest import NOW

WRITES = {
    "award": {
        "POST /grants", "POST /grants/{key}/extend", "POST /grants/{key}/top-up", "POST /grants/{key}/void",
        "POST /grants/{key}/return", "POST /grants/{key}/activate", "POST /grants/{key}/void-series",
        "POST /grants/{key}/extend-series",
        "POST /startups/{key}/enrolments/{cohort}/award",
        "POST /requests", "POST /requests/{request_id}/approve", "POST /requests/{request_id}/refuse",
        "POST /requests/{request_id}/withdraw",
        "POST /proposals", "POST /startups/{key}/enrolments/{cohort}/propose", "POST /grants/{key}/propose-top-up",
        "POST /grants/{key}/propose-extend-series",
        "POST /proposals/{proposal_id}/approve", "POST /proposals/{proposal_id}/refuse",
        "POST /proposals/{proposal_id}/withdraw",
        "POST /seats", "POST /seats/bulk", "POST /seats/move", "POST /seats/release",
        "POST /seats/{seat_id}/release", "POST /seats/{seat_id}/transfer",
        "POST /seat-wishes", "POST /seat-wishes/{wish_id}/withdraw", "POST /seat-wishes/{wish_id}/place",
        "POST /seat-wishes/{wish_id}/seat",
    },
    "import": {
        "POST /usage-runs", "POST /usage-runs/{run_id}/confirm", "POST /usage-runs/{run_id}/reverse",
        "POST /usage-runs/{run_id}/discard", "POST /usage-runs/{run_id}/apply",
        "POST /scopes/assign", "POST /scopes/end", "POST /rates", "POST /rates/withdraw",
        "POST /startups/{key}/reported-balances",
        "POST /licence-keys", "POST /licence-keys/file", "POST /licence-counts",
    },
    "admin": {
        "POST /startups", "PATCH /startups/{key}", "POST /startups/{key}/members", "POST /startups/{key}/members/end",
        "POST /startups/{key}/invitations", "POST /startups/{key}/invitations/{invitation_id}/revoke",
        "POST /products", "PATCH /products/{key}",
        "POST /partners", "PATCH /partners/{partner}", "POST /resources", "POST /pools",
        "PATCH /pools/{pool}/reference",
        "POST /programmes", "PATCH /programmes/{key}", "POST /programmes/{key}/terms",
        "POST /programmes/{key}/packages", "POST /programmes/{key}/packages/{package}",
        "POST /programmes/{key}/cohorts", "PATCH /cohorts/{key}",
        "POST /startups/{key}/enrolments", "POST /startups/{key}/enrolments/{cohort}/begin",
        "POST /jobs/{job}/run", "POST /mails/{mail_id}/send-again", "POST /mails/{mail_id}/dismiss",
        "PATCH /pools/{pool}/limit", "PATCH /programmes/{key}/consulting-policy",
        "POST /alerts/{alert_id}/acknowledge", "POST /alerts/{alert_id}/snooze",
        "POST /bookings", "POST /unbooked-sessions", *(f"POST /bookings/{{uid}}/{step}" for step in (
            "move", "cancel", "log", "no-show", "confirm", "dispute", "decide", "correct"
        )),
    },
}
"""The scope of every address that writes; those that read need `read`."""


def operations(speaker: Speaker) -> dict[str, dict[str, Any]]:
    """Every documented operation by its method and path."""
    return {
        f"{method.upper()} {path.removeprefix('/api/v1')}": operation
        for path, item in speaker.document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }


def ask(speaker: Speaker, operation: str) -> tuple[int, str | None]:
    """The status and the code of an address asked without anything that it could do."""
    method, _, path = operation.partition(" ")
    headers = {"Idempotency-Key": "no matter"} if method != "GET" else {}
    answer = speaker.send(method, re.sub(r"\{[a-z]+_id\}", "9", re.sub(r"\{[a-z]+\}", "none", path)), headers=headers)
    return answer.status_code, answer.json.get("code")


@pytest.fixture
def with_scopes(nobody: Speaker) -> Any:
    """Makes an administrator's token of these scopes."""
    token_of("boss@park.example", "administrator")

    def make(*scopes: str) -> Speaker:
        name = " ".join(scopes)
        return nobody.bearing(
            transaction(lambda: create_token(operator(NOW), "boss@park.example", name, scopes=scopes))
        )

    return make


@ONE_DATABASE
def test_the_document_says_the_scope_of_every_address(nobody: Speaker) -> None:
    stated = {name: operation["security"] for name, operation in operations(nobody).items()}
    scopes = {name: scope for scope, names in WRITES.items() for name in names}

    assert stated == {name: [{"token": [scopes.get(name, "read")]}] for name in stated}
    assert {name for name in stated if not name.startswith("GET ")} == scopes.keys()


@ONE_DATABASE
@pytest.mark.parametrize("scope", TOKEN_SCOPES)
def test_a_token_without_the_scope_of_an_address_is_refused_there_and_nowhere_else(
    nobody: Speaker, with_scopes: Any, scope: str
) -> None:
    speaker = with_scopes(*(other for other in TOKEN_SCOPES if other != scope))

    refused = {name for name in operations(nobody) if ask(speaker, name) == (403, "scope-missing")}

    reads = {name for name in operations(nobody) if name.startswith("GET ")}
    assert refused == (reads if scope == "read" else WRITES[scope])


@ONE_DATABASE
def test_the_refusal_names_the_scope_as_clients_expect_it(with_scopes: Any) -> None:
    answer = with_scopes("read").post("/startups", {"key": "new-one", "name": "New"})

    assert answer.status_code == 403
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="creditsvc", error="insufficient_scope", scope="admin"'


@ONE_DATABASE
def test_a_scope_adds_nothing_to_what_its_person_may(nobody: Speaker) -> None:
    auditor = nobody.bearing(token_of("auditor@park.example", "auditor"))

    answer = auditor.post("/startups", {"key": "new-one", "name": "New"})

    assert (answer.status_code, answer.json["code"]) == (403, "startup.create")


@ONE_DATABASE
def test_an_address_that_names_no_scope_opens_to_nobody(
    app: Flask, with_scopes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker = with_scopes(*TOKEN_SCOPES)

    monkeypatch.delitem(app.blueprints["api_startups"].scopes, "list_startups")

    assert speaker.get("/startups").status_code == 500
