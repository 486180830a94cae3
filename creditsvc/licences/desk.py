"""A startup's seats of one product, its account locked: its lots, who sits where, and which lot has room for somebody.

A seat may say that it lasts as long as its lot, and a lot may be extended after its end. So that nobody then sits
twice, a seat is never left open across another one of the same person: the older one is ended where its lot ends.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select

from creditsvc.core.burndown import LATEST
from creditsvc.core.days import end_text, start_text
from creditsvc.core.errors import RuleBroken
from creditsvc.core.seats import Interval, free, frees_at
from creditsvc.db import db
from creditsvc.ledger import locks
from creditsvc.ledger.additions import SeatEndTerms, SeatTerms
from creditsvc.ledger.facts import KnownLot, lots_of
from creditsvc.ledger.models import Account, LotFact
from creditsvc.ledger.seats import SeatView, clipped, seats_of
from creditsvc.licences.handing import Shelf, shelf_of
from creditsvc.licences.models import Product, SeatAssignment
from creditsvc.parties.access import Caller, require_startup
from creditsvc.parties.models import Startup


@dataclass(frozen=True)
class Wanted:
    """A seat that somebody is to have on [from_at, until_at); None: as long as its lot lasts."""

    email: str
    name: str
    from_at: datetime
    until_at: datetime | None = None
    note: str = ""
    transferred_from: int | None = None
    new_key: bool = False  # a key that nobody had, where it comes by key


@dataclass
class Placed:
    """A seat that was found: the lot, what the book is to add, and the seats of that person which end with it.

    `terms` may still be cut short, when the same person is placed again before the seat is written down.
    """

    wanted: Wanted
    lot: KnownLot
    terms: SeatTerms
    ends: tuple[SeatEndTerms, ...]


@dataclass(frozen=True)
class Sitting:
    """Who has a seat; `placed` while it is not written down yet."""

    seat: SeatView
    email: str
    placed: "Placed | None" = None


@dataclass
class Desk:
    """The seats of a product that a startup has, its account locked. What is placed counts as taken at once."""

    caller: Caller
    startup: Startup
    product: Product
    account: Account
    lots: list[KnownLot]
    sittings: dict[str, list[Sitting]]
    taken: dict[int, list[Interval]]
    emails: dict[int, str]  # by seat, of those that are written down
    keys: Shelf | None = None  # None where seats need no key

    def place(self, wanted: Wanted, grant: str | None = None) -> Placed:
        """Finds a seat free over the whole interval, of the lot that lasts longest unless a grant is named.

        Raises RuleBroken("grant", "unknown-grant"), RuleBroken("from", "no-grant"), RuleBroken("until",
        "beyond-grant"), RuleBroken("email", "already-seated"), RuleBroken("seats", "none-free" | "no-free-key").
        """
        active = self._active(wanted, grant)
        clear = [lot for lot in active if not self._overlaps(wanted, lot)]
        if not clear:
            raise self._twice(wanted)
        roomy = [lot for lot in clear if self.free(lot, wanted.from_at, _stated(lot, wanted.until_at)) > 0]
        if not roomy:
            raise self._none_free(wanted, active)
        if self.keys is not None:
            keyed = [lot for lot in roomy if self.keys.has_for(lot, wanted.new_key)]
            roomy = keyed or self._without_key(roomy[0])
            self.keys.reserve(roomy[0], wanted.new_key)
        return self._take(wanted, roomy[0])

    def free(self, lot: KnownLot, from_at: datetime, until: datetime | None) -> int:
        """How many of a lot's seats are free throughout an interval."""
        return free(lot.lot.amount, self.taken[lot.fact.id], from_at, until)

    def free_in(self, from_at: datetime, until: datetime | None = None, grant: str | None = None) -> int:
        """How many people can still be seated on that interval."""
        lots = [lot for lot in self.lots if _covers(lot, from_at, until) and grant in (None, lot.lot.key)]
        return sum(max(self.free(lot, from_at, _stated(lot, until)), 0) for lot in lots)

    @property
    def is_out_of_keys(self) -> bool:
        """Whether seats need keys and no lot has one for one more."""
        return self.keys is not None and not any(map(self.keys.has_for, self.lots))

    def end(self, seat: SeatView, at: datetime) -> None:
        """Counts a seat as free from an instant on, for what is placed after."""
        over = max(at, seat.from_at)
        self.taken[seat.lot_id].remove(seat.interval)
        self.taken[seat.lot_id].append((seat.from_at, over))
        if self.keys is not None:
            self.keys.end(seat, over)
        email = self.emails.get(seat.id, "")
        self.sittings[email] = [one for one in self.sittings.get(email, ()) if one.seat.id != seat.id]

    def lot_of(self, lot_id: int) -> KnownLot:
        """The lot of that id."""
        return next(lot for lot in self.lots if lot.fact.id == lot_id)

    def lot_named(self, grant: str) -> KnownLot:
        """The lot of that grant. Raises RuleBroken("grant", "unknown-grant")."""
        for lot in self.lots:
            if lot.lot.key == grant:
                return lot
        raise RuleBroken(
            "grant", "unknown-grant", "%(startup)s has no grant %(grant)s of %(product)s",
            startup=self.startup.key, grant=grant, product=self.product.key,
        )

    def _active(self, wanted: Wanted, grant: str | None) -> list[KnownLot]:
        lots = self.lots if grant is None else [self.lot_named(grant)]
        begun = [lot for lot in lots if lot.lot.is_active(wanted.from_at)]
        if not begun:
            raise RuleBroken(
                "from", "no-grant", "%(startup)s has no seats of %(product)s on %(day)s",
                startup=self.startup.key, product=self.product.key, day=start_text(wanted.from_at),
            )
        lasting = [lot for lot in begun if _covers(lot, wanted.from_at, wanted.until_at)]
        if not lasting:
            assert wanted.until_at is not None  # without one every lot lasts long enough
            raise RuleBroken(
                "until", "beyond-grant", "%(value)s is beyond the grant, whose seats end with %(end)s",
                value=end_text(wanted.until_at), end=end_text(max(lot.lot.end for lot in begun)),
            )
        return lasting

    def _overlaps(self, wanted: Wanted, lot: KnownLot) -> bool:
        end = min(wanted.until_at or LATEST, lot.lot.end)
        return any(
            one.seat.from_at < end and (one.seat.ends_at or LATEST) > wanted.from_at
            for one in self.sittings.get(wanted.email, ())
        )

    def _twice(self, wanted: Wanted) -> RuleBroken:
        seat = max(self.sittings[wanted.email], key=lambda one: one.seat.ends_at or LATEST).seat
        if seat.ends_at is None:
            return RuleBroken(
                "email", "already-seated", "%(email)s has a seat of %(product)s already, from %(from)s on",
                email=wanted.email, product=self.product.key, **{"from": start_text(seat.from_at)},
            )
        return RuleBroken(
            "email", "already-seated", "%(email)s has a seat of %(product)s already, from %(from)s until %(until)s",
            email=wanted.email, product=self.product.key, until=end_text(seat.ends_at),
            **{"from": start_text(seat.from_at)},
        )

    def _none_free(self, wanted: Wanted, lots: Sequence[KnownLot]) -> RuleBroken:
        """Names what is free, and when the next seat frees for as long as its grant lasts."""
        next_at = self.next_free(wanted.from_at)
        counts = {
            "product": self.product.key, "day": start_text(wanted.from_at),
            "free": self.free_in(wanted.from_at, wanted.until_at), "granted": sum(lot.lot.amount for lot in lots),
        }
        if next_at is None:
            return RuleBroken(
                "seats", "none-free",
                "%(free)s of %(granted)s seats of %(product)s are free from %(day)s on, and none frees before they end",
                **counts,
            )
        return RuleBroken(
            "seats", "none-free",
            "%(free)s of %(granted)s seats of %(product)s are free from %(day)s on; the next one frees on %(next)s",
            **counts, next=start_text(next_at),
        )

    def next_free(self, from_at: datetime) -> datetime | None:
        """The first instant from which on a seat of some lot is free to the lot's end."""
        instants = [
            (lot, frees_at(lot.lot.amount, self.taken[lot.fact.id], max(from_at, lot.lot.effective)))
            for lot in self.lots
        ]
        return min((at for lot, at in instants if at is not None and at < lot.lot.end), default=None)

    def _without_key(self, lot: KnownLot) -> list[KnownLot]:
        raise RuleBroken(
            "seats", "no-free-key", "the pool %(pool)s has no free key of %(product)s: import keys first",
            pool=lot.pool, product=self.product.key,
        )

    def _take(self, wanted: Wanted, lot: KnownLot) -> Placed:
        until, ends = _stated(lot, wanted.until_at), []
        for one in self.sittings.get(wanted.email, ()):
            seat = one.seat
            if seat.from_at >= wanted.from_at:
                until = min(until or LATEST, lot.lot.end) if seat.from_at < (until or LATEST) else until
            elif (seat.until_at or LATEST) > wanted.from_at:
                assert seat.ends_at is not None  # else it would overlap
                if one.placed is None:
                    ends.append(SeatEndTerms(seat.id, seat.ends_at, self.caller.now))
                else:
                    one.placed.terms = replace(one.placed.terms, until_at=seat.ends_at)
        terms = SeatTerms(lot.fact.id, wanted.from_at, until, self.caller.now)
        self.taken[lot.fact.id].append((wanted.from_at, until))
        view = SeatView(
            0, self.account.id, lot.fact.id, lot.lot.key, wanted.from_at, until, clipped(until, lot.lot)
        )
        found = Placed(wanted, lot, terms, tuple(ends))
        self.sittings.setdefault(wanted.email, []).append(Sitting(view, wanted.email, found))
        return found


def _covers(lot: KnownLot, from_at: datetime, until: datetime | None) -> bool:
    return lot.lot.is_active(from_at) and (until is None or until <= lot.lot.end)


def _stated(lot: KnownLot, until: datetime | None) -> datetime | None:
    """Until when a seat of a lot is given: a void never goes away, so what was given beyond it takes nothing."""
    return until if until is not None or lot.lot.voided_at is None else lot.lot.voided_at


def open_desk(
    caller: Caller, action: str, startup: str, *, product: str | None = None, grant: str | None = None
) -> Desk:
    """Locks what a startup has of a product, named by itself or by a grant of it (L12).

    Raises NotFound("startup"), Forbidden, RuleBroken("product", "unknown-product"), RuleBroken("grant",
    "unknown-grant"), RuleBroken("product", "no-seats") where none were ever granted.
    """
    company = require_startup(caller, action, startup)
    return desk_of(caller, company, product_of(company, product, grant))


def desk_of(caller: Caller, startup: Startup, product: Product) -> Desk:
    """The same, where who may do it has been asked. Pools are locked first where keys are to be handed out of them."""
    account_id = db.session.scalar(
        select(Account.id).where(Account.startup_id == startup.id, Account.resource_id == product.resource_id)
    )
    if account_id is None:
        raise RuleBroken(
            "product", "no-seats", "%(startup)s has no seats of %(product)s: award some first",
            startup=startup.key, product=product.key,
        )
    pools: set[int] = set()
    if product.delivery == "key":
        pools = set(db.session.scalars(select(LotFact.pool_id).where(LotFact.account_id == account_id)))
        locks.lock_pools(pools)
    account = locks.lock_accounts([account_id])[account_id]
    by_key = sorted(lots_of([account_id])[account_id], key=lambda lot: lot.lot.key)
    lots = sorted(by_key, key=lambda lot: lot.lot.end, reverse=True)
    emails = dict(db.session.execute(
        select(SeatAssignment.seat_id, SeatAssignment.email).where(
            SeatAssignment.startup_id == startup.id, SeatAssignment.product_id == product.id
        )
    ).all())
    taken: dict[int, list[Interval]] = defaultdict(list)
    sittings: dict[str, list[Sitting]] = {}
    seats = seats_of([account_id])
    for seat in seats:
        taken[seat.lot_id].append(seat.interval)
        email = emails.get(seat.id, "")
        if seat.from_at < (seat.ends_at or LATEST):
            sittings.setdefault(email, []).append(Sitting(seat, email))
    keys = shelf_of(caller.now, account_id, pools, seats, emails) if product.delivery == "key" else None
    return Desk(caller, startup, product, account, lots, sittings, taken, emails, keys)


def product_of(startup: Startup, product: str | None, grant: str | None = None) -> Product:
    """The product of that key, or else the one of which the startup's grant is.

    Raises RuleBroken("product", "unknown-product" | "missing"), RuleBroken("grant", "unknown-grant").
    """
    if product is not None:
        found = db.session.scalar(select(Product).where(Product.key == product))
        if found is None:
            raise RuleBroken("product", "unknown-product", "there is no product %(product)s", product=product)
        return found
    if grant is None:
        raise RuleBroken("product", "missing", "name the product, or a grant of its seats")
    found = db.session.scalar(
        select(Product)
        .join(Account, Account.resource_id == Product.resource_id)
        .join(LotFact, LotFact.account_id == Account.id)
        .where(LotFact.key == grant, Account.startup_id == startup.id)
    )
    if found is None:
        raise RuleBroken(
            "grant", "unknown-grant", "%(startup)s has no grant %(grant)s of seats", startup=startup.key, grant=grant
        )
    return found

