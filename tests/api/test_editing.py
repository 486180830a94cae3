"""Edits of a startup: of what was read, and of nothing else (ETag and If-Match)."""

from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from creditsvc.api import startups as startups_api
from creditsvc.db import db
from creditsvc.parties import operations
from creditsvc.parties.models import TrailEntry
from tests import factories
from tests.api.conftest import token_of
from tests.api.speaking import ONE_DATABASE, Speaker
from tests.api.test_idempotency import at_once

BOTH_DATABASES = True

PLACE = "/startups/harbour-robotics"


def edits_kept() -> int:
    db.session.rollback()
    return len(db.session.scalars(select(TrailEntry.id).where(TrailEntry.action == "startup.edited")).all())


def test_an_edit_of_what_was_read_is_made_and_says_what_there_is_now(manager: Speaker, startups: None) -> None:
    read = manager.get(PLACE)

    edited = manager.patch(PLACE, {"name": "Harbour AI"}, read.headers["ETag"])

    assert edited.status_code == 200
    assert edited.json == {**read.json, "name": "Harbour AI"}
    after = manager.get(PLACE)
    assert after.json == edited.json
    assert after.headers["ETag"] == edited.headers["ETag"] != read.headers["ETag"]


def test_an_edit_of_what_was_changed_meanwhile_is_refused_until_it_is_read_again(
    manager: Speaker, startups: None
) -> None:
    read = manager.get(PLACE).headers["ETag"]
    manager.patch(PLACE, {"language": "zh_Hant"}, read)

    late = manager.patch(PLACE, {"name": "Harbour AI"}, read, key="one")
    again = manager.patch(PLACE, {"name": "Harbour AI"}, manager.get(PLACE).headers["ETag"], key="one")

    assert (late.status_code, again.status_code) == (412, 200)
    assert (again.json["name"], again.json["language"]) == ("Harbour AI", "zh_Hant")


@ONE_DATABASE
@pytest.mark.parametrize(("match", "status"), [
    (None, 428), (" ", 428), ("no {{ tag", 412), ('"something else"', 412),
    ("W/{read}", 412), ("*", 200), ('"other", {read}', 200),
])
def test_an_edit_says_what_it_was_made_from(manager: Speaker, startups: None, match: str | None, status: int) -> None:
    read = manager.get(PLACE).headers["ETag"]

    answer = manager.patch(PLACE, {"name": "Harbour AI"}, match and match.format(read=read))

    assert answer.status_code == status
    assert edits_kept() == (1 if status == 200 else 0)


def test_an_edit_sent_again_gets_its_first_answer_although_its_tag_is_old_by_now(
    manager: Speaker, startups: None
) -> None:
    read = manager.get(PLACE).headers["ETag"]

    first, again = (manager.patch(PLACE, {"name": "Harbour AI"}, read, key="one") for _ in range(2))

    assert (again.status_code, again.data, again.headers["ETag"]) == (200, first.data, first.headers["ETag"])
    assert again.headers["Idempotency-Replayed"] == "true"
    assert edits_kept() == 1


@ONE_DATABASE
def test_a_reader_who_has_it_is_not_sent_it_again(manager: Speaker, startups: None) -> None:
    read = manager.get(PLACE).headers["ETag"]

    same = manager.send("GET", PLACE, headers={"If-None-Match": f"{read}, W/\"older\""})
    other = manager.send("GET", PLACE, headers={"If-None-Match": '"older"', "If-Match": '"older"'})

    assert (same.status_code, same.headers["ETag"]) == (304, read)
    assert other.status_code == 200


def test_of_edits_at_once_of_the_same_reading_one_is_made(manager: Speaker, startups: None) -> None:
    read = manager.get(PLACE).headers["ETag"]
    names = [f"Harbour {number}" for number in range(6)]

    answers = at_once(6, lambda: manager.patch(PLACE, {"name": names.pop()}, read))

    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412, 412]
    assert edits_kept() == 1


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_without_the_lock_edits_at_once_would_both_be_made(
    app: Flask, manager: Speaker, startups: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above: it can tell."""
    both_checked = Barrier(2, timeout=30)
    locking, check = operations.require_startup, startups_api.check_match

    def without_lock(*args: Any, locked: bool = False) -> Any:
        return locking(*args)

    def check_and_wait(shown: Any) -> None:
        check(shown)
        both_checked.wait()

    monkeypatch.setattr(operations, "require_startup", without_lock)
    monkeypatch.setattr(startups_api, "check_match", check_and_wait)
    read, names = manager.get(PLACE).headers["ETag"], ["Harbour A", "Harbour B"]

    answers = at_once(2, lambda: manager.patch(PLACE, {"name": names.pop()}, read))

    assert [answer.status_code for answer in answers] == [200, 200]


@ONE_DATABASE
@pytest.mark.parametrize(("place", "change", "other"), [
    ("/programmes/techconnect/consulting-policy", {"late_percent": 25}, {"no_show_percent": 10}),
    ("/pools/ms-azure/limit", {"amount": "25000"}, {"amount": None}),
])
def test_what_holds_of_a_programme_and_a_pool_is_edited_as_it_was_read(
    nobody: Speaker, place: str, change: dict[str, Any], other: dict[str, Any]
) -> None:
    factories.make_programme("techconnect")
    factories.make_pool("ms-azure")
    administrator = nobody.bearing(token_of("a@park.example", "administrator"))
    read = administrator.get(place)

    edited = administrator.patch(place, change, read.headers["ETag"])
    late = administrator.patch(place, other, read.headers["ETag"])

    assert edited.json == {**read.json, **change}
    assert late.status_code == 412
    administrator.patch(place, {}, "*")  # what is not sent stays, and no limit must be said
    assert administrator.get(place).json == edited.json


def test_a_founder_edits_nothing_and_hears_nothing_of_another(founder: Speaker) -> None:
    own, other = (founder.patch(f"/startups/{key}", {"name": "Mine"}, "*") for key in (
        "harbour-robotics", "lotus-health"))

    assert (own.status_code, other.status_code) == (403, 404)
    assert edits_kept() == 0
