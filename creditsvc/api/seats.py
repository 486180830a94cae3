"""Seats of software: who has one, assigning, releasing, transferring, and who waits."""

from typing import Any

from flask import Response, url_for

from creditsvc.api.paging import id_cursor, page
from creditsvc.api.routes import get, new_blueprint, post
from creditsvc.api.schemas import NothingSchema
from creditsvc.api.seat_schemas import (
    ManySeatsSchema,
    OutcomeListSchema,
    SeatListSchema,
    SeatQuerySchema,
    SeatSchema,
    WishListSchema,
    WishQuerySchema,
    WishSchema,
)
from creditsvc.api.tokens import current_caller, current_config
from creditsvc.api.writes import write_once, write_or_try
from creditsvc.core.days import as_of_instant, instant_text
from creditsvc.core.errors import NotFound, RuleBroken
from creditsvc.db import MAX_ID
from creditsvc.licences import bulk, seats, waiting
from creditsvc.licences.reading import SeatRow, find_seat, list_seats, seat_document
from creditsvc.licences.seat_schemas import (
    BulkShape,
    OneStartupAssignShape,
    OneStartupMoveShape,
    PlaceShape,
    ReleaseMatchingShape,
    ReleaseShape,
    TransferShape,
    WishShape,
)
from creditsvc.licences.seating import check_email, check_name
from creditsvc.licences.waiting import WishView
from creditsvc.parties.once import Answer

blueprint = new_blueprint("seats", "Seats of software: who has one from when until when, and who waits for one.")

SEAT = f"int(max={MAX_ID}):seat_id"
WISH = f"int(max={MAX_ID}):wish_id"
SEAT_STEPS = dict.fromkeys(("get_seat", "release_seat", "transfer_seat"), "seat_id")
WISH_STEPS = dict.fromkeys(("get_seat_wish", "withdraw_seat_wish", "place_seat_wish", "seat_by_hand"), "wish_id")


@get(blueprint, "/seats", query=SeatQuerySchema, answers=SeatListSchema)
def list_all_seats(query: dict[str, Any]) -> dict[str, Any]:
    """The seats you may see, in the order in which they were given; a filter that names nothing leaves nothing."""
    caller, at = current_caller(), query.get("at")
    instant, after = None if at is None else as_of_instant(at, "at"), id_cursor(query.get("after"))
    try:
        found = list_seats(
            caller, startup=query.get("startup"), product=query.get("product"), limit=query["limit"] + 1, at=instant,
            after=after,
        )
    except NotFound:
        found = []
    return page(found, query["limit"], lambda row: seat_document(row, caller.now), lambda row: str(row.id))


@get(blueprint, f"/seats/<{SEAT}>", answers=SeatSchema)
def get_seat(seat_id: int) -> dict[str, Any]:
    """One seat, also one that is over."""
    caller = current_caller()
    return seat_document(find_seat(caller, seat_id), caller.now)


@post(blueprint, "/seats", scope="award", body=OneStartupAssignShape, answers=SeatSchema, status=201,
      next_steps=SEAT_STEPS)
def assign_seat(body: dict[str, Any]) -> Response:
    """Gives somebody a seat of a product, or of one of its grants.

    When none is free throughout, the refusal says how many are free and when the next one frees.
    """
    caller = current_caller()
    return _seat(lambda: seats.assign(caller, **body).seat_id, 201)


@post(blueprint, "/seats/bulk", scope="award", body=BulkShape, answers=OutcomeListSchema)
def assign_seats(body: dict[str, Any]) -> Response:
    """Gives many people seats, in their order, as many as fit."""
    caller = current_caller()

    def act() -> Answer:
        outcomes = bulk.assign_all(caller, current_config(), **{**body, "people": _people(body["people"])})
        return Answer(200, {"items": [one.as_json() for one in outcomes]})

    return write_once(act)


def _people(sent: list[dict[str, str]]) -> list[bulk.Person]:
    people: dict[str, bulk.Person] = {}
    for number, one in enumerate(sent, start=1):
        email, name = check_email(one["email"], "people"), check_name(one["name"], "people")
        if email in people:
            raise RuleBroken("people", "twice", "line %(line)s: %(value)r stands in line %(first)s already",
                             line=number, value=email, first=people[email].line)
        people[email] = bulk.Person(number, email, name)
    return list(people.values())


@post(blueprint, f"/seats/<{SEAT}>/release", scope="award", body=ReleaseShape, answers=SeatSchema, required=False)
def release_seat(body: dict[str, Any], seat_id: int) -> Response:
    """Frees a seat from a day or an instant on, from now unless given; whoever waits first is seated."""
    caller = current_caller()
    return _seat(lambda: seats.release(caller, current_config(), seat_id, **body).seat_id)


@post(blueprint, f"/seats/<{SEAT}>/transfer", scope="award", body=TransferShape, answers=SeatSchema, status=201,
      next_steps=SEAT_STEPS)
def transfer_seat(body: dict[str, Any], seat_id: int) -> Response:
    """Gives the rest of a seat to somebody else; their seat is answered."""
    caller = current_caller()
    return _seat(lambda: seats.transfer(caller, seat_id, **body).seat_id, 201)


@post(blueprint, "/seats/move", scope="award", body=OneStartupMoveShape, answers=ManySeatsSchema)
def move_seats(body: dict[str, Any]) -> Response:
    """Moves people of a grant to the one that succeeds it, all or none; their new seats are answered."""
    caller = current_caller()

    def act() -> Answer:
        moved = {paper.seat_id for paper in seats.move(caller, **body)}
        rows = [row for row in list_seats(caller, startup=body["startup"]) if row.id in moved]
        return Answer(200, _many(rows, dry_run=False))

    return write_once(act)


@post(blueprint, "/seats/release", scope="award", body=ReleaseMatchingShape, answers=ManySeatsSchema)
def release_seats(body: dict[str, Any]) -> Response:
    """Releases the seats of a startup that a filter finds, all or none; those are answered.

    `unused_since`: of whom a publisher's report on activity of that day or later names, and who by all of those has
    not used the product on that day or later.
    """
    caller, which = current_caller(), dict(body)
    dry_run = which.pop("dry_run")
    return write_or_try(
        lambda: Answer(200, _many(bulk.release_matching(caller, current_config(), **which), dry_run=dry_run)),
        dry_run=dry_run,
    )


def _many(rows: list[SeatRow], *, dry_run: bool) -> dict[str, Any]:
    now = current_caller().now
    return {"items": [seat_document(row, now) for row in rows], "dry_run": dry_run}


@get(blueprint, "/seat-wishes", query=WishQuerySchema, answers=WishListSchema)
def list_seat_wishes(query: dict[str, Any]) -> dict[str, Any]:
    """Who waits for seats, in order; a filter that names nothing leaves nothing."""
    after = id_cursor(query.get("after"))
    try:
        found = waiting.wishes_of(current_caller(), startup=query.get("startup"), product=query.get("product"))
    except NotFound:
        found = []
    if after is not None:
        places = [place for place, view in enumerate(found, start=1) if view.wish.id == after]
        found = found[places[0] if places else len(found):]
    return page(found[: query["limit"] + 1], query["limit"], _wish_document, lambda view: str(view.wish.id))


@get(blueprint, f"/seat-wishes/<{WISH}>", answers=WishSchema)
def get_seat_wish(wish_id: int) -> dict[str, Any]:
    """Somebody who waits, or waited."""
    return _wish_document(waiting.find_wish(current_caller(), wish_id))


@post(blueprint, "/seat-wishes", scope="award", body=WishShape, answers=WishSchema, status=201, next_steps=WISH_STEPS)
def wait_for_seat(body: dict[str, Any]) -> Response:
    """Puts somebody at the end of a waiting list; seated at once where a seat is free."""
    caller = current_caller()

    def act() -> Answer:
        wish_id = waiting.wait(caller, current_config(), **body).id
        return Answer(201, _wish_document(waiting.find_wish(caller, wish_id)),
                      url_for("api_seats.get_seat_wish", wish_id=wish_id))

    return write_once(act)


@post(blueprint, f"/seat-wishes/<{WISH}>/withdraw", scope="award", body=NothingSchema, answers=WishSchema,
      required=False)
def withdraw_seat_wish(body: dict[str, Any], wish_id: int) -> Response:
    """Takes somebody from a waiting list."""
    caller = current_caller()

    def act() -> Answer:
        waiting.withdraw(caller, wish_id)
        return Answer(200, _wish_document(waiting.find_wish(caller, wish_id)))

    return write_once(act)


@post(blueprint, f"/seat-wishes/<{WISH}>/place", scope="award", body=PlaceShape, answers=WishSchema)
def place_seat_wish(body: dict[str, Any], wish_id: int) -> Response:
    """Puts somebody who waits at a place, counted from 1. For managers."""
    caller = current_caller()

    def act() -> Answer:
        waiting.put_in_place(caller, wish_id, body["place"])
        return Answer(200, _wish_document(waiting.find_wish(caller, wish_id)))

    return write_once(act)


@post(blueprint, f"/seat-wishes/<{WISH}>/seat", scope="award", body=NothingSchema, answers=SeatSchema, required=False)
def seat_by_hand(body: dict[str, Any], wish_id: int) -> Response:
    """Seats somebody who waits before those in front of them. For managers."""
    caller = current_caller()
    return _seat(lambda: waiting.seat_by_hand(caller, current_config(), wish_id).seat_id)


def _seat(act: Any, status: int = 200) -> Response:
    """Does it once, and answers the seat."""
    caller = current_caller()

    def answer() -> Answer:
        seat_id = act()
        location = url_for("api_seats.get_seat", seat_id=seat_id) if status == 201 else ""
        return Answer(status, seat_document(find_seat(caller, seat_id), caller.now), location)

    return write_once(answer)


def _wish_document(view: WishView) -> dict[str, Any]:
    """Somebody who waits, as JSON."""
    wish = view.wish
    return {
        "id": wish.id, "startup": view.startup, "product": view.product, "email": wish.email, "name": wish.name,
        "state": wish.state, "place": view.place, "asked_at": instant_text(wish.asked_at), "asked_by": wish.asked_by,
        "settled_at": instant_text(wish.settled_at), "seat_id": wish.seat_id,
    }
