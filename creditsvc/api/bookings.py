"""Consultants, their free slots, and bookings with every step that can be done with one."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Response, current_app, url_for

from creditsvc.api.booking_schemas import (
    BookingListSchema,
    BookingQuerySchema,
    BookingSchema,
    ConsultantListSchema,
    PeriodQuerySchema,
    SlotListSchema,
    SlotQuerySchema,
    UtilisationSchema,
)
from creditsvc.api.paging import page, page_of_all
from creditsvc.api.routes import get, new_blueprint, post
from creditsvc.api.schemas import PagingSchema
from creditsvc.api.tokens import current_caller
from creditsvc.api.writes import write_once
from creditsvc.consulting import bookings, sessions
from creditsvc.consulting.consultants import consultants
from creditsvc.consulting.letters import told
from creditsvc.consulting.models import Booking, Consultant
from creditsvc.consulting.reading import booking_document, bookings_of, find_booking
from creditsvc.consulting.schemas import (
    BookShape,
    CancelShape,
    ConfirmShape,
    DecideShape,
    DisputeShape,
    LogShape,
    LogUnbookedShape,
    MoveShape,
    NoteShape,
)
from creditsvc.consulting.slots import free_slots
from creditsvc.consulting.utilisation import utilisation, utilisation_document
from creditsvc.core.amounts import format_amount, unit_named
from creditsvc.core.days import ends_at, instant_text, starts_at
from creditsvc.parties.once import Answer

blueprint = new_blueprint("bookings", "Consultants, when they are free, and bookings from the slot to its end.")

BOOKING_STEPS = dict.fromkeys(
    ("get_booking", "move_booking", "cancel_booking", "log_session", "keep_no_show", "confirm_session",
     "dispute_session", "decide_dispute", "correct_session"), "uid",
)
"""What can be done with a booking once it is made."""


@get(blueprint, "/consultants", query=PagingSchema, answers=ConsultantListSchema)
def list_all_consultants(query: dict[str, Any]) -> dict[str, Any]:
    """The consultants that you may see, by key."""
    caller = current_caller()
    with_rate = not caller.is_member
    return page_of_all(
        consultants(caller), query, lambda one: _shown_consultant(one, with_rate), lambda one: one.key
    )


@get(blueprint, "/consultants/<consultant>/slots", query=SlotQuerySchema, answers=SlotListSchema)
def list_slots(query: dict[str, Any], consultant: str) -> dict[str, Any]:
    """When a consultant is free for a session of some minutes."""
    found = free_slots(current_caller(), consultant, query["first"], query["last"], query["minutes"])
    length = timedelta(minutes=query["minutes"])
    return {"items": [{"starts_at": instant_text(at), "ends_at": instant_text(at + length)} for at in found]}


@get(blueprint, "/consulting/utilisation", query=PeriodQuerySchema, answers=UtilisationSchema)
def read_utilisation(query: dict[str, Any]) -> dict[str, Any]:
    """How much of the hours that consultants offer from day to day is taken, by consultant and by programme."""
    begins, ends = starts_at(query["first"]), ends_at(query["last"])
    return utilisation_document(utilisation(current_caller(), begins, ends), begins, ends)


@get(blueprint, "/bookings", query=BookingQuerySchema, answers=BookingListSchema)
def list_bookings(query: dict[str, Any]) -> dict[str, Any]:
    """The bookings you may see, by their start."""
    found = bookings_of(
        current_caller(), startup=query.get("startup"), consultant=query.get("consultant"),
        states=(query["state"],) if "state" in query else (), first=query.get("first"), last=query.get("last"),
        after=query.get("after"), limit=query["limit"] + 1,
    )
    return page(found, query["limit"], booking_document, lambda view: view.uid)


@get(blueprint, "/bookings/<uid>", answers=BookingSchema)
def get_booking(uid: str) -> dict[str, Any]:
    """One booking, and what has become of it by now."""
    return booking_document(find_booking(current_caller(), uid))


@post(
    blueprint, "/bookings", scope="admin", body=BookShape, answers=BookingSchema, status=201, next_steps=BOOKING_STEPS
)
def make_booking(body: dict[str, Any]) -> Response:
    """Books a consultant for a startup in a free slot; the minutes are held of the hours that are valid at its start.

    `resource` is needed where the startup has hours of several kinds.
    """
    caller = current_caller()
    return _step(lambda: bookings.book(caller, **body), 201)


@post(
    blueprint, "/unbooked-sessions", scope="admin", body=LogUnbookedShape, answers=BookingSchema, status=201,
    next_steps=BOOKING_STEPS,
)
def log_unbooked(body: dict[str, Any]) -> Response:
    """Keeps a session that nobody had booked: its minutes are used at once, and a correction can change them."""
    caller = current_caller()
    return _step(lambda: sessions.log_unbooked(caller, **body), 201)


@post(blueprint, "/bookings/<uid>/move", scope="admin", body=MoveShape, answers=BookingSchema)
def move_booking(body: dict[str, Any], uid: str) -> Response:
    """Moves a session to another free slot, or makes it longer or shorter."""
    caller = current_caller()
    return _step(lambda: bookings.move(caller, uid, **body))


@post(blueprint, "/bookings/<uid>/cancel", scope="admin", body=CancelShape, answers=BookingSchema, required=False)
def cancel_booking(body: dict[str, Any], uid: str) -> Response:
    """Calls a session off. Late, by the startup, it uses a share of what was booked, as the programme's policy says."""
    caller = current_caller()
    return _step(lambda: bookings.cancel(caller, uid, **body))


@post(blueprint, "/bookings/<uid>/log", scope="admin", body=LogShape, answers=BookingSchema)
def log_session(body: dict[str, Any], uid: str) -> Response:
    """Says how long a session was; the startup confirms or disputes it."""
    caller = current_caller()
    return _step(lambda: sessions.log_session(caller, uid, **body))


@post(blueprint, "/bookings/<uid>/no-show", scope="admin", body=NoteShape, answers=BookingSchema, required=False)
def keep_no_show(body: dict[str, Any], uid: str) -> Response:
    """Says that nobody of the startup came, which uses what the programme's policy says."""
    caller = current_caller()
    return _step(lambda: sessions.no_show(caller, uid, **body))


@post(blueprint, "/bookings/<uid>/confirm", scope="admin", body=ConfirmShape, answers=BookingSchema, required=False)
def confirm_session(body: dict[str, Any], uid: str) -> Response:
    """Confirms what was logged, for the startup; with `minutes` only if those are logged still."""
    caller = current_caller()
    return _step(lambda: sessions.confirm(caller, uid, **body))


@post(blueprint, "/bookings/<uid>/dispute", scope="admin", body=DisputeShape, answers=BookingSchema)
def dispute_session(body: dict[str, Any], uid: str) -> Response:
    """Says for the startup what is wrong with what was logged; the incubator decides."""
    caller = current_caller()
    return _step(lambda: sessions.dispute(caller, uid, **body))


@post(blueprint, "/bookings/<uid>/decide", scope="admin", body=DecideShape, answers=BookingSchema)
def decide_dispute(body: dict[str, Any], uid: str) -> Response:
    """Decides a dispute: so many minutes count."""
    caller = current_caller()
    return _step(lambda: sessions.decide(caller, uid, **body))


@post(blueprint, "/bookings/<uid>/correct", scope="admin", body=DecideShape, answers=BookingSchema)
def correct_session(body: dict[str, Any], uid: str) -> Response:
    """Corrects afterwards what a session used; the difference is posted."""
    caller = current_caller()
    return _step(lambda: sessions.correct(caller, uid, **body))


def _step(act: Callable[[], Booking], status: int = 200) -> Response:
    caller = current_caller()

    def answer() -> Answer:
        view = find_booking(caller, told(act, caller, current_app.config["CREDITSVC"]).uid)
        location = url_for("api_bookings.get_booking", uid=view.uid) if status == 201 else ""
        return Answer(status, booking_document(view), location)

    return write_once(answer)


def _shown_consultant(one: Consultant, with_rate: bool) -> dict[str, Any]:
    rate = None
    if with_rate and one.rate is not None and one.currency is not None:
        rate = format_amount(one.rate, unit_named(one.currency))
    return {
        "key": one.key,
        "name": one.name,
        "timezone": one.timezone,
        "languages": list(one.languages),
        "skills": list(one.skills),
        "slot_minutes": one.slot_minutes,
        "notice_hours": one.notice_hours,
        "active": one.active,
        "rate": rate,
        "currency": one.currency if rate is not None else None,
    }
