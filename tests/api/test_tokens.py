import hashlib

import pytest
from flask import Flask
from sqlalchemy import select

from creditsvc.core.errors import Conflict, Forbidden, NotFound, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.parties import operations
from creditsvc.parties.access import Caller, operator
from creditsvc.parties.models import ApiToken, Person
from creditsvc.parties.tokens import create_token, person_of_token, revoke_token
from tests.api.conftest import token_of
from tests.api.speaking import ONE_DATABASE, Speaker
from tests.conftest import NOW

EMAIL = "manager@park.example"


@pytest.fixture
def person(app: Flask) -> str:
    transaction(lambda: operations.add_person(operator(NOW), email=EMAIL, name="A. Lee", role="manager"))
    return EMAIL


def test_only_the_hash_of_a_token_is_kept(person: str) -> None:
    token = transaction(lambda: create_token(operator(NOW), person, "nightly export"))

    kept = db.session.scalars(select(ApiToken)).one()
    assert token.startswith("cs_")
    assert len(token) >= 40
    assert kept.token_hash == hashlib.sha256(token.encode()).hexdigest()
    assert token not in repr(vars(kept))


def test_a_token_is_its_person(person: str) -> None:
    token = transaction(lambda: create_token(operator(NOW), person.upper(), "one"))

    found = person_of_token(token)

    assert found is not None
    assert found.email == person
    assert person_of_token(token + "x") is None
    assert person_of_token(token.removeprefix("cs_")) is None


def test_a_name_stands_for_one_live_token(person: str) -> None:
    transaction(lambda: create_token(operator(NOW), person, "one"))

    with pytest.raises(Conflict) as refused:
        transaction(lambda: create_token(operator(NOW), person, "one"))
    transaction(lambda: revoke_token(operator(NOW), person, "one"))
    again = transaction(lambda: create_token(operator(NOW), person, "one"))

    assert refused.value.code == "token-name-taken"
    assert person_of_token(again) is not None


@ONE_DATABASE
@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "x" * 101])
def test_a_name_that_is_none_is_refused(person: str, name: str) -> None:
    with pytest.raises(RuleBroken) as refused:
        transaction(lambda: create_token(operator(NOW), person, name))

    assert (refused.value.field, refused.value.code) == ("name", "not-a-name")


def test_nobody_has_no_token(app: Flask) -> None:
    with pytest.raises(NotFound):
        transaction(lambda: create_token(operator(NOW), "nobody@park.example", "one"))


def test_only_an_administrator_makes_and_ends_tokens(person: str) -> None:
    manager = Caller(NOW, person, "manager", 1)

    with pytest.raises(Forbidden):
        create_token(manager, person, "one")
    with pytest.raises(Forbidden):
        revoke_token(manager, person, "one")


def test_a_revoked_token_opens_nothing(manager: Speaker) -> None:
    before = manager.get("/startups")

    transaction(lambda: revoke_token(operator(NOW), EMAIL, "test"))
    after = manager.get("/startups")

    assert (before.status_code, after.status_code) == (200, 401)
    assert after.headers["WWW-Authenticate"] == 'Bearer realm="creditsvc", error="invalid_token"'


def test_revoking_twice_finds_nothing(manager: Speaker) -> None:
    transaction(lambda: revoke_token(operator(NOW), EMAIL, "test"))

    with pytest.raises(NotFound):
        transaction(lambda: revoke_token(operator(NOW), EMAIL, "test"))


def test_a_token_of_somebody_who_may_not_sign_in_opens_nothing(nobody: Speaker) -> None:
    speaker = nobody.bearing(token_of(EMAIL, "manager"))

    def deactivate() -> None:
        db.session.scalars(select(Person)).one().active = False

    transaction(deactivate)

    assert speaker.get("/startups").status_code == 401


@ONE_DATABASE
@pytest.mark.parametrize("header", ["", "Basic cs_x", "Bearer", "Bearer  ", "Bearer cs_unknown", "bearer é"])
def test_without_a_live_token_nothing_opens(nobody: Speaker, header: str) -> None:
    answer = nobody.send("GET", "/startups", headers={"Authorization": header} if header else {})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="creditsvc"')


def test_a_session_cookie_opens_nothing(nobody: Speaker, manager: Speaker) -> None:
    answer = nobody.send("GET", "/startups", headers={"Cookie": f"session={manager.token}; remember_token=1"})

    assert answer.status_code == 401
