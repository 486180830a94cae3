"""Two people who edit the same thing: the second is told what stands now, keeps what they typed, overwrites nothing."""

from collections.abc import Callable

import pytest

from creditsvc.db import db
from creditsvc.programmes.packages import LineTerms
from tests import factories
from tests.consulting.scenes import add_consultant
from tests.factories import do
from tests.licences.sitting import make_product
from tests.web.browsing import Browser

TOLD = "Somebody else has changed this since you opened the page."
FORMS = {
    "startup": ("/startups/harbour/edit", "name", "Harbour AI", "Harbour Robots", "Stands now: Harbour AI"),
    "startup's language": ("/startups/harbour/edit", "language", "zh_Hant", "zh_Hans", "Stands now: 繁體中文"),
    "programme": ("/programmes/techconnect/edit", "name", "Tech", "Connect", "Stands now: Tech"),
    "sessions": ("/programmes/techconnect/consulting", "late_hours", "48", "12", "Stands now: 48"),
    "alerts": ("/programmes/techconnect/alerts", "thresholds.expiry", "45", "20", "Stands now: 45"),
    "cohort": ("/cohorts/tc-2026a/edit", "name", "Spring", "Fall", "Stands now: Spring"),
    "partner": ("/partners/ms/edit", "name", "Microsoft", "MS", "Stands now: Microsoft"),
    "reference": ("/pools/ms-azure/reference", "reference", "MS-1", "MS-2", "Stands now: MS-1"),
    "limit": ("/pools/ms-azure/limit", "amount", "5000", "7000", "Stands now: 5000"),
    "product": ("/products/m365/edit", "plan", "Premium", "Basic", "Stands now: Premium"),
    "consultant": ("/consultants/lee/edit", "name", "Lee Ka-yan", "K. Lee", "Stands now: Lee Ka-yan"),
    "weekly hours": ("/consultants/lee/availability", "mon", "10:00-12:00", "14:00-16:00", "Stands now: 10:00-12:00"),
}
SENT_TO = {"weekly hours": "/consultants/lee/hours"}

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def browsers(browse_as: Callable[..., Browser]) -> tuple[Browser, Browser]:
    """Of two people who may change all of it."""
    factories.make_partner("ms")
    factories.make_pool("ms-azure", "100000", partner="ms")
    factories.make_startup("harbour", "Harbour Robotics")
    factories.make_programme("techconnect")
    factories.make_package("techconnect", [LineTerms("azure-credit", "ms-azure", "25000", 12)])
    factories.make_cohort("techconnect", "tc-2026a")
    make_product()
    factories.make_person("lee@park.example", "consultant")
    do(lambda: add_consultant("lee"))
    factories.make_grant("harbour", "ms-azure", "1000", key="harbour-1")
    first, second = (factories.make_person(f"{name}@park.example", "administrator") for name in ("ann", "bob"))
    return browse_as(first), browse_as(second)


@pytest.mark.parametrize("name", FORMS)
def test_the_second_is_told_what_stands_and_overwrites_it_only_when_they_send_it_again(
    browsers: tuple[Browser, Browser], name: str
):
    url, field, theirs, mine, told = FORMS[name]
    sent_to = SENT_TO.get(name, url)
    ann, bob = browsers
    before = bob.get(url)
    assert ann.submit(url, {field: theirs}, sent_to).status == 303

    refused = bob.submit(before, {field: mine}, sent_to)

    assert refused.status == 409
    assert TOLD in refused.text
    assert told in refused.text
    assert refused.form(sent_to).fields[field] == mine
    assert ann.get(url).form(sent_to).fields[field] == theirs

    assert bob.submit(refused, {field: mine}, sent_to).status == 303
    assert ann.get(url).form(sent_to).fields[field] == mine


@pytest.mark.parametrize("name", FORMS)
def test_whoever_edits_alone_is_told_nothing(browsers: tuple[Browser, Browser], name: str):
    url, field, theirs, mine, _ = FORMS[name]
    sent_to = SENT_TO.get(name, url)

    assert browsers[0].submit(url, {field: theirs}, sent_to).status == 303
    assert browsers[1].submit(url, {field: mine}, sent_to).status == 303
    db.session.rollback()
    assert browsers[0].get(url).form(sent_to).fields[field] == mine


@pytest.mark.parametrize("change, typed", [
    ("extend", {"expires": "2027-06-30"}), ("top-up", {"amount": "5", "reason": "more"}), ("void", {}),
    ("return", {"amount": "5"}),
])
def test_a_grant_that_somebody_changed_meanwhile_is_changed_again_only_by_who_has_seen_that(
    browsers: tuple[Browser, Browser], change: str, typed: dict[str, str]
):
    ann, bob = browsers
    before = bob.get(f"/grants/harbour-1/{change}")
    ann.submit("/grants/harbour-1/top-up", {"amount": "200"})

    refused = bob.submit(before, typed)

    assert refused.status == 409
    assert TOLD in refused.text
    assert "Granted USD 1,200.00" in refused.text
    assert {name: refused.form().fields[name] for name in typed} == typed
    assert "USD 1,200.00" in ann.get("/grants/harbour-1").text
    assert bob.submit(refused, typed).status == 303


def test_a_role_that_somebody_changed_meanwhile_is_not_changed_unseen(browsers: tuple[Browser, Browser]):
    for name in ("mei", "sam"):
        factories.make_member("harbour", f"{name}@harbour.example")
    ann, bob = browsers
    before = bob.get("/startups/harbour/members")
    typed, change = {"email": "sam@harbour.example"}, "/startups/harbour/members/role"
    sams = [form for form in before.forms if form.fields.get("email") == typed["email"]]
    assert ann.post(change, {**ann.get("/startups/harbour/members").forms[0].fields, **typed, "role": "member",
                             "seen": sams[0].fields["seen"]}).status == 303

    for form in sams:
        refused = bob.post(form.action, form.fields)
        assert (refused.status, TOLD in refused.text) == (409, True)

    assert [form.action for form in sams] == [change, "/startups/harbour/members/end"]
    again = [form for form in refused.forms if form.fields.get("email") == typed["email"]]
    assert bob.post(again[-1].action, again[-1].fields).status == 303


def test_a_view_that_was_renamed_in_another_window_is_not_renamed_unseen(browsers: tuple[Browser, Browser]):
    ann = browsers[0]
    ann.submit("/startups", {"name": "Old data"}, "/lists/views")
    before = ann.get("/startups")
    assert ann.submit(before, {"name": "Stale"}, "/lists/views/1/rename").status == 303

    refused = ann.submit(before, {"name": "Late"}, "/lists/views/1/rename")

    assert (refused.status, TOLD in refused.text, "Stands now: Stale" in refused.text) == (409, True, True)
    assert refused.form("/lists/views/1/rename").fields["name"] == "Late"
    assert ann.submit(refused, {"name": "Late"}, "/lists/views/1/rename").status == 303
    assert "Late" in ann.get("/startups").text


def test_a_view_whose_name_is_refused_keeps_what_was_typed(browsers: tuple[Browser, Browser]):
    ann = browsers[0]
    for name in ("One", "Two"):
        ann.submit("/startups", {"name": name}, "/lists/views")

    refused = ann.submit("/startups", {"name": "Two"}, "/lists/views/1/rename")

    assert (refused.status, "You have a view called Two already" in refused.text) == (409, True)
    assert refused.form("/lists/views/1/rename").fields["name"] == "Two"


def test_own_alerts_that_were_chosen_in_another_window_are_not_overwritten_unseen(browsers: tuple[Browser, Browser]):
    ann = browsers[0]
    before = ann.get("/me/alerts")
    assert ann.submit(before, {"rhythm": "weekly", "rules": "expiry"}).status == 303

    refused = ann.submit(before, {"rhythm": "monthly", "rules": "stale"})

    assert (refused.status, TOLD in refused.text) == (409, True)
    assert "Stands now: At most once a week" in refused.text
    assert "Credit expires with something left in it Stands now: yes" in refused.text
    assert "Cost data is old Stands now: no" in refused.text
    assert 'id="rule-stale" value="stale" checked' in refused.html
    assert 'value="monthly" checked' in refused.html
    assert ann.submit(refused, {"rhythm": "monthly", "rules": "stale"}).status == 303
    assert 'value="monthly" checked' in ann.get("/me/alerts").html
