"""A person's data exported, and a person erased: nothing names them any more, and the book still verifies."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from creditsvc.administration.erasing import SCRUBBED, erase_person
from creditsvc.administration.person_data import export_person
from creditsvc.config import Config
from creditsvc.consulting import bookings, sessions
from creditsvc.core.errors import Conflict, Forbidden, RuleBroken
from creditsvc.core.pseudonyms import pseudonym
from creditsvc.db import Model, db, transaction
from creditsvc.grants.operations import award_grant
from creditsvc.ledger.chain import as_written, batch_hash
from creditsvc.ledger.models import Batch
from creditsvc.ledger.seals import rows_and_hashes
from creditsvc.ledger.verify import verify
from creditsvc.mail.models import OutboxMail
from creditsvc.mail.outbox import queue
from creditsvc.mail.render import Rendered
from creditsvc.parties.models import Person, TrailEntry
from creditsvc.parties.operations import add_membership
from creditsvc.parties.tokens import create_token, find_bearer
from tests import factories
from tests.consulting import scenes
from tests.factories import NOW, PASSWORD, caller, do, somebody
from tests.ledger.test_seals import seal_all
from tests.licences.sitting import give, holders, leave, make_park, make_product, queue_up, sit

LEE = "o'lee@park.example"
ADA = "ada@acme.example"


def all_text() -> str:
    """Every value of every row."""
    return " ".join(
        json.dumps([repr(value) for value in row], ensure_ascii=False)
        for table in Model.metadata.sorted_tables for row in db.session.execute(select(table))
    ).lower()


def mail(to: str, text: str, person_id: int | None = None, kind: str = "digest") -> int:
    return transaction(lambda: queue(
        kind=kind, to_address=to, content=Rendered("Subject", text, f"<p>{text}</p>"), mail_from="a@park.example",
        now=NOW, person_id=person_id,
    ))


@pytest.fixture
def boss(app: Flask) -> Person:
    return factories.make_person("boss@park.example", "administrator")


@pytest.fixture
def lee(boss: Person) -> Person:
    """A manager who has awarded, was sealed, wrote and was written to, and bears a token."""
    person = factories.make_person(LEE, "manager", PASSWORD)
    factories.make_startup("acme")
    pool = factories.make_pool().key
    mine = caller(person)
    do(lambda: award_grant(
        mine, startup="acme", pool=pool, amount="100", effective=NOW, expires=None, reason=f"as {LEE} said"
    ))
    do(lambda: add_membership(mine, startup="acme", email=ADA, name="Ada Wong", role="owner"))
    make_product("suite", amount=10)
    give("acme", "suite-seats", 1)
    sit("ada", "acme", product="suite")
    mail(LEE.upper(), "for you", person.id)
    mail("x@y.example", f"Written by {LEE} to you")
    seal_all()
    return person


def erase(boss: Person, person: Person, confirmed: str = "") -> str:
    by = caller(boss)
    return transaction(lambda: erase_person(by, person.id, confirmed=confirmed or person.email))


def test_nothing_in_the_database_names_an_erased_person_and_verify_is_clean(boss: Person, lee: Person) -> None:
    token = do(lambda: create_token(somebody(), LEE, "import"))
    head = db.session.scalars(select(Batch.hash).order_by(Batch.id)).all()

    mine = erase(boss, lee)

    text = all_text()
    assert mine == pseudonym(LEE)
    assert [LEE in text, "o'lee" in text, text.count(mine) > 5] == [False, False, True]
    assert verify()["differences"] == []
    assert db.session.scalars(select(Batch.hash).order_by(Batch.id)).all() == head
    assert find_bearer(token, NOW) is None
    seal_all()
    assert verify()["differences"] == []


def test_the_trail_keeps_what_was_done_under_the_pseudonym(boss: Person, lee: Person) -> None:
    before = db.session.execute(select(TrailEntry.id, TrailEntry.action).where(TrailEntry.actor == LEE)).all()

    mine = erase(boss, lee)

    after = db.session.execute(select(TrailEntry.id, TrailEntry.action).where(TrailEntry.actor == mine)).all()
    assert after == before
    assert [entry.subject for entry in db.session.scalars(
        select(TrailEntry).where(TrailEntry.action == "person.erased")
    )] == [f"person:{mine}"]


def test_an_act_given_to_somebody_else_still_shows(boss: Person, lee: Person) -> None:
    mine = erase(boss, lee)

    transaction(lambda: db.session.execute(update(Batch).where(Batch.actor == mine).values(actor="x@y.example")))

    assert any("hash of batch" in one["what"] for one in verify()["differences"])


def test_what_was_hashed_and_sealed_before_addresses_could_be_erased_still_verifies(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.make_startup("acme")
    pool, lee = factories.make_pool().key, caller(factories.make_person(LEE, "manager"))
    monkeypatch.setattr("creditsvc.ledger.book.batch_hash", partial(batch_hash, reading=as_written))
    monkeypatch.setattr("creditsvc.ledger.seals.rows_and_hashes", partial(rows_and_hashes, reading=list))

    do(lambda: award_grant(lee, startup="acme", pool=pool, amount="100", effective=NOW, expires=None, reason=LEE))
    seal_all()
    monkeypatch.undo()

    assert verify()["differences"] == []
    transaction(lambda: db.session.execute(update(Batch).values(actor="x@y.example")))
    transaction(lambda: db.session.execute(update(TrailEntry).values(address="somewhere else")))
    found = {one["what"] for one in verify()["differences"]}
    assert any("hash of batch" in what for what in found)
    assert any("of trail_entry" in what for what in found)


def test_a_member_leaves_no_name_beside_their_seat_and_in_mails_to_others(boss: Person, lee: Person) -> None:
    ada = do(lambda: db.session.execute(select(Person).where(Person.email == ADA)).scalar_one())
    mail("x@y.example", "Ada Wong is the consultant", kind="session-booked")

    erase(boss, ada)

    text = all_text()
    assert [ADA in text, "ada wong" in text] == [False, False]
    person = db.session.get_one(Person, ada.id)
    assert (person.active, person.role, person.password_hash, caller(ada).memberships) == (False, None, None, {})
    assert verify()["differences"] == []


def test_who_is_erased_waits_for_no_seat(boss: Person, config: Config) -> None:
    make_park(1)
    seat = sit("ada")
    person = factories.make_member("acme", "bob@acme.example")
    queue_up(config, "bob"), queue_up(config, "eve")
    erase(boss, person)

    leave(config, seat)

    assert holders() == {"eve": "acme-m365"}


def test_mails_to_an_erased_person_say_nothing_and_are_not_sent(boss: Person, lee: Person) -> None:
    erase(boss, lee)

    to_lee = db.session.scalars(select(OutboxMail).where(OutboxMail.person_id == lee.id)).one()
    assert (to_lee.text, to_lee.html, to_lee.subject) == (SCRUBBED,) * 3
    assert (to_lee.state, to_lee.next_try_at, to_lee.to_address) == ("failed", None, pseudonym(LEE))


def test_erasing_is_confirmed_and_happens_once(boss: Person, lee: Person) -> None:
    with pytest.raises(RuleBroken, match="Write the mail address"):
        erase(boss, lee, "boss@park.example")
    with pytest.raises(Conflict):
        erase(boss, boss)
    with pytest.raises(Forbidden):
        erase(lee, boss)

    assert erase(boss, lee) == erase(boss, lee)

    assert len(db.session.scalars(select(TrailEntry).where(TrailEntry.action == "person.erased")).all()) == 1


def test_somebody_who_came_back_is_erased_under_the_same_pseudonym(boss: Person, lee: Person) -> None:
    mine = erase(boss, lee)
    again = factories.make_person(LEE, "auditor")

    assert erase(boss, again) == mine

    assert all_text().count(LEE) == 0
    assert verify()["differences"] == []


def test_an_export_has_what_is_held_and_no_secret(boss: Person, lee: Person) -> None:
    do(lambda: create_token(somebody(), LEE, "import"))
    mail("x@y.example", f"a secret of others, from {LEE}")
    by = caller(boss)

    said: dict[str, Any] = do(lambda: export_person(by, lee.id))

    text = json.dumps(said)
    assert said["person"] == {"email": LEE, "name": "o'lee", "role": "manager"}
    assert {"person", "trail_entry", "batch", "api_token", "outbox_mail", "grant_paper"} <= said["held"].keys()
    assert all(word not in text for word in ("password_hash", "token_hash", "a secret of others"))
    with pytest.raises(Forbidden):
        do(lambda: export_person(caller(lee), boss.id))


def test_a_consultant_with_sessions_to_come_is_erased_once_those_are_cancelled(boss: Person) -> None:
    scenes.fill()
    first, other = scenes.book(), scenes.book(scenes.MORNING + timedelta(days=1))
    scenes.book(consultant="wong")
    email = "lee@park.example"
    person_id = db.session.scalars(select(Person.id).where(Person.email == email)).one()

    def erased(now: datetime = NOW) -> str:
        by = replace(caller(boss), now=now)
        return transaction(lambda: erase_person(by, person_id, confirmed=email))

    with pytest.raises(Conflict, match="2 in all, the first at 2026-06-17T01:00:00Z: cancel") as refusal:
        erased()
    assert refusal.value.code == "has-sessions"
    assert db.session.scalar(select(Person.email).where(Person.id == person_id)) == email

    scenes.do(lambda: bookings.cancel(scenes.at(NOW), first.uid))
    with pytest.raises(Conflict, match="1 in all"):
        erased()
    over = scenes.after(other)  # then a manager may log it
    assert erased(over) == pseudonym(email)
    assert scenes.do(lambda: sessions.log_session(scenes.at(over), other.uid, minutes=60)).state == "logged"
