"""What `verify` asks of holds and seats beyond the plan (L14, L18): each hold ended once and by its own account, no
session confirmed beyond its hold, no more seats taken at any instant than a lot has."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, func, select

from creditsvc.core.errors import RuleBroken
from creditsvc.core.seats import peak
from creditsvc.db import db
from creditsvc.ledger.additions import ENDS, confirmed_with
from creditsvc.ledger.facts import KnownLot, PostingKey
from creditsvc.ledger.holds import CONFIRMED, EXCESS, UNCOVERED, Hours, planned_hours
from creditsvc.ledger.models import (
    Account,
    Batch,
    HoldEnd,
    HoldFact,
    HoursFact,
    LotFact,
    Resource,
    SeatEnd,
    SeatFact,
)
from creditsvc.ledger.seats import intervals_of
from creditsvc.parties.models import Startup

Difference = dict[str, str]


def difference(account: str, what: str, expected: object, found: object) -> Difference:
    """One thing that differs, as CONTRACT section 5 states it."""
    return {"account": account, "what": what, "expected": str(expected), "found": str(found)}


def account_names(*conditions: ColumnElement[bool]) -> dict[int, str]:
    """How differences name accounts, by id and in its order: all, or those that conditions on `Account` and its
    `Resource` mean."""
    found = db.session.execute(
        select(Account.id, Startup.key, Resource.key)
        .join(Startup, Startup.id == Account.startup_id)
        .join(Resource, Resource.id == Account.resource_id)
        .where(*conditions)
        .order_by(Account.id)
    )
    return {account_id: f"{startup}/{resource}" for account_id, startup, resource in found}


def plan_of_hours(
    name: str, lots: Sequence[KnownLot], hours: Hours
) -> tuple[dict[PostingKey, int], list[Difference]]:
    """What the plan of an account of hours would have posted, and what is wrong with it: holds that it does not keep
    whole, and facts of which there is no plan."""
    try:
        wanted = planned_hours(lots, hours)
    except RuleBroken as refusal:
        return {}, [difference(name, "sessions", "a plan", refusal)]
    kept = sum(amount for (_, kind, _), amount in wanted.items() if kind == "held")
    return wanted, [] if kept == hours.held else [difference(name, "minutes held", hours.held, kept)]


def check_holdings(
    ids: Sequence[int], names: Mapping[int, str], known: Mapping[int, Sequence[KnownLot]]
) -> list[Difference]:
    """What differs in the holds, the sessions and the seats of accounts."""
    return [
        *_check_hold_ends(ids, names), *_check_sessions(ids, names), *_check_batches(ids, names),
        *_check_seats(ids, names, known),
    ]


def _check_hold_ends(ids: Sequence[int], names: Mapping[int, str]) -> list[Difference]:
    """Ends of holds that end none of their account or confirm more than it."""
    differences = []
    ends = db.session.execute(
        select(HoldFact.account_id, HoldFact.key, HoldFact.amount, HoldEnd.kind, HoldEnd.amount, Batch.account_id)
        .join(HoldEnd, HoldEnd.hold_id == HoldFact.id)
        .outerjoin(Batch, Batch.id == HoldEnd.batch_id)
        .where(HoldFact.account_id.in_(ids))
    )
    for account_id, key, amount, kind, confirmed, ended_in in ends:
        least = 1 if kind == CONFIRMED else 0
        most = amount if kind == CONFIRMED else 0
        if kind not in ENDS or not least <= confirmed <= most:
            expected = f"confirmed with 1 to {amount}, or released or timed out with 0"
            differences.append(difference(names[account_id], f"end of hold {key}", expected, f"{kind} {confirmed}"))
        if ended_in != account_id:
            differences.append(
                difference(names[account_id], f"end of hold {key} in", "a batch of the account", ended_in)
            )
    return differences


def _check_sessions(ids: Sequence[int], names: Mapping[int, str]) -> list[Difference]:
    """Sessions that used what they cannot."""
    sums = db.session.execute(
        select(HoursFact.account_id, HoursFact.ref, HoursFact.kind, func.sum(HoursFact.amount))
        .where(HoursFact.account_id.in_(ids))
        .group_by(HoursFact.account_id, HoursFact.ref, HoursFact.kind)
        .order_by(HoursFact.account_id, HoursFact.ref, HoursFact.kind)
    ).all()
    confirmed = confirmed_with({row[0] for row in sums})
    differences = []
    for account_id, ref, kind, amount in sums:
        most = confirmed[account_id, ref] if kind == CONFIRMED else None
        if amount < 0 or kind not in (CONFIRMED, EXCESS, UNCOVERED) or (most is not None and amount > most):
            expected = "0 or more" if most is None else f"0 to {most}"
            differences.append(difference(names[account_id], f"minutes {kind} of {ref}", expected, amount))
    return differences


def _check_batches(ids: Sequence[int], names: Mapping[int, str]) -> list[Difference]:
    """Holds, sessions and seats that stand in a batch of another account, or in none."""
    differences = []
    for model, what in ((HoldFact, "hold"), (HoursFact, "session"), (SeatFact, "seat")):
        strays = db.session.execute(
            select(model.id, model.account_id)
            .outerjoin(Batch, Batch.id == model.batch_id)
            .where(model.account_id.in_(ids), Batch.id.is_(None) | (Batch.account_id != model.account_id))
        )
        differences += [
            difference(names[account_id], f"cause of {what} {row_id}", "a batch of the account", "none")
            for row_id, account_id in strays
        ]
    return differences


def _check_seats(
    ids: Sequence[int], names: Mapping[int, str], known: Mapping[int, Sequence[KnownLot]]
) -> list[Difference]:
    """Lots of which more seats are taken at some instant than they have, and seats of another account's lot."""
    taken = intervals_of(ids)
    differences = [
        difference(names[account_id], f"seats taken at once of grant {lot.fact.key}", f"at most {lot.lot.amount}", most)
        for account_id in ids
        for lot in known[account_id]
        if (most := peak(taken.get(lot.fact.id, ()))) > lot.lot.amount
    ]
    strays = db.session.execute(
        select(SeatFact.account_id, SeatFact.id)
        .join(LotFact, LotFact.id == SeatFact.lot_id)
        .where(SeatFact.account_id.in_(ids), LotFact.account_id != SeatFact.account_id)
    )
    differences += [
        difference(names[account_id], f"grant of seat {seat_id}", "one of the account", "another's")
        for account_id, seat_id in strays
    ]
    ends: dict[int, int] = defaultdict(int)
    for account_id, in db.session.execute(
        select(SeatFact.account_id)
        .join(SeatEnd, SeatEnd.seat_id == SeatFact.id)
        .join(Batch, Batch.id == SeatEnd.batch_id)
        .where(SeatFact.account_id.in_(ids), Batch.account_id != SeatFact.account_id)
    ):
        ends[account_id] += 1
    return differences + [
        difference(names[account_id], "ends of seats in batches of another account", 0, count)
        for account_id, count in sorted(ends.items())
    ]
