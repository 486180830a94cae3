"""What the parts of a load share: items with their place in a file, refusals that name it, the count of outcomes."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from zoneinfo import ZoneInfo

from creditsvc.core.errors import FileError, FileRefused, NotFound, RuleBroken, refusal_for
from creditsvc.onboarding.schemas import value_at, value_text
from creditsvc.parties.access import Caller
from creditsvc.programmes.reading import zone_of_startup

Outcome = Literal["new", "changed", "same"]

MOST_ERRORS = 100
"""How many faults a refusal lists; the rest is counted."""


@dataclass(frozen=True)
class Item:
    """One mapping of a file: its place (`grants[3]`), what it says, and how it was written."""

    file: str
    path: str
    data: Mapping[str, Any]
    raw: Any

    def children(self, section: str) -> list["Item"]:
        """The items of a list within this one."""
        raw = value_at(self.raw, (section,))
        return [
            Item(self.file, f"{self.path}.{section}[{number}]", data, value_at(raw, (number,)))
            for number, data in enumerate(self.data.get(section) or ())
        ]

    def fault(self, name: str, message: str) -> FileError:
        """What is wrong at a field of this item."""
        keys = tuple(int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", name))
        return FileError(self.file, 0, f"{self.path}.{name}", value_text(value_at(self.raw, keys)), message)

    def refused(self, name: str, message: str) -> FileRefused:
        """The refusal of this item at a field."""
        return FileRefused([self.fault(name, message)])

    def differs(self, name: str, in_book: object) -> FileRefused:
        """The refusal of a fact that is otherwise in the book; a load never changes one."""
        return self.refused(name, f"differs from what is in the book, {in_book}: a load does not change it")

    @contextmanager
    def placed(self, names: Mapping[str, str] | None = None) -> Iterator[None]:
        """Turns an operation's refusal into one that names this item; `names` are fields that the file calls otherwise.
        """
        try:
            yield
        except RuleBroken as error:
            raise self.refused((names or {}).get(error.field, error.field), str(error)) from error
        except NotFound as error:
            raise self.refused(error.what, f"there is no {error.what} {error.key}") from error


@dataclass
class LoadReport:
    """How many of each kind were new, changed and the same as before; `notes` are what people should know of them."""

    new: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    same: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def count(self, kind: str, outcome: Outcome, number: int = 1) -> None:
        """Counts so many of a kind."""
        counts: dict[str, int] = getattr(self, outcome)
        counts[kind] = counts.get(kind, 0) + number

    @property
    def is_unchanged(self) -> bool:
        """Whether everything was there already."""
        return not (self.new or self.changed)


@dataclass
class Loading:
    """A load under way. `reference` is what its batches name as their cause."""

    caller: Caller
    reference: str
    report: LoadReport = field(default_factory=LoadReport)
    zones: dict[int, ZoneInfo] = field(default_factory=dict)

    def each(self, kind: str, items: Sequence[Item], act: Callable[[Item], Outcome]) -> None:
        """Does the act with each item and counts the outcomes. Raises FileRefused with the faults of all of them."""
        faults: list[FileError] = []
        for item in items:
            try:
                self.report.count(kind, act(item))
            except FileRefused as refusal:
                faults += refusal.errors
        raise_faults(faults)

    def zone(self, startup_id: int) -> ZoneInfo:
        """The calendar of a startup's grants."""
        if startup_id not in self.zones:
            self.zones[startup_id] = zone_of_startup(startup_id)
        return self.zones[startup_id]


def raise_faults(faults: Sequence[FileError]) -> None:
    """Raises FileRefused when there are any; lists the first, counts the rest."""
    if faults:
        raise refusal_for(faults, MOST_ERRORS)
