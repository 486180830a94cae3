"""What a reading of a rule is: of which account and holding, and what its words are made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from creditsvc.core.days import days_left, last_day
from creditsvc.core.due_alerts import Reading, Rule
from creditsvc.ledger.reading import AccountView

Matter = tuple[int, str, str]
"""What a reading or an alert is about, whatever its threshold: (account id, rule, holding)."""


@dataclass(frozen=True)
class Finding:
    """A reading of one rule and holding. `figures` makes what is special to its words, which most findings never need.
    """

    account: AccountView
    rule: Rule
    holding: str
    reading: Reading
    figures: Callable[[], Mapping[str, Any]]

    @cached_property
    def params(self) -> Mapping[str, Any]:
        """The JSON values (amounts in steps) from which its words are made."""
        return {"unit": self.account.unit.name, "resource": self.account.resource_name, **self.figures()}

    @property
    def matter(self) -> Matter:
        """What it is about."""
        return (self.account.id, self.rule.name, self.holding)


@dataclass(frozen=True)
class About:
    """What a person is told about: a threshold of a rule at a holding of a startup's account."""

    startup_id: int
    account_id: int
    rule: str
    holding: str
    threshold: int

    @property
    def matter(self) -> Matter:
        """What it is about."""
        return (self.account_id, self.rule, self.holding)


@dataclass(frozen=True)
class Acts:
    """Human acts: top-ups and extensions of a lot, top-ups within an account (its awards are counted apart)."""

    of_lot: Mapping[str, int]
    top_ups: Mapping[int, int]


def expiry_figures(key: str, left: int, expires: datetime, now: datetime, over: bool) -> dict[str, Any]:
    """What the words of a lot's end are made of."""
    return {
        "grant": key, "left": left, "last_day": last_day(expires).isoformat(), "days": days_left(expires, now),
        "over": over,
    }


def ended_unseen(expires: datetime, now: datetime, last_night: datetime | None) -> bool:
    """Whether a lot ended since the night before looked: what no night saw is still told (A4)."""
    return last_night is not None and last_night < expires <= now
