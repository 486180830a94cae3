"""The steps offered with a session are those that are done: a rule that stands in two places is held together."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask

from creditsvc.consulting import bookings, sessions
from creditsvc.consulting.models import Booking
from creditsvc.consulting.reading import find_booking, steps_of
from creditsvc.core.errors import Conflict, Forbidden, NotFound
from creditsvc.db import db, transaction
from creditsvc.parties.access import Caller
from creditsvc.parties.models import Person
from tests import factories as make
from tests.conftest import NOW
from tests.consulting.scenes import MORNING, at, book, do, fill

AT_ITS_END = MORNING + timedelta(hours=1)
OVER = MORNING + timedelta(hours=2)
WEEK = timedelta(days=7)
ELSEWHEN = MORNING + timedelta(days=13)

STEPS: dict[str, Callable[[Caller, str], Booking]] = {
    "move": lambda caller, uid: bookings.move(caller, uid, starts=ELSEWHEN, minutes=60),
    "cancel": lambda caller, uid: bookings.cancel(caller, uid),
    "log": lambda caller, uid: sessions.log_session(caller, uid, minutes=45, note=str(caller.now)),
    "no-show": lambda caller, uid: sessions.no_show(caller, uid),
    "confirm": lambda caller, uid: sessions.confirm(caller, uid),
    "dispute": lambda caller, uid: sessions.dispute(caller, uid, reason="too long"),
    "decide": lambda caller, uid: sessions.decide(caller, uid, minutes=30),
    "correct": lambda caller, uid: sessions.correct(caller, uid, minutes=31, reason="a slip"),
}
BEFORE: dict[str, tuple[tuple[str, datetime], ...]] = {
    # the steps, with their instants, after which a session stands so
    "booked": (),
    "logged": (("log", AT_ITS_END),),
    "disputed": (("log", AT_ITS_END), ("dispute", OVER)),
    "confirmed": (("log", AT_ITS_END), ("confirm", OVER)),
    "no-show": (("no-show", OVER),),
    "cancelled": (("cancel", NOW),),
}
INSTANTS = (NOW, MORNING - timedelta(hours=1), OVER, OVER + WEEK)


@pytest.fixture
def people(app: Flask) -> dict[str, Person | None]:
    """Some of all who see acme's session with lee; None is a manager of all programmes."""
    fill()
    return {
        "owner": make.make_member("acme"), "consultant": make.consultant("lee"), "manager": None,
        "auditor": make.make_person("a@park.example", "auditor"),
    }


def is_done(caller: Caller, uid: str, step: str) -> bool:
    """Whether the step is taken, and changes something; it is taken back again."""
    def act() -> bool:
        before = _as_it_is(caller, uid)
        try:
            STEPS[step](caller, uid)
        except (Conflict, Forbidden, NotFound):
            return False
        return _as_it_is(caller, uid) != before

    return transaction(act, keep=False)


def _as_it_is(caller: Caller, uid: str) -> dict[str, object]:
    booking = find_booking(caller, uid).booking
    return {column.key: getattr(booking, column.key) for column in Booking.__table__.columns}


@pytest.mark.parametrize("state", BEFORE)
def test_what_is_offered_is_done_and_nothing_else(people: dict[str, Person | None], state: str):
    uid = book().uid
    for step, instant in BEFORE[state]:
        do(lambda step=step, instant=instant: STEPS[step](at(instant), uid))
    taken_by_then = max([NOW, *(instant for _, instant in BEFORE[state])])

    offered, done = {}, {}
    for now in INSTANTS:
        for name, person in people.items() if now >= taken_by_then else ():
            caller = at(now, person)
            offered[name, now] = sorted(steps_of(caller, find_booking(caller, uid)))
            done[name, now] = sorted(step for step in STEPS if is_done(caller, uid, step))
            db.session.rollback()

    assert find_booking(at(OVER), uid).booking.state == state
    assert done == offered
