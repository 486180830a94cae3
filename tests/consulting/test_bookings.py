"""Booking, moving and cancelling: hours are held, a consultant sits in one session at a time; on both databases."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from creditsvc.consulting import bookings, consultants
from creditsvc.consulting.consultants import Policy
from creditsvc.consulting.verify_bookings import check_bookings
from creditsvc.core.errors import Conflict, Forbidden, NotFound, RuleBroken
from creditsvc.db import db
from creditsvc.ledger.verify import verify
from creditsvc.parties.models import TrailEntry
from tests import factories as make
from tests.conftest import NOW
from tests.consulting.scenes import JULY, MORNING, at, book, do, fill, hours

pytestmark = pytest.mark.usefixtures("park")
HOUR = timedelta(hours=1)


@pytest.fixture
def park(app: Flask) -> None:
    fill()


def words() -> tuple[int, int, int]:
    """(used, held, left) of acme's hours now, in minutes."""
    view = hours()
    return (view.drawn, view.held, view.remaining)


def test_a_booking_holds_its_minutes_and_is_in_the_trail():
    booking = book(minutes=90)

    assert words() == (0, 90, 510)
    assert (booking.state, booking.starts, booking.ends - booking.starts) == ("booked", MORNING, 1.5 * HOUR)
    entry = db.session.scalars(select(TrailEntry).where(TrailEntry.subject == f"booking:{booking.uid}")).one()
    assert (entry.action, entry.after["consultant"], entry.after["minutes"]) == ("booking.made", "lee", 90)
    assert verify(check_bookings)["differences"] == []


@pytest.mark.parametrize("starts, minutes", [
    (MORNING, 60), (MORNING + timedelta(minutes=30), 60), (MORNING - timedelta(minutes=30), 60), (MORNING, 30),
])  # fmt: skip
def test_a_consultant_sits_in_one_session_at_a_time(starts: datetime, minutes: int):
    book()

    with pytest.raises(Conflict, match="Lee has no free slot") as refusal:
        book(starts, minutes)

    assert (refusal.value.field, refusal.value.code) == ("starts", "not-free")
    assert words() == (0, 60, 540)
    book(consultant="wong")
    book(MORNING + HOUR)


@pytest.mark.parametrize("starts", [
    datetime(2026, 6, 17, 0, 30, tzinfo=UTC), datetime(2026, 6, 17, 1, 10, tzinfo=UTC),  # not open; no step
    datetime(2026, 6, 20, 1, tzinfo=UTC), NOW + HOUR, NOW - HOUR,  # a Saturday; too soon; over
])  # fmt: skip
def test_only_a_free_slot_can_be_booked(starts: datetime):
    with pytest.raises(Conflict):
        book(starts)

    assert words() == (0, 0, 600)


def test_more_than_is_left_for_the_day_is_refused_naming_it():
    book(minutes=480)
    book(MORNING, 60, consultant="wong")

    with pytest.raises(RuleBroken, match=r"1 hours can be booked for 2026-06-18, not 1\.5") as refusal:
        book(MORNING + timedelta(days=1), 90)

    assert (refusal.value.field, refusal.value.code) == ("minutes", "not-available")
    assert words() == (0, 540, 60)
    book(JULY + timedelta(days=1, hours=9), 480)  # July has hours of its own


@pytest.mark.parametrize("minutes", [0, 10, 20, 495, -60])
def test_a_length_that_is_none_is_refused(minutes: int):
    with pytest.raises(RuleBroken) as refusal:
        book(minutes=minutes)

    assert refusal.value.field == "minutes"


def test_who_has_no_hours_or_several_kinds_is_asked():
    with pytest.raises(RuleBroken, match="other has been granted no hours"):
        book(startup="other")
    make.make_resource("legal", "hours", None, None)
    make.make_pool("lawyers", "100", resource="legal")
    make.make_grant("acme", "lawyers", "2", effective=datetime(2026, 6, 1).date(), expires=None)

    with pytest.raises(RuleBroken, match="say which hours: consulting, legal"):
        book()
    book(resource="legal")

    assert make.account_of("acme", NOW, "legal").held == 60


def test_the_startups_people_book_for_it_alone():
    founder, stranger = make.caller(make.make_member("acme")), make.caller(make.make_member("other"))
    booking = book(caller=founder)

    for caller in (stranger, make.caller(make.consultant("wong"))):
        with pytest.raises(NotFound):
            book(MORNING + HOUR, caller=caller)
        with pytest.raises(NotFound):
            do(lambda caller=caller: bookings.cancel(caller, booking.uid))
        with pytest.raises(NotFound):
            do(lambda caller=caller: bookings.move(caller, booking.uid, starts=MORNING + HOUR, minutes=60))
    with pytest.raises(Forbidden):
        book(MORNING + HOUR, caller=make.caller(make.make_person(role="auditor")))
    assert words() == (0, 60, 540)


def test_a_session_is_moved_with_its_hold_and_the_old_slot_is_free_again():
    booking = book(minutes=480)
    moved = do(lambda: bookings.move(at(NOW), booking.uid, starts=MORNING + timedelta(days=1), minutes=450))

    assert (moved.uid, moved.sequence, moved.starts) == (booking.uid, 1, MORNING + timedelta(days=1))
    assert words() == (0, 450, 150)
    again = do(lambda: bookings.move(at(NOW), booking.uid, starts=MORNING + timedelta(days=1), minutes=450))
    assert again.sequence == 1  # it is there already
    book(minutes=60)
    do(lambda: bookings.move(at(NOW), booking.uid, starts=MORNING + timedelta(days=1), minutes=480))  # over itself
    assert words() == (0, 540, 60)
    assert verify(check_bookings)["differences"] == []


def test_a_move_to_where_no_hours_are_changes_nothing():
    booking = book()

    with pytest.raises(RuleBroken, match="0 hours can be booked for 2026-08-03"):
        do(lambda: bookings.move(at(NOW), booking.uid, starts=datetime(2026, 8, 3, 1, tzinfo=UTC), minutes=60))

    db.session.rollback()
    assert words() == (0, 60, 540)
    assert db.session.get_one(type(booking), booking.id).sequence == 0


def test_a_cancelled_session_costs_nothing_in_time_and_twice_is_once():
    booking = book()
    founder = make.make_member("acme")
    do(lambda: bookings.cancel(at(NOW, founder), booking.uid, reason="ill"))
    batch = hours().batch

    again = do(lambda: bookings.cancel(at(NOW, founder), booking.uid))

    assert (again.state, again.sequence, again.note, again.settled_minutes) == ("cancelled", 1, "ill", 0)
    assert (words(), hours().batch) == ((0, 0, 600), batch)
    book()


def test_a_late_cancellation_by_the_startup_uses_what_its_programme_says():
    do(lambda: consultants.set_policy(at(NOW), "techconnect", Policy(late_hours=24, late_percent=33)))
    founder = make.make_member("acme")
    late, kept = book(minutes=75), book(MORNING + 5 * HOUR)
    by_staff, by_consultant = book(MORNING + 2 * HOUR), book(MORNING + 4 * HOUR)
    soon = MORNING - timedelta(hours=23)

    do(lambda: bookings.cancel(at(soon, founder), late.uid))
    do(lambda: bookings.cancel(at(soon), by_staff.uid))
    do(lambda: bookings.cancel(make.caller(make.consultant("lee"), soon), by_consultant.uid))

    view = hours(MORNING)
    assert (view.drawn, view.held, view.remaining) == (25, 60, 515)  # 33 percent of 75 minutes are 24.75
    with pytest.raises(Conflict) as refusal:
        do(lambda: bookings.move(at(MORNING - 18 * HOUR, founder), kept.uid, starts=MORNING, minutes=60))
    assert refusal.value.code == "too-late"
    assert verify(check_bookings)["differences"] == []


@pytest.mark.parametrize("role", ["auditor", "consultant"])
def test_one_of_the_startups_people_is_late_whatever_else_they_are(role):
    person = make.make_person("both@acme.example", role)
    make.make_member("acme", person.email)
    late, begun = book(), book(MORNING + 2 * HOUR)

    do(lambda: bookings.cancel(at(MORNING - HOUR, person), late.uid))
    with pytest.raises(Conflict) as refusal:
        do(lambda: bookings.cancel(at(MORNING + 3 * HOUR, person), begun.uid))

    assert hours(MORNING).drawn == 30
    assert refusal.value.code == "begun"


def test_a_booking_keeps_what_was_said_when_it_was_made():
    booking = book()
    do(lambda: consultants.set_policy(at(NOW), "techconnect", Policy(late_percent=100)))

    do(lambda: bookings.cancel(at(MORNING - HOUR, make.make_member("acme")), booking.uid))

    assert hours(MORNING).drawn == 30


def test_what_has_begun_is_not_cancelled_by_the_startup():
    booking = book()

    with pytest.raises(Conflict) as refusal:
        do(lambda: bookings.cancel(at(MORNING, make.make_member("acme")), booking.uid))

    assert refusal.value.code == "begun"


def test_a_session_that_ends_after_its_grant_is_of_the_hours_of_its_start():
    """Lee works nights that week; June's hours end at midnight."""
    do(lambda: consultants.set_weekly_hours(at(NOW), "lee", [consultants.Weekly(1, 22 * 60, 26 * 60)]))
    booking = book(JULY - timedelta(minutes=30))

    assert booking.ends > JULY
    assert hours().held == 60
    june, july = hours().lots
    assert (june.standing.held, july.standing.held) == (60, 0)
    assert hours(JULY).held == 60  # it outlives its lot until it is resolved (L14)


@pytest.mark.parametrize("topic", ["", " ", "x" * 201, "a\nb", "a\x00b", "a\ud800b", "a\u2028b"])
def test_a_topic_is_a_few_words_on_one_line(topic: str):
    with pytest.raises(RuleBroken) as refusal:
        book(topic=topic)

    assert refusal.value.field == "topic"
    assert words() == (0, 0, 600)


@pytest.mark.parametrize("reason", ["x" * 2001, "a\x00b", "a\ud800b"])
def test_a_reason_that_cannot_be_kept_is_refused(reason: str):
    booking = book()

    with pytest.raises(RuleBroken) as refusal:
        do(lambda: bookings.cancel(at(NOW), booking.uid, reason=reason))

    assert refusal.value.field == "reason"
    assert words() == (0, 60, 540)


def test_the_trail_keeps_what_a_cancelled_session_was_before():
    booking = book()
    do(lambda: bookings.cancel(at(NOW), booking.uid))

    entry = db.session.scalars(select(TrailEntry).where(TrailEntry.action == "booking.cancelled")).one()
    assert (entry.before["state"], entry.after["minutes_used"]) == ("booked", 0)
