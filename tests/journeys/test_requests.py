"""A founder asks for longer on a small screen; a manager says yes; both see it, and the mail says it."""

from flask import Flask
from playwright.sync_api import expect
from sqlalchemy import select

from creditsvc.db import db
from creditsvc.mail.models import OutboxMail
from tests.journeys import scene
from tests.journeys.test_journeys import OpenPage, barriers, sign_in

OWN = ("/startups/harbour-robotics", "/requests/1", "/me/alerts", "/startups/harbour-robotics/exports",
       "/startups/harbour-robotics/statement")  # fmt: skip


def test_a_founder_asks_for_longer_and_a_manager_gives_it(park: Flask, open_page: OpenPage):
    founder, manager = open_page(360), open_page()
    sign_in(founder, scene.FOUNDER)
    founder.get_by_role("link", name="Ask for more or for longer").click()
    founder.get_by_label("Until when").fill("2027-02-01")
    founder.get_by_label("What for").fill("Two more pilots")
    founder.get_by_role("button", name="Send the request").click()
    expect(founder.get_by_role("alert")).to_contain_text("is not later than the end now")
    expect(founder.get_by_label("What for")).to_have_value("Two more pilots")
    founder.get_by_label("Until when").fill("2027-08-31")
    founder.get_by_role("button", name="Send the request").click()
    expect(founder.get_by_role("heading", level=1)).to_contain_text("longer, until 31 Aug 2027")

    sign_in(manager, scene.MANAGER)
    manager.goto("/requests")
    manager.get_by_role("link", name="Decide :").click()
    assert barriers(manager) == []
    manager.get_by_label("Reason").fill("Well used")
    manager.get_by_role("button", name="Approve the request").click()
    expect(manager.get_by_role("status")).to_contain_text("Approved. The startup is told by mail.")

    for address in OWN:
        founder.goto(address)
        assert barriers(founder) == [], address
        assert founder.evaluate("document.documentElement.scrollWidth") <= 360, address
    founder.goto("/startups/harbour-robotics")
    expect(founder.get_by_role("row").filter(has_text="31 Aug 2027")).to_be_visible()
    mails = db.session.execute(select(OutboxMail.kind, OutboxMail.to_address, OutboxMail.text)).all()
    assert [(mail.kind, mail.to_address) for mail in mails if mail.kind.startswith("request-")] == [
        ("request-asked", scene.MANAGER), ("request-decided", scene.FOUNDER),
    ]
    assert "Well used" in mails[-1].text
    assert "31 August 2027" in mails[-1].text
