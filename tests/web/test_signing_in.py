"""Signing in and out, and a new password by mail."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from creditsvc.db import db, transaction
from creditsvc.mail.models import OutboxMail
from creditsvc.parties.models import Person, SignInAttempt
from tests import factories
from tests.conftest import NOW
from tests.web.browsing import Browser

WRONG = "The mail address or the password is wrong."


def sign_in(browser: Browser, email: str, password: str = factories.PASSWORD, url: str = "/sign-in"):
    return browser.submit(url, {"email": email, "password": password}, "/sign-in")


def test_a_manager_signs_in_and_sees_the_startups(browser: Browser):
    factories.make_person("lee@park.example", "manager", factories.PASSWORD)

    page = browser.follow(browser.follow(sign_in(browser, "Lee@Park.example ")))

    assert page.status == 200
    assert "Startups" in page.text


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(browser: Browser):
    factories.make_person("lee@park.example", "manager", factories.PASSWORD)

    wrong = sign_in(browser, "lee@park.example", "not this one")
    unknown = sign_in(browser, "nobody@park.example", "not this one")

    assert wrong.status == unknown.status == 422
    assert WRONG in wrong.text
    assert wrong.text == unknown.text


def test_somebody_without_a_password_or_not_active_cannot_sign_in(browser: Browser):
    factories.make_person("new@park.example", "manager")
    person = factories.make_person("gone@park.example", "manager", factories.PASSWORD)
    transaction(lambda: setattr(db.session.get_one(Person, person.id), "active", False))

    assert WRONG in sign_in(browser, "new@park.example").text
    assert WRONG in sign_in(browser, "gone@park.example").text


def test_the_sixth_failure_is_refused_even_with_the_right_password_until_the_window_has_passed(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
):
    factories.make_person("lee@park.example", "manager", factories.PASSWORD)
    for _ in range(5):
        assert sign_in(browser, "lee@park.example", "wrong one").status == 422

    refused = sign_in(browser, "lee@park.example")

    assert refused.status == 429
    assert "Wait 16 minutes" in refused.text or "Wait 15 minutes" in refused.text
    assert int(refused.response.headers["Retry-After"]) == 901
    monkeypatch.setattr("creditsvc.clock.now", lambda: NOW + timedelta(minutes=16))
    assert sign_in(browser, "lee@park.example").status == 303


def test_unknown_addresses_are_counted_alike(browser: Browser):
    for _ in range(5):
        sign_in(browser, "nobody@park.example", "wrong one")

    assert sign_in(browser, "nobody@park.example", "wrong one").status == 429


def test_one_network_address_cannot_try_many_people(browser: Browser):
    for number in range(20):
        assert sign_in(browser, f"person{number}@park.example", "wrong one").status == 422

    assert sign_in(browser, "another@park.example", "wrong one").status == 429


def test_success_forgets_the_failures_before_it(browser: Browser, app: Flask):
    factories.make_person("lee@park.example", "manager", factories.PASSWORD)
    for _ in range(4):
        sign_in(browser, "lee@park.example", "wrong one")

    sign_in(browser, "lee@park.example")

    attempts = db.session.scalars(select(SignInAttempt)).all()
    assert [attempt.succeeded for attempt in attempts] == [True]


def test_signing_in_leads_back_to_the_page_that_was_asked_for(browser: Browser):
    factories.make_person("lee@park.example", "manager", factories.PASSWORD)

    asked = browser.get("/pools?x=1")
    page = sign_in(browser, "lee@park.example", url=asked.location)

    assert asked.status == 303
    assert page.location == "/pools?x=1"


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)", "/a\nb"],
)
def test_signing_in_leads_nowhere_else(browser: Browser, target: str):
    factories.make_person("lee@park.example", "manager", factories.PASSWORD)

    page = browser.submit(
        "/sign-in", {"email": "lee@park.example", "password": factories.PASSWORD, "next": target}
    )

    assert page.location == "/"


def test_signing_in_begins_the_session_anew(browser: Browser):
    factories.make_person("lee@park.example", "manager", factories.PASSWORD)
    with browser.client.session_transaction() as session:
        session["planted"] = "by somebody else"

    sign_in(browser, "lee@park.example")

    with browser.client.session_transaction() as session:
        assert "planted" not in session


def test_signing_out_ends_the_session(browser: Browser):
    person = factories.make_person("lee@park.example", "manager")
    browser.signed_in(person)

    browser.submit("/startups", {}, "/sign-out")

    assert browser.get("/startups").location.startswith("/sign-in")


def test_the_cookie_is_for_http_alone_and_for_this_site(browser: Browser):
    factories.make_person("lee@park.example", "manager", factories.PASSWORD)

    page = sign_in(browser, "lee@park.example")

    cookie = page.response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie  # the tests' base address is http


def test_a_form_without_its_token_changes_nothing(browser: Browser):
    person = factories.make_person("lee@park.example", "manager")
    browser.signed_in(person)

    page = browser.post("/startups/new", {"key": "harbour", "name": "Harbour"})

    assert page.status == 400
    assert "nothing was done" in page.text
    assert browser.get("/startups/harbour").status == 404


def mails() -> list[OutboxMail]:
    return list(db.session.scalars(select(OutboxMail)))


def link_in(mail: OutboxMail) -> str:
    found = re.search(r"http://127.0.0.1:8000(/password/reset/\S+)", mail.text)
    assert found is not None
    return found.group(1)


def test_a_new_password_by_mail_works_once_and_ends_all_sessions(browser: Browser, app: Flask):
    person = factories.make_person("lee@park.example", "manager", factories.PASSWORD)
    elsewhere = Browser(app).signed_in(person)
    browser.submit("/password/forgot", {"email": "lee@park.example"})
    link = link_in(mails()[0])

    done = browser.submit(link, {"password": "another long password"})

    assert done.location == "/sign-in"
    assert elsewhere.get("/startups").location.startswith("/sign-in")
    assert sign_in(browser, "lee@park.example").status == 422
    assert browser.get(link).status == 410
    assert sign_in(browser, "lee@park.example", "another long password").status == 303


def test_a_link_is_over_after_an_hour(browser: Browser, monkeypatch: pytest.MonkeyPatch):
    factories.make_person("lee@park.example", "manager", factories.PASSWORD)
    browser.submit("/password/forgot", {"email": "lee@park.example"})
    link = link_in(mails()[0])
    page = browser.get(link)

    monkeypatch.setattr("creditsvc.clock.now", lambda: NOW + timedelta(minutes=61))

    assert browser.get(link).status == 410
    assert browser.submit(page, {"password": "another long password"}).status == 410


def test_asking_for_a_link_does_not_tell_who_is_known(browser: Browser):
    factories.make_person("lee@park.example", "manager")

    known = browser.submit("/password/forgot", {"email": "lee@park.example"})
    unknown = browser.submit("/password/forgot", {"email": "eel@park.example"})

    assert known.status == unknown.status == 200
    assert known.text.replace("lee@", "eel@") == unknown.text
    assert len(mails()) == 1


def test_nobody_is_flooded_with_links(browser: Browser):
    factories.make_person("lee@park.example", "manager")

    for _ in range(6):
        browser.submit("/password/forgot", {"email": "lee@park.example"})

    assert len(mails()) == 3


def test_a_password_that_is_too_short_is_refused_at_its_field_and_the_link_still_works(browser: Browser):
    factories.make_person("lee@park.example", "manager")
    browser.submit("/password/forgot", {"email": "lee@park.example"})
    link = link_in(mails()[0])

    short = browser.submit(link, {"password": "short"})

    assert short.status == 422
    assert "at least 12 characters" in short.text
    assert browser.submit(link, {"password": "another long password"}).status == 303
