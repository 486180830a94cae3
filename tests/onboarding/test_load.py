import copy
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, inspect, select, text

from creditsvc.core.errors import FileRefused, Forbidden
from creditsvc.db import db, transaction
from creditsvc.grants import operations, reading
from creditsvc.grants.models import Grant
from creditsvc.ledger.models import Pool, ScopeFact
from creditsvc.ledger.verify import verify
from creditsvc.onboarding.documents import parse_document
from creditsvc.onboarding.load import load_documents
from creditsvc.parties.models import Person, Startup
from creditsvc.parties.reading import find_startup
from creditsvc.programmes.reading import enrolments_of
from creditsvc.usage.reading import scopes_of
from tests import factories as make

USD = 10**8
PARK = parse_document("park.yaml", (Path(__file__).parent / "park.yaml").read_text(encoding="utf-8"))


def load(*documents, caller=None):
    named = [(f"{number}.yaml", document) for number, document in enumerate(documents)]
    return transaction(lambda: load_documents(caller or make.somebody(), named))


def changed(*path, to):
    """The park with one value changed."""
    park = copy.deepcopy(PARK)
    at = park
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = to
    return park


def everything():
    """All rows of all tables."""
    tables = [name for name in inspect(db.engine).get_table_names() if name != "alembic_version"]
    return {
        name: sorted(map(repr, db.session.execute(text(f'SELECT * FROM "{name}"')).all())) for name in sorted(tables)
    }


def refusal_of(document):
    with pytest.raises(FileRefused) as refusal:
        load(document)
    return refusal.value.errors


def lot(key, as_of=make.NOW):
    return reading.find_grant(make.somebody(), key, as_of=as_of).lot


def test_a_park_is_loaded_whole(app):
    report = load(PARK)

    assert report.new == {
        "partners": 1, "resources": 3, "programmes": 1, "cohorts": 1, "packages": 1, "pools": 3, "startups": 3,
        "members": 1, "scopes": 3, "enrolments": 2, "grants": 7, "users": 2,
    }
    assert (report.changed, report.same) == ({}, {})
    assert verify()["differences"] == []


def test_a_loaded_grant_stands_as_if_it_had_been_awarded(app):
    load(PARK)

    assert lot("hr-azure").effective == datetime(2026, 2, 28, 16, tzinfo=UTC)
    assert lot("hr-azure").expires == datetime(2027, 2, 28, 16, tzinfo=UTC)
    assert lot("hr-azure").standing.drawn == 1200 * USD
    grant = reading.find_grant(make.somebody(), "hr-azure").grant
    assert grant.awarded_at == datetime(2026, 2, 20, 1, tzinfo=UTC)
    assert db.session.execute(select(Pool.committed).where(Pool.key == "ms-azure-2026")).scalar_one() == (
        (25000 + 25000 + 1100 + 50 + 5) * USD
    )


def test_what_happened_before_go_live_is_loaded_with_its_grant(app):
    load(PARK)

    assert (lot("sf-old").amount, lot("sf-old").expires) == (1100 * USD, datetime(2027, 1, 31, 16, tzinfo=UTC))
    assert lot("sf-void").standing.voided == 50 * USD
    assert (lot("sf-odd").worthless, lot("sf-odd").standing.expired) == (True, 5 * USD)


def test_an_enrolment_may_award_its_package(app):
    load(PARK)

    keys = [view.key for view in reading.grants_of(make.somebody(), "peak-vision")]
    assert keys == ["peak-vision-azure-credit-1", "peak-vision-m365-bp-1", "peak-vision-consulting-1"]
    assert lot(keys[0]).expires == datetime(2027, 4, 14, 16, tzinfo=UTC)


def test_a_scope_that_changed_hands_is_loaded_with_its_days(app):
    load(PARK)

    ids = dict(db.session.execute(select(Startup.key, Startup.id)).all())
    before, after = scopes_of(ids["peak-vision"])[0], scopes_of(ids["star-ferry-labs"])[0]
    assert before.external_id == after.external_id == "1caaa5a3-2b66-438e-8ab4-bce37d518c5d"
    assert before.ends == after.starts == datetime(2026, 4, 30, 16, tzinfo=UTC)


def test_an_enrolment_without_a_day_is_of_the_intakes_first(app):
    load(PARK)

    startup = find_startup(make.somebody(), "harbour-robotics")
    assert enrolments_of(make.somebody(), startup)[0].enrolled_on == date(2026, 3, 1)


def test_users_get_no_password(app):
    load(PARK)

    people = db.session.scalars(select(Person)).all()
    assert {person.email: (person.role, person.password_hash) for person in people} == {
        "founder@harbour-robotics.example": (None, None),
        "manager@park.example": ("manager", None),
        "viewer@microsoft.example": ("partner", None),
    }


def test_loading_again_changes_nothing(app):
    load(PARK)
    before = everything()

    report = load(PARK)

    assert (report.new, report.changed) == ({}, {})
    assert report.same["grants"] == 7
    assert everything() == before


def test_json_means_the_same_as_yaml(app):
    load(PARK)

    report = load(json.loads(json.dumps(PARK)))

    assert report.is_unchanged


def test_several_files_are_one_load(app):
    offers = {key: PARK[key] for key in ("partners", "resources", "programmes", "pools")}
    people = {key: PARK[key] for key in ("startups", "grants", "users")}

    report = load(people, offers)

    assert report.new["grants"] == 7


def test_an_empty_section_or_file_is_no_fault(app):
    assert load(None, {"partners": None, "grants": []}).is_unchanged


@pytest.mark.parametrize(
    "path, to, kind",
    [
        (("partners", 0, "name"), "Microsoft HK", "partners"),
        (("resources", 1, "name"), "M365", "resources"),
        (("programmes", 0, "name_zh_hant"), "科技", "programmes"),
        (("programmes", 0, "months"), 6, "programmes"),
        (("programmes", 0, "cohorts", 0, "name"), "Spring", "cohorts"),
        (("startups", 0, "name"), "Harbour Robotics Ltd", "startups"),
        (("startups", 0, "language"), "en", "startups"),
        (("startups", 0, "members", 0, "name"), "May Chan", "members"),
        (("startups", 0, "enrolments", 0, "status"), "graduated", "enrolments"),
        (("startups", 0, "scopes", 0, "until"), "2026-08-31", "scopes"),
        (("grants", 1, "reason"), "Second hackathon", "grants"),
        (("grants", 1, "top_ups"), [{"amount": "100"}, {"amount": "100"}, {"amount": "100"}], "grants"),
        (("grants", 1, "extensions"), [{"expires": "2027-06-30"}], "grants"),
        (("grants", 0, "voided_at"), "2026-06-01", "grants"),
        (("grants", 2, "opening_drawn"), "7", "grants"),
        (("users", 0, "name"), "Ann Lee", "users"),
    ],
)
def test_paperwork_is_updated_and_what_happened_since_is_added(app, path, to, kind):
    load(PARK)
    park = changed(*path, to=to)

    report = load(park)
    again = load(park)

    assert (report.new, report.changed) == ({}, {kind: 1})
    assert again.is_unchanged
    assert verify()["differences"] == []


def test_what_was_added_in_the_service_stays(app):
    load(PARK)
    transaction(lambda: operations.top_up_grant(make.somebody(), "hr-azure", amount="5"))
    transaction(lambda: operations.extend_grant(make.somebody(), "hr-azure", expires=date(2027, 6, 30)))
    transaction(lambda: operations.void_grant(make.somebody(), "hr-azure"))

    assert load(PARK).is_unchanged


DIFFERENT = [
    (("resources", 0, "unit"), "EUR", "USD"),
    (("resources", 0, "provider"), "aws", "azure"),
    (("programmes", 0, "timezone"), "Europe/London", "Asia/Hong_Kong"),
    (("programmes", 0, "cohorts", 0, "starts"), "2026-03-02", "2026-03-01"),
    (("programmes", 0, "packages", 0, "lines", 0, "amount"), "30000", "25000"),
    (("pools", 0, "amount"), "6000000", "5000000"),
    (("pools", 0, "ends"), "2028-12-31", "2027-12-31"),
    (("startups", 1, "enrolments", 0, "enrolled_on"), "2026-04-16", "2026-04-15"),
    (("startups", 1, "scopes", 0, "until"), "2026-04-29", "2026-04-30"),
    (("grants", 0, "amount"), "25001", "25000"),
    (("grants", 0, "effective"), "2026-03-02", "2026-03-01"),
    (("grants", 0, "expires"), "2027-03-01", "2027-02-28"),
    (("grants", 0, "priority"), 1, "0"),
    (("grants", 0, "promotional"), True, "False"),
    (("grants", 0, "awarded"), "2026-02-20T10:00:00+08:00", "2026-02-20T09:00:00+08:00"),
    (("grants", 0, "startup"), "peak-vision", "harbour-robotics"),
    (("grants", 0, "opening_drawn"), "1300", "1200"),
    (("grants", 0, "opening_at"), "2026-05-02", "2026-05-01"),
    (("grants", 2, "voided_at"), "2026-02-02", "2026-02-01"),
]
"""A fact that a second load states otherwise, and what the refusal says is in the book."""


def place(path):
    """The path of a value as refusals write it."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def test_a_fact_that_differs_is_refused_by_name_and_nothing_changes(app):
    load(PARK)
    before = everything()

    refusals = [(path, refusal_of(changed(*path, to=to))) for path, to, _ in DIFFERENT]

    assert [len(errors) for _, errors in refusals] == [1] * len(DIFFERENT)
    assert [errors[0].column for path, errors in refusals if not place(path).startswith(errors[0].column)] == []
    for (_, errors), (_, _, in_book) in zip(refusals, DIFFERENT, strict=True):
        assert f"differs from what is in the book, {in_book}" in errors[0].message
    assert everything() == before


WRONG = [
    (("grants", 0, "amount"), 25000, "grants[0].amount", "25000"),
    (("grants", 0, "amount"), "-5", "grants[0].amount", "-5"),
    (("grants", 0, "amount"), "much", "grants[0].amount", "much"),
    (("grants", 0, "amount"), "5000001", "grants[0].amount", "5000001"),
    (("grants", 0, "effective"), "2026-02-30", "grants[0].effective", "2026-02-30"),
    (("grants", 0, "effective"), "2025-12-31", "grants[0].effective", "2025-12-31"),
    (("grants", 0, "awarded"), "2026-02-20T09:00:00", "grants[0].awarded", "2026-02-20T09:00:00"),
    (("grants", 0, "startup"), "nobody", "grants[0].startup", "nobody"),
    (("grants", 0, "pool"), "nowhere", "grants[0].pool", "nowhere"),
    (("grants", 0, "pool"), "ms-seats", "grants[0].opening_drawn", "1200"),
    (("grants", 0, "pool"), "consultants", "grants[0].amount", "25000"),
    (("grants", 0, "opening_drawn"), "25001", "grants[0].opening_drawn", "25001"),
    (("grants", 0, "key"), "HR", "grants[0].key", "HR"),
    (("grants", 0, "key"), "sf-old", "grants[1].key", "sf-old"),
    (("grants", 0, "surprise"), "x", "grants[0].surprise", "x"),
    (("grants", 0), "x", "grants[0]", "x"),
    (("grants",), "x", "grants", "x"),
    (("grants", 1, "top_ups", 1, "amount"), "0", "grants[1].top_ups[1].amount", "0"),
    (("grants", 1, "extensions", 0, "expires"), "2026-02-28", "grants[1].extensions[0].expires", "2026-02-28"),
    (("startups", 0, "key"), 2026, "startups[0].key", "2026"),
    (("startups", 0, "language"), "fr", "startups[0].language", "fr"),
    (("startups", 0, "members", 0, "role"), "boss", "startups[0].members[0].role", "boss"),
    (("startups", 0, "members", 0, "email"), "nobody", "startups[0].members[0].email", "nobody"),
    (("startups", 0, "scopes", 0, "id"), "my-cloud", "startups[0].scopes[0].id", "my-cloud"),
    (("startups", 0, "scopes", 0, "resource"), "m365-bp", "startups[0].scopes[0].resource", "m365-bp"),
    (("startups", 1, "scopes", 0, "until"), "2026-03-31", "startups[1].scopes[0].until", "2026-03-31"),
    (("startups", 1, "scopes", 0, "until"), "2026-05-01", "startups[2].scopes[0].id",
     "1caaa5a3-2b66-438e-8ab4-bce37d518c5d"),
    (("startups", 0, "enrolments", 0, "cohort"), "none", "startups[0].enrolments[0].cohort", "none"),
    (("startups", 0, "enrolments", 0, "package"), "none", "startups[0].enrolments[0].package", "none"),
    (("startups", 1, "enrolments", 0, "status"), "applied", "startups[1].enrolments[0].status", "applied"),
    (("programmes", 0, "timezone"), "Asia/Kowloon", "programmes[0].timezone", "Asia/Kowloon"),
    (("programmes", 0, "months"), "12", "programmes[0].months", "12"),
    (("programmes", 0, "partner"), "nobody", "programmes[0].partner", "nobody"),
    (("programmes", 0, "packages", 0, "lines", 1, "pool"), "ms-azure-2026",
     "programmes[0].packages[0].lines[1].pool", "ms-azure-2026"),
    (("programmes", 0, "packages", 0, "lines", 0, "pool"), "nowhere",
     "programmes[0].packages[0].lines[0].pool", "nowhere"),
    (("pools", 0, "resource"), "nothing", "pools[0].resource", "nothing"),
    (("resources", 0, "kind"), "barter", "resources[0].kind", "barter"),
    (("users", 0, "role"), "king", "users[0].role", "king"),
    (("users", 0, "programmes"), ["none"], "users[0].programmes[0]", "none"),
    (("users", 1, "partner"), "none", "users[1].partner", "none"),
    (("users", 0, "email"), "founder@harbour-robotics.example", "users[0].name", "A. Lee"),
    (("unknown",), [], "unknown", ""),
]
"""A value that makes no sense, and the path and value that the refusal names."""


def test_a_wrong_value_is_refused_by_file_path_and_value_and_nothing_is_kept(app):
    before = everything()

    refusals = [refusal_of(changed(*path, to=to)) for path, to, _, _ in WRONG]

    named = [[(error.file, error.column, error.value) for error in errors] for errors in refusals]
    assert named == [[("0.yaml", column, value)] for _, _, column, value in WRONG]
    assert everything() == before


def test_all_wrong_shapes_of_all_files_are_named_at_once(app):
    first = changed("grants", 0, "amount", to=1)
    second = {"startups": [{"key": "A"}]}

    with pytest.raises(FileRefused) as refusal:
        load(first, second)

    assert [(error.file, error.column) for error in refusal.value.errors] == [
        ("0.yaml", "grants[0].amount"), ("1.yaml", "startups[0].key"), ("1.yaml", "startups[0].name"),
    ]


def test_a_package_that_its_pool_cannot_pay_is_refused_with_the_load(app):
    with pytest.raises(FileRefused) as refusal:
        load(changed("pools", 0, "amount", to="30000"))

    error = refusal.value.errors[0]
    assert error.column == "startups[1].enrolments[0].award"
    assert "ms-azure-2026 has 3845 USD left" in error.message
    assert db.session.scalar(select(func.count()).select_from(Grant)) == 0


def test_the_pool_of_what_is_not_awarded_yet_may_follow_and_that_is_noted(app):
    early = copy.deepcopy({**PARK, "pools": PARK["pools"][:1]})
    early["startups"][1]["enrolments"][0]["award"] = False
    report = load(early)
    again = load(PARK)

    assert again.notes == []
    assert [note.split(":")[1].strip() for note in report.notes] == [
        "programmes[0].packages[0].lines[1].pool", "programmes[0].packages[0].lines[2].pool",
    ]
    assert "no pool ms-seats yet" in report.notes[0]
    assert "the package is not awarded before there is" in report.notes[0]
    assert again.new == {"pools": 2, "grants": 3}


def test_a_package_whose_pools_are_to_follow_is_not_awarded(app):
    with pytest.raises(FileRefused) as refusal:
        load({**PARK, "pools": PARK["pools"][:1]})

    error = refusal.value.errors[0]
    assert error.column == "startups[1].enrolments[0].award"
    assert "there is no pool ms-seats yet" in error.message


def test_the_same_thing_in_two_files_is_refused_naming_both(app):
    with pytest.raises(FileRefused) as refusal:
        load(PARK, {"partners": PARK["partners"]})

    error = refusal.value.errors[0]
    assert (error.file, error.column) == ("1.yaml", "partners[0].key")
    assert "0.yaml" in error.message


def test_a_repeated_load_adds_no_scope_facts(app):
    load(PARK)
    facts = db.session.scalar(select(func.count()).select_from(ScopeFact))

    load(PARK)

    assert db.session.scalar(select(func.count()).select_from(ScopeFact)) == facts


@pytest.mark.parametrize("role", ["manager", "auditor"])
def test_only_an_administrator_loads(app, role):
    with pytest.raises(Forbidden):
        load(PARK, caller=make.caller(make.make_person(role=role)))
