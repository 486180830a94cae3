"""What the night does with sessions: those that nobody disputed count, and those to come are reminded of, each once."""

from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from creditsvc.config import Config
from creditsvc.consulting import sessions
from creditsvc.consulting.models import Booking
from creditsvc.consulting.verify_bookings import check_bookings
from creditsvc.core.errors import Conflict
from creditsvc.db import db
from creditsvc.jobs.nightly import run_night
from creditsvc.ledger.verify import verify
from creditsvc.mail.models import OutboxMail
from tests import factories as make
from tests.conftest import NOW
from tests.consulting.scenes import MORNING, at, book, do, fill, hours

DAY = timedelta(days=1)
NIGHT = datetime(2026, 6, 15, 18, tzinfo=NOW.tzinfo)
"""Two o'clock of Tuesday in Hong Kong, a day before MORNING's."""

pytestmark = pytest.mark.usefixtures("park")


@pytest.fixture
def park(app: Flask) -> None:
    fill()
    make.make_member("acme", "owner@acme.example")


def logged(minutes: int = 45, starts: datetime = MORNING) -> str:
    booking = book(starts)
    do(lambda: sessions.log_session(at(booking.ends), booking.uid, minutes=minutes))
    return booking.uid


def state_of(uid: str) -> str:
    db.session.rollback()
    return str(db.session.scalar(select(Booking.state).where(Booking.uid == uid)))


def told(kind: str) -> list[str]:
    db.session.rollback()
    return sorted(db.session.scalars(select(OutboxMail.to_address).where(OutboxMail.kind == f"session-{kind}")))


def test_a_session_counts_in_the_first_night_after_its_days_and_both_sides_are_told_once(config: Config):
    uid = logged()

    run_night(config, NIGHT + 8 * DAY)
    assert state_of(uid) == "logged"
    for night in (9, 10):
        run_night(config, NIGHT + night * DAY)

    assert state_of(uid) == "confirmed"
    assert told("confirmed") == ["lee@park.example", "owner@acme.example"]
    assert (hours(NIGHT + 10 * DAY).drawn, hours(NIGHT + 10 * DAY).held) == (45, 0)
    assert verify(check_bookings)["differences"] == []


def test_what_is_disputed_waits_for_a_manager_whatever_the_night(config: Config):
    uid = logged()
    do(lambda: sessions.dispute(at(MORNING + DAY), uid, reason="It was half an hour"))

    run_night(config, NIGHT + 20 * DAY)

    assert state_of(uid) == "disputed"
    assert told("confirmed") == []


def test_the_night_before_the_day_of_a_session_reminds_of_it_once(config: Config):
    book(MORNING + DAY)

    for night in (NIGHT, NIGHT + DAY, NIGHT + DAY + DAY):
        run_night(config, night)

    assert told("reminder") == ["lee@park.example", "owner@acme.example"]


def test_a_session_that_cannot_be_settled_holds_nothing_up(config: Config, monkeypatch: pytest.MonkeyPatch):
    bad, good = logged(), logged(starts=MORNING + timedelta(hours=2))
    really = sessions.settle_passed

    def settle(caller, uid):
        if uid == bad:
            raise Conflict("hold", "already-released")
        return really(caller, uid)

    monkeypatch.setattr(sessions, "settle_passed", settle)

    assert run_night(config, NIGHT + 10 * DAY)["status"] == "done"

    assert (state_of(bad), state_of(good)) == ("logged", "confirmed")
