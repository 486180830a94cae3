"""What a letter says of an award: as it was made, with the reference that its partner gave for the pool."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select

from creditsvc.core.amounts import Unit, unit_named
from creditsvc.core.days import day_of, last_day
from creditsvc.core.errors import NotFound
from creditsvc.db import db
from creditsvc.grants.models import Grant
from creditsvc.ledger.models import LotFact, Pool, Resource
from creditsvc.parties.access import Caller, require_startup, visible_startups
from creditsvc.parties.models import Startup
from creditsvc.programmes.models import Cohort, Enrolment, Partner, Programme
from creditsvc.programmes.reading import zone_of_startup


@dataclass(frozen=True)
class LetterLine:
    """One grant of the award, or an allowance with so many `months`; the amount (of one month then) in steps of `unit`,
    as it was awarded."""

    key: str
    resource: str
    unit: Unit
    amount: int
    months: int
    first_day: date
    last_day: date | None
    partner: str
    reference: str | None


@dataclass(frozen=True)
class AwardLetter:
    """An award to a startup: what came with the enrolment of which the grant is, else the grant or its allowance.

    `programme` is in the startup's language; None where the award is of no enrolment.
    """

    key: str
    startup: str
    startup_name: str
    language: str
    zone: ZoneInfo
    awarded_at: datetime
    awarded_on: date
    programme: str | None
    cohort: str | None
    lines: tuple[LetterLine, ...]


def award_letter(caller: Caller, key: str) -> AwardLetter:
    """The letter of the award that a grant is of. Raises NotFound("grant")."""
    found = db.session.execute(
        select(Grant, Startup).join(Startup, Startup.id == Grant.startup_id)
        .where(Grant.key == key, visible_startups(caller))
    ).first()
    if found is None:
        raise NotFound("grant", key)
    grant, startup = found
    require_startup(caller, "startup.see", startup.key)
    mine = Grant.id == grant.id
    if grant.enrolment_id is not None:
        mine = Grant.enrolment_id == grant.enrolment_id
    elif grant.series is not None:
        mine = Grant.series == grant.series
    rows = db.session.execute(
        select(Grant, LotFact, Resource, Partner.name, Pool.reference)
        .join(LotFact, LotFact.id == Grant.lot_id)
        .join(Pool, Pool.id == LotFact.pool_id)
        .join(Resource, Resource.id == Pool.resource_id)
        .join(Partner, Partner.id == Pool.partner_id)
        .where(mine, Grant.startup_id == startup.id)
        .order_by(Grant.id)
    ).all()
    zone = zone_of_startup(startup.id)
    lines: dict[str, LetterLine] = {}
    for paper, lot, resource, partner, reference in rows:
        name = paper.series or paper.key
        first = lines[name].first_day if name in lines else day_of(lot.effective, zone)  # months come in their order
        lines[name] = LetterLine(
            name, resource.name, unit_named(resource.unit), lot.amount, 0 if paper.series is None else paper.month,
            first, None if lot.expires is None else last_day(lot.expires, zone), partner, reference,
        )
    programme, cohort = _programme_of(grant, startup.language)
    return AwardLetter(
        grant.series or grant.key, startup.key, startup.name, startup.language, zone,
        grant.awarded_at, day_of(grant.awarded_at, zone), programme, cohort, tuple(lines.values()),
    )


def _programme_of(grant: Grant, language: str) -> tuple[str | None, str | None]:
    if grant.enrolment_id is None:
        return None, None
    programme, cohort = db.session.execute(
        select(Programme, Cohort.name)
        .join(Cohort, Cohort.programme_id == Programme.id)
        .join(Enrolment, Enrolment.cohort_id == Cohort.id)
        .where(Enrolment.id == grant.enrolment_id)
    ).one()
    names = {"zh_Hant": programme.name_zh_hant, "zh_Hans": programme.name_zh_hans}
    return names.get(language) or programme.name, cohort
