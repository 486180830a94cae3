"""Facts of one account that arrive in some order, made by hypothesis: lots, their changes, import runs.

Days are numbers from a Monday on; amounts are steps. Keys, award instants and submitted times are given, as rule L's
promise asks: the outcome must not depend on the order in which the same facts arrive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

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
    """An import run: what it says of one scope on the days it covers."""

    name: str
    scope: str
    submitted: int
    first: int
    last: int
    totals: tuple[tuple[int, str, int], ...]


Fact = Awarded | Changed | Arrived


@st.composite
def _changes(draw: st.DrawFn, lots: Sequence[Awarded]) -> list[Changed]:
    changes = []
    for lot in lots:
        for kind in draw(st.lists(st.sampled_from(("extend", "void", "top_up", "return")), max_size=2)):
            most = lot.amount // 2 if kind == "return" else 60
            if most < 1:
                continue
            changes.append(
                Changed(lot.key, kind, draw(st.integers(1, most)), draw(st.integers(0, HORIZON + 4)),
                        draw(st.sampled_from((0, 8, 16))))
            )
    return changes


@st.composite
def _runs(draw: st.DrawFn) -> list[Arrived]:
    runs = []
    for submitted in draw(st.lists(st.integers(0, 20), max_size=4, unique=True)):
        first = draw(st.integers(0, HORIZON - 1))
        last = draw(st.integers(first, min(first + 6, HORIZON)))
        places = st.tuples(st.integers(first, last), st.sampled_from(KEYS))
        totals = draw(st.dictionaries(places, st.integers(-40, 90), max_size=5))
        runs.append(
            Arrived(f"run-{submitted}", draw(st.sampled_from(SCOPES)), submitted, first, last,
                    tuple((number, key, amount) for (number, key), amount in sorted(totals.items())))
        )
    return runs


@st.composite
def facts(draw: st.DrawFn) -> list[Fact]:
    """The facts of one account in the order in which they were thought of."""
    lots = [
        Awarded(
            key=f"lot-{number}", amount=draw(st.integers(1, 120)), starts=draw(st.integers(0, HORIZON)),
            hours=draw(st.sampled_from((0, 16))), days=draw(st.none() | st.integers(-1, 12)),
            priority=draw(st.integers(0, 1)), promotional=draw(st.booleans()), awarded=draw(st.integers(0, 2)),
        )
        for number in range(draw(st.integers(0, 3)))
    ]
    return [*lots, *draw(_changes(lots)), *draw(_runs())]


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
    return reachable(thought_of), reachable(draw(st.permutations(thought_of)))
