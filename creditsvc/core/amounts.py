"""Amounts: integers in the smallest step of a unit (rule L2).

A unit is whatever a resource counts: a currency (step 10^-8), an hour (step one minute), a seat (step one). The book
knows integers alone; text and `Decimal` exist only where people or files are, and this module is the way between.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

from creditsvc.core.errors import RuleBroken

MAX_STEPS = 2**63 - 1
"""The largest amount either database keeps exactly."""

MONEY_STEPS = 10**8
_CONTEXT = Context(prec=80)
LONGEST_SHOWN = 60
"""So many characters of a wrong amount are said again."""


@dataclass(frozen=True)
class Unit:
    """What is counted: its name as people see it and how many steps make one."""

    name: str
    steps: int

    @property
    def is_money(self) -> bool:
        """Whether this unit is a currency."""
        return self.steps == MONEY_STEPS


def unit_named(name: str) -> Unit:
    """The unit of that name: an ISO 4217 code in capitals, `hour` or `seat`.

    Raises RuleBroken("unit", "unknown-unit") for anything else.
    """
    if name == "hour":
        return Unit(name, 60)
    if name == "seat":
        return Unit(name, 1)
    if len(name) == 3 and name.isascii() and name.isalpha() and name.isupper():
        return Unit(name, MONEY_STEPS)
    raise RuleBroken(
        "unit", "unknown-unit", "%(unit)r is no unit: a currency code such as USD, hour or seat", unit=name
    )


def parse_amount(text: str, unit: Unit, field: str = "amount") -> int:
    """The steps that a decimal string states, exactly.

    Raises RuleBroken(field, ...): `not-a-number`, `too-precise` (finer than one step), `too-large` (beyond 64 bits).
    """
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise RuleBroken(
            field, "not-a-number", "%(value)r is no number: write digits with a point, such as 25000.50",
            value=_shown(text),
        ) from None
    if not value.is_finite():
        raise RuleBroken(field, "not-a-number", "%(value)r is no amount: write a finite number", value=_shown(text))
    if value and value.adjusted() > 40:  # keeps the product below within its precision
        raise _too_large(text, field)
    steps = _CONTEXT.multiply(value, Decimal(unit.steps))
    if steps != steps.to_integral_value(context=_CONTEXT):
        raise RuleBroken(
            field, "too-precise", "%(value)s is finer than one step of the unit (%(step)s %(unit)s)",
            value=_shown(text), step=f"1/{unit.steps}" if not unit.is_money else "0.00000001", unit=unit.name,
        )
    return check_range(int(steps), field)


def check_range(steps: int, field: str = "amount") -> int:
    """The steps themselves when they fit 64 bits. Raises RuleBroken(field, "too-large")."""
    if not -MAX_STEPS <= steps <= MAX_STEPS:
        raise _too_large(str(steps), field)
    return steps


def _too_large(text: str, field: str) -> RuleBroken:
    return RuleBroken(
        field, "too-large", "%(value)s does not fit 64 bits of the unit's smallest step", value=_shown(text)
    )


def _shown(text: str) -> str:
    """What was written, as far as one can read: somebody may send a million digits."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def to_decimal(steps: int, unit: Unit) -> Decimal:
    """The amount in whole units. Money and seats are exact; minutes that make no short decimal keep 6 places."""
    value = Decimal(steps) / Decimal(unit.steps)
    return value if unit.steps != 60 else value.quantize(Decimal("0.000001")).normalize()


def format_amount(steps: int, unit: Unit) -> str:
    """The amount as a plain decimal string without trailing zeros: `86.5`, `0`, `-0.00000001`."""
    text = format(to_decimal(steps, unit), "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def clock_text(minutes: int) -> str:
    """Minutes as hours and minutes: `1:20`, `-0:05`."""
    return f"{'-' if minutes < 0 else ''}{abs(minutes) // 60:,}:{abs(minutes) % 60:02}"


def shown_amount(steps: int, unit: Unit) -> str:
    """The amount as pages and commands show it, thousands apart: money to the cent, half to even, other units whole.

    What is not 0 and would round to it is shown exactly; minutes that make no short decimal as on a clock: `1:20`.
    """
    exact = format_amount(steps, unit)
    if not unit.is_money:
        return clock_text(steps) if unit.steps == 60 and steps % 3 else f"{Decimal(exact):,}"
    rounded = to_decimal(steps, unit).quantize(Decimal("0.01"), ROUND_HALF_EVEN)
    return f"{rounded:,}" if rounded or not steps else exact
