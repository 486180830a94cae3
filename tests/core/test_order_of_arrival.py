"""Any order of arrival of the same facts gives the same balances, and every prefix balances: on the pure core."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from hypothesis import given, settings

from creditsvc.core.burndown import Change, Lot, Plan, Standing, fold, plan, standing
from creditsvc.core.rates import NO_RATES, StatedRate, converted, courses
from creditsvc.usage.decide import Candidate, deciders
from tests.ledger.arrivals import HORIZON, Arrived, Awarded, Changed, Fact, Rated, day, instant, two_orders
from tests.sizes import size

PAIR = ("EUR", "USD")
AS_OF = tuple(instant(number) for number in (0, 5, HORIZON, HORIZON + 30))


class PureBook:
    """A book in memory: facts come in, the difference to the plan is posted."""

    def __init__(self) -> None:
        self.awards: dict[str, Lot] = {}
        self.changes: list[Changed] = []
        self.runs: list[Arrived] = []
        self.rates: list[StatedRate] = []
        self.usage: dict[tuple[str, datetime, str], tuple[bool, int]] = {}
        self.posted: Counter[tuple[datetime, str, str | None]] = Counter()

    def take_in(self, fact: Fact) -> None:
        """Adds a fact and posts the difference it makes."""
        if isinstance(fact, Awarded):
            self.awards[fact.key] = Lot(
                fact.key, fact.amount, fact.effective, fact.expires, priority=fact.priority,
                promotional=fact.promotional, awarded=instant(fact.awarded),
            )
        elif isinstance(fact, Changed):
            self.changes.append(fact)
        elif isinstance(fact, Rated):
            self.rates.append(StatedRate(PAIR, day(fact.day), fact.value, "", fact.stated_at))
        else:
            self._restate(fact)
        wanted = Counter({(line.at, line.kind, line.lot): line.amount for line in self.plan().lines})
        for place in wanted.keys() | self.posted.keys():
            self.posted[place] += wanted[place] - self.posted[place]

    def _restate(self, run: Arrived) -> None:
        """The newest submitted run decides each day it covers (U4)."""
        self.runs.append(run)
        candidates = [
            Candidate(number, 1, day(one.first), day(one.last), instant(one.submitted), one.name)
            for number, one in enumerate(self.runs)
            if one.scope == run.scope
        ]
        by_day = deciders(candidates, day(run.first), day(run.last))
        for number in range(run.first, run.last + 1):
            if by_day[day(number)] != len(self.runs) - 1:
                continue
            for place in [place for place in self.usage if place[:2] == (run.scope, instant(number))]:
                del self.usage[place]
            for total_day, key, amount in run.totals:
                if total_day == number:
                    self.usage[run.scope, instant(number), key] = (run.foreign, amount)

    def lots(self) -> list[Lot]:
        return [
            fold(lot, [Change(change.kind, change.amount, change.moment)  # type: ignore[arg-type]
                       for change in self.changes if change.lot == lot.key])
            for lot in self.awards.values()
        ]

    def by_day(self) -> Counter[datetime]:
        net: Counter[datetime] = Counter()
        course = courses(self.rates).get(PAIR, NO_RATES)
        for (_, at, _), (foreign, amount) in self.usage.items():
            rate = course.on(at.date())
            net[at] += amount if not foreign else 0 if rate is None else converted(amount, rate.value)
        return net

    def plan(self) -> Plan:
        return plan(self.lots(), self.by_day())

    def standings(self) -> list[dict[str, Standing]]:
        """What became of each lot by each instant of AS_OF."""
        lots, answers = self.lots(), []
        for as_of in AS_OF:
            drawn: Counter[str | None] = Counter()
            for (at, _, lot), amount in self.posted.items():
                if at <= as_of:
                    drawn[lot] += amount
            answers.append({lot.key: standing(lot, drawn[lot.key], as_of) for lot in lots})
        return answers


def filled(order: Sequence[Fact]) -> PureBook:
    """A book after the facts arrived in that order, checked after each of them."""
    book = PureBook()
    for fact in order:
        book.take_in(fact)
        check(book)
    return book


def check(book: PureBook) -> None:
    """What must hold at every prefix: usage is drawn or uncovered, no lot pays more than it has (L9, L10, L18)."""
    sums: Counter[str] = Counter()
    for (_, kind, _), amount in book.posted.items():
        sums[kind] += amount
    assert sums["drawn"] + sums["uncovered"] - sums["uncredited"] == sum(book.by_day().values())
    assert min(sums["uncovered"], sums["uncredited"]) >= 0
    for answers in book.standings():
        for one in answers.values():
            parts = (one.drawn, one.held, one.expired, one.voided, one.not_yet, one.remaining)
            assert sum(parts) == one.granted
            assert min(parts) >= 0


@settings(max_examples=size(2_500, 10_000))
@given(two_orders())
def test_any_order_of_arrival_ends_in_the_same_balances(orders: tuple[list[Fact], list[Fact]]) -> None:
    first, second = filled(orders[0]), filled(orders[1])

    assert first.standings() == second.standings()
    assert {place: amount for place, amount in first.posted.items() if amount} == {
        place: amount for place, amount in second.posted.items() if amount
    }
