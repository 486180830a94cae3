"""What no chain holds is sealed by the night: a change, loss or insertion behind the book's back shows (L18)."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Column, Table, delete, func, insert, select, text, update

from creditsvc.db import Model, db, transaction
from creditsvc.grants.activation import activate_grant
from creditsvc.ledger.models import UsageFact
from creditsvc.ledger.seals import SEALED, SEALS, broken_seals, newest_row, rows_and_hashes, seal
from creditsvc.ledger.verify import verify
from creditsvc.parties.access import operator
from creditsvc.parties.models import TrailEntry
from creditsvc.parties.trail import record
from creditsvc.statements.month_freezing import freeze_month
from creditsvc.statements.reported import report_balance
from tests import counting, factories
from tests.conftest import NOW
from tests.ledger.books import START
from tests.usage.importing import assign
from tests.usage.scenes import SCOPE, june, spend

CHAINED = {
    "batch", "lot", "lot_change", "posting", "rate", "lot_cache", "account_cache", "hold", "hold_end", "hours_fact",
    "seat", "seat_end",
}
"""Held by tests/ledger/test_verify.py and test_verify_holdings.py: chained by hash, or planned anew."""

NOT_HELD = {
    # what may change, or is no fact of a balance; docs/rules.md says so (L18)
    "startup", "person", "membership", "manager_programme", "startup_programme", "sign_in_attempt", "password_reset",
    "ended_session",
    "invitation", "api_token", "answered_request", "partner", "programme", "programme_terms", "cohort", "package",
    "package_line", "enrolment", "import_file", "file_piece", "run_scope", "run_totals", "job_run", "alert",
    "alert_setting", "alert_preference", "alert_memory", "digest", "alert_told", "alert_snooze",
    "incubator_memory", "incubator_snooze",
    "account_outlook", "saved_view", "noted_head", "outbox_mail", "product", "seat_assignment", "seat_wish",
    "licence_key", "count_report", "sku_count", "job_request",
    "seat_sighting", "consultant", "weekly_hours", "day_exception", "consulting_policy", "booking", "calendar_feed",
    "grant_request", "visit", "alert_rhythm", "night_silence", "outbox_attachment",
    "mail_subscription", "periodic_mail",
    "package_version", "award_proposal", "verification",
}


def seal_all() -> None:
    """As the night does."""
    newest = {name: transaction(lambda name=name: newest_row(name)) for name in SEALED}
    while transaction(lambda: seal(operator(NOW), june(15), newest)):
        pass


@pytest.fixture
def sealed(app: Flask, tmp_path: Path) -> None:
    """A startup with a row in every table that is sealed, and a night that has sealed them."""
    factories.make_startup("acme")
    factories.make_grant("acme", key="grant")
    assign(SCOPE, "acme", START, NOW)
    spend(tmp_path, {1: "5", 2: "6"})
    factories.do(lambda: activate_grant(operator(NOW), "grant", on=NOW, subscription=SCOPE))
    factories.do(lambda: report_balance(operator(NOW), startup="acme", amount="7", seen_at=NOW))
    factories.make_programme("tech")
    factories.do(lambda: freeze_month(operator(NOW), "tech", "2026-05", follows=0))
    seal_all()


def another(value: Any) -> Any:
    """A value that is not this one, of the same type, and no longer."""
    if isinstance(value, int):
        return value + 1000
    if isinstance(value, str):
        return f"{'y' if value[:1] == 'x' else 'x'}{value[1:]}"
    if isinstance(value, date):
        return value + timedelta(days=1)
    return {"planted": True}


def found_after(plant: Callable[[], None]) -> set[str]:
    """The tables whose seals break when somebody does this past the book; it is taken back again."""
    def act() -> set[str]:
        lift = "PRAGMA defer_foreign_keys=ON"
        if db.session.get_bind().dialect.name == "postgresql":
            lift = "SET LOCAL session_replication_role = replica"
        db.session.execute(text(lift))
        plant()
        return {what.partition(" of ")[2].partition(",")[0] for what, _, _ in broken_seals()}

    return transaction(act, keep=False)


def table(name: str) -> Table:
    return Model.metadata.tables[name]


def change(name: str, column: Column[Any]) -> None:
    key = table(name).c.id
    row = db.session.execute(select(key, column).order_by(column.is_(None), key).limit(1)).one()
    instead = {"planted": True} if column.name in ("before", "after") else another(row[1])
    db.session.execute(update(table(name)).where(key == row[0]).values({column: instead}))


def test_every_change_of_a_sealed_column_and_every_lost_row_is_found(sealed: None) -> None:
    found = {}
    for name, columns in SEALED.items():
        for column in columns:
            found[name, column] = found_after(lambda n=name, c=column: change(n, table(n).c[c]))
        found[name, "a row lost"] = found_after(lambda n=name: db.session.execute(delete(table(n))))

    assert verify()["differences"] == []
    # a lost trail has lost its own seals too: the next test
    del found["trail_entry", "a row lost"]
    assert {place: name for place, name in found.items() if place[0] not in name} == {}


def test_a_row_put_in_among_sealed_ones_and_a_lost_seal_are_found_by_verify(sealed: None, tmp_path: Path) -> None:
    seal_all()  # seals the first night's seals
    facts = db.session.execute(select(UsageFact.__table__)).mappings().all()

    def plant() -> None:
        db.session.execute(delete(UsageFact).where(UsageFact.id == facts[0]["id"]))
        db.session.execute(insert(UsageFact).values({**facts[0], "amount": facts[0]["amount"] + 1}))
        first = select(TrailEntry.id).where(TrailEntry.action == SEALS).order_by(TrailEntry.id).limit(1)
        db.session.execute(delete(TrailEntry).where(TrailEntry.id == db.session.scalar(first)))

    transaction(plant)

    found = {one["what"].partition(" of ")[2].partition(",")[0] for one in verify()["differences"]}
    assert {"usage_fact", "trail_entry"} <= found


def test_what_was_added_since_is_sealed_by_the_next_night_alone(sealed: None, tmp_path: Path) -> None:
    spend(tmp_path, {3: "7"})
    fact = update(UsageFact).where(UsageFact.day == june(3)).values(amount=1)
    assert found_after(lambda: db.session.execute(fact)) == set()

    seal_all()

    assert found_after(lambda: db.session.execute(fact)) == {"usage_fact"}
    assert verify()["differences"] == []


def test_more_nights_make_no_more_statements(sealed: None, tmp_path: Path) -> None:
    seal_all()  # seals the first night's seals, so that each table has its own
    asked = counting.queries(verify)

    for day in (3, 4, 5):
        spend(tmp_path, {day: "7"})
        seal_all()

    assert counting.queries(verify) == asked
    assert verify()["differences"] == []


def test_a_seal_that_somebody_made_up_is_named_and_no_other(sealed: None) -> None:
    transaction(lambda: record(operator(NOW), "startup.told", "startup:acme", after={"to": "ada@acme.example"}))
    seal_all()
    made_up = {"table": "trail_entry", "first": 1, "last": 1000, "rows": 2, "hash": "0" * 64}

    transaction(lambda: record(operator(NOW), SEALS, "night:2026-06-16", after=made_up))

    (difference,) = verify()["differences"]
    assert difference["what"] == "rows 1 to 1000 of trail_entry, as the night of 2026-06-16 sealed them"


def test_a_row_put_in_where_a_number_was_left_out_shows_whatever_seal_is_made_up_for_it(sealed: None) -> None:
    keys = table("charge_key")
    last = db.session.execute(select(func.max(keys.c.id))).scalar_one()
    transaction(lambda: db.session.execute(insert(keys).values(id=last + 2, text="of the book")))
    seal_all()

    def plant() -> None:
        db.session.execute(insert(keys).values(id=last + 1, text="of somebody"))
        run = (last + 1, last + 1)
        rows, digest = rows_and_hashes("charge_key", [run])[run]
        words = {"table": "charge_key", "first": run[0], "last": run[1], "rows": rows, "hash": digest}
        record(operator(NOW), SEALS, "night:2026-06-16", after=words)

    assert found_after(plant) == {"charge_key"}


def test_the_newest_seal_can_go_unnoticed_with_what_it_sealed(sealed: None) -> None:
    """What the rules say cannot be found: the last night's own words, taken out together with a change."""
    def plant() -> None:
        db.session.execute(delete(TrailEntry).where(TrailEntry.action == SEALS))
        db.session.execute(update(TrailEntry).values(actor="somebody else"))

    assert found_after(plant) == set()


def test_every_table_is_chained_sealed_or_said_to_be_neither() -> None:
    named = [*CHAINED, *NOT_HELD, *SEALED]

    assert sorted(named) == sorted(set(named))
    assert set(Model.metadata.tables) - set(named) == set()


@pytest.mark.usefixtures("sealed")
def test_a_seal_that_was_emptied_is_named_and_stops_no_night(app: Flask):
    def plant() -> None:
        one = select(TrailEntry.id).where(TrailEntry.action == SEALS).order_by(TrailEntry.id).limit(1).scalar_subquery()
        db.session.execute(update(TrailEntry).where(TrailEntry.id == one).values(after={"table": "no such table"}))

    transaction(plant)
    seal_all()

    assert any(one["what"].startswith("a seal of the night") for one in verify()["differences"])
