"""What became of sessions: logged, confirmed or disputed, decided, no-shows, corrections; on both databases."""

from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from creditsvc.consulting import bookings, consultants, sessions
from creditsvc.consulting.consultants import Policy
from creditsvc.consulting.models import Booking
from creditsvc.consulting.reading import bookings_of, find_booking, steps_of
from creditsvc.consulting.verify_bookings import check_bookings
from creditsvc.core.errors import Conflict, Forbidden, NotFound, RuleBroken
from creditsvc.db import db
from creditsvc.ledger.verify import verify
from creditsvc.parties.access import operator
from creditsvc.parties.models import Person
from tests import factories as make
from tests.conftest import NOW
from tests.consulting.scenes import MORNING, at, book, do, fill, hours

pytestmark = pytest.mark.usefixtures("park")
OVER = MORNING + timedelta(hours=2)
WEEK = timedelta(days=7)


@pytest.fixture
def park(app: Flask) -> None:
    fill()


def words(as_of: datetime = OVER) -> tuple[int, int, int, int]:
    """(used, held, left, uncovered) of acme's hours, in minutes."""
    view = hours(as_of)
    assert verify(check_bookings)["differences"] == []
    return (view.drawn, view.held, view.remaining, view.uncovered)


def logged(minutes: int = 50, booked: int = 60, now: datetime = OVER) -> Booking:
    """A session that lee logged."""
    booking = book(minutes=booked)
    lee = make.caller(make.consultant("lee"), now)
    return do(lambda: sessions.log_session(lee, booking.uid, minutes=minutes, note="right-sizing"))


def test_a_session_that_is_logged_is_still_held_and_used_once_it_is_confirmed():
    booking = logged()
    assert words() == (0, 60, 540, 0)

    founder = make.make_member("acme")
    do(lambda: sessions.confirm(at(OVER, founder), booking.uid))
    again = do(lambda: sessions.confirm(at(OVER, founder), booking.uid))

    assert words() == (50, 0, 550, 0)
    assert (again.state, again.settled_minutes, again.settled_by) == ("confirmed", 50, founder.email)


def test_minutes_beyond_those_booked_are_drawn_or_nobodys_as_the_programme_says():
    booking = logged(minutes=80)
    do(lambda: sessions.confirm(at(OVER), booking.uid))
    assert words() == (80, 0, 520, 0)

    do(lambda: consultants.set_policy(at(NOW), "techconnect", Policy(excess="uncovered")))
    other = book(MORNING + timedelta(days=1))
    late = other.ends
    do(lambda: sessions.log_session(at(late), other.uid, minutes=80))
    do(lambda: sessions.confirm(at(late), other.uid))

    assert words(late) == (140, 0, 460, 20)


def test_an_excess_takes_nothing_that_somebody_booked():
    booking = logged(minutes=100, booked=60)
    book(MORNING + timedelta(days=1), 480)

    do(lambda: sessions.confirm(at(OVER), booking.uid))
    assert words() == (100, 480, 20, 0)

    do(lambda: sessions.correct(at(OVER), booking.uid, minutes=130, reason="it took longer"))
    assert words() == (120, 480, 0, 10)


def test_what_nobody_disputes_in_time_counts_as_confirmed():
    booking = logged()

    assert sessions.due_to_settle(OVER + WEEK - timedelta(seconds=1), 10) == []
    assert sessions.due_to_settle(OVER + WEEK, 10) == [booking.uid]
    early = do(lambda: sessions.settle_passed(operator(OVER), booking.uid))
    assert early.state == "logged"

    for _night in range(2):
        do(lambda: sessions.settle_passed(operator(OVER + WEEK), booking.uid))

    assert words() == (50, 0, 550, 0)
    with pytest.raises(Conflict):
        do(lambda: sessions.dispute(at(OVER + WEEK), booking.uid, reason="no"))


def test_a_dispute_waits_for_a_manager_who_decides_it():
    booking = logged()
    founder = make.make_member("acme")
    do(lambda: sessions.dispute(at(OVER, founder), booking.uid, reason="we were cut off after half an hour"))

    assert sessions.due_to_settle(OVER + WEEK, 10) == []
    with pytest.raises(Conflict):
        do(lambda: sessions.confirm(at(OVER, founder), booking.uid))
    for caller in (at(OVER, founder), make.caller(make.consultant("lee"), OVER)):
        with pytest.raises(Forbidden):
            do(lambda caller=caller: sessions.decide(caller, booking.uid, minutes=30))
    decided = do(lambda: sessions.decide(at(OVER), booking.uid, minutes=30, reason="the call log says so"))

    assert words() == (30, 0, 570, 0)
    assert (decided.state, decided.settled_minutes) == ("confirmed", 30)


def test_a_dispute_decided_with_nothing_frees_all():
    booking = logged()
    do(lambda: sessions.dispute(at(OVER), booking.uid, reason="nobody called"))

    do(lambda: sessions.decide(at(OVER), booking.uid, minutes=0))

    assert words() == (0, 0, 600, 0)


def test_disputing_after_the_days_is_too_late():
    booking = logged()

    with pytest.raises(Conflict) as refusal:
        do(lambda: sessions.dispute(at(OVER + WEEK), booking.uid, reason="late"))

    assert refusal.value.code == "too-late"


@pytest.mark.parametrize("percent, used", [(100, 60), (33, 20), (0, 0)])
def test_a_no_show_uses_what_the_programme_says(percent: int, used: int):
    do(lambda: consultants.set_policy(at(NOW), "techconnect", Policy(no_show_percent=percent)))
    booking = book()
    lee = make.caller(make.consultant("lee"), OVER)

    for _again in range(2):
        do(lambda: sessions.no_show(lee, booking.uid))

    assert words() == (used, 0, 600 - used, 0)


def test_a_session_is_corrected_afterwards_up_and_down():
    booking = logged(minutes=50)
    do(lambda: sessions.confirm(at(OVER), booking.uid))

    for minutes in (20, 60, 75, 0, 50, 50):
        do(lambda minutes=minutes: sessions.correct(at(OVER), booking.uid, minutes=minutes, reason="looked it up"))
        assert words() == (minutes, 0, 600 - minutes, 0)

    with pytest.raises(RuleBroken):
        do(lambda: sessions.correct(at(OVER), booking.uid, minutes=1, reason=" "))


def test_a_late_cancellation_and_a_no_show_can_be_forgiven():
    founder = make.make_member("acme")
    cancelled, missed = book(), book(MORNING + timedelta(hours=2))
    do(lambda: bookings.cancel(at(MORNING - timedelta(hours=1), founder), cancelled.uid))
    do(lambda: sessions.no_show(at(OVER), missed.uid))
    assert hours(MORNING + timedelta(hours=5)).drawn == 90

    for booking in (cancelled, missed):
        do(lambda booking=booking: sessions.correct(at(OVER), booking.uid, minutes=0, reason="an accident"))

    assert words(MORNING + timedelta(hours=5)) == (0, 0, 600, 0)


def test_steps_out_of_their_order_are_refused():
    booking = book()
    for act in (sessions.confirm, lambda caller, uid: sessions.dispute(caller, uid, reason="x"),
                lambda caller, uid: sessions.decide(caller, uid, minutes=1),
                lambda caller, uid: sessions.correct(caller, uid, minutes=1, reason="x")):
        with pytest.raises(Conflict):
            do(lambda act=act: act(at(OVER), booking.uid))
    for act in (sessions.no_show, lambda caller, uid: sessions.log_session(caller, uid, minutes=1)):
        with pytest.raises(Conflict) as refusal:
            do(lambda act=act: act(at(MORNING - timedelta(seconds=1)), booking.uid))
        assert refusal.value.code == "not-begun"
    do(lambda: bookings.cancel(at(NOW), booking.uid))
    for act in (sessions.no_show, sessions.confirm, lambda caller, uid: sessions.log_session(caller, uid, minutes=1)):
        with pytest.raises(Conflict):
            do(lambda act=act: act(at(OVER), booking.uid))


def test_only_the_sessions_consultant_logs_it():
    booking = book()
    with pytest.raises(NotFound):
        do(lambda: sessions.log_session(make.caller(make.consultant("wong"), OVER), booking.uid, minutes=1))
    with pytest.raises(Forbidden):
        do(lambda: sessions.log_session(at(OVER, make.make_member("acme")), booking.uid, minutes=1))
    with pytest.raises(Forbidden):
        do(lambda: sessions.no_show(at(OVER, make.make_member("acme")), booking.uid))
    with pytest.raises(NotFound):
        do(lambda: sessions.confirm(at(OVER, make.make_member("other")), booking.uid))


@pytest.mark.parametrize("minutes", [0, -1, 1441])
def test_minutes_that_no_session_takes_are_refused(minutes: int):
    booking = book()

    with pytest.raises(RuleBroken) as refusal:
        do(lambda: sessions.log_session(at(OVER), booking.uid, minutes=minutes))

    assert refusal.value.field == "minutes"


def test_a_session_that_nobody_booked_draws_what_is_not_held():
    book(MORNING + timedelta(days=1), 480)
    made = do(lambda: sessions.log_unbooked(
        at(OVER), startup="acme", consultant="wong", topic="Urgent", starts=MORNING, minutes=150,
    ))

    assert words() == (120, 480, 0, 30)
    do(lambda: sessions.correct(at(OVER), made.uid, minutes=90, reason="shorter"))
    assert words() == (90, 480, 30, 0)
    with pytest.raises(Conflict):
        do(lambda: sessions.log_unbooked(
            at(OVER), startup="acme", consultant="wong", topic="Again", starts=MORNING, minutes=10,
        ))
    with pytest.raises(RuleBroken):
        do(lambda: sessions.log_unbooked(
            at(OVER), startup="acme", consultant="lee", topic="Later", starts=OVER + timedelta(minutes=1), minutes=10,
        ))


def test_a_correction_within_the_length_booked_is_drawn_whatever_the_policy():
    """Only minutes beyond those booked are nobody's."""
    do(lambda: consultants.set_policy(at(NOW), "techconnect", Policy(excess="uncovered")))
    booking = logged(minutes=30)
    do(lambda: sessions.confirm(at(OVER), booking.uid))

    do(lambda: sessions.correct(at(OVER), booking.uid, minutes=60, reason="the call log says so"))
    assert words() == (60, 0, 540, 0)
    do(lambda: sessions.correct(at(OVER), booking.uid, minutes=75, reason="and longer"))
    assert words() == (60, 0, 540, 15)
    do(lambda: sessions.correct(at(OVER), booking.uid, minutes=30, reason="no, the first was right"))
    assert words() == (30, 0, 570, 0)


def test_what_counts_by_now_is_not_logged_again_whether_or_not_a_night_has_run():
    booking = logged()
    lee = make.caller(make.consultant("lee"), OVER + WEEK)

    for act in (
        lambda: sessions.log_session(lee, booking.uid, minutes=600), lambda: sessions.no_show(lee, booking.uid),
    ):
        with pytest.raises(Conflict):
            do(act)
    with pytest.raises(Conflict) as refusal:
        do(lambda: sessions.log_session(at(OVER + WEEK), booking.uid, minutes=600))

    assert refusal.value.code == "counts-already"
    assert words() == (0, 60, 540, 0)


def test_a_session_that_is_logged_becomes_a_no_show_by_a_managers_word_alone():
    booking = logged()
    with pytest.raises(Conflict):
        do(lambda: sessions.no_show(make.caller(make.consultant("lee"), OVER), booking.uid))

    do(lambda: sessions.no_show(at(OVER), booking.uid))

    assert words() == (60, 0, 540, 0)


def test_minutes_that_changed_since_they_were_read_are_not_confirmed():
    booking = logged(minutes=50)
    do(lambda: sessions.log_session(at(OVER), booking.uid, minutes=600))

    with pytest.raises(Conflict, match="600 minutes are logged by now, not 50") as refusal:
        do(lambda: sessions.confirm(at(OVER, make.make_member("acme")), booking.uid, minutes=50))

    assert (refusal.value.field, refusal.value.code) == ("minutes", "changed")
    assert words() == (0, 60, 540, 0)


def test_who_is_no_consultant_any_more_sees_no_session():
    booking = logged()
    lee = make.consultant("lee")
    assert find_booking(make.caller(lee), booking.uid).uid == booking.uid
    do(lambda: db.session.execute(update(Person).where(Person.email == lee.email).values(role="partner")))

    former = make.caller(make.consultant("lee"), OVER)

    assert bookings_of(former) == []
    with pytest.raises(NotFound):
        find_booking(former, booking.uid)
    with pytest.raises(NotFound):
        do(lambda: sessions.log_session(former, booking.uid, minutes=1))


def test_steps_that_would_be_refused_are_not_offered():
    booking = logged()
    founder, lee = make.make_member("acme"), make.consultant("lee")

    def offered(person: Person, now: datetime) -> list[str]:
        caller = make.caller(person, now)
        return steps_of(caller, find_booking(caller, booking.uid))

    assert (offered(founder, OVER), offered(founder, OVER + WEEK)) == (["confirm", "dispute"], ["confirm"])
    assert (offered(lee, OVER), offered(lee, OVER + WEEK)) == (["log"], [])
