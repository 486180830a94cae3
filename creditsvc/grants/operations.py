"""What a manager does with grants: award, award by package, extend, top up, void, return to the pool (L3, L4, L11-L13).

Days are of the startup's programme's calendar; amounts are decimal strings in the unit of the pool's resource.
"""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select

from creditsvc.core.amounts import Unit, format_amount, parse_amount, unit_named
from creditsvc.core.days import (
    check_moment,
    day_of,
    end_text,
    ends_at,
    last_day_of_months,
    start_text,
    starts_at,
    zone_named,
)
from creditsvc.core.errors import Conflict, RuleBroken
from creditsvc.db import db
from creditsvc.grants.awards import Draft, award, by_month, find_pool, refuse_above_limit
from creditsvc.grants.locked import Locked, change_grant, change_grants, lock_grant, lock_series
from creditsvc.grants.models import Grant
from creditsvc.ledger.book import Cause
from creditsvc.ledger.models import LotFact, Pool, Resource
from creditsvc.parties.access import Caller, require_startup
from creditsvc.parties.models import Startup
from creditsvc.programmes.models import Cohort, Enrolment, PackageLine, Programme
from creditsvc.programmes.reading import find_cohort, find_enrolment, lines_of, zone_of_startup


def award_grant(
    caller: Caller,
    *,
    startup: str,
    pool: str,
    amount: str,
    effective: date | datetime,
    expires: date | datetime | None = None,
    priority: int = 0,
    promotional: bool = False,
    reason: str = "",
    key: str | None = None,
    awarded: datetime | None = None,
    opening_drawn: str | None = None,
    opening_at: date | datetime | None = None,
    months: int | None = None,
    approved: bool = False,
) -> Grant:
    """Awards a startup an amount from a pool, usable on [effective, expires); no expiry when `expires` is None.

    With `months` it is a monthly allowance: the amount comes anew each of so many months from the day `effective` on,
    and what a month leaves expires with it (`awards.by_month`); the first month's grant is given back.
    `opening_drawn` is what had been drawn of it before go-live, dated `opening_at` (else its start). The key is made
    up unless given. Raises NotFound("startup"), Forbidden, RuleBroken at `pool` (unknown), `amount` (not above
    0, more than the pool has left), `effective` (outside the pool's period), `expires` (not after the start, or beside
    `months`), `months`, `priority`, `opening_drawn`, `opening_at`, `key`; Conflict("key", "key-taken"), and unless it
    is `approved` by a second person (`proposals`) Conflict("amount", "needs-second-person").
    """
    company = require_startup(caller, "grant.award", startup)
    zone = zone_of_startup(company.id)  # before the pool, for which others wait
    source, resource = find_pool(pool)
    unit = unit_named(resource.unit)
    draft = Draft(
        startup_id=company.id,
        startup=startup,
        pool=source,
        amount=parse_amount(amount, unit, "amount"),
        effective=starts_at(check_moment(effective, "effective"), zone),
        expires=ends_at(check_moment(expires, "expires"), zone) if expires is not None else None,
        awarded=awarded or caller.now,
        key=key,
        priority=priority,
        promotional=promotional,
        reason=reason,
        opening=parse_amount(opening_drawn, unit, "opening_drawn") if opening_drawn is not None else 0,
        opening_at=starts_at(check_moment(opening_at, "opening_at"), zone) if opening_at is not None else None,
    )
    if months is None:
        return award(caller, [draft], approved=approved)[0]
    first = effective if not isinstance(effective, datetime) else day_of(effective, zone)
    if expires is not None or opening_drawn is not None:
        raise RuleBroken(
            "expires" if expires is not None else "opening_drawn", "not-monthly",
            "a monthly allowance ends with its months and begins undrawn: leave this out",
        )
    return award(caller, by_month(draft, resource, first, months, zone), approved=approved)[0]


def award_package(caller: Caller, *, startup: str, cohort: str, approved: bool = False) -> list[Grant]:
    """Awards what the startup's enrolment brings of every kind, as a whole or not at all; twice does it once.

    A line starts at the later of the cohort's start and the enrolment's day and runs its months
    (`last_day_of_months`); a monthly one is a grant for each of them. Raises NotFound("startup" | "cohort" |
    "enrolment"), Forbidden, Conflict("status", "not-active") for an enrolment that is not active, Conflict("package",
    "no-package") for one without a package, Conflict("lines[n].pool", "no-pool-yet"), RuleBroken at `lines[n].amount`
    or `lines[n].effective` as `award_grant`, Conflict("lines[n].amount", "needs-second-person") unless `approved`.
    """
    company = require_startup(caller, "grant.award", startup)
    intake = find_cohort(caller, cohort)
    enrolment = find_enrolment(company.id, cohort)
    there = list(db.session.scalars(select(Grant).where(Grant.enrolment_id == enrolment.id).order_by(Grant.id)))
    if there:  # as a whole, so any is all
        return there
    drafts = package_drafts(caller, company, intake, enrolment)
    return award(caller, drafts, Cause("award", f"package:{cohort}", caller.actor), approved=approved)


def package_drafts(caller: Caller, company: Startup, intake: Cohort, enrolment: Enrolment) -> list[Draft]:
    """The grants that an enrolment's package brings. Raises Conflict as `award_package` does."""
    if enrolment.status != "active":
        raise Conflict(
            "status", "not-active", "the enrolment of %(startup)s in %(cohort)s is %(status)s, not active",
            startup=company.key, cohort=intake.key, status=enrolment.status,
        )
    if enrolment.package_id is None:
        raise Conflict("package", "no-package", "the enrolment has no package")
    drafts: list[Draft] = []
    for line in lines_of(enrolment.package_id, enrolment.package_version):
        drafts += _line_drafts(caller, company, intake, enrolment, line, drafts)
    return drafts


def _line_drafts(
    caller: Caller, company: Startup, intake: Cohort, enrolment: Enrolment, line: PackageLine,
    before: Sequence[Draft],
) -> list[Draft]:
    zone = zone_named(db.session.get_one(Programme, intake.programme_id).timezone)
    place = f"lines[{line.position}]."
    if line.pool_id is None:
        raise Conflict(
            f"{place}pool", "no-pool-yet", "there is no pool %(pool)s yet, from which the package is awarded too",
            pool=line.pool_key,
        )
    pool = db.session.get_one(Pool, line.pool_id)
    first = max(intake.starts, enrolment.enrolled_on)
    draft = Draft(
        startup_id=company.id,
        startup=company.key,
        pool=pool,
        amount=line.amount,
        effective=starts_at(first, zone),
        expires=ends_at(last_day_of_months(first, line.months), zone),
        awarded=caller.now,
        enrolment_id=enrolment.id,
        package_line_id=line.id,
        place=place,
    )
    if not line.monthly:
        return [draft]
    return by_month(draft, db.session.get_one(Resource, pool.resource_id), first, line.months, zone, before)


def extend_grant(caller: Caller, key: str, *, expires: date | datetime, reason: str = "") -> Grant:
    """Lets a grant last longer, to a last day or an instant; repeating it changes nothing (L13).

    Raises NotFound("grant"), Forbidden, RuleBroken("expires", "not-later") unless it is later than the end now,
    Conflict("grant", "voided" | "without-end").
    """
    held = lock_grant(caller, key)
    end = ends_at(check_moment(expires, "expires"), zone_of_startup(held.account.startup_id))
    _refuse_voided(held)
    if held.lot.expires is None:
        raise Conflict("grant", "without-end", "the grant %(key)s does not expire", key=key)
    if end == held.lot.expires:
        return held.grant
    if end < held.lot.expires:
        raise RuleBroken(
            "expires", "not-later", "%(value)s is not later than the end now, %(end)s",
            value=end_text(end), end=end_text(held.lot.expires),
        )
    return change_grant(caller, held, "extend", instant=end, reason=reason)


def extend_series(caller: Caller, key: str, *, months: int, reason: str = "", approved: bool = False) -> list[Grant]:
    """Lets a monthly allowance run to so many months in all; `key` is one of them. Gives back those it adds.

    It runs on from its old end (L13), each month with what its last one was awarded with; repeating it adds nothing.
    Raises NotFound("grant"), Forbidden, RuleBroken("months", "not-later" | "out-of-range"), RuleBroken("amount",
    "pool-exceeded"), Conflict("grant", "not-monthly" | "voided"), and unless `approved` Conflict("amount",
    "needs-second-person") where what it adds is above its pool's limit.
    """
    standing = lock_series(caller, key)
    first, last = standing[0], standing[-1]
    _refuse_voided(last)
    if months < last.grant.month:
        raise RuleBroken(
            "months", "not-later", "%(value)s: the allowance runs for %(months)s months already",
            value=months, months=last.grant.month,
        )
    fact = db.session.get_one(LotFact, last.grant.lot_id)
    pool = db.session.get_one(Pool, fact.pool_id)
    startup = db.session.get_one(Startup, last.grant.startup_id)
    zone = zone_of_startup(startup.id)
    draft = Draft(
        startup_id=startup.id, startup=startup.key, pool=pool, amount=fact.amount, effective=fact.effective,
        expires=fact.expires, awarded=caller.now, key=last.grant.series, priority=fact.priority,
        promotional=fact.promotional, reason=reason, enrolment_id=last.grant.enrolment_id,
        package_line_id=last.grant.package_line_id,
    )
    resource = db.session.get_one(Resource, pool.resource_id)
    drafts = by_month(draft, resource, day_of(first.lot.effective, zone), months, zone)[last.grant.month:]
    return award(caller, drafts, approved=approved)


def top_up_grant(
    caller: Caller, key: str, *, amount: str, reason: str = "", approved: bool = False
) -> Grant:
    """Adds an amount from the grant's pool to it.

    Raises NotFound("grant"), Forbidden, RuleBroken("amount", ...) unless it is above 0 and the pool has it left,
    Conflict("grant", "voided" | "expired"), and unless `approved` Conflict("amount", "needs-second-person") where the
    grant would then be above its pool's limit.
    """
    held = lock_grant(caller, key)
    steps = _positive(amount, held.unit)
    _refuse_voided(held)
    _refuse_expired(held, caller.now)
    if not approved:
        pool_id = db.session.get_one(LotFact, held.grant.lot_id).pool_id
        refuse_above_limit(db.session.get_one(Pool, pool_id), held.unit, held.lot.amount + steps)
    return change_grant(caller, held, "top_up", steps, reason=reason)


def void_grant(caller: Caller, key: str, *, at: datetime | None = None, reason: str = "") -> Grant:
    """Stops a grant from an instant on, from now unless given; repeating it changes nothing (L11).

    A void that stands already can be brought forward, never put off. Raises NotFound("grant"), Forbidden,
    RuleBroken("at", ...), Conflict("grant", "used-up" | "expired").
    """
    held = lock_grant(caller, key)
    instant = starts_at(check_moment(at, "at")) if at is not None else caller.now
    if held.lot.voided_at is not None and held.lot.voided_at <= instant:
        return held.grant
    _refuse_expired(held, max(caller.now, instant))
    if held.is_used_up:
        raise Conflict("grant", "used-up", "the grant %(key)s is used up: there is nothing to void", key=key)
    return change_grant(caller, held, "void", instant=instant, reason=reason)


def void_series(caller: Caller, key: str, *, at: datetime | None = None, reason: str = "") -> list[Grant]:
    """Stops the months of a monthly allowance that can be, those that begin later among them; `key` is one of them.

    A month that has ended by then, is used up or is void already stays as it is, and so does all where nothing is left
    to void. Gives the months back that it stopped. Raises NotFound("grant"), Forbidden, RuleBroken("at", ...),
    Conflict("grant", "not-monthly"), Conflict("grant", "held") while sessions are booked that no other grant pays.
    """
    months = lock_series(caller, key)
    instant = starts_at(check_moment(at, "at")) if at is not None else caller.now
    standing = [
        month for month in months
        if month.lot.end > max(caller.now, instant) and not month.is_used_up
    ]
    change_grants(caller, standing, "void", instant=instant, reason=reason)
    return [month.grant for month in standing]


def return_to_pool(caller: Caller, key: str, *, amount: str, reason: str = "") -> Grant:
    """Gives an amount that nobody drew back to the grant's pool; also of a grant that is voided or expired (L11).

    Raises NotFound("grant"), Forbidden, RuleBroken("amount", "not-positive"), Conflict("amount", "more-than-undrawn")
    naming what is undrawn.
    """
    held = lock_grant(caller, key)
    steps = _positive(amount, held.unit)
    if steps > held.undrawn:
        raise Conflict(
            "amount", "more-than-undrawn", "%(value)s %(unit)s is more than the grant %(key)s has undrawn: %(undrawn)s",
            value=amount, unit=held.unit.name, key=key, undrawn=format_amount(held.undrawn, held.unit),
        )
    return change_grant(caller, held, "return", steps, reason=reason)


def _positive(amount: str, unit: Unit) -> int:
    steps = parse_amount(amount, unit, "amount")
    if steps <= 0:
        raise RuleBroken("amount", "not-positive", "%(value)s: write an amount above 0", value=amount)
    return steps


def _refuse_voided(held: Locked) -> None:
    if held.lot.voided_at is not None:
        raise Conflict(
            "grant", "voided", "the grant %(key)s is voided from %(at)s on",
            key=held.grant.key, at=start_text(held.lot.voided_at),
        )


def _refuse_expired(held: Locked, at: datetime) -> None:
    if held.lot.expires is not None and held.lot.expires <= at:
        raise Conflict(
            "grant", "expired", "the grant %(key)s ended with %(end)s",
            key=held.grant.key, end=end_text(held.lot.expires),
        )
