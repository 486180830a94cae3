"""A book for a test: a resource, a pool, startups with accounts, lots; written through the book alone."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import select

from creditsvc.core.amounts import parse_amount, unit_named
from creditsvc.db import db, transaction
from creditsvc.ledger.book import (
    Cause,
    ChangeTerms,
    LotTerms,
    define_resource,
    open_pool,
    post,
)
from creditsvc.ledger.locks import lock_accounts, lock_pools, open_account
from creditsvc.ledger.models import LotFact, Pool, Resource
from creditsvc.parties.models import Startup
from creditsvc.programmes.models import Partner

START = datetime(2020, 1, 1, tzinfo=UTC)
TEST = Cause("award", "test", "tester")


def usd(text: str) -> int:
    """Steps of an amount of US dollars."""
    return parse_amount(text, unit_named("USD"))


def make_book(pool: str = "1000000", provider: str = "azure", startups: Sequence[str] = ("acme",)) -> None:
    """A partner, a USD credit resource `credit`, a pool `pool`, and startups."""

    def fill() -> None:
        partner = Partner(key="partner", name="Partner")
        db.session.add(partner)
        db.session.flush()
        resource = define_resource("credit", "Credit", "credit", "USD", provider)
        open_pool("pool", partner.id, resource.id, usd(pool), START, None)
        for key in startups:
            db.session.add(Startup(key=key, name=key.title(), created_at=START))

    transaction(fill)


def startup_id(key: str = "acme") -> int:
    """The id of a startup made by `make_book`."""
    return db.session.execute(select(Startup.id).where(Startup.key == key)).scalar_one()


def award(
    key: str,
    amount: str,
    effective: datetime,
    expires: datetime | None = None,
    startup: str = "acme",
    priority: int = 0,
    awarded: datetime = START,
) -> None:
    """A lot from the pool, in a transaction of its own."""

    def write() -> None:
        pool_id = db.session.execute(select(Pool.id).where(Pool.key == "pool")).scalar_one()
        resource_id = db.session.execute(select(Resource.id).where(Resource.key == "credit")).scalar_one()
        lock_pools([pool_id])
        owner = startup_id(startup)
        account = open_account(owner, resource_id)
        terms = LotTerms(key, pool_id, usd(amount), effective, expires, awarded, priority)
        post([account], TEST, lots={account.id: [terms]})

    transaction(write)


def change(key: str, kind: str, *, amount: str = "0", instant: datetime | None = None) -> None:
    """A change of a lot, in a transaction of its own."""

    def write() -> None:
        lot = db.session.execute(select(LotFact).where(LotFact.key == key)).scalar_one()
        lock_pools([lot.pool_id])
        account = lock_accounts([lot.account_id])[lot.account_id]
        terms = ChangeTerms(key, kind, START, usd(amount), instant)  # type: ignore[arg-type]
        post([account], Cause(kind, f"grant:{key}", "tester"), changes={account.id: [terms]})

    transaction(write)
