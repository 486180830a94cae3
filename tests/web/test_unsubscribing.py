"""Ending mails by the link in them: shown first, done by a button or by the mail program itself, once (RFC 8058)."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import func, select

from creditsvc.alerts.models import AlertRhythm
from creditsvc.db import db
from creditsvc.parties.models import TrailEntry
from tests import factories
from tests.alerts import scenes
from tests.alerts.scenes import TODAY
from tests.web.browsing import Browser

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def address(app: Flask) -> str:
    """The link in the digest of a founder."""
    scenes.startup("harbour")
    factories.make_grant("harbour", expires=TODAY + timedelta(days=2))
    scenes.night(app)
    (mail,) = scenes.mails(app)
    url = str(mail["List-Unsubscribe"]).strip("<>")
    assert url in scenes.text_of(mail)
    return urlsplit(url).path


def rhythm() -> str:
    db.session.rollback()
    kept = db.session.scalars(select(AlertRhythm.rhythm)).all()
    return kept[0] if kept else "nightly"


def test_opening_the_link_ends_nothing_and_the_button_does(app: Flask, address: str):
    page = Browser(app).get(address)

    assert (page.status, rhythm()) == (200, "nightly")
    assert Browser(app).post(address, page.form(address).fields).status == 200
    assert rhythm() == "never"


def test_a_mail_program_ends_the_mails_without_a_session_and_doing_so_again_changes_nothing(app: Flask, address: str):
    for _ in range(2):
        assert Browser(app).post(address, {"List-Unsubscribe": "One-Click"}).status == 200

    changes = select(func.count()).select_from(TrailEntry).where(TrailEntry.action == "alert.rhythm")
    assert (rhythm(), db.session.scalar(changes)) == ("never", 1)


def test_after_that_no_mail_comes_but_what_a_programme_makes_mandatory(app: Flask, address: str):
    Browser(app).post(address, {"List-Unsubscribe": "One-Click"})
    factories.make_grant("harbour", expires=TODAY + timedelta(days=3), key="second")

    assert scenes.night(app, 1)["mails"]["queued"] == 0

    scenes.make_mandatory("harbour", "expiry")
    assert scenes.night(app, 2)["mails"]["queued"] == 1
    assert sorted(mail["List-Unsubscribe"] is None for mail in scenes.mails(app)) == [False, True]


@pytest.mark.parametrize("change", [lambda path: path[:-1], lambda path: path.replace("digest", "weekly")])
def test_a_link_that_was_tampered_with_ends_nothing(app: Flask, address: str, change):
    assert Browser(app).post(change(address), {}).status == 404
    assert rhythm() == "nightly"
