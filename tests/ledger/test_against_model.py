"""The product against a small model, step by step: it finds each of ten seeded faults, and none in the product."""

import hashlib
import itertools
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from flask import Flask
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from creditsvc.db import db, transaction
from creditsvc.ledger.reading import LotView, balances
from creditsvc.ledger.verify import verify
from creditsvc.parties.access import operator
from creditsvc.parties.models import Startup
from creditsvc.usage.operations import Prepared, apply_run, reverse_run
from creditsvc.usage.readers.totals import TOTALS_SCHEMA, Export
from tests.ledger.books import START, award, change, make_book, startup_id, usd
from tests.ledger.faults import FOUND_EARLY, SEEDS, Seed
from tests.ledger.model import NEVER, Model, ModelLot, ModelRun
from tests.machines import look_for_fault, run_examples
from tests.sizes import size
from tests.usage.importing import assign

pytestmark = pytest.mark.long

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
UNIT = usd("1")
NOW = BEGIN + timedelta(days=60)
DAYS = st.integers(0, 3)
HOURS = st.sampled_from((0, 0, 0, 16))
AMOUNTS = st.integers(1, 9)
LENGTHS = st.sampled_from((1, 2, 2, 3, -1, None))
OWNERS = st.sampled_from(("one", "one", "two"))
SCOPES = st.sampled_from(("s", "s", "t"))
_examples = itertools.count(1)


def instant(days: int, hours: int = 0) -> datetime:
    return BEGIN + timedelta(days=days, hours=hours)


class Ledger(RuleBasedStateMachine):
    """What a manager and the exports do to two startups; in the end the answers are compared."""

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        """Two lots of one startup, and an export that covers all their days: every step from here on matters."""
        self.model = Model()
        self.prefix = f"e{next(_examples)}-"
        self.runs: list[int] = []

        def add() -> None:
            for owner in ("one", "two"):
                db.session.add(Startup(key=self.prefix + owner, name=owner, created_at=START))

        transaction(add)
        for scope, owner in (("s", "one"), ("t", "two")):
            assign(self.prefix + scope, self.prefix + owner, BEGIN, NOW, provider="aws")
            self.model.give_scope(scope, owner, BEGIN)
        for _ in range(2):
            self.add_lot("one", data.draw(AMOUNTS), data.draw(st.integers(0, 1)), 0, data.draw(LENGTHS), 0, 0)
        self.take_in("s", 3, 0, 3, data, least=3)

    @rule(owner=OWNERS, amount=AMOUNTS, start=DAYS, hours=HOURS, length=LENGTHS,
          priority=st.sampled_from((0, 0, 1)), opening=st.sampled_from((0, 0, 1, 3)))
    def award(
        self, owner: str, amount: int, start: int, hours: int, length: int | None, priority: int, opening: int
    ) -> None:
        self.add_lot(owner, amount, start, hours, length, priority, opening)

    def add_lot(
        self, owner: str, amount: int, start: int, hours: int, length: int | None, priority: int, opening: int
    ) -> None:
        key = f"l{len(self.model.lots)}"
        effective = instant(start, hours)
        expires = None if length is None else effective + timedelta(days=length)
        award(self.prefix + key, str(amount), effective, expires, startup=self.prefix + owner, priority=priority)
        opening = min(opening, amount)
        if opening:
            change(self.prefix + key, "opening", amount=str(opening), instant=effective)
        self.model.lots[key] = ModelLot(owner, amount, effective, expires or NEVER, priority, False, START,
                                        opening=opening)

    @precondition(lambda self: self.model.lots)
    @rule(data=st.data(), amount=AMOUNTS)
    def top_up(self, data: st.DataObject, amount: int) -> None:
        key = data.draw(st.sampled_from(sorted(self.model.lots)))
        change(self.prefix + key, "top_up", amount=str(amount))
        self.model.lots[key].amount += amount

    @precondition(lambda self: any(lot.amount - lot.opening > 1 for lot in self.model.lots.values()))
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        able = sorted(key for key, lot in self.model.lots.items() if lot.amount - lot.opening > 1)
        key = data.draw(st.sampled_from(able))
        lot = self.model.lots[key]
        amount = data.draw(st.integers(1, lot.amount - lot.opening - 1))
        change(self.prefix + key, "return", amount=str(amount))
        lot.amount -= amount

    @precondition(lambda self: self.model.lots)
    @rule(data=st.data(), day=DAYS, hours=HOURS)
    def void(self, data: st.DataObject, day: int, hours: int) -> None:
        key = data.draw(st.sampled_from(sorted(self.model.lots)))
        change(self.prefix + key, "void", instant=instant(day, hours))
        self.model.lots[key].void = min(self.model.lots[key].void, instant(day, hours))

    @precondition(lambda self: any(lot.expires < NEVER for lot in self.model.lots.values()))
    @rule(data=st.data(), days=st.integers(1, 6))
    def extend(self, data: st.DataObject, days: int) -> None:
        key = data.draw(st.sampled_from(sorted(key for key, lot in self.model.lots.items() if lot.expires < NEVER)))
        expires = self.model.lots[key].expires + timedelta(days=days)
        change(self.prefix + key, "extend", instant=expires)
        self.model.lots[key].expires = expires

    @rule(scope=SCOPES, submitted=st.integers(0, 6), first=DAYS, length=st.integers(0, 3), data=st.data())
    def import_run(self, scope: str, submitted: int, first: int, length: int, data: st.DataObject) -> None:
        self.take_in(scope, submitted, first, length, data)

    def take_in(
        self, scope: str, submitted: int, first: int, length: int, data: st.DataObject, least: int = 0
    ) -> None:
        at = instant(submitted)
        while any(run.submitted == at for run in self.model.runs):
            at += timedelta(seconds=1)
        days = [instant(first + number).date() for number in range(length + 1)]
        places = st.tuples(st.sampled_from(days), st.sampled_from(("k1", "k2")))
        totals = data.draw(st.dictionaries(places, st.integers(-8, 12), min_size=least, max_size=6))
        run = self._prepared(scope, totals, days[0], days[-1])
        report = transaction(lambda: apply_run(operator(NOW), run, submitted_at=at, confirm=True))
        self.runs.append(report["id"])
        self.model.runs.append(ModelRun(scope, at, days[0], days[-1], totals))

    def _prepared(self, scope: str, totals: dict[tuple[date, str], int], first: date, last: date) -> Prepared:
        name = self.prefix + scope
        rows = [("aws", name, day, key, "USD", cost * UNIT, 1, 0) for (day, key), cost in sorted(totals.items())]
        export = Export(
            schema="focus-1.0", feed=self.prefix, parts=(), rows=len(rows), counted_rows=len(rows), left_out=(),
            totals=pl.DataFrame(rows, schema=dict(TOTALS_SCHEMA), orient="row"), scopes=frozenset({("aws", name)}),
            cover=(first, last), manifest=None,
        )
        content = hashlib.sha256(f"{name}{len(self.runs)}".encode()).hexdigest()
        return Prepared("run", export, content, None)

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def reverse(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(0, len(self.runs) - 1))
        transaction(lambda: reverse_run(operator(NOW), self.runs[number]))
        self.model.runs[number].reversed = True

    @rule(scope=SCOPES, owner=OWNERS, day=DAYS)
    def hand_over(self, scope: str, owner: str, day: int) -> None:
        assign(self.prefix + scope, self.prefix + owner, instant(day), NOW, provider="aws", hand_over=True)
        self.model.give_scope(scope, owner, instant(day))

    def teardown(self) -> None:
        """The product's answers are the model's, for both startups, at two instants."""
        db.session.rollback()
        db.session.expunge_all()
        startups = {self.prefix + owner: startup_id(self.prefix + owner) for owner in ("one", "two")}
        for as_of in (instant(3, 16), NOW):
            found = {view.startup: view for view in balances(as_of, startup_ids=list(startups.values()))}
            for owner in ("one", "two"):
                lots, uncovered, uncredited = self.model.answer(owner, as_of)
                view = found.get(self.prefix + owner)
                shown = {lot.key.removeprefix(self.prefix): parts(lot) for lot in view.lots} if view else {}
                assert shown == lots, (owner, as_of)
                rest = (view.uncovered // UNIT, view.uncredited // UNIT) if view else (0, 0)
                assert rest == (uncovered, uncredited), (owner, as_of)


def parts(lot: LotView) -> tuple[int, ...]:
    """What became of a lot, in whole units, as the model says it."""
    what = lot.standing
    amounts = (what.drawn, what.expired, what.voided, what.not_yet, what.remaining)
    return tuple(amount // UNIT for amount in amounts)


def test_the_product_answers_as_the_model_does(app: Flask, database: str) -> None:
    make_book(pool="90000000", provider="aws")

    run_examples(Ledger, examples=size(40, 100) if database == "sqlite" else size(12, 30), steps=10)

    assert verify()["differences"] == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.__name__)
def test_the_machine_finds_a_seeded_fault(app: Flask, monkeypatch: pytest.MonkeyPatch, seed: Seed) -> None:
    make_book(pool="90000000", provider="aws")
    seed(monkeypatch)

    with pytest.raises(AssertionError):
        look_for_fault(Ledger, steps=8, series=FOUND_EARLY.get(seed, 0))
