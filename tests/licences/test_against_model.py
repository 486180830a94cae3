"""Seats against a small model, step by step: it finds each of the seeded faults, and none in the product."""

import itertools
from datetime import datetime, timedelta

import pytest
from flask import Flask, current_app
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from sqlalchemy import select

from creditsvc.core.errors import RuleBroken
from creditsvc.db import db, transaction
from creditsvc.ledger.seats import seats_of
from creditsvc.ledger.verify import verify
from creditsvc.licences import seats, waiting
from creditsvc.licences.models import SeatAssignment, SeatWish
from creditsvc.parties.access import operator
from tests import factories as make
from tests.conftest import NOW
from tests.licences.faults import FOUND_EARLY, SEEDS, Seed
from tests.licences.model import END, Model, ModelGrant, ModelSeat
from tests.licences.sitting import account_id, change, give, make_product, startup_id
from tests.machines import CountingMachine, look_for_fault, run_steps

pytestmark = pytest.mark.long

PEOPLE = st.sampled_from(("ada", "ada", "bob", "eve", "zoe"))
AMOUNTS = st.integers(1, 2)
SHOWN = 16
"""The days that are compared; what happens later is as on the last of them."""

_examples = itertools.count(1)


def instant(day: int) -> datetime:
    return NOW + timedelta(days=day)


class Seats(CountingMachine):
    """What managers do with one startup's seats of one product; after each step it stands as the model has it."""

    @initialize(amount=AMOUNTS, length=st.integers(1, 6))
    def begin(self, amount: int, length: int) -> None:
        """A grant that has begun, one person's seat of it, and a grant that follows it."""
        self.model = Model()
        self.prefix = f"e{next(_examples)}"
        make.make_startup(self.prefix)
        # a pool of its own: one for all examples would be counted ever longer
        make.make_pool(self.prefix, "1000", resource="m365", partner="maker")
        self.config = current_app.config["CREDITSVC"]
        self.add_grant(amount, 0, length)
        self.account = account_id(self.prefix)
        self.startup = startup_id(self.prefix)
        self.assign("ada", 0, None)
        self.add_grant(amount, length, 8)

    def add_grant(self, amount: int, start: int, length: int | None) -> None:
        key = f"g{len(self.model.grants)}"
        end = END if length is None else start + length
        last = None if length is None else instant(end)
        give(self.prefix, f"{self.prefix}-{key}", amount, instant(start), last, pool=self.prefix)
        self.model.grants[key] = ModelGrant(amount, start, end)

    @property
    def now(self) -> datetime:
        return instant(self.model.now)

    def seat_the_line(self) -> None:
        transaction(lambda: waiting.seat_startups(operator(self.now), self.config, [self.startup]))
        self.model.seat_line()

    @precondition(lambda self: len(self.model.grants) < 4)
    @rule(amount=AMOUNTS, start=st.integers(-1, 3), length=st.sampled_from((2, 4, 6, None)))
    def award(self, amount: int, start: int, length: int | None) -> None:
        self.add_grant(amount, max(self.model.now + start, 0), length)
        self.seat_the_line()

    @rule(data=st.data(), amount=AMOUNTS)
    def top_up(self, data: st.DataObject, amount: int) -> None:
        key = self.any_grant(data)
        change(f"{self.prefix}-{key}", "top_up", amount)
        self.model.grants[key].amount += amount
        self.seat_the_line()

    @precondition(lambda self: any(grant.amount > 1 for grant in self.model.grants.values()))
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(key for key, grant in self.model.grants.items() if grant.amount > 1)))
        rest = self.model.grants[key].amount - 1
        fits = self.model.fits(key, set(range(END)), rest + 1)
        assert outcome(lambda: change(f"{self.prefix}-{key}", "return", 1)) == ("" if fits else "!none-free")
        if fits:
            self.model.grants[key].amount = rest

    @rule(data=st.data(), days=st.integers(-1, 4))
    def void(self, data: st.DataObject, days: int) -> None:
        key = self.any_grant(data)
        day = max(self.model.now + days, 0)
        change(f"{self.prefix}-{key}", "void", instant=instant(day))
        self.model.grants[key].void = min(self.model.grants[key].void, day)

    @precondition(lambda self: any(grant.end < END for grant in self.model.grants.values()))
    @rule(data=st.data(), days=st.integers(1, 6))
    def extend(self, data: st.DataObject, days: int) -> None:
        ending = sorted(key for key, grant in self.model.grants.items() if grant.end < END)
        key = data.draw(st.sampled_from(ending))
        self.model.grants[key].end = min(self.model.grants[key].end + days, END - 1)
        change(f"{self.prefix}-{key}", "extend", instant=instant(self.model.grants[key].end))
        self.seat_the_line()

    @rule(who=PEOPLE, later=st.sampled_from((0, 0, 0, 1, 3)), length=st.sampled_from((None, None, 1, 3)))
    def give_a_seat(self, who: str, later: int, length: int | None) -> None:
        self.assign(who, later, length)

    def assign(self, who: str, later: int, length: int | None) -> None:
        first = self.model.now + later
        until = None if length is None else first + length
        expected = self.model.answer(who, first, until)
        found = outcome(lambda: make.do(lambda: seats.assign(
            operator(self.now), startup=self.prefix, product="m365", email=f"{who}@x.example", name=who,
            from_=instant(first), until=None if until is None else instant(until),
        )))
        assert found == ("" if not expected.startswith("!") else expected)
        if not expected.startswith("!"):
            self.model.sit(who, expected, first, until)

    @precondition(lambda self: self.standing())
    @rule(data=st.data(), later=st.sampled_from((0, 0, 1)))
    def release(self, data: st.DataObject, later: int) -> None:
        seat = data.draw(st.sampled_from(self.standing()))
        day = max(self.model.now + later, seat.first)
        if day not in self.model.used(seat):
            return
        seat_id = self.id_of(seat)
        transaction(lambda: seats.release(operator(self.now), self.config, seat_id, instant(day)))
        self.model.end(seat, day)
        self.model.seat_line()

    @precondition(lambda self: self.standing())
    @rule(data=st.data(), who=PEOPLE)
    def transfer(self, data: st.DataObject, who: str) -> None:
        seat = data.draw(st.sampled_from(self.standing()))
        if who == seat.who:
            return
        seat_id, day = self.id_of(seat), max(self.model.now, seat.first)
        until = seat.until if seat.until is None else min(seat.until, max(self.model.used(seat)) + 1)
        days = self.model.wanted(seat.grant, day, until) & self.model.grants[seat.grant].days()
        twice = any(days & self.model.used(other) for other in self.model.seats if other.who == who)
        found = outcome(lambda: make.do(
            lambda: seats.transfer(operator(self.now), seat_id, email=f"{who}@x.example", name=who)
        ))
        assert found == ("!already-seated" if twice else "")
        if not twice:
            self.model.end(seat, day)
            self.model.sit(who, seat.grant, day, until)

    @rule(people=st.lists(PEOPLE, min_size=1, max_size=4, unique=True))
    def some_wait(self, people: list[str]) -> None:
        for who in people:
            self.wait(who)

    def wait(self, who: str) -> None:
        sits = any(max(self.model.used(seat), default=-1) >= self.model.now
                   for seat in self.model.seats if seat.who == who)
        found = outcome(lambda: make.do(lambda: waiting.wait(
            operator(self.now), self.config, startup=self.prefix, product="m365", email=f"{who}@x.example", name=who,
        )))
        assert found == ("!already-seated" if sits else "!already-waits" if who in self.model.line else "")
        if not found:
            self.model.line.append(who)
            self.model.seat_line()

    @precondition(lambda self: self.model.now < 12)
    @rule(days=st.integers(1, 3))
    def time_passes(self, days: int) -> None:
        self.model.now += days
        for account in make.do(waiting.waiting_accounts):
            if account == self.account:
                make.do(lambda: waiting.seat_account(operator(self.now), self.config, self.account))
        self.model.seat_line()

    def any_grant(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.model.grants)))

    def standing(self) -> list[ModelSeat]:
        """The seats that end later than now."""
        return [seat for seat in self.model.seats if max(self.model.used(seat), default=-1) >= self.model.now]

    def id_of(self, seat: ModelSeat) -> int:
        """The id of that seat in the book."""
        day = max(self.model.now, seat.first)
        return next(
            view.id for view in seats_of([self.account])
            if view.is_taken(instant(day)) and self.people()[view.id] == seat.who
        )

    def people(self) -> dict[int, str]:
        papers = select(SeatAssignment.seat_id, SeatAssignment.email).where(SeatAssignment.startup_id == self.startup)
        return {seat_id: email.partition("@")[0] for seat_id, email in db.session.execute(papers)}

    @invariant()
    def it_stands_as_the_model_has_it(self) -> None:
        """On every day the same people sit in the same grants, nobody twice, and the same people wait in order."""
        if not hasattr(self, "account"):
            return
        db.session.rollback()
        db.session.expunge_all()
        people, views = self.people(), seats_of([self.account])
        for day in range(SHOWN):
            sitting = [(people[view.id], view.lot.partition("-")[2]) for view in views if view.is_taken(instant(day))]
            assert len({who for who, _ in sitting}) == len(sitting), f"somebody sits twice on day {day}"
            for key, grant in self.model.grants.items():
                assert sum(of == key for _, of in sitting) <= grant.amount, f"too many seats of {key} on day {day}"
            assert dict(sitting) == self.model.holders(day), f"day {day}"
        line = select(SeatWish.name).where(SeatWish.account_id == self.account, SeatWish.state == "waiting")
        assert list(db.session.scalars(line.order_by(*waiting.IN_ORDER))) == self.model.line


def outcome(act) -> str:  # type: ignore[no-untyped-def]
    """Nothing, or `!` and the code of the refusal."""
    try:
        act()
    except RuleBroken as refusal:
        return f"!{refusal.code}"
    return ""


@pytest.fixture
def park(app: Flask) -> None:
    make_product()
    make.make_partner("maker")


def test_seats_stand_as_the_model_has_them(park: None, database: str) -> None:
    run_steps(Seats, length=20)

    assert verify()["differences"] == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.__name__)
def test_the_machine_finds_a_seeded_fault(park: None, monkeypatch: pytest.MonkeyPatch, seed: Seed) -> None:
    seed(monkeypatch)

    with pytest.raises(AssertionError):
        look_for_fault(Seats, steps=20, series=FOUND_EARLY.get(seed, 0))
