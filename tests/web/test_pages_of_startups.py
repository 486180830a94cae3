"""The list of startups, their pages, and what their people see."""

from datetime import date, timedelta

import pytest
from flask import Flask

from creditsvc.core.days import starts_at
from creditsvc.grants.operations import void_grant
from creditsvc.programmes.operations import add_cohort, enrol
from tests import counting, factories
from tests.conftest import NOW
from tests.factories import do, somebody
from tests.journeys.scene import import_rows
from tests.ledger import holdings as held
from tests.ledger.holdings import award, correct, make_park
from tests.usage.exports import focus_row
from tests.usage.importing import assign
from tests.web.browsing import Browser

SCOPE = "64e355d7-997c-491d-b0c1-8414dccfcf42"


@pytest.fixture
def manager(browse_as) -> Browser:
    return browse_as(factories.make_person("lee@park.example", "manager"))


def use(startup: str, cost: str, days: int = 3, first: date = date(2026, 6, 10)) -> None:
    assign(SCOPE, startup, starts_at(date(2026, 3, 1)), NOW)
    import_rows([focus_row(first + timedelta(days=n), SCOPE, cost) for n in range(days)], "export.csv")


def test_the_list_says_what_remains_when_it_ends_and_what_needs_a_look(manager: Browser):
    factories.make_startup("harbour", "Harbour Robotics")
    factories.make_grant("harbour", amount="100", expires=date(2026, 7, 4))
    use("harbour", "40")

    page = manager.get("/startups")

    assert "USD 0.00 USD 100.00 100 % – USD 20.00 12 Jun 2026 Uncovered usage Nothing left" in page.text


def test_the_list_tells_credit_that_starts_later_from_credit_that_is_gone(manager: Browser):
    factories.make_startup("harbour", "Harbour Robotics")
    factories.make_grant("harbour", amount="100", effective=date(2026, 8, 1), expires=date(2027, 7, 31))

    page = manager.get("/startups")

    assert "USD 0.00 USD 100.00 0 %" in page.text
    assert "Not yet usable" in page.text
    assert "Nothing left" not in page.text


def test_the_startup_page_calls_things_by_the_names_that_people_gave_them(manager: Browser):
    factories.make_startup("harbour", "Harbour Robotics")
    pool = factories.make_pool(resource=factories.make_resource(name="Azure credit of 2026").key)
    factories.make_grant("harbour", pool.key)
    programme = factories.make_programme("techconnect")
    cohort = factories.make_cohort(programme.key)
    do(lambda: enrol(somebody(), startup="harbour", cohort=cohort.key, status="active", on=date(2026, 3, 1)))

    page = manager.get("/startups/harbour")

    assert "How Azure credit of 2026 burned down" in page.text
    assert f"{programme.name}, 2026 spring" in page.text


def test_the_startup_page_says_when_credit_runs_out_and_what_comes_then(manager: Browser):
    factories.make_startup("harbour", "Harbour Robotics")
    factories.make_grant("harbour", amount="400", effective=date(2026, 5, 1), expires=date(2027, 2, 28))
    use("harbour", "10", days=30, first=date(2026, 5, 16))

    page = manager.get("/startups/harbour")

    # to 14 June 300 is used; the 13th is the last complete day, after it 110 are left: 11 days at 10 a day
    assert "Runs out about 25 Jun 2026" in page.text
    assert "Will expire unused nothing" in page.text
    assert "First bill after it, 30 days about USD 300.00" in page.text
    assert "an estimate from 29 complete charge days up to 13 Jun 2026: USD 10.00 in a usual day" in page.text
    assert "Dashed, the forecast: USD 0.00 on 25 Jun 2026." in page.text


def test_the_startup_page_forecasts_hours_by_the_week_and_bills_none(manager: Browser):
    make_park()
    award("hours", "spring", 1_200, starts_at(date(2026, 3, 1)), starts_at(date(2027, 1, 1)))
    correct(*(held.use(f"booking:{week}", 120, NOW - timedelta(days=7 * week + 3), "excess") for week in range(8)))

    page = manager.get("/startups/acme")

    assert "Runs out about 29 Jun 2026" in page.text
    assert "the last 8 whole weeks up to 14 Jun 2026: 2 hours in a usual week" in page.text
    assert "First bill" not in page.text


def test_the_startup_page_forecasts_from_when_on_no_seat_is_free(manager: Browser):
    make_park()
    held.one_a_week(award("seats", "spring", 11, starts_at(date(2026, 3, 1)), starts_at(date(2027, 1, 1))))

    page = manager.get("/startups/acme")

    assert "No seat free from about 29 Jun 2026 between" in page.text
    assert "Will expire unused nothing" in page.text
    assert "the last 8 whole weeks up to 14 Jun 2026; seats given: 8, released: 0." in page.text
    assert "As seats are taken now, none is free from 29 Jun 2026 on." in page.text


def test_the_startup_page_tells_what_happened_lately_and_points_to_the_statement_for_more(manager: Browser):
    make_park()
    for number in range(1, 24):
        award("seats", f"lot-{number:02}", 1, NOW - timedelta(days=number), None)
    award("hours", "old", 60, NOW - timedelta(days=200), NOW - timedelta(days=100))

    page = manager.get("/startups/acme")
    told = page.text.partition("What happened in the last 90 days")[2].partition("Statement since then")[0]

    assert told.count(" was awarded: 1 seat") == 20
    assert "more stand in the statement." in told
    assert "old expired" not in told


def test_the_startup_page_says_where_too_little_is_known_of_seats(manager: Browser):
    make_park()
    award("seats", "late", 11, NOW - timedelta(days=20), None)

    page = manager.get("/startups/acme")

    assert "No forecast: it takes four whole weeks after the one in which the first seat was given" in page.text
    assert "No seat free" not in page.text


def test_the_startup_page_says_why_there_is_no_forecast_yet(manager: Browser):
    factories.make_startup("harbour", "Harbour Robotics")
    factories.make_grant("harbour", amount="400", effective=date(2026, 5, 1), expires=date(2027, 2, 28))
    use("harbour", "10", days=6, first=date(2026, 6, 9))

    page = manager.get("/startups/harbour")

    assert "No forecast: it takes a week of complete charge days" in page.text
    assert "Dashed" not in page.text


def test_the_startup_page_forecasts_nothing_from_less_than_a_week(manager: Browser):
    factories.make_startup("harbour", "Harbour Robotics")
    factories.make_grant("harbour", amount="400")
    use("harbour", "10", days=3)

    assert "Forecast from" not in manager.get("/startups/harbour").text


def test_the_list_is_searched_and_filtered(manager: Browser):
    factories.make_startup("harbour", "Harbour Robotics")
    factories.make_startup("peak", "Peak Genomics")
    factories.make_grant("peak", expires=date(2026, 7, 4))

    assert "Peak Genomics" in manager.get("/startups?q=GENOM").text
    assert "Harbour" not in manager.get("/startups?q=GENOM").text
    assert "Peak Genomics" in manager.get("/startups?show=expiring").text
    assert "Harbour" not in manager.get("/startups?show=expiring").text
    assert "No startup fits." in manager.get("/startups?q=%25").text


def test_the_list_goes_on_by_pages(manager: Browser, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("creditsvc.alerts.startup_list.PAGE", 2)
    for key in ("a", "b", "c"):
        factories.make_startup(key, f"Startup {key}")

    first = manager.get("/startups")
    second = manager.get("/startups?page=2")

    assert "3 startups" in first.text
    assert ("Startup b" in first.text, "Startup c" in first.text) == (True, False)
    assert "page=2" in first.html
    assert "Startup c" in second.text
    assert manager.get("/startups?page=99").text == second.text


@pytest.mark.parametrize("address", ["/startups", "/startups?show=uncovered"])
def test_the_list_asks_the_database_as_often_for_many_as_for_one(manager: Browser, app: Flask, address: str):
    def fill(keys: range) -> None:
        for number in keys:
            factories.make_grant(factories.make_startup(f"startup-{number}").key, pool)

    pool = factories.make_pool().key
    fill(range(1))
    one = counting.queries(lambda: manager.get(address))
    fill(range(1, 8))

    many = counting.queries(lambda: manager.get(address))

    assert many == one


def test_a_manager_makes_a_startup_and_a_refusal_keeps_what_was_typed(manager: Browser):
    factories.make_startup("harbour")

    refused = manager.submit("/startups/new", {"key": "harbour", "name": "Harbour <Labs>", "language": "zh_Hant"})
    made = manager.submit(refused, {"key": "harbour-labs"})

    assert refused.status == 409
    assert "The key harbour is taken" in refused.text
    assert refused.form().fields["name"] == "Harbour <Labs>"
    assert refused.form().fields["language"] == "zh_Hant"
    assert "Harbour <Labs> is here now" in manager.follow(made).text


@pytest.mark.parametrize(
    "typed, message",
    [
        ({"key": "Harbour Labs", "name": "x"}, "Write small letters, digits and hyphens"),
        ({"key": "new", "name": "x"}, "The key new is reserved"),
        ({"key": "harbour", "name": ""}, "Fill this in."),
        ({"key": "harbour", "name": "x" * 201}, "A name has 1 to 200 characters"),
    ],
)
def test_what_is_wrong_with_a_new_startup_is_said_at_its_field(manager: Browser, typed: dict, message: str):
    page = manager.submit("/startups/new", typed)

    assert page.status == 422
    assert message in page.text
    assert 'aria-invalid="true"' in page.html


def test_a_startups_paperwork_can_change(manager: Browser):
    factories.make_startup("harbour", "Harbour")

    page = manager.follow(manager.submit("/startups/harbour/edit", {"name": "Harbour Robotics Ltd"}))

    assert "Harbour Robotics Ltd" in page.text


def test_the_page_of_a_startup_says_what_it_holds_and_why(manager: Browser):
    factories.make_startup("harbour", "Harbour Robotics")
    factories.make_grant("harbour", amount="25000", key="harbour-azure")
    factories.make_grant("harbour", amount="50", key="harbour-small", expires=date(2026, 6, 11))
    use("harbour", "20", days=4)

    page = manager.get("/startups/harbour")

    assert "USD 24,960.00 can still be used, of USD 25,050.00 granted" in page.text
    assert "Drawn USD 80.00" in page.text
    assert "Expired unused USD 10.00" in page.text
    assert "at first, USD 25,050.00 at most, USD 24,960.00 at last" in page.text
    assert "<svg" in page.html
    assert "style=" not in page.html


def test_usage_by_day_says_what_paid_each_day(manager: Browser):
    factories.make_startup("harbour")
    factories.make_grant("harbour", amount="50", key="harbour-azure")
    use("harbour", "30", days=2)

    page = manager.get("/startups/harbour/usage")

    assert "USD 60.00 in all, of which USD 10.00 no grant covered" in page.text
    assert "11 Jun 2026 USD 30.00 harbour-azure USD 20.00 USD 10.00" in page.text
    assert "10 Jun 2026 USD 30.00 harbour-azure USD 30.00 –" in page.text


@pytest.mark.parametrize("query", ["from=2026-13-01&to=2026-06-01", "from=2026-06-02&to=2026-06-01", "from=x"])
@pytest.mark.parametrize("address", ["/startups/harbour/usage", "/startups/harbour/statement"])
def test_days_that_make_no_sense_are_refused_at_their_field(manager: Browser, address: str, query: str):
    factories.make_startup("harbour")

    page = manager.get(f"{address}?{query}")

    assert page.status == 422
    assert "one thing to put right" in page.text


def test_a_statement_tells_what_happened_with_running_balances(manager: Browser):
    factories.make_startup("harbour")
    factories.make_grant("harbour", amount="50", key="harbour-azure", effective=date(2026, 6, 1))
    use("harbour", "30", days=2)

    page = manager.get("/startups/harbour/statement")

    assert "At first USD 0.00, at last USD 0.00. Grants paid USD 50.00; USD 10.00 no grant covered." in page.text


def test_a_founder_sees_the_own_startup_and_nothing_of_another(browse_as):
    factories.make_startup("harbour", "Harbour Robotics")
    factories.make_startup("peak", "Peak Genomics")
    factories.make_grant("harbour", key="harbour-azure")
    factories.make_grant("peak", key="peak-azure")
    founder = browse_as(factories.make_member("harbour", "chan@harbour.example"))

    first = founder.follow(founder.get("/"))

    assert first.url == "/startups/harbour"
    assert "Harbour Robotics" in first.text
    assert "Award a grant" not in first.text
    assert "Peak" not in first.text + founder.get("/startups").text
    missing, others = founder.get("/startups/no-such-one"), founder.get("/startups/peak")
    assert (missing.status, missing.text) == (others.status, others.text)
    assert founder.get("/grants/peak-azure").text == founder.get("/grants/no-such-one").text


def test_a_manager_takes_somebody_out_who_then_sees_nothing(manager: Browser, browse_as):
    factories.make_startup("harbour")
    address = "/startups/harbour/members"
    factories.make_member("harbour", "chan@harbour.example")
    founder = browse_as(factories.make_member("harbour", "ng@harbour.example", "member"))
    seen = founder.get("/startups/harbour").status

    manager.submit(address, {}, f"{address}/end")

    assert "M. Chan chan@harbour.example Owner" in manager.get(address).text
    assert seen == 200
    assert founder.get("/startups/harbour").status == 404


def test_somebody_whose_mail_address_makes_no_sense_is_refused_at_the_field(manager: Browser):
    factories.make_startup("harbour")

    page = manager.submit("/startups/harbour/members", {"email": "chan at harbour"})

    assert page.status == 422
    assert "is no mail address" in page.text
    assert page.form("/startups/harbour/members").fields["email"] == "chan at harbour"


def test_a_voided_grant_offers_only_what_can_still_be_done(manager: Browser):
    factories.make_startup("harbour")
    factories.make_grant("harbour", key="harbour-azure")
    do(lambda: void_grant(somebody(), "harbour-azure"))

    page = manager.get("/startups/harbour")

    assert "/grants/harbour-azure/return" in page.html
    assert "/grants/harbour-azure/top-up" not in page.html


def test_a_consultant_is_told_that_there_is_nothing_yet(browse_as):
    page = browse_as(factories.make_person("c@park.example", "consultant")).get("/")

    assert "nothing here for you yet" in page.text


def test_a_partner_sees_its_own_pools_and_no_startup(browse_as):
    partner = factories.make_partner("microsoft")
    factories.make_pool("ms-azure", partner="microsoft")
    factories.make_pool("github-credit", partner=factories.make_partner("github").key)
    viewer = browse_as(factories.make_person("p@ms.example", "partner", partner_id=partner.id))

    page = viewer.follow(viewer.get("/"))

    assert "ms-azure" in page.text
    assert "github-credit" not in page.text
    assert viewer.get("/startups").status == 403


def test_a_manager_of_one_programme_sees_no_enrolment_in_another_on_the_startups_page(browse_as):
    factories.make_startup("harbour", "Harbour Robotics")
    ids = {}
    for key, name in (("mine", "Spring of mine"), ("theirs", "Spring of theirs")):
        ids[key] = factories.make_programme(key).id
        terms = {"programme": key, "key": f"{key}-2026", "name": name}
        do(lambda terms=terms: add_cohort(somebody(), starts=date(2026, 3, 1), ends=date(2027, 2, 28), **terms))
        cohort = f"{key}-2026"
        do(lambda cohort=cohort: enrol(somebody(), startup="harbour", cohort=cohort, on=date(2026, 3, 1)))
    limited = browse_as(factories.make_person("limited@park.example", "manager", programme_ids=[ids["mine"]]))
    whole = browse_as(factories.make_person("whole@park.example", "manager"))

    seen, all_of_it = (one.get("/startups/harbour").text for one in (limited, whole))

    assert ("Spring of mine" in seen, "Spring of theirs" in seen) == (True, False)
    assert "Spring of theirs" in all_of_it
