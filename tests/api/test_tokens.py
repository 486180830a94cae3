import hashlib
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from creditsvc import clock
from creditsvc.core.errors import Conflict, Forbidden, NotFound, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.parties import operations
from creditsvc.parties.access import Caller, operator
from creditsvc.parties.models import TOKEN_SCOPES, ApiToken, Person
from creditsvc.parties.tokens import create_token, find_bearer, list_tokens, revoke_token
from tests.api.conftest import token_of
from tests.api.speaking import ONE_DATABASE, Speaker
from tests.conftest import NOW
from tests.counting import statements

EMAIL, OTHER = "manager@park.example", "other@park.example"


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

    found = find_bearer(token, NOW)

    assert found is not None
    assert found.caller.actor == person
    assert find_bearer(token + "x", NOW) is None
    assert find_bearer(token.removeprefix("cs_"), NOW) is None


def test_a_name_stands_for_one_live_token(person: str) -> None:
    transaction(lambda: create_token(operator(NOW), person, "one"))

    with pytest.raises(Conflict) as refused:
        transaction(lambda: create_token(operator(NOW), person, "one"))
    transaction(lambda: revoke_token(operator(NOW), person, "one"))
    again = transaction(lambda: create_token(operator(NOW), person, "one"))

    assert refused.value.code == "token-name-taken"
    assert find_bearer(again, NOW) is not None


@ONE_DATABASE
@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "x" * 101])
def test_a_name_that_is_none_is_refused(person: str, name: str) -> None:
    with pytest.raises(RuleBroken) as refused:
        transaction(lambda: create_token(operator(NOW), person, name))

    assert (refused.value.field, refused.value.code) == ("name", "not-a-name")


def test_nobody_has_no_token(app: Flask) -> None:
    with pytest.raises(NotFound):
        transaction(lambda: create_token(operator(NOW), "nobody@park.example", "one"))


def test_everybody_makes_and_ends_tokens_of_their_own_and_an_administrator_of_others(person: str) -> None:
    transaction(lambda: operations.add_person(operator(NOW), email=OTHER, name="B. Ho", role="manager"))
    transaction(lambda: create_token(operator(NOW), OTHER, "theirs"))
    manager = Caller(NOW, person, "manager", 1)

    with pytest.raises(Forbidden):
        create_token(manager, OTHER, "one")
    with pytest.raises(Forbidden):
        revoke_token(manager, OTHER, "theirs")
    own = transaction(lambda: create_token(manager, person, "one"))
    found = find_bearer(own, NOW)
    transaction(lambda: revoke_token(manager, person, "one"))

    assert found is not None
    assert found.caller.actor == person
    assert find_bearer(own, NOW) is None


def test_a_token_makes_no_token(person: str) -> None:
    by_token = Caller(NOW, person, "manager", 1, scopes=frozenset(TOKEN_SCOPES))

    with pytest.raises(Forbidden):
        create_token(by_token, person, "one")


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


def test_a_token_opens_nothing_from_its_expiry_on(
    nobody: Speaker, person: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = NOW + timedelta(days=30)
    token = transaction(lambda: create_token(operator(NOW), person, "one", expires_at=ends))
    speaker = nobody.bearing(token)

    monkeypatch.setattr(clock, "now", lambda: ends - timedelta(microseconds=1))
    before = speaker.get("/startups")
    monkeypatch.setattr(clock, "now", lambda: ends)
    after = speaker.get("/startups")

    assert (before.status_code, after.status_code) == (200, 401)


@ONE_DATABASE
def test_a_token_that_would_end_in_the_past_is_refused(person: str) -> None:
    with pytest.raises(RuleBroken) as refused:
        transaction(lambda: create_token(operator(NOW), person, "one", expires_at=NOW))

    assert (refused.value.field, refused.value.code) == ("expires", "in-the-past")


@ONE_DATABASE
@pytest.mark.parametrize("scopes", [(), ("write",), ("read", "everything")])
def test_a_token_has_scopes_that_there_are(person: str, scopes: tuple[str, ...]) -> None:
    with pytest.raises(RuleBroken) as refused:
        transaction(lambda: create_token(operator(NOW), person, "one", scopes=scopes))

    assert (refused.value.field, refused.value.code) == ("scopes", "unknown-scope")


def test_a_token_made_without_a_word_about_scopes_has_all(person: str) -> None:
    transaction(lambda: create_token(operator(NOW), person, "one"))

    assert list_tokens(operator(NOW))[0].scopes == ("read", "award", "import", "admin")


def test_a_name_is_free_again_once_its_token_has_expired(person: str) -> None:
    ends = NOW + timedelta(days=1)
    transaction(lambda: create_token(operator(NOW), person, "one", expires_at=ends))

    again = transaction(lambda: create_token(operator(ends), person, "one"))

    assert find_bearer(again, ends) is not None


def last_use() -> datetime | None:
    """When the one token was last used, as it stands in the database now."""
    db.session.rollback()
    return list_tokens(operator(NOW))[0].last_used_at


def test_the_last_use_of_a_token_is_noted_now_and_then(manager: Speaker, monkeypatch: pytest.MonkeyPatch) -> None:
    noted = []
    for minutes in (0, 1, 4, 5, 6):
        monkeypatch.setattr(clock, "now", lambda at=NOW + timedelta(minutes=minutes): at)
        manager.get("/startups")
        used = last_use()
        noted.append(used and (used - NOW) // timedelta(minutes=1))

    assert noted == [0, 0, 0, 5, 5]


def test_a_request_does_not_become_a_write_each_time(manager: Speaker) -> None:
    manager.get("/startups")

    sent = statements(lambda: manager.get("/startups"))

    assert [statement for statement in sent if not statement.startswith("SELECT")] in ([], ["BEGIN"])


def test_the_last_use_is_not_waited_for_while_another_writes(manager: Speaker) -> None:
    with db.engine.connect().execution_options(writes=True) as writer:
        writer.execute(update(ApiToken).values(name="held"))
        during = manager.get("/startups")
        writer.rollback()

    unnoted = last_use()
    after = manager.get("/startups")

    assert (during.status_code, after.status_code) == (200, 200)
    assert unnoted is None
    assert last_use() == NOW


def test_tokens_are_listed_to_their_person_and_to_who_looks_after_all(person: str) -> None:
    other = transaction(lambda: operations.add_person(operator(NOW), email="b@park.example", name="B", role="manager"))
    for email in (person, other.email):
        transaction(lambda email=email: create_token(operator(NOW), email, "one"))
    own = Caller(NOW, other.email, "manager", other.id)
    auditor = Caller(NOW, "auditor@park.example", "auditor", 999)

    assert [token.person for token in list_tokens(own)] == [other.email]
    assert [token.person for token in list_tokens(auditor)] == [other.email, person]
    assert [token.person for token in list_tokens(auditor, person)] == [person]
