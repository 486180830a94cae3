"""The weekly summary of managers and the monthly statement of founders: asked for, each once, ended by their link."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import select

from creditsvc import web
from creditsvc.administration.erasing import erase_person
from creditsvc.alerts import periodic
from creditsvc.alerts.periodic import STATEMENT, SUMMARY, subscribe
from creditsvc.alerts.periodic_models import PeriodicMail
from creditsvc.config import Config
from creditsvc.core.errors import Forbidden
from creditsvc.db import db, transaction
from creditsvc.mail.attachments import MOST_BYTES, Attachment
from creditsvc.mail.models import OutboxAttachment, OutboxMail
from creditsvc.mail.outbox import Draft
from creditsvc.mail.render import Rendered
from creditsvc.parties.models import Person, TrailEntry
from creditsvc.programmes.models import Programme
from creditsvc.statements.pdf_maker import STATEMENT_PDF
from tests import factories
from tests.alerts import scenes
from tests.alerts.scenes import NOW, TODAY
from tests.jobs import shell
from tests.pdf_text import text_of as text_of_pdf
from tests.web.browsing import Browser

JULY = datetime(2026, 7, 1, 4, tzinfo=UTC)
TO_JULY = (JULY - NOW).days
DRAFT = Draft(
    STATEMENT, "founder@harbour.example", Rendered("Statement", "Text", "<p>Text</p>"),
    attachments=(Attachment("a.pdf", "application/pdf", b"%PDF"),),
)


@pytest.fixture
def founder(app: Flask) -> Person:
    """An owner of a startup that uses its credit, who wants a statement."""
    factories.make_startup("harbour", name="Harbour")
    person = factories.make_member("harbour", "founder@harbour.example")
    factories.make_grant("harbour", amount="1000")
    transaction(lambda: subscribe(factories.caller(person), [STATEMENT]))
    return person


def manager_of(*programmes: str) -> Person:
    ids = [db.session.scalars(select(Programme.id).where(Programme.key == key)).one() for key in programmes]
    person = factories.make_person("manager@park.example", "manager", programme_ids=ids or None)
    transaction(lambda: subscribe(factories.caller(person), [SUMMARY]))
    return person


def queued(kind: str) -> list[OutboxMail]:
    db.session.rollback()
    return list(db.session.scalars(select(OutboxMail).where(OutboxMail.kind == kind).order_by(OutboxMail.id)))


@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
def test_a_founder_gets_the_month_before_once_with_the_pdf_in_their_language(
    app: Flask, founder: Person, tmp_path: Path
):
    transaction(lambda: setattr(db.session.get_one(Person, founder.id), "language", "zh_Hant"))
    transaction(lambda: setattr(db.session.get_one(Person, founder.id), "time_zone", "Europe/London"))
    scenes.spend_daily(tmp_path, scenes.scope("harbour"), "10", days=10)

    for days in (0, TO_JULY, TO_JULY, TO_JULY + 1):
        scenes.night(app, days)

    (mail,) = queued(STATEMENT)
    assert (mail.to_address, mail.unsubscribe_url is not None) == ("founder@harbour.example", True)
    assert "2026年6月1日至2026年6月30日" in mail.subject
    assert "05:00 (UTC+1)" in mail.text
    sent = [one for one in scenes.mails(app) if "application/pdf" in str(one)]
    (file,) = list(sent[0].iter_attachments())
    assert file.get_filename() == "statement-harbour-2026-06-01-2026-06-30.pdf"
    pdf = file.get_payload(decode=True)
    assert pdf.startswith(b"%PDF")
    assert "Harbour" in text_of_pdf(pdf)
    assert "結單" in "".join(text_of_pdf(pdf).split())


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_command_of_a_night_has_no_pages_until_it_needs_them_for_a_pdf(
    app: Flask, config: Config, founder: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    scenes.spend_daily(tmp_path, scenes.scope("harbour"), "10", days=10)
    hung: list[Flask] = []
    hang = web.hang
    monkeypatch.setattr(web, "hang", lambda there: (hung.append(there), hang(there)))

    for at, times in ((NOW, 0), (JULY, 1)):
        assert shell.run(config, "nightly", "--now", at.isoformat(), "--json").document["status"] == "done"
        assert len(hung) == times

    (mail,) = [one for one in scenes.mails(app) if "application/pdf" in str(one)]
    assert "List-Unsubscribe" in mail
    (file,) = mail.iter_attachments()
    assert "Harbour" in text_of_pdf(file.get_payload(decode=True))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_pdf_that_is_too_large_for_a_mail_is_left_out_and_the_mail_says_where_it_is(app: Flask, founder: Person):
    app.extensions[STATEMENT_PDF] = lambda *_: b"%PDF" + bytes(MOST_BYTES)

    for days in (0, TO_JULY):
        scenes.night(app, days)

    (mail,) = queued(STATEMENT)
    assert "too large for a mail. It is on this page:\nhttp" in mail.text
    assert "every entry is on the page of the statement." in " ".join(mail.text.split())
    assert "Attached" not in mail.text
    assert "Attached" not in mail.html
    assert [one for one in scenes.mails(app) if "application/pdf" in str(one)] == []


def test_nobody_gets_what_they_did_not_ask_for_and_the_first_is_that_of_the_next_month(app: Flask, founder: Person):
    factories.make_member("harbour", "other@harbour.example")

    scenes.night(app)
    before = len(queued(STATEMENT))
    scenes.night(app, TO_JULY)

    assert (before, [mail.to_address for mail in queued(STATEMENT)]) == (0, ["founder@harbour.example"])


def test_a_night_that_was_missed_is_made_up_for(app: Flask, founder: Person):
    scenes.night(app, TO_JULY + 3)
    scenes.night(app, TO_JULY + 4)

    assert len(queued(STATEMENT)) == 1


@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
def test_two_nights_at_once_make_one_mail(app: Flask, founder: Person):
    (due,) = periodic.due_on(date(2026, 7, 1))

    made = [transaction(lambda: periodic.keep_told(due, DRAFT, "a@park.example", JULY)) for _ in range(2)]

    assert (made, len(queued(STATEMENT))) == ([1, 0], 1)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
def test_a_manager_hears_of_the_week_of_their_own_programmes(app: Flask, tmp_path: Path):
    for key, programme in (("harbour", "mine"), ("other", "theirs")):
        scenes.startup(key)
        scenes.enrol(key, programme)
    factories.make_grant("harbour", effective=TODAY + timedelta(days=2), expires=TODAY + timedelta(days=20), key="new")
    factories.make_grant("other", effective=TODAY + timedelta(days=2), expires=TODAY + timedelta(days=20))
    manager_of("mine")

    scenes.night(app)
    scenes.night(app, 7)
    scenes.night(app, 8)

    (mail,) = queued(SUMMARY)
    assert "Began in the week (1)" in mail.text
    assert "Expires within 30 days (1)" in mail.text
    assert "Harbour: USD 25,000.00 of azure-credit, from 17 June 2026" in mail.text
    assert "Other" not in mail.text
    assert "this is as of 22 June 2026, 12:00 (UTC+8)." in mail.text


def test_a_week_with_nothing_to_say_makes_no_mail_that_week(app: Flask):
    scenes.startup("harbour")
    manager_of()

    scenes.night(app, 7)
    factories.make_grant("harbour", effective=TODAY + timedelta(days=6), expires=TODAY + timedelta(days=20))
    scenes.night(app, 8)

    assert queued(SUMMARY) == []
    assert len(db.session.scalars(select(PeriodicMail)).all()) == 1
    scenes.night(app, 14)
    assert len(queued(SUMMARY)) == 1


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_each_may_ask_on_the_page_for_what_is_theirs_and_end_it_by_the_link(app: Flask, founder: Person):
    scenes.night(app, TO_JULY)
    (mail,) = queued(STATEMENT)
    assert mail.unsubscribe_url is not None
    page = Browser(app).signed_in(founder).get("/me/alerts")
    path = urlsplit(mail.unsubscribe_url).path

    assert 'id="mails-statement" value="statement" checked' in page.html
    assert "mails-summary" not in page.html
    for _ in range(2):
        assert Browser(app).post(path, {"List-Unsubscribe": "One-Click"}).status == 200
    assert periodic.subscriptions_of(factories.caller(founder)) == set()
    ended = db.session.scalars(select(TrailEntry).where(TrailEntry.action == "mail.unsubscribed")).all()
    assert len(ended) == 1


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_founder_cannot_ask_for_the_summary_and_no_program_for_either(app: Flask, founder: Person):
    transaction(lambda: subscribe(factories.caller(founder), [SUMMARY]))

    assert periodic.subscriptions_of(factories.caller(founder)) == set()
    with pytest.raises(Forbidden):
        transaction(lambda: subscribe(factories.somebody(), [SUMMARY]))


def test_who_left_their_startup_gets_no_statement_and_who_is_erased_leaves_none(app: Flask, founder: Person):
    due = periodic.due_on(date(2026, 7, 1))
    transaction(lambda: periodic.keep_told(due[0], DRAFT, "a@park.example", JULY))
    transaction(lambda: erase_person(factories.somebody(), founder.id, confirmed=founder.email))

    assert periodic.due_on(date(2026, 8, 1)) == []
    assert db.session.scalars(select(OutboxAttachment)).all() == []
