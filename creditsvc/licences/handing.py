"""Which key a seat gets, so that of a grant never more keys are given out than it has seats.

A key that was handed out was seen. It is never free again: when its seat is over, the next person on a seat of that
grant gets it, the same person before others. Only as long as fewer keys of a grant were given out than it has seats, or
where a manager asks for a new one, is a free key of its pool taken. Where all are out and in use up to the day on which
a seat begins, that seat gets its key once it has begun.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, select, update

from creditsvc.core.burndown import LATEST
from creditsvc.core.errors import RuleBroken
from creditsvc.db import db
from creditsvc.ledger.facts import KnownLot
from creditsvc.ledger.models import Pool, SeatFact
from creditsvc.ledger.seats import SeatView
from creditsvc.licences.models import LicenceKey
from creditsvc.parties.access import Caller
from creditsvc.parties.trail import record


@dataclass(frozen=True)
class KeyOut:
    """A key that was given out, and the seat that has it."""

    id: int
    seat: SeatView
    email: str

    def is_over(self, now: datetime) -> bool:
        """Whether nobody has the seat now nor later."""
        return (self.seat.ends_at or LATEST) <= max(now, self.seat.from_at)


class Shelf:
    """The keys of an account that is locked: those given out, by lot, and how many each pool has free.

    Places are reserved in the order in which keys are handed out afterwards.
    """

    def __init__(self, now: datetime, free: Counter[int], out: dict[int, list[KeyOut]]) -> None:
        self.now = now
        self._free, self._out = free, out
        self._reserved: Counter[int] = Counter()  # of the keys of a lot whose seats are over
        self._new: Counter[int] = Counter()

    def has_for(self, lot: KnownLot, new_key: bool = False) -> bool:
        """Whether one more seat of the lot can have a key, now or once it has begun."""
        if not new_key and (self._idle(lot.fact.id) > 0 or self._all_out(lot)):
            return True
        return self._free[lot.fact.pool_id] > 0

    def reserve(self, lot: KnownLot, new_key: bool = False) -> None:
        """Counts the key that one more seat of the lot gets."""
        if not new_key and self._idle(lot.fact.id) > 0:
            self._reserved[lot.fact.id] += 1
        elif new_key or not self._all_out(lot):
            self._free[lot.fact.pool_id] -= 1
            self._new[lot.fact.id] += 1

    def end(self, seat: SeatView, at: datetime) -> None:
        """A seat ends at an instant: if that has come, its key can be handed on."""
        keys = self._out.get(seat.lot_id, [])
        self._out[seat.lot_id] = [
            replace(key, seat=replace(key.seat, ends_at=at)) if key.seat.id == seat.id else key for key in keys
        ]

    def hand(
        self, caller: Caller, lot: KnownLot, seat: SeatView, email: str, *, after: int | None = None,
        new_key: bool = False,
    ) -> int | None:
        """Gives a seat its key and returns the number; None where it gets one only once it has begun.

        `after` is the seat that this one takes over. Raises RuleBroken("seats", "no-free-key").
        """
        keys = self._out.setdefault(lot.fact.id, [])
        over = [] if new_key else [key for key in keys if key.is_over(self.now)]
        to_come = [key for key in keys if key.seat.from_at > self.now]
        if over:  # whoever had it before, then whose seat it was, then the oldest
            key = max(over, key=lambda one: (one.email == email, one.seat.id == after, -one.id))
        elif new_key or len(keys) < lot.lot.amount:
            key = KeyOut(_free_key(lot.fact.pool_id), seat, email)
            _give(caller, key.id, seat.id, None)
            keys.append(key)
            return key.id
        elif to_come and seat.from_at <= self.now:
            key = max(to_come, key=lambda one: (one.seat.from_at, one.id))  # nobody has seen it with that seat
        else:
            return None
        _give(caller, key.id, seat.id, key.seat.id)
        keys[keys.index(key)] = KeyOut(key.id, seat, email)
        return key.id

    def _idle(self, lot_id: int) -> int:
        return sum(key.is_over(self.now) for key in self._out.get(lot_id, ())) - self._reserved[lot_id]

    def _all_out(self, lot: KnownLot) -> bool:
        return len(self._out.get(lot.fact.id, ())) + self._new[lot.fact.id] >= lot.lot.amount


def shelf_of(now: datetime, account_id: int, pool_ids: Iterable[int], seats: Iterable[SeatView],
             emails: dict[int, str]) -> Shelf:
    """The keys of a locked account whose pools are locked too; `emails` says who has each seat."""
    free = db.session.execute(
        select(LicenceKey.pool_id, func.count())
        .where(LicenceKey.pool_id.in_(list(pool_ids)), LicenceKey.seat_id.is_(None))
        .group_by(LicenceKey.pool_id)
    ).all()
    views = {seat.id: seat for seat in seats}
    out: dict[int, list[KeyOut]] = defaultdict(list)
    for key_id, seat_id in db.session.execute(
        select(LicenceKey.id, SeatFact.id).join(SeatFact, SeatFact.id == LicenceKey.seat_id)
        .where(SeatFact.account_id == account_id).order_by(LicenceKey.id)
    ):
        out[views[seat_id].lot_id].append(KeyOut(key_id, views[seat_id], emails.get(seat_id, "")))
    return Shelf(now, Counter(dict(free)), out)


def _free_key(pool_id: int) -> int:
    """The first key of a pool that no other transaction has. Raises RuleBroken("seats", "no-free-key")."""
    free = select(LicenceKey.id).where(LicenceKey.pool_id == pool_id, LicenceKey.seat_id.is_(None)).order_by(
        LicenceKey.id).limit(1)
    while True:
        key_id = db.session.scalar(free.with_for_update(skip_locked=True))
        if key_id is None:
            if db.session.scalar(free) is None:
                pool = db.session.scalar(select(Pool.key).where(Pool.id == pool_id))
                raise RuleBroken(
                    "seats", "no-free-key", "the pool %(pool)s has no free key: import keys first", pool=pool
                )
            # another transaction has the last ones, and may yet give them back
            key_id = db.session.scalar(free.with_for_update())
        if key_id is not None:
            return key_id


def _give(caller: Caller, key_id: int, seat_id: int, from_seat: int | None) -> None:
    db.session.execute(
        update(LicenceKey).where(LicenceKey.id == key_id).values(seat_id=seat_id, handed_at=caller.now)
    )
    after = {"key": key_id} if from_seat is None else {"key": key_id, "from_seat": from_seat}
    record(caller, "licence.key-handed", f"seat:{seat_id}", after=after)
