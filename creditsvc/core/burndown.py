"""Burn-down: how the lots of one account pay its usage (rules L3 to L10).

Everything here is pure: lots and usage come in as values, a plan comes out, and the same facts give the same plan
whatever the order in which they arrived. Amounts are integers in the smallest step of the account's unit.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from creditsvc.core.errors import RuleBroken

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)

ChangeKind = Literal["top_up", "return", "extend", "void", "opening"]
LineKind = Literal["drawn", "held", "uncovered", "uncredited"]


@dataclass(frozen=True)
class Change:
    """A dated fact added to a lot (L3).

    `top_up`, `return` and `opening` carry an `amount` > 0; `extend` (the new expiry), `void` and `opening` (the day
    from which it counts as drawn) carry an `instant`.
    """

    kind: ChangeKind
    amount: int = 0
    instant: datetime | None = None


@dataclass(frozen=True)
class Lot:
    """An amount usable on [effective, min(expires, voided_at)), with what the burning order needs (L3, L4, L6).

    `amount` is the capacity on every day: the award plus top-ups less what was returned (L11). `opening` is the part
    of it that had been drawn before the service began to count, as of `opening_at`.
    """

    key: str
    amount: int
    effective: datetime
    expires: datetime | None = None
    voided_at: datetime | None = None
    priority: int = 0
    promotional: bool = False
    awarded: datetime = EARLIEST
    opening: int = 0
    opening_at: datetime | None = None

    @property
    def end(self) -> datetime:
        """The first instant at which the lot no longer pays."""
        return min(self.expires or LATEST, self.voided_at or LATEST)

    @property
    def is_worthless(self) -> bool:
        """An expiry that is not after its start: taken in, flagged, worth nothing (L4)."""
        return self.expires is not None and self.expires <= self.effective

    def is_active(self, at: datetime) -> bool:
        """Whether the lot pays for usage at that instant."""
        return self.effective <= at < self.end


@dataclass(frozen=True)
class Promise:
    """An amount that the lots active at an instant keep for what it is promised to, before all other usage (L14).

    While the hold stands, `held_since` is when it was made; once it is confirmed (None), the amount is used.
    """

    key: str
    at: datetime
    amount: int
    held_since: datetime | None = None


class Line(NamedTuple):
    """One line of a plan: at an instant, a lot paid (`drawn`) or keeps what is promised (`held`), nobody paid
    (`uncovered`), or a refund found nothing to take back (`uncredited`). A negative amount takes back what an earlier
    line says. What is held stands at the instant when its hold was made."""

    at: datetime
    kind: LineKind
    lot: str | None
    amount: int


@dataclass(frozen=True)
class Plan:
    """How usage was paid, at most one line per instant, kind and lot, in the order of time."""

    lines: tuple[Line, ...]

    def drawn(self) -> dict[str, int]:
        """The amount drawn from each lot."""
        return self._by_lot("drawn")

    def held(self) -> dict[str, int]:
        """The amount held of each lot."""
        return self._by_lot("held")

    def _by_lot(self, kind: LineKind) -> dict[str, int]:
        totals: dict[str, int] = defaultdict(int)
        for line in self.lines:
            if line.lot is not None and line.kind == kind:
                totals[line.lot] += line.amount
        return dict(totals)

    def total(self, kind: LineKind) -> int:
        """The sum of all lines of that kind."""
        return sum(line.amount for line in self.lines if line.kind == kind)


@dataclass(frozen=True)
class Standing:
    """What became of one lot by an instant: granted = drawn + held + expired + voided + not_yet + remaining (L10)."""

    granted: int
    drawn: int = 0
    held: int = 0
    expired: int = 0
    voided: int = 0
    not_yet: int = 0
    remaining: int = 0


def fold(award: Lot, changes: Iterable[Change]) -> Lot:
    """The lot as all its facts make it; free of the order of the facts.

    The furthest expiry and the earliest void stand, amounts add up. Raises RuleBroken for an unknown kind.
    """
    lot = award
    for change in changes:
        if change.kind == "top_up":
            lot = replace(lot, amount=lot.amount + change.amount)
        elif change.kind == "return":
            lot = replace(lot, amount=lot.amount - change.amount)
        elif change.kind == "extend":
            # a lot without an expiry cannot be made to last longer
            if lot.expires is not None and change.instant is not None:
                lot = replace(lot, expires=max(lot.expires, change.instant))
        elif change.kind == "void":
            lot = replace(lot, voided_at=min(lot.voided_at or LATEST, change.instant or LATEST))
        elif change.kind == "opening":
            earlier = min(lot.opening_at or LATEST, change.instant or lot.effective)
            lot = replace(lot, opening=lot.opening + change.amount, opening_at=earlier)
        else:
            raise RuleBroken("kind", "unknown-change", "%(kind)r is no change of a lot", kind=change.kind)
    return lot


def burning_order(lot: Lot) -> tuple[int, datetime, bool, datetime, datetime, str]:
    """The sort key of L6: priority, expiry (none last), promotional first, effective, awarded, key."""
    return (lot.priority, lot.expires or LATEST, not lot.promotional, lot.effective, lot.awarded, lot.key)


@dataclass
class _Book:
    """The state of a plan while it is made: the lots in burning order with when each begins and ends to pay, what each
    still has, and the takings that a refund can unwind."""

    ordered: list[tuple[str, datetime, datetime]]
    left: dict[str, int]
    takings: list[tuple[str | None, int]] = field(default_factory=list)
    next_end: datetime = EARLIEST

    def take(self, lot: str | None, amount: int, moved: dict[str | None, int]) -> None:
        self.takings.append((lot, amount))
        moved[lot] = moved.get(lot, 0) + amount

    def pay(self, at: datetime, amount: int, moved: dict[str | None, int]) -> None:
        """Takes the amount from the lots that are active (L4), in burning order; the rest is uncovered (L8).

        Instants come in order, so a lot that has ended is looked at no more.
        """
        if at >= self.next_end:
            self.ordered = [lot for lot in self.ordered if at < lot[2]]
            self.next_end = min((ends for _, _, ends in self.ordered), default=LATEST)
        left, takings = self.left, self.takings
        for lot, starts, _ in self.ordered:
            rest = left[lot]
            if rest > 0 and starts <= at:
                part = rest if rest < amount else amount
                left[lot] = rest - part
                takings.append((lot, part))
                moved[lot] = moved[lot] + part if lot in moved else part
                if part == amount:
                    return
                amount -= part
        self.take(None, amount, moved)

    def unwind(self, refund: int, moved: dict[str | None, int]) -> int:
        """Takes back takings newest first, never more than was taken (L9); gives what found nothing to take back."""
        while refund and self.takings:
            lot, taken = self.takings.pop()
            back = min(refund, taken)
            if back < taken:
                self.takings.append((lot, taken - back))
            if lot is not None:
                self.left[lot] += back
            moved[lot] = moved.get(lot, 0) - back
            refund -= back
        return refund


def plan_hours(
    lots: Sequence[Lot], promises: Sequence[Promise], usage: Mapping[datetime, int], beyond: Mapping[datetime, int]
) -> Plan:
    """How the lots of one account of hours keep what is promised, then pay usage, by instant (L14).

    Promises come first, in the order of time, so that no other usage takes what a hold keeps; a confirmed one stays
    in its place with what was used of it, which leaves no less for the others. What a hold is short of has no line.
    `beyond` is usage that no lot may pay. No usage of hours is negative: RuleBroken("usage", "negative").
    """
    if any(amount < 0 for amounts in (usage, beyond) for amount in amounts.values()):
        raise RuleBroken("usage", "negative", "a session uses no less than nothing")
    ordered = sorted(lots, key=burning_order)
    left = {lot.key: lot.amount - lot.opening for lot in ordered}
    sums: dict[tuple[datetime, LineKind, str | None], int] = defaultdict(int)
    for promise in sorted(promises, key=lambda promise: (promise.at, promise.key)):
        missing = promise.amount
        for lot in ordered:
            part = min(left[lot.key], missing) if lot.is_active(promise.at) else 0
            if part > 0:
                left[lot.key] -= part
                missing -= part
                kind: LineKind = "drawn" if promise.held_since is None else "held"
                sums[promise.held_since or promise.at, kind, lot.key] += part
        if missing and promise.held_since is None:
            sums[promise.at, "uncovered", None] += missing
    rest = [replace(lot, amount=left[lot.key] + lot.opening) for lot in ordered]
    for line in plan(rest, usage).lines:
        sums[line.at, line.kind, line.lot] += line.amount
    for at, amount in beyond.items():
        sums[at, "uncovered", None] += amount
    lines = [Line(at, kind, lot, amount) for (at, kind, lot), amount in sums.items() if amount]
    return Plan(tuple(sorted(lines, key=lambda line: (line.at, line.kind, line.lot or ""))))


def plan(lots: Sequence[Lot], usage: Mapping[datetime, int], until: datetime | None = None) -> Plan:
    """How the lots of one account pay its usage (L4 to L9).

    `usage` is net per instant (a charge day is its 00:00Z); a negative net is a refund. Usage after `until` is not
    seen, usage at it is. What had been drawn before go-live is taken from its lot at its own instant, before that
    instant's usage, and is never free for usage of any day. Raises RuleBroken("usage", "naive-instant") for an
    instant without a zone and RuleBroken("lots", "same-key") for two lots of one key.
    """
    if any(at.tzinfo is None for at in usage):
        raise RuleBroken("usage", "naive-instant", "an instant of usage has no time zone")
    ordered = sorted(lots, key=burning_order)
    book = _Book([(lot.key, lot.effective, lot.end) for lot in ordered],
                 {lot.key: lot.amount - lot.opening for lot in ordered})
    if len(book.left) != len(ordered):
        raise RuleBroken("lots", "same-key", "two lots have one key")
    openings: dict[datetime, list[Lot]] = defaultdict(list)
    for lot in ordered:
        if lot.opening:
            openings[lot.opening_at or lot.effective].append(lot)
    lines: list[Line] = []
    # a list and no set, since usage mostly comes in order already and then sorts at once
    for at in sorted([*usage, *(at for at in openings if at not in usage)]):
        if until is not None and at > until:
            break
        moved: dict[str | None, int] = {}
        for lot in openings.get(at, ()):
            book.take(lot.key, lot.opening, moved)
        net, uncredited = usage.get(at, 0), 0
        if net < 0:
            uncredited = book.unwind(-net, moved)
        elif net > 0:
            book.pay(at, net, moved)
        for key, amount in moved.items():
            if amount:
                lines.append(Line(at, "uncovered" if key is None else "drawn", key, amount))
        if uncredited:
            lines.append(Line(at, "uncredited", None, uncredited))
    return Plan(tuple(lines))


def standing(lot: Lot, drawn: int, as_of: datetime, held: int = 0) -> Standing:
    """What became of a lot by an instant (L10); the rest beyond drawn and held stands under just one word."""
    rest = lot.amount - drawn - held
    if lot.voided_at is not None and lot.voided_at <= as_of and lot.voided_at <= (lot.expires or LATEST):
        return Standing(lot.amount, drawn, held, voided=rest)
    if lot.expires is not None and lot.expires <= as_of:
        return Standing(lot.amount, drawn, held, expired=rest)
    if as_of < lot.effective:
        return Standing(lot.amount, drawn, held, not_yet=rest)
    return Standing(lot.amount, drawn, held, remaining=rest)


def room(
    lots: Sequence[Lot], promises: Sequence[Promise], usage: Mapping[datetime, int], beyond: Mapping[datetime, int],
    at: datetime,
) -> int:
    """The most that a new hold for an instant could have: wholly kept, with no other hold short of anything and no
    usage uncovered that is paid now."""
    def is_kept(amount: int) -> bool:
        made = plan_hours(lots, [*promises, Promise("\uffff", at, amount, LATEST)], usage, beyond)
        return made.total("held") >= held + amount and made.total("uncovered") <= uncovered

    before = plan_hours(lots, promises, usage, beyond)
    held = sum(promise.amount for promise in promises if promise.held_since is not None)
    uncovered = before.total("uncovered")
    most = sum(lot.amount - lot.opening for lot in lots if lot.is_active(at))
    low, high = 0, max(most, 0)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if is_kept(middle) else (low, middle - 1)
    return low
