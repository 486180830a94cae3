"""The night as a whole: what is killed is taken up again, nothing lost, nothing twice; the heads of the book noted."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import Executable, func, select, update

from creditsvc.alerts import night as deciding
from creditsvc.alerts import telling
from creditsvc.alerts.links import read_link
from creditsvc.alerts.models import Alert, AlertTold, Digest, JobRun
from creditsvc.db import db, is_postgresql, transaction
from creditsvc.grants import operations as grants
from creditsvc.jobs.nightly import run_night
from creditsvc.ledger.models import Account
from creditsvc.ledger.verify import verify
from creditsvc.mail.models import SENT, OutboxMail
from creditsvc.parties.access import operator
from creditsvc.parties.models import Person, Startup, TrailEntry
from tests import factories
from tests.alerts import scenes
from tests.alerts.scenes import NOW, TODAY, addressees, night, told
from tests.counting import queries

ROOT = Path(__file__).resolve().parents[2]
FOUNDERS = [f"founder@s-{number}.example" for number in range(4)]
MANAGER = "manager@park.example"


def park() -> None:
    """Four startups whose grants end soon, each with a founder, and a manager of all."""
    factories.make_person(MANAGER, "manager")
    for number in range(4):
        key = scenes.startup(f"s-{number}")
        factories.make_grant(key, expires=TODAY + timedelta(days=5), key=f"{key}-azure")


def rows(model: type, *where) -> int:
    """How many rows there are."""
    return db.session.scalar(select(func.count()).select_from(model).where(*where)) or 0


def assert_all_told_once(app: Flask) -> None:
    """Every founder of their own matter, the manager of all; one digest and one file each."""
    assert rows(Alert) == 4
    assert rows(Digest) == rows(OutboxMail) == 5
    assert rows(AlertTold) == 8
    assert rows(OutboxMail, OutboxMail.state == SENT) == 5
    assert addressees(app) == sorted([*FOUNDERS, MANAGER])
    assert verify()["differences"] == []


def test_a_night_that_fails_says_so_and_the_next_try_takes_it_up(app: Flask, monkeypatch: pytest.MonkeyPatch):
    park()
    with monkeypatch.context() as broken:
        broken.setattr(telling, "facts_for", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            night(app)
    failed = db.session.execute(select(JobRun.worker, JobRun.last_error)).one()
    assert failed == ("", "ZeroDivisionError: integer division or modulo by zero")

    document = night(app)

    assert (document["status"], len(document["alerts"]), document["mails"]["queued"]) == ("done", 4, 5)
    assert_all_told_once(app)


def test_an_address_that_cannot_be_stops_nobody_elses_mail(app: Flask):
    park()
    transaction(lambda: db.session.execute(
        update(Person).where(Person.email == FOUNDERS[0]).values(email="no address")
    ))

    document = night(app)

    assert document["mails"] == {"queued": 4, "sent": 4, "failed": 1, "uncertain": 0}
    assert addressees(app) == sorted([*FOUNDERS[1:], MANAGER])
    assert rows(Digest) == 4


def test_the_document_lists_the_alerts_by_startup_the_worst_first(app: Flask, tmp_path: Path):
    park()
    scenes.spend(tmp_path, scenes.scope("s-2"), "25001")

    document = night(app)

    assert document["day"] == "2026-06-15"
    assert told(document) == [
        ("s-0", "expiry", 7), ("s-1", "expiry", 7), ("s-2", "uncovered", 0), ("s-2", "used", 100), ("s-3", "expiry", 7),
    ]
    assert set(document["alerts"][0]) >= {"key", "startup", "resource", "holding", "rule", "threshold", "message"}


def test_the_heads_of_the_accounts_that_moved_go_into_the_trail(app: Flask):
    park()
    night(app)
    transaction(lambda: grants.top_up_grant(operator(NOW), "s-1-azure", amount="1"))

    night(app, 1)

    first, second = db.session.scalars(
        select(TrailEntry).where(TrailEntry.action == "ledger.heads").order_by(TrailEntry.id)
    )
    moved = db.session.scalars(select(Account).where(Account.batches == 2)).one()
    assert (first.subject, len(first.after["heads"])) == ("night:2026-06-15", 4)
    assert second.after == {"heads": {str(moved.id): [2, moved.head_hash]}}
    assert verify()["differences"] == []


def test_a_night_where_nothing_moved_adds_no_heads(app: Flask):
    park()

    for days in range(3):
        night(app, days)

    assert rows(TrailEntry, TrailEntry.action == "ledger.heads") == 1


def test_more_accounts_than_one_batch_are_all_decided(app: Flask, monkeypatch: pytest.MonkeyPatch):
    park()
    monkeypatch.setattr("creditsvc.jobs.nightly.ACCOUNTS_AT_ONCE", 3)
    monkeypatch.setattr("creditsvc.alerts.telling.ACCOUNTS_AT_ONCE", 1)

    document = night(app)

    assert len(document["alerts"]) == 4
    assert_all_told_once(app)


def once_decided(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Something happens when it is decided for the first time, and not kept yet."""
    right, acts = deciding.decide_accounts, [act]

    def decide(*values: Any) -> deciding.Decided:
        decided = right(*values)
        while acts:
            acts.pop()()
        return decided

    monkeypatch.setattr(deciding, "decide_accounts", decide)


def write_at_once(statement: Executable) -> None:
    """Another connection writes, and fails where it would have to wait."""
    with db.engine.connect().execution_options(writes=True, waits=False) as other, other.begin():
        if is_postgresql():
            other.exec_driver_sql("SET LOCAL lock_timeout = 1")
        other.execute(statement)


def test_whoever_writes_does_not_wait_for_the_night_to_decide(app: Flask, monkeypatch: pytest.MonkeyPatch):
    park()

    def write() -> None:
        for model, same in ((JobRun, "attempts"), (Account, "batches"), (Startup, "name")):
            write_at_once(update(model).values({same: getattr(model, same)}))

    once_decided(monkeypatch, write)

    night(app)

    assert_all_told_once(app)


def test_what_was_decided_is_not_kept_once_another_has_the_night(app: Flask, monkeypatch: pytest.MonkeyPatch):
    park()
    once_decided(monkeypatch, lambda: write_at_once(update(JobRun).values(worker="another")))

    document = run_night(scenes.config_of(app), NOW, wait=False)

    assert (document["status"], rows(Alert), rows(Digest)) == ("running", 0, 0)


def test_what_is_posted_once_it_is_decided_is_told_the_next_night(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    park()
    scope = scenes.scope("s-2")
    with monkeypatch.context() as tonight:
        once_decided(tonight, lambda: scenes.spend(tmp_path, scope, "25001"))
        first = night(app)

    second = night(app, 1)

    assert ("s-2", "expiry", 7) in told(first)
    assert ("s-2", "uncovered", 0) in told(second)


def test_a_night_decides_anew_what_that_of_another_day_has_kept_meanwhile(app: Flask, monkeypatch: pytest.MonkeyPatch):
    park()
    once_decided(monkeypatch, lambda: night(app, -1))

    document = night(app)

    assert (document["status"], document["alerts"]) == ("done", [])
    assert_all_told_once(app)


def test_a_night_asks_no_more_statements_for_more_people(app: Flask):
    def asked(first: int, people: int) -> int:
        for number in range(first, first + people):
            key = scenes.startup(f"s-{number}")
            factories.make_grant(key, expires=TODAY + timedelta(days=5), key=f"{key}-azure")
        mails: list[int] = []
        count = queries(lambda: mails.append(night(app, first)["mails"]["sent"]))
        assert mails == [people]
        return count

    asked(0, 1)  # a first night has no heads of an earlier one to look at
    few, many = asked(1, 2), asked(3, 20)

    assert many == few


def test_the_links_of_a_mail_lead_to_a_page_and_say_what_they_do(app: Flask):
    park()
    night(app)
    (mail,) = [mail for mail in scenes.mails(app) if mail["To"] == FOUNDERS[0]]
    base_url = scenes.config_of(app).base_url

    tokens = re.findall(rf"{re.escape(base_url)}/alerts/(\S+)", scenes.text_of(mail))
    with time_machine.travel(NOW + timedelta(days=1)):
        pages = [app.test_client().get(f"/alerts/{token}", base_url=base_url) for token in tokens]

    alert = db.session.scalars(select(Alert).where(Alert.key.startswith("s-0/"))).one()
    links = [read_link(scenes.config_of(app).secret_key, token, NOW) for token in tokens]
    assert [(link.act, link.alert_id) for link in links] == [("acknowledge", alert.id), ("snooze", alert.id)]
    assert [page.status_code for page in pages] == [200, 200]
