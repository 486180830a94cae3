"""A balance as of one instant as it was known at another, with and without the caches (L15, L16)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete, select, update

from creditsvc.db import db, transaction
from creditsvc.ledger.history import postings
from creditsvc.ledger.models import AccountCache, Batch, LotCache
from creditsvc.ledger.reading import AccountView, balances
from creditsvc.parties.access import operator
from creditsvc.usage.operations import reverse_run
from creditsvc.usage.scopes import end_scope
from tests.conftest import NOW
from tests.ledger.books import START, award, change, make_book
from tests.usage.importing import assign
from tests.usage.scenes import SCOPE, differences, hours, june, spend

AS_OF = (
    datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 6, 2, 12, tzinfo=UTC), datetime(2026, 6, 8, tzinfo=UTC), NOW,
    datetime(2027, 1, 1, tzinfo=UTC),
)  # fmt: skip

Answer = list[tuple[Any, ...]]


def answer(as_of: datetime, known_at: datetime | None = None) -> Answer:
    """The accounts that hold something, in all that depends on when it was known."""
    db.session.rollback()
    db.session.expunge_all()
    return [shown(view) for view in balances(as_of, known_at=known_at) if view.batch]


def shown(view: AccountView) -> tuple[Any, ...]:
    lots = [
        (lot.key, lot.amount, lot.effective, lot.expires, lot.voided_at, lot.standing) for lot in view.lots
    ]
    return view.startup, view.batch, view.uncovered, view.uncredited, lots


def steps(folder: Path) -> list[Callable[[], object]]:
    """What happens to two startups, one thing after the other."""
    expiry = datetime(2026, 6, 7, tzinfo=UTC)
    runs: list[int] = []

    def take_back() -> None:
        transaction(lambda: reverse_run(operator(NOW), runs[-1]))

    return [
        lambda: award("first", "20", START, expiry),
        lambda: assign(SCOPE, "acme", START, NOW),
        lambda: spend(folder, {1: "5", 2: "6", 3: "7"}, at=hours(1)),
        lambda: award("second", "10", datetime(2026, 6, 2, tzinfo=UTC)),
        lambda: runs.append(spend(folder, {1: "9", 2: "6", 3: "17", 9: "4"}, at=hours(2))["id"]),
        lambda: change("first", "top_up", amount="3"),
        lambda: award("of bolt", "50", START, startup="bolt"),
        lambda: assign(SCOPE, "bolt", june(3), NOW, hand_over=True),
        lambda: change("second", "void", instant=datetime(2026, 6, 8, tzinfo=UTC)),
        take_back,
        lambda: change("first", "extend", instant=datetime(2026, 9, 1, tzinfo=UTC)),
        lambda: transaction(lambda: end_scope(operator(NOW), provider="azure", external_id=SCOPE, ends=june(2))),
        lambda: spend(folder, {2: "-8"}, at=hours(3), confirm=True),
    ]


@pytest.fixture
def history(app: Flask, tmp_path: Path) -> dict[tuple[datetime, datetime], Answer]:
    """Makes all steps, an hour apart; what was answered after each, by (as of, when it was asked)."""
    make_book(startups=("acme", "bolt"))
    answers = {}
    for number, step in enumerate(steps(tmp_path)):
        with time_machine.travel(NOW + timedelta(hours=number), tick=False):
            step()
        for as_of in AS_OF:
            answers[as_of, NOW + timedelta(hours=number, minutes=1)] = answer(as_of)
    return answers


def test_every_earlier_answer_is_given_again(history: dict[tuple[datetime, datetime], Answer]) -> None:
    again = {(as_of, known_at): answer(as_of, known_at) for as_of, known_at in history}

    assert again == history
    assert len({repr(found) for found in history.values()}) > 30  # they do differ
    assert answer(NOW, NOW - timedelta(hours=1)) == []
    assert differences() == []


def test_with_all_caches_removed_every_answer_is_the_same(history: dict[tuple[datetime, datetime], Answer]) -> None:
    cached = {as_of: answer(as_of) for as_of in AS_OF}

    transaction(lambda: [db.session.execute(delete(model)) for model in (LotCache, AccountCache)])

    assert {as_of: answer(as_of) for as_of in AS_OF} == cached
    assert {(as_of, known_at): answer(as_of, known_at) for as_of, known_at in history} == history


def test_control_the_caches_are_what_answers_for_now(history: dict[tuple[datetime, datetime], Answer]) -> None:
    cached = answer(NOW)

    transaction(lambda: db.session.execute(update(AccountCache).values(uncovered=AccountCache.uncovered + 1)))

    assert answer(NOW) != cached
    acme, _ = answer(AS_OF[0])  # has usage after that instant, so the cache cannot answer
    assert acme == history[AS_OF[0], max(known_at for _, known_at in history)][0]


def test_postings_are_told_as_they_were_known(history: dict[tuple[datetime, datetime], Answer]) -> None:
    account = next(view for view in balances(NOW) if view.startup == "acme")
    every = postings([account.id])

    for hour in range(14):
        known_at = NOW + timedelta(hours=hour)
        assert postings([account.id], known_at=known_at) == [row for row in every if row.recorded_at <= known_at]

    assert len({row.batch for row in every}) > 4


@pytest.mark.parametrize("jump", [timedelta(), timedelta(seconds=-1), timedelta(days=-400)])
def test_batches_are_recorded_one_after_the_other_even_if_the_clock_goes_back(
    app: Flask, tmp_path: Path, jump: timedelta
) -> None:
    make_book()
    found = []
    for number in range(4):
        with time_machine.travel(NOW + number * jump, tick=False):
            award(f"lot-{number}", "1", START)
        found.append(answer(NOW))

    recorded = list(db.session.scalars(select(Batch.recorded_at).order_by(Batch.number)))

    assert recorded == [NOW + timedelta(microseconds=number) for number in range(4)]
    assert [answer(NOW, at) for at in recorded] == found
    assert differences() == []
