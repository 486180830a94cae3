"""A night that ran ahead of its day, or behind it, takes nothing from the nights that are due (A3, A4, A7)."""

from datetime import date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from creditsvc.alerts import telling
from creditsvc.alerts.choices import choose
from creditsvc.alerts.models import Digest
from creditsvc.alerts.reading import last_night
from creditsvc.core.due_alerts import RULES
from creditsvc.db import db, transaction
from creditsvc.jobs.nightly import run_night
from creditsvc.jobs.scheduler import was_missed
from creditsvc.mail import outbox
from creditsvc.mail.render import Rendered
from tests import factories
from tests.alerts import scenes
from tests.alerts.scenes import NOW, TODAY, addressees, told

SAID = [
    ("soon", "expiry", 14), ("soon", "expiry", 7), ("soon", "expiry", 1), ("later", "expiry", 90),
    ("later", "expiry", 60),
]


def night(app: Flask, days: int, real: datetime) -> dict:
    """The night of so many days after NOW, run when the real clock says so."""
    return run_night(scenes.config_of(app), NOW + timedelta(days=days), wall=lambda: real)


def grant(key: str, days: int) -> None:
    factories.make_grant(scenes.startup(key), expires=TODAY + timedelta(days=days), key=f"{key}-azure")


def editions() -> list[tuple[date, int]]:
    """The day and edition of every digest, in order."""
    rows = db.session.execute(select(Digest.day, Digest.edition).order_by(Digest.day, Digest.edition))
    return [(day, edition) for day, edition in rows]


def test_a_night_that_ran_ahead_of_its_day_runs_again_when_the_day_comes(app: Flask):
    grant("early", 95)
    assert told(night(app, 40, NOW)) == [("early", "expiry", 60)]
    assert night(app, 40, NOW + timedelta(days=1))["status"] == "already done"
    grant("late", 41)

    missed = was_missed(NOW + timedelta(days=40))
    on_the_day = night(app, 40, NOW + timedelta(days=40))

    assert (missed, on_the_day["status"]) == (True, "done")
    assert ("late", "expiry", 7) in told(on_the_day)
    assert night(app, 40, NOW + timedelta(days=40))["status"] == "already done"
    assert night(app, 41, NOW + timedelta(days=41))["status"] == "done"
    mails = addressees(app)
    assert (mails.count("founder@early.example"), mails.count("founder@late.example")) == (1, 2)  # 7 days, 1 day


def test_a_night_made_ahead_leaves_its_day_a_digest_of_its_own(app: Flask):
    grant("early", 95)
    ahead = night(app, 40, NOW)
    factories.make_grant("early", expires=TODAY + timedelta(days=60), key="came-since")

    on_the_day = night(app, 40, NOW + timedelta(days=40))
    next_day = night(app, 41, NOW + timedelta(days=41))

    assert [document["mails"]["queued"] for document in (ahead, on_the_day, next_day)] == [1, 1, 0]
    assert editions() == [(TODAY + timedelta(days=40), 1), (TODAY + timedelta(days=40), 2)]
    texts = [scenes.text_of(mail) for mail in scenes.mails(app)]
    assert sorted(("early-azure" in text, "came-since" in text) for text in texts) == [(False, True), (True, False)]


def test_a_second_edition_that_dies_is_taken_up_as_the_same(app: Flask, monkeypatch: pytest.MonkeyPatch):
    grant("early", 95)
    night(app, 40, NOW)
    factories.make_grant("early", expires=TODAY + timedelta(days=60), key="came-since")
    with monkeypatch.context() as broken:
        broken.setattr(telling, "facts_for", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            night(app, 40, NOW + timedelta(days=40))

    again = night(app, 40, NOW + timedelta(days=40))

    assert again["mails"]["queued"] == 1
    assert [edition for _, edition in editions()] == [1, 2]


def test_a_second_edition_is_no_second_mail_of_the_week(app: Flask):
    grant("early", 95)
    person = factories.caller(factories.make_member("early", "founder@early.example"))
    transaction(lambda: choose(person, wanted=RULES, rhythm="weekly"))
    night(app, 40, NOW)
    factories.make_grant("early", expires=TODAY + timedelta(days=60), key="came-since")

    counts = [night(app, days, NOW + timedelta(days=days))["mails"]["queued"] for days in range(40, 43)]

    assert (TODAY + timedelta(days=42)).weekday() == 0
    assert counts == [0, 0, 1]


def test_what_tonight_would_say_is_of_the_edition_that_would_be_made(app: Flask):
    grant("early", 95)
    night(app, 40, NOW)
    factories.make_grant("early", expires=TODAY + timedelta(days=60), key="came-since")

    said = run_night(scenes.config_of(app), NOW + timedelta(days=40), send=False)

    assert said["mails"]["queued"] == 1


def test_a_night_ahead_of_its_day_does_not_hide_that_the_due_ones_fail(app: Flask):
    grant("early", 95)
    night(app, 0, NOW)
    night(app, 40, NOW)

    state = last_night(NOW + timedelta(hours=30))

    assert state.is_late
    assert state.succeeded_at is not None
    assert state.succeeded_at < NOW + timedelta(hours=1)


def test_nights_out_of_their_order_tell_everything_and_nothing_twice(app: Flask):
    grant("soon", 12)
    grant("later", 70)
    said = []

    for days in (0, 10, 5, 12, 3, 13):
        said += told(night(app, days, NOW))

    assert sorted(said) == sorted(SAID)


@pytest.mark.parametrize("ahead, due", [(timedelta(hours=24), 0), (timedelta(days=40), 1)])
def test_a_mail_put_off_beyond_any_pause_by_a_clock_that_ran_ahead_is_due(app: Flask, ahead: timedelta, due: int):
    transaction(lambda: outbox.queue(
        kind="digest", to_address="a@park.example", content=Rendered("Credits", "Left: 1", "<p>Left: 1</p>"),
        mail_from="credits@park.example", now=NOW + ahead,
    ))

    assert len(transaction(lambda: outbox.claim(NOW, "somebody", limit=5))) == due
