"""Verify compares bookings with the book: what somebody did to either behind their back is named (L14, L18)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Table, delete, literal, select, update

from creditsvc.config import Config
from creditsvc.consulting import bookings, sessions
from creditsvc.consulting.models import Booking
from creditsvc.consulting.verify_bookings import check_bookings
from creditsvc.db import db, transaction
from creditsvc.jobs import comparison
from creditsvc.ledger.models import HoldEnd, HoldFact, HoursFact
from creditsvc.ledger.verified import Verification
from creditsvc.ledger.verify import verify
from tests import factories as make
from tests.conftest import NOW
from tests.consulting.scenes import MORNING, at, book, do, fill
from tests.jobs.shell import run

HOURS = "acme/consulting"
OVER = MORNING + timedelta(days=3)
TOPICS = ("booked", "moved", "logged", "disputed", "confirmed", "longer", "no-show", "late", "cancelled")


def settled(name: str, uid: str) -> None:
    """Lets a session, named by its topic, become what that says."""
    owner = make.make_member("acme", f"{name}@acme.example")
    steps: dict[str, list[Callable[[], Any]]] = {
        "moved": [lambda: bookings.move(at(NOW), uid, starts=MORNING + timedelta(days=1, hours=6), minutes=45)],
        "logged": [lambda: sessions.log_session(at(OVER), uid, minutes=50)],
        "disputed": [lambda: sessions.log_session(at(OVER), uid, minutes=50),
                     lambda: sessions.dispute(at(OVER), uid, reason="It was shorter.")],
        "confirmed": [lambda: sessions.log_session(at(OVER), uid, minutes=20),
                      lambda: sessions.confirm(at(OVER), uid)],
        "longer": [lambda: sessions.log_session(at(OVER), uid, minutes=45),
                   lambda: sessions.confirm(at(OVER), uid),
                   lambda: sessions.correct(at(OVER), uid, minutes=40, reason="A slip.")],
        "no-show": [lambda: sessions.no_show(at(OVER), uid)],
        "late": [lambda: bookings.cancel(at(MORNING + timedelta(hours=12), owner), uid)],
        "cancelled": [lambda: bookings.cancel(at(NOW), uid)],
    }
    for step in steps.get(name, ()):
        do(step)


@pytest.fixture
def uids(app: Flask) -> dict[str, str]:
    """A session in each state, and one that nobody had booked, by what they are called here."""
    fill()
    found = {}
    for number, name in enumerate(TOPICS):
        starts = MORNING + timedelta(hours=number % 6, days=number // 6)
        found[name] = book(starts, 30, topic=name).uid
    for name, uid in found.items():
        settled(name, uid)
    found["unbooked"] = do(lambda: sessions.log_unbooked(
        at(OVER), startup="acme", consultant="wong", topic="unbooked", starts=MORNING, minutes=25
    )).uid
    return found


def of(model: Any) -> Table:
    found: Table = model.__table__
    return found


def changed(uid: str, **values: Any) -> Any:
    return update(of(Booking)).where(Booking.uid == uid).values(**values)


def ref(uid: str) -> str:
    return f"booking:{db.session.scalar(select(Booking.id).where(Booking.uid == uid))}"


def without_end(uid: str) -> Any:
    """The hold of a session that is over stands again."""
    holds = select(HoldFact.id).where(HoldFact.key.startswith(f"{ref(uid)}:"))
    return delete(of(HoldEnd)).where(HoldEnd.hold_id.in_(holds))


def ended(uid: str) -> Any:
    """The hold of a session that stands was released behind its back, in its own batch."""
    standing = (
        select(HoldFact.id, HoldFact.batch_id, literal("released"), literal(0), HoldFact.made_at, literal("nobody"))
        .outerjoin(HoldEnd, HoldEnd.hold_id == HoldFact.id)
        .where(HoldFact.key.startswith(f"{ref(uid)}:"), HoldEnd.hold_id.is_(None))
    )
    return of(HoldEnd).insert().from_select(["hold_id", "batch_id", "kind", "amount", "stated_at", "actor"], standing)


def of_hold(uid: str, **values: Any) -> Any:
    return update(of(HoldFact)).where(HoldFact.key.startswith(f"{ref(uid)}:")).values(**values)


def of_usage(uid: str, **values: Any) -> Any:
    return update(of(HoursFact)).where(HoursFact.ref == ref(uid)).values(**values)


FAULTS: tuple[tuple[str, str, Callable[[str], Any]], ...] = (
    ("booked", "what is held for booking {uid} (booked)", ended),
    ("moved", "what is held for booking {uid} (booked)", ended),
    ("logged", "what is held for booking {uid} (logged)", ended),
    ("disputed", "what is held for booking {uid} (disputed)", ended),
    ("booked", "what is held for booking {uid} (booked)", lambda uid: of_hold(uid, amount=29)),
    ("booked", "what is held for booking {uid} (booked)", lambda uid: of_hold(uid, at=MORNING + timedelta(days=5))),
    ("booked", "what is held for booking {uid} (booked)", lambda uid: changed(uid, ends=MORNING + timedelta(hours=1))),
    ("moved", "what is held for booking {uid} (booked)", without_end),  # the hold that it moved from
    ("cancelled", "what is held for booking {uid} (cancelled)", without_end),
    ("confirmed", "what is held for booking {uid} (confirmed)", without_end),
    ("no-show", "what is held for booking {uid} (no-show)", without_end),
    ("booked", "what is held for booking {uid} (cancelled)", lambda uid: changed(uid, state="cancelled")),
    ("cancelled", "what is held for booking {uid} (booked)", lambda uid: changed(uid, state="booked")),
    ("booked", "what is held for {ref}", lambda uid: delete(of(Booking)).where(Booking.uid == uid)),
    ("confirmed", "minutes used by booking {uid} (confirmed)", lambda uid: changed(uid, settled_minutes=19)),
    ("confirmed", "minutes used by booking {uid} (confirmed)", lambda uid: changed(uid, settled_minutes=None)),
    ("confirmed", "minutes used by booking {uid} (confirmed)", lambda uid: of_usage(uid, amount=21)),
    ("longer", "minutes used by booking {uid} (confirmed)", lambda uid: changed(uid, settled_minutes=45)),
    ("no-show", "minutes used by booking {uid} (no-show)", lambda uid: delete(of(HoursFact)).where(
        HoursFact.ref == ref(uid))),
    ("late", "minutes used by booking {uid} (cancelled)", lambda uid: changed(uid, settled_minutes=0)),
    ("unbooked", "minutes used by booking {uid} (confirmed)", lambda uid: changed(uid, settled_minutes=26)),
    ("confirmed", "minutes used by booking {uid} (logged)", lambda uid: changed(uid, state="logged")),
    ("unbooked", "minutes used by {ref}", lambda uid: delete(of(Booking)).where(Booking.uid == uid)),
    ("unbooked", "sessions of consultant lee at 2026-06-17T01:00:00Z", lambda uid: changed(
        uid, consultant_id=select(Booking.consultant_id).where(Booking.topic == "booked").scalar_subquery()
    )),
)


def test_bookings_that_are_as_the_book_has_them_are_no_difference(uids: dict[str, str]):
    states = set(db.session.scalars(select(Booking.state)))

    assert verify(check_bookings)["differences"] == []
    assert states == {"booked", "logged", "disputed", "confirmed", "no-show", "cancelled"}


@pytest.mark.parametrize(
    ("name", "what", "plant"), FAULTS, ids=lambda part: "" if callable(part) else str(part).replace("_", " ")
)
def test_verify_names_the_booking_that_differs(
    uids: dict[str, str], name: str, what: str, plant: Callable[[str], Any]
) -> None:
    uid = uids[name]
    wanted = what.format(uid=uid, ref=ref(uid))
    transaction(lambda: db.session.execute(plant(uid)))

    found = [one for one in verify(check_bookings)["differences"] if one["what"] == wanted]

    assert [one["account"] for one in found] == [HOURS], verify(check_bookings)["differences"]
    assert all(one["expected"] != one["found"] for one in found)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_command_and_the_comparison_of_nights_look_at_bookings_too(config: Config, uids: dict[str, str]) -> None:
    uid = uids["confirmed"]
    before = run(config, "verify")
    transaction(lambda: db.session.execute(changed(uid, settled_minutes=19)))

    said = run(config, "verify", "--json")
    comparison.compare(OVER)

    differences = [
        {"account": HOURS, "what": f"minutes used by booking {uid} (confirmed)", "expected": "19", "found": "20"}
    ]
    assert (before.code, said.code, said.document["differences"]) == (0, 1, differences)
    assert db.session.scalars(select(Verification.differences)).one() == differences
