"""People with tokens, and startups that are not all theirs to see."""

from contextvars import Context

import pytest
from flask import Flask

from creditsvc import clock
from creditsvc.db import transaction
from creditsvc.parties import operations
from creditsvc.parties.access import operator
from creditsvc.parties.tokens import create_token
from tests.api.speaking import Speaker
from tests.conftest import NOW


@pytest.fixture(autouse=True)
def _at_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def nobody(app: Flask) -> Speaker:
    """Somebody without a token."""
    client = app.test_client()
    document = Context().run(lambda: client.get("/api/v1/openapi.json").json)
    return Speaker(app, None, document)


def token_of(email: str, role: str | None) -> str:
    """A token of a new person."""
    boss = operator(NOW)

    def make() -> str:
        if operations.person_of(email) is None:
            operations.add_person(boss, email=email, name="A. Lee", role=role)
        return create_token(boss, email, "test")

    return transaction(make)


def new_token(email: str) -> str:
    """A token of a person who is there."""
    return transaction(lambda: create_token(operator(NOW), email, "test"))


@pytest.fixture
def manager(nobody: Speaker) -> Speaker:
    return nobody.bearing(token_of("manager@park.example", "manager"))


@pytest.fixture
def auditor(nobody: Speaker) -> Speaker:
    return nobody.bearing(token_of("auditor@park.example", "auditor"))


@pytest.fixture
def startups(app: Flask) -> None:
    """Two startups: harbour-robotics and lotus-health."""
    boss = operator(NOW)

    def make() -> None:
        operations.create_startup(boss, key="harbour-robotics", name="Harbour Robotics")
        operations.create_startup(boss, key="lotus-health", name="Lotus Health")

    transaction(make)


@pytest.fixture
def founder(nobody: Speaker, startups: None) -> Speaker:
    """An owner of harbour-robotics, who is no staff."""
    email = "founder@harbour-robotics.example"
    transaction(
        lambda: operations.add_membership(
            operator(NOW), startup="harbour-robotics", email=email, name="M. Chan", role="owner"
        )
    )
    return nobody.bearing(token_of(email, None))
