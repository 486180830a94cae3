"""A calendar by its private address, as a calendar program asks for it."""

import logging

import pytest
import vobject
from flask import Flask

from creditsvc.consulting import feeds
from creditsvc.db import transaction
from creditsvc.web import calendars
from tests import factories as make
from tests.consulting.scenes import book, fill
from tests.web.browsing import Browser


@pytest.fixture
def token(app: Flask) -> str:
    fill()
    book()
    return transaction(lambda: feeds.make_startup_feed(make.somebody(), "acme"))


def test_whoever_has_the_address_reads_the_calendar_signed_in_or_not_and_nothing_keeps_it(app: Flask, token: str):
    answer = app.test_client().get(f"/calendars/{token}.ics")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in answer.headers
    assert vobject.readOne(answer.text).vevent.summary.value == "Cloud costs (Lee)"


def test_a_wrong_address_and_a_revoked_one_are_not_found_and_not_said_again(app: Flask, token: str):
    wrong = Browser(app).get(f"/calendars/{token}x.ics")
    [feed] = transaction(lambda: [one.id for one in feeds.startup_feeds(make.somebody(), "acme")])
    transaction(lambda: feeds.revoke_feed(make.somebody(), feed))
    revoked = Browser(app).get(f"/calendars/{token}.ics")

    for answer in (wrong, revoked):
        assert answer.status == 404
        assert token not in answer.text


def test_an_address_is_in_no_log_even_when_something_breaks(
    app: Flask, token: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
):
    def breaks(*_: object) -> str:
        raise OSError("the disk is gone")

    monkeypatch.setattr(calendars, "open_feed", breaks)
    app.testing = False

    with caplog.at_level(logging.DEBUG):
        answer = app.test_client().get(f"/calendars/{token}.ics")

    assert answer.status_code == 500
    assert "the disk is gone" in caplog.text
    assert "/calendars/<token>.ics" in caplog.text
    assert token not in caplog.text + "".join(capsys.readouterr()) + answer.text
