"""What graduation and withdrawal do to what a startup holds: shown before it happens, then done in one act.

A holding is a grant, or a monthly allowance with all its months. It stops at once, stops after a day, or runs on. What
is undone later is undone by new entries: a void cannot be taken back, a new grant can be awarded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import select

from creditsvc.config import Config
from creditsvc.consulting import bookings
from creditsvc.consulting.letters import told
from creditsvc.consulting.models import BOOKED, Booking
from creditsvc.core.amounts import Unit, format_amount
from creditsvc.core.burndown import LATEST
from creditsvc.core.days import ends_at
from creditsvc.core.errors import Conflict, NotFound, RuleBroken
from creditsvc.db import db
from creditsvc.grants.locked import Locked, lock_grants
from creditsvc.grants.models import Grant
from creditsvc.grants.operations import return_to_pool, void_grant, void_series
from creditsvc.ledger.facts import lots_of
from creditsvc.ledger.holds import Hours, hours_of
from creditsvc.ledger.locks import lock_accounts, lock_pools
from creditsvc.ledger.models import LotFact
from creditsvc.ledger.reading import balances
from creditsvc.ledger.seats import intervals_of
from creditsvc.onboarding.leaving_letters import tell
from creditsvc.parties.access import Caller, require_startup
from creditsvc.programmes.models import Enrolment
from creditsvc.programmes.operations import change_status
from creditsvc.programmes.reading import find_cohort, find_enrolment, zone_of_startup

STOP, UNTIL, RUN_ON = WAYS = ("stop", "until", "run-on")
LEAVING = ("graduated", "withdrawn")


@dataclass(frozen=True)
class Choice:
    """What becomes of a holding: `until` needs its last day `on`; `back`: what is undrawn returns to the pool then."""

    way: str
    on: date | None = None
    back: bool = False


@dataclass(frozen=True)
class Held:
    """A holding that still lasts, as it is now; amounts in steps of `unit`.

    `key` is that of the grant, or of the allowance. `usable` is what is left of it, of months to come too; `seated`
    are the people who sit there. `is_of_enrolment`: it was awarded with the enrolment that ends.
    """

    key: str
    resource: str
    kind: str
    unit: Unit
    pool: str
    grants: tuple[str, ...]
    is_series: bool
    usable: int
    undrawn: int
    ends: datetime | None
    seated: int
    is_of_enrolment: bool


@dataclass(frozen=True)
class Outcome:
    """What became of a holding: `ends` anew where it stops, what went back to its pool, or why nothing was to stop."""

    held: Held
    choice: Choice
    ends: datetime | None
    returned: int = 0
    is_over: bool = False


@dataclass(frozen=True)
class Left:
    """What leaving did, holding by holding, and how many booked sessions were cancelled."""

    outcomes: tuple[Outcome, ...]
    sessions: int


def held_by(caller: Caller, startup: str, cohort: str) -> list[Held]:
    """The holdings of a startup that still last, those of the enrolment first.

    Raises NotFound("startup" | "cohort" | "enrolment"), Forbidden.
    """
    company = require_startup(caller, "grant.change", startup)
    intake = find_cohort(caller, cohort)
    mine = select(Enrolment.id).where(Enrolment.startup_id == company.id, Enrolment.cohort_id == intake.id)
    enrolment_id = db.session.scalar(mine)  # unlocked: a page that reads waits for no writer
    if enrolment_id is None:
        raise NotFound("enrolment", f"in {cohort}")
    papers = {
        paper.lot_id: paper for paper in db.session.scalars(select(Grant).where(Grant.startup_id == company.id))
    }
    alone = {paper.key for paper in papers.values()}
    # where a grant has the name of an allowance, the allowance goes by the key of its first month
    names = {paper.series: paper.series if paper.series not in alone else paper.key
             for paper in sorted(papers.values(), key=lambda paper: paper.month, reverse=True) if paper.series}
    found: dict[str, Held] = {}
    accounts = balances(caller.now, startup_ids=[company.id])
    taken = intervals_of([view.id for view in accounts if view.kind == "seats"])
    for view in accounts:
        for lot in view.lots:
            paper = papers.get(lot.id)
            if paper is None or lot.worthless or lot.end <= caller.now:
                continue
            standing = lot.standing
            seated = sum(1 for from_at, until in taken.get(lot.id, ())
                         if from_at < lot.end and (until is None or until > caller.now))
            one = Held(
                names[paper.series] if paper.series else paper.key, view.resource_name, view.kind, view.unit, lot.pool,
                (paper.key,), paper.series is not None, standing.remaining + standing.not_yet,
                lot.amount - standing.drawn - standing.held, lot.expires, seated, paper.enrolment_id == enrolment_id,
            )
            there = found.get(one.key)
            found[one.key] = one if there is None else _joined(there, one)
    return sorted(found.values(), key=lambda one: (not one.is_of_enrolment, one.resource, one.key))


def _joined(one: Held, other: Held) -> Held:
    ends = None if one.ends is None or other.ends is None else max(one.ends, other.ends)
    return replace(
        one, grants=(*one.grants, *other.grants), usable=one.usable + other.usable,
        undrawn=one.undrawn + other.undrawn, ends=ends,
    )


def usual(held: Held, status: str) -> Choice:
    """What is proposed: at a withdrawal what came with the enrolment stops and returns; everything else runs on."""
    if status == "withdrawn" and held.is_of_enrolment:
        return Choice(STOP, back=held.kind != "seats")
    return Choice(RUN_ON)


def leave(
    caller: Caller, config: Config, *, startup: str, cohort: str, status: str, choices: Mapping[str, Choice],
    reason: str, cancel_sessions: bool = False,
) -> Left:
    """Ends an enrolment as graduated or withdrawn, and does to each holding what was chosen; told of by mail.

    A holding without a choice runs on. With `cancel_sessions` the sessions booked for after hours stop are cancelled
    unless other hours pay for them; without, those keep hours from stopping. Raises NotFound, Forbidden, RuleBroken at
    `reason` and `on.<holding>`, Conflict("status", "no-such-step" | "left-already"), Conflict("grant", "held").
    """
    company = require_startup(caller, "grant.change", startup)
    if not reason.strip():
        raise RuleBroken("reason", "missing", "say why: it stays in the trail")
    enrolment = find_enrolment(company.id, cohort)
    if enrolment.status == status:
        raise Conflict("status", "left-already", "this enrolment has ended so already: nothing was done again")
    holdings = held_by(caller, startup, cohort)
    _lock(holdings)
    instants = {one.key: _instant(caller, company.id, one, choices[one.key]) for one in holdings
                if one.key in choices and choices[one.key].way != RUN_ON}
    sessions = _cancel(caller, config, holdings, instants, reason) if cancel_sessions else 0
    outcomes = tuple(
        _stopped(caller, one, choices[one.key], instants[one.key], reason) if one.key in instants
        else Outcome(one, Choice(RUN_ON), one.ends)
        for one in holdings
    )
    change_status(caller, startup=startup, cohort=cohort, status=status, reason=reason.strip())
    left = Left(outcomes, sessions)
    tell(caller, config, company, find_cohort(caller, cohort).name, status, left.sessions, [
        (one.held.resource, one.held.unit, one.ends, one.held.usable, one.returned, one.choice.way, one.is_over)
        for one in outcomes
    ])
    return left


def _lock(holdings: Sequence[Held]) -> None:
    """Pools, then accounts (L12), before any session is cancelled."""
    keys = [key for one in holdings for key in one.grants]
    facts = db.session.execute(select(LotFact.pool_id, LotFact.account_id).where(LotFact.key.in_(keys))).all()
    lock_pools({pool_id for pool_id, _ in facts})
    lock_accounts({account_id for _, account_id in facts})


def _instant(caller: Caller, startup_id: int, held: Held, choice: Choice) -> datetime:
    if choice.way == STOP:
        return caller.now
    if choice.on is None:
        raise RuleBroken(f"on.{held.key}", "missing", "Write the last day.")
    instant = ends_at(choice.on, zone_of_startup(startup_id))
    if instant <= caller.now:
        raise RuleBroken(f"on.{held.key}", "in-past", "%(value)s is over: choose a day to come, or stop it at once",
                         value=choice.on.isoformat())
    if held.ends is not None and instant >= held.ends:
        raise RuleBroken(f"on.{held.key}", "not-earlier", "%(value)s is not before its end as it is: let it run on",
                         value=choice.on.isoformat())
    return instant


def _cancel(
    caller: Caller, config: Config, holdings: Sequence[Held], instants: Mapping[str, datetime], reason: str,
) -> int:
    """Cancels the sessions that are booked of hours that have stopped, unless others pay for them; how many."""
    stopped = {grant: instants[one.key] for one in holdings if one.kind == "hours" and one.key in instants
               for grant in one.grants}
    accounts = db.session.scalars(select(LotFact.account_id).where(LotFact.key.in_(stopped)).distinct()).all()
    uids = [uid for account_id in sorted(accounts) for uid in _without_hours(account_id, stopped)]
    for uid in uids:
        told(lambda uid=uid: bookings.cancel(caller, uid, reason=reason.strip()), caller, config)  # type: ignore[misc]
    return len(uids)


def _without_hours(account_id: int, stopped: Mapping[str, datetime]) -> list[str]:
    """The sessions to come of an account that nothing pays for once grants of it have stopped, the first ones kept."""
    known = lots_of([account_id])[account_id]
    lots = [
        replace(one, lot=replace(one.lot, voided_at=min(one.lot.voided_at or LATEST, stopped[one.lot.key])))
        if one.lot.key in stopped else one for one in known
    ]
    ahead = db.session.scalars(
        select(Booking)
        .where(Booking.account_id == account_id, Booking.state == BOOKED, Booking.starts >= min(stopped.values()))
        .order_by(Booking.starts, Booking.id)
    ).all()
    hours = hours_of([account_id])[account_id] if ahead else Hours()
    held = {promise.key: promise for promise in hours.promises}
    kept, lost = hours.without(bookings.hold_key(one) for one in ahead), []
    for one in ahead:
        promise = held[bookings.hold_key(one)]
        if kept.room(lots, promise.at) >= promise.amount:
            kept.promises.append(promise)
        else:
            lost.append(one.uid)
    return lost


def _stopped(caller: Caller, held: Held, choice: Choice, instant: datetime, reason: str) -> Outcome:
    at = None if choice.way == STOP else instant
    standing = [one for one in lock_grants(caller, held.grants) if not one.is_used_up and one.lot.end > instant]
    if not standing:
        return Outcome(held, choice, held.ends, is_over=True)
    if held.is_series:
        void_series(caller, held.grants[0], at=at, reason=reason)
    else:
        void_grant(caller, held.grants[0], at=at, reason=reason)
    returned = sum(_returned(caller, one, reason) for one in standing) if choice.back and choice.way == STOP else 0
    return Outcome(held, choice, instant, returned)


def _returned(caller: Caller, one: Locked, reason: str) -> int:
    """What of a stopped grant goes back to its pool; seats are free for others from their end on by themselves."""
    fresh = lock_grants(caller, [one.grant.key])[0]
    if one.unit.name == "seat" or fresh.undrawn <= 0:
        return 0
    return_to_pool(caller, one.grant.key, amount=format_amount(fresh.undrawn, one.unit), reason=reason)
    return fresh.undrawn
