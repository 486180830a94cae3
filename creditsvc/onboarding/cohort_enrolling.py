"""A whole cohort enrolled in one act: startups, enrolments, packages and invitations of owners, all or nothing.

Startups, enrolments and awards are written in sets. What is above a pool's limit is proposed instead of awarded.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from creditsvc.core.days import ends_at, last_day_of_months, starts_at, zone_named
from creditsvc.core.errors import Conflict, RuleBroken
from creditsvc.db import db
from creditsvc.grants.awards import Draft, award, by_month
from creditsvc.grants.models import Proposal
from creditsvc.grants.proposals import award_package_or_propose
from creditsvc.ledger.book import Cause
from creditsvc.ledger.locks import lock_pools
from creditsvc.ledger.models import Resource
from creditsvc.onboarding.cohort_tables import Planned, TableRow, plan
from creditsvc.parties.access import Caller, require
from creditsvc.parties.invitations import Sending, invite_member
from creditsvc.parties.models import Startup, StartupProgramme
from creditsvc.parties.trail import record_all
from creditsvc.programmes.models import Cohort, Enrolment, PackageLine, Programme
from creditsvc.programmes.reading import find_cohort, standing_terms
from creditsvc.sets import insert_absent


@dataclass(frozen=True)
class CohortEnrolled:
    """What was done: rows planned, invitations whose mails are to be sent, proposals to be told of, grants awarded."""

    planned: list[Planned]
    sendings: list[Sending] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)
    grants: int = 0

    @property
    def startup_ids(self) -> list[int]:
        """The startups of the rows."""
        return [one.startup_id for one in self.planned if one.startup_id is not None]


class RowsRefused(RuleBroken):
    """Rows of a table are refused, so nothing was done; `planned` has what is wrong with each."""

    def __init__(self, planned: list[Planned]) -> None:
        super().__init__("table", "rows-refused", "nobody was enrolled: put the rows right that are marked")
        self.planned = planned


def enrol_cohort(
    caller: Caller, *, cohort: str, rows: Sequence[TableRow], language: str = "en"
) -> CohortEnrolled:
    """Enrols everybody of a table in a cohort, or nobody. `language` is that of startups that are made.

    Raises NotFound("cohort"), Forbidden, RowsRefused, Conflict("table", "changed-meanwhile") where somebody else made
    the same startup at once.
    """
    require(caller, "startup.create")
    require(caller, "grant.award")
    intake = find_cohort(caller, cohort)
    planned = plan(caller, intake, rows)
    if any(one.refusals for one in planned):
        raise RowsRefused(planned)
    todo = [one for one in planned if not one.there]
    _make_startups(caller, intake, todo, language)
    enrolments = _make_enrolments(caller, intake, todo)
    proposals, grants = _award(caller, intake, planned, enrolments)
    sendings = [
        invite_member(caller, startup=one.key, email=one.owner, role="owner")
        for one in todo if one.owner and one.is_owner_new
    ]
    return CohortEnrolled(planned, sendings, proposals, grants)


def _make_startups(caller: Caller, intake: Cohort, todo: Sequence[Planned], language: str) -> None:
    new = [one for one in todo if one.startup_id is None]
    made = insert_absent(Startup, [
        {"key": one.key, "name": one.name, "language": language, "created_at": caller.now} for one in new
    ], "key", "id")
    if len(made) < len(new):
        raise Conflict("table", "changed-meanwhile", "somebody else made one of these startups just now: look again")
    ids = {key: int(startup_id) for key, startup_id in made}
    for one in new:
        one.startup_id = ids[one.key]
    programmes = {intake.programme_id, *(caller.programme_ids or ())}
    insert_absent(StartupProgramme, [
        {"startup_id": one.startup_id, "programme_id": programme_id} for one in todo
        for programme_id in sorted(programmes if one in new else {intake.programme_id})
    ])
    record_all(caller, "startup.created", [
        (f"startup:{one.key}", {"name": one.name, "language": language}) for one in new
    ])


def _make_enrolments(caller: Caller, intake: Cohort, todo: Sequence[Planned]) -> dict[int, int]:
    """The enrolments' ids by startup."""
    terms = standing_terms(intake.programme_id)
    made = insert_absent(Enrolment, [
        {"startup_id": one.startup_id, "cohort_id": intake.id, "package_id": one.package_id,
         "package_version": one.package_version, "terms_id": terms.id, "status": one.status,
         "enrolled_on": one.starts}
        for one in todo
    ], "startup_id", "id")
    if len(made) < len(todo):
        raise Conflict("table", "changed-meanwhile", "somebody else enrolled one of these startups just now: look "
                       "again")
    record_all(caller, "enrolment.added", [
        (f"startup:{one.key}", {
            "cohort": intake.key, "package": one.package, "status": one.status,
            "on": str(one.starts), "months": terms.months,
        }) for one in todo
    ])
    return {int(startup_id): int(enrolment_id) for startup_id, enrolment_id in made}


def _award(
    caller: Caller, intake: Cohort, planned: list[Planned], enrolments: dict[int, int]
) -> tuple[list[Proposal], int]:
    """Awards or proposes what enrolments bring. Raises RowsRefused where a pool or the book refuses a row."""
    drafts: list[Draft] = []
    lines = _lines_of(planned)
    zone = zone_named(db.session.get_one(Programme, intake.programme_id).timezone)
    pools = lock_pools({line.pool_id for own in lines.values() for line in own if line.pool_id is not None})
    try:
        for at, one in enumerate(planned):
            if not one.awards or one.proposes:
                continue
            assert one.startup_id is not None
            assert one.package_id is not None
            assert one.starts is not None
            first, mine = max(intake.starts, one.starts), list[Draft]()
            for line in lines[one.package_id]:
                assert line.pool_id is not None
                pool = pools[line.pool_id]
                draft = Draft(
                    startup_id=one.startup_id, startup=one.key, pool=pool, amount=line.amount,
                    effective=starts_at(first, zone), expires=ends_at(last_day_of_months(first, line.months), zone),
                    awarded=caller.now, enrolment_id=enrolments[one.startup_id], package_line_id=line.id,
                    place=f"rows[{at}].",
                )
                resource = db.session.get_one(Resource, pool.resource_id)
                mine += by_month(draft, resource, first, line.months, zone, mine) if line.monthly else [draft]
            drafts += mine
        grants = award(caller, drafts, Cause("award", f"package:{intake.key}", caller.actor))
    except RuleBroken as refusal:
        raise _at_its_row(refusal, planned) from refusal
    proposals: list[Proposal] = []
    for one in planned:
        if one.awards and one.proposes:
            made = award_package_or_propose(caller, startup=one.key, cohort=intake.key)
            if isinstance(made, Proposal):
                proposals.append(made)
    return proposals, len(grants)


def _lines_of(planned: Sequence[Planned]) -> dict[int, list[PackageLine]]:
    """The lines of the packages that are awarded, as they stand, by package."""
    versions = {one.package_id: one.package_version for one in planned if one.awards and one.package_id is not None}
    found: dict[int, list[PackageLine]] = {package_id: [] for package_id in versions}
    rows = db.session.scalars(
        select(PackageLine).where(PackageLine.package_id.in_(versions)).order_by(PackageLine.position)
    )
    for line in rows:
        if line.version == versions[line.package_id]:
            found[line.package_id].append(line)
    return found


def _at_its_row(refusal: RuleBroken, planned: list[Planned]) -> RuleBroken:
    """A refusal of an award, shown at the row whose package it is of."""
    place, _, name = refusal.field.removeprefix("rows[").partition("].")
    if not refusal.field.startswith("rows[") or not place.isdecimal():
        return refusal
    column = "starts" if name == "effective" else "package"
    params: dict[str, Any] = dict(refusal.params)
    planned[int(place)].refusals.append(RuleBroken(column, refusal.code, refusal.message, **params))
    return RowsRefused(planned)
