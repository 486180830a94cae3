"""Hours and seats for a test, written through the book alone, each step in a transaction of its own."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import select

from creditsvc.db import db, transaction
from creditsvc.ledger.additions import Additions, HoldEndTerms, HoldTerms, HoursTerms, SeatEndTerms, SeatTerms
from creditsvc.ledger.book import Cause, LotTerms, Posted, define_resource, open_pool, post
from creditsvc.ledger.locks import lock_accounts, lock_pools, open_account
from creditsvc.ledger.models import Account, LotFact, Pool, Resource
from creditsvc.ledger.reading import AccountView, balances
from creditsvc.parties.models import Startup
from creditsvc.programmes.models import Partner
from tests.conftest import NOW
from tests.ledger.books import START, TEST

JUNE = datetime.fromisoformat("2026-06-01T00:00:00+08:00")
JULY = datetime.fromisoformat("2026-07-01T00:00:00+08:00")
AUGUST = datetime.fromisoformat("2026-08-01T00:00:00+08:00")


def make_park(minutes: int = 100_000, seats: int = 1_000) -> None:
    """A partner, the resources `hours` and `seats` with a pool of that name each, and the startup `acme`."""

    def fill() -> None:
        partner = Partner(key="partner", name="Partner")
        db.session.add_all([partner, Startup(key="acme", name="Acme", created_at=START)])
        db.session.flush()
        for kind, unit, amount in (("hours", "hour", minutes), ("seats", "seat", seats)):
            resource = define_resource(kind, kind.title(), kind, unit, None)
            open_pool(kind, partner.id, resource.id, amount, START, None)

    transaction(fill)


def award(pool: str, key: str, amount: int, effective: datetime = JUNE, expires: datetime | None = AUGUST) -> int:
    """A lot of some minutes or seats for acme; its id."""

    def write() -> int:
        source = db.session.execute(select(Pool).where(Pool.key == pool)).scalar_one()
        lock_pools([source.id])
        owner = db.session.execute(select(Startup.id).where(Startup.key == "acme")).scalar_one()
        account = open_account(owner, source.resource_id)
        terms = LotTerms(key, source.id, amount, effective, expires, START)
        post([account], TEST, lots={account.id: [terms]})
        return lot_id(key)

    return transaction(write)


def account_id(pool: str = "hours") -> int:
    """acme's account of the resource of that name."""
    return db.session.execute(
        select(Account.id).join(Resource, Resource.id == Account.resource_id).where(Resource.key == pool)
    ).scalar_one()


def lot_id(key: str) -> int:
    """The id of a lot."""
    return db.session.execute(select(LotFact.id).where(LotFact.key == key)).scalar_one()


def _add(pool: str, cause: str, make: Callable[[], Additions]) -> Posted:
    def write() -> Posted:
        account = lock_accounts([account_id(pool)])[account_id(pool)]
        return post([account], Cause(cause, "booking:1", "tester"), additions={account.id: make()})

    return transaction(write)


def hold(key: str, minutes: int, at: datetime, made_at: datetime = NOW) -> None:
    """Holds minutes for an instant."""
    _add("hours", "book", lambda: Additions(holds=(HoldTerms(key, minutes, at, made_at),)))


def end(key: str, kind: str, minutes: int = 0, *hours: HoursTerms) -> None:
    """Ends a hold, and says with it what was used."""
    _add("hours", "session", lambda: Additions(
        hold_ends=(HoldEndTerms(key, kind, NOW, minutes),), hours=hours
    ))


def use(ref: str, minutes: int, at: datetime, kind: str = "confirmed") -> HoursTerms:
    """What a session used."""
    return HoursTerms(ref, at, kind, minutes, NOW)


def correct(*hours: HoursTerms) -> None:
    """Changes what sessions used."""
    _add("hours", "correct", lambda: Additions(hours=hours))


def seat(lot: int, from_at: datetime = JUNE, until: datetime | None = None, count: int = 1) -> list[int]:
    """Takes seats of a lot; their ids."""
    made = _add("seats", "assign", lambda: Additions(
        seats=tuple(SeatTerms(lot, from_at, until, NOW) for _ in range(count))
    ))
    return next(iter(made.seats.values()))


def vacate(seat_id: int, at: datetime) -> None:
    """Frees a seat from an instant on."""
    _add("seats", "release", lambda: Additions(seat_ends=(SeatEndTerms(seat_id, at, NOW),)))


def one_a_week(lot: int, moved_in: int = 1) -> None:
    """Takes seats of a lot: some as it begins, then one in each of the last eight weeks."""
    begun = db.session.execute(select(LotFact.effective).where(LotFact.id == lot)).scalar_one()
    seat(lot, begun, count=moved_in)
    for week in range(8):
        seat(lot, NOW - timedelta(days=7 * week + 3))


def holding(pool: str, as_of: datetime = NOW, known_at: datetime | None = None) -> AccountView:
    """acme's account of the resource of that name."""
    return next(view for view in balances(as_of, known_at=known_at) if view.resource == pool)
