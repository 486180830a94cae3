"""What publishers count beside what we assigned, on both databases."""

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from creditsvc.core.errors import Forbidden, NotFound, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.licences.comparing import compare
from creditsvc.licences.counting import import_counts, reports
from creditsvc.licences.models import CountReport, SeatSighting, SkuCount
from creditsvc.parties.access import caller_of
from tests import factories
from tests.conftest import NOW
from tests.dumping import dump
from tests.ledger.holdings import JUNE, vacate
from tests.licences.scenes import assign, make_seats
from tests.licences.test_count_files import csv_of, read_counts, sku, tenant

pytestmark = pytest.mark.usefixtures("seats")
TODAY = date(2026, 6, 15)


@pytest.fixture
def seats(app):
    make_seats(6)


def bring(data, name="counts", person=None, who=None, **more):
    file = read_counts(name, data, person)
    return transaction(lambda: import_counts(who or factories.somebody(), file, **more))


def people(*rows, day="2026-06-14"):
    return csv_of(*(f"{day},{email},False,{used},,{products}" for email, used, products in rows))


def details(*skus):
    return b'{"@odata.context": "#users/licenseDetails", "value": [%s]}' % b", ".join(
        b'{"skuId": "%s", "skuPartNumber": "%s"}' % (one.encode(), one.encode()) for one in skus)


def found(who=None, **more):
    comparison = compare(who or factories.somebody(), **more)
    return [(one.kind, one.startup, one.email, one.last_used_on) for one in comparison.findings]


def test_the_same_counts_of_the_same_day_are_unchanged_and_of_another_day_a_new_report():
    first, again = bring(tenant(sku())), bring(tenant(sku()), "other-name")
    later = bring(tenant(sku()), counted_on=date(2026, 6, 14))

    assert (first.changed, again.changed, later.changed) == (True, False, True)
    assert first.report == again.report
    assert first.report.counted_on == TODAY
    assert [view.id for view in reports(factories.somebody())] == [later.report.id, first.report.id]
    assert db.session.scalar(select(func.count()).select_from(SkuCount)) == 2


@pytest.mark.parametrize("stated, code", [(date(2026, 6, 13), "another-day"), (None, None)])
def test_the_day_that_a_file_states_counts(stated, code):
    data = people(("a@acme.example", "", "SPB"))
    if code is None:
        assert bring(data, counted_on=stated).report.counted_on == date(2026, 6, 14)
        return
    before = dump()
    with pytest.raises(RuleBroken) as refusal:
        bring(data, counted_on=stated)
    assert (refusal.value.field, refusal.value.code, dump() == before) == ("counted_on", code, True)


def test_counts_of_a_day_to_come_are_refused():
    with pytest.raises(RuleBroken, match="still to come"):
        bring(tenant(sku()), counted_on=TODAY + timedelta(days=1))


def test_counts_are_imported_by_managers_and_of_the_incubators_tenant_by_those_of_all_programmes():
    limited = caller_of(factories.make_person(role="manager", programme_ids=[]), NOW)
    for who in (limited, caller_of(factories.make_person(role="auditor"), NOW),
                caller_of(factories.make_member("acme"), NOW)):
        with pytest.raises(Forbidden):
            bring(tenant(sku()), who=who)
    with pytest.raises(NotFound):
        bring(tenant(sku()), who=limited, startup="acme")
    with pytest.raises(NotFound):
        bring(tenant(sku()), startup="nobody")
    assert db.session.scalar(select(func.count()).select_from(CountReport)) == 0


def test_seats_that_are_not_seen_or_not_used_are_unused():
    for name in ("busy", "idle", "never", "unseen"):
        assign(f"{name}@acme.example", JUNE - timedelta(days=0))
    assign("new@acme.example", NOW)
    bring(people(("busy@acme.example", "2026-06-12", "SPB"), ("idle@acme.example", "2026-06-01", "Office+OTHER"),
                 ("never@acme.example", "", "SPB")))

    assert found(idle_days=10) == [
        ("no-activity", "acme", "idle@acme.example", date(2026, 6, 1)),
        ("no-activity", "acme", "never@acme.example", None),
        ("not-seen", "acme", "unseen@acme.example", None),
    ]
    assert compare(factories.somebody()).strangers == ((None, "OTHER"),)
    # after 30 days nobody can have been idle: all seats are younger
    assert found() == [("not-seen", "acme", "unseen@acme.example", None)]


def test_a_person_whom_we_never_gave_a_seat_is_unknown_and_one_who_just_lost_it_is_not():
    vacate(assign("left@acme.example"), NOW - timedelta(hours=3))
    vacate(assign("gone@acme.example"), NOW - timedelta(days=5))
    bring(people(("left@acme.example", "", "SPB"), ("gone@acme.example", "2026-06-13", "SPB"),
                 ("stranger@elsewhere.example", "", "SPB"), ("no-plan@acme.example", "", "")))

    assert found() == [
        ("unknown", None, "gone@acme.example", date(2026, 6, 13)),
        ("unknown", None, "stranger@elsewhere.example", None),
    ]


def test_more_assigned_or_consumed_than_enabled_and_suspended_plans_are_told():
    for name in ("a", "b"):
        assign(f"{name}@acme.example")
    bring(tenant(sku(enabled=1, consumed=2), sku("CRM", status="Suspended", enabled=0)), counted_on=date(2026, 6, 14))

    assert [kind for kind, *_ in found()] == ["over-assigned", "over-consumed"]
    bring(tenant(sku(enabled=9, consumed=2, status="Warning", warning=3)))
    comparison = compare(factories.somebody())
    assert [one.kind for one in comparison.findings] == ["suspended"]
    assert [(one.product, one.assigned, one.enabled, one.consumed, one.warning) for one in comparison.counts] == [
        ("office", 2, 9, 2, 3)
    ]


def test_the_newest_report_counts_in_whatever_order_they_came():
    bring(tenant(sku(enabled=5, consumed=1)))
    bring(tenant(sku(enabled=7, consumed=1)), counted_on=date(2026, 6, 1))

    assert [one.enabled for one in compare(factories.somebody()).counts] == [5]


def test_one_persons_licences_replace_what_an_older_report_says_of_them():
    assign("a@acme.example")
    assign("b@acme.example")
    bring(people(("a@acme.example", "", "SPB")))
    assert found() == [("not-seen", "acme", "b@acme.example", None)]

    bring(details("SPB"), person="B@acme.example")
    bring(details(), person="a@acme.example")
    bring(details("SPB"), person="old@acme.example", counted_on=date(2026, 6, 1))

    assert found() == [("not-seen", "acme", "a@acme.example", None)]


def test_a_startups_own_tenant_is_compared_with_its_own_seats_alone():
    factories.make_startup("other")
    assign("a@acme.example")
    bring(people(("a@acme.example", "", "SPB"), ("x@elsewhere.example", "", "SPB")))
    bring(tenant(sku(enabled=100)))
    bring(people(("stranger@acme.example", "", "SPB")), startup="acme")
    bring(tenant(sku(enabled=0, consumed=0)), startup="acme")
    owner = caller_of(factories.make_member("acme"), NOW)

    assert found(owner, startup="acme") == [
        ("over-assigned", "acme", None, None), ("not-seen", "acme", "a@acme.example", None),
        ("unknown", "acme", "stranger@acme.example", None),
    ]
    everything = compare(factories.somebody())
    assert [(one.startup, one.assigned, one.enabled) for one in everything.counts] == [(None, 0, 100), ("acme", 1, 0)]
    assert ("unknown", None, "x@elsewhere.example", None) in found()


def test_of_the_incubators_tenant_a_startup_learns_of_its_own_people_alone():
    assign("a@acme.example")
    bring(people(("x@elsewhere.example", "", "SPB")))
    bring(tenant(sku(enabled=0, consumed=77), sku("SECRET")))
    owner = caller_of(factories.make_member("acme"), NOW)
    comparison = compare(owner, startup="acme")

    assert found(owner, startup="acme") == [("not-seen", "acme", "a@acme.example", None)]
    assert [(one.assigned, one.enabled, one.consumed) for one in comparison.counts] == [(1, None, None)]
    assert comparison.strangers == ()
    assert reports(owner, startup="acme") == []
    factories.make_startup("other")
    other = caller_of(factories.make_member("other"), NOW)
    for act in (lambda: compare(other, startup="acme"), lambda: reports(other, startup="acme")):
        with pytest.raises(NotFound):
            act()
    for act in (lambda: compare(other), lambda: reports(other)):
        with pytest.raises(Forbidden):
            act()


def test_a_seat_dated_back_tells_an_owner_nothing_of_the_incubators_tenant():
    bring(people(("x@elsewhere.example", "", "SPB")))
    assign("a@acme.example", given_at=NOW + timedelta(days=1))
    owner = caller_of(factories.make_member("acme"), NOW)

    assert found(owner, startup="acme") == []


def test_a_manager_of_some_programmes_sees_differences_of_their_startups_alone():
    assign("a@acme.example")
    bring(people(("x@elsewhere.example", "", "SPB")))
    limited = caller_of(factories.make_person(role="manager", programme_ids=[]), NOW)

    assert found(limited) == []
    assert reports(limited) == []
    assert db.session.scalar(select(func.count()).select_from(SeatSighting)) == 1


@pytest.mark.parametrize("days", [0, 3661])
def test_days_of_idleness_are_bounded(days):
    with pytest.raises(RuleBroken, match="from 1 to 3660"):
        compare(factories.somebody(), idle_days=days)
