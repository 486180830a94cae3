"""What the book keeps: pools within what they hold, holds whole, and no seat given twice (L11, L14)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from creditsvc.core.amounts import format_amount, unit_named
from creditsvc.core.days import day_of
from creditsvc.core.errors import Conflict, RuleBroken
from creditsvc.core.seats import peak
from creditsvc.db import db
from creditsvc.ledger import rows
from creditsvc.ledger.additions import Additions
from creditsvc.ledger.facts import KnownLot, PostingKey
from creditsvc.ledger.holds import Hours
from creditsvc.ledger.locks import assert_locked
from creditsvc.ledger.models import Pool, Resource
from creditsvc.ledger.seats import intervals_of, promised_of
from creditsvc.sets import Write

HOUR = unit_named("hour")

Sums = Mapping[PostingKey, int]


def committing_to_pools(amounts: Iterable[tuple[int, int]]) -> Write:
    """The write that commits (pool, amount) to locked pools, as long as they have that left; of seats what is given at
    once.

    Raises RuleBroken("amount", "pool-exceeded") naming what the pool has left.
    """
    asked: dict[int, int] = defaultdict(int)
    for pool_id, amount in amounts:
        asked[pool_id] += amount
    sums = []
    for pool_id, amount in asked.items():
        assert_locked(Pool, pool_id)
        pool = db.session.get_one(Pool, pool_id)
        resource = db.session.get_one(Resource, pool.resource_id)
        if resource.kind == "seats":
            committed = promised_of([pool_id])[pool_id]
        elif amount:
            committed = pool.committed + amount
        else:
            continue
        if committed > pool.amount:
            unit = unit_named(resource.unit)
            left = max(pool.amount - committed + amount, 0)
            raise RuleBroken(
                "amount", "pool-exceeded", "the pool %(pool)s has %(left)s %(unit)s left, not %(asked)s",
                pool=pool.key, left=format_amount(left, unit), unit=unit.name, asked=format_amount(amount, unit),
            )
        sums.append((pool, committed))
    return rows.keeping_committed(sums)


def check_holds(lots: Sequence[KnownLot], hours: Hours, new: Additions, sums: Sums, posted: Sums) -> None:
    """Every hold that stands is kept whole, and none that is new takes what pays for usage now.

    Raises RuleBroken("amount", "not-available") naming what is left where holds are new, else Conflict("grant",
    "held"): what lots lose must not be what was promised.
    """
    short = hours.held - _total(sums, "held")
    if not new.holds:
        if short > 0:
            raise Conflict(
                "grant", "held", "%(short)s hours of it are held for sessions that are booked: cancel those first",
                short=format_amount(short, HOUR),
            )
        return
    if short <= 0 and _total(sums, "uncovered") <= _total(posted, "uncovered"):
        return
    before = hours.without(hold.key for hold in new.holds)
    asked = new.holds[0]
    raise RuleBroken(
        "amount", "not-available", "%(left)s hours can be booked for %(day)s, not %(asked)s",
        left=format_amount(before.room(lots, asked.at), HOUR), day=day_of(asked.at),
        asked=format_amount(asked.amount, HOUR),
    )


def _total(sums: Sums, kind: str) -> int:
    return sum(amount for (_, of_kind, _), amount in sums.items() if of_kind == kind)


def check_seats(known: Mapping[int, Sequence[KnownLot]]) -> None:
    """At no instant are more seats of a lot taken than it has.

    Raises RuleBroken("seats", "none-free") naming the grant and how many seats it has.
    """
    if not known:
        return
    taken = intervals_of(known)
    for lots in known.values():
        for lot in lots:
            most = peak(taken.get(lot.fact.id, ()))
            if most > lot.lot.amount:
                raise RuleBroken(
                    "seats", "none-free",
                    "the grant %(grant)s has %(amount)s seats, and %(taken)s would be taken at once",
                    grant=lot.lot.key, amount=lot.lot.amount, taken=most,
                )
