"""Loading products, which say what resources of seats are, and who sits in the seats of grants."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from creditsvc.core.days import end_text
from creditsvc.core.errors import FileError, FileRefused
from creditsvc.db import db
from creditsvc.ledger.models import Account, LotChange, LotFact, Resource, SeatFact
from creditsvc.licences import products
from creditsvc.licences.desk import Placed, Wanted, desk_of
from creditsvc.licences.models import Product, SeatAssignment
from creditsvc.licences.seating import check_email, check_name, seat_all
from creditsvc.licences.seats import interval_of
from creditsvc.onboarding.loading import Item, Loading, Outcome, raise_faults
from creditsvc.parties.models import Startup
from creditsvc.parties.trail import record
from creditsvc.sets import chunks

_NAMES = {"seats": "grant", "product": "grant"}
"""What the file calls the fields of the operation."""
_TEXTS = ("publisher", "plan", "seat_is", "delivery", "portal", "sku")


def load_products(loading: Loading, items: Sequence[Item]) -> None:
    """Says what is new, and changes what a file says otherwise; of which resource a product is stays as it is."""
    loading.each("products", items, lambda item: _product(loading, item))


def _product(loading: Loading, item: Item) -> Outcome:
    data = item.data
    texts = {name: data[name].strip() for name in _TEXTS if name in data}
    with item.placed():
        there = db.session.scalar(select(Product).where(Product.key == data["key"]))
        if there is None:
            products.add_product(loading.caller, key=data["key"], resource=data["resource"], **texts)
            return "new"
        resource = db.session.get_one(Resource, there.resource_id)
        if resource.key != data["resource"]:
            raise item.differs("resource", resource.key)
        if all(getattr(there, name) == text for name, text in texts.items()):
            return "same"
        products.edit_product(loading.caller, data["key"], **texts)
        return "changed"


@dataclass(frozen=True)
class _Room:
    """The grant in whose seats somebody sits."""

    lot: LotFact
    startup: Startup
    product: Product | None


@dataclass(frozen=True)
class _Seat:
    """A seat as the file has it."""

    item: Item
    room: _Room
    wanted: Wanted


def load_seats(loading: Loading, items: Sequence[Item]) -> None:
    """Seats those who do not sit there yet, as few batches as can be; whoever a file leaves out keeps their seat."""
    rooms = _rooms(items)
    seats: list[_Seat] = []
    faults: list[FileError] = []
    for item in items:
        try:
            seats.append(_seat(loading, item, rooms.get(item.data["grant"])))
        except FileRefused as refusal:
            faults += refusal.errors
    raise_faults(faults)
    there = _papers(seats)
    new: dict[int, list[_Seat]] = defaultdict(list)
    known: list[Item] = []
    by_place: dict[tuple[str, str], tuple[_Seat, SeatFact, SeatAssignment]] = {}
    for seat in seats:
        found = there.get((seat.room.lot.id, seat.wanted.email, seat.wanted.from_at))
        if found is None:
            new[seat.room.lot.account_id].append(seat)
        else:
            known.append(seat.item)
            by_place[seat.item.file, seat.item.path] = (seat, *found)
    loading.each("seats", known, lambda item: _compare(loading, *by_place[item.file, item.path]))
    for account_id in sorted(new):
        _assign(loading, new[account_id])


def _rooms(items: Sequence[Item]) -> dict[str, _Room]:
    """The grants by key, with whose they are and what they are of."""
    rooms: dict[str, _Room] = {}
    for part in chunks({item.data["grant"] for item in items}):
        rows = db.session.execute(
            select(LotFact, Startup, Product)
            .join(Account, Account.id == LotFact.account_id)
            .join(Startup, Startup.id == Account.startup_id)
            .outerjoin(Product, Product.resource_id == Account.resource_id)
            .where(LotFact.key.in_(part))
        )
        rooms |= {lot.key: _Room(lot, startup, product) for lot, startup, product in rows}
    return rooms


def _seat(loading: Loading, item: Item, room: _Room | None) -> _Seat:
    data = item.data
    if room is None:
        raise item.refused("grant", f"there is no grant {data['grant']}")
    if room.product is None:
        raise item.refused("grant", "is of a resource that no product describes: state it under products")
    with item.placed():
        from_at, until_at = interval_of(loading.caller, room.startup, data["starts"], data["ends"])
        return _Seat(item, room, Wanted(check_email(data["email"]), check_name(data["name"]), from_at, until_at))


def _papers(seats: Sequence[_Seat]) -> dict[tuple[int, str, datetime], tuple[SeatFact, SeatAssignment]]:
    """The seats of those grants that somebody was given, by grant, address and start."""
    papers = {}
    for part in chunks({seat.room.lot.id for seat in seats}):
        rows = db.session.execute(
            select(SeatFact, SeatAssignment)
            .join(SeatAssignment, SeatAssignment.seat_id == SeatFact.id)
            .where(SeatFact.lot_id.in_(part))
        )
        papers.update({(fact.lot_id, paper.email, fact.from_at): (fact, paper) for fact, paper in rows})
    return papers


def _compare(loading: Loading, seat: _Seat, fact: SeatFact, paper: SeatAssignment) -> Outcome:
    """Refuses another end than was stated when the seat was given; what became of it since stays."""
    if fact.until_at != seat.wanted.until_at and not (seat.wanted.until_at is None and _ends_with_void(fact)):
        in_book = end_text(fact.until_at) if fact.until_at is not None else "without an end"
        raise seat.item.differs("until", in_book)
    if paper.name == seat.wanted.name:
        return "same"
    record(loading.caller, "seat.edited", f"startup:{seat.room.startup.key}",
           before={"seat": paper.seat_id, "name": paper.name}, after={"name": seat.wanted.name})
    paper.name = seat.wanted.name
    return "changed"


def _ends_with_void(fact: SeatFact) -> bool:
    """Whether a seat is stated to end where its lot was voided, as one without an end is that was given later."""
    void = LotChange.lot_id == fact.lot_id, LotChange.kind == "void", LotChange.instant == fact.until_at
    return db.session.scalar(select(LotChange.id).where(*void).limit(1)) is not None


def _assign(loading: Loading, seats: Sequence[_Seat]) -> None:
    """Gives seats of one account, all or none; in their order, a person's first seats before their second ones.

    A seat may end an older one of the same person, which must be in the book by then.
    """
    left = sorted(seats, key=lambda seat: seat.wanted.from_at)
    while left:
        firsts: dict[str, _Seat] = {}
        later = [seat for seat in left if firsts.setdefault(seat.wanted.email, seat) is not seat]
        _assign_at_once(loading, list(firsts.values()))
        left = later


def _assign_at_once(loading: Loading, seats: Sequence[_Seat]) -> None:
    room = seats[0].room
    assert room.product is not None  # asked before
    with seats[0].item.placed(_NAMES):
        desk = desk_of(loading.caller, room.startup, room.product)
    placed: list[Placed] = []
    faults: list[FileError] = []
    for seat in seats:
        try:
            with seat.item.placed(_NAMES):
                placed.append(desk.place(seat.wanted, seat.room.lot.key))
        except FileRefused as refusal:
            faults += refusal.errors
    raise_faults(faults)
    with seats[0].item.placed(_NAMES):
        seat_all(desk, placed)
    loading.report.count("seats", "new", len(placed))
