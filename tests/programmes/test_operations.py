from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from creditsvc.core.errors import Conflict, Forbidden, NotFound, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.ledger.models import Pool, Resource
from creditsvc.parties.access import visible_startups
from creditsvc.parties.models import Startup, TrailEntry
from creditsvc.parties.reading import find_startup
from creditsvc.programmes import operations, reading
from creditsvc.programmes.models import PackageLine, ProgrammeTerms
from creditsvc.programmes.operations import LineTerms
from tests import factories as make


@pytest.fixture
def park(app):
    make.make_pool("ms-azure", "5000000", partner=make.make_partner("microsoft").key)
    make.make_programme("techconnect")
    make.make_cohort("techconnect", "tc-2026a")
    make.make_package("techconnect", [LineTerms("azure-credit", "ms-azure", "25000", 12)])
    make.make_startup("harbour-robotics")
    return app


def act(verb, caller=None, **what):
    return transaction(lambda: getattr(operations, verb)(caller or make.somebody(), **what))


def enrol(**changed):
    return act("enrol", **{
        "startup": "harbour-robotics", "cohort": "tc-2026a", "package": "standard", "status": "applied",
        "on": date(2026, 3, 5), **changed,
    })


def enrolments(startup):
    return reading.enrolments_of(make.somebody(), find_startup(make.somebody(), startup))


@pytest.mark.parametrize(
    "what, unit",
    [
        ({"kind": "credit", "unit": "USD", "provider": "azure"}, "USD"),
        ({"kind": "hours"}, "hour"),
        ({"kind": "seats", "unit": "seat"}, "seat"),
    ],
)
def test_a_kind_of_resource_fixes_its_unit(app, what, unit):
    act("add_resource", key="it", **what)

    resource = db.session.scalars(select(Resource)).one()
    assert (resource.unit, resource.name) == (unit, "it")


@pytest.mark.parametrize(
    "what, field, code",
    [
        ({"kind": "barter"}, "kind", "unknown-kind"),
        ({"kind": "credit", "provider": "azure"}, "unit", "unit-of-credit"),
        ({"kind": "credit", "unit": "seat", "provider": "azure"}, "unit", "unit-of-credit"),
        ({"kind": "credit", "unit": "usd", "provider": "azure"}, "unit", "unknown-unit"),
        ({"kind": "credit", "unit": "USD"}, "provider", "provider-of-credit"),
        ({"kind": "seats", "unit": "USD"}, "unit", "unit-of-kind"),
        ({"kind": "hours", "provider": "azure"}, "provider", "provider-of-credit"),
        ({"kind": "hours", "key": "Not A Key"}, "key", "not-a-key"),
    ],
)
def test_a_resource_that_makes_no_sense_is_refused(app, what, field, code):
    with pytest.raises(RuleBroken) as refusal:
        act("add_resource", **{"key": "it", **what})

    assert (refusal.value.field, refusal.value.code) == (field, code)


def test_a_pool_lasts_to_the_end_of_its_last_day(park):
    pool = db.session.scalars(select(Pool).where(Pool.key == "ms-azure")).one()

    assert (pool.starts, pool.ends) == (datetime(2025, 12, 31, 16, tzinfo=UTC), datetime(2027, 12, 31, 16, tzinfo=UTC))
    assert (pool.amount, pool.committed) == (5_000_000 * 10**8, 0)


@pytest.mark.parametrize(
    "what, field, code",
    [
        ({"amount": "0"}, "amount", "not-positive"),
        ({"amount": "-1"}, "amount", "not-positive"),
        ({"amount": "much"}, "amount", "not-a-number"),
        ({"ends": date(2025, 12, 31)}, "ends", "ends-before-start"),
        ({"key": "ms-azure"}, "key", "key-taken"),
    ],
)
def test_a_pool_that_makes_no_sense_is_refused(park, what, field, code):
    terms = {
        "key": "new", "partner": "microsoft", "resource": "azure-credit", "amount": "1", "starts": date(2026, 1, 1),
        "ends": date(2026, 12, 31),
    }

    with pytest.raises(RuleBroken) as refusal:
        act("add_pool", **{**terms, **what})

    assert (refusal.value.field, refusal.value.code) == (field, code)


@pytest.mark.parametrize("what", [{"partner": "nobody"}, {"resource": "nothing"}])
def test_a_pool_of_an_unknown_partner_or_resource_is_not_found(park, what):
    terms = {"key": "new", "partner": "microsoft", "resource": "azure-credit", "amount": "1"}

    with pytest.raises(NotFound):
        act("add_pool", starts=date(2026, 1, 1), **{**terms, **what})


def test_a_change_of_terms_applies_to_enrolments_made_after_it(park):
    enrol()
    act("state_terms", programme="techconnect", months=6)
    make.make_startup("late")
    enrol(startup="late")

    months = {key: enrolments(key)[0].months for key in ("harbour-robotics", "late")}

    assert months == {"harbour-robotics": 12, "late": 6}


def test_stating_the_terms_that_stand_changes_nothing(park):
    act("state_terms", programme="techconnect", months=12)

    assert len(db.session.scalars(select(ProgrammeTerms)).all()) == 1


@pytest.mark.parametrize("months", [0, -12, 121])
def test_terms_of_no_months_are_refused(park, months):
    with pytest.raises(RuleBroken) as refusal:
        act("state_terms", programme="techconnect", months=months)

    assert refusal.value.field == "months"


def test_a_programme_in_no_time_zone_is_refused(app):
    with pytest.raises(RuleBroken) as refusal:
        act("add_programme", key="p", name="P", months=12, timezone="Asia/Kowloon")

    assert refusal.value.field == "timezone"


def test_a_cohort_that_ends_before_it_starts_is_refused(park):
    with pytest.raises(RuleBroken) as refusal:
        act("add_cohort", programme="techconnect", key="x", name="X", starts=date(2026, 3, 1), ends=date(2026, 2, 28))

    assert refusal.value.field == "ends"


@pytest.mark.parametrize(
    "line, field",
    [
        (LineTerms("azure-credit", "ms-azure", "0", 12), "lines[1].amount"),
        (LineTerms("azure-credit", "ms-azure", "-1", 12), "lines[1].amount"),
        (LineTerms("azure-credit", "ms-azure", "1", 0), "lines[1].months"),
        (LineTerms("m365-bp", "ms-azure", "1", 12), "lines[1].pool"),
    ],
)
def test_a_wrong_line_of_a_package_is_refused_by_its_place(park, line, field):
    make.make_resource("m365-bp", "seats", None, None)

    with pytest.raises(RuleBroken) as refusal:
        act("add_package", programme="techconnect", key="more",
            lines=[LineTerms("azure-credit", "ms-azure", "1", 12), line])

    assert refusal.value.field == field
    assert len(db.session.scalars(select(PackageLine)).all()) == 1


def test_a_package_without_lines_is_refused(park):
    with pytest.raises(RuleBroken) as refusal:
        act("add_package", programme="techconnect", key="more", lines=[])

    assert refusal.value.code == "no-lines"


def test_enrolling_twice_does_it_once(park):
    first, again = enrol(), enrol()

    assert first.id == again.id
    entries = db.session.scalars(select(TrailEntry).where(TrailEntry.action == "enrolment.added")).all()
    assert len(entries) == 1


def test_a_package_can_be_given_to_an_enrolment_that_has_none(park):
    enrol(package=None)

    enrol()

    assert enrolments("harbour-robotics")[0].package == "standard"


def test_enrolling_with_another_package_is_a_conflict(park):
    make.make_package("techconnect", [LineTerms("azure-credit", "ms-azure", "1", 1)], "small")
    enrol()

    with pytest.raises(Conflict):
        enrol(package="small")


@pytest.mark.parametrize("changed", [{"startup": "nobody"}, {"cohort": "none"}, {"package": "none"}])
def test_enrolling_what_there_is_not_is_not_found(park, changed):
    with pytest.raises(NotFound):
        enrol(**changed)


def test_an_unknown_status_is_refused(park):
    with pytest.raises(RuleBroken) as refusal:
        enrol(status="paused")

    assert refusal.value.field == "status"


@pytest.mark.parametrize(
    "before, after, goes",
    [
        ("applied", "active", True), ("applied", "withdrawn", True), ("applied", "graduated", False),
        ("active", "graduated", True), ("active", "withdrawn", True), ("active", "applied", False),
        ("active", "active", True), ("graduated", "active", False), ("withdrawn", "active", False),
    ],
)
def test_an_enrolment_goes_from_step_to_step(park, before, after, goes):
    enrol(status=before)

    try:
        act("change_status", startup="harbour-robotics", cohort="tc-2026a", status=after)
    except Conflict:
        pass

    status = enrolments("harbour-robotics")[0].status
    assert (status == after) == goes


def test_a_manager_sees_a_startup_once_it_is_in_their_programme(park):
    programme = make.do(lambda: reading.by_key(make.Programme, "programme", "techconnect"))
    person = make.make_person(role="manager", programme_ids=[programme.id])
    seen = select(Startup.key).where(visible_startups(make.caller(person)))
    assert db.session.scalars(seen).all() == []

    enrol()

    assert db.session.scalars(seen).all() == ["harbour-robotics"]


def test_a_manager_of_one_programme_changes_no_other(park):
    other = make.make_programme("other")
    manager = make.caller(make.make_person(role="manager", programme_ids=[other.id]))

    for key in ("techconnect", "none-such"):  # one is as unknown as the other
        with pytest.raises(NotFound) as refusal:
            act("state_terms", manager, programme=key, months=6)
        assert refusal.value.args == NotFound("programme", key).args
    with pytest.raises(Forbidden):
        act("add_programme", manager, key="third", name="Third", months=6)
    assert [programme.key for programme in reading.programmes(manager)] == ["other"]


@pytest.mark.parametrize("role", ["auditor", "consultant"])
def test_who_only_reads_adds_nothing(park, role):
    reader = make.caller(make.make_person(role=role))

    with pytest.raises(Forbidden):
        act("add_partner", reader, key="x", name="X")


def test_cohorts_are_listed_with_the_terms_that_stand(park):
    act("state_terms", programme="techconnect", months=6)

    cohort = reading.cohorts(make.somebody())[0]

    assert (cohort.key, cohort.programme, cohort.months) == ("tc-2026a", "techconnect", 6)
