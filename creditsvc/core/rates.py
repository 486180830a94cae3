"""Exchange rates by charge day (U7): which one holds on a day, and what it makes of an amount.

A rate says what one unit of a currency is worth in another, from a charge day on, until the next later day of the same
pair. Facts are only added: for one pair and day the one stated last stands, and one that withdraws leaves nothing to
stand there, so that the rate of an earlier day holds again, or none.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal

from creditsvc.core.amounts import unit_named
from creditsvc.core.errors import RuleBroken

Pair = tuple[str, str]
"""(from currency, to currency)"""

MOST_WHOLE_DIGITS, MOST_DECIMALS = 9, 12
"""What a rate may have before and after its point: no two currencies lie further apart."""

_RATE = re.compile(r"\d{1,9}(\.\d{1,12})?", re.ASCII)
_CONTEXT = Context(prec=80)


@dataclass(frozen=True)
class StatedRate:
    """A fact: from this charge day on one `pair[0]` is worth so many `pair[1]`; `rate` None withdraws what stood.

    `id` is for whoever shows it; `stated_at` decides between facts of one pair and day.
    """

    pair: Pair
    day: date
    rate: Decimal | None
    source: str
    stated_at: datetime
    id: int = 0

    @property
    def value(self) -> Decimal:
        """The rate of a fact that states one."""
        if self.rate is None:
            raise AssertionError("a withdrawn rate converts nothing")
        return self.rate


@dataclass(frozen=True)
class Course:
    """The rates of one pair that stand, in the order of their days."""

    days: tuple[date, ...]
    rates: tuple[StatedRate, ...]

    def on(self, day: date) -> StatedRate | None:
        """The rate that holds on that charge day, None before the first."""
        place = bisect_right(self.days, day)
        return self.rates[place - 1] if place else None

    def at(self, day: date) -> StatedRate | None:
        """The rate that stands at exactly that day."""
        found = self.on(day)
        return found if found is not None and found.day == day else None

    def until(self, day: date) -> date | None:
        """The next later day that has a rate of its own, at which one of `day` ceases to hold."""
        place = bisect_right(self.days, day)
        return self.days[place] if place < len(self.days) else None


NO_RATES = Course((), ())


def courses(facts: Iterable[StatedRate]) -> dict[Pair, Course]:
    """What stands of each pair, whatever the order in which the facts come."""
    standing: dict[Pair, dict[date, StatedRate]] = {}
    for fact in sorted(facts, key=lambda fact: (fact.stated_at, fact.id)):
        standing.setdefault(fact.pair, {})[fact.day] = fact
    made: dict[Pair, Course] = {}
    for pair, by_day in standing.items():
        kept = [by_day[day] for day in sorted(by_day) if by_day[day].rate is not None]
        made[pair] = Course(tuple(fact.day for fact in kept), tuple(kept))
    return made


def converted(steps: int, rate: Decimal) -> int:
    """So many steps of a currency in steps of the other: the exact product, rounded once, half to even (L2)."""
    product = _CONTEXT.multiply(Decimal(steps), rate)
    return int(product.to_integral_value(ROUND_HALF_EVEN, context=_CONTEXT))


def parse_rate(text: str, field: str = "rate") -> Decimal:
    """The rate that a text states.

    Raises RuleBroken(field, ...): `not-a-rate` for what is no plain decimal number within the digits that are kept,
    `not-positive` for 0.
    """
    stripped = text.strip()
    if not _RATE.fullmatch(stripped):
        raise RuleBroken(
            field, "not-a-rate",
            "%(value)r is no rate: write digits with a point, such as 0.1282, at most %(whole)s before it and "
            "%(decimals)s after it",
            value=text[:80], whole=MOST_WHOLE_DIGITS, decimals=MOST_DECIMALS,
        )
    rate = Decimal(stripped)
    if not rate:
        raise RuleBroken(field, "not-positive", "a rate is more than 0")
    return rate


def rate_text(rate: Decimal) -> str:
    """A rate as plain digits without trailing zeros: the one spelling in which it is kept."""
    text = format(rate, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def pair_of(from_currency: str, to_currency: str) -> Pair:
    """The pair of two currency codes, written in capitals or not.

    Raises RuleBroken for `from_currency` or `to_currency`: `not-a-currency`, `same-currency`.
    """
    codes = []
    for field, typed in (("from_currency", from_currency), ("to_currency", to_currency)):
        code = typed.strip().upper()
        try:
            is_money = unit_named(code).is_money
        except RuleBroken:
            is_money = False
        if not is_money:
            raise RuleBroken(
                field, "not-a-currency", "%(value)r is no currency: write its code, such as HKD", value=typed[:80]
            )
        codes.append(code)
    if codes[0] == codes[1]:
        raise RuleBroken("to_currency", "same-currency", "%(currency)s needs no rate to itself", currency=codes[0])
    return codes[0], codes[1]


def to_units(made: Mapping[Pair, Course], units: Iterable[str]) -> dict[Pair, Course]:
    """The pairs that lead to one of the units and have a rate."""
    wanted = set(units)
    return {pair: course for pair, course in made.items() if pair[1] in wanted and course.days}
