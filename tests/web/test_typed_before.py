"""A form whose session has ended: what was typed goes through the sign-in and is shown again, and nothing is done."""

import html
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select

from creditsvc.db import db
from creditsvc.grants.models import Grant
from creditsvc.parties.models import Membership, Startup
from tests import factories
from tests.web.browsing import Browser, Page

AWARD = "/startups/harbour/award"
TYPED = {"pool": "ms-azure", "amount": "25000", "effective": "2026-06-01", "expires": "2027-05-31",
         "reason": 'for <b>"spring"</b>\r\n龍'}

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def browser(app: Flask, browse_as: Callable[..., Browser]) -> Browser:
    factories.make_startup("harbour", "Harbour Robotics")
    factories.make_pool("ms-azure", "100000")
    factories.make_pool("github", "100000")
    return browse_as(factories.make_person("lee@park.example", "manager", factories.PASSWORD))


def session_ends(browser: Browser) -> None:
    browser.client.delete_cookie("creditsvc")


def signs_in(browser: Browser, page: Page, action: str = "/sign-in") -> Page:
    return browser.submit(page, {"email": "lee@park.example", "password": factories.PASSWORD}, action)


def count(model: type) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_what_was_typed_is_shown_again_after_the_sign_in_and_nothing_is_done_before_the_button(browser: Browser):
    form = browser.get(AWARD)
    session_ends(browser)

    asked = browser.submit(form, TYPED)
    assert asked.status == 401
    assert "nothing was done" in asked.text
    kept = signs_in(browser, asked)
    assert (kept.status, [one.action for one in kept.forms if "typed_before" in one.fields]) == (200, [AWARD])
    again = browser.submit(kept, {}, AWARD)

    assert again.status == 200
    assert "Nothing was done yet." in again.text
    fields = again.form(AWARD).fields
    assert {name: fields[name] for name in TYPED} == TYPED
    assert fields["once_key"] == form.form().fields["once_key"]
    assert fields.get("promotional") is None
    assert count(Grant) == 0
    assert browser.submit(again, {}, AWARD).status == 303
    assert count(Grant) == 1


def test_a_wrong_password_on_the_way_keeps_it(browser: Browser):
    form = browser.get(AWARD)
    session_ends(browser)

    wrong = browser.submit(browser.submit(form, TYPED), {"email": "lee@park.example", "password": "no"}, "/sign-in")

    assert wrong.status == 422
    again = browser.submit(signs_in(browser, wrong), {}, AWARD)
    assert again.form(AWARD).fields["reason"] == TYPED["reason"]


def test_who_signed_in_again_elsewhere_is_led_back_to_the_form_without_a_password(browser: Browser):
    form = browser.get(AWARD)
    with browser.client.session_transaction() as session:
        del session["csrf_token"]

    kept = browser.submit(form, TYPED)

    assert kept.status == 400
    assert browser.submit(kept, {}, AWARD).form(AWARD).fields["amount"] == "25000"
    assert count(Grant) == 0


def test_a_session_that_was_ended_from_elsewhere_keeps_it_too(browser: Browser):
    form = browser.get(AWARD)
    with browser.client.session_transaction() as session:
        del session["_user_id"]

    again = browser.submit(signs_in(browser, browser.submit(form, TYPED)), {}, AWARD)

    assert again.form(AWARD).fields["amount"] == "25000"


def test_an_edit_comes_back_as_it_was_typed_and_still_knows_what_it_was_made_from(browser: Browser):
    url = "/startups/harbour/edit"
    form = browser.get(url)
    session_ends(browser)

    again = browser.submit(signs_in(browser, browser.submit(form, {"name": "Harbour AI"})), {}, url)
    assert again.form(url).fields["name"] == "Harbour AI"
    browser.submit(url, {"name": "Harbour Robots"})

    assert browser.submit(again, {}, url).status == 409
    db.session.rollback()
    assert db.session.scalar(select(Startup.name)) == "Harbour Robots"


def test_a_form_that_is_sent_to_another_address_comes_back_on_its_page(browser: Browser):
    page = "/startups/harbour/members"
    form = browser.get(page)
    session_ends(browser)
    fields = form.form(page).fields | {"email": "new@startup.example"}

    asked = browser.post(page, fields, headers={"Referer": f"http://localhost{page}"})

    again = browser.submit(signs_in(browser, asked), {}, page)
    assert again.form(page).fields["email"] == "new@startup.example"
    assert count(Membership) == 0


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}])
def test_what_another_site_sends_is_not_carried(browser: Browser, headers: dict[str, str]):
    session_ends(browser)

    refused = browser.post(AWARD, TYPED, headers=headers)

    assert refused.status == 400
    assert "spring" not in refused.html


def test_passwords_and_tokens_are_not_carried(browser: Browser):
    session_ends(browser)

    asked = browser.post("/me/settings", {"password": "secret one", "new_password": "secret two", "csrf_token": "old",
                                          "language": "en"})

    kept = html.unescape(asked.html)
    assert '[["language", "en"]]' in kept
    assert "secret" not in kept
    assert '"old"' not in kept


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_the_way_back_is_only_ever_within_the_service(browser: Browser, target: str):
    form = browser.get(AWARD)
    session_ends(browser)
    asked = browser.submit(form, TYPED)

    kept = browser.submit(asked, {"email": "lee@park.example", "password": factories.PASSWORD, "next": target},
                          "/sign-in")

    assert [one.action for one in kept.forms if "typed_before" in one.fields] == ["/"]


@pytest.mark.parametrize("carried", ["", "no json", "{}", "[1]", '[["amount"]]', '[["amount", 1]]',
                                     '[["amount", "\\u0000"]]', '[["csrf_token", "x"]]'])
def test_what_is_carried_may_be_anything_and_then_nothing_comes_back(browser: Browser, carried: str):
    token = browser.get(AWARD).form().fields["csrf_token"]

    again = browser.post(AWARD, {"csrf_token": token, "typed_before": carried})

    assert again.status == 200
    assert again.form(AWARD).fields["amount"] == ""
    assert count(Grant) == 0


@pytest.mark.parametrize("carried", ['[["name", "\\ud800"]]', "[" * 100_000, '[["name", "\\u0000"]]'])
def test_what_nobody_can_have_typed_is_not_carried_on(browser: Browser, carried: str):
    token = browser.get("/startups/new").form().fields["csrf_token"]
    sent = {"csrf_token": token, "typed_before": carried}

    assert browser.post("/startups/new", sent).status == 200
    session_ends(browser)
    away = {**sent, "csrf_token": browser.get("/sign-in").form("/sign-in").fields["csrf_token"]}
    assert browser.post("/sign-in", {**away, "email": "lee@park.example", "password": "wrong"}).status == 422
