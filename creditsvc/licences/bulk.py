"""Many people at once: a pasted list that is seated as far as seats go, and seats that a filter finds released.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, select

from creditsvc.config import Config
from creditsvc.core.days import day_of
from creditsvc.core.errors import Conflict, NotFound, RuleBroken
from creditsvc.db import db
from creditsvc.ledger.models import Account
from creditsvc.licences import waiting
from creditsvc.licences.desk import Desk, Placed, Wanted, desk_of, open_desk
from creditsvc.licences.models import CountReport, Product, SeatSighting
from creditsvc.licences.reading import SeatRow, list_seats
from creditsvc.licences.seating import check_email, check_name, seat_all
from creditsvc.licences.seats import free_seats, held_seats, interval_of
from creditsvc.licences.tenants import products_by_plan
from creditsvc.parties.access import Caller, require, require_startup
from creditsvc.sets import chunks

MOST_PEOPLE = 2000
OTHERWISE = ("skip", "wait", "refuse")
"""What becomes of those for whom no seat is free: left out, put on the waiting list, or nobody is seated at all."""


@dataclass(frozen=True)
class Person:
    """Somebody in a list; `line` counts from 1."""

    line: int
    email: str
    name: str


@dataclass(frozen=True)
class Outcome:
    """What happened to one line: `seated`, `waiting`, or the code of a refusal; why nobody was seated."""

    line: int
    email: str
    name: str
    outcome: str
    refusal: RuleBroken | None = None
    seat_id: int | None = None

    @property
    def message(self) -> str:
        """Why, as an English sentence for programs; empty where somebody was seated."""
        return "" if self.refusal is None else str(self.refusal)

    def as_json(self) -> dict[str, Any]:
        """What programs are told."""
        return {
            "line": self.line, "email": self.email, "name": self.name, "outcome": self.outcome,
            "message": self.message, "seat_id": self.seat_id,
        }


def read_people(text: str) -> list[Person]:
    """People of a pasted list, one `email[, name]` a line; blank lines do not matter, a name left out is the address.

    Raises RuleBroken("people", "bad-line" | "twice" | "empty" | "too-many") naming the line and its value.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if len(lines) > MOST_PEOPLE:
        raise RuleBroken("people", "too-many", "%(count)s people are too many at once: at most %(most)s are right",
                         count=len(lines), most=MOST_PEOPLE)
    people: list[Person] = []
    first: dict[str, int] = {}
    for number, line in lines:
        email, _, name = (part.strip() for part in line.replace("\t", ",").partition(","))
        try:
            person = Person(number, check_email(email), check_name(name or email))
        except RuleBroken as refusal:
            raise RuleBroken("people", "bad-line", "line %(line)s, %(value)r: write an address and a name, such as "
                             "ada@example.com, Ada Chan", line=number, value=line[:100]) from refusal
        if person.email in first:
            raise RuleBroken("people", "twice", "line %(line)s: %(value)r stands in line %(first)s already",
                             line=number, value=person.email, first=first[person.email])
        first[person.email] = number
        people.append(person)
    if not people:
        raise RuleBroken("people", "empty", "write at least one person: ada@example.com, Ada Chan")
    return people


def assign_all(
    caller: Caller, config: Config, *, startup: str, people: Sequence[Person], product: str | None = None,
    grant: str | None = None, from_: date | datetime | None = None, until: date | datetime | None = None,
    otherwise: str = "skip", new_key: bool = False,
) -> list[Outcome]:
    """Seats the people of a list in its order, as many as fit, and says of each line what happened.

    Who gets no seat is left out, waits (from now, whatever the interval), or with `refuse` nobody is seated. With
    `new_key` each gets one that nobody had, where seats come by key. Raises as `seats.assign`,
    RuleBroken("otherwise", "unknown"), RuleBroken("new_key", "not-for-waiting"), and with `refuse`
    RuleBroken("people", ...) naming the line.
    """
    if otherwise not in OTHERWISE:
        raise RuleBroken("otherwise", "unknown", "%(value)r: skip, wait or refuse is right", value=otherwise)
    desk = open_desk(caller, "seat.assign", startup, product=product, grant=grant)
    if new_key:
        require(caller, "licence.keys")
        if otherwise == "wait":
            raise RuleBroken("new_key", "not-for-waiting", "who waits gets a key of the grant once a seat is free:"
                             " leave people out, or seat nobody, where no seat or no new key is free")
    from_at, until_at = interval_of(caller, desk.startup, from_, until)
    placed: dict[str, Placed] = {}
    refusals: dict[str, RuleBroken] = {}
    for person in people:
        try:
            wanted = Wanted(person.email, person.name, from_at, until_at, new_key=new_key)
            placed[person.email] = desk.place(wanted, grant)
        except RuleBroken as refusal:
            if otherwise == "refuse":
                raise RuleBroken("people", refusal.code, "line %(line)s, %(email)s: %(why)s",
                                 line=person.line, email=person.email, why=refusal) from refusal
            refusals[person.email] = refusal
    papers = seat_all(desk, list(placed.values())) if placed else []
    seats = {paper.email: paper.seat_id for paper in papers}
    outcomes = [
        Outcome(person.line, person.email, person.name, "seated", seat_id=seats[person.email])
        if person.email in seats else _left_over(desk, person, refusals[person.email], otherwise)
        for person in people
    ]
    if any(one.outcome == "waiting" for one in outcomes):
        waiting.seat_at(desk, config)
    return outcomes


def _left_over(desk: Desk, person: Person, refusal: RuleBroken, otherwise: str) -> Outcome:
    if otherwise == "wait" and refusal.code in ("none-free", "no-free-key"):
        try:
            waiting.queue_up(desk, person.email, person.name)
            return Outcome(person.line, person.email, person.name, "waiting", refusal)
        except Conflict as conflict:
            refusal = conflict
    return Outcome(person.line, person.email, person.name, refusal.code, refusal)


def matching_seats(
    caller: Caller, *, startup: str, product: str | None = None, grant: str | None = None, domain: str | None = None,
    unused_since: date | None = None,
) -> list[SeatRow]:
    """The seats that a filter finds of those that are taken or to come: what `release_all` would release.

    `unused_since`: whom a publisher's report on activity of that day or later names, and who by all of those has not
    used the product on that day or later. Raises NotFound("startup").
    """
    company = require_startup(caller, "startup.see", startup)
    rows = [
        row for row in list_seats(caller, startup=startup, product=product)
        if row.state(caller.now) in ("taken", "to-come")
    ]
    if grant is not None:
        rows = [row for row in rows if row.grant == grant]
    if domain is not None:
        ending = "@" + domain.strip().lower().removeprefix("@")
        rows = [row for row in rows if row.email.endswith(ending)]
    if unused_since is not None:
        rows = _unused_since(rows, company.id, unused_since)
    return rows


def _unused_since(rows: Sequence[SeatRow], startup_id: int, day: date) -> list[SeatRow]:
    """The seats whose holders reports on activity that reach to the day name, with a last use before it or none.

    Of the startup's own tenant, or of the incubator's, in which it may have seats too; of that, only what was counted
    once the seat was given: nobody learns of others by giving them a seat. An older report knows nothing of the days
    since, and one on licences alone nothing of use.
    """
    names = products_by_plan(db.session.scalars(select(Product).order_by(Product.key)).all())
    told: dict[tuple[str, str], list[tuple[bool, date, date | None]]] = defaultdict(list)
    for part in chunks(sorted({row.email for row in rows})):
        for email, sku, last, owner, counted_on in db.session.execute(
            select(SeatSighting.email, SeatSighting.sku, SeatSighting.last_used_on, CountReport.startup_id,
                   CountReport.counted_on)
            .join(CountReport, CountReport.id == SeatSighting.report_id)
            .where(
                CountReport.kind == "active-users", CountReport.counted_on >= day, SeatSighting.email.in_(part),
                or_(CountReport.startup_id == startup_id, CountReport.startup_id.is_(None)),
            )
        ):
            told[names.get(sku.casefold(), ""), email].append((owner is not None, counted_on, last))

    def is_unused(row: SeatRow) -> bool:
        given = day_of(row.assigned_at)
        lasts = [last for own, on, last in told[row.product, row.email] if own or given <= on]
        return bool(lasts) and all(last is None or last < day for last in lasts)

    return [row for row in rows if is_unused(row)]


def release_matching(
    caller: Caller, config: Config, *, startup: str, product: str | None = None, grant: str | None = None,
    domain: str | None = None, unused_since: date | None = None,
) -> list[SeatRow]:
    """Releases the seats that a filter finds, as `release_all` does; those seats, as they stand afterwards.

    Raises as `matching_seats` and `release_all`, and RuleBroken("product", "no-filter") where nothing is said of them:
    all seats of a startup are not released by an oversight.
    """
    require_startup(caller, "seat.assign", startup)
    if product is None and grant is None and domain is None and unused_since is None:
        raise RuleBroken("product", "no-filter", "say which seats: a product, a grant, a domain or unused_since")
    found = {row.id for row in matching_seats(
        caller, startup=startup, product=product, grant=grant, domain=domain, unused_since=unused_since
    )}
    if found:
        release_all(caller, config, startup=startup, seat_ids=found)
    return [row for row in list_seats(caller, startup=startup) if row.id in found]


def release_all(caller: Caller, config: Config, *, startup: str, seat_ids: Collection[int]) -> int:
    """Releases seats of a startup from now on, all or none; whoever waits is seated. How many were released.

    Raises NotFound("startup" | "seat"), Forbidden, Conflict("seat", "already-over"), RuleBroken("seats", "empty").
    """
    company = require_startup(caller, "seat.assign", startup)
    if not seat_ids:
        raise RuleBroken("seats", "empty", "no seat was chosen")
    rows = {row.id: row for row in list_seats(caller, startup=startup) if row.id in set(seat_ids)}
    absent = set(seat_ids) - rows.keys()
    if absent:
        raise NotFound("seat", str(min(absent)))
    for product in by_account(company.id, {row.product for row in rows.values()}):
        desk = desk_of(caller, company, product)
        held = [one for one in held_seats(desk) if one.seat.id in rows]
        mine = [row for row in rows.values() if row.product == product.key]
        if len(held) < len(mine):
            raise Conflict("seat", "already-over", "a seat was taken back before it began")
        free_seats(desk, held, caller.now)
        waiting.seat_at(desk, config)
    return len(rows)


def by_account(startup_id: int, products: Collection[str]) -> list[Product]:
    """Products in the order in which their accounts are locked."""
    return list(db.session.scalars(
        select(Product)
        .join(Account, Account.resource_id == Product.resource_id)
        .where(Account.startup_id == startup_id, Product.key.in_(products))
        .order_by(Account.id)
    ))
