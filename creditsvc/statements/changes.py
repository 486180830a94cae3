"""What became different since somebody looked last: the lines of a statement that the book did not have then.

An import of cost data is one change, however many days it is of. Who sat down where is told elsewhere.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from creditsvc.core.amounts import Unit
from creditsvc.core.days import day_of, last_day
from creditsvc.ledger.reading import AccountView
from creditsvc.statements.entries import Entry, EntryKind
from creditsvc.statements.reading import History

CALENDAR: frozenset[EntryKind] = frozenset({"effective", "expiry", "void"})
USAGE: frozenset[EntryKind] = frozenset({"usage", "refund", "restatement", "rebooking"})
HELD: frozenset[EntryKind] = frozenset({"hold", "release"})

ChangeKind = Literal[
    "award", "effective", "top_up", "return", "extend", "void", "expiry", "opening", "usage", "rate", "session", "hold",
]


@dataclass(frozen=True)
class Change:
    """One thing that became different. Amounts are in steps of `unit`; what it says depends on `kind`.

    `at` is when the book came to know of it, or when the calendar did it. `amount` is what was awarded, used, expired;
    of corrections together it may be negative. `days` are the charge days of usage, `first` to `last`; of a grant these
    are its days. `uncovered` is what of the usage no grant paid.
    """

    at: datetime
    kind: ChangeKind
    resource: str
    resource_name: str
    unit: Unit
    amount: int = 0
    grant: str = ""
    uncovered: int = 0
    days: int = 0
    first: date | None = None
    last: date | None = None


def changes(view: AccountView, entries: Sequence[Entry], since: datetime) -> list[Change]:
    """What became different of an account from `since` on, newest first; `entries` are all of it up to now."""
    new = [entry for entry in entries if _is_new(entry, since)]
    awarded = {entry.grant for entry in new if entry.kind == "award"}
    told: list[Change] = []
    grouped: dict[tuple[str, str], list[Entry]] = {}
    for entry in new:
        group = _group(entry)
        if group is not None:
            grouped.setdefault(group, []).append(entry)
        elif not (entry.kind == "effective" and entry.grant in awarded):  # the award says from when it can be used
            told.append(_single(view, entry))
    told += [change for of_group in grouped.values() if (change := _together(view, of_group)) is not None]
    return newest_first(told)


def changes_since(views: Sequence[AccountView], history: History, since: datetime, now: datetime) -> list[Change]:
    """The same of several accounts in one list; `history` is theirs up to `now`."""
    return newest_first(
        change for view in views for change in changes(view, history.told(view, now), since)
    )


def newest_first(told: Iterable[Change]) -> list[Change]:
    """Changes of several accounts in one list."""
    return sorted(told, key=lambda change: (change.at, change.resource, change.grant), reverse=True)


def _is_new(entry: Entry, since: datetime) -> bool:
    if entry.recorded_at is not None and entry.recorded_at >= since:
        return True
    return entry.kind in CALENDAR and entry.at >= since


def _group(entry: Entry) -> tuple[str, str] | None:
    """What tells an entry apart from others that are told of together; None for what stands alone."""
    if entry.kind in HELD:
        return "hold", entry.ref
    if entry.kind in USAGE:
        return entry.cause, entry.ref
    return None


def _single(view: AccountView, entry: Entry) -> Change:
    lot = next((lot for lot in view.lots if lot.key == entry.grant), None)
    last = None if lot is None or lot.expires is None else last_day(lot.expires)
    kinds: dict[str, ChangeKind] = {
        "award": "award", "effective": "effective", "top_up": "top_up", "return": "return", "extend": "extend",
        "void": "void", "expiry": "expiry", "opening": "opening",
    }
    kind = kinds.get(entry.kind, "top_up" if entry.amount >= 0 else "return")  # stated for a day before
    return Change(
        _known_at(entry), kind, view.resource, view.resource_name, view.unit, abs(entry.amount),
        entry.grant or "", first=None if lot is None else day_of(lot.effective), last=last,
    )


def _together(view: AccountView, entries: Sequence[Entry]) -> Change | None:
    """One change of several entries; None where they come to nothing."""
    first = entries[0]
    at = max(_known_at(entry) for entry in entries)
    if first.kind in HELD:
        net = sum(entry.amount if entry.kind == "hold" else -entry.amount for entry in entries)
        return Change(at, "hold", view.resource, view.resource_name, view.unit, net) if net else None
    drawn = sum(amount for entry in entries for _lot, amount in entry.paid_from)
    uncovered = sum(entry.uncovered for entry in entries)
    credited = sum(entry.uncredited for entry in entries)
    kind: ChangeKind = "rate" if first.cause == "rate" else "session" if view.kind == "hours" else "usage"
    days = {entry.day for entry in entries}
    used = drawn + uncovered - credited
    if not used and not uncovered:
        return None
    return Change(
        at, kind, view.resource, view.resource_name, view.unit, used, uncovered=uncovered, days=len(days),
        first=min(days), last=max(days),
    )


def _known_at(entry: Entry) -> datetime:
    """When the book came to know of it; of what the calendar does later, when it did it."""
    return max(entry.recorded_at or entry.at, entry.at) if entry.kind in CALENDAR else entry.recorded_at or entry.at
