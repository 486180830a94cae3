"""Facts of one account that arrive in some order, made by hypothesis: lots, their changes, import runs, rates.

Days are numbers from a Monday on; amounts are steps. Keys, award instants and submitted times are given, as rule L's
promise asks: the outcome must not depend on the order in which the same facts arrive.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random

from hypothesis import strategies as st

FIRST = date(2026, 3, 2)
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
SCOPES = ("scope-a", "scope-b")
KEYS = ("compute", "storage")
HORIZON = 16


def day(number: int) -> date:
    """The charge day of that number."""
    return FIRST + timedelta(days=number)


def instant(number: int, hours: int = 0) -> datetime:
    """The instant at which that day begins, some hours later."""
    return BEGIN + timedelta(days=number, hours=hours)


@dataclass(frozen=True)
class Awarded:
    """A lot; `days` None never expires; it may expire before it starts."""

    key: str
    amount: int
    starts: int
    hours: int
    days: int | None
    priority: int
    promotional: bool
    awarded: int

    @property
    def effective(self) -> datetime:
        return instant(self.starts, self.hours)

    @property
    def expires(self) -> datetime | None:
        return None if self.days is None else self.effective + timedelta(days=self.days)


@dataclass(frozen=True)
class Changed:
    """A change of the lot of that key."""

    lot: str
    kind: str
    amount: int
    at: int
    hours: int

    @property
    def moment(self) -> datetime | None:
        return instant(self.at, self.hours) if self.kind in ("extend", "void") else None


@dataclass(frozen=True)
class Arrived:
    """An import run: what it says of one scope on the days it covers, in another currency when it is `foreign`."""

    name: str
    scope: str
    submitted: int
    first: int
    last: int
    totals: tuple[tuple[int, str, int], ...]
    foreign: bool = False


@dataclass(frozen=True)
class Rated:
    """A word on the rate of the other currency from a day on, stated at that minute; `rate` None withdraws."""

    day: int
    rate: str | None
    minute: int

    @property
    def stated_at(self) -> datetime:
        return BEGIN + timedelta(minutes=self.minute)

    @property
    def value(self) -> Decimal | None:
        return None if self.rate is None else Decimal(self.rate)


Fact = Awarded | Changed | Arrived | Rated


# Strategies stand here whole, since making them anew for each example takes longer than what is tested.
_LOTS = st.lists(
    st.builds(
        Awarded, key=st.just(""), amount=st.integers(1, 120), starts=st.integers(0, HORIZON),
        hours=st.sampled_from((0, 16)), days=st.none() | st.integers(-1, 12), priority=st.integers(0, 1),
        promotional=st.booleans(), awarded=st.integers(0, 2),
    ),
    max_size=3,
)
_CHANGES = st.lists(
    st.tuples(
        st.integers(0, 2), st.sampled_from(("extend", "void", "top_up", "return")), st.integers(1, 60),
        st.integers(0, HORIZON + 4), st.sampled_from((0, 8, 16)),
    ),
    max_size=4,
)
_RUNS = st.lists(
    st.tuples(
        st.integers(0, 20), st.sampled_from(SCOPES), st.integers(0, HORIZON - 1), st.integers(0, 6),
        st.lists(st.tuples(st.integers(0, 6), st.sampled_from(KEYS), st.integers(-40, 90)), max_size=5), st.booleans(),
    ),
    max_size=4,
    unique_by=lambda run: run[0],
)
_RATES = st.lists(
    st.builds(Rated, day=st.integers(0, HORIZON), rate=st.sampled_from(("0.5", "1.5", "0.3333", None)),
              minute=st.integers(0, 99)),
    max_size=3,
    unique_by=lambda rated: rated.minute,
)
_SEEDS = st.integers(0, 2**32)


def _changes(drawn: Sequence[tuple[int, str, int, int, int]], lots: Sequence[Awarded]) -> list[Changed]:
    changes: list[Changed] = []
    for number, kind, amount, at, hours in drawn if lots else ():
        lot = lots[number % len(lots)]
        back = sum(one.amount for one in changes if one.lot == lot.key and one.kind == "return")
        if kind == "return" and back + amount > lot.amount // 2:
            continue  # nobody gives back more than there is
        changes.append(Changed(lot.key, kind, amount, at, hours))
    return changes


def _run(
    submitted: int, scope: str, first: int, length: int, costs: Sequence[tuple[int, str, int]], foreign: bool
) -> Arrived:
    last = min(first + length, HORIZON)
    totals = {(first + offset % (last - first + 1), key): amount for offset, key, amount in costs}
    return Arrived(f"run-{submitted}", scope, submitted, first, last,
                   tuple((number, key, amount) for (number, key), amount in sorted(totals.items())), foreign)


@st.composite
def facts(draw: st.DrawFn) -> list[Fact]:
    """The facts of one account in the order in which they were thought of."""
    lots = [replace(lot, key=f"lot-{number}") for number, lot in enumerate(draw(_LOTS))]
    return [*lots, *_changes(draw(_CHANGES), lots), *(_run(*run) for run in draw(_RUNS)), *draw(_RATES)]


def reachable(order: Sequence[Fact]) -> list[Fact]:
    """The same facts, each change after the award of its lot: none can arrive before there is a lot."""
    done: list[Fact] = []
    waiting: list[Changed] = []
    awarded: set[str] = set()
    for fact in order:
        if isinstance(fact, Changed) and fact.lot not in awarded:
            waiting.append(fact)
            continue
        done.append(fact)
        if isinstance(fact, Awarded):
            awarded.add(fact.key)
            done += [change for change in waiting if change.lot == fact.key]
            waiting = [change for change in waiting if change.lot != fact.key]
    return done


@st.composite
def two_orders(draw: st.DrawFn) -> tuple[list[Fact], list[Fact]]:
    """The same facts in two orders of arrival."""
    thought_of = draw(facts())
    other = list(thought_of)
    Random(draw(_SEEDS)).shuffle(other)
    return reachable(thought_of), reachable(other)
