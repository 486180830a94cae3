"""A dozen faults to seed into bookings, each a small slip of a kind that is easily made."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from creditsvc.consulting import bookings, sessions, slots
from creditsvc.consulting.consultants import Policy
from creditsvc.consulting.models import Booking, Consultant
from creditsvc.core.burndown import Lot, Promise
from creditsvc.ledger import holds, limits
from creditsvc.ledger.additions import Additions

Seed = Callable[[pytest.MonkeyPatch], None]


def booked_time_is_free(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(slots, "booked_between", lambda *where, **besides: [])


def sessions_may_touch_by_a_half_hour(patch: pytest.MonkeyPatch) -> None:
    right = slots.booked_between

    def wrong(consultant_id: int, begin: datetime, end: datetime, besides: int | None = None) -> Sequence[Any]:
        half = timedelta(minutes=30)
        return [(starts, max(starts + half, ends - half)) for starts, ends in right(consultant_id, begin, end, besides)]

    patch.setattr(slots, "booked_between", wrong)


def a_move_is_in_its_own_way(patch: pytest.MonkeyPatch) -> None:
    right = bookings.is_free

    def wrong(person: Consultant, starts: datetime, length: timedelta, now: datetime, besides: int | None) -> bool:
        return right(person, starts, length, now, None)

    patch.setattr(bookings, "is_free", wrong)


def nobody_asks_whether_holds_are_kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(limits, "check_holds", lambda *facts: None)


def holds_are_kept_by_grants_that_are_over(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Lot, "is_active", lambda self, at: self.effective <= at)


def promises_are_kept_in_the_order_of_their_keys(patch: pytest.MonkeyPatch) -> None:
    right = holds.plan_hours

    def wrong(lots: Any, promises: Sequence[Promise], usage: Any, beyond: Any) -> Any:
        first = min((one.at for one in promises), default=None)
        return right(lots, [replace(one, at=first or one.at) for one in promises], usage, beyond)

    patch.setattr(holds, "plan_hours", wrong)


def a_move_leaves_the_old_hold(patch: pytest.MonkeyPatch) -> None:
    right = bookings.post_hours

    def wrong(caller: Any, booking: Booking, cause: str, additions: Additions) -> None:
        right(caller, booking, cause, replace(additions, hold_ends=()) if cause == "move" else additions)

    patch.setattr(bookings, "post_hours", wrong)


def what_was_held_too_much_counts_as_used(patch: pytest.MonkeyPatch) -> None:
    right = bookings.settle_hold

    def wrong(caller: Any, booking: Booking, cause: str, minutes: int, **more: Any) -> None:
        right(caller, booking, cause, max(minutes, bookings.minutes_of(booking)), **more)

    patch.setattr(sessions, "settle_hold", wrong)


def an_excess_is_always_drawn(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(bookings, "excess_kind", lambda booking: "excess")


def a_correction_forgets_what_was_held(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sessions, "confirmed_with", lambda account_ids, refs: defaultdict(int))


def a_late_cancellation_costs_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(bookings, "is_late", lambda *what: False)


def a_late_cancellation_by_staff_costs_as_well(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(bookings, "_is_startups", lambda *what: True)


def a_no_show_uses_all_that_was_booked(patch: pytest.MonkeyPatch) -> None:
    right: Callable[[Booking], Policy] = sessions.policy_for
    patch.setattr(sessions, "policy_for", lambda booking: replace(right(booking), no_show_percent=100))


def silence_counts_a_day_too_early(patch: pytest.MonkeyPatch) -> None:
    right = sessions.counts_from
    patch.setattr(sessions, "counts_from", lambda booking: right(booking) - timedelta(days=1))


SEEDS: tuple[Seed, ...] = (
    booked_time_is_free,
    sessions_may_touch_by_a_half_hour,
    a_move_is_in_its_own_way,
    nobody_asks_whether_holds_are_kept,
    holds_are_kept_by_grants_that_are_over,
    promises_are_kept_in_the_order_of_their_keys,
    a_move_leaves_the_old_hold,
    what_was_held_too_much_counts_as_used,
    an_excess_is_always_drawn,
    a_correction_forgets_what_was_held,
    a_late_cancellation_costs_nothing,
    a_late_cancellation_by_staff_costs_as_well,
    a_no_show_uses_all_that_was_booked,
    silence_counts_a_day_too_early,
)

FOUND_EARLY: dict[Seed, int] = {
    booked_time_is_free: 2,
    sessions_may_touch_by_a_half_hour: 7,
    a_move_is_in_its_own_way: 1,
    holds_are_kept_by_grants_that_are_over: 1,
    promises_are_kept_in_the_order_of_their_keys: 1,
    a_move_leaves_the_old_hold: 1,
    a_correction_forgets_what_was_held: 1,
    silence_counts_a_day_too_early: 4,
}
"""The series of examples (`machines.look_for_fault`) that has the fault early, where it is not the first one."""
