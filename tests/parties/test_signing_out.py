"""What is kept of sessions that were signed out: as long as their cookies could be used, and never their keys."""

from datetime import datetime, timedelta

from flask import Flask
from sqlalchemy import select

from creditsvc.db import db, transaction
from creditsvc.parties.models import EndedSession
from creditsvc.parties.signing_in import end_session
from creditsvc.parties.tokens import hash_token
from tests.conftest import NOW

KEPT = timedelta(hours=11)


def end(key: str, at: datetime = NOW) -> None:
    transaction(lambda: end_session(key, at, KEPT))


def ended() -> dict[str, datetime]:
    db.session.rollback()
    return {row.key_hash: row.ended_at for row in db.session.scalars(select(EndedSession))}


def test_of_an_ended_session_the_hash_of_its_key_is_kept(app: Flask):
    end("a key")

    assert ended() == {hash_token("a key"): NOW}


def test_ended_twice_it_ended_the_first_time(app: Flask):
    end("a key")
    end("a key", NOW + timedelta(minutes=1))

    assert ended() == {hash_token("a key"): NOW}


def test_the_next_end_forgets_those_whose_cookies_are_too_old(app: Flask):
    end("old")
    end("just in time", NOW + timedelta(seconds=1))

    end("new", NOW + KEPT + timedelta(seconds=1))

    assert ended().keys() == {hash_token("just in time"), hash_token("new")}
