"""Programmes, packages, cohorts, partners and pools on the pages: made, shown, changed, each refusal at its field."""

from datetime import date

import pytest
from sqlalchemy import func, select

from creditsvc.alerts.models import AlertSetting
from creditsvc.db import db
from creditsvc.ledger.models import Pool
from creditsvc.mail.models import OutboxMail
from creditsvc.programmes import operations
from creditsvc.programmes.models import Cohort, Package, PackageLine, Partner
from creditsvc.programmes.packages import LineTerms
from tests import counting, factories
from tests.web.browsing import Browser

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

LINE = {"lines[0].pool": "azure-credit ms-azure", "lines[0].amount": "25000", "lines[0].months": "12"}


@pytest.fixture
def manager(browse_as) -> Browser:
    factories.make_pool("ms-azure")
    factories.make_programme("techconnect")
    factories.make_package("techconnect", [LineTerms("azure-credit", "ms-azure", "25000", 12)])
    return browse_as(factories.make_person("lee@park.example", "manager"))


def count(model: type) -> int:
    return int(db.session.scalar(select(func.count()).select_from(model)) or 0)


def test_a_programme_is_made_with_a_cohort_and_a_package(manager: Browser):
    manager.submit("/new-programme", {"name": "Incubation", "key": "incubation", "months": "24"})
    manager.submit("/programmes/incubation/new-cohort",
                   {"name": "Autumn", "key": "in-2026b", "starts": "2026-09-01", "ends": "2028-08-31"})
    page = manager.follow(manager.submit("/programmes/incubation/new-package", {"key": "start", **LINE}))

    assert page.status == 200
    assert "24" in page.text
    assert "Autumn" in page.text
    assert "USD 25,000.00" in page.text


def test_a_package_sent_twice_from_one_form_is_made_once(manager: Browser):
    form = manager.get("/programmes/techconnect/new-package").form()
    typed = {**form.fields, "key": "start", **LINE}

    first, again = (manager.post("/programmes/techconnect/new-package", typed) for _ in range(2))

    assert (first.status, again.status) == (303, 303)
    assert count(Package) == 2


def test_a_refused_line_is_told_at_its_row_though_rows_above_it_are_blank(manager: Browser):
    page = manager.submit("/programmes/techconnect/new-package", {
        "key": "start", "lines[2].pool": "azure-credit ms-azure", "lines[2].amount": "-5", "lines[2].months": "12"})

    assert page.status == 422
    assert 'id="error-lines[2].amount-1"' in page.html
    assert page.form().fields["lines[2].amount"] == "-5"


def test_a_new_version_of_a_package_begins_with_the_lines_that_stand_and_keeps_them(manager: Browser):
    address = "/programmes/techconnect/packages/standard/edit"
    assert manager.get(address).form().fields["lines[0].amount"] == "25000"

    page = manager.follow(manager.submit(address, {"lines[0].amount": "10000", "reason": "less to give"}))

    assert "less to give" in page.text
    assert "USD 25,000.00" in page.text
    assert count(PackageLine) == 2


def test_the_second_of_two_who_change_a_package_is_told_and_keeps_what_they_typed(manager: Browser):
    address = "/programmes/techconnect/packages/standard/edit"
    mine = {**manager.get(address).form().fields, "lines[0].amount": "7000", "reason": "mine"}
    manager.submit(address, {"lines[0].amount": "10000", "reason": "theirs"})

    page = manager.post(address, mine)

    assert page.status == 409
    assert "somebody has changed it since" in page.text.lower()
    assert page.form().fields["lines[0].amount"] == "7000"


def test_terms_names_and_what_holds_of_sessions_are_changed(manager: Browser):
    manager.submit("/programmes/techconnect/terms", {"months": "18", "reason": "longer"})
    manager.submit("/programmes/techconnect/edit", {"name": "Tech Connect", "name_zh_hant": "科技連結"})
    page = manager.follow(manager.submit("/programmes/techconnect/consulting", {"no_show_percent": "80"}))

    assert [text in page.text for text in ("18", "longer", "Tech Connect", "科技連結", "80 %")] == [True] * 5


def test_partners_resources_and_pools_are_made_and_a_wrong_pool_is_told_at_its_field(manager: Browser):
    manager.submit("/new-partner", {"name": "GitHub", "key": "github"})
    manager.submit("/new-resource", {"name": "Seats", "key": "gh-seats", "kind": "seats"})
    pool = {"key": "gh", "partner": "github", "resource": "gh-seats", "starts": "2026-01-01"}
    refused = manager.submit("/new-pool", {**pool, "amount": "-1"})
    manager.submit("/new-pool", {**pool, "amount": "50"})
    manager.submit("/partners/github/edit", {"name": "GitHub, Inc."})

    assert refused.status == 422
    assert "a pool holds more than 0" in refused.text
    assert db.session.scalar(select(Pool.amount).where(Pool.key == "gh")) == 50
    assert db.session.scalar(select(Partner.name).where(Partner.key == "github")) == "GitHub, Inc."


def test_a_cohorts_new_dates_need_a_reason(manager: Browser):
    factories.make_cohort("techconnect", "tc")

    refused = manager.submit("/cohorts/tc/edit", {"starts": "2026-04-01"})
    manager.submit("/cohorts/tc/edit", {"starts": "2026-04-01", "reason": "a late partner"})

    assert refused.status == 422
    assert str(db.session.scalar(select(Cohort.starts))) == "2026-04-01"


@pytest.mark.parametrize("address", ["/programmes", "/programmes/techconnect", "/cohorts/tc", "/partners"])
def test_no_page_of_programmes_asks_more_than_a_dozen_things(manager: Browser, address: str):
    factories.make_cohort("techconnect", "tc")

    assert counting.queries(lambda: manager.get(address)) <= 12


def test_what_a_programme_asks_of_alerts_is_saved_whole_or_refused_at_its_rule(manager: Browser):
    address = "/programmes/techconnect/alerts"
    assert manager.get(address).form().fields["enabled.used"] == "true"

    refused = manager.submit(address, {"thresholds.expiry": "90, 30", "thresholds.used": "101"})
    before = db.session.scalar(select(func.count()).select_from(AlertSetting))
    manager.submit(address, {"thresholds.expiry": "90, 30", "mandatory.expiry": "true"})

    assert refused.status == 422
    assert 'id="error-thresholds.used-1"' in refused.html
    assert before == 0
    kept = db.session.scalars(select(AlertSetting).where(AlertSetting.rule == "expiry")).one()
    assert (kept.thresholds, kept.mandatory, kept.enabled) == ([30, 90], True, True)


def test_what_tonight_would_say_with_other_settings_is_shown_and_nothing_is_kept(manager: Browser):
    address = "/programmes/techconnect/alerts"
    factories.make_cohort("techconnect", "tc")
    for key, cohort in (("acme", "tc"), ("bolt", None)):
        factories.make_startup(key)
        factories.make_member(key, f"founder@{key}.example")
        factories.make_grant(key, expires=date(2026, 7, 5), key=f"{key}-azure")
        if cohort:
            factories.do(lambda key=key, cohort=cohort: operations.enrol(
                factories.somebody(), startup=key, cohort=cohort, status="active", on=date(2026, 3, 1)))

    usual = manager.submit(address, {"step": "preview"})
    off = manager.submit(address, {"step": "preview", "thresholds.expiry": "7"})
    refused = manager.submit(address, {"step": "preview", "thresholds.expiry": "0"})

    assert "With these settings tonight would say" in usual.text
    assert "acme" in usual.text
    assert "bolt" not in usual.text
    assert "Nothing new." in off.text
    assert off.form(address).fields["thresholds.expiry"] == "7"
    assert (refused.status, "With these settings" in refused.text) == (422, False)
    assert db.session.scalar(select(func.count()).select_from(AlertSetting)) == 0
    assert db.session.scalar(select(func.count()).select_from(OutboxMail)) == 0


def test_a_programmes_partner_is_called_by_its_name(manager: Browser):
    factories.make_programme("booster", partner=factories.make_partner("ms", "Microsoft Hong Kong").key)

    assert "with Microsoft Hong Kong" in manager.get("/programmes").text
    assert "Partner Microsoft Hong Kong" in manager.get("/programmes/booster").text


def test_a_partners_viewer_reads_no_colleague_no_reason_and_no_pool_of_another_partner(manager: Browser, browse_as):
    partner = factories.make_partner("ms", "Microsoft Hong Kong")
    factories.make_programme("booster", partner="ms")
    factories.make_pool("ms-credit", partner="ms")
    factories.make_package("booster", [LineTerms("azure-credit", pool, "10", 6) for pool in ("ms-credit", "ms-azure")])
    factories.make_package("booster", [LineTerms("azure-credit", "ms-azure", "10", 6)], "other")
    manager.submit("/programmes/booster/terms", {"months": "9", "reason": "Acme wanted longer"})
    viewer = browse_as(factories.make_person("p@partner.example", "partner", partner_id=partner.id))

    whole, seen = manager.get("/programmes/booster"), viewer.get("/programmes/booster")

    for words in ("lee@park.example", "Acme wanted longer", "ms-azure"):
        assert words in whole.text
        assert words not in seen.text
    assert "ms-credit USD 10" in seen.text or "USD 10.00 ms-credit" in seen.text
    assert "9" in seen.text
