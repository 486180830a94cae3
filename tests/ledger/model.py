"""A small model of the rules, unit by unit, that imports nothing of the product.

Slow and plain on purpose: usage is paid one step at a time by the best lot of that moment, and a refund takes back one
step at a time. Instants are datetimes, amounts are small integers.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

NEVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass
class ModelLot:
    """A lot with its changes applied to it as they come."""

    owner: str
    amount: int
    effective: datetime
    expires: datetime
    priority: int
    promotional: bool
    awarded: datetime
    void: datetime = NEVER
    opening: int = 0


@dataclass
class ModelRun:
    """An import run: what it says of a scope on the days it covers."""

    scope: str
    submitted: datetime
    first: date
    last: date
    totals: dict[tuple[date, str], int]
    reversed: bool = False


@dataclass
class Model:
    """Everything that was said, and the answers by rule L3 to L10, U4, U8 and U9."""

    lots: dict[str, ModelLot] = field(default_factory=dict)
    runs: list[ModelRun] = field(default_factory=list)
    owners: dict[str, dict[datetime, str]] = field(default_factory=lambda: defaultdict(dict))

    def give_scope(self, scope: str, owner: str, starts: datetime) -> None:
        """From that instant on, for good, the scope belongs to the owner."""
        turns = self.owners[scope]
        for later in [at for at in turns if at > starts]:
            del turns[later]
        turns[starts] = owner

    def _owner(self, scope: str, at: datetime) -> str | None:
        begun = [start for start in self.owners[scope] if start <= at]
        return self.owners[scope][max(begun)] if begun else None

    def _usage(self, owner: str) -> dict[datetime, int]:
        """Net usage by charge instant: the newest submitted run that covers a scope's day decides it."""
        net: dict[datetime, int] = defaultdict(int)
        for scope in {run.scope for run in self.runs}:
            runs = [run for run in self.runs if run.scope == scope and not run.reversed]
            for day in {day for run in runs for day, _ in run.totals}:
                at = datetime(day.year, day.month, day.day, tzinfo=UTC)
                covering = [run for run in runs if run.first <= day <= run.last]
                if covering and self._owner(scope, at) == owner:
                    newest = max(covering, key=lambda run: run.submitted)
                    net[at] += sum(cost for (total_day, _), cost in newest.totals.items() if total_day == day)
        return net

    def answer(self, owner: str, as_of: datetime) -> tuple[dict[str, tuple[int, ...]], int, int]:
        """By lot (drawn, expired, voided, not yet, remaining), then what is uncovered and uncredited."""
        lots = {key: lot for key, lot in self.lots.items() if lot.owner == owner}
        left = {key: lot.amount - lot.opening for key, lot in lots.items()}
        taken: list[str | None] = []
        uncredited = 0
        events: dict[datetime, int] = dict(self._usage(owner))
        for lot in lots.values():
            if lot.opening:
                events.setdefault(lot.effective, 0)
        for at in sorted(event for event in events if event <= as_of):
            for key in sorted(lots, key=lambda key: self._rank(lots[key], key)):
                if lots[key].opening and lots[key].effective == at:
                    taken += [key] * lots[key].opening
            for _ in range(events[at]):
                taken.append(self._payer(lots, left, at))
            for _ in range(-events[at]):
                if not taken:
                    uncredited += 1
                    continue
                back = taken.pop()
                if back is not None:
                    left[back] += 1
        parts = {key: self._parts(lot, taken.count(key), as_of) for key, lot in lots.items()}
        return parts, taken.count(None), uncredited

    @staticmethod
    def _rank(lot: ModelLot, key: str) -> tuple[int, datetime, bool, datetime, datetime, str]:
        return lot.priority, lot.expires, not lot.promotional, lot.effective, lot.awarded, key

    def _payer(self, lots: dict[str, ModelLot], left: dict[str, int], at: datetime) -> str | None:
        able = [
            key for key, lot in lots.items() if left[key] > 0 and lot.effective <= at < lot.expires and at < lot.void
        ]
        if not able:
            return None
        best = min(able, key=lambda key: self._rank(lots[key], key))
        left[best] -= 1
        return best

    @staticmethod
    def _parts(lot: ModelLot, drawn: int, as_of: datetime) -> tuple[int, ...]:
        rest = lot.amount - drawn
        if lot.void <= as_of and lot.void <= lot.expires:
            return drawn, 0, rest, 0, 0
        if lot.expires <= as_of:
            return drawn, rest, 0, 0, 0
        if as_of < lot.effective:
            return drawn, 0, 0, rest, 0
        return drawn, 0, 0, 0, rest


