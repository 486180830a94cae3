"""Who waits for a seat: first come, or in the order of a manager's hand; seated and told as soon as one frees.

A seat frees by a release, a grant's end, a new grant, a top-up or new keys: the doors of those acts call
`seat_startups` and its like in the same transaction, and the night finds what the calendar freed. Whoever is seated
waits no more, so each is told once.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, nulls_last, select

from creditsvc.config import Config
from creditsvc.core.errors import Conflict, NotFound, RuleBroken
from creditsvc.db import db, is_id
from creditsvc.ledger.models import Account, LotFact, Pool
from creditsvc.licences.desk import Desk, Wanted, desk_of, open_desk
from creditsvc.licences.models import WAITING, WITHDRAWN, Product, SeatAssignment, SeatWish
from creditsvc.licences.seating import check_email, check_name, seat_all
from creditsvc.licences.telling import tell_seated
from creditsvc.parties.access import Caller, require_startup, visible_startups
from creditsvc.parties.models import Startup
from creditsvc.parties.trail import record

IN_ORDER = (nulls_last(SeatWish.rank), SeatWish.asked_at, SeatWish.id)


@dataclass(frozen=True)
class WishView:
    """Somebody who waits, or waited, for a seat; `place` counts from 1 among those who wait, 0 of the others."""

    wish: SeatWish
    startup: str
    product: str
    place: int


def wait(
    caller: Caller, config: Config, *, startup: str, email: str, name: str, product: str | None = None,
    grant: str | None = None,
) -> SeatWish:
    """Puts somebody on the waiting list of a startup's product, at its end; seated at once where a seat is free.

    Raises NotFound("startup"), Forbidden, RuleBroken at `product`, `grant`, `email`, `name`, Conflict("email",
    "already-seated" | "already-waits").
    """
    desk = open_desk(caller, "seat.assign", startup, product=product, grant=grant)
    wish = queue_up(desk, check_email(email), check_name(name))
    seat_at(desk, config)
    return wish


def queue_up(desk: Desk, email: str, name: str) -> SeatWish:
    """Puts somebody at the end of the waiting list. Raises Conflict("email", "already-seated" | "already-waits")."""
    caller = desk.caller
    if any(one.seat.ends_at is None or one.seat.ends_at > caller.now for one in desk.sittings.get(email, ())):
        raise Conflict("email", "already-seated", "%(email)s has a seat of %(product)s already",
                       email=email, product=desk.product.key)
    waits = select(SeatWish.id).where(
        SeatWish.account_id == desk.account.id, SeatWish.state == WAITING, SeatWish.email == email
    )
    if db.session.scalar(waits) is not None:
        raise Conflict("email", "already-waits", "%(email)s waits for a seat of %(product)s already",
                       email=email, product=desk.product.key)
    wish = SeatWish(
        account_id=desk.account.id, startup_id=desk.startup.id, product_id=desk.product.id, email=email, name=name,
        rank=None, state=WAITING, asked_at=caller.now, asked_by=caller.actor, seat_id=None, settled_at=None,
    )
    db.session.add(wish)
    db.session.flush()
    record(caller, "seat.wished", f"startup:{desk.startup.key}", after={"product": desk.product.key, "person": email})
    return wish


def seat_at(desk: Desk, config: Config) -> list[SeatAssignment]:
    """Seats those who wait at a desk, in their order, as long as seats are free from now on, and tells them."""
    if desk.free_in(desk.caller.now) <= 0 or desk.is_out_of_keys:
        return []
    placed = []
    for wish in _waiting(SeatWish.account_id == desk.account.id):
        try:
            placed.append(desk.place(Wanted(wish.email, wish.name, desk.caller.now)))
        except RuleBroken:
            if desk.free_in(desk.caller.now) <= 0 or desk.is_out_of_keys:
                break
    if not placed:
        return []
    papers = seat_all(desk, placed)
    tell_seated(desk, config, placed)
    return papers


def seat_startups(caller: Caller, config: Config, startup_ids: Collection[int]) -> list[SeatAssignment]:
    """Seats those who wait for whatever product of startups: after an award or a top-up, in the same transaction.

    Asks nobody's permission: it only does what was asked for earlier.
    """
    return _seat_accounts(caller, config, waiting_accounts(SeatWish.startup_id.in_(startup_ids)))


def seat_pool(caller: Caller, config: Config, pool: str) -> list[SeatAssignment]:
    """Seats those who wait for seats of a pool: after an import of keys into it, in the same transaction."""
    of_pool = select(LotFact.account_id).join(Pool, Pool.id == LotFact.pool_id).where(Pool.key == pool)
    return _seat_accounts(caller, config, waiting_accounts(SeatWish.account_id.in_(of_pool)))


def seat_everywhere(caller: Caller, config: Config) -> list[SeatAssignment]:
    """Seats those who wait at whatever startup: after a load, in the same transaction."""
    return _seat_accounts(caller, config, waiting_accounts())


def _seat_accounts(caller: Caller, config: Config, account_ids: Iterable[int]) -> list[SeatAssignment]:
    return [paper for account_id in account_ids for paper in seat_account(caller, config, account_id)]


def seat_account(caller: Caller, config: Config, account_id: int) -> list[SeatAssignment]:
    """Seats those who wait for one product of a startup."""
    row = db.session.execute(
        select(Startup, Product)
        .join(Account, Account.startup_id == Startup.id)
        .join(Product, Product.resource_id == Account.resource_id)
        .where(Account.id == account_id)
    ).one()
    return seat_at(desk_of(caller, row[0], row[1]), config)


def waiting_accounts(*conditions: ColumnElement[bool]) -> list[int]:
    """The accounts at which somebody waits."""
    statement = select(SeatWish.account_id).where(SeatWish.state == WAITING, *conditions).distinct()
    return list(db.session.scalars(statement.order_by(SeatWish.account_id)))


def put_in_place(caller: Caller, wish_id: int, place: int) -> SeatWish:
    """Puts somebody who waits at a place, counted from 1; the order of all who wait now is kept from then on.

    Raises NotFound("wish"), Forbidden, Conflict("wish", "not-waiting"), RuleBroken("place", "out-of-range").
    """
    wish, desk = _hold_wish(caller, wish_id, "seat.rank")
    others = [one for one in _waiting(SeatWish.account_id == wish.account_id) if one.id != wish.id]
    if not 1 <= place <= len(others) + 1:
        raise RuleBroken("place", "out-of-range", "%(value)s is no place: from 1 to %(last)s is right",
                         value=place, last=len(others) + 1)
    for rank, one in enumerate([*others[: place - 1], wish, *others[place - 1 :]], start=1):
        one.rank = rank
    db.session.flush()
    record(caller, "seat.ranked", f"startup:{desk.startup.key}",
           after={"product": desk.product.key, "person": wish.email, "place": place})
    return wish


def withdraw(caller: Caller, wish_id: int) -> SeatWish:
    """Takes somebody from the waiting list. Raises NotFound("wish"), Forbidden, Conflict("wish", "not-waiting")."""
    wish, desk = _hold_wish(caller, wish_id, "seat.assign")
    wish.state, wish.settled_at = WITHDRAWN, caller.now
    db.session.flush()
    record(caller, "seat.withdrawn", f"startup:{desk.startup.key}",
           after={"product": desk.product.key, "person": wish.email})
    return wish


def seat_by_hand(caller: Caller, config: Config, wish_id: int) -> SeatAssignment:
    """Seats somebody who waits before those in front of them, and tells them.

    Raises NotFound("wish"), Forbidden, Conflict("wish", "not-waiting"), RuleBroken("seats", ...) as `seats.assign`.
    """
    wish, desk = _hold_wish(caller, wish_id, "seat.rank")
    placed = [desk.place(Wanted(wish.email, wish.name, caller.now))]
    paper = seat_all(desk, placed)[0]
    tell_seated(desk, config, placed)
    return paper


def wishes_of(caller: Caller, *, startup: str | None = None, product: str | None = None) -> list[WishView]:
    """Who waits, in order, of a startup or of all that the caller may see. Raises NotFound("startup")."""
    conditions = [SeatWish.state == WAITING, visible_startups(caller)]
    if startup is not None:
        conditions.append(SeatWish.startup_id == require_startup(caller, "startup.see", startup).id)
    if product is not None:
        conditions.append(Product.key == product)
    rows = db.session.execute(_wishes().where(*conditions).order_by(SeatWish.account_id, *IN_ORDER))
    return _placed_views(rows)


def find_wish(caller: Caller, wish_id: int) -> WishView:
    """One wish, whatever its state. Raises NotFound("wish")."""
    row = db.session.execute(
        _wishes().where(SeatWish.id == wish_id, visible_startups(caller))
    ).first() if is_id(wish_id) else None
    if row is None:
        raise NotFound("wish", str(wish_id))
    if row[0].state != WAITING:
        return WishView(row[0], row[1], row[2], 0)
    line = [wish.id for wish in _waiting(SeatWish.account_id == row[0].account_id)]
    return WishView(row[0], row[1], row[2], line.index(wish_id) + 1)


def _wishes() -> Select[*tuple[Any, ...]]:
    return (
        select(SeatWish, Startup.key, Product.key)
        .join(Startup, Startup.id == SeatWish.startup_id)
        .join(Product, Product.id == SeatWish.product_id)
    )


def _placed_views(rows: Iterable[Row[*tuple[Any, ...]]]) -> list[WishView]:
    places: dict[int, int] = {}
    views = []
    for wish, startup, product in rows:
        places[wish.account_id] = places.get(wish.account_id, 0) + 1
        views.append(WishView(wish, startup, product, places[wish.account_id]))
    return views


def _waiting(*conditions: ColumnElement[bool]) -> list[SeatWish]:
    """Those who wait, in order, read fresh."""
    statement = select(SeatWish).where(SeatWish.state == WAITING, *conditions).order_by(*IN_ORDER)
    return list(db.session.scalars(statement.execution_options(populate_existing=True)))


def _hold_wish(caller: Caller, wish_id: int, action: str) -> tuple[SeatWish, Desk]:
    """Locks the account for which somebody waits."""
    row = db.session.execute(
        select(SeatWish, Startup, Product)
        .join(Startup, Startup.id == SeatWish.startup_id)
        .join(Product, Product.id == SeatWish.product_id)
        .where(SeatWish.id == wish_id, visible_startups(caller))
    ).first() if is_id(wish_id) else None
    if row is None:
        raise NotFound("wish", str(wish_id))
    wish, startup, product = row
    require_startup(caller, action, startup.key)
    desk = desk_of(caller, startup, product)
    db.session.refresh(wish)
    if wish.state != WAITING:
        raise Conflict("wish", "not-waiting", "%(email)s does not wait any more: %(state)s",
                       email=wish.email, state=wish.state)
    return wish, desk
