"""Signing out ends the session of that browser for good, whoever has a copy of its cookie; others of the person go on.
"""

import re

import pytest
from flask import Flask
from sqlalchemy import func, select

from creditsvc.db import db
from creditsvc.mail.models import OutboxMail
from creditsvc.parties.models import EndedSession, Person
from tests import factories
from tests.web.browsing import Browser

LEE = "lee@park.example"


@pytest.fixture
def lee(app: Flask) -> Person:
    return factories.make_person(LEE, "manager", factories.PASSWORD)


@pytest.fixture
def browser(app: Flask, lee: Person) -> Browser:
    """A browser in which Lee signed in."""
    return signs_in(Browser(app))


def signs_in(browser: Browser) -> Browser:
    browser.submit("/sign-in", {"email": LEE, "password": factories.PASSWORD})
    return browser


def signs_out(browser: Browser) -> None:
    assert browser.submit("/startups", {}, "/sign-out").location == "/sign-in"


def copy_of(browser: Browser) -> Browser:
    """Another browser with the same cookie."""
    cookie = browser.client.get_cookie("creditsvc")
    assert cookie is not None
    copy = Browser(browser.client.application)
    copy.client.set_cookie("creditsvc", cookie.value)
    return copy


def is_signed_in(browser: Browser) -> bool:
    page = browser.get("/startups")
    assert page.status == 200 or page.location.startswith("/sign-in")
    return page.status == 200


def ended() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(EndedSession)) or 0


def test_a_copied_cookie_opens_nothing_after_the_sign_out(browser: Browser):
    copy = copy_of(browser)
    assert is_signed_in(copy)

    signs_out(browser)

    assert not is_signed_in(copy)


def test_signing_in_over_a_session_ends_it(browser: Browser):
    copy = copy_of(browser)

    token = browser.get("/startups").form("/sign-out").fields["csrf_token"]

    answer = browser.post("/sign-in", {"email": LEE, "password": factories.PASSWORD, "csrf_token": token})

    assert answer.status == 303
    assert is_signed_in(browser)
    assert not is_signed_in(copy)


def test_another_browser_of_the_same_person_goes_on(browser: Browser, app: Flask):
    elsewhere = signs_in(Browser(app))

    signs_out(browser)

    assert is_signed_in(elsewhere)
    assert is_signed_in(signs_in(browser))


def test_a_second_sign_out_with_the_old_cookie_does_no_harm(browser: Browser, app: Flask):
    elsewhere, copy = signs_in(Browser(app)), copy_of(browser)
    form = copy.get("/startups").form("/sign-out")
    signs_out(browser)

    again = copy.post("/sign-out", form.fields)

    assert (again.status, again.location) == (303, "/sign-in")
    assert ended() == 1
    assert is_signed_in(elsewhere)


def test_who_is_not_signed_in_writes_nothing_by_signing_out(app: Flask):
    stranger = Browser(app)
    form = stranger.get("/sign-in").form("/sign-in")

    assert stranger.post("/sign-out", {"csrf_token": form.fields["csrf_token"]}).status == 303

    assert ended() == 0


@pytest.mark.parametrize(
    "url", ["/startups", "/sign-in", "/nothing", "/startups?q=%00", "/static/nothing", "/api/v1/x", "/api/v1/x?q=%00"]
)
def test_an_ended_session_is_never_signed_anew(browser: Browser, url: str):
    """Or its cookie could be kept young for longer than its end is remembered."""
    copy = copy_of(browser)
    signs_out(browser)

    copy.get(url)

    with copy.client.session_transaction() as session:
        assert "_user_id" not in session


def test_nor_is_it_by_a_form_without_its_token(browser: Browser):
    copy = copy_of(browser)
    signs_out(browser)

    assert copy.post("/startups/new", {}).status in (400, 401)

    with copy.client.session_transaction() as session:
        assert "_user_id" not in session


def test_a_cookie_without_a_key_as_it_was_made_before_is_signed_out(app: Flask, lee: Person):
    browser = Browser(app).signed_in(lee)
    assert is_signed_in(browser)

    for old in (f"{lee.id}:{lee.session_epoch}", f"{lee.id}:{lee.session_epoch}:"):
        with browser.client.session_transaction() as session:
            session["_user_id"] = old

        assert not is_signed_in(browser)


def test_new_settings_keep_the_session_that_a_sign_out_ends(browser: Browser):
    copy = copy_of(browser)
    saved = browser.submit("/me/settings", {"language": "zh_Hant", "time_zone": "Asia/Hong_Kong"})
    assert saved.status == 303
    assert is_signed_in(browser)

    signs_out(browser)

    assert not is_signed_in(copy)


def test_a_new_password_by_mail_ends_the_session_of_who_was_signed_in_there(browser: Browser, app: Flask):
    """Somebody else's even, whose own sessions a new password of another person leaves alone."""
    factories.make_person("ada@park.example", "manager", factories.PASSWORD)
    copy = copy_of(browser)
    browser.submit("/password/forgot", {"email": "ada@park.example"}, "/password/forgot")
    text = db.session.scalars(select(OutboxMail.text)).one()
    link = re.search(r"http://127.0.0.1:8000(/password/reset/\S+)", text)
    assert link is not None

    browser.submit(link.group(1), {"password": "another long password"}, link.group(1))

    assert not is_signed_in(copy)
