"""Partners, programmes, cohorts, packages and enrolments as they stand: look-ups by key, and lists for pages."""

from dataclasses import dataclass
from datetime import date
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, false, func, select

from creditsvc.core.amounts import Unit, unit_named
from creditsvc.core.days import DEFAULT_ZONE, zone_named
from creditsvc.core.errors import NotFound
from creditsvc.db import Model, db
from creditsvc.ledger.models import Resource
from creditsvc.parties.access import Caller, require
from creditsvc.parties.models import Startup, StartupProgramme
from creditsvc.programmes.models import (
    Cohort,
    Enrolment,
    Package,
    PackageLine,
    Partner,
    Programme,
    ProgrammeTerms,
)

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class LineView:
    """One line of a package; the amount in steps of the unit. `has_pool` is False while its pool is to follow."""

    position: int
    resource: str
    pool: str
    kind: str
    unit: Unit
    amount: int
    months: int
    has_pool: bool


@dataclass(frozen=True)
class CohortView:
    """A cohort with its programme; `months` is of the terms that stand now."""

    key: str
    name: str
    programme: str
    programme_name: str
    starts: date
    ends: date
    months: int


@dataclass(frozen=True)
class EnrolmentView:
    """A startup in a cohort; `months` is of the terms that stood when it was enrolled.

    `is_awarded` says whether its package was awarded, where the reader asked for it.
    """

    startup: str
    cohort: str
    cohort_name: str
    programme: str
    programme_name: str
    package: str | None
    status: str
    enrolled_on: date
    months: int
    is_awarded: bool = False


def by_key(model: type[M], what: str, key: str) -> M:
    """The row of that key. `what` is the word for it in the refusal: raises NotFound(what, key)."""
    row = db.session.scalar(select(model).where(model.__table__.c.key == key))
    if row is None:
        raise NotFound(what, key)
    return row


def standing_terms(programme_id: int) -> ProgrammeTerms:
    """The newest version of a programme's terms."""
    newest = (
        select(ProgrammeTerms)
        .where(ProgrammeTerms.programme_id == programme_id)
        .order_by(ProgrammeTerms.version.desc())
        .limit(1)
    )
    return db.session.execute(newest).scalar_one()


def find_package(programme_id: int, key: str) -> Package | None:
    """The programme's package of that key, if there is one."""
    return db.session.scalar(select(Package).where(Package.programme_id == programme_id, Package.key == key))


def find_enrolment(startup_id: int, cohort: str) -> Enrolment:
    """The startup's enrolment in the cohort, locked and read fresh: its steps are guarded by its state (L13).

    Raises NotFound("enrolment").
    """
    enrolment = db.session.scalar(
        select(Enrolment)
        .join(Cohort, Cohort.id == Enrolment.cohort_id)
        .where(Enrolment.startup_id == startup_id, Cohort.key == cohort)
        .with_for_update(of=Enrolment)
        .execution_options(populate_existing=True)
    )
    if enrolment is None:
        raise NotFound("enrolment", f"in {cohort}")
    return enrolment


def lines_of(package_id: int) -> list[PackageLine]:
    """The lines of a package in their order."""
    return list(
        db.session.scalars(
            select(PackageLine).where(PackageLine.package_id == package_id).order_by(PackageLine.position)
        )
    )


def line_views(package_id: int) -> list[LineView]:
    """The lines of a package with the keys of what they bring."""
    rows = db.session.execute(
        select(PackageLine, Resource)
        .join(Resource, Resource.id == PackageLine.resource_id)
        .where(PackageLine.package_id == package_id)
        .order_by(PackageLine.position)
    )
    return [
        LineView(
            line.position, resource.key, line.pool_key, resource.kind, unit_named(resource.unit), line.amount,
            line.months, line.pool_id is not None,
        )
        for line, resource in rows
    ]


def zone_of_startup(startup_id: int) -> ZoneInfo:
    """The calendar in which days typed for the startup are meant (L4).

    That of its programmes when they agree on one, Asia/Hong_Kong when there is none or they differ.
    """
    names = set(
        db.session.scalars(
            select(Programme.timezone)
            .join(StartupProgramme, StartupProgramme.programme_id == Programme.id)
            .where(StartupProgramme.startup_id == startup_id)
        )
    )
    return zone_named(names.pop()) if len(names) == 1 else DEFAULT_ZONE


def partners(caller: Caller) -> list[Partner]:
    """All partners by key; a partner's viewer sees its own. Raises Forbidden."""
    require(caller, "programme.see")
    statement = select(Partner).order_by(Partner.key)
    if caller.role == "partner":
        statement = statement.where(Partner.id == caller.partner_id)
    return list(db.session.scalars(statement))


def programmes(caller: Caller) -> list[Programme]:
    """The programmes that the caller looks after, by key; a partner's viewer sees its partner's. Raises Forbidden."""
    require(caller, "programme.see")
    statement = select(Programme).order_by(Programme.key)
    if caller.role == "partner":
        statement = statement.where(Programme.partner_id == caller.partner_id)
    if caller.programme_ids is not None:
        statement = statement.where(Programme.id.in_(caller.programme_ids))
    return list(db.session.scalars(statement))


def cohorts(caller: Caller) -> list[CohortView]:
    """The cohorts of the programmes that `programmes` lists, newest first. Raises Forbidden."""
    visible = {programme.id: programme for programme in programmes(caller)}
    newest = (
        select(ProgrammeTerms.programme_id, func.max(ProgrammeTerms.version).label("version"))
        .group_by(ProgrammeTerms.programme_id)
        .subquery()
    )
    rows = db.session.execute(
        select(Cohort, ProgrammeTerms.months)
        .join(newest, newest.c.programme_id == Cohort.programme_id)
        .join(
            ProgrammeTerms,
            (ProgrammeTerms.programme_id == Cohort.programme_id) & (ProgrammeTerms.version == newest.c.version),
        )
        .where(Cohort.programme_id.in_(visible))
        .order_by(Cohort.starts.desc(), Cohort.key)
    )
    return [
        CohortView(
            cohort.key, cohort.name, visible[cohort.programme_id].key, visible[cohort.programme_id].name,
            cohort.starts, cohort.ends, months,
        )
        for cohort, months in rows
    ]


def enrolments_of(startup: Startup, awarded: ColumnElement[bool] | None = None) -> list[EnrolmentView]:
    """The enrolments of a startup, oldest first. The caller must have been allowed to see it.

    `awarded` is the condition on `Enrolment` that its package was awarded (rooms above know it).
    """
    is_awarded = false() if awarded is None else awarded
    rows = db.session.execute(
        select(Enrolment, Cohort, Programme, Package.key, ProgrammeTerms.months, is_awarded)
        .join(Cohort, Cohort.id == Enrolment.cohort_id)
        .join(Programme, Programme.id == Cohort.programme_id)
        .join(ProgrammeTerms, ProgrammeTerms.id == Enrolment.terms_id)
        .outerjoin(Package, Package.id == Enrolment.package_id)
        .where(Enrolment.startup_id == startup.id)
        .order_by(Enrolment.enrolled_on, Enrolment.id)
    )
    return [
        EnrolmentView(
            startup.key, cohort.key, cohort.name, programme.key, programme.name, package, enrolment.status,
            enrolment.enrolled_on, months, bool(was_awarded),
        )
        for enrolment, cohort, programme, package, months, was_awarded in rows
    ]
