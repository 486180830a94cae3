"""The product against a small model, step by step: it finds each of ten seeded faults, and none in the product."""

import hashlib
import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from creditsvc.db import db, transaction
from creditsvc.ledger.reading import balances
from creditsvc.ledger.verify import verify
from creditsvc.parties.access import operator
from creditsvc.parties.models import Startup
from creditsvc.usage.operations import Prepared, apply_run, reverse_run
from creditsvc.usage.readers.totals import TOTALS_SCHEMA, Export
from tests.ledger.books import START, award, change, make_book, startup_id, usd
from tests.ledger.faults import SEEDS, Seed
from tests.ledger.model import NEVER, Model, ModelLot, ModelRun
from tests.usage.importing import assign

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
UNIT = usd("1")
NOW = BEGIN + timedelta(days=60)
DAYS = st.integers(0, 8)
HOURS = st.sampled_from((0, 0, 16))
AMOUNTS = st.integers(1, 12)
OWNERS = st.sampled_from(("one", "two"))
SCOPES = st.sampled_from(("s", "t"))
_examples = itertools.count(1)


def instant(days: int, hours: int = 0) -> datetime:
    return BEGIN + timedelta(days=days, hours=hours)


class Ledger(RuleBasedStateMachine):
    """What a manager and the exports do to two startups; after each step the answers are compared."""

    @initialize()
    def begin(self) -> None:
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

    @rule(owner=OWNERS, amount=AMOUNTS, start=DAYS, hours=HOURS, length=st.integers(-1, 8) | st.none(),
          priority=st.integers(0, 1), opening=st.sampled_from((0, 0, 1, 3)))
    def award(
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
        self.compare()

    @precondition(lambda self: self.model.lots)
    @rule(data=st.data(), amount=AMOUNTS)
    def top_up(self, data: st.DataObject, amount: int) -> None:
        key = data.draw(st.sampled_from(sorted(self.model.lots)))
        change(self.prefix + key, "top_up", amount=str(amount))
        self.model.lots[key].amount += amount
        self.compare()

    @precondition(lambda self: any(lot.amount - lot.opening > 1 for lot in self.model.lots.values()))
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        able = sorted(key for key, lot in self.model.lots.items() if lot.amount - lot.opening > 1)
        key = data.draw(st.sampled_from(able))
        lot = self.model.lots[key]
        amount = data.draw(st.integers(1, lot.amount - lot.opening - 1))
        change(self.prefix + key, "return", amount=str(amount))
        lot.amount -= amount
        self.compare()

    @precondition(lambda self: self.model.lots)
    @rule(data=st.data(), day=DAYS, hours=HOURS)
    def void(self, data: st.DataObject, day: int, hours: int) -> None:
        key = data.draw(st.sampled_from(sorted(self.model.lots)))
        change(self.prefix + key, "void", instant=instant(day, hours))
        self.model.lots[key].void = min(self.model.lots[key].void, instant(day, hours))
        self.compare()

    @precondition(lambda self: any(lot.expires < NEVER for lot in self.model.lots.values()))
    @rule(data=st.data(), days=st.integers(1, 6))
    def extend(self, data: st.DataObject, days: int) -> None:
        key = data.draw(st.sampled_from(sorted(key for key, lot in self.model.lots.items() if lot.expires < NEVER)))
        expires = self.model.lots[key].expires + timedelta(days=days)
        change(self.prefix + key, "extend", instant=expires)
        self.model.lots[key].expires = expires
        self.compare()

    @rule(scope=SCOPES, submitted=st.integers(0, 40), first=DAYS, length=st.integers(0, 3), data=st.data())
    def import_run(self, scope: str, submitted: int, first: int, length: int, data: st.DataObject) -> None:
        at = instant(submitted)
        while any(run.submitted == at for run in self.model.runs):
            at += timedelta(seconds=1)
        days = [instant(first + number).date() for number in range(length + 1)]
        places = st.tuples(st.sampled_from(days), st.sampled_from(("k1", "k2")))
        totals = data.draw(st.dictionaries(places, st.integers(-6, 14), max_size=4))
        run = self._prepared(scope, totals, days[0], days[-1])
        report = transaction(lambda: apply_run(operator(NOW), run, submitted_at=at, confirm=True))
        self.runs.append(report["id"])
        self.model.runs.append(ModelRun(scope, at, days[0], days[-1], totals))
        self.compare()

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
        self.compare()

    @rule(scope=SCOPES, owner=OWNERS, day=DAYS)
    def hand_over(self, scope: str, owner: str, day: int) -> None:
        assign(self.prefix + scope, self.prefix + owner, instant(day), NOW, provider="aws", hand_over=True)
        self.model.give_scope(scope, owner, instant(day))
        self.compare()

    def compare(self) -> None:
        """The product's answers are the model's, for both startups, at several instants."""
        db.session.rollback()
        db.session.expunge_all()
        for owner in ("one", "two"):
            for as_of in (instant(3), instant(5, 16), NOW):
                found = balances(as_of, startup_ids=[startup_id(self.prefix + owner)])
                lots, uncovered, uncredited = self.model.answer(owner, as_of)
                shown: dict[str, Any] = {}
                for lot in found[0].lots if found else ():
                    what = lot.standing
                    shown[lot.key.removeprefix(self.prefix)] = tuple(
                        amount // UNIT
                        for amount in (what.drawn, what.expired, what.voided, what.not_yet, what.remaining)
                    )
                assert shown == lots, (owner, as_of)
                rest = (found[0].uncovered // UNIT, found[0].uncredited // UNIT) if found else (0, 0)
                assert rest == (uncovered, uncredited), (owner, as_of)


def run(examples: int, steps: int, seeded: bool = False) -> None:
    """Lets the machine run. A seeded fault need not be shrunk, only found, and always by the same examples."""
    quiet = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    phases = [Phase.generate]  # shrinking takes minutes; what is found is printed whole
    run_state_machine_as_test(
        Ledger,
        settings=settings(max_examples=examples, stateful_step_count=steps, deadline=None, phases=phases,
                          suppress_health_check=quiet, derandomize=seeded, database=None,
                          verbosity=Verbosity.quiet if seeded else Verbosity.normal),
    )


def test_the_product_answers_as_the_model_does(app: Flask, database: str) -> None:
    make_book(pool="90000000", provider="aws")

    run(examples=60 if database == "sqlite" else 15, steps=15)

    assert verify()["differences"] == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.__name__)
def test_the_machine_finds_a_seeded_fault(app: Flask, monkeypatch: pytest.MonkeyPatch, seed: Seed) -> None:
    make_book(pool="90000000", provider="aws")
    seed(monkeypatch)

    with pytest.raises(AssertionError):
        run(examples=400, steps=15, seeded=True)
