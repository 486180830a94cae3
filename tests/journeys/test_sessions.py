"""A session with a consultant in a real browser: booked, logged, confirmed; the hours fall."""

from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import expect

from creditsvc.consulting import sessions
from creditsvc.parties import operations as parties
from tests import factories
from tests.consulting.scenes import MORNING, at, book, do, fill
from tests.journeys import scene
from tests.journeys.test_journeys import OpenPage, barriers, sign_in

OVER = MORNING + timedelta(hours=1)
FOUNDER, LEE = "founder@acme.example", "lee@park.example"


@pytest.fixture
def hours(park: Flask) -> None:
    """Ten hours in June for acme, and the consultant lee who can sign in."""
    fill()
    factories.make_member("acme", FOUNDER, password=factories.PASSWORD)
    factories.do(lambda: parties.set_password(factories.somebody(), email=LEE, password=factories.PASSWORD))


def test_a_founder_books_the_consultant_logs_the_founder_confirms_and_the_hours_fall(
    hours: None, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
):
    founder, lee = open_page(360), open_page(360)
    sign_in(founder, FOUNDER)
    founder.get_by_role("link", name="Consultant hours").first.click()
    expect(founder.get_by_text("can still be booked, of 20 hours granted")).to_be_visible()
    founder.get_by_role("link", name="Book a session").click()
    founder.get_by_label("Consultant").select_option("lee")
    founder.get_by_label("From day").fill("2026-06-17")
    founder.get_by_role("button", name="Show free times").click()
    founder.get_by_label("09:00").first.check()
    founder.get_by_label("Topic").fill("Cloud costs")
    founder.get_by_role("button", name="Book the session").click()
    expect(founder.get_by_text("The session is booked.")).to_be_visible()

    monkeypatch.setattr("creditsvc.clock.now", lambda: OVER)
    sign_in(lee, LEE)
    expect(lee.get_by_role("heading", level=1)).to_have_text("My sessions")
    lee.get_by_label("Note").fill("right-sizing")
    lee.get_by_role("button", name="15 minutes less").click()
    expect(lee.get_by_text("The session is logged.")).to_be_visible()

    founder.goto("/startups/acme/hours")
    expect(founder.get_by_text("Lee logged 45 min of 1 hour booked.")).to_be_visible()
    founder.get_by_role("button", name="Confirm Cloud costs").click()

    expect(founder.get_by_text("The session is confirmed.")).to_be_visible()
    expect(founder.locator(".balance-left").first).to_contain_text("9.25")


@pytest.mark.parametrize("width", [1280, 360])
def test_no_page_of_sessions_is_wider_than_the_screen_or_has_a_barrier(hours: None, open_page: OpenPage, width: int):
    logged, booked = book(MORNING - timedelta(days=1) + timedelta(hours=1)), book()
    do(lambda: sessions.log_session(at(OVER), logged.uid, minutes=50))
    page = open_page(width)
    found = []
    for email, addresses in {
        scene.MANAGER: (
            "/startups/acme/hours", "/startups/acme/hours/book?consultant=lee&day=2026-06-17",
            f"/bookings/{booked.uid}", f"/bookings/{logged.uid}", f"/bookings/{booked.uid}/move", "/consulting",
            "/consulting/bookings", "/consulting/unbooked", "/consultants", "/consultants/new", "/consultants/lee/edit",
            "/consultants/lee/availability",
        ),
        LEE: ("/sessions", "/sessions/hours"),
    }.items():
        page.context.clear_cookies()
        sign_in(page, email)
        for address in addresses:
            page.goto(address)
            found += barriers(page) if width == 360 else []  # of a wide screen: test_axe.py
            if page.evaluate("document.documentElement.scrollWidth") > width:
                found.append(f"{address} is wider than the screen")

    assert found == []
