"""Facts of hours and seats, added for `book.py` in the batch of their cause: holds and their ends, sessions, seats."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, or_, select

from creditsvc.core.amounts import check_range
from creditsvc.core.errors import Conflict, NotFound, RuleBroken
from creditsvc.core.pseudonyms import without_addresses
from creditsvc.db import db
from creditsvc.ledger.chain import Reading, instant_word
from creditsvc.ledger.holds import CONFIRMED, EXCESS, RELEASED, UNCOVERED
from creditsvc.ledger.models import HoldEnd, HoldFact, HoursFact, LotFact, SeatEnd, SeatFact

Words = dict[str, list[list[Any]]]
"""What a batch's hash says of the facts added with it, by their kind."""

ENDS = (CONFIRMED, RELEASED, "timed_out")


@dataclass(frozen=True)
class HoldTerms:
    """Minutes to be held for an instant, under a key that nobody has; `made_at` is when the hold was made (L14)."""

    key: str
    amount: int
    at: datetime
    made_at: datetime


@dataclass(frozen=True)
class HoldEndTerms:
    """How a hold ends: `confirmed` with some minutes or all, `released` or `timed_out` with 0 (L14)."""

    key: str
    kind: str
    stated_at: datetime
    amount: int = 0


@dataclass(frozen=True)
class HoursTerms:
    """Minutes by which the usage of a session changes; who pays, `kind` says (`HoursFact`)."""

    ref: str
    at: datetime
    kind: str
    amount: int
    stated_at: datetime
    reason: str = ""


@dataclass(frozen=True)
class SeatTerms:
    """A seat of a lot from an instant until another one, or as long as the lot lasts."""

    lot_id: int
    from_at: datetime
    until_at: datetime | None
    stated_at: datetime


@dataclass(frozen=True)
class SeatEndTerms:
    """The instant from which a seat is free again."""

    seat_id: int
    ends_at: datetime
    stated_at: datetime


@dataclass(frozen=True)
class Additions:
    """What is added to one account in one batch."""

    holds: tuple[HoldTerms, ...] = ()
    hold_ends: tuple[HoldEndTerms, ...] = ()
    hours: tuple[HoursTerms, ...] = ()
    seats: tuple[SeatTerms, ...] = ()
    seat_ends: tuple[SeatEndTerms, ...] = ()


@dataclass(frozen=True)
class Added:
    """What came of it: the words of the hash, and the ids of the new seats in the order of their terms."""

    words: Words = field(default_factory=dict)
    seats: list[int] = field(default_factory=list)


def add_facts(account_id: int, batch_id: int, actor: str, new: Additions) -> Added:
    """Adds facts to a locked account.

    Raises Conflict("key", "key-taken"), NotFound("hold"), Conflict("hold", "already-..."), RuleBroken("amount",
    "exceeds-hold" | "below-nothing" | "not-positive"), NotFound("grant" | "seat") for a lot or seat of another account.
    Whether there is enough for it, the book asks once it has planned.
    """
    holds, hold_ends = _holds(account_id, batch_id, new.holds), _hold_ends(account_id, batch_id, actor, new.hold_ends)
    db.session.add_all([*holds, *hold_ends])
    db.session.flush()
    hours = _hours(account_id, batch_id, actor, new.hours)
    seats = _seats(account_id, batch_id, actor, new.seats)
    ends = _seat_ends(account_id, batch_id, actor, new.seat_ends)
    db.session.add_all([*hours, *seats, *ends])
    db.session.flush()
    return Added(words_of(holds, hold_ends, hours, seats, ends), [seat.id for seat in seats])


def _holds(account_id: int, batch_id: int, holds: Sequence[HoldTerms]) -> list[HoldFact]:
    taken = set(db.session.scalars(select(HoldFact.key).where(HoldFact.key.in_([one.key for one in holds]))) if holds
                else ())
    for one in holds:
        if one.amount <= 0:
            raise RuleBroken("amount", "not-positive", "write a length of more than nothing")
        if one.key in taken:
            raise Conflict("key", "key-taken", "The key %(key)s is taken: choose another one.", key=one.key)
    return [
        HoldFact(account_id=account_id, batch_id=batch_id, key=one.key, amount=check_range(one.amount), at=one.at,
                 made_at=one.made_at)
        for one in holds
    ]


def _hold_ends(account_id: int, batch_id: int, actor: str, ends: Sequence[HoldEndTerms]) -> list[HoldEnd]:
    """A hold ends once (L14)."""
    if not ends:
        return []
    rows: list[HoldEnd] = []
    known: dict[str, tuple[HoldFact, HoldEnd | None]] = {
        hold.key: (hold, end)
        for hold, end in db.session.execute(
            select(HoldFact, HoldEnd)
            .outerjoin(HoldEnd, HoldEnd.hold_id == HoldFact.id)
            .where(HoldFact.account_id == account_id, HoldFact.key.in_([one.key for one in ends]))
        ).all()
    }
    for one in ends:
        if one.key not in known or one.kind not in ENDS:
            raise NotFound("hold", one.key)
        hold, end = known[one.key]
        if end is not None:
            raise Conflict(
                "hold", f"already-{end.kind.replace('_', '-')}", "what was held for %(key)s is %(kind)s already",
                key=one.key, kind=end.kind.replace("_", " "),
            )
        if one.amount > hold.amount:
            raise RuleBroken(
                "amount", "exceeds-hold", "%(asked)s minutes are more than the %(held)s that are held",
                asked=one.amount, held=hold.amount,
            )
        if (one.amount > 0) != (one.kind == CONFIRMED):
            raise RuleBroken("amount", "not-positive", "a hold is confirmed with more than 0 minutes, else with none")
        rows.append(HoldEnd(hold_id=hold.id, batch_id=batch_id, kind=one.kind, amount=one.amount,
                            stated_at=one.stated_at, actor=actor))
    if len({row.hold_id for row in rows}) < len(rows):
        raise Conflict("hold", "already-ended", "a hold ends once")
    return rows


def _hours(account_id: int, batch_id: int, actor: str, hours: Sequence[HoursTerms]) -> list[HoursFact]:
    """No session uses less than nothing, nor confirms more than its hold was confirmed with."""
    if not hours:
        return []
    refs = {one.ref for one in hours}
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for ref, kind, amount in db.session.execute(
        select(HoursFact.ref, HoursFact.kind, func.sum(HoursFact.amount))
        .where(HoursFact.account_id == account_id, HoursFact.ref.in_(refs))
        .group_by(HoursFact.ref, HoursFact.kind)
    ):
        sums[ref, kind] = int(amount)
    for one in hours:
        if one.kind not in (CONFIRMED, EXCESS, UNCOVERED):
            raise AssertionError(f"{one.kind} is no kind of usage of hours")
        sums[one.ref, one.kind] += one.amount
    confirmed = confirmed_with([account_id], refs)
    for (ref, kind), amount in sums.items():
        if amount < 0:
            raise RuleBroken("amount", "below-nothing", "a session uses no less than nothing")
        if kind == CONFIRMED and amount > confirmed[account_id, ref]:
            raise RuleBroken(
                "amount", "exceeds-hold", "%(asked)s minutes are more than the %(held)s that were confirmed",
                asked=amount, held=confirmed[account_id, ref],
            )
    return [
        HoursFact(account_id=account_id, batch_id=batch_id, ref=one.ref, at=one.at, kind=one.kind,
                  amount=check_range(one.amount), stated_at=one.stated_at, actor=actor, reason=one.reason)
        for one in hours
    ]


def confirmed_with(account_ids: Iterable[int], refs: Iterable[str] | None = None) -> dict[tuple[int, str], int]:
    """The minutes with which holds of accounts were confirmed, by account and what they were for; 0 where none was.

    A hold's key is what it is for, a colon, and a number of its own (`booking:12:0`).
    """
    sums: dict[tuple[int, str], int] = defaultdict(int)
    statement = (
        select(HoldFact.account_id, HoldFact.key, HoldEnd.amount)
        .join(HoldEnd, HoldEnd.hold_id == HoldFact.id)
        .where(HoldFact.account_id.in_(list(account_ids)), HoldEnd.kind == CONFIRMED)
    )
    if refs is not None:
        statement = statement.where(or_(*(HoldFact.key.startswith(f"{ref}:", autoescape=True) for ref in refs)))
    for account_id, key, amount in db.session.execute(statement):
        sums[account_id, key.rpartition(":")[0]] += amount
    return sums


def _seats(account_id: int, batch_id: int, actor: str, seats: Sequence[SeatTerms]) -> list[SeatFact]:
    wanted = {one.lot_id for one in seats}
    mine = set(db.session.scalars(
        select(LotFact.id).where(LotFact.account_id == account_id, LotFact.id.in_(wanted))
    ) if wanted else ())
    if wanted - mine:
        raise NotFound("grant", str(min(wanted - mine)))
    for one in seats:
        if one.until_at is not None and one.until_at <= one.from_at:
            raise RuleBroken("until", "not-after-start", "the seat would end before it begins")
    return [
        SeatFact(account_id=account_id, lot_id=one.lot_id, batch_id=batch_id, from_at=one.from_at,
                 until_at=one.until_at, stated_at=one.stated_at, actor=actor)
        for one in seats
    ]


def _seat_ends(account_id: int, batch_id: int, actor: str, ends: Sequence[SeatEndTerms]) -> list[SeatEnd]:
    wanted = {one.seat_id for one in ends}
    mine = set(db.session.scalars(
        select(SeatFact.id).where(SeatFact.account_id == account_id, SeatFact.id.in_(wanted))
    ) if wanted else ())
    if wanted - mine:
        raise NotFound("seat", str(min(wanted - mine)))
    return [
        SeatEnd(seat_id=one.seat_id, batch_id=batch_id, ends_at=one.ends_at, stated_at=one.stated_at, actor=actor)
        for one in ends
    ]


def words_of(
    holds: Iterable[HoldFact], hold_ends: Iterable[HoldEnd], hours: Iterable[HoursFact], seats: Iterable[SeatFact],
    ends: Iterable[SeatEnd], *, reading: Reading = without_addresses,
) -> Words:
    """What the hash of a batch says of the facts added with it; kinds without any are left out."""
    words: Words = {
        "holds": [[reading(one.key), one.amount, instant_word(one.at), instant_word(one.made_at)] for one in holds],
        "hold_ends": [
            [one.hold_id, one.kind, one.amount, instant_word(one.stated_at), reading(one.actor)] for one in hold_ends
        ],
        "hours": [
            [reading(one.ref), instant_word(one.at), one.kind, one.amount, instant_word(one.stated_at),
             reading(one.actor), reading(one.reason)]
            for one in hours
        ],
        "seats": [
            [one.id, one.lot_id, instant_word(one.from_at), instant_word(one.until_at), instant_word(one.stated_at),
             reading(one.actor)]
            for one in seats
        ],
        "seat_ends": [
            [one.seat_id, instant_word(one.ends_at), instant_word(one.stated_at), reading(one.actor)] for one in ends
        ],
    }
    return {kind: sorted(lines) for kind, lines in words.items() if lines}


def words_by_batch(account_ids: Sequence[int], reading: Reading = without_addresses) -> Mapping[int, Words]:
    """The words of each batch of accounts that added such facts, in a fixed number of statements."""
    facts: dict[int, tuple[list[Any], ...]] = defaultdict(lambda: ([], [], [], [], []))
    statements: tuple[Select[Any], ...] = (
        select(HoldFact).where(HoldFact.account_id.in_(account_ids)),
        select(HoldEnd).join(HoldFact, HoldFact.id == HoldEnd.hold_id).where(HoldFact.account_id.in_(account_ids)),
        select(HoursFact).where(HoursFact.account_id.in_(account_ids)),
        select(SeatFact).where(SeatFact.account_id.in_(account_ids)),
        select(SeatEnd).join(SeatFact, SeatFact.id == SeatEnd.seat_id).where(SeatFact.account_id.in_(account_ids)),
    )
    for place, statement in enumerate(statements):
        for fact in db.session.scalars(statement):
            facts[fact.batch_id][place].append(fact)
    return {batch_id: words_of(*of_batch, reading=reading) for batch_id, of_batch in facts.items()}
