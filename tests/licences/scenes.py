"""A startup with seats that people have, and keys of licences that nobody else could have written."""

from datetime import datetime

from sqlalchemy import select

from creditsvc.db import db, transaction
from creditsvc.licences.key_files import read_keys
from creditsvc.licences.keyring import Keyring
from creditsvc.licences.keys import hand_key, import_keys, seal_keys
from creditsvc.licences.models import Product, SeatAssignment
from creditsvc.licences.products import add_product
from creditsvc.parties.models import Startup
from tests import databases, factories
from tests.ledger.holdings import AUGUST, JUNE, award, lot_id, make_park, seat

KEYS = [f"ZQ7XK-{number:05d}-W9PLM" for number in range(1, 6)]
RING = Keyring((databases.LICENCE_KEY,), "a key for tests alone")


def make_seats(count: int = 3) -> None:
    """acme's lot `three` of the pool `seats`, whose seats are the product `office`, delivered by key."""
    make_park(seats=100)
    award("seats", "three", count, JUNE, AUGUST)
    factories.do(lambda: add_product(
        factories.somebody(), key="office", resource="seats", publisher="Microsoft", plan="Office",
        seat_is="one installation", delivery="key", sku="SPB",
    ))


def assign(
    email: str, from_at: datetime = JUNE, until: datetime | None = None, given_at: datetime | None = None
) -> int:
    """A seat of the lot for a person, with its paper, given when it begins unless said."""
    seat_id = seat(lot_id("three"), from_at, until)[0]
    startup = db.session.scalars(select(Startup.id).where(Startup.key == "acme")).one()
    product = db.session.scalars(select(Product.id).where(Product.key == "office")).one()
    transaction(lambda: db.session.add(SeatAssignment(
        seat_id=seat_id, startup_id=startup, product_id=product, email=email, name="A. Wong", note="",
        assigned_by="m@park.example", assigned_at=given_at or from_at, transferred_from=None,
    )))
    return seat_id


def csv_of(keys: list[str]) -> bytes:
    """A file of keys."""
    return ("key\n" + "".join(f"{key}\n" for key in keys)).encode()


def bring(keys: list[str] | bytes, ring: Keyring = RING, pool: str = "seats", name: str = "keys.csv") -> int:
    """Imports keys as a door does."""
    data = keys if isinstance(keys, bytes) else csv_of(keys)
    sealed = seal_keys(ring, read_keys(name, data))
    return transaction(lambda: import_keys(factories.somebody(), ring, pool=pool, name=name, keys=sealed))


def hand(seat_id: int) -> int | None:
    """Hands a key to a seat."""
    return transaction(lambda: hand_key(factories.somebody(), seat_id))
