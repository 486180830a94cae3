"""An owner invites somebody, who follows the link of the mail on a small screen and is there."""

import re

from flask import Flask
from playwright.sync_api import expect
from sqlalchemy import select

from creditsvc.db import db
from creditsvc.mail.models import OutboxMail
from tests import factories
from tests.journeys import scene
from tests.journeys.test_journeys import OpenPage, barriers, sign_in

TEAM = "/startups/harbour-robotics/members"


def test_an_owner_invites_a_colleague_who_sets_a_password_and_reads_the_startup(park: Flask, open_page: OpenPage):
    owner, guest = open_page(), open_page(360)
    sign_in(owner, scene.FOUNDER)
    owner.goto(TEAM)
    owner.get_by_label("Mail address").fill("ng@harbour-robotics.example")
    owner.get_by_label("Language of the mail").select_option("zh_Hant")
    owner.get_by_role("button", name="Invite").click()
    expect(owner.get_by_text("An invitation is on its way")).to_be_visible()
    expect(owner.get_by_role("row", name="ng@harbour-robotics.example")).to_be_visible()
    mail = db.session.execute(select(OutboxMail).where(OutboxMail.kind == "invitation")).scalar_one()

    guest.goto(re.search(r"/invitations/\S+", mail.text).group())
    guest.get_by_label("Your name").fill("W. Ng")
    guest.get_by_label("Password").fill("short")
    guest.get_by_role("button", name="Take the invitation up").click()
    expect(guest.get_by_label("Your name")).to_have_value("W. Ng")
    assert barriers(guest) == []
    guest.get_by_label("Password").fill(factories.PASSWORD)
    guest.get_by_role("button", name="Take the invitation up").click()

    expect(guest.get_by_role("heading", level=1)).to_contain_text("Harbour Robotics")
    owner.reload()
    expect(owner.get_by_role("row", name="W. Ng")).to_be_visible()
