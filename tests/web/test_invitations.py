"""The owner's team page and the link of an invitation, as people use them."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from creditsvc.administration import welcoming
from creditsvc.consulting.consultants import add_consultant
from creditsvc.consulting.models import Consultant
from creditsvc.db import db, transaction
from creditsvc.mail.models import OutboxMail
from creditsvc.parties import invitations
from tests import factories
from tests.conftest import NOW
from tests.factories import PASSWORD, somebody
from tests.web.browsing import Browser

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
TEAM = "/startups/acme/members"


@pytest.fixture
def owner(app: Flask, browse_as) -> Browser:
    factories.make_startup("acme", "Acme Health")
    return browse_as(factories.make_member("acme", "o@acme.example", "owner"))


def links() -> list[str]:
    texts = db.session.scalars(select(OutboxMail.text).order_by(OutboxMail.id)).all()
    return [re.search(r"http://127.0.0.1:8000(/invitations/\S+)", text).group(1) for text in texts]


def test_a_founder_is_invited_sets_a_password_and_is_signed_in(app: Flask, owner: Browser):
    told = owner.follow(owner.submit(TEAM, {"email": "New@Acme.example", "role": "owner"}))
    assert "An invitation is on its way to new@acme.example" in told.text
    guest = Browser(app)

    short = guest.submit(links()[0], {"name": "W. Ng", "password": "short"})
    done = guest.follow(guest.submit(links()[0], {"name": "W. Ng", "password": PASSWORD}))

    assert short.status == 422
    assert "at least 12 characters" in short.text
    assert 'value="W. Ng"' in short.html
    assert guest.follow(done).status == 200
    assert "W. Ng" in guest.get(TEAM).text
    assert Browser(app).get(links()[0]).status == 410


def test_the_form_sent_twice_sends_one_mail(owner: Browser):
    page = owner.get(TEAM)

    first, second = (owner.submit(page, {"email": "new@acme.example"}, TEAM) for _ in range(2))

    assert first.status == second.status == 303
    assert len(links()) == 1


def test_an_invitation_is_sent_again_and_revoked_from_the_team_page(
    app: Flask, owner: Browser, monkeypatch: pytest.MonkeyPatch
):
    owner.submit(TEAM, {"email": "new@acme.example"}, TEAM)
    again, revoke = "/startups/acme/invitations/1/send-again", "/startups/acme/invitations/1/revoke"
    assert owner.submit(TEAM, {}, again).status == 409
    monkeypatch.setattr("creditsvc.clock.now", lambda: NOW + timedelta(minutes=6))

    assert owner.submit(TEAM, {}, again).status == 303
    first, second = links()
    assert [Browser(app).get(link).status for link in (first, second)] == [410, 200]
    owner.submit(TEAM, {}, revoke)
    assert Browser(app).get(second).status == 410
    assert "new@acme.example" not in owner.get(TEAM).text.replace("invited", "")


def test_who_has_a_password_signs_in_and_comes_back_to_the_invitation(app: Flask, owner: Browser):
    factories.make_startup("other")
    factories.make_member("other", "known@other.example", password=PASSWORD)
    owner.submit(TEAM, {"email": "known@other.example"}, TEAM)
    [link] = links()
    guest = Browser(app)

    page = guest.get(link)
    assert "You have a password here already" in page.text
    assert f"/sign-in?next={link}" in page.html
    back = guest.submit(f"/sign-in?next={link}", {"email": "known@other.example", "password": PASSWORD}, "/sign-in")
    assert back.location == link
    assert guest.follow(guest.submit(link, {}, link)).status == 303
    assert guest.get("/startups/acme").status == 200


def test_somebody_else_who_is_signed_in_cannot_take_it_up(owner: Browser, browse_as):
    factories.make_member("acme", "known@acme.example", "member", password=PASSWORD)
    factories.make_startup("other")
    other = browse_as(factories.make_member("other", "o@other.example", "owner"))
    other.submit("/startups/other/members", {"email": "known@acme.example"}, "/startups/other/members")
    [link] = links()

    assert "sign out first" in owner.get(link).text
    token = owner.get(TEAM).forms[0].fields["csrf_token"]
    assert owner.post(link, {"csrf_token": token}).status == 409
    assert owner.get("/startups/other").status == 404


def test_an_invited_consultant_signs_in_as_the_consultant_that_was_named(app: Flask):
    transaction(lambda: add_consultant(somebody(), key="tax", name="T. Ax"))
    sending = transaction(
        lambda: invitations.invite_staff(somebody(), email="t@ax.example", role="consultant", consultant="tax")
    )
    transaction(lambda: welcoming.send(sending, app.config["CREDITSVC"], NOW))
    guest = Browser(app)

    guest.submit(links()[0], {"name": "T. Ax", "password": PASSWORD})

    assert db.session.scalar(select(Consultant.person_id)) is not None
    assert guest.get("/my-sessions").status in (200, 404)
    assert guest.follow(guest.get("/")).status == 200
