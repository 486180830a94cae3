"""Who is written to about a session, of what, on whose clock, with which invitation; each once; on both databases."""

from collections.abc import Callable
from datetime import datetime, timedelta

import icalendar
import pytest
from flask import Flask
from sqlalchemy import select, update

from creditsvc.config import Config
from creditsvc.consulting import bookings, sessions
from creditsvc.consulting.consultants import edit_consultant
from creditsvc.consulting.letters import queue_letters, remind, told
from creditsvc.consulting.models import Booking
from creditsvc.core.errors import Conflict
from creditsvc.db import db
from creditsvc.mail.models import OutboxMail
from creditsvc.parties.access import Caller
from creditsvc.parties.models import Person
from creditsvc.parties.operations import edit_person
from tests import factories as make
from tests.conftest import NOW
from tests.consulting.scenes import MORNING, at, do, fill

pytestmark = pytest.mark.usefixtures("park")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LEE, OWNER, BOOKER, MANAGER = "lee@park.example", "owner@acme.example", "member@acme.example", "manager@park.example"


@pytest.fixture
def park(app: Flask) -> None:
    fill()
    make.make_member("acme", OWNER)
    make.make_member("acme", BOOKER, role="member")
    make.make_member("acme", "idle@acme.example", role="member")
    make.make_member("other", "owner@other.example")
    make.make_person(MANAGER, role="manager")
    make.make_person("admin@park.example", role="administrator")
    make.make_person("elsewhere@park.example", role="manager", programme_ids=[make.make_programme().id])


def person(email: str) -> Person:
    return do(lambda: db.session.execute(select(Person).where(Person.email == email)).scalar_one())


def step(config: Config, caller: Caller, act: Callable[[Caller], Booking]) -> Booking:
    return do(lambda: told(lambda: act(caller), caller, config))


def booked(config: Config, by: str = BOOKER, starts: datetime = MORNING) -> Booking:
    return step(config, at(NOW, person(by)), lambda caller: bookings.book(
        caller, startup="acme", consultant="lee", topic="Cloud costs", starts=starts, minutes=60,
    ))


def mails(kind: str | None = None) -> dict[str, OutboxMail]:
    """By address, those of a kind or all, of which there must be one each."""
    found = [mail for mail in db.session.scalars(select(OutboxMail)) if kind is None or mail.kind == f"session-{kind}"]
    db.session.rollback()
    by_address = {mail.to_address: mail for mail in found}
    assert len(by_address) == len(found)
    return by_address


def events(kind: str) -> list[icalendar.Event]:
    calendars = [icalendar.Calendar.from_ical(mail.calendar) for mail in mails(kind).values()]
    return [event for calendar in calendars for event in calendar.events]


def test_who_is_no_consultant_any_more_hears_of_no_session(config: Config):
    do(lambda: edit_person(make.somebody(), LEE, name="Lee", role=None))

    booked(config)

    assert set(mails("booked")) == {OWNER, BOOKER}


def test_a_booking_is_told_to_its_consultant_the_owners_and_whoever_booked(config: Config):
    booking = booked(config)

    found = mails("booked")
    assert set(found) == {LEE, OWNER, BOOKER}
    for address, mail in found.items():
        calendar = icalendar.Calendar.from_ical(mail.calendar)
        [event] = calendar.events
        assert (str(calendar["METHOD"]), str(event["UID"]), event["SEQUENCE"]) == ("REQUEST", booking.uid, 0)
        assert str(event["ATTENDEE"]) == f"mailto:{address}"
        assert event["DTSTART"].dt == MORNING
        assert f"/bookings/{booking.uid}" in mail.text
        assert "Wednesday, 17 June 2026, 09:00–10:00 (Asia/Hong_Kong, UTC+08:00)" in mail.text
        assert all(other not in mail.calendar + mail.text for other in {LEE, OWNER, BOOKER} - {address})
    assert "SUMMARY:Cloud costs (Harbour Robotics)" in found[LEE].calendar
    assert "SUMMARY:Cloud costs (Lee)" in found[OWNER].calendar


def test_an_owner_who_books_gets_one_mail_and_a_manager_who_books_one_too(config: Config):
    booked(config, OWNER)

    assert set(mails()) == {LEE, OWNER}
    step(config, at(NOW, person(MANAGER)), lambda caller: bookings.book(
        caller, startup="acme", consultant="wong", topic="Data", starts=MORNING, minutes=60,
    ))
    with_wong = [mail.to_address for mail in db.session.scalars(select(OutboxMail)) if "Data" in mail.subject]
    assert sorted(with_wong) == sorted(["wong@park.example", OWNER, MANAGER])


def test_a_move_and_a_cancellation_keep_the_uid_raise_the_sequence_and_are_told_once(config: Config):
    booking = booked(config)
    founder = person(OWNER)

    for _ in range(2):
        step(config, at(NOW, founder), lambda caller: bookings.move(
            caller, booking.uid, starts=MORNING + HOUR, minutes=30
        ))
    for _ in range(2):
        step(config, at(NOW + DAY, founder), lambda caller: bookings.cancel(caller, booking.uid, reason="We are ill"))

    assert set(mails("changed")) == set(mails("cancelled")) == {LEE, OWNER, BOOKER}
    assert "Until now: Wednesday, 17 June 2026, 09:00–10:00" in mails("changed")[LEE].text
    assert "10:00–10:30" in mails("changed")[LEE].text
    assert "Why: We are ill" in mails("cancelled")[LEE].text
    assert "METHOD:CANCEL" in mails("cancelled")[LEE].calendar
    for number, kind in enumerate(("booked", "changed", "cancelled")):
        assert {(str(event["UID"]), event["SEQUENCE"]) for event in events(kind)} == {(booking.uid, number)}
    assert {str(event["STATUS"]) for event in events("cancelled")} == {"CANCELLED"}


def test_a_step_that_is_refused_is_told_to_nobody(config: Config):
    booked(config)

    with pytest.raises(Conflict):
        booked(config)

    assert len(mails()) == 3


def test_what_was_logged_is_told_to_the_startup_and_a_dispute_to_those_who_look_after_it(config: Config):
    booking = booked(config)
    over = booking.ends

    step(config, at(over, person(LEE)), lambda caller: sessions.log_session(
        caller, booking.uid, minutes=45, note="Drew the network"
    ))
    step(config, at(over + DAY, person(OWNER)), lambda caller: sessions.dispute(
        caller, booking.uid, reason="It was half an hour"
    ))

    logged, disputed = mails("logged"), mails("disputed")
    assert set(logged) == {OWNER, BOOKER}
    assert "until 24 June 2026, 10:00 (UTC+8)" in logged[OWNER].text
    assert "Noted: 45 minutes" in logged[OWNER].text
    assert logged[OWNER].calendar is None
    assert set(disputed) == {MANAGER}
    assert "What they say: It was half an hour" in disputed[MANAGER].text


def test_minutes_that_nobody_disputed_are_told_to_all_three_and_what_was_confirmed_to_nobody(config: Config):
    booking = booked(config)
    step(config, at(booking.ends, person(LEE)), lambda caller: sessions.log_session(caller, booking.uid, minutes=45))

    for _ in range(2):
        step(config, make.somebody(booking.ends + 8 * DAY), lambda caller: sessions.settle_passed(caller, booking.uid))

    assert set(mails("confirmed")) == {LEE, OWNER, BOOKER}
    assert "Used: 45 minutes" in mails("confirmed")[LEE].text


def test_what_a_manager_decides_corrects_or_notes_is_told_to_those_who_were_there(config: Config):
    booking = booked(config)
    over = booking.ends
    step(config, at(over, person(LEE)), lambda caller: sessions.log_session(caller, booking.uid, minutes=45))
    step(config, at(over, person(OWNER)), lambda caller: sessions.dispute(caller, booking.uid, reason="No"))

    step(config, at(over + DAY, person(MANAGER)), lambda caller: sessions.decide(caller, booking.uid, minutes=30))

    assert set(mails("settled")) == {LEE, OWNER, BOOKER}
    assert "Used: 30 minutes" in mails("settled")[OWNER].text
    step(config, at(over + DAY, person(MANAGER)), lambda caller: sessions.log_unbooked(
        caller, startup="acme", consultant="wong", topic="Data", starts=MORNING, minutes=20,
    ))
    unbooked = [mail.to_address for mail in db.session.scalars(select(OutboxMail)) if "Data" in mail.subject]
    assert sorted(unbooked) == sorted(["wong@park.example", OWNER, MANAGER])


def test_a_no_show_is_told_to_the_startup(config: Config):
    booking = booked(config)

    step(config, at(booking.ends, person(LEE)), lambda caller: sessions.no_show(caller, booking.uid))

    assert set(mails("no-show")) == {OWNER, BOOKER}


def test_a_reminder_is_sent_once_to_those_who_were_not_just_told(config: Config):
    booking = booked(config)

    def reminded(now: datetime, until: datetime = MORNING + DAY) -> int:
        return do(lambda: remind(config, now, until))

    assert reminded(NOW + HOUR) == 0  # just booked
    assert reminded(NOW + DAY, MORNING - HOUR) == 0  # too far away
    assert reminded(NOW + DAY) == 1
    assert reminded(NOW + DAY) == 0
    assert set(mails("reminder")) == {LEE, OWNER, BOOKER}
    step(config, at(NOW + DAY, person(MANAGER)), lambda caller: bookings.cancel(caller, booking.uid))
    assert reminded(NOW + DAY + HOUR) == 0


def test_everybody_is_written_to_on_their_own_clock(config: Config):
    do(lambda: edit_consultant(make.somebody(), "lee", timezone="Europe/London"))

    booked(config, starts=MORNING + 8 * HOUR)

    assert "10:00–11:00 (Europe/London, UTC+01:00)" in mails()[LEE].text
    assert "17:00–18:00 (Asia/Hong_Kong, UTC+08:00)" in mails()[OWNER].text


def test_who_is_gone_hears_nothing_and_an_address_that_nobody_takes_holds_nothing_up(config: Config):
    booking = booked(config)

    def change() -> None:
        db.session.execute(update(Person).where(Person.email == LEE).values(active=False))
        db.session.execute(update(Person).where(Person.email == OWNER).values(email="no address"))

    do(change)
    do(lambda: queue_letters(db.session.merge(booking), "reminder", config, NOW))

    assert set(mails("reminder")) == {BOOKER}


def test_whoever_booked_and_is_no_longer_of_the_startup_hears_no_more_of_it(config: Config):
    booking = booked(config)
    do(lambda: make.parties.end_membership(make.somebody(), startup="acme", email=BOOKER))

    step(config, at(NOW, person(OWNER)), lambda caller: bookings.cancel(caller, booking.uid))

    assert set(mails("cancelled")) == {LEE, OWNER}


def test_who_chose_a_language_and_a_clock_is_written_to_in_them(config: Config):
    chosen = {"language": "zh_Hant", "time_zone": "America/New_York"}
    do(lambda: db.session.execute(update(Person).where(Person.email == OWNER).values(**chosen)))

    booked(config)

    text = mails("booked")[OWNER].text
    assert "2026年6月16日星期二 21:00–22:00 (America/New_York, UTC-04:00)" in text.replace(", 21", " 21")
    assert "諮詢" in text
    assert "Session" not in text
