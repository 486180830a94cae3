"""Nights that do not succeed: every administrator hears of it once, from whichever process sees it first (A7)."""

import threading
from datetime import datetime, timedelta

from flask import Flask
from sqlalchemy import select

from creditsvc.alerts.reading import LATE_AFTER
from creditsvc.db import db, transaction
from creditsvc.jobs import deadman
from creditsvc.jobs.nightly import run_night
from creditsvc.mail.models import SENT, OutboxMail
from creditsvc.parties.models import Startup
from tests import factories
from tests.alerts import scenes
from tests.alerts.scenes import NOW
from tests.polling import wait_until

ADMINISTRATOR, SECOND = "admin@park.example", "zhang@park.example"


def park(app: Flask) -> None:
    """Two administrators, one of whom reads Chinese, somebody else, and a startup."""
    factories.make_person(ADMINISTRATOR, "administrator")
    second = factories.make_person(SECOND, "administrator")
    factories.do(lambda: setattr(db.session.merge(second), "language", "zh_Hans"))
    factories.make_person("manager@park.example", "manager")
    factories.make_startup("acme")

    def entered() -> None:
        db.session.scalars(select(Startup)).one().created_at = NOW

    transaction(entered)


def look(app: Flask, at: datetime) -> int:
    return deadman.look(scenes.config_of(app), lambda: at)


def mails() -> list[tuple[str, str, str]]:
    found = db.session.execute(
        select(OutboxMail.to_address, OutboxMail.subject, OutboxMail.state).order_by(OutboxMail.id)
    )
    return [tuple(row) for row in found]


def test_the_administrators_hear_once_of_each_silence_and_the_mail_leaves_without_a_scheduler(app: Flask):
    park(app)
    late = NOW + LATE_AFTER + timedelta(minutes=1)

    told = [look(app, at) for at in (NOW, NOW + LATE_AFTER, late, late + timedelta(days=3))]
    first = mails()
    run_night(scenes.config_of(app), late + timedelta(days=3))
    told += [look(app, late + timedelta(days=at)) for at in (4, 5, 6)]

    assert told == [0, 0, 2, 0, 0, 2, 0]
    assert first == [
        (ADMINISTRATOR, "No night has succeeded for 26 hours", SENT),
        (SECOND, "夜间作业已有 26 小时未成功", SENT),
    ]
    assert [subject for _, subject, _ in mails()[2:]] == [
        "No night has succeeded for 47 hours", "夜间作业已有 47 小时未成功"
    ]


def test_of_processes_that_look_at_once_one_tells(app: Flask):
    park(app)
    late = NOW + LATE_AFTER + timedelta(minutes=1)
    together, told = threading.Barrier(4), []

    def one() -> None:
        with app.app_context():
            together.wait()
            told.append(look(app, late))

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(told) == [0, 0, 0, 2]
    assert len(mails()) == 2


def test_a_worker_of_the_pages_looks_by_itself(app: Flask, monkeypatch):
    park(app)
    monkeypatch.setattr("creditsvc.clock.now", lambda: NOW + LATE_AFTER + timedelta(hours=1))
    stopped = threading.Event()

    thread = deadman.watch(app, stopped, every=0.05)

    def has_told() -> bool:
        db.session.rollback()
        return [state for _, _, state in mails()] == [SENT, SENT]

    try:
        wait_until(has_told, "the mails")
    finally:
        stopped.set()
        thread.join()
    assert [(address, state) for address, _, state in mails()] == [(ADMINISTRATOR, SENT), (SECOND, SENT)]
