"""Startups with seats for a test: products, pools and grants of seats, people, keys; each step in its own transaction.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from creditsvc.config import Config
from creditsvc.core.burndown import ChangeKind
from creditsvc.core.days import ends_at, starts_at
from creditsvc.db import db
from creditsvc.ledger.book import Cause, ChangeTerms, LotTerms, post
from creditsvc.ledger.locks import lock_accounts, lock_pools, open_account
from creditsvc.ledger.models import Account, LotFact, Pool
from creditsvc.ledger.seats import seats_of
from creditsvc.licences import seats, waiting
from creditsvc.licences.models import LicenceKey, Product, SeatAssignment, SeatWish
from creditsvc.mail.models import OutboxMail
from creditsvc.parties.access import Caller
from creditsvc.parties.models import Startup
from tests import factories as make
from tests.conftest import NOW

FIRST, LAST = date(2026, 6, 1), date(2026, 12, 31)


def make_product(
    key: str = "m365", delivery: str = "invitation", pool: str = "ms-seats", amount: int = 1000, **more: Any
) -> Product:
    """A product with a resource of the same key and a pool of its seats."""
    resource = make.make_resource(key, kind="seats", unit="seat", provider=None)
    make.make_pool(pool, str(amount), resource=key)

    def add() -> Product:
        product = Product(
            key=key, resource_id=resource.id, publisher="Microsoft", plan=key.upper(), seat_is="one person",
            delivery=delivery, portal="", sku=None, **more,
        )
        db.session.add(product)
        db.session.flush()
        return product

    return make.do(add)


def give(
    startup: str, key: str, amount: int, first: date | datetime = FIRST, last: date | datetime | None = LAST,
    pool: str = "ms-seats",
) -> None:
    """A grant's lot of seats for a startup."""

    def write() -> None:
        source = db.session.execute(select(Pool).where(Pool.key == pool)).scalar_one()
        lock_pools([source.id])
        pair = (startup_id(startup), source.resource_id)
        account = open_account(*pair)
        terms = LotTerms(key, source.id, amount, starts_at(first), None if last is None else ends_at(last), NOW)
        post([account], Cause("award", f"grant:{key}", "tester"), lots={account.id: [terms]})

    make.do(write)


def change(grant: str, kind: ChangeKind, amount: int = 0, instant: datetime | None = None) -> None:
    """A change of a grant's lot."""

    def write() -> None:
        lot = db.session.execute(select(LotFact).where(LotFact.key == grant)).scalar_one()
        lock_pools([lot.pool_id])
        account = lock_accounts([lot.account_id])[lot.account_id]
        terms = ChangeTerms(grant, kind, NOW, amount, instant)
        post([account], Cause(kind, f"grant:{grant}", "tester"), changes={account.id: [terms]})

    make.do(write)


def startup_id(key: str) -> int:
    """The id of a startup."""
    return db.session.execute(select(Startup.id).where(Startup.key == key)).scalar_one()


def account_id(startup: str) -> int:
    """The id of a startup's one account."""
    return db.session.execute(select(Account.id).where(Account.startup_id == startup_id(startup))).scalar_one()


def make_park(seats_granted: int = 3) -> None:
    """The startup acme with some seats of m365 from 1 June to 31 December."""
    make.make_startup("acme", "Acme")
    make_product()
    give("acme", "acme-m365", seats_granted)


def sit(who: str, startup: str = "acme", caller: Caller | None = None, now: datetime = NOW, **more: Any) -> int:
    """Gives somebody a seat of m365 (or what `more` names); its id."""
    terms: dict[str, Any] = {"product": "m365", **more}
    return make.do(
        lambda: seats.assign(
            caller or make.somebody(now), startup=startup, email=f"{who}@acme.example", name=who.title(), **terms
        ).seat_id
    )


def leave(config: Config, seat_id: int, now: datetime = NOW, at: date | datetime | None = None) -> None:
    """Releases a seat."""
    make.do(lambda: seats.release(make.somebody(now), config, seat_id, at))


def queue_up(config: Config, who: str, startup: str = "acme", now: datetime = NOW) -> SeatWish:
    """Puts somebody on the waiting list."""
    return make.do(
        lambda: waiting.wait(
            make.somebody(now), config, startup=startup, product="m365", email=f"{who}@acme.example", name=who.title()
        )
    )


def add_keys(pool: str, count: int) -> None:
    """Keys of a pool that nobody has; what they say does not matter here."""

    def add() -> None:
        pool_id = db.session.execute(select(Pool.id).where(Pool.key == pool)).scalar_one()
        there = len(db.session.scalars(select(LicenceKey.id).where(LicenceKey.pool_id == pool_id)).all())
        for number in range(there, there + count):
            db.session.add(LicenceKey(
                pool_id=pool_id, fingerprint=f"{pool}-{number}", ciphertext="sealed", imported_at=NOW,
                imported_by="tester", seat_id=None, handed_at=None,
            ))

    make.do(add)


def holders(at: datetime = NOW) -> dict[str, str]:
    """Who has a seat at an instant, with the key of its lot."""
    everybody = make.do(lambda: dict(db.session.execute(select(SeatAssignment.seat_id, SeatAssignment.email)).all()))
    accounts = list(db.session.scalars(select(Account.id)))
    return {everybody[seat.id].partition("@")[0]: seat.lot for seat in seats_of(accounts) if seat.is_taken(at)}


def mails() -> list[tuple[str, str]]:
    """The mails in the outbox: to whom, with what subject."""
    return [tuple(row) for row in db.session.execute(
        select(OutboxMail.to_address, OutboxMail.subject).order_by(OutboxMail.id)
    )]
