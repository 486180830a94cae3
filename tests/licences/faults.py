"""Faults to seed into the seats, each a small slip that would give too many, too few, or the wrong people."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from creditsvc.core.burndown import Change, Lot
from creditsvc.ledger import facts, limits
from creditsvc.ledger.seats import SeatView
from creditsvc.licences import desk, seating, seats, waiting
from creditsvc.licences.desk import Desk, Placed, Wanted

Seed = Callable[[pytest.MonkeyPatch], None]


def one_seat_more_than_there_is(patch: pytest.MonkeyPatch) -> None:
    right = desk.free
    patch.setattr(desk, "free", lambda *terms: right(*terms) + 1)
    patch.setattr(limits, "check_seats", lambda known: None)


def seats_to_come_are_not_counted(patch: pytest.MonkeyPatch) -> None:
    right = Desk.free

    def wrong(self: Desk, lot: Any, from_at: Any, until: Any) -> int:
        return right(self, lot, from_at, from_at + timedelta(seconds=1))

    patch.setattr(Desk, "free", wrong)
    patch.setattr(limits, "check_seats", lambda known: None)


def a_returned_seat_is_given_again(patch: pytest.MonkeyPatch) -> None:
    right = facts.fold

    def wrong(award: Lot, changes: Iterable[Change]) -> Lot:
        return right(award, [change for change in changes if change.kind != "return"])

    patch.setattr(facts, "fold", wrong)


def one_person_sits_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Desk, "_overlaps", lambda self, wanted, lot: False)


def the_shortest_grant_is_taken(patch: pytest.MonkeyPatch) -> None:
    right = Desk.place

    def wrong(self: Desk, wanted: Wanted, grant: str | None = None) -> Placed:
        self.lots.reverse()
        try:
            return right(self, wanted, grant)
        finally:
            self.lots.reverse()

    patch.setattr(Desk, "place", wrong)


def lapsed_seats_stay_open(patch: pytest.MonkeyPatch) -> None:
    right = Desk._take
    patch.setattr(Desk, "_take", lambda self, wanted, lot: replace(right(self, wanted, lot), ends=()))


def a_transfer_leaves_the_old_seat(patch: pytest.MonkeyPatch) -> None:
    right = seating.seat_all
    patch.setattr(seats, "seat_all", lambda at, placed, ends=(), cause=None: right(at, placed, (), cause))
    patch.setattr(limits, "check_seats", lambda known: None)


def who_came_last_is_seated_first(patch: pytest.MonkeyPatch) -> None:
    right = waiting._waiting
    patch.setattr(waiting, "_waiting", lambda *conditions: list(reversed(right(*conditions))))


def a_release_tells_nobody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(waiting, "seat_at", lambda at, config: [])


def who_is_seated_waits_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(seating, "_settle_wishes", lambda at, papers: None)


def a_seat_outlasts_its_grant(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SeatView, "is_taken", lambda self, at: self.from_at <= at and (
        self.until_at is None or at < self.until_at
    ))


SEEDS: Sequence[Seed] = (
    one_seat_more_than_there_is,
    seats_to_come_are_not_counted,
    a_returned_seat_is_given_again,
    one_person_sits_twice,
    the_shortest_grant_is_taken,
    lapsed_seats_stay_open,
    a_transfer_leaves_the_old_seat,
    who_came_last_is_seated_first,
    a_release_tells_nobody,
    who_is_seated_waits_on,
    a_seat_outlasts_its_grant,
)

FOUND_EARLY: dict[Seed, int] = {
    a_returned_seat_is_given_again: 5,
    one_person_sits_twice: 3,
    the_shortest_grant_is_taken: 11,
    lapsed_seats_stay_open: 6,
    a_transfer_leaves_the_old_seat: 5,
    who_came_last_is_seated_first: 4,
    a_release_tells_nobody: 2,
    who_is_seated_waits_on: 6,
}
"""The series of examples (`machines.look_for_fault`) that has the fault early, where it is not the first one."""
