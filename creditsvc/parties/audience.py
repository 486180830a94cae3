"""Whose business a startup's matters are: conditions on `Person`."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, exists, or_, select

from creditsvc.db import db
from creditsvc.parties.models import ManagerProgramme, Membership, Person, StartupProgramme


def people(condition: ColumnElement[bool]) -> Sequence[Person]:
    """The active people for whom it holds."""
    return db.session.scalars(select(Person).where(Person.active, condition).order_by(Person.id)).all()


def belongs_to(startup_id: int) -> ColumnElement[bool]:
    """One of the startup's people."""
    return exists().where(Membership.person_id == Person.id, Membership.startup_id == startup_id)


def owns(startup_id: int) -> ColumnElement[bool]:
    """One of its owners."""
    return exists().where(
        Membership.person_id == Person.id, Membership.startup_id == startup_id, Membership.role == "owner"
    )


def looks_after(startup_id: int) -> ColumnElement[bool]:
    """An administrator, or a manager of one of its programmes or of all."""
    of_a_programme = exists().where(
        ManagerProgramme.person_id == Person.id,
        ManagerProgramme.programme_id == StartupProgramme.programme_id,
        StartupProgramme.startup_id == startup_id,
    )
    manages = and_(Person.role == "manager", or_(Person.limited_to_programmes.is_(False), of_a_programme))
    return or_(Person.role == "administrator", manages)
