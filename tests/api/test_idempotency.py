from collections.abc import Callable
from threading import Barrier, Thread

import pytest
from flask import Flask
from sqlalchemy import func, select

from creditsvc.core.errors import Conflict, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.parties.access import Caller, operator
from creditsvc.parties.models import AnsweredRequest, Person, Startup
from creditsvc.parties.once import Answer, do_once, fingerprint, kept_answer
from tests.api.conftest import token_of
from tests.api.speaking import ONE_DATABASE, Speaker
from tests.conftest import NOW

BOTH_DATABASES = True

NEW = {"key": "jade-bio", "name": "Jade Bio"}


def startups_made(app: Flask) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Startup)) or 0


def test_a_write_without_a_key_is_refused(manager: Speaker, app: Flask) -> None:
    answer = manager.post("/startups", NEW, key="")

    assert answer.status_code == 400
    assert answer.json["type"].endswith("#key-missing")
    assert startups_made(app) == 0


@ONE_DATABASE
@pytest.mark.parametrize("key", ["x" * 201, "tab\tin it", "é"])
def test_a_key_that_is_none_is_refused(manager: Speaker, app: Flask, key: str) -> None:
    answer = manager.post("/startups", NEW, key=key)

    assert (answer.status_code, answer.json["code"]) == (422, "not-a-key")
    assert startups_made(app) == 0


def test_the_same_request_again_gets_the_first_answer(manager: Speaker, app: Flask) -> None:
    first = manager.post("/startups", NEW, key="one")
    again = manager.post("/startups", NEW, key="one")

    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert startups_made(app) == 1


def test_the_spelling_of_the_json_is_no_other_request(manager: Speaker) -> None:
    spelt = '{"name":"Jade \\u0042io",\n"key":"jade-bio"}'

    manager.post("/startups", NEW, key="one")
    again = manager.post("/startups", data=spelt, content_type="application/json", key="one")

    assert again.headers["Idempotency-Replayed"] == "true"


def test_another_body_under_the_key_is_a_conflict(manager: Speaker, app: Flask) -> None:
    manager.post("/startups", NEW, key="one")
    other = manager.post("/startups", {**NEW, "key": "jade-two"}, key="one")

    assert (other.status_code, other.json["code"]) == (409, "key-reused")
    assert startups_made(app) == 1


def test_another_address_under_the_key_is_a_conflict(manager: Speaker) -> None:
    manager.post("/startups", NEW, key="one")
    other = manager.post("/grants/no-such-grant/void", {}, key="one")

    assert (other.status_code, other.json["code"]) == (409, "key-reused")


def test_a_refusal_is_not_kept(manager: Speaker, app: Flask) -> None:
    refused = manager.post("/startups", {**NEW, "name": "  "}, key="one")
    mended = manager.post("/startups", NEW, key="one")

    assert (refused.status_code, mended.status_code) == (422, 201)
    assert startups_made(app) == 1


def test_keys_are_each_persons_own(manager: Speaker, nobody: Speaker, app: Flask) -> None:
    other = nobody.bearing(token_of("other@park.example", "manager"))

    first = manager.post("/startups", NEW, key="one")
    second = other.post("/startups", {**NEW, "key": "jade-two"}, key="one")

    assert (first.status_code, second.status_code) == (201, 201)
    assert startups_made(app) == 2


def test_duplicates_at_once_do_it_once(manager: Speaker, app: Flask) -> None:
    answers = at_once(8, lambda: manager.post("/startups", NEW, key="one"))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.data for answer in answers}) == 1
    assert sorted(answer.headers.get("Idempotency-Replayed", "") for answer in answers) == [""] + ["true"] * 7
    assert startups_made(app) == 1


def test_without_the_key_in_the_database_duplicates_at_once_would_do_it_again(
    manager: Speaker, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above: it can tell."""
    monkeypatch.setattr("creditsvc.api.writes.do_once", lambda caller, key, asked, act: act())
    bodies = [{**NEW, "key": f"jade-{number}"} for number in range(3)]

    answers = at_once(3, lambda: manager.post("/startups", bodies.pop(), key="one"))

    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert startups_made(app) == 3


def at_once(times: int, act: Callable[[], object]) -> list:
    """What the act gives in so many threads that begin together."""
    barrier, answers = Barrier(times), []

    def run() -> None:
        barrier.wait()
        answers.append(act())

    threads = [Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.fixture
def caller(app: Flask) -> Caller:
    def make() -> int:
        person = Person(email="a@park.example", name="A", created_at=NOW)
        db.session.add(person)
        db.session.flush()
        return person.id

    return Caller(NOW, "a@park.example", "manager", transaction(make))


def test_an_answer_is_kept_with_its_effect_or_not_at_all(caller: Caller) -> None:
    def fail() -> Answer:
        raise RuleBroken("name", "no")

    with pytest.raises(RuleBroken):
        transaction(lambda: do_once(caller, "k", "asked", fail))

    assert db.session.scalar(select(func.count()).select_from(AnsweredRequest)) == 0


def test_a_dry_run_keeps_no_answer(caller: Caller) -> None:
    transaction(lambda: do_once(caller, "k", "asked", lambda: Answer(200, {"n": 1})), keep=False)

    assert kept_answer(caller, "k", "asked") is None


def test_what_is_kept_is_what_was_answered(caller: Caller) -> None:
    body = {"amount": "0.00000001", "list": [1, None, "é"]}
    transaction(lambda: do_once(caller, "k", "asked", lambda: Answer(201, body, "/x")))

    again = transaction(lambda: do_once(caller, "k", "asked", lambda: Answer(500)))

    assert again == Answer(201, body, "/x", replayed=True)
    with pytest.raises(Conflict):
        kept_answer(caller, "k", "asked otherwise")


def test_the_operator_has_no_answers(app: Flask) -> None:
    with pytest.raises(ValueError, match="by person"):
        kept_answer(operator(NOW), "k", "asked")


def test_a_fingerprint_is_of_the_meaning() -> None:
    same = fingerprint("POST", {"a": 1, "b": [2]}), fingerprint("POST", {"b": [2], "a": 1})
    other = fingerprint("POST", {"a": 1, "b": ["2"]}), fingerprint("POST", {"a": 1}, {"b": [2]})

    assert same[0] == same[1]
    assert len({same[0], *other}) == 3
