"""Bookings against a small model, step by step: it finds each of the seeded faults, and none in the product."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule
from sqlalchemy import select

from creditsvc.consulting import bookings, consultants, sessions
from creditsvc.consulting.consultants import Policy
from creditsvc.consulting.models import Booking
from creditsvc.consulting.verify_bookings import check_bookings
from creditsvc.core.errors import RuleBroken
from creditsvc.core.free_slots import Weekly
from creditsvc.db import db, transaction
from creditsvc.grants.operations import award_grant
from creditsvc.ledger.reading import AccountView, balances
from creditsvc.ledger.verify import verify
from creditsvc.parties.access import Caller, operator
from creditsvc.parties.models import Startup
from creditsvc.programmes.operations import enrol
from tests import factories as make
from tests.consulting.faults import FOUND_EARLY, SEEDS, Seed
from tests.consulting.model import Grant, Model, Session
from tests.machines import CountingMachine, look_for_fault, run_steps

pytestmark = pytest.mark.long

BEGIN = datetime(2026, 6, 14, 16, 0, tzinfo=UTC)
"""Midnight of a Monday in Hong Kong."""

CONSULTANTS = st.sampled_from(("a", "a", "b"))
MINUTES = st.sampled_from((30, 45, 60, 60, 90))
AHEAD = st.integers(0, 5) | st.integers(0, 40)  # half hours
USED = st.sampled_from((15, 30, 45, 60, 75, 120))
ROUND_THE_CLOCK = tuple(Weekly(day, 0, 24 * 60) for day in range(7))
STAFF = st.booleans()
HOURS = {30: "0.5", 60: "1", 90: "1.5", 120: "2", 150: "2.5", 240: "4"}
_examples = itertools.count(1)


class Bookings(CountingMachine):
    """What one startup, two consultants and a manager do; each answer and in the end the whole account is compared."""

    @initialize(
        draws=st.booleans(), took=st.sampled_from((0, 30, 45, 75, 120)), first=st.sampled_from((90, 150, 240)),
        length=st.integers(1, 3),
    )
    def begin(self, draws: bool, took: int, first: int, length: int) -> None:
        self.prefix = f"e{next(_examples)}-"
        self.now = BEGIN
        self.model = Model(confirm_days=2, draws_excess=draws, no_show_percent=50, late_hours=3, late_percent=30)
        self.uids: dict[str, str] = {}
        startup = make.make_startup(self.prefix + "s").key
        self.member = make.make_member(startup)
        transaction(lambda: enrol(
            operator(BEGIN), startup=startup, cohort="draw" if draws else "uncovered", status="active",
            on=BEGIN.date(),
        ))
        for name in ("a", "b"):
            transaction(lambda key=self.prefix + name: add_consultant(key))  # type: ignore[misc]
        self.award(first, 0, length)
        self.book("a", 2, 60, staff=True)
        if took:  # from here on what is beyond a hold, or left of it, is tried at once
            self.pass_to(BEGIN + timedelta(hours=1))
            self.log_it("b0", took)
            if took != 45:
                self.confirm_it("b0")

    def caller(self, staff: bool = True) -> Caller:
        return operator(self.now) if staff else make.caller(self.member, self.now)

    def tried(self, act: Any) -> str:
        """What came of an act: `done`, or the code of its refusal."""
        try:
            transaction(act)
        except RuleBroken as refusal:
            return refusal.code
        finally:
            db.session.expunge_all()
        return "done"

    @rule(minutes=st.sampled_from((30, 60, 90, 120)), start=st.integers(0, 3), length=st.integers(1, 3))
    def award(self, minutes: int, start: int, length: int) -> None:
        begins = BEGIN + timedelta(days=start)
        grant = Grant(minutes, begins, begins + timedelta(days=length))
        key = f"{self.prefix}g{len(self.model.grants)}"
        transaction(lambda: award_grant(
            operator(self.now), startup=self.prefix + "s", pool="hours", amount=HOURS[minutes], key=key,
            effective=grant.begins, expires=grant.ends, awarded=BEGIN,
        ))
        self.model.grants[key] = grant

    @rule(consultant=CONSULTANTS, ahead=AHEAD, minutes=MINUTES, staff=STAFF)
    def book(self, consultant: str, ahead: int, minutes: int, staff: bool) -> None:
        at = self.now + timedelta(minutes=30 * ahead)
        name = f"b{len(self.uids)}"
        wanted = Session(consultant, at, minutes, held=minutes)
        made: list[str] = []

        def act() -> None:
            made.append(bookings.book(
                self.caller(staff), startup=self.prefix + "s", consultant=self.prefix + consultant, topic="Tax",
                starts=at, minutes=minutes,
            ).uid)

        said = self.tried(act)
        assert (said == "done") == self.model.fits(name, wanted), (said, wanted)
        if said == "done":
            self.uids[name] = made[-1]
            self.model.sessions[name] = wanted

    def one(self, data: st.DataObject, *states: str, begun: bool | None = None) -> str:
        return data.draw(st.sampled_from(self.those(*states, begun=begun)))

    def those(self, *states: str, begun: bool | None = None) -> list[str]:
        return sorted(
            name for name, one in self.model.sessions.items()
            if one.state in states and begun in (None, one.at <= self.now)
        )

    @precondition(lambda self: self.those("booked", begun=False))
    @rule(data=st.data(), ahead=AHEAD, by=st.sampled_from((-1, 0, 1, None)), minutes=MINUTES)
    def move(self, data: st.DataObject, ahead: int, by: int | None, minutes: int) -> None:
        """To some time, or by a half hour or none, where a session overlaps itself."""
        name = self.one(data, "booked", begun=False)
        before = self.model.sessions[name]
        at = self.now + timedelta(minutes=30 * ahead)
        if by is not None:
            at = max(before.at + timedelta(minutes=30 * by), self.now)
        wanted = Session(before.consultant, at, minutes, held=minutes)
        said = self.tried(lambda: bookings.move(self.caller(), self.uids[name], starts=at, minutes=minutes))
        same = (at, minutes) == (before.at, before.length)
        assert (said == "done") == (same or self.model.fits(name, wanted)), (said, wanted)
        if said == "done" and not same:
            self.model.sessions[name] = wanted

    @precondition(lambda self: self.those("booked", begun=False))
    @rule(data=st.data(), staff=STAFF)
    def cancel(self, data: st.DataObject, staff: bool) -> None:
        name = self.one(data, "booked", begun=False)
        late = self.model.sessions[name].at - self.now < timedelta(hours=self.model.late_hours)
        said = self.tried(lambda: bookings.cancel(self.caller(staff), self.uids[name]))
        assert said == "done"
        share = self.model.share(name, self.model.late_percent) if late and not staff else 0
        self.model.settle(name, share, "cancelled")

    def begun(self, data: st.DataObject) -> str:
        """A booking whose session has begun, if need be by letting time pass."""
        name = self.one(data, "booked")
        self.pass_to(max(self.now, self.model.sessions[name].at))
        return name

    @precondition(lambda self: self.those("booked"))
    @rule(data=st.data(), minutes=USED)
    def log(self, data: st.DataObject, minutes: int) -> None:
        self.log_it(self.begun(data), minutes)

    def log_it(self, name: str, minutes: int) -> None:
        said = self.tried(lambda: sessions.log_session(self.caller(), self.uids[name], minutes=minutes))
        assert said == "done"
        self.model.log(name, minutes, self.now)

    @precondition(lambda self: self.those("booked"))
    @rule(data=st.data())
    def no_show(self, data: st.DataObject) -> None:
        name = self.begun(data)
        assert self.tried(lambda: sessions.no_show(self.caller(), self.uids[name])) == "done"
        self.model.settle(name, self.model.share(name, self.model.no_show_percent), "no-show")

    @precondition(lambda self: self.those("logged"))
    @rule(data=st.data())
    def confirm(self, data: st.DataObject) -> None:
        self.confirm_it(self.one(data, "logged"))

    def confirm_it(self, name: str) -> None:
        assert self.tried(lambda: sessions.confirm(self.caller(staff=False), self.uids[name])) == "done"
        self.model.settle(name, self.model.sessions[name].logged, "confirmed")

    @precondition(lambda self: self.those("logged"))
    @rule(data=st.data())
    def dispute(self, data: st.DataObject) -> None:
        name = self.one(data, "logged")
        said = self.tried(lambda: sessions.dispute(self.caller(staff=False), self.uids[name], reason="It was shorter."))
        in_time = not self.model.is_settled_by_silence(name, self.now)
        assert (said == "done") == in_time, said
        if in_time:
            self.model.mark(name, "disputed")

    @precondition(lambda self: self.those("disputed"))
    @rule(data=st.data(), minutes=USED | st.just(0))
    def decide(self, data: st.DataObject, minutes: int) -> None:
        name = self.one(data, "disputed")
        said = self.tried(
            lambda: sessions.decide(self.caller(), self.uids[name], minutes=minutes, reason="Heard both.")
        )
        assert said == "done"
        self.model.settle(name, minutes, "confirmed")

    @precondition(lambda self: self.those("confirmed", "no-show", "cancelled"))
    @rule(data=st.data(), minutes=USED | st.just(0))
    def correct(self, data: st.DataObject, minutes: int) -> None:
        name = self.one(data, "confirmed", "no-show", "cancelled")
        after = self.model.corrected(name, minutes)
        said = self.tried(lambda: sessions.correct(self.caller(), self.uids[name], minutes=minutes, reason="A slip."))
        fits = self.model.is_whole({**self.model.sessions, name: after})
        assert (said == "done") == fits, said
        if fits:
            self.model.sessions[name] = after

    @rule(half_hours=st.sampled_from((1, 6, 48, 72)))
    def time_passes(self, half_hours: int) -> None:
        self.pass_to(self.now + timedelta(minutes=30 * half_hours))

    def pass_to(self, at: datetime) -> None:
        self.now = at
        silent = [name for name in self.those("logged") if self.model.is_settled_by_silence(name, self.now)]
        due = {self.uids[name]: name for name in silent}
        mine = set(self.uids.values())
        assert {uid for uid in sessions.due_to_settle(self.now, 10**6) if uid in mine} == due.keys()
        for uid, name in due.items():
            transaction(lambda uid=uid: sessions.settle_passed(operator(self.now), uid))  # type: ignore[misc]
            self.model.settle(name, self.model.sessions[name].logged, "confirmed")
        db.session.expunge_all()

    def teardown(self) -> None:
        """The account is as the model has it, the states are, and no consultant is in two places."""
        db.session.rollback()
        db.session.expunge_all()
        startup_id = db.session.scalar(select(Startup.id).where(Startup.key == self.prefix + "s"))
        if startup_id is None:
            return
        late = BEGIN + timedelta(days=400)
        for view in balances(late, startup_ids=[startup_id]):
            paid = self.model.paid()
            taken = {lot.key: lot.standing.drawn + lot.standing.held for lot in view.lots}
            assert (taken, view.uncovered) == (paid.by_grant, paid.uncovered)
            assert view.held == sum(one.held for one in self.model.sessions.values())
            assert is_balanced(view)
        for view in balances(self.now, startup_ids=[startup_id]):
            assert is_balanced(view)
        rows = {row.uid: row for row in db.session.scalars(select(Booking).where(Booking.startup_id == startup_id))}
        for name, one in self.model.sessions.items():
            row = rows[self.uids[name]]
            settled = None if one.state in ("booked", "logged", "disputed") else one.used
            assert (row.state, row.settled_minutes, row.starts) == (one.state, settled, one.at), name


def is_balanced(view: AccountView) -> bool:
    """Whether granted = used + held + expired + voided + not yet + remaining, and nothing of it is below nothing."""
    parts = (view.drawn, view.held, view.expired, view.voided, view.not_yet, view.remaining)
    return sum(parts) == view.granted and min(parts) >= 0


def add_consultant(key: str) -> None:
    consultants.add_consultant(operator(BEGIN), key=key, name=key, holidays="", notice_hours=0, slot_minutes=30)
    consultants.set_weekly_hours(operator(BEGIN), key, ROUND_THE_CLOCK)


@pytest.fixture
def park(app: Flask) -> Flask:
    """A pool of hours, and two programmes whose cohorts are named by what they say of minutes beyond those booked."""
    make.make_resource("hours", "hours", "hour", None)
    make.make_pool("hours", "100000", resource="hours")
    for excess in ("draw", "uncovered"):
        make.make_cohort(make.make_programme(excess).key, excess)
        transaction(lambda excess=excess: consultants.set_policy(  # type: ignore[misc]
            operator(BEGIN), excess, Policy(2, excess, no_show_percent=50, late_hours=3, late_percent=30)
        ))
    return app


def test_bookings_are_as_the_model_has_them(park: Flask, database: str) -> None:
    run_steps(Bookings, length=30)

    assert verify(check_bookings)["differences"] == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.__name__)
def test_the_machine_finds_a_seeded_fault(park: Flask, monkeypatch: pytest.MonkeyPatch, seed: Seed) -> None:
    seed(monkeypatch)

    with pytest.raises(AssertionError):
        look_for_fault(Bookings, steps=12, series=FOUND_EARLY.get(seed, 0))
