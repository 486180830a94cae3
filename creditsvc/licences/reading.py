"""Seats as they stand: who sits where until when, what each product has, over a startup and over the park."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, or_, select

from creditsvc.core.burndown import LATEST
from creditsvc.core.days import instant_text
from creditsvc.core.errors import NotFound
from creditsvc.db import db, is_id
from creditsvc.ledger.models import Account, LotFact, SeatEnd, SeatFact
from creditsvc.ledger.reading import AccountView, balances
from creditsvc.ledger.seats import SeatView, seats_of
from creditsvc.licences.models import WAITING, LicenceKey, Product, SeatAssignment, SeatWish
from creditsvc.parties.access import Caller, require, require_startup, visible_startups
from creditsvc.parties.models import Startup

AT_ONCE = 500


@dataclass(frozen=True)
class SeatRow:
    """A person's seat. `ends_at` is None where it has no end; `ends_with_grant` where nothing ends it sooner."""

    id: int
    startup: str
    startup_name: str
    product: str
    grant: str
    email: str
    name: str
    note: str
    from_at: datetime
    ends_at: datetime | None
    ends_with_grant: bool
    assigned_by: str
    assigned_at: datetime
    transferred_from: int | None
    has_key: bool
    comes_by_key: bool

    def state(self, at: datetime) -> str:
        """`to-come`, `taken`, `over`, or `taken-back` of one that ended before it began."""
        end = self.ends_at or LATEST
        if end <= self.from_at:
            return "taken-back"
        return "over" if end <= at else "taken" if self.from_at <= at else "to-come"

    def can_show_key(self, at: datetime) -> bool:
        """Whether it has a key, or gets one when it is asked for."""
        return self.has_key or (self.comes_by_key and self.state(at) == "taken")


def list_seats(
    caller: Caller, *, startup: str | None = None, product: str | None = None, at: datetime | None = None,
    after: int | None = None, limit: int | None = None,
) -> list[SeatRow]:
    """Seats in the order in which they were given, beyond the one of the id `after`: those taken at an instant, or all.

    Of a startup, or of all that the caller may see. Raises NotFound("startup").
    """
    statement = _papers(caller)
    if startup is not None:
        statement = statement.where(SeatAssignment.startup_id == require_startup(caller, "startup.see", startup).id)
    if product is not None:
        statement = statement.where(Product.key == product)
    if at is not None:
        gone = select(SeatEnd.id).where(SeatEnd.seat_id == SeatFact.id, SeatEnd.ends_at <= at)
        statement = statement.where(
            SeatFact.from_at <= at, or_(SeatFact.until_at.is_(None), SeatFact.until_at > at), ~gone.exists()
        )
    found: list[SeatRow] = []
    while limit is None or len(found) < limit:
        part = statement if after is None else statement.where(SeatAssignment.seat_id > after)
        rows = _rows(db.session.execute(part if limit is None else part.limit(AT_ONCE)).all())
        found += [row for row in rows if at is None or row.state(at) == "taken"]
        if limit is None or len(rows) < AT_ONCE:
            break
        after = rows[-1].id
    return found if limit is None else found[:limit]


def find_seat(caller: Caller, seat_id: int) -> SeatRow:
    """One seat, also one that is over. Raises NotFound("seat")."""
    statement = _papers(caller).where(SeatAssignment.seat_id == seat_id)
    rows = _rows(db.session.execute(statement).all()) if is_id(seat_id) else []
    if not rows:
        raise NotFound("seat", str(seat_id))
    return rows[0]


def _papers(caller: Caller) -> Select[*tuple[Any, ...]]:
    return (
        select(SeatAssignment, Startup.key, Startup.name, Product.key, Product.delivery, LicenceKey.id,
               SeatFact.account_id)
        .join(SeatFact, SeatFact.id == SeatAssignment.seat_id)
        .join(Startup, Startup.id == SeatAssignment.startup_id)
        .join(Product, Product.id == SeatAssignment.product_id)
        .outerjoin(LicenceKey, LicenceKey.seat_id == SeatAssignment.seat_id)
        .where(visible_startups(caller))
        .order_by(SeatAssignment.seat_id)
    )


def _rows(papers: Sequence[Row[*tuple[Any, ...]]]) -> list[SeatRow]:
    if not papers:
        return []
    views: dict[int, SeatView] = {view.id: view for view in seats_of({paper.account_id for paper in papers})}
    rows = []
    for paper, startup, startup_name, product, delivery, key_id, _ in papers:
        view = views[paper.seat_id]
        rows.append(SeatRow(
            paper.seat_id, startup, startup_name, product, view.lot, paper.email, paper.name, paper.note, view.from_at,
            view.ends_at, view.ends_at is not None and view.ends_at != view.until_at, paper.assigned_by,
            paper.assigned_at, paper.transferred_from, key_id is not None, delivery == "key",
        ))
    return rows


def seat_document(row: SeatRow, now: datetime) -> dict[str, Any]:
    """A seat as JSON."""
    return {
        "id": row.id, "startup": row.startup, "product": row.product, "grant": row.grant, "email": row.email,
        "name": row.name, "note": row.note, "state": row.state(now), "from_at": instant_text(row.from_at),
        "ends_at": instant_text(row.ends_at), "ends_with_grant": row.ends_with_grant, "has_key": row.has_key,
        "assigned_by": row.assigned_by, "assigned_at": instant_text(row.assigned_at),
        "transferred_from": row.transferred_from,
    }


@dataclass(frozen=True)
class Holding:
    """What a startup has of a product at an instant: seats granted and usable then, taken and free, who waits."""

    product: str
    title: str
    delivery: str
    view: AccountView
    waiting: int

    @property
    def usable(self) -> int:
        """The seats of grants that stand at the instant."""
        return self.view.drawn + self.view.remaining

    @property
    def ends_at(self) -> datetime | None:
        """When the last of the grants that stand ends."""
        return max((lot.end for lot in self.view.lots if lot.standing.drawn or lot.standing.remaining), default=None)


def holdings_of_seats(views: Iterable[AccountView]) -> list[Holding]:
    """The seats among a startup's accounts, by product."""
    accounts = {view.id: view for view in views if view.kind == "seats"}
    if not accounts:
        return []
    waiting = (
        select(SeatWish.account_id, func.count().label("count")).where(SeatWish.state == WAITING)
        .group_by(SeatWish.account_id).subquery()
    )
    rows = db.session.execute(
        select(Account.id, Product, waiting.c.count)
        .join(Product, Product.resource_id == Account.resource_id)
        .outerjoin(waiting, waiting.c.account_id == Account.id)
        .where(Account.id.in_(accounts))
        .order_by(Product.key)
    )
    return [
        Holding(product.key, product.title, product.delivery, accounts[account_id], count or 0)
        for account_id, product, count in rows
    ]


def park_of(caller: Caller, product: str) -> list[Holding]:
    """What each startup that the caller may see has of a product. Raises Forbidden."""
    require(caller, "licence.see")
    ids = list(db.session.scalars(
        select(Account.id)
        .join(Product, Product.resource_id == Account.resource_id)
        .join(Startup, Startup.id == Account.startup_id)
        .where(Product.key == product, visible_startups(caller))
        .where(select(LotFact.id).where(LotFact.account_id == Account.id).exists())
    ))
    holdings = holdings_of_seats(balances(caller.now, account_ids=ids)) if ids else []
    return sorted(holdings, key=lambda one: one.view.startup)
