"""Startups, people and who belongs where."""

import pytest
from flask import Flask
from sqlalchemy import select

from creditsvc.core.errors import Conflict, Forbidden, NotFound, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.parties import operations
from creditsvc.parties.models import ManagerProgramme, Membership, Person, TrailEntry
from creditsvc.parties.reading import list_startups
from tests import factories
from tests.factories import somebody


def trail(action: str) -> list[TrailEntry]:
    return list(db.session.scalars(select(TrailEntry).where(TrailEntry.action == action)))


def test_a_startup_is_made_once_and_the_trail_says_by_whom(app: Flask):
    transaction(lambda: operations.create_startup(somebody(), key="harbour", name=" Harbour "))

    with pytest.raises(Conflict) as refused:
        transaction(lambda: operations.create_startup(somebody(), key="harbour", name="Another"))

    assert (refused.value.field, refused.value.code) == ("key", "key-taken")
    assert [(entry.actor, entry.after["name"]) for entry in trail("startup.created")] == [
        ("operator@park.example", "Harbour")
    ]


@pytest.mark.parametrize(
    "key, name, language, field",
    [
        ("Harbour", "x", "en", "key"), ("", "x", "en", "key"), ("-a", "x", "en", "key"), ("a" * 101, "x", "en", "key"),
        ("new", "x", "en", "key"), ("a", " ", "en", "name"), ("a", "x\ny", "en", "name"), ("a", "x", "de", "language"),
    ],
)
def test_a_startup_that_makes_no_sense_is_refused_at_its_field(
    app: Flask, key: str, name: str, language: str, field: str
):
    with pytest.raises(RuleBroken) as refused:
        transaction(lambda: operations.create_startup(somebody(), key=key, name=name, language=language))

    assert refused.value.field == field
    assert list_startups(somebody()) == []


def test_what_a_limited_manager_makes_is_in_their_programme_so_that_they_see_it(app: Flask):
    programme = factories.make_programme()
    factories.make_startup("elsewhere")
    manager = factories.caller(factories.make_person(role="manager", programme_ids=[programme.id]))

    transaction(lambda: operations.create_startup(manager, key="mine", name="Mine"))

    assert [startup.key for startup in list_startups(manager)] == ["mine"]


def test_an_address_is_one_person_whatever_its_capitals(app: Flask):
    factories.make_person("lee@park.example", "manager")

    with pytest.raises(Conflict):
        factories.make_person("LEE@park.example", "auditor")


@pytest.mark.parametrize("email", ["", "lee", "lee@", "a b@c", "lee@park.example\nBcc: x@y", "<lee@park.example>"])
def test_what_is_no_mail_address_is_refused(app: Flask, email: str):
    with pytest.raises(RuleBroken) as refused:
        factories.make_person(email or " ", "manager")

    assert refused.value.field == "email"


def test_a_change_of_role_ends_the_sessions_and_forgets_the_programmes(app: Flask):
    programme = factories.make_programme()
    person = factories.make_person("lee@park.example", "manager", programme_ids=[programme.id])

    transaction(lambda: operations.edit_person(somebody(), "lee@park.example", name="Lee", role="auditor"))

    changed = db.session.get_one(Person, person.id)
    assert (changed.role, changed.session_epoch) == ("auditor", person.session_epoch + 1)
    assert db.session.scalars(select(ManagerProgramme)).all() == []


def test_only_an_administrator_makes_people(app: Flask):
    manager = factories.caller(factories.make_person(role="manager"))

    with pytest.raises(Forbidden):
        transaction(lambda: operations.add_person(manager, email="x@park.example", name="X", role="administrator"))


def test_belonging_twice_is_belonging_once_in_the_newer_role(app: Flask):
    factories.make_startup("harbour")

    for email, role in (("chan@harbour.example", "member"), ("Chan@Harbour.example", "owner")):
        transaction(
            lambda email=email, role=role: operations.add_membership(
                somebody(), startup="harbour", email=email, name="M. Chan", role=role
            )
        )

    assert [membership.role for membership in db.session.scalars(select(Membership))] == ["owner"]


def test_a_manager_who_adds_a_known_person_does_not_rename_them(app: Flask):
    factories.make_startup("harbour")
    factories.make_person("lee@park.example", "manager")

    factories.make_member("harbour", "lee@park.example")

    assert operations.person_of("lee@park.example").name == "lee"


def test_nobody_who_does_not_belong_can_be_taken_out(app: Flask):
    factories.make_startup("harbour")
    factories.make_person("lee@park.example", "manager")

    with pytest.raises(NotFound):
        transaction(
            lambda: operations.end_membership(somebody(), startup="harbour", email="lee@park.example")
        )


@pytest.mark.parametrize(
    "password, code",
    [
        ("short", "too-short"), ("x" * 201, "too-long"), ("aaaaaaaaaaaaaaa", "too-easy"),
        ("LEE@park.example", "too-easy"),
    ],
)
def test_a_password_that_is_no_good_is_refused(app: Flask, password: str, code: str):
    factories.make_person("lee@park.example", "manager")

    with pytest.raises(RuleBroken) as refused:
        transaction(lambda: operations.set_password(somebody(), email="lee@park.example", password=password))

    assert refused.value.code == code


def test_a_password_is_kept_as_an_argon2_hash_alone_and_stands_in_no_trail(app: Flask):
    person = factories.make_person("lee@park.example", "manager", factories.PASSWORD)

    assert person.password_hash.startswith("$argon2id$")
    assert all(factories.PASSWORD not in repr((entry.before, entry.after)) for entry in trail("password.set"))
