"""Doing the same for many: from the list to the preview to the act, once, in one go; told what changed meanwhile."""

from datetime import date

import pytest
from flask import Flask
from sqlalchemy import select

from creditsvc.db import db
from creditsvc.grants.models import Grant
from creditsvc.mail.models import OutboxMail
from tests import counting, factories
from tests.web.browsing import Browser, Page

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

AWARD = {"pool": "ms", "amount": "1000", "effective": "2026-06-15", "expires": "2027-06-14", "reason": "summer"}


@pytest.fixture
def manager(app: Flask, browse_as) -> Browser:
    factories.make_pool("ms", "3500")
    for key in ("acme", "beta", "gamma"):
        factories.make_startup(key, key.title())
    browser: Browser = browse_as(factories.make_person("lee@park.example", "manager"))
    return browser


def preview(manager: Browser, action: str, typed: dict[str, object], **chosen: object) -> Page:
    """From the list to the rows of what would happen."""
    form = manager.get("/startups").form("/bulk/award")
    asked = manager.post(f"/bulk/{action}", {**form.fields, **chosen})
    ticked = {"startup": chosen["startup"]} if "startup" in chosen else {}  # a form of this browser has a field once
    return manager.submit(asked, {**typed, **ticked}, f"/bulk/{action}")


def grants() -> list[str]:
    return sorted(db.session.scalars(select(Grant.key)))


def test_what_the_preview_shows_is_done_once_however_often_it_is_sent(manager: Browser):
    shown = preview(manager, "award", AWARD, chosen="all")
    form = shown.form("/bulk/award/apply")

    done = manager.follow(manager.post(form.action, form.fields))
    again = manager.follow(manager.post(form.action, form.fields))

    assert "Something happens to 3 of 3 startups." in shown.text
    assert "USD 500.00" in shown.text
    assert "Awarded to 3 startups." in done.text
    assert "This was done before: it was not done again." in again.text
    assert grants() == ["acme-azure-credit-1", "beta-azure-credit-1", "gamma-azure-credit-1"]


def test_ticked_rows_alone_are_meant(manager: Browser):
    shown = preview(manager, "award", AWARD, chosen="ticked", startup=["acme", "gamma"])

    assert "Something happens to 2 of 2 startups." in shown.text
    assert "Beta" not in shown.text


def test_what_changed_meanwhile_is_marked_and_nothing_is_done(manager: Browser):
    shown = preview(manager, "award", AWARD, chosen="all")
    factories.make_startup("delta", "Delta")
    form = shown.form("/bulk/award/apply")

    refused = manager.post(form.action, form.fields)

    assert refused.status == 409
    assert "This changed since the preview was shown, so nothing was done: look at it again" in refused.text
    assert grants() == []
    assert "2 rows are not as they were shown before" in refused.text
    assert "The pool ms has 3500 USD left, not 4000" in refused.text


def test_a_pool_with_too_little_is_said_and_offers_no_button(manager: Browser):
    shown = preview(manager, "award", {**AWARD, "amount": "2000"}, chosen="all")

    assert "The pool ms has 3500 USD left, not 6000" in shown.text
    assert "Award all of it" not in shown.text
    assert shown.status == 422
    assert shown.form("/bulk/award").fields["amount"] == "2000"


def test_grants_are_extended_and_who_has_none_says_so(manager: Browser):
    factories.make_grant("acme", "ms", "500", expires=date(2026, 8, 31), key="short")

    shown = preview(manager, "extend", {"resource": "azure-credit", "expires": "2026-12-31"}, chosen="all")
    done = manager.follow(manager.submit(shown, {}, "/bulk/extend/apply"))

    assert "31 Aug 2026" in shown.text
    assert "it has nothing of this that can still be used" in shown.text.lower()
    assert "Extended for 1 startup." in done.text


def test_a_message_goes_to_the_people_of_each_and_is_shown_first(manager: Browser):
    factories.make_member("acme", "chan@acme.example")
    factories.make_member("acme", "member@acme.example", role="member")
    typed = {"kind": "own", "subject": "=Office moves", "text": "We move.\r\n\r\nCome along."}

    shown = preview(manager, "message", {**typed, "owners_only": "true"}, chosen="all")
    done = manager.follow(manager.submit(shown, {}, "/bulk/message/apply"))

    assert "1 mail would leave." in shown.text
    assert "Nobody of it has a mail address here" in shown.text
    assert "1 mail is in the outbox." in done.text
    (mail,) = db.session.scalars(select(OutboxMail))
    assert (mail.to_address, mail.subject) == ("chan@acme.example", "=Office moves")
    assert "Come along." in mail.text


def test_a_reminder_says_what_the_startup_holds_in_the_readers_language(manager: Browser):
    factories.make_member("acme", "chan@acme.example")
    factories.make_grant("acme", "ms", "500", expires=date(2026, 7, 14))

    shown = manager.submit("/bulk/message?startup=acme&kind=expiring", {}, "/bulk/message")

    assert "Some of what Acme holds ends soon" in shown.text
    assert "USD 500.00 of azure-credit, last day 14 July 2026" in shown.text


def test_a_preview_asks_a_bounded_number_of_things(manager: Browser):
    few = counting.queries(lambda: preview(manager, "award", {**AWARD, "amount": "1"}, chosen="all"))
    for _ in range(20):
        factories.make_startup()

    assert counting.queries(lambda: preview(manager, "award", {**AWARD, "amount": "1"}, chosen="all")) == few
