"""Pages of sessions: the founder books and confirms, the consultant logs, the manager decides and looks after all."""

import csv
import io
from contextvars import Context
from datetime import date, timedelta

import openpyxl
import pytest
from flask import Flask

from creditsvc.consulting import consultants, sessions
from creditsvc.db import db
from creditsvc.mail.models import OutboxMail
from tests import factories as make
from tests.conftest import NOW
from tests.consulting.scenes import MORNING, at, book, do, fill, hours
from tests.counting import queries

SLOT = "2026-06-17T01:00:00Z"
OVER = MORNING + timedelta(hours=2)


@pytest.fixture
def park(app: Flask) -> Flask:
    fill()
    return app


@pytest.fixture
def founder(park, browse_as):
    return browse_as(make.make_member("acme", "founder@acme.example"))


@pytest.fixture
def manager(park, browse_as):
    return browse_as(make.make_person("boss@park.example", "manager"))


@pytest.fixture
def lee(park, browse_as):
    return browse_as(make.consultant("lee"))


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch):
    """Lets the session be over."""
    return lambda now=OVER: monkeypatch.setattr("creditsvc.clock.now", lambda: now)


def logged(minutes: int = 75):
    booking = book()
    return do(lambda: sessions.log_session(at(OVER, make.consultant("lee")), booking.uid, minutes=minutes))


def test_a_founder_picks_a_free_slot_and_books_it(founder):
    page = founder.get("/startups/acme/hours/book?consultant=lee&minutes=60&day=2026-06-17")
    assert SLOT in page.html
    booked = founder.submit(page, {"topic": "Cloud costs", "starts": SLOT}, "/startups/acme/hours/book")

    shown = founder.follow(booked)

    assert "Cloud costs" in shown.text
    assert "Booked" in shown.text
    assert (hours().held, hours().remaining) == (60, 540)
    assert db.session.query(OutboxMail).count() == 2  # the founder's and the consultant's invitation
    assert SLOT not in founder.get("/startups/acme/hours/book?consultant=lee&minutes=60&day=2026-06-17").html


def test_the_same_form_sent_twice_books_once(founder):
    page = founder.get("/startups/acme/hours/book?consultant=lee&minutes=60&day=2026-06-17")
    form = page.form("/startups/acme/hours/book")
    sent = {**form.fields, "topic": "Cloud costs", "starts": SLOT}

    first, second = (founder.post(form.action, sent) for _ in range(2))

    assert first.location == second.location
    assert hours().held == 60


def test_a_slot_that_is_gone_is_refused_at_its_place_with_what_was_typed(founder):
    page = founder.get("/startups/acme/hours/book?consultant=lee&minutes=60&day=2026-06-17")
    book()

    refused = founder.submit(page, {"topic": "Cloud costs", "starts": SLOT}, "/startups/acme/hours/book")

    assert refused.status == 409
    assert "no free slot" in refused.text
    assert 'value="Cloud costs"' in refused.html


def test_more_hours_than_there_are_left_names_them(founder):
    book(minutes=480)
    page = founder.get("/startups/acme/hours/book?consultant=wong&minutes=180&day=2026-06-17")

    refused = founder.submit(page, {"topic": "Cloud costs", "starts": SLOT}, "/startups/acme/hours/book")

    assert (refused.status, "2 hours can be booked for 2026-06-17, not 3" in refused.text) == (422, True)


def test_the_hours_page_says_what_is_left_booked_used_until_when_and_by_topic(founder):
    book()

    page = founder.get("/startups/acme/hours")

    assert "9 hours can still be booked" in page.text.replace("  ", " ")
    assert "until 30 Jun 2026" in page.text
    assert "Not yet usable" in page.text  # July's
    assert "Cloud costs" in page.text


def test_a_founder_moves_and_cancels(founder):
    uid = book().uid
    page = founder.get(f"/bookings/{uid}/move?day=2026-06-18&minutes=90")

    moved = founder.follow(founder.submit(page, {"starts": "2026-06-18T02:00:00Z"}, f"/bookings/{uid}/move"))
    assert "18 Jun 2026, 10:00" in moved.text
    assert hours().held == 90
    cancelled = founder.follow(founder.submit(moved, {"reason": "ill"}, f"/bookings/{uid}/cancel"))

    assert "Cancelled" in cancelled.text
    assert hours().remaining == 600


@pytest.mark.parametrize("typed, status", [
    ({"starts": "2026-06-17T03:00:00Z"}, 409), ({"minutes": "9999"}, 422), ({"minutes": "9" * 5000}, 422),
])
def test_a_move_that_is_refused_says_why_on_its_page(founder, typed, status):
    uid = book().uid
    book(MORNING + timedelta(hours=2))
    page = founder.get(f"/bookings/{uid}/move?day=2026-06-17")

    refused = founder.submit(page, {"starts": "2026-06-17T06:00:00Z", **typed}, f"/bookings/{uid}/move")

    assert refused.status == status
    assert ("has no free slot of 60 minutes" in refused.text) is (status == 409)
    assert "2026-06-17T06:00:00Z" in refused.html
    assert hours().held == 120


def test_a_consultant_logs_in_two_taps_and_the_founder_confirms(lee, founder, later):
    uid = book().uid
    later()
    first = lee.follow(lee.get("/"))
    assert first.url == "/sessions"
    assert "15 minutes more" in first.text

    assert lee.submit(first, {"minutes": "75", "note": "right-sizing"}, f"/bookings/{uid}/log").location == "/sessions"
    waiting = founder.get("/startups/acme/hours")
    assert "Lee logged 1 h 15 min of 1 hour booked. right-sizing" in waiting.text
    confirmed = founder.follow(founder.submit(waiting, {}, f"/bookings/{uid}/confirm"))

    assert "The session is confirmed." in confirmed.text
    assert (hours(OVER).drawn, hours(OVER).held, hours(OVER).remaining) == (75, 0, 525)


def test_a_dispute_is_decided_and_corrected_by_a_manager(founder, manager, later):
    uid = logged().uid
    later()
    page = founder.get(f"/bookings/{uid}")
    assert founder.submit(page, {"reason": ""}, f"/bookings/{uid}/dispute").status == 422
    founder.submit(page, {"reason": "we were cut off"}, f"/bookings/{uid}/dispute")

    assert "Cloud costs" in manager.get("/consulting").text
    shown = manager.follow(
        manager.submit(f"/bookings/{uid}", {"minutes": "30", "reason": "call log"}, f"/bookings/{uid}/decide")
    )
    assert "we were cut off" in shown.text
    assert hours(OVER).drawn == 30
    manager.submit(shown, {"minutes": "45", "reason": "looked again"}, f"/bookings/{uid}/correct")

    assert hours(OVER).drawn == 45


def test_a_manager_sees_utilisation_and_what_will_expire_unbooked(manager, later):
    logged()
    later()

    page = manager.get("/consulting?from=2026-06-01&to=2026-06-30")

    assert "1 %" in page.text
    assert "Lee" in page.text
    assert "TechConnect" in page.text
    assert "30 Jun 2026" in page.text
    assert manager.get("/consulting/bookings?state=logged").text.count("Cloud costs") == 1
    assert "There are none." in manager.get("/consulting/bookings?state=disputed").text


def test_a_session_that_was_not_booked_is_logged_by_a_manager(manager, later):
    later()

    done = manager.follow(manager.submit("/consulting/unbooked", {
        "startup": "acme", "consultant": "lee", "topic": "A call", "day": "2026-06-17", "time": "09:00",
        "minutes": "45",
    }))

    assert "A call" in done.text
    assert hours(OVER).drawn == 45


def test_hours_by_month_and_their_export_for_an_invoice(lee, later):
    uid = logged().uid
    make.do(lambda: sessions.confirm(at(OVER), uid))
    later()
    assert "June 2026" in lee.get("/sessions/hours").text

    text = lee.get("/sessions/export.csv?month=2026-06").response.data.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    workbook = Context().run(lambda: lee.client.get("/sessions/export.xlsx?month=2026-06").data)
    sheet = openpyxl.load_workbook(io.BytesIO(workbook)).active

    assert [(row["Key"], row["Minutes booked"], row["Minutes used"], row["Hours used"]) for row in rows] == [
        ("acme", "60", "75", "1.25")
    ]
    assert [cell.value for cell in sheet[2]][8] == 75
    assert lee.get("/sessions/export.csv?month=June").status == 422
    assert lee.get("/sessions/export.pdf").status == 404


def test_an_invoice_takes_the_rate_that_held_when_the_session_was_logged(lee, later):
    make.do(lambda: consultants.edit_consultant(at(NOW), "lee", rate="800", currency="HKD"))
    logged()
    make.do(lambda: consultants.edit_consultant(at(OVER), "lee", rate="1200", currency="HKD"))
    later()

    text = lee.get("/sessions/export.csv?month=2026-06").response.data.decode("utf-8-sig")

    assert [row["Rate for an hour"] for row in csv.DictReader(io.StringIO(text))] == ["800"]


def test_an_export_holds_no_formula(lee, later):
    booking = book(topic="=1+1")
    later()

    text = lee.get("/sessions/export.csv?month=2026-06").response.data.decode("utf-8-sig")

    assert booking.topic == "=1+1"
    assert ",'=1+1," in text


def test_a_consultant_says_when_they_work_and_which_days_are_otherwise(lee):
    page = lee.get("/consultants/lee/availability")
    assert 'value="09:00-18:00"' in page.html
    assert lee.submit(page, {"mon": "nine to five"}, "/consultants/lee/hours").status == 422

    kept = lee.submit(page, {"mon": "10:00-12:00, 22:00-02:00", "sat": "10:00-12:00"}, "/consultants/lee/hours")
    shown = lee.follow(kept)
    assert 'value="10:00-12:00, 22:00-02:00"' in shown.html
    added = lee.follow(lee.submit(shown, {"day": "2026-06-22", "reason": "leave"}, "/consultants/lee/days"))
    assert "the whole day" in added.text
    [drop] = [form for form in added.forms if form.action.endswith("/drop")]
    assert "leave" not in lee.follow(lee.post(drop.action, drop.fields)).text


def test_consultants_are_added_and_changed_by_a_manager(manager):
    make.make_person("ng@park.example", "consultant")
    refused = manager.submit("/consultants/new", {"key": "ng", "name": "Ng", "timezone": "Mars/Base"})
    assert refused.status == 422

    shown = manager.follow(manager.submit(refused, {
        "timezone": "Asia/Tokyo", "email": "ng@park.example", "skills": "tax, law", "rate": "1200", "currency": "HKD",
    }))
    assert "Asia/Tokyo" in shown.text
    listed = manager.follow(manager.submit("/consultants/ng/edit", {"name": "Ng K."}))

    assert "Ng K." in listed.text
    assert "tax, law" in listed.text
    assert "HKD 1,200.00" in listed.text


def test_a_private_calendar_address_is_shown_once_opens_and_is_revoked(founder, browser):
    book()
    page = founder.get("/startups/acme/hours")
    made = founder.submit(page, {}, "/startups/acme/hours/calendar#calendar")
    address = made.html.partition('readonly value="')[2].partition('"')[0].removeprefix("http://127.0.0.1:8000")
    assert "BEGIN:VEVENT" in browser.get(address).html
    assert address not in founder.get("/startups/acme/hours").html

    [revoke] = [form for form in made.forms if form.action.endswith("/revoke")]
    founder.post(revoke.action, revoke.fields)

    assert browser.get(address).status == 404


@pytest.mark.parametrize("address", ["/startups/acme/hours", "/startups/acme/hours/book?consultant=lee", "/consulting",
                                     "/consulting/bookings"])
def test_pages_of_sessions_ask_no_more_for_many_than_for_few(manager, address: str):
    book()
    few = queries(lambda: manager.get(address))
    for number in range(1, 8):
        book(MORNING + timedelta(hours=number), 30, topic=f"Topic {number}")

    assert queries(lambda: manager.get(address)) == few
    assert few <= 20


def test_the_day_asked_for_may_be_any(founder):
    for day in (date(2026, 1, 1), date(9999, 12, 31)):
        assert founder.get(f"/startups/acme/hours/book?consultant=lee&day={day}").status < 500
    assert founder.get("/startups/acme/hours/book?consultant=nobody").status == 404
    assert NOW.year == 2026
