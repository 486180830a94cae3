"""Writing down who was seated: the book's facts, the paper, keys, the trail, and that they wait no more."""

from collections.abc import Sequence

from sqlalchemy import select

from creditsvc.core.days import instant_text
from creditsvc.core.errors import RuleBroken
from creditsvc.db import db
from creditsvc.ledger import book
from creditsvc.ledger.additions import Additions, SeatEndTerms
from creditsvc.ledger.book import Cause
from creditsvc.ledger.seats import SeatView, clipped
from creditsvc.licences.desk import Desk, Placed
from creditsvc.licences.models import SEATED, WAITING, SeatAssignment, SeatWish
from creditsvc.mail.outbox import check_address
from creditsvc.parties.trail import record_all

LONGEST_EMAIL, LONGEST_NAME, LONGEST_NOTE = 254, 200, 500


def check_email(email: str, field: str = "email") -> str:
    """The address in small letters. Raises RuleBroken(field, "not-an-address")."""
    address = email.strip().lower()
    try:
        if len(address) <= LONGEST_EMAIL:
            check_address(address)
            return address
    except RuleBroken:
        pass
    raise RuleBroken(
        field, "not-an-address", "%(value)r is no mail address: write one such as founder@example.com",
        value=email[:LONGEST_EMAIL],
    )


def check_name(name: str, field: str = "name") -> str:
    """The name without spaces around it. Raises RuleBroken(field, "not-a-name")."""
    stripped = name.strip()
    if not stripped or not stripped.isprintable() or len(stripped) > LONGEST_NAME:
        raise RuleBroken(field, "not-a-name", "A name has 1 to 200 characters on one line.")
    return stripped


def check_note(note: str) -> str:
    """The note without spaces around it. Raises RuleBroken("note", "not-a-note")."""
    stripped = note.strip()
    if len(stripped) > LONGEST_NOTE or not all(c.isprintable() or c in "\r\n\t" for c in stripped):
        raise RuleBroken("note", "not-a-note", "A note has at most 500 characters.")
    return stripped


def seat_all(
    desk: Desk, placed: Sequence[Placed], ends: Sequence[SeatEndTerms] = (), cause: Cause | None = None
) -> list[SeatAssignment]:
    """Writes down seats that were placed at a desk, with seats that end in the same act; their papers in that order.

    Each seat of a product that comes by key gets a key (`handing`); whoever waited for the product waits no more.
    """
    caller, account = desk.caller, desk.account
    new = Additions(
        seats=tuple(one.terms for one in placed),
        seat_ends=(*ends, *(end for one in placed for end in one.ends)),
    )
    cause = cause or Cause("assign", f"product:{desk.product.key}", caller.actor)
    ids = book.post([account], cause, additions={account.id: new}).seats[account.id]
    papers = [
        SeatAssignment(
            seat_id=seat_id, startup_id=desk.startup.id, product_id=desk.product.id, email=one.wanted.email,
            name=one.wanted.name, note=one.wanted.note, assigned_by=caller.actor, assigned_at=caller.now,
            transferred_from=one.wanted.transferred_from,
        )
        for seat_id, one in zip(ids, placed, strict=True)
    ]
    db.session.add_all(papers)
    db.session.flush()
    if desk.keys is not None:
        for paper, one in zip(papers, placed, strict=True):
            until = one.terms.until_at
            seat = SeatView(paper.seat_id, account.id, one.lot.fact.id, one.lot.lot.key, one.terms.from_at, until,
                            clipped(until, one.lot.lot))
            desk.keys.hand(caller, one.lot, seat, paper.email, after=paper.transferred_from,
                           new_key=one.wanted.new_key)
    record_all(caller, "seat.assigned", [
        (f"startup:{desk.startup.key}", {
            "seat": paper.seat_id, "product": desk.product.key, "grant": one.lot.lot.key, "person": paper.email,
            "from": instant_text(one.terms.from_at), "until": instant_text(one.terms.until_at),
            "transferred_from": paper.transferred_from,
        })
        for paper, one in zip(papers, placed, strict=True)
    ])
    _settle_wishes(desk, papers)
    return papers


def _settle_wishes(desk: Desk, papers: Sequence[SeatAssignment]) -> None:
    seats = {paper.email: paper.seat_id for paper in papers}
    wishes = db.session.scalars(
        select(SeatWish).where(
            SeatWish.account_id == desk.account.id, SeatWish.state == WAITING, SeatWish.email.in_(seats)
        )
    )
    for wish in wishes:
        wish.state, wish.seat_id, wish.settled_at = SEATED, seats[wish.email], desk.caller.now
    db.session.flush()
