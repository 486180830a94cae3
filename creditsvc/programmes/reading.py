"""Partners, programmes, cohorts, packages and enrolments as they stand: look-ups by key, and lists for pages."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, bindparam, false, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from creditsvc.core.amounts import Unit, unit_named
from creditsvc.core.days import DEFAULT_ZONE, zone_named
from creditsvc.core.errors import NotFound
from creditsvc.db import Model, db, table_of
from creditsvc.ledger.models import Pool, Resource
from creditsvc.parties.access import Caller, require, visible_startups
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
from creditsvc.sets import send

M = TypeVar("M", bound=Model)

_TIMEZONES = (
    select(table_of(Programme).c.timezone)
    .join(StartupProgramme, StartupProgramme.programme_id == Programme.id)
    .where(StartupProgramme.startup_id == bindparam("startup_id"))
)


@dataclass(frozen=True)
class LineView:
    """One line of a package; the amount in steps of the unit, each month where it is `monthly`.

    `has_pool` is False while its pool is to follow.
    """

    position: int
    resource: str
    pool: str
    kind: str
    unit: Unit
    amount: int
    months: int
    monthly: bool
    has_pool: bool


@dataclass(frozen=True)
class PackageView:
    """What an enrolment with it brings, by the version that stands."""

    key: str
    version: int
    lines: tuple[LineView, ...]


@dataclass(frozen=True)
class ProgrammeView:
    """A programme with the terms that stand now (`version` of them) and its packages."""

    key: str
    name: str
    name_zh_hant: str | None
    name_zh_hans: str | None
    partner: str | None
    timezone: str
    months: int
    version: int
    packages: tuple[PackageView, ...]
    partner_name: str | None = None


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


def lines_of(package_id: int, version: int) -> list[PackageLine]:
    """The lines of a version of a package in their order."""
    mine = PackageLine.package_id == package_id, PackageLine.version == version
    return list(db.session.scalars(select(PackageLine).where(*mine).order_by(PackageLine.position)))


def line_views(package_id: int) -> list[LineView]:
    """The lines of a package, as they stand, with the keys of what they bring."""
    package = db.session.get_one(Package, package_id)
    return lines_by_version([package_id])[package_id, package.version]


def lines_by_version(
    package_ids: Iterable[int], caller: Caller | None = None
) -> dict[tuple[int, int], list[LineView]]:
    """The lines of packages by package and version, in their order; for a partner's viewer those of its pools."""
    rows = db.session.execute(
        select(PackageLine, Resource, Pool.partner_id)
        .join(Resource, Resource.id == PackageLine.resource_id)
        .outerjoin(Pool, Pool.id == PackageLine.pool_id)
        .where(PackageLine.package_id.in_(list(package_ids)))
        .order_by(PackageLine.package_id, PackageLine.version, PackageLine.position)
    )
    lines: dict[tuple[int, int], list[LineView]] = defaultdict(list)
    for line, resource, partner_id in rows:
        of_version = lines[line.package_id, line.version]  # there, whatever of it may be seen
        if caller is not None and caller.role == "partner" and partner_id != caller.partner_id:
            continue
        of_version.append(LineView(
            line.position, resource.key, line.pool_key, resource.kind, unit_named(resource.unit), line.amount,
            line.months, line.monthly, line.pool_id is not None,
        ))
    return lines


def zone_of_startup(startup_id: int) -> ZoneInfo:
    """The calendar in which days typed for the startup are meant (L4).

    That of its programmes when they agree on one, Asia/Hong_Kong when there is none or they differ.
    """
    names = {row[0] for row in send(_TIMEZONES, [{"startup_id": startup_id}])}
    return zone_named(names.pop()) if len(names) == 1 else DEFAULT_ZONE


def zones_of_startups(startup_ids: Sequence[int]) -> dict[int, ZoneInfo]:
    """The calendars of some startups, as `zone_of_startup` has that of one, in one statement."""
    names: dict[int, set[str]] = {startup_id: set() for startup_id in startup_ids}
    for startup_id, name in db.session.execute(
        select(StartupProgramme.startup_id, Programme.timezone)
        .join(Programme, Programme.id == StartupProgramme.programme_id)
        .where(StartupProgramme.startup_id.in_(startup_ids))
    ):
        names[startup_id].add(name)
    return {
        startup_id: zone_named(found.pop()) if len(found) == 1 else DEFAULT_ZONE for startup_id, found in names.items()
    }


def taking_part(caller: Caller, programme: str) -> ColumnElement[bool]:
    """The condition on `Startup` that it takes part in the programme of that key, if the caller may know of it."""
    return Startup.id.in_(
        select(StartupProgramme.startup_id)
        .join(Programme, Programme.id == StartupProgramme.programme_id)
        .where(Programme.key == programme, looked_after(caller))
    )


def partners(caller: Caller) -> list[Partner]:
    """All partners by key; a partner's viewer sees its own. Raises Forbidden."""
    require(caller, "programme.see")
    statement = select(Partner).order_by(Partner.key)
    if caller.role == "partner":
        statement = statement.where(Partner.id == caller.partner_id)
    return list(db.session.scalars(statement))


def resources(caller: Caller) -> list[Resource]:
    """What can be granted, by key; a partner's viewer sees that of its partner's pools. Raises Forbidden."""
    require(caller, "programme.see")
    statement = select(Resource).order_by(Resource.key)
    if caller.role == "partner":
        statement = statement.where(Resource.id.in_(
            select(Pool.resource_id).where(Pool.partner_id == caller.partner_id)
        ))
    return list(db.session.scalars(statement))


def programmes(caller: Caller) -> list[Programme]:
    """The programmes that the caller looks after, by key; a partner's viewer sees its partner's. Raises Forbidden."""
    require(caller, "programme.see")
    statement = select(Programme).order_by(Programme.key)
    if caller.role == "partner":
        statement = statement.where(Programme.partner_id == caller.partner_id)
    return list(db.session.scalars(statement.where(looked_after(caller))))


def looked_after(caller: Caller) -> ColumnElement[bool]:
    """The condition on `Programme` that a manager limited to programmes looks after it; all of them for others."""
    return true() if caller.programme_ids is None else Programme.id.in_(caller.programme_ids)


def find_cohort(caller: Caller, key: str) -> Cohort:
    """The cohort of that key. Raises NotFound("cohort") also when it is of a programme the caller may not know of."""
    cohort = db.session.scalar(
        select(Cohort)
        .join(Programme, Programme.id == Cohort.programme_id)
        .where(Cohort.key == key, looked_after(caller))
    )
    if cohort is None:
        raise NotFound("cohort", key)
    return cohort


def programme_views(caller: Caller) -> list[ProgrammeView]:
    """What `programmes` lists, with terms and packages, in a fixed number of queries. Raises Forbidden."""
    found = programmes(caller)
    ids = [programme.id for programme in found]
    givers = {partner.id: partner for partner in db.session.scalars(select(Partner))}
    every_version = select(ProgrammeTerms).where(ProgrammeTerms.programme_id.in_(ids)).order_by(ProgrammeTerms.version)
    terms = {row.programme_id: row for row in db.session.scalars(every_version)}  # the newest is the last
    packages = db.session.scalars(select(Package).where(Package.programme_id.in_(ids)).order_by(Package.key)).all()
    lines = lines_by_version((package.id for package in packages), caller)
    return [
        ProgrammeView(
            programme.key, programme.name, programme.name_zh_hant, programme.name_zh_hans,
            None if giver is None else giver.key, programme.timezone,
            terms[programme.id].months, terms[programme.id].version,
            tuple(
                PackageView(package.key, package.version, tuple(lines.get((package.id, package.version), ())))
                for package in packages if package.programme_id == programme.id
            ),
            None if giver is None else giver.name,
        )
        for programme in found
        for giver in (None if programme.partner_id is None else givers[programme.partner_id],)
    ]


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


def enrolments_of(
    caller: Caller, startup: Startup, awarded: ColumnElement[bool] | None = None
) -> list[EnrolmentView]:
    """The enrolments of a startup that the caller was allowed to see, oldest first.

    A manager limited to programmes sees those in their programmes alone. `awarded` is the condition on `Enrolment` that
    its package was awarded (rooms above know it).
    """
    return _enrolments(
        Enrolment.startup_id == startup.id, looked_after(caller), awarded=awarded,
        order=(Enrolment.enrolled_on, Enrolment.id),
    )


def enrolments(
    caller: Caller, *, startup: str | None = None, programme: str | None = None, cohort: str | None = None,
    status: str | None = None, after: tuple[str, str] | None = None, limit: int | None = None,
    awarded: ColumnElement[bool] | None = None,
) -> list[EnrolmentView]:
    """The enrolments of the startups that the caller may see, by startup and cohort, from beyond those keys `after`.

    A manager limited to programmes sees those in their programmes alone. A filter that names nothing the caller may
    see leaves nothing.
    """
    wanted = {Startup.key: startup, Programme.key: programme, Cohort.key: cohort, Enrolment.status: status}
    conditions = [visible_startups(caller), looked_after(caller)]
    conditions += [column == value for column, value in wanted.items() if value is not None]
    if after is not None:
        conditions.append(or_(Startup.key > after[0], and_(Startup.key == after[0], Cohort.key > after[1])))
    return _enrolments(*conditions, awarded=awarded, order=(Startup.key, Cohort.key), limit=limit)


def _enrolments(
    *conditions: ColumnElement[bool], awarded: ColumnElement[bool] | None,
    order: tuple[InstrumentedAttribute[Any], ...], limit: int | None = None,
) -> list[EnrolmentView]:
    is_awarded = false() if awarded is None else awarded
    rows = db.session.execute(
        select(Enrolment, Startup.key, Cohort, Programme, Package.key, ProgrammeTerms.months, is_awarded)
        .join(Startup, Startup.id == Enrolment.startup_id)
        .join(Cohort, Cohort.id == Enrolment.cohort_id)
        .join(Programme, Programme.id == Cohort.programme_id)
        .join(ProgrammeTerms, ProgrammeTerms.id == Enrolment.terms_id)
        .outerjoin(Package, Package.id == Enrolment.package_id)
        .where(*conditions)
        .order_by(*order)
        .limit(limit)
    )
    return [
        EnrolmentView(
            startup, cohort.key, cohort.name, programme.key, programme.name, package, enrolment.status,
            enrolment.enrolled_on, months, bool(was_awarded),
        )
        for enrolment, startup, cohort, programme, package, months, was_awarded in rows
    ]
