"""The book is compared with its facts after each night that succeeded, whoever ran it (L18)."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from creditsvc.db import db, transaction
from creditsvc.jobs import comparison, runs
from creditsvc.ledger.models import Account, Posting
from creditsvc.ledger.verified import Verification, keep, last_verification
from creditsvc.ledger.verify import verify
from tests import factories
from tests.alerts.scenes import NOW, TODAY

BOTH_DATABASES = True
MINUTE = timedelta(minutes=1)


@pytest.fixture
def look_at(app: Flask) -> Callable[[datetime], int]:
    """Looks at an instant, as one scheduler that goes on; how many verifications are kept then."""
    at = [NOW]
    look = comparison.looker(lambda: at[0])

    def looked(now: datetime) -> int:
        at[0] = now
        look()
        return db.session.scalar(select(func.count(Verification.id))) or 0

    return looked


def succeeded(at: datetime, days: int = 0) -> None:
    """The night of a day succeeds at an instant."""
    held = transaction(lambda: runs.claim("nightly", TODAY + timedelta(days=days), at, runs.new_worker(), at))
    assert isinstance(held, runs.Claim)
    transaction(lambda: runs.finish(held, at))


def test_each_night_that_succeeded_is_followed_by_one_comparison(look_at: Callable[[datetime], int]) -> None:
    factories.make_grant(expires=TODAY + timedelta(days=5))
    transaction(lambda: db.session.execute(update(Account).values(head_hash="0" * 64)))
    kept = [look_at(NOW)]

    succeeded(NOW)
    kept += [look_at(NOW + MINUTE), look_at(NOW + 2 * MINUTE)]
    succeeded(NOW + timedelta(days=1), days=1)
    kept += [look_at(NOW + timedelta(days=1)), look_at(NOW + timedelta(days=1, minutes=1))]

    assert kept == [0, 1, 1, 2, 2]
    found = last_verification(factories.auditor())
    assert found is not None
    assert (found.at, found.actor, found.accounts, found.found > 0) == (NOW + timedelta(days=1), "nightly", 1, True)
    assert found.postings == db.session.scalar(select(func.count(Posting.id)))


def test_a_night_at_work_or_failed_is_followed_by_none(look_at: Callable[[datetime], int]) -> None:
    held = transaction(lambda: runs.claim("nightly", TODAY, NOW, runs.new_worker(), NOW))
    assert isinstance(held, runs.Claim)
    kept = [look_at(NOW + MINUTE)]
    transaction(lambda: runs.give_up(held, "the disk is full"))

    assert [*kept, look_at(NOW + 2 * MINUTE)] == [0, 0]


def test_another_scheduler_makes_the_comparison_that_one_left_out(app: Flask) -> None:
    succeeded(NOW - timedelta(days=2))

    for _ in range(2):
        comparison.looker(lambda: NOW)()

    assert db.session.scalars(select(Verification.at)).all() == [NOW]


def test_a_verification_kept_after_the_night_takes_the_place_of_one(look_at: Callable[[datetime], int]) -> None:
    succeeded(NOW)
    report = verify()
    transaction(lambda: keep(factories.somebody(NOW + MINUTE), report))

    assert look_at(NOW + 2 * MINUTE) == 1


def test_a_verification_and_a_night_dated_far_ahead_say_nothing(look_at: Callable[[datetime], int]) -> None:
    succeeded(NOW)
    report = verify()
    transaction(lambda: keep(factories.somebody(NOW + timedelta(days=300)), report))
    kept = [look_at(NOW + MINUTE), look_at(NOW + 2 * MINUTE)]
    succeeded(NOW + timedelta(days=9), days=9)

    assert [*kept, look_at(NOW + 3 * MINUTE)] == [2, 2, 2]


def test_a_comparison_that_fails_is_tried_again_after_an_hour(
    look_at: Callable[[datetime], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    succeeded(NOW)
    right, tried = comparison.verify, []

    def fails(*_: object) -> None:
        tried.append(1)
        raise MemoryError

    monkeypatch.setattr(comparison, "verify", fails)
    kept = [look_at(NOW + MINUTE), look_at(NOW + 2 * MINUTE)]
    monkeypatch.setattr(comparison, "verify", right)

    kept += [look_at(NOW + timedelta(minutes=60)), look_at(NOW + timedelta(minutes=61))]

    assert (kept, len(tried)) == ([0, 0, 0, 1], 1)
