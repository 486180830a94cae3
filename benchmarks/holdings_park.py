"""Seats and sessions beside the credit of a park, written straight into the tables as the book would have written them.

Each startup has a grant of seats with people on them, and one of hours with sessions that were held and confirmed, and
one that is booked, each startup with a consultant of its own: `creditsvc verify` finds nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import insert, text

from benchmarks.park import NOW, key_of
from creditsvc.columns import bulk_insert
from creditsvc.consulting.models import BOOKED, CONFIRMED, Booking, Consultant
from creditsvc.core.burndown import Lot
from creditsvc.db import Model, db, transaction
from creditsvc.grants.models import Grant
from creditsvc.ledger import caches
from creditsvc.ledger.additions import words_of
from creditsvc.ledger.chain import PostingLine, batch_hash
from creditsvc.ledger.facts import KnownLot
from creditsvc.ledger.models import (
    Account,
    Batch,
    HoldEnd,
    HoldFact,
    HoursFact,
    LotFact,
    Pool,
    Posting,
    Resource,
    SeatFact,
)
from creditsvc.licences.models import Product, SeatAssignment
from creditsvc.sets import values_of

SEATS, HOURS = 2, 3
"""The ids of the resources, and of their pools."""

STARTS, ENDS = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
SESSION = 60
_AT_ONCE = 250
_FIRST = 10_000_000
"""Ids of accounts, batches, lots and papers begin above those of the park's credit."""

_NUMBERED = (Resource, Pool, Account, Batch, LotFact, Grant, HoldFact, HoursFact, SeatFact, Posting, Product,
             Consultant, Booking)  # fmt: skip


@dataclass(frozen=True)
class Holdings:
    """How many startups have so many people on seats, and so many sessions behind them."""

    startups: int
    seats: int
    sessions: int


def fill(size: Holdings) -> None:
    """Adds the holdings to a park of as many startups."""
    transaction(lambda: _fill_frame(size))
    for first in range(1, size.startups + 1, _AT_ONCE):
        numbers = range(first, min(first + _AT_ONCE, size.startups + 1))
        transaction(lambda numbers=numbers: _fill_startups(size, numbers))  # type: ignore[misc]
    transaction(_count_on)


def _fill_frame(size: Holdings) -> None:
    bulk_insert(Resource, ("id", "key", "name", "kind", "unit", "provider"),
                [(SEATS, "m365", "Microsoft 365", "seats", "seat", None),
                 (HOURS, "consulting", "Consulting", "hours", "hour", None)])
    bulk_insert(Pool, ("id", "key", "partner_id", "resource_id", "amount", "committed", "starts", "ends"),
                [(SEATS, "ms-seats", 1, SEATS, 10**9, size.startups * (size.seats + 5), STARTS, None),
                 (HOURS, "consultants", 1, HOURS, 10**12, size.startups * 6000, STARTS, None)])
    db.session.add(Product(id=1, key="m365", resource_id=SEATS, publisher="Microsoft", plan="Business Premium",
                           seat_is="a user", delivery="invitation", sku="SPB"))
    db.session.add_all([
        Consultant(id=number, key=f"consultant-{number}", name=f"Consultant {number}", languages=["en"],
                   skills=["cloud"], created_at=NOW)
        for number in range(1, size.startups + 1)
    ])
    db.session.flush()


class _Holding:
    """One startup's account of seats or hours: its lot, what was added to it, two batches."""

    def __init__(self, size: Holdings, number: int, resource: int) -> None:
        self.size, self.number, self.resource = size, number, resource
        self.id = _FIRST + 2 * number + (resource - SEATS)
        self.lot = LotFact(
            id=self.id, account_id=self.id, batch_id=2 * self.id, pool_id=resource,
            key=f"{key_of(number)}-{'seats' if resource == SEATS else 'hours'}",
            amount=size.seats + 5 if resource == SEATS else 6000, effective=STARTS, expires=ENDS, priority=0,
            promotional=False, awarded=STARTS,
        )
        self.seats: list[SeatFact] = []
        self.holds: list[HoldFact] = []
        self.ends: list[HoldEnd] = []
        self.hours: list[HoursFact] = []
        self.lines: list[PostingLine] = []
        if resource == SEATS:
            self._add_seats()
        else:
            self._add_sessions()
        self.batches = self._batches()

    def _add_seats(self) -> None:
        first = self.number * self.size.seats
        self.seats = [
            SeatFact(id=first + place, account_id=self.id, lot_id=self.id, batch_id=2 * self.id + 1,
                     from_at=STARTS + timedelta(days=place), until_at=None, stated_at=NOW, actor="benchmark")
            for place in range(self.size.seats)
        ]

    def _add_sessions(self) -> None:
        """As many sessions, confirmed as they were held, and one more that is booked for next week."""
        common = {"account_id": self.id, "batch_id": 2 * self.id + 1}
        for booking in self.bookings():
            hold = HoldFact(id=booking.id, key=f"booking:{booking.id}:0", amount=SESSION, at=booking.starts,
                            made_at=booking.booked_at, **common)
            self.holds.append(hold)
            if booking.state == BOOKED:
                self.lines.append((hold.made_at, "held", self.id, SESSION))
                continue
            self.ends.append(HoldEnd(hold_id=hold.id, batch_id=2 * self.id + 1, kind="confirmed", amount=SESSION,
                                     stated_at=booking.ends, actor="benchmark"))
            self.hours.append(HoursFact(id=booking.id, ref=f"booking:{booking.id}", at=booking.starts, kind="confirmed",
                                        amount=SESSION, stated_at=booking.ends, actor="benchmark", reason="", **common))
            self.lines.append((booking.starts, "drawn", self.id, SESSION))

    def bookings(self) -> list[Booking]:
        """The sessions; that of next week last."""
        found = []
        for place in range(self.size.sessions + 1):
            ahead = place == self.size.sessions
            starts = NOW + timedelta(days=7 if ahead else place - self.size.sessions, minutes=30 * (self.number % 16))
            number = self.number * (self.size.sessions + 1) + place
            found.append(Booking(
                id=number, uid=f"{number}@park.example", sequence=0, consultant_id=self.number,
                startup_id=self.number, account_id=self.id, topic=("Cloud costs", "Security", "Funding")[place % 3],
                starts=starts, ends=starts + timedelta(minutes=SESSION), state=BOOKED if ahead else CONFIRMED,
                policy={"confirm_days": 7, "excess": "draw", "no_show_percent": 100, "late_hours": 24,
                        "late_percent": 50},
                booked_by="benchmark", booked_at=starts - timedelta(days=10), reminded_at=None,
                logged_minutes=None if ahead else SESSION, note="", dispute="",
                logged_by=None if ahead else "benchmark", logged_at=None if ahead else starts,
                settled_minutes=None if ahead else SESSION, settled_by=None if ahead else "benchmark",
                settled_at=None if ahead else starts,
            ))
        return found

    def _batches(self) -> tuple[Batch, Batch]:
        keys = {self.id: self.lot.key}
        award = Batch(id=2 * self.id, account_id=self.id, number=1, recorded_at=NOW - timedelta(days=2), cause="award",
                      cause_ref=f"grant:{self.lot.key}", actor="benchmark", previous_hash="")
        award.hash = batch_hash(award, [self.lot], [], [], keys)
        added = Batch(id=2 * self.id + 1, account_id=self.id, number=2, recorded_at=NOW - timedelta(days=1),
                      cause="assign" if self.resource == SEATS else "book", cause_ref="park", actor="benchmark",
                      previous_hash=award.hash)
        words = words_of(self.holds, self.ends, self.hours, self.seats, [])
        added.hash = batch_hash(added, [], [], self.lines, keys, words)
        return award, added

    def cache(self) -> None:
        """Caches the account."""
        lot = Lot(self.lot.key, self.lot.amount, STARTS, ENDS, awarded=STARTS)
        sums = {}
        for at, kind, lot_id, amount in self.lines:
            sums[at, kind, lot_id] = amount
        caches.write({self.id: 2}, {self.id: [KnownLot(self.lot, lot, "", None)]}, {self.id: sums})


def _fill_startups(size: Holdings, numbers: range) -> None:
    holdings = [_Holding(size, number, resource) for number in numbers for resource in (SEATS, HOURS)]
    bulk_insert(Account, ("id", "startup_id", "resource_id", "batches", "head_hash", "head_at"),
                [(one.id, one.number, one.resource, 2, one.batches[1].hash, one.batches[1].recorded_at)
                 for one in holdings])
    _insert(Batch, [batch for one in holdings for batch in one.batches])
    _insert(LotFact, [one.lot for one in holdings])
    bulk_insert(Grant, ("id", "key", "startup_id", "lot_id", "month", "reason", "awarded_by", "awarded_at"),
                [(one.id, one.lot.key, one.number, one.id, 0, "", "benchmark", STARTS) for one in holdings])
    _insert(SeatFact, [seat for one in holdings for seat in one.seats])
    bulk_insert(SeatAssignment,
                ("seat_id", "startup_id", "product_id", "email", "name", "note", "assigned_by", "assigned_at"),
                [(seat.id, one.number, 1, f"person{seat.id}@{key_of(one.number)}.example", f"Person {seat.id}", "",
                  "benchmark", NOW) for one in holdings for seat in one.seats])
    _insert(HoldFact, [hold for one in holdings for hold in one.holds])
    _insert(HoldEnd, [end for one in holdings for end in one.ends])
    _insert(HoursFact, [used for one in holdings for used in one.hours])
    bookings = [booking for one in holdings if one.resource == HOURS for booking in one.bookings()]
    db.session.execute(insert(Booking), [{"id": booking.id, **values_of(booking)} for booking in bookings])
    bulk_insert(Posting, ("batch_id", "account_id", "charge_at", "kind", "lot_id", "amount"),
                [(2 * one.id + 1, one.id, *line) for one in holdings for line in one.lines])
    for one in holdings:
        one.cache()


def _insert(model: type[Model], rows: Sequence[Model]) -> None:
    """Adds rows with the ids that they have."""
    if rows:
        columns = [column.name for column in model.__table__.columns]
        bulk_insert(model, columns, [[getattr(row, name) for name in columns] for row in rows])


def _count_on() -> None:
    """Where numbers go on."""
    if db.session.get_bind().dialect.name == "postgresql":
        for model in _NUMBERED:
            name = model.__tablename__
            db.session.execute(text(
                f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), (SELECT max(id) FROM {name}))"
            ))
