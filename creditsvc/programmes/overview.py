"""What a page shows of programmes: all with their figures, one with the versions of its terms and packages."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, select

from creditsvc.core.errors import NotFound
from creditsvc.db import db
from creditsvc.parties.access import Caller
from creditsvc.programmes.models import (
    Cohort,
    Enrolment,
    Package,
    PackageVersion,
    Partner,
    ProgrammeTerms,
)
from creditsvc.programmes.reading import (
    CohortView,
    LineView,
    PackageView,
    ProgrammeView,
    lines_by_version,
    programmes,
)


@dataclass(frozen=True)
class TermsVersion:
    """One version of a programme's terms, and how many enrolments it holds for."""

    version: int
    months: int
    stated_at: datetime
    stated_by: str | None
    reason: str | None
    enrolments: int


@dataclass(frozen=True)
class PackageHistory:
    """One version of a package; `stated_at` and `stated_by` are None where nobody kept them."""

    key: str
    version: int
    lines: tuple[LineView, ...]
    stated_at: datetime | None
    stated_by: str | None
    reason: str
    enrolments: int


@dataclass(frozen=True)
class CohortCounts:
    """A cohort with how many of its enrolments are in each state."""

    cohort: CohortView
    states: dict[str, int]

    @property
    def total(self) -> int:
        """All of its enrolments, whatever their state."""
        return sum(self.states.values())


@dataclass(frozen=True)
class ProgrammePage:
    """A programme whole; versions are newest first. For a partner's viewer nobody who stated one is named, nor why."""

    programme: ProgrammeView
    terms: tuple[TermsVersion, ...]
    packages: tuple[PackageHistory, ...]
    cohorts: tuple[CohortCounts, ...]


def programme_page(caller: Caller, key: str) -> ProgrammePage:
    """One programme in a fixed number of statements. Raises NotFound("programme"), Forbidden."""
    programme = next((one for one in programmes(caller) if one.key == key), None)
    if programme is None:
        raise NotFound("programme", key)
    terms, packages = _terms(programme.id), _packages(programme.id, caller)
    if caller.role == "partner":  # reasons are written for colleagues, and may name a startup
        terms = tuple(replace(one, stated_by=None, reason=None) for one in terms)
        packages = tuple(replace(one, stated_at=None, stated_by=None, reason="") for one in packages)
    giver = None if programme.partner_id is None else db.session.get_one(Partner, programme.partner_id)
    standing = {one.key: one for one in reversed(packages)}  # versions are newest first: the last one written stands
    view = ProgrammeView(
        programme.key, programme.name, programme.name_zh_hant, programme.name_zh_hans,
        None if giver is None else giver.key, programme.timezone,
        terms[0].months, terms[0].version,
        tuple(PackageView(one.key, one.version, one.lines) for one in reversed(standing.values())),
        None if giver is None else giver.name,
    )
    intakes = db.session.scalars(
        select(Cohort).where(Cohort.programme_id == programme.id).order_by(Cohort.starts.desc(), Cohort.key)
    )
    cohorts = [
        CohortView(one.key, one.name, programme.key, programme.name, one.starts, one.ends, terms[0].months)
        for one in intakes
    ]
    return ProgrammePage(view, terms, packages, counted_cohorts(cohorts))


def _terms(programme_id: int) -> tuple[TermsVersion, ...]:
    rows = db.session.execute(
        select(ProgrammeTerms, func.count(Enrolment.id))
        .outerjoin(Enrolment, Enrolment.terms_id == ProgrammeTerms.id)
        .where(ProgrammeTerms.programme_id == programme_id)
        .group_by(ProgrammeTerms.id)
        .order_by(ProgrammeTerms.version.desc())
    )
    return tuple(
        TermsVersion(row.version, row.months, row.stated_at, row.stated_by, row.reason, count) for row, count in rows
    )


def _packages(programme_id: int, caller: Caller) -> tuple[PackageHistory, ...]:
    rows = db.session.scalars(select(Package).where(Package.programme_id == programme_id))
    packages = {package.id: package for package in rows}
    stated = {
        (row.package_id, row.version): row
        for row in db.session.scalars(select(PackageVersion).where(PackageVersion.package_id.in_(packages)))
    }
    used: dict[tuple[int | None, int], int] = {
        (package_id, version): count for package_id, version, count in db.session.execute(
            select(Enrolment.package_id, Enrolment.package_version, func.count())
            .where(Enrolment.package_id.in_(packages))
            .group_by(Enrolment.package_id, Enrolment.package_version)
        )
    }
    histories = []
    for (package_id, version), lines in lines_by_version(packages, caller).items():
        by = stated.get((package_id, version))
        histories.append(PackageHistory(
            packages[package_id].key, version, tuple(lines), by.stated_at if by else None,
            by.stated_by if by else None, by.reason if by else "", used.get((package_id, version), 0),
        ))
    return tuple(sorted(histories, key=lambda one: (one.key, -one.version)))


def counted_cohorts(found: Iterable[CohortView]) -> tuple[CohortCounts, ...]:
    """Cohorts with how many enrolments of each state they have, in one statement."""
    views = list(found)
    states: dict[str, dict[str, int]] = defaultdict(dict)
    rows = db.session.execute(
        select(Cohort.key, Enrolment.status, func.count())
        .join(Enrolment, Enrolment.cohort_id == Cohort.id)
        .where(Cohort.key.in_([view.key for view in views]))
        .group_by(Cohort.key, Enrolment.status)
    )
    for key, status, count in rows:
        states[key][status] = count
    return tuple(CohortCounts(view, states.get(view.key, {})) for view in views)
