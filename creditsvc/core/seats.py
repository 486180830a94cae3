"""Seats over time: how many of a lot are taken at once, and how many are free throughout an interval.

An interval is [from, until), until None when it has no end; one that ends no later than it begins takes nothing.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from creditsvc.core.burndown import LATEST

Interval = tuple[datetime, datetime | None]
Weighed = tuple[datetime, datetime | None, int]
"""(from, until, how much)"""


def peak(intervals: Iterable[Interval]) -> int:
    """The most that are taken at any one instant."""
    # many people sit for one and the same time: of thousands of seats few intervals differ
    return heaviest((from_at, until, seats) for (from_at, until), seats in Counter(intervals).items())


def heaviest(weighed: Iterable[Weighed]) -> int:
    """The most that stands at any one instant, of (from, until, how much)."""
    most = standing = 0
    for _, change in _changes(weighed):
        standing += change
        most = max(most, standing)
    return most


def _changes(weighed: Iterable[Weighed]) -> list[tuple[datetime, int]]:
    """By how much what stands changes at which instants, in their order."""
    changes: dict[datetime, int] = {}
    for from_at, until, amount in weighed:
        end = until or LATEST
        if end > from_at:
            changes[from_at] = changes.get(from_at, 0) + amount
            changes[end] = changes.get(end, 0) - amount
    return sorted(changes.items())


def free(capacity: int, taken: Iterable[Interval], from_at: datetime, until: datetime | None) -> int:
    """How many of a lot's seats are free throughout [from_at, until); below 0 where more are taken than there are."""
    end = until or LATEST
    return capacity - heaviest(
        (max(start, from_at), min(stop or LATEST, end), seats) for (start, stop), seats in Counter(taken).items()
    )


def frees_at(capacity: int, taken: Iterable[Interval], from_at: datetime) -> datetime | None:
    """The first instant from which on a seat is free for good, `from_at` or later; None when there is none."""
    standing, first = 0, from_at if capacity > 0 else None
    for at, change in _changes((start, stop, 1) for start, stop in taken):
        standing += change
        if at == LATEST:
            break
        if standing >= capacity:
            first = None
        elif first is None:
            first = max(at, from_at)
    return first


def free_since(capacity: int, taken: Iterable[Interval], since: datetime, now: datetime) -> tuple[int, datetime]:
    """How many seats have been free all along up to `now`, and since when, from `since` on at the earliest.

    (0, now) where none is free.
    """
    intervals = [(start, stop) for start, stop in taken if start <= now]
    within = [(max(start, since), min(stop or LATEST, now)) for start, stop in intervals]
    standing, begun = 0, since
    for at, change in _changes((start, stop, 1) for start, stop in within):
        if standing >= capacity:
            begun = at
        standing += change
    count = min(free(capacity, within, begun, now), free(capacity, intervals, now, now + timedelta.resolution))
    return (count, begun) if count > 0 else (0, now)
