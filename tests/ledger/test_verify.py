"""Verify names whatever somebody changed behind the book's back, and finds nothing in a clean book (L18)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import ColumnElement, Table, delete, func, insert, select, update

from creditsvc.alerts.heads import note_heads
from creditsvc.db import db, transaction
from creditsvc.ledger.models import (
    Account,
    AccountCache,
    Batch,
    LotCache,
    LotChange,
    LotFact,
    Pool,
    Posting,
    ScopeFact,
    UsageFact,
)
from creditsvc.ledger.verify import verify
from creditsvc.parties.access import operator
from creditsvc.parties.models import TrailEntry
from creditsvc.usage.models import ImportRun
from tests.conftest import NOW
from tests.ledger.books import START, award, change, make_book, usd
from tests.usage.importing import assign
from tests.usage.scenes import OTHER, SCOPE, hours, june, spend

Plant = Callable[[], object]


def at_day(day: int) -> datetime:
    return datetime(2026, 6, day, tzinfo=UTC)


@pytest.fixture
def book(app: Flask, tmp_path: Path) -> None:
    """Two startups: acme's book has every kind of fact, its last batch is of usage; the night has noted its heads."""
    make_book(startups=("acme", "bolt"))
    award("first", "20", START, at_day(7))
    award("second", "10", at_day(2))
    award("of bolt", "50", START, startup="bolt")
    assign(SCOPE, "acme", START, NOW)
    assign(OTHER, "bolt", START, NOW)
    spend(tmp_path, {1: "5", 2: "6", 3: "7"})
    spend(tmp_path, {1: "2"}, OTHER)
    change("first", "top_up", amount="3")
    spend(tmp_path, {1: "5", 2: "6", 3: "17", 9: "4"}, at=hours(2))
    transaction(lambda: note_heads(operator(NOW), june(15)))


def table(model: Any) -> Table:
    found: Table = model.__table__
    return found


def run(*statements: Any) -> None:
    """Sends statements past the book."""
    transaction(lambda: [db.session.execute(statement) for statement in statements])


def account_id() -> int:
    return int(db.session.execute(select(LotFact.account_id).where(LotFact.key == "first")).scalar_one())


def lot_id() -> int:
    return int(db.session.execute(select(LotFact.id).where(LotFact.key == "first")).scalar_one())


def of_second_of_june() -> ColumnElement[bool]:
    return (Posting.account_id == account_id()) & (Posting.charge_at == at_day(2))


def last_batch() -> Batch:
    statement = select(Batch).where(Batch.account_id == account_id()).order_by(Batch.number.desc()).limit(1)
    return db.session.scalars(statement).one()


def change_a_posting() -> None:
    run(update(table(Posting)).where(of_second_of_june()).values(amount=usd("6.00000001")))


def delete_a_posting() -> None:
    run(delete(table(Posting)).where(of_second_of_june()))


def add_a_posting() -> None:
    run(insert(table(Posting)).values(
        batch_id=last_batch().id, account_id=account_id(), charge_at=at_day(4), kind="drawn", lot_id=lot_id(), amount=1,
    ))  # fmt: skip


def move_a_posting_to_another_account() -> None:
    other = db.session.execute(select(Account.id).where(Account.id != account_id())).scalar_one()
    run(update(table(Posting)).where(of_second_of_june()).values(account_id=other))


def change_the_amount_of_a_lot() -> None:
    run(update(table(LotFact)).where(LotFact.key == "first").values(amount=usd("19")))


def change_the_end_of_a_lot() -> None:
    run(update(table(LotFact)).where(LotFact.key == "first").values(expires=at_day(2)))


def change_a_top_up() -> None:
    run(update(table(LotChange)).values(amount=usd("2")))


def change_who_topped_up() -> None:
    run(update(table(LotChange)).values(actor="somebody else"))


def change_what_a_pool_has_committed() -> None:
    run(update(table(Pool)).values(committed=Pool.committed + 1))


def make_a_pool_smaller_than_what_it_gave() -> None:
    run(update(table(Pool)).values(amount=usd("82"), committed=usd("82")))


def change_the_cached_drawn_amount() -> None:
    run(update(table(LotCache)).where(LotCache.lot_id == lot_id()).values(drawn=LotCache.drawn - 1))


def delete_a_cached_lot() -> None:
    run(delete(table(LotCache)).where(LotCache.lot_id == lot_id()))


def change_the_cached_uncovered_amount() -> None:
    run(update(table(AccountCache)).where(AccountCache.account_id == account_id()).values(uncovered=1))


def change_the_cached_newest_day() -> None:
    run(update(table(AccountCache)).where(AccountCache.account_id == account_id()).values(last_charge_at=at_day(3)))


def change_the_day_up_to_which_there_is_data() -> None:
    run(update(table(AccountCache)).where(AccountCache.account_id == account_id()).values(newest_charge_day=None))


def change_when_an_account_is_used_up() -> None:
    run(update(table(AccountCache)).where(AccountCache.account_id == account_id()).values(used_up_from=at_day(3)))


def change_when_a_cached_lot_lapses() -> None:
    run(update(table(LotCache)).where(LotCache.lot_id == lot_id()).values(lapses_at=at_day(3)))


def change_the_hash_of_a_batch() -> None:
    of_batch = (Batch.account_id == account_id()) & (Batch.number == 2)
    run(update(table(Batch)).where(of_batch).values(hash="0" * 64))


def change_the_hash_of_the_last_batch() -> None:
    run(update(table(Batch)).where(Batch.id == last_batch().id).values(hash="0" * 64))


def change_when_a_batch_was_recorded() -> None:
    of_batch = (Batch.account_id == account_id()) & (Batch.number == 1)
    run(update(table(Batch)).where(of_batch).values(recorded_at=datetime(2999, 1, 1, tzinfo=UTC)))


def change_the_cause_of_a_batch() -> None:
    run(update(table(Batch)).where(Batch.id == last_batch().id).values(cause_ref="run:999"))


def number_a_batch_otherwise() -> None:
    run(update(table(Batch)).where(Batch.id == last_batch().id).values(number=77))


def count_batches_otherwise() -> None:
    run(update(table(Account)).where(Account.id == account_id()).values(batches=Account.batches + 1))


def change_the_head() -> None:
    run(update(table(Account)).where(Account.id == account_id()).values(head_hash="0" * 64))


def change_a_usage_fact() -> None:
    run(update(table(UsageFact)).where(UsageFact.day == june(2)).values(amount=usd("6.5")))


def delete_a_usage_fact() -> None:
    run(delete(table(UsageFact)).where(UsageFact.day == june(9)))


def give_a_scope_to_nobody() -> None:
    run(update(table(ScopeFact)).where(ScopeFact.account_id == account_id()).values(from_at=at_day(3)))


def cut_the_tail() -> None:
    """Removes the last batch with all that belongs to it, so that what is left fits together."""
    batch = last_batch()
    run_id = int(batch.cause_ref.removeprefix("run:"))
    at = db.session.execute(
        select(Batch.recorded_at).where(Batch.account_id == batch.account_id, Batch.number == batch.number - 1)
    ).scalar_one()
    head = {"batches": batch.number - 1, "head_hash": batch.previous_hash, "head_at": at}
    run(
        delete(table(Posting)).where(Posting.batch_id == batch.id),
        delete(table(UsageFact)).where(UsageFact.run_id == run_id),
        delete(table(Batch)).where(Batch.id == batch.id),
        update(table(Account)).where(Account.id == batch.account_id).values(**head),
        delete(table(LotCache)),
        delete(table(AccountCache)),
        update(table(ImportRun)).where(ImportRun.id == run_id).values(status="discarded"),
    )


@dataclass(frozen=True)
class Fault:
    """What somebody does past the book, and what verify must name of it: account and words."""

    plant: Plant
    named: tuple[tuple[str, str], ...]


ACME = "acme/credit"
FAULTS = (
    Fault(change_a_posting, ((ACME, "drawn 2026-06-02 grant first"), (ACME, "hash of batch 3"))),
    Fault(delete_a_posting, ((ACME, "drawn 2026-06-02 grant first"), (ACME, "hash of batch 3"))),
    Fault(add_a_posting, ((ACME, "drawn 2026-06-04 grant first"), (ACME, "hash of batch 5"))),
    Fault(move_a_posting_to_another_account, ((ACME, "drawn 2026-06-02 grant first"), ("bolt/credit", "cause of"))),
    Fault(change_the_amount_of_a_lot, (("", "committed of pool pool"), (ACME, "hash of batch 1"))),
    Fault(change_the_end_of_a_lot, ((ACME, "drawn 2026-06-02 grant second"), (ACME, "hash of batch 1"))),
    Fault(change_a_top_up, (("", "committed of pool pool"), (ACME, "hash of batch 4"))),
    Fault(change_who_topped_up, ((ACME, "hash of batch 4"),)),
    Fault(change_what_a_pool_has_committed, (("", "committed of pool pool"),)),
    Fault(make_a_pool_smaller_than_what_it_gave, (("", "pool pool exceeded"),)),
    Fault(change_the_cached_drawn_amount, ((ACME, "cached drawn"),)),
    Fault(delete_a_cached_lot, ((ACME, "cached drawn"),)),
    Fault(change_the_cached_uncovered_amount, ((ACME, "cached uncovered"),)),
    Fault(change_the_cached_newest_day, ((ACME, "cached newest charge day"),)),
    Fault(change_the_day_up_to_which_there_is_data, ((ACME, "cached data up to"),)),
    Fault(change_when_an_account_is_used_up, ((ACME, "cached used up from"),)),
    Fault(change_when_a_cached_lot_lapses, ((ACME, "cached interval"),)),
    Fault(change_the_hash_of_a_batch, ((ACME, "hash of batch 2"), (ACME, "batch 3 follows"))),
    Fault(change_the_hash_of_the_last_batch, ((ACME, "hash of batch 5"), (ACME, "head of the chain"))),
    Fault(change_when_a_batch_was_recorded, ((ACME, "batch 2 recorded after"), (ACME, "hash of batch 1"))),
    Fault(change_the_cause_of_a_batch, ((ACME, "cause of batch 5"), (ACME, "hash of batch 5"))),
    Fault(number_a_batch_otherwise, ((ACME, "number of a batch"), (ACME, "hash of batch 77"))),
    Fault(count_batches_otherwise, ((ACME, "batches"),)),
    Fault(change_the_head, ((ACME, "head of the chain"),)),
    Fault(change_a_usage_fact, ((ACME, "drawn 2026-06-02 grant first"),)),
    Fault(delete_a_usage_fact, ((ACME, "drawn 2026-06-09 grant second"),)),
    Fault(give_a_scope_to_nobody, ((ACME, "drawn 2026-06-01 grant first"), (ACME, "drawn 2026-06-02 grant first"))),
    Fault(cut_the_tail, ((ACME, "batch 5 as the night of 2026-06-15 noted it"),)),
)  # fmt: skip


def test_a_clean_book_has_no_differences(book: None) -> None:
    report = verify()

    postings = db.session.scalar(select(func.count()).select_from(Posting))
    assert report == {"accounts": 2, "grants": 3, "postings": postings, "batches": 7, "differences": []}


def test_verify_of_an_empty_book_finds_nothing(app: Flask) -> None:
    assert verify() == {"accounts": 0, "grants": 0, "postings": 0, "batches": 0, "differences": []}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.plant.__name__.replace("_", " "))
def test_verify_names_what_somebody_changed(book: None, fault: Fault) -> None:
    fault.plant()

    found = verify()["differences"]

    for account, words in fault.named:
        matching = [one for one in found if one["account"] == account and one["what"].startswith(words)]
        assert matching, (words, found)
        assert all(one["expected"] != one["found"] for one in matching)
    assert {one["account"] for one in found} <= {account for account, _ in fault.named} | {ACME}


def test_a_cut_tail_that_fits_together_is_found_by_the_noted_heads_alone(book: None) -> None:
    cut_the_tail()

    (difference,) = verify()["differences"]

    assert difference["found"] == "gone"
    run(delete(table(TrailEntry)).where(TrailEntry.action == "ledger.heads"))
    assert verify()["differences"] == []  # nothing else could have shown it


def test_the_next_nights_heads_hide_no_tail_that_was_cut_before(book: None) -> None:
    cut_the_tail()
    transaction(lambda: note_heads(operator(NOW), june(16)))

    (difference,) = verify()["differences"]

    assert (difference["what"], difference["found"]) == ("batch 5 as the night of 2026-06-15 noted it", "gone")


def test_a_pools_own_check_keeps_it_from_giving_more_than_it_holds(book: None) -> None:
    with pytest.raises(Exception, match="committed_within_amount"):
        run(update(table(Pool)).values(committed=Pool.amount + 1))

    assert verify()["differences"] == []
