"""What is promised of hours and what sessions used of them, read for the plan (L14)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import CompoundSelect, literal, null, select, union_all

from creditsvc.core.burndown import Plan, Promise, plan_hours, room
from creditsvc.db import db
from creditsvc.ledger.facts import KnownLot, PostingKey, posting_sums
from creditsvc.ledger.models import HoldEnd, HoldFact, HoursFact
from creditsvc.sets import Given, among_given, chunks, given

CONFIRMED = "confirmed"
RELEASED = "released"
EXCESS = "excess"
UNCOVERED = "uncovered"


@dataclass
class Hours:
    """The facts of one account of hours, in minutes: holds that stand and confirmed sessions as promises, usage that
    lots pay where nothing is promised, and usage `beyond` that no lot may pay, by the sessions' starts."""

    promises: list[Promise] = field(default_factory=list)
    usage: dict[datetime, int] = field(default_factory=lambda: defaultdict(int))
    beyond: dict[datetime, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def held(self) -> int:
        """The sum of the holds that stand."""
        return sum(promise.amount for promise in self.promises if promise.held_since is not None)

    def without(self, keys: Iterable[str]) -> "Hours":
        """The same facts without some holds."""
        left_out = set(keys)
        return Hours([one for one in self.promises if one.key not in left_out], self.usage, self.beyond)

    def plan(self, lots: Sequence[KnownLot]) -> Plan:
        """How the lots keep and pay it."""
        return plan_hours([known.lot for known in lots], self.promises, self.usage, self.beyond)

    def room(self, lots: Sequence[KnownLot], at: datetime) -> int:
        """The minutes that a new hold for an instant could have."""
        return room([known.lot for known in lots], self.promises, self.usage, self.beyond, at)


@cache
def _facts(how: Given) -> CompoundSelect[Any]:
    holds = (
        select(HoldFact.account_id, literal("hold").label("kind"), HoldFact.key, HoldFact.at, HoldFact.amount,
               HoldFact.made_at)
        .outerjoin(HoldEnd, HoldEnd.hold_id == HoldFact.id)
        .where(among_given(HoldFact.account_id, "accounts", how), HoldEnd.hold_id.is_(None))
    )
    hours = select(
        HoursFact.account_id, HoursFact.kind, HoursFact.ref, HoursFact.at, HoursFact.amount, null()
    ).where(among_given(HoursFact.account_id, "accounts", how))
    return union_all(holds, hours)


def hours_of(account_ids: Iterable[int]) -> dict[int, Hours]:
    """The facts of each account that has any, in one statement."""
    found: dict[int, Hours] = defaultdict(Hours)
    confirmed: dict[tuple[int, str, datetime], int] = defaultdict(int)
    for part in chunks(account_ids):
        how, value = given(part)
        for account_id, kind, key, at, amount, made_at in db.session.execute(_facts(how), {"accounts": value}):
            if kind == "hold":
                found[account_id].promises.append(Promise(key, at, amount, made_at))
            elif kind == CONFIRMED:
                confirmed[account_id, key, at] += amount
            else:
                of_kind = found[account_id].usage if kind == EXCESS else found[account_id].beyond
                of_kind[at] += amount
    for (account_id, ref, at), amount in confirmed.items():
        if amount:
            found[account_id].promises.append(Promise(ref, at, amount))
    return dict(found)


def planned_hours(lots: Sequence[KnownLot], hours: Hours) -> dict[PostingKey, int]:
    """What the plan of these facts would have posted, keyed as `facts.posted_of`."""
    return posting_sums(lots, hours.plan(lots))
