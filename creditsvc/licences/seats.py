"""Who sits where: assign a seat, release it, transfer it, move people from a grant to the next one.

Managers do it, and a startup's owners for their own. An account is locked before anything is asked, so of any number
of processes as many get a seat as there are; the others are told what is free. Nothing has to run when a grant ends:
its people's seats end with it. Days are of the startup's programme's calendar.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select

from creditsvc.config import Config
from creditsvc.core.burndown import LATEST
from creditsvc.core.days import check_moment, end_text, ends_at, instant_text, start_text, starts_at
from creditsvc.core.errors import Conflict, NotFound, RuleBroken
from creditsvc.db import db, is_id
from creditsvc.ledger import book
from creditsvc.ledger.additions import Additions, SeatEndTerms
from creditsvc.ledger.book import Cause
from creditsvc.ledger.facts import KnownLot
from creditsvc.ledger.seats import SeatView
from creditsvc.licences import waiting
from creditsvc.licences.desk import Desk, Wanted, desk_of, open_desk
from creditsvc.licences.models import Product, SeatAssignment
from creditsvc.licences.seating import check_email, check_name, check_note, seat_all
from creditsvc.parties.access import Caller, require, require_startup, visible_startups
from creditsvc.parties.models import Startup
from creditsvc.parties.trail import record_all
from creditsvc.programmes.reading import zone_of_startup


@dataclass(frozen=True)
class HeldSeat:
    """A seat whose account is locked, with its paper and the desk at which it is."""

    desk: Desk
    paper: SeatAssignment
    seat: SeatView


def assign(
    caller: Caller,
    *,
    startup: str,
    email: str,
    name: str,
    product: str | None = None,
    grant: str | None = None,
    from_: date | datetime | None = None,
    until: date | datetime | None = None,
    note: str = "",
    new_key: bool = False,
) -> SeatAssignment:
    """Gives somebody a seat from a day or instant (now unless given) until the end of a last day, or of its grant.

    The product is named, or a grant of it; of several grants the one that lasts longest is taken. `new_key`, by
    managers: where seats come by key, one that nobody had, beyond as many as the grant has seats (`handing`). Raises
    NotFound("startup"), Forbidden, RuleBroken at `product`, `grant`, `email`, `name`, `note`, `from`, `until`, and
    RuleBroken("seats", "none-free" | "no-free-key") naming how many are free and when the next one frees.
    """
    desk = open_desk(caller, "seat.assign", startup, product=product, grant=grant)
    if new_key:
        require(caller, "licence.keys")
    from_at, until_at = interval_of(caller, desk.startup, from_, until)
    wanted = Wanted(check_email(email), check_name(name), from_at, until_at, check_note(note), new_key=new_key)
    return seat_all(desk, [desk.place(wanted, grant)])[0]


def interval_of(
    caller: Caller, startup: Startup, from_: date | datetime | None, until: date | datetime | None
) -> tuple[datetime, datetime | None]:
    """The instants that days typed for a startup mean. Raises RuleBroken("from" | "until", ...)."""
    if from_ is None and until is None:
        return caller.now, None
    zone = zone_of_startup(startup.id)
    from_at = caller.now if from_ is None else starts_at(check_moment(from_, "from"), zone)
    until_at = None if until is None else ends_at(check_moment(until, "until"), zone)
    if until_at is not None and until_at <= from_at:
        raise RuleBroken(
            "until", "not-after-start", "the end, %(until)s, is not after the start, %(start)s",
            until=end_text(until_at), start=start_text(from_at),
        )
    return from_at, until_at


def release(caller: Caller, config: Config, seat_id: int, at: date | datetime | None = None) -> SeatAssignment:
    """Frees a seat from an instant on, from now unless given; whoever waits first is seated with the same act.

    A seat that is yet to begin is taken back. Raises NotFound("seat"), Forbidden, Conflict("seat", "already-over"),
    RuleBroken("at", "before-start" | "not-earlier") unless it lies within the seat.
    """
    held = hold_seat(caller, seat_id)
    free_seats(held.desk, [held], _instant(held, at))
    waiting.seat_at(held.desk, config)
    return held.paper


def free_seats(desk: Desk, seats: Sequence[HeldSeat], at: datetime) -> None:
    """Ends seats of one desk at an instant, or at their beginning where that is later."""
    caller = desk.caller
    for one in seats:
        _refuse_unless_before_end(one, max(at, one.seat.from_at))
    ends = tuple(SeatEndTerms(one.seat.id, max(at, one.seat.from_at), caller.now) for one in seats)
    ref = f"seat:{seats[0].seat.id}" if len(seats) == 1 else f"product:{desk.product.key}"
    new = {desk.account.id: Additions(seat_ends=ends)}
    book.post([desk.account], Cause("release", ref, caller.actor), additions=new)
    record_all(caller, "seat.released", [
        (f"startup:{desk.startup.key}", {
            "seat": one.seat.id, "product": desk.product.key, "grant": one.seat.lot, "person": one.paper.email,
            "at": instant_text(end.ends_at),
        })
        for one, end in zip(seats, ends, strict=True)
    ])
    for one in seats:
        desk.end(one.seat, at)


def transfer(
    caller: Caller, seat_id: int, *, email: str, name: str, at: date | datetime | None = None
) -> SeatAssignment:
    """Gives somebody else the rest of a seat: one ends and the other begins at the same instant, now unless given.

    Where seats come by key the new person gets that of the seat, once it has ended. Raises as `release` and `assign`.
    """
    held = hold_seat(caller, seat_id)
    address = check_email(email)
    if address == held.paper.email:
        raise RuleBroken("email", "same-person", "%(email)s has this seat already", email=address)
    moment = max(_instant(held, at), held.seat.from_at)
    _refuse_unless_before_end(held, moment)
    until = held.seat.until_at
    if until is not None:
        until = min(until, held.desk.lot_of(held.seat.lot_id).lot.end)
    held.desk.end(held.seat, moment)
    placed = held.desk.place(
        Wanted(address, check_name(name), moment, until, transferred_from=seat_id), held.seat.lot
    )
    ends = [SeatEndTerms(seat_id, moment, caller.now)]
    return seat_all(held.desk, [placed], ends, Cause("assign", f"seat:{seat_id}", caller.actor))[0]


def move(
    caller: Caller, *, startup: str, grant: str, to: str, emails: Collection[str] | None = None,
    at: date | datetime | None = None,
) -> list[SeatAssignment]:
    """Moves people from a grant to the one that succeeds it, all who have not left by then unless some are named.

    At an instant, or where the old grant ends unless given; all or none. Raises NotFound("startup"), Forbidden,
    RuleBroken("grant" | "to" | "emails" | "at" | "seats" | "email", ...).
    """
    desk = open_desk(caller, "seat.assign", startup, grant=grant)
    old, new = desk.lot_named(grant), _successor(desk, grant, to)
    if at is None and old.lot.end == LATEST:
        raise RuleBroken("at", "without-end", "the grant %(grant)s has no end: say when people move", grant=grant)
    leaving = old.lot.end if at is None else starts_at(check_moment(at, "at"), zone_of_startup(desk.startup.id))
    people = _leaving(desk, old, leaving, emails)
    joining = max(leaving, new.lot.effective)
    free = desk.free_in(joining, None, to)
    if len(people) > free:
        raise RuleBroken(
            "seats", "none-free", "%(free)s seats of the grant %(grant)s are free from %(day)s on, not %(asked)s",
            free=free, grant=to, day=start_text(joining), asked=len(people),
        )
    ends = [SeatEndTerms(one.seat.id, max(leaving, one.seat.from_at), caller.now) for one in people]
    for one in people:
        desk.end(one.seat, leaving)
    placed = [
        desk.place(
            Wanted(one.paper.email, one.paper.name, max(joining, one.seat.from_at), _own_end(one.seat, old),
                   one.paper.note, one.seat.id),
            to,
        )
        for one in people
    ]
    return seat_all(desk, placed, ends)


def _successor(desk: Desk, grant: str, to: str) -> KnownLot:
    if grant == to:
        raise RuleBroken("to", "same-grant", "people move to another grant than %(grant)s", grant=grant)
    try:
        return desk.lot_named(to)
    except RuleBroken as refusal:
        raise RuleBroken("to", refusal.code, refusal.message, **refusal.params) from refusal


def _own_end(seat: SeatView, lot: KnownLot) -> datetime | None:
    """Until when the seat was given, if that is before its lot ends."""
    return seat.until_at if seat.until_at is not None and seat.until_at < lot.lot.end else None


def _leaving(desk: Desk, old: KnownLot, at: datetime, emails: Collection[str] | None) -> list[HeldSeat]:
    """Those who sit in a lot at an instant or later, or up to its end."""
    found = [one for one in held_seats(desk) if _stays(one.seat, old, at)]
    if emails is not None:
        wanted = {check_email(email, "emails") for email in emails}
        absent = wanted - {one.paper.email for one in found}
        if absent:
            raise RuleBroken("emails", "not-seated", "%(email)s has no seat of the grant %(grant)s on %(day)s",
                             email=min(absent), grant=old.lot.key, day=start_text(at))
        found = [one for one in found if one.paper.email in wanted]
    if not found:
        raise RuleBroken("emails", "nobody", "nobody has a seat of the grant %(grant)s on %(day)s",
                         grant=old.lot.key, day=start_text(at))
    return found


def _stays(seat: SeatView, old: KnownLot, at: datetime) -> bool:
    if seat.lot_id != old.fact.id or seat.from_at >= old.lot.end:
        return False
    until = min(seat.until_at or LATEST, old.lot.end)
    return until == old.lot.end if at >= old.lot.end else until > at


def held_seats(desk: Desk) -> list[HeldSeat]:
    """All seats of a desk that were not taken back, with their papers, in the order in which they were given."""
    papers = {
        paper.seat_id: paper
        for paper in db.session.scalars(
            select(SeatAssignment).where(
                SeatAssignment.startup_id == desk.startup.id, SeatAssignment.product_id == desk.product.id
            )
        )
    }
    seats = [one.seat for sittings in desk.sittings.values() for one in sittings if one.seat.id in papers]
    return [HeldSeat(desk, papers[seat.id], seat) for seat in sorted(seats, key=lambda seat: seat.id)]


def hold_seat(caller: Caller, seat_id: int) -> HeldSeat:
    """Locks the account of a seat. Raises NotFound("seat"), Forbidden, Conflict("seat", "already-over")."""
    row = db.session.execute(
        select(SeatAssignment, Startup, Product)
        .join(Startup, Startup.id == SeatAssignment.startup_id)
        .join(Product, Product.id == SeatAssignment.product_id)
        .where(SeatAssignment.seat_id == seat_id, visible_startups(caller))
    ).first() if is_id(seat_id) else None
    if row is None:
        raise NotFound("seat", str(seat_id))
    paper, startup, product = row
    require_startup(caller, "seat.assign", startup.key)
    desk = desk_of(caller, startup, product)
    sittings = desk.sittings.get(paper.email, ())
    seat = next((one.seat for one in sittings if one.seat.id == seat_id), None)
    if seat is None:
        raise Conflict("seat", "already-over", "the seat %(seat)s was taken back before it began", seat=seat_id)
    return HeldSeat(desk, paper, seat)


def _instant(held: HeldSeat, at: date | datetime | None) -> datetime:
    if at is None:
        return held.desk.caller.now
    moment = starts_at(check_moment(at, "at"), zone_of_startup(held.desk.startup.id))
    if moment < held.seat.from_at:
        raise RuleBroken("at", "before-start", "%(value)s is before the seat begins, %(start)s",
                         value=start_text(moment), start=start_text(held.seat.from_at))
    return moment


def _refuse_unless_before_end(held: HeldSeat, at: datetime) -> None:
    end = held.seat.ends_at or LATEST
    if at < end:
        return
    if end <= held.desk.caller.now:
        raise Conflict("seat", "already-over", "the seat of %(email)s ended with %(end)s",
                       email=held.paper.email, end=end_text(end))
    raise RuleBroken("at", "not-earlier", "%(value)s is not before the seat ends, %(end)s",
                     value=start_text(at), end=start_text(end))
