"""The administrator's pages: people, tokens, jobs, outbox, mails, settings."""

import json
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from creditsvc.administration import mail_samples
from creditsvc.administration.jobs import take_asked
from creditsvc.alerts.models import JobRequest
from creditsvc.config import load_config
from creditsvc.db import db, transaction
from creditsvc.languages import LANGUAGES
from creditsvc.mail import outbox
from creditsvc.mail.models import FAILED, QUEUED, SENT, UNCERTAIN, OutboxMail
from creditsvc.mail.render import Rendered
from creditsvc.parties.models import ApiToken, Person, TrailEntry
from creditsvc.parties.tokens import create_token, find_bearer
from creditsvc.web.settings import settings_of
from tests import counting, factories
from tests.conftest import NOW
from tests.factories import do, somebody
from tests.web.browsing import Browser

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def boss(app: Flask, browse_as) -> Browser:
    return browse_as(factories.make_person("boss@park.example", "administrator"))


@pytest.fixture
def auditor(app: Flask, browse_as) -> Browser:
    return browse_as(factories.make_person("auditor@park.example", "auditor"))


def number_of(email: str) -> int:
    return db.session.execute(select(Person.id).where(Person.email == email)).scalar_one()


def mail_in(state: str, **more) -> int:
    """A mail to somebody that stands so."""
    content = Rendered("Digest", "text", "<p>text</p>")
    made = transaction(lambda: outbox.queue(
        kind="digest", to_address="lee@far.example", content=content, mail_from="a@park.example", now=NOW
    ))
    transaction(lambda: [setattr(db.session.get(OutboxMail, made), name, value)
                         for name, value in {"state": state, "next_try_at": None, **more}.items()])
    return made


def test_people_are_found_a_page_at_a_time_in_a_bounded_number_of_statements(boss: Browser, monkeypatch):
    monkeypatch.setattr("creditsvc.parties.directory.PAGE", 2)
    for number in range(4):
        factories.make_person(f"p{number}@park.example", "manager")

    first = boss.get("/people?show=manager")
    second = boss.get("/people?show=manager&after=p1@park.example")

    assert ["p0@" in first.text, "p2@" in first.text, "p2@" in second.text] == [True, False, True]
    assert "after=p1" in first.html
    assert "p3@" in boss.get("/people?q=P3@").text
    assert counting.queries(lambda: boss.get("/people")) <= 12


def test_a_role_is_changed_with_its_programmes_and_ends_the_sessions(boss: Browser, browse_as):
    cohort = factories.make_cohort()
    lee = factories.make_person("lee@park.example", "manager")
    as_lee = browse_as(lee)
    page = f"/people/{lee.id}"

    saved = boss.submit(page, {"limited": "true", f"programme-{cohort.programme_id}": "true"}, page)

    assert saved.status == 303
    assert as_lee.get("/startups").status == 303
    assert factories.caller(lee).programme_ids == {cohort.programme_id}
    assert "person.edited" in boss.get(page).text
    assert counting.queries(lambda: boss.get(page)) <= 12


def test_the_second_of_two_editors_is_told_and_overwrites_nothing(boss: Browser):
    lee = factories.make_person("lee@park.example", "manager")
    page = boss.get(f"/people/{lee.id}")
    boss.submit(page, {"name": "First"}, page.url)

    second = boss.submit(page, {"name": "Second"}, page.url)

    assert second.status == 409
    assert "changed this person meanwhile" in second.text
    assert do(lambda: db.session.get_one(Person, lee.id)).name == "First"


def test_the_last_administrator_stays_one(boss: Browser):
    page = f"/people/{number_of('boss@park.example')}"

    assert "last administrator" in boss.submit(page, {"role": "auditor"}, page).text
    token = boss.get(page).form(page).fields["csrf_token"]
    assert boss.post(f"{page}/deactivate", {"csrf_token": token}).status == 409


def test_who_is_deactivated_loses_sessions_and_tokens_for_good(boss: Browser, browse_as):
    lee = factories.make_person("lee@park.example", "manager")
    as_lee, page = browse_as(lee), f"/people/{lee.id}"
    token = transaction(lambda: create_token(somebody(), "lee@park.example", "t"))

    boss.submit(page, {}, f"{page}/deactivate")
    assert as_lee.get("/startups").status == 303
    boss.submit(page, {}, f"{page}/activate")

    assert as_lee.get("/startups").status == 303
    assert find_bearer(token, NOW) is None
    done = db.session.scalars(select(TrailEntry.action).order_by(TrailEntry.id)).all()
    assert done[-2:] == ["person.deactivated", "person.activated"]


def test_a_person_is_exported_and_erased_by_typing_their_address(boss: Browser):
    factories.make_startup("acme")
    ada = factories.make_member("acme", "ada@acme.example", "owner")
    page = f"/people/{ada.id}"

    held = boss.get(f"{page}/data")
    wrong = boss.submit(f"{page}/erase", {"confirmed": "bob@acme.example"})
    erased = boss.submit(f"{page}/erase", {"confirmed": "ada@acme.example"})

    assert json.loads(held.html)["startups"] == [{"key": "acme", "name": "Harbour Robotics", "role": "owner"}]
    assert (wrong.status, erased.status) == (422, 303)
    shown = [boss.get(url).text for url in (page, "/people", "/startups/acme/members", "/outbox?show=all")]
    assert [text for text in shown if "ada@acme.example" in text or "M. Chan" in text] == []
    assert "erased-" in shown[0]


def test_staff_are_invited_with_their_programmes(boss: Browser):
    cohort = factories.make_cohort()
    typed = {"email": "New@park.example", "role": "manager", "limited": "true",
             f"programme-{cohort.programme_id}": "true"}

    told = boss.follow(boss.submit("/people/invite", typed))
    again = boss.submit("/people/invite", typed)

    assert "new@park.example Incubation manager" in told.text
    assert again.status == 409
    assert len(db.session.scalars(select(OutboxMail)).all()) == 1


def test_everybody_makes_tokens_of_their_own_that_are_shown_once(browse_as):
    factories.make_startup("acme")
    ada = browse_as(factories.make_member("acme", "ada@acme.example", "member"))

    made = ada.submit("/tokens", {"name": "import", "scope-read": "true", "expires": "2026-07-01"})
    none = ada.submit("/tokens", {"name": "other", "scope-read": ""})

    assert made.status == 200
    token = made.html.partition('value="cs_')[2].partition('"')[0]
    assert find_bearer(f"cs_{token}", NOW).caller.scopes == {"read"}
    assert find_bearer(f"cs_{token}", NOW + timedelta(days=17)) is None
    assert token not in ada.get("/tokens").html
    assert none.status == 422
    assert ada.submit("/tokens", {}, "/tokens/revoke").status == 303
    assert find_bearer(f"cs_{token}", NOW) is None


def test_nobody_makes_or_sees_or_ends_tokens_of_others_but_an_administrator(boss: Browser, browse_as):
    factories.make_person("lee@park.example", "manager")
    other = browse_as(factories.make_person("kim@park.example", "manager"))
    boss.submit("/tokens?email=lee@park.example", {"name": "of lee"}, "/tokens")

    assert "of lee" in boss.get("/tokens?email=lee@park.example").text
    assert "of lee" in boss.get("/tokens?show=all").text
    assert ["of lee" in other.get(f"/tokens?{query}").text for query in ("email=lee@park.example", "show=all")] == [
        False, False
    ]
    other.submit("/tokens?email=lee@park.example", {"name": "mine"}, "/tokens")
    rows = db.session.execute(select(Person.email, ApiToken.name).join(ApiToken)).all()
    assert sorted(map(tuple, rows)) == [("kim@park.example", "mine"), ("lee@park.example", "of lee")]


def test_a_job_is_asked_for_once_and_taken_once(boss: Browser):
    page = boss.get("/jobs")
    for _ in range(2):
        assert boss.submit(page, {}, "/jobs/delivery/run").status == 303

    assert "Asked for" in boss.get("/jobs").text
    assert [transaction(take_asked), transaction(take_asked)] == [["delivery"], []]
    assert db.session.scalars(select(JobRequest)).all() == []
    asked = db.session.scalars(select(TrailEntry.subject).where(TrailEntry.action == "job.asked")).all()
    assert asked == ["job:delivery"]


@pytest.mark.parametrize(
    "state, doubts, after", [(FAILED, 0, QUEUED), (FAILED, 1, UNCERTAIN), (UNCERTAIN, 2, UNCERTAIN)]
)
def test_a_mail_is_sent_again_once_under_its_message_id(boss: Browser, state: str, doubts: int, after: str):
    made = mail_in(state, uncertain_count=doubts)
    before = do(lambda: db.session.get_one(OutboxMail, made)).message_id
    page = boss.get(f"/outbox/{made}")
    send = f"/outbox/{made}/send-again"

    assert boss.submit(page, {"reason": ""}, send).status == 422
    first, second = (boss.submit(page, {"reason": "the server is back"}, send) for _ in range(2))

    assert first.status == second.status == 303
    mail = do(lambda: db.session.get_one(OutboxMail, made))
    assert (mail.state, mail.next_try_at, mail.message_id) == (after, NOW, before)
    entries = db.session.scalars(select(TrailEntry).where(TrailEntry.action == "mail.sent-again")).all()
    assert [entry.after for entry in entries] == [{"reason": "the server is back"}]


def test_a_mail_that_was_sent_is_not_sent_again_by_an_old_page(boss: Browser):
    made = mail_in(FAILED)
    page = boss.get(f"/outbox/{made}")
    transaction(lambda: setattr(db.session.get(OutboxMail, made), "state", SENT))

    assert boss.submit(page, {"reason": "again"}, f"/outbox/{made}/send-again").status == 409
    assert do(lambda: db.session.get_one(OutboxMail, made)).next_try_at is None


def test_a_mail_given_up_is_claimed_by_nobody(boss: Browser):
    made = mail_in(QUEUED, next_try_at=NOW)

    boss.submit(f"/outbox/{made}", {"reason": "a wrong address"}, f"/outbox/{made}/dismiss")

    assert transaction(lambda: outbox.claim(NOW + timedelta(days=1), "worker", 10)) == []
    assert "Digest" in boss.get("/outbox?show=dismissed").text


def test_addresses_of_mails_are_shown_to_administrators_alone(boss: Browser, auditor: Browser):
    made = mail_in(FAILED, last_error="550 lee@far.example unknown")

    for url in ("/outbox", f"/outbox/{made}"):
        assert ["lee@far.example" in reader.get(url).text for reader in (boss, auditor)] == [True, False]
    assert counting.queries(lambda: boss.get("/outbox")) <= 12


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mail_can_be_looked_at_in_every_language(app: Flask, language: str):
    mails = [mail_samples.sample(kind, language) for kind in mail_samples.kinds()]

    assert len(mails) > 10
    assert all(mail.subject and mail.text and mail.html for mail in mails)


def test_a_mail_is_shown_in_a_sandbox_and_sent_to_oneself_once(boss: Browser):
    page = boss.get("/mails/invitation/en")
    html = boss.get("/mails/invitation/en/html")

    for _ in range(2):
        assert boss.submit(page, {}, page.url).status == 303

    policy = html.response.headers["Content-Security-Policy"]
    assert [word in policy for word in ("sandbox", "default-src 'none'", "form-action 'none'", "script")] == [
        True, True, True, False
    ]
    mail = db.session.scalars(select(OutboxMail)).one()
    assert (mail.to_address, mail.kind) == ("boss@park.example", "test")
    assert boss.get("/mails/none/en").status == boss.get("/mails/digest/fr").status == 404


def test_settings_say_what_is_set_and_no_secret(boss: Browser, tmp_path, monkeypatch):
    environ = {
        "CREDITSVC_INSTANCE": str(tmp_path), "CREDITSVC_SECRET_KEY": "swordfish-swordfish",
        "CREDITSVC_DATABASE_URL": "postgresql://lee:hunter22@db.example:5432/credits",
        "CREDITSVC_SMTP_URL": "smtps://lee:hunter23@mail.example", "CREDITSVC_LICENCE_KEYS": "x" * 43 + "=",
    }

    shown = {one.name: (one.is_set, one.value) for one in settings_of(load_config(environ), environ)}

    said = str(shown)
    assert [word for word in ("swordfish", "hunter2", "xxxx", "lee") if word in said] == []
    assert shown["CREDITSVC_DATABASE_URL"] == (True, "postgresql+psycopg://db.example:5432/credits")
    assert shown["CREDITSVC_BASE_URL"][0] is False
    page = boss.get("/settings")
    assert "This is what this version needs" in page.text
