"""Many startups at once: what would happen to each is planned and shown, then all of it is done in one act or nothing.

A plan is made twice: for the preview, and again with the pools and accounts locked (L12). Where the second says
anything else than the first, whoever pressed is told, and nothing is done.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import select

from creditsvc.core.amounts import Unit, format_amount, parse_amount, unit_named
from creditsvc.core.days import check_moment, ends_at, instant_text, starts_at
from creditsvc.core.errors import Conflict, RuleBroken
from creditsvc.db import db
from creditsvc.grants.awards import Draft, award, check_draft, refuse_above_limit
from creditsvc.grants.models import Grant
from creditsvc.grants.operations import package_drafts
from creditsvc.ledger import locks
from creditsvc.ledger.book import Cause
from creditsvc.ledger.models import Pool, Resource
from creditsvc.parties.access import Caller, require
from creditsvc.parties.models import Startup
from creditsvc.programmes.models import Cohort, Enrolment
from creditsvc.programmes.reading import find_cohort, zones_of_startups

MOST = 2000
"""The startups of one act: more would hold its locks for too long."""


@dataclass(frozen=True)
class Line:
    """A grant that would be made or changed: the amount in steps of `unit`, `before` its end now where it is extended.

    `what` is the pool's key of an award, else the grant's; `left` what the pool has left after it, where that is known.
    """

    what: str
    unit: Unit
    amount: int
    starts: datetime | None = None
    ends: datetime | None = None
    before: datetime | None = None
    left: int | None = None


@dataclass(frozen=True)
class PlannedRow:
    """What would happen to a startup, or why nothing would."""

    startup: str
    name: str
    lines: tuple[Line, ...] = ()
    why_not: RuleBroken | None = None

    @property
    def seal(self) -> str:
        """What tells this row from one in which anything else would happen."""
        said = [
            (one.what, one.unit.name, one.amount, instant_text(one.starts), instant_text(one.ends),
             instant_text(one.before), one.left)
            for one in self.lines
        ]
        refused = None if self.why_not is None else (self.why_not.field, self.why_not.code)
        return hashlib.sha256(repr((self.startup, said, refused)).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Plan:
    """What would happen to each startup. With a `refusal` nothing can happen to any of them as it was asked."""

    rows: tuple[PlannedRow, ...]
    refusal: RuleBroken | None = None
    drafts: tuple[Draft, ...] = field(default=(), repr=False)

    @property
    def seals(self) -> dict[str, str]:
        """The rows' seals by the startups' keys."""
        return {row.startup: row.seal for row in self.rows}

    @property
    def count(self) -> int:
        """To how many startups something would happen."""
        return sum(bool(row.lines) for row in self.rows)


@dataclass(frozen=True)
class AwardTerms:
    """The same award for each: an amount of the pool's resource, from a first day to a last one or without end."""

    pool: str
    amount: str
    effective: date | datetime
    expires: date | datetime | None = None
    reason: str = ""


def plan_awards(caller: Caller, startups: Sequence[Startup], terms: AwardTerms) -> Plan:
    """What awarding each of the startups the same amount from a pool would do.

    Raises Forbidden, RuleBroken at `pool` (unknown), `amount` (no amount above 0), `effective` or `expires`; where the
    pool has too little left for all of them, that is the plan's refusal.
    """
    require(caller, "grant.award")
    row = db.session.execute(
        select(Pool, Resource).join(Resource, Resource.id == Pool.resource_id).where(Pool.key == terms.pool)
    ).first()
    if row is None:
        raise RuleBroken("pool", "unknown-pool", "there is no pool %(pool)s", pool=terms.pool)
    pool, unit = row[0], unit_named(row[1].unit)
    steps = parse_amount(terms.amount, unit, "amount")
    first, last = check_moment(terms.effective, "effective"), terms.expires
    zones = zones_of_startups([startup.id for startup in startups])
    drafts = [
        Draft(
            startup_id=startup.id, startup=startup.key, pool=pool, amount=steps,
            effective=starts_at(first, zones[startup.id]),
            expires=None if last is None else ends_at(check_moment(last, "expires"), zones[startup.id]),
            awarded=caller.now, reason=terms.reason,
        )
        for startup in startups
    ]
    for draft in drafts:
        check_draft(draft, unit)  # the same for all but for the zone: a refusal belongs to the form's field
    return _plan(startups, {draft.startup_id: [draft] for draft in drafts}, {})


def plan_packages(caller: Caller, startups: Sequence[Startup], cohort: str) -> Plan:
    """What awarding each of the startups the package of its enrolment in a cohort would do.

    Raises Forbidden, NotFound("cohort").
    """
    require(caller, "grant.award")
    intake = find_cohort(caller, cohort)
    enrolments = _enrolments(intake, startups)
    awarded = set(db.session.scalars(
        select(Grant.enrolment_id).where(Grant.enrolment_id.in_([one.id for one in enrolments.values()]))
    ))
    drafts: dict[int, list[Draft]] = {}
    refused: dict[int, RuleBroken] = {}
    for startup in startups:
        enrolment = enrolments.get(startup.id)
        try:
            if enrolment is None:
                raise Conflict("enrolment", "not-enrolled", "it is not enrolled in %(cohort)s", cohort=cohort)
            if enrolment.id in awarded:
                raise Conflict("enrolment", "awarded", "its package was awarded already")
            made = package_drafts(caller, startup, intake, enrolment)
            for draft in made:
                check_draft(draft, _unit_of(draft.pool))
            drafts[startup.id] = made
        except RuleBroken as refusal:
            refused[startup.id] = refusal
    return _plan(startups, drafts, refused)


def award_all(caller: Caller, startups: Sequence[Startup], terms: AwardTerms, seen: Mapping[str, str]) -> Plan:
    """Awards what the preview showed (`seen`: its seals), to all startups to which it can happen, or to none.

    Raises what `plan_awards` does and the plan's refusal, Conflict("preview", "changed").
    """
    plan_awards(caller, startups, terms)  # refuses what is no award before anything is locked
    locks.lock_pool(terms.pool)
    return _awarded(caller, plan_awards(caller, startups, terms), seen)


def award_packages(caller: Caller, startups: Sequence[Startup], cohort: str, seen: Mapping[str, str]) -> Plan:
    """The same with the packages of a cohort. Raises what `plan_packages` does, and as `award_all`."""
    require(caller, "grant.award")
    intake = find_cohort(caller, cohort)
    ids = [one.id for one in _enrolments(intake, startups).values()]
    db.session.scalars(  # their steps are guarded by their state (L13)
        select(Enrolment).where(Enrolment.id.in_(ids)).order_by(Enrolment.id).with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    before = plan_packages(caller, startups, cohort)
    locks.lock_pools({draft.pool.id for draft in before.drafts})
    return _awarded(caller, plan_packages(caller, startups, cohort), seen)


def check_seen(plan: Plan, seen: Mapping[str, str]) -> None:
    """Refuses what is not what was shown, and what cannot happen. Raises Conflict("preview", "changed" | "nothing")."""
    if plan.seals != dict(seen):
        raise Conflict(
            "preview", "changed", "this changed since the preview was shown, so nothing was done: look at it again"
        )
    if plan.refusal is not None:
        raise plan.refusal
    if not plan.count:
        raise Conflict("preview", "nothing", "there is nothing to do for any of these startups")


def _awarded(caller: Caller, plan: Plan, seen: Mapping[str, str]) -> Plan:
    check_seen(plan, seen)
    award(caller, plan.drafts, Cause("award", "bulk", caller.actor))
    return plan


def _enrolments(intake: Cohort, startups: Sequence[Startup]) -> dict[int, Enrolment]:
    ids = [startup.id for startup in startups]
    found = db.session.scalars(
        select(Enrolment).where(Enrolment.cohort_id == intake.id, Enrolment.startup_id.in_(ids))
    )
    return {one.startup_id: one for one in found}


def _plan(
    startups: Sequence[Startup], drafts: Mapping[int, Sequence[Draft]], refused: Mapping[int, RuleBroken]
) -> Plan:
    """The plan of some drafts by startup: what each pool has left after each of them, and whether it is enough."""
    pools = {draft.pool.id: draft.pool for some in drafts.values() for draft in some}
    units = {pool_id: _unit_of(pool) for pool_id, pool in pools.items()}
    left = {pool_id: pool.amount - pool.committed for pool_id, pool in pools.items()}
    rows, wanted = [], []
    for startup in startups:
        some = drafts.get(startup.id, ())
        why_not = refused.get(startup.id) or _above_limit(some, units)
        lines = []
        for draft in some if why_not is None else ():
            left[draft.pool.id] -= draft.amount
            unit = units[draft.pool.id]
            # of seats the days decide what a pool has left, and the book alone knows
            after = None if unit.name == "seat" else left[draft.pool.id]
            lines.append(Line(draft.pool.key, unit, draft.amount, draft.effective, draft.expires, left=after))
            wanted.append(draft)
        rows.append(PlannedRow(startup.key, startup.name, tuple(lines), why_not))
    short = next((pool_id for pool_id, rest in left.items() if rest < 0 and units[pool_id].name != "seat"), None)
    refusal = None
    if short is not None:
        pool, unit = pools[short], units[short]
        there = pool.amount - pool.committed
        refusal = RuleBroken(
            "amount", "pool-exceeded", "the pool %(pool)s has %(left)s %(unit)s left, not %(asked)s", pool=pool.key,
            left=format_amount(there, unit), unit=unit.name, asked=format_amount(there - left[short], unit),
        )
    return Plan(tuple(rows), refusal, tuple(wanted))


def _above_limit(drafts: Sequence[Draft], units: Mapping[int, Unit]) -> RuleBroken | None:
    """Why a startup's award needs a second person, if it does: such a one is proposed by itself."""
    sums: dict[int, int] = defaultdict(int)
    for draft in drafts:
        sums[draft.pool.id] += draft.amount
        try:
            refuse_above_limit(draft.pool, units[draft.pool.id], sums[draft.pool.id])
        except Conflict as refusal:
            return refusal
    return None


def _unit_of(pool: Pool) -> Unit:
    return unit_named(db.session.get_one(Resource, pool.resource_id).unit)
