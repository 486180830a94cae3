"""Who sits in which lot from when until when, and how much of pools of seats is promised at once.

A seat ends at the earliest of what was said of it and the end of its lot, so nothing has to run when a grant ends.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from creditsvc.core.burndown import LATEST, Change, Lot
from creditsvc.core.seats import Interval, heaviest
from creditsvc.db import db, table_of
from creditsvc.ledger.facts import change_of, folded, lots_of
from creditsvc.ledger.models import LotChange, LotFact, SeatEnd, SeatFact
from creditsvc.sets import among, chunks


@dataclass(frozen=True)
class SeatView:
    """A seat of a lot on [from_at, ends_at); None: without an end. `until_at` leaves the lot's own end aside."""

    id: int
    account_id: int
    lot_id: int
    lot: str
    from_at: datetime
    until_at: datetime | None
    ends_at: datetime | None

    @property
    def interval(self) -> Interval:
        """What it takes of its lot, whatever the lot's own end."""
        return (self.from_at, self.until_at)

    def is_taken(self, at: datetime) -> bool:
        """Whether somebody sits there at an instant."""
        return self.from_at <= at < (self.ends_at or LATEST)


def seats_of(account_ids: Iterable[int]) -> list[SeatView]:
    """All seats that accounts ever gave, by id, in two statements."""
    ids = list(account_ids)
    lots = {lot.fact.id: lot.lot for known in lots_of(ids).values() for lot in known}
    return [
        SeatView(seat_id, account_id, lot_id, lots[lot_id].key, from_at, until, clipped(until, lots[lot_id]))
        for seat_id, account_id, lot_id, from_at, until in _seats(ids)
    ]


def clipped(until: datetime | None, lot: Lot) -> datetime | None:
    """When a seat of a lot ends that was given until an instant: with the lot at the latest. None: without an end."""
    end = min(until or LATEST, lot.end)
    return None if end == LATEST else end


def intervals_of(account_ids: Iterable[int]) -> dict[int, list[Interval]]:
    """What the seats of accounts take of each lot, by lot id."""
    taken: dict[int, list[Interval]] = defaultdict(list)
    for _, _, lot_id, from_at, until in _seats(list(account_ids)):
        taken[lot_id].append((from_at, until))
    return taken


def _seats(account_ids: list[int]) -> list[tuple[int, int, int, datetime, datetime | None]]:
    """(id, account, lot, from, until) of seats, by id."""
    found: dict[int, tuple[int, int, int, datetime, datetime | None]] = {}
    for part in chunks(account_ids):
        mine = among(SeatFact.account_id, part)
        ended = (
            select(SeatEnd.seat_id, func.min(SeatEnd.ends_at).label("ends_at"))
            .where(SeatEnd.seat_id.in_(select(SeatFact.id).where(mine))).group_by(SeatEnd.seat_id).subquery()
        )
        rows = db.session.execute(
            select(SeatFact.id, SeatFact.account_id, SeatFact.lot_id, SeatFact.from_at, SeatFact.until_at,
                   ended.c.ends_at)
            .outerjoin(ended, ended.c.seat_id == SeatFact.id)
            .where(mine)
        )
        for seat_id, account_id, lot_id, from_at, until_at, ends_at in rows:
            until = min(until_at or LATEST, ends_at or LATEST)
            found[seat_id] = (seat_id, account_id, lot_id, from_at, None if until == LATEST else until)
    return [found[seat_id] for seat_id in sorted(found)]


def promised_of(pool_ids: Iterable[int], since: datetime | None = None) -> dict[int, int]:
    """The most seats that lots of each pool have at any one instant, from one on if that is given: what is over can be
    granted again."""
    return {pool_id: heaviest(_stretches(lots, since)) for pool_id, lots in lots_in(pool_ids).items()}


def _stretches(lots: Iterable[Lot], since: datetime | None) -> Iterable[tuple[datetime, datetime | None, int]]:
    return ((max(lot.effective, since or lot.effective), lot.end, lot.amount) for lot in lots)


def lots_in(pool_ids: Iterable[int]) -> Mapping[int, list[Lot]]:
    """All lots ever made from each pool, as all their facts make them."""
    ids = list(pool_ids)
    if not ids:
        return {}
    columns = table_of(LotFact).c
    facts = db.session.execute(select(*columns).where(among(columns.pool_id, ids))).all()
    changes: dict[int, list[Change]] = defaultdict(list)
    for change in db.session.scalars(
        select(LotChange).join(LotFact, LotFact.id == LotChange.lot_id).where(among(LotFact.pool_id, ids))
    ):
        changes[change.lot_id].append(change_of(change))
    lots: dict[int, list[Lot]] = {pool_id: [] for pool_id in ids}
    for fact in facts:
        lots[fact.pool_id].append(folded(fact, changes[fact.id]))
    return lots
