"""Ten faults to seed into the ledger, each a small slip of a kind that real ledgers had."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from creditsvc.core import burndown
from creditsvc.core.burndown import LATEST, Change, Lot
from creditsvc.ledger import facts
from creditsvc.ledger.timeline import Ownership
from creditsvc.usage import decide, operations
from creditsvc.usage.decide import Candidate

STEP = timedelta(microseconds=1)
Seed = Callable[[pytest.MonkeyPatch], None]


def order_without_expiry(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(burndown, "burning_order", lambda lot: (lot.priority, not lot.promotional, lot.effective,
                                                          lot.awarded, lot.key))


def paid_at_the_expiry_instant(patch: pytest.MonkeyPatch) -> None:
    right = Lot.end.fget  # type: ignore[attr-defined]
    patch.setattr(Lot, "end", property(lambda self: min(right(self), LATEST - STEP) + STEP))


def void_does_not_stop_usage(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Lot, "end", property(lambda self: self.expires or LATEST))


def refund_takes_back_the_oldest_first(patch: pytest.MonkeyPatch) -> None:
    right = burndown._Book.unwind

    def wrong(self: Any, refund: int, moved: Any) -> int:
        self.takings.reverse()
        rest = right(self, refund, moved)
        self.takings.reverse()
        return rest

    patch.setattr(burndown._Book, "unwind", wrong)


def top_up_forgotten(patch: pytest.MonkeyPatch) -> None:
    _without(patch, "top_up")


def return_leaves_the_lot_as_it_was(patch: pytest.MonkeyPatch) -> None:
    _without(patch, "return")


def _without(patch: pytest.MonkeyPatch, kind: str) -> None:
    right = facts.fold

    def wrong(award: Lot, changes: Iterable[Change]) -> Lot:
        return right(award, [change for change in changes if change.kind != kind])

    patch.setattr(facts, "fold", wrong)


def opening_is_free_for_usage_too(patch: pytest.MonkeyPatch) -> None:
    right = facts.fold

    def wrong(award: Lot, changes: Iterable[Change]) -> Lot:
        return replace(right(award, changes), opening=0)

    patch.setattr(facts, "fold", wrong)


def last_arrived_run_decides(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Candidate, "rank", property(lambda self: (self.run_id,)))


def vanished_key_stays(patch: pytest.MonkeyPatch) -> None:
    right = decide.deltas

    def wrong(wanted: pl.DataFrame, posted: pl.DataFrame, decided: Any) -> Any:
        return right(wanted, posted.join(wanted, on=list(decide.GRAIN), how="semi"), decided)

    patch.setattr(operations, "deltas", wrong)


def scope_stays_with_its_first_owner(patch: pytest.MonkeyPatch) -> None:
    right = facts.timeline

    def wrong(turns: Any) -> list[Ownership]:
        owned = right(turns)
        return [replace(owned[0], ends=LATEST)] if owned else []

    patch.setattr(facts, "timeline", wrong)


SEEDS: tuple[Seed, ...] = (
    order_without_expiry,
    paid_at_the_expiry_instant,
    void_does_not_stop_usage,
    refund_takes_back_the_oldest_first,
    top_up_forgotten,
    return_leaves_the_lot_as_it_was,
    opening_is_free_for_usage_too,
    last_arrived_run_decides,
    vanished_key_stays,
    scope_stays_with_its_first_owner,
)

FOUND_EARLY: dict[Seed, int] = {
    order_without_expiry: 11,
    paid_at_the_expiry_instant: 11,
    void_does_not_stop_usage: 1,
    refund_takes_back_the_oldest_first: 4,
    top_up_forgotten: 9,
    return_leaves_the_lot_as_it_was: 2,
    opening_is_free_for_usage_too: 3,
}
"""The series of examples (`machines.look_for_fault`) that has the fault early, where it is not the first one."""
