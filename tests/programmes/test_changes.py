"""What is said anew: paperwork in place, terms and packages as versions that hold for enrolments made after them."""

from datetime import date

import pytest
from sqlalchemy import select

from creditsvc.core.errors import Conflict, Forbidden, NotFound, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.grants.models import Grant
from creditsvc.grants.operations import award_package
from creditsvc.ledger.models import LotFact
from creditsvc.parties.models import TrailEntry
from creditsvc.programmes import operations
from creditsvc.programmes.changes import change_cohort, change_package, change_programme
from creditsvc.programmes.overview import programme_page
from creditsvc.programmes.packages import LineTerms
from tests import factories as make

OLD = [LineTerms("azure-credit", "ms-azure", "25000", 12)]
NEW = [LineTerms("azure-credit", "ms-azure", "10000", 6)]


@pytest.fixture
def park(app):
    make.make_pool("ms-azure", "100000")
    make.make_programme("techconnect")
    make.make_cohort("techconnect", "tc-2026a")
    make.make_package("techconnect", OLD)
    return app


def enrol(startup):
    make.make_startup(startup)
    make.do(lambda: operations.enrol(
        make.somebody(), startup=startup, cohort="tc-2026a", package="standard", status="active", on=date(2026, 3, 1)))


def change(lines=NEW, reason="less to give", version=1):
    return transaction(lambda: change_package(
        make.somebody(), programme="techconnect", key="standard", lines=lines, reason=reason, version=version))


def awarded(startup):
    transaction(lambda: award_package(make.somebody(), startup=startup, cohort="tc-2026a"))
    return [int(amount) // 10**8 for amount in db.session.scalars(
        select(LotFact.amount).join(Grant, Grant.lot_id == LotFact.id).where(Grant.key.startswith(startup)))]


def test_a_new_version_of_a_package_holds_for_enrolments_made_after_it(park):
    enrol("early")

    change()
    enrol("later")

    assert (awarded("early"), awarded("later")) == ([25000], [10000])


def test_the_versions_of_a_package_are_shown_with_who_when_and_why_newest_first(park):
    enrol("early")
    change()

    shown = programme_page(make.somebody(), "techconnect").packages

    assert [(one.version, one.lines[0].months, one.reason, one.enrolments) for one in shown] == [
        (2, 6, "less to give", 0), (1, 12, "", 1),
    ]
    assert {one.stated_by for one in shown} == {make.somebody().actor}
    assert {one.stated_at for one in shown} == {make.NOW}


@pytest.mark.parametrize("told, code", [
    ({"version": 7}, "changed-meanwhile"), ({"reason": " "}, "missing"), ({"lines": OLD}, "nothing-changed"),
    ({"lines": []}, "no-lines"), ({"lines": [LineTerms("azure-credit", "ms-azure", "0", 6)]}, "not-positive"),
])
def test_a_version_is_refused_that_was_made_from_another_or_says_nothing(park, told, code):
    with pytest.raises(RuleBroken) as refusal:
        change(**told)

    assert refusal.value.code == code
    assert [one.version for one in programme_page(make.somebody(), "techconnect").packages] == [1]


def test_terms_are_stated_from_the_version_that_was_seen_and_keep_the_reason(park):
    make.do(lambda: operations.state_terms(
        make.somebody(), programme="techconnect", months=18, reason="longer", version=1))

    with pytest.raises(Conflict, match="somebody has changed it"):
        transaction(lambda: operations.state_terms(make.somebody(), programme="techconnect", months=6, version=1))

    terms = programme_page(make.somebody(), "techconnect").terms
    assert [(one.version, one.months, one.reason) for one in terms] == [(2, 18, "longer"), (1, 12, None)]


def test_a_door_may_refuse_what_has_changed_meanwhile(park):
    def check(programme):
        raise Conflict("", "changed-meanwhile", programme.name)

    with pytest.raises(Conflict, match="TechConnect"):
        transaction(lambda: change_programme(make.somebody(), "techconnect", name="Connect", check=check))

    assert operations.own_programme(make.somebody(), "techconnect").name == "TechConnect"


def test_new_dates_of_a_cohort_need_a_reason_and_stand_in_the_trail(park):
    def act(reason):
        return transaction(lambda: change_cohort(
            make.somebody(), "tc-2026a", name="Spring", starts=date(2026, 4, 1), ends=date(2027, 3, 31), reason=reason))

    with pytest.raises(RuleBroken) as refusal:
        act("")
    assert act("a late partner")

    entry = db.session.scalars(select(TrailEntry).where(TrailEntry.action == "cohort.edited")).one()
    assert refusal.value.field == "reason"
    assert (entry.before["starts"], entry.after["starts"], entry.after["reason"]) == (
        "2026-03-01", "2026-04-01", "a late partner")


def test_a_manager_of_other_programmes_finds_none_and_an_auditor_may_not(park):
    make.make_programme("incubation")
    other = operations.own_programme(make.somebody(), "incubation").id

    with pytest.raises(NotFound):
        transaction(lambda: change_programme(make.manager_of(other), "techconnect", name="Mine"))
    with pytest.raises(Forbidden):
        transaction(lambda: change_programme(make.auditor(), "techconnect", name="Mine"))
