"""Awards that need a second person, on the pages and over the API."""

import pytest
from sqlalchemy import select

from creditsvc.db import db, transaction
from creditsvc.grants.models import Grant
from creditsvc.grants.proposals import set_award_limit
from creditsvc.mail.models import OutboxMail
from creditsvc.parties.access import operator
from creditsvc.parties.tokens import create_token
from tests import counting, factories
from tests.conftest import NOW

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

TYPED = {"pool": "ms-azure", "amount": "40000", "effective": "2026-03-01", "expires": "2027-02-28", "reason": "growth"}


@pytest.fixture
def lee(browse_as):
    factories.make_pool("ms-azure", "100000")
    factories.make_startup("acme", "Acme")
    transaction(lambda: set_award_limit(operator(NOW), "ms-azure", "25000"))
    return browse_as(factories.make_person("lee@park.example", "manager"))


@pytest.fixture
def kim(lee, browse_as):
    return browse_as(factories.make_person("kim@park.example", "administrator"))


def grants():
    return list(db.session.scalars(select(Grant.key)))


def test_an_award_above_the_limit_waits_is_told_by_mail_and_is_awarded_by_another(lee, kim):
    page = lee.follow(lee.submit("/startups/acme/award", TYPED))
    waits, address = grants(), page.url
    on_the_worklist = "1 award waits for a second person" in kim.get("/worklist").text
    decided = kim.follow(kim.post(f"{address}/approve", kim.get(address).form(f"{address}/approve").fields))

    assert "needs a second person" in page.text
    assert "1 award waits" not in kim.get("/worklist").text
    assert "USD 60,000.00" in kim.get("/proposals?show=all").text or "40000 USD" in kim.get("/proposals?show=all").text
    assert on_the_worklist
    assert (waits, grants()) == ([], ["acme-azure-credit-1"])
    assert "acme-azure-credit-1" in decided.text
    assert list(db.session.scalars(select(OutboxMail.to_address).order_by(OutboxMail.id))) == [
        "kim@park.example", "lee@park.example"]


def test_who_proposed_it_sees_no_button_to_approve_and_is_refused_without_one(lee):
    page = lee.follow(lee.submit("/startups/acme/award", TYPED))
    fields = page.form(f"{page.url}/withdraw").fields

    refused = lee.post(f"{page.url}/approve", fields)

    assert f"{page.url}/approve" not in [form.action for form in page.forms]
    assert refused.status == 409
    assert "you proposed this yourself" in refused.text.lower()
    assert grants() == []


def test_approving_twice_from_one_form_awards_once(lee, kim):
    address = lee.submit("/startups/acme/award", TYPED).location
    fields = kim.get(address).form(f"{address}/approve").fields

    answers = [kim.post(f"{address}/approve", fields).status for _ in range(2)]

    assert answers == [303, 303]
    assert len(grants()) == 1


def test_an_administrator_sets_the_limit_of_a_pool(kim):
    assert "Second person above: USD 25,000.00" in kim.get("/pools").text

    kim.submit("/pools/ms-azure/limit", {"amount": ""})

    assert kim.submit("/startups/acme/award", TYPED).location == "/startups/acme"
    assert "Second person above" not in kim.get("/pools").text


def test_the_list_asks_no_more_than_a_dozen_things(lee):
    for _ in range(3):
        lee.submit("/startups/acme/award", TYPED)

    assert counting.queries(lambda: lee.get("/proposals")) <= 12


def test_the_api_refuses_what_needs_a_second_person_and_takes_it_as_a_proposal(app, lee, kim):
    tokens = {who: transaction(lambda who=who: create_token(operator(NOW), f"{who}@park.example", "t"))
              for who in ("lee", "kim")}
    client = app.test_client()

    def send(who, path, body, key):
        return client.post(f"/api/v1{path}", json=body, headers={
            "Authorization": f"Bearer {tokens[who]}", "Idempotency-Key": key})

    body = {"startup": "acme", "pool": "ms-azure", "amount": "40000", "effective": "2026-03-01"}
    refused = send("lee", "/grants", body, "1")
    proposed = send("lee", "/proposals", body, "2")
    own = send("lee", f"/proposals/{proposed.json['id']}/approve", {}, "3")
    yes = send("kim", f"/proposals/{proposed.json['id']}/approve", {}, "4")
    needless = send("lee", "/proposals", {**body, "amount": "1"}, "5")

    assert (refused.status_code, refused.json["code"]) == (409, "needs-second-person")
    assert (proposed.status_code, own.json["code"]) == (201, "own")
    assert (yes.status_code, yes.json["state"], len(yes.json["grants"])) == (200, "approved", 1)
    assert needless.json["code"] == "no-second-person"
