"""The mark of a person's visit: to the hour, one row, the one before kept."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from creditsvc.db import db, transaction
from creditsvc.parties.access import Caller, operator
from creditsvc.statements.models import Visit
from creditsvc.statements.visits import note_visit, visit_before
from tests import factories
from tests.conftest import NOW

FOUNDER = "founder@harbour.example"


@pytest.fixture
def startup_id(app: Flask) -> int:
    factories.make_startup("harbour")
    person = factories.make_member("harbour", FOUNDER)
    return next(iter(factories.caller(person).memberships))


def founder(hours: int) -> Caller:
    person = factories.do(lambda: factories.db.session.execute(
        select(factories.Person).where(factories.Person.email == FOUNDER)
    ).scalar_one())
    return factories.caller(person, NOW + timedelta(hours=hours, minutes=25))


def test_each_visit_remembers_the_one_before_it(startup_id: int):
    first = visit_before(founder(0), startup_id)
    transaction(lambda: note_visit(founder(0), startup_id))
    transaction(lambda: note_visit(founder(3), startup_id))
    within, later = visit_before(founder(3), startup_id), visit_before(founder(30), startup_id)
    transaction(lambda: note_visit(founder(30), startup_id))

    assert (first, within, later) == ((None, True), (None, False), (NOW, True))
    assert visit_before(founder(31), startup_id) == (NOW, False)
    assert db.session.scalar(select(func.count()).select_from(Visit)) == 1


def test_of_who_is_no_person_nothing_is_kept(startup_id: int):
    transaction(lambda: note_visit(operator(NOW), startup_id))

    assert visit_before(operator(NOW), startup_id) == (None, False)
    assert db.session.scalar(select(func.count()).select_from(Visit)) == 0
