"""A park in which sessions can be booked: acme with ten hours in June and ten in July, and two consultants."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from creditsvc.consulting import bookings, consultants
from creditsvc.consulting.models import Booking
from creditsvc.core.free_slots import Weekly
from creditsvc.db import Model, db, transaction
from creditsvc.ledger.reading import AccountView
from creditsvc.parties.access import Caller
from creditsvc.parties.models import Person
from tests import factories as make
from tests.conftest import NOW

T = TypeVar("T")

MORNING = datetime(2026, 6, 17, 1, tzinfo=UTC)
"""Nine o'clock of a Wednesday in Hong Kong, two days after NOW."""

JULY = datetime(2026, 6, 30, 16, tzinfo=UTC)
WEEKDAYS = tuple(Weekly(day, 9 * 60, 18 * 60) for day in range(5))


def fill() -> None:
    """The startups acme (in the programme techconnect) and other, consultants lee and wong, and acme's hours."""
    make.make_programme("techconnect")
    make.make_cohort("techconnect", "tc-2026a")
    make.make_resource("consulting", "hours", None, None)
    make.make_pool("consultants", "1000", resource="consulting")
    for key in ("acme", "other"):
        make.make_startup(key)
    make.do(lambda: make.programmes.enrol(
        make.somebody(), startup="acme", cohort="tc-2026a", status="active", on=date(2026, 3, 1)
    ))
    for number in (6, 7):
        make.make_grant("acme", "consultants", "10", effective=date(2026, number, 1),
                        expires=date(2026, number, 30 if number == 6 else 31))
    for key in ("lee", "wong"):
        make.make_person(f"{key}@park.example", role="consultant")
        make.do(lambda key=key: add_consultant(key))


def add_consultant(key: str, **terms: object) -> None:
    """A consultant who works on weekdays from nine to six."""
    consultants.add_consultant(
        make.somebody(), key=key, name=key.title(), email=f"{key}@park.example", **terms  # type: ignore[arg-type]
    )
    consultants.set_weekly_hours(make.somebody(), key, WEEKDAYS)


def at(now: datetime, person: Person | None = None) -> Caller:
    """A person, or a manager of all, at an instant."""
    return make.somebody(now) if person is None else make.caller(person, now)


def do(act: Callable[[], T]) -> T:
    """In a transaction of its own; what it makes can be read afterwards, whatever the session does."""
    result = transaction(act)
    if isinstance(result, Model):
        db.session.refresh(result)
        db.session.expunge(result)
    return result


def book(starts: datetime = MORNING, minutes: int = 60, caller: Caller | None = None, **more: str) -> Booking:
    """Books lee for acme."""
    terms = {"startup": "acme", "consultant": "lee", "topic": "Cloud costs", **more}
    return do(lambda: bookings.book(caller or at(NOW), starts=starts, minutes=minutes, **terms))


def hours(as_of: datetime = NOW) -> AccountView:
    """acme's hours."""
    return make.account_of("acme", as_of, "consulting")


def after(booking: Booking, length: timedelta = timedelta(0)) -> datetime:
    """Some time after a session's end."""
    return booking.ends + length
