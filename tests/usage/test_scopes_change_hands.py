"""A subscription belongs to whom its dates say: assigned, ended, handed over (U8)."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from creditsvc.core.errors import Conflict, NotFound, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.grants.operations import award_grant
from creditsvc.ledger.models import Batch
from creditsvc.parties.access import operator
from creditsvc.usage.reading import scopes_of, unassigned_scopes
from creditsvc.usage.scopes import assign_scope, end_scope, is_assigned
from tests.conftest import NOW
from tests.dumping import dump
from tests.ledger.books import START, make_book, startup_id
from tests.usage.importing import assign
from tests.usage.scenes import SCOPE, differences, drawn, holding, hours, june, make_startups, spend


def end(last: date | datetime) -> None:
    transaction(lambda: end_scope(operator(NOW), provider="azure", external_id=SCOPE, ends=last))


def batches(startup: str) -> list[str]:
    """The causes of the batches of a startup's account."""
    account = holding(startup)
    if account is None:
        return []
    return list(
        db.session.scalars(select(Batch.cause).where(Batch.account_id == account.id).order_by(Batch.number))
    )


def test_a_scope_that_changes_hands_is_two_deltas(app: Flask, tmp_path: Path) -> None:
    make_startups("acme", "bolt")
    assign(SCOPE, "acme", START, NOW)
    spend(tmp_path, {1: "1", 2: "2", 3: "4", 4: "8"})

    assign(SCOPE, "bolt", june(3), NOW, hand_over=True)

    assert (drawn("acme"), drawn("bolt")) == ("3", "12")
    assert batches("acme") == ["award", "usage", "scope"]
    assert batches("bolt") == ["award", "scope"]
    assert differences() == []


def test_a_grant_awarded_with_the_first_scope_of_a_startup_pays_for_what_waited(app: Flask, tmp_path: Path) -> None:
    make_book()
    spend(tmp_path, {1: "1", 2: "2"})

    def both() -> None:
        assign_scope(operator(NOW), provider="azure", external_id=SCOPE, startup="acme", starts=START)
        award_grant(operator(NOW), startup="acme", pool="pool", amount="10", effective=START)

    transaction(both)

    assert drawn("acme") == "3"
    assert differences() == []


def test_a_restatement_over_the_day_of_the_change_reaches_each_owner(app: Flask, tmp_path: Path) -> None:
    make_startups("acme", "bolt")
    assign(SCOPE, "acme", START, NOW)
    assign(SCOPE, "bolt", june(3), NOW, hand_over=True)
    spend(tmp_path, {2: "2", 3: "4"})

    report = spend(tmp_path, {2: "2.5", 3: "40"}, at=hours(6))

    assert (drawn("acme"), drawn("bolt")) == ("2.5", "40")
    assert (report["known_scopes"], report["waiting"]) == (1, [])
    assert differences() == []


def test_taking_days_from_another_startup_without_saying_so_is_refused(app: Flask, tmp_path: Path) -> None:
    make_startups("acme", "bolt")
    assign(SCOPE, "acme", START, NOW)
    spend(tmp_path, {1: "1", 4: "8"})
    before = dump()

    with pytest.raises(Conflict) as refusal:
        assign(SCOPE, "bolt", june(3), NOW)

    assert (refusal.value.field, refusal.value.code) == ("startup", "belongs-to-another")
    assert dump() == before


def test_some_days_in_between_can_be_handed_over(app: Flask, tmp_path: Path) -> None:
    make_startups("acme", "bolt")
    assign(SCOPE, "acme", START, NOW)
    spend(tmp_path, {1: "1", 2: "2", 3: "4", 4: "8"})

    assign(SCOPE, "bolt", june(2), NOW, ends=june(3), hand_over=True)

    assert (drawn("acme"), drawn("bolt")) == ("9", "6")
    assert [(view.starts, view.ends) for view in scopes_of(startup_id("bolt"))] == [
        (datetime(2026, 6, 1, 16, tzinfo=UTC), datetime(2026, 6, 3, 16, tzinfo=UTC))
    ]


def test_usage_after_the_last_day_of_a_scope_waits(app: Flask, tmp_path: Path) -> None:
    make_startups("acme")
    assign(SCOPE, "acme", START, NOW)
    spend(tmp_path, {1: "1", 2: "2", 3: "4", 4: "8"})

    end(june(2))

    assert drawn() == "3"
    (waiting,) = unassigned_scopes(operator(NOW))
    assert (waiting.first_day, waiting.amounts) == (june(3), {"USD": 12_00000000})
    before = dump()
    end(june(2))  # saying it again
    assert dump() == before
    report = spend(tmp_path, {4: "80"}, at=hours(6))
    assert report["waiting"][0]["why"] == "outside the scope's dates"
    assert (drawn(), differences()) == ("3", [])


def test_what_cannot_be_ended_is_refused(app: Flask, tmp_path: Path) -> None:
    make_startups("acme")
    with pytest.raises(NotFound):
        end(june(2))
    spend(tmp_path, {1: "1"})
    before = dump()

    with pytest.raises(Conflict, match="belongs to no startup"):
        end(june(2))

    assert dump() == before


def test_saying_again_whose_a_scope_is_changes_nothing(app: Flask) -> None:
    make_startups("acme")
    assign(SCOPE, "acme", june(1), NOW)
    before = dump()

    assign(f"/subscriptions/{SCOPE.upper()}", "acme", june(1), NOW)

    assert dump() == before
    assert is_assigned("azure", SCOPE, "acme", june(1))
    assert not is_assigned("azure", SCOPE, "acme", june(2))
    assert not is_assigned("azure", SCOPE, "bolt", june(1))


@pytest.mark.parametrize(
    "more, field, code",
    [
        ({"external_id": "my subscription"}, "id", "not-a-scope"),
        ({"ends": june(1)}, "ends", "end-before-start"),
        ({"resource": "minutes"}, "resource", "unknown-resource"),
        ({"provider": "aws"}, "resource", "ambiguous"),
    ],
)
def test_a_scope_that_makes_no_sense_is_refused(app: Flask, more: dict[str, object], field: str, code: str) -> None:
    make_startups("acme")
    before = dump()
    values = {"provider": "azure", "external_id": SCOPE, "startup": "acme", "starts": june(2), **more}

    with pytest.raises(RuleBroken) as refusal:
        transaction(lambda: assign_scope(operator(NOW), **values))

    assert (refusal.value.field, refusal.value.code) == (field, code)
    assert dump() == before
