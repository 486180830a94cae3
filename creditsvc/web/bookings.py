"""A startup's hours and its bookings; the page of one booking, with whatever the reader may do with it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from marshmallow import Schema

from creditsvc.consulting import bookings, sessions
from creditsvc.consulting.consultants import consultants
from creditsvc.consulting.feeds import make_startup_feed, startup_feeds
from creditsvc.consulting.letters import told
from creditsvc.consulting.models import BOOKED, DISPUTED, LOGGED, Booking, Consultant
from creditsvc.consulting.reading import BookingView, bookings_of, by_topic, find_booking, require_step, steps_of
from creditsvc.consulting.schemas import (
    BookShape,
    CancelShape,
    ConfirmShape,
    DecideShape,
    DisputeShape,
    LogShape,
    MoveShape,
    NoteShape,
)
from creditsvc.consulting.slots import free_slots
from creditsvc.core.days import day_of, parse_day
from creditsvc.core.errors import RuleBroken
from creditsvc.db import transaction
from creditsvc.ledger.reading import holdings_of
from creditsvc.parties.access import Caller, may_with, require_startup
from creditsvc.web import session
from creditsvc.web.forms import Form, posted, submit_once

pages = session.private_pages("bookings", __name__)

DAYS_AHEAD = timedelta(days=13)
"""How many days of free slots are shown after the first."""

LENGTHS = (30, 45, 60, 90, 120, 180)
"""The lengths of sessions that are offered, in minutes."""

SHOWN = 100
"""The sessions that are over, at most, on a page."""


@dataclass(frozen=True)
class Step:
    """Something that can be done with a booking: its shape, the verb, and what is said when it is done."""

    schema: Callable[[], Schema]
    act: Callable[..., Booking]
    done: Any


STEPS: Mapping[str, Step] = {
    "cancel": Step(CancelShape, bookings.cancel, lazy_gettext("The session is cancelled.")),
    "log": Step(LogShape, sessions.log_session, lazy_gettext("The session is logged.")),
    "no-show": Step(NoteShape, sessions.no_show, lazy_gettext("It is kept that nobody came.")),
    "confirm": Step(ConfirmShape, sessions.confirm, lazy_gettext("The session is confirmed.")),
    "dispute": Step(DisputeShape, sessions.dispute, lazy_gettext("The dispute is with the incubator now.")),
    "decide": Step(DecideShape, sessions.decide, lazy_gettext("The dispute is decided.")),
    "correct": Step(DecideShape, sessions.correct, lazy_gettext("The session is corrected.")),
}


@dataclass(frozen=True)
class Choice:
    """What is chosen on the way to a slot, and the free ones by day."""

    consultant: str
    minutes: int
    first: date
    days: Mapping[date, Sequence[datetime]]


@pages.get("/startups/<key>/hours")
def hours(key: str) -> ResponseReturnValue:
    """What the startup has of hours, what is booked, and what waits for its word."""
    return _hours_page(key)


@pages.post("/startups/<key>/hours/calendar")
def make_calendar(key: str) -> ResponseReturnValue:
    """Makes a private address of the startup's calendar and shows it, once."""
    caller = session.caller()
    token = transaction(lambda: make_startup_feed(caller, key))
    return _hours_page(key, calendar_address(token))


def calendar_address(token: str) -> str:
    """The whole address that a token opens."""
    config = session.config()
    return config.base_url + url_for("calendars.feed", token=token)


def _hours_page(key: str, made: str = "") -> ResponseReturnValue:
    caller = session.caller()
    startup, views = holdings_of(caller, key, caller.now)
    found = bookings_of(caller, startup=key)
    may_book = may_with(caller, "booking.make", startup)
    return render_template(
        "hours.html", startup=startup, now=caller.now,
        accounts=[view for view in views if view.kind == "hours"], topics=by_topic(found),
        ahead=[one for one in found if one.booking.state == BOOKED],
        waiting=[one for one in found if one.booking.state in (LOGGED, DISPUTED)],
        over=[one for one in reversed(found) if one.booking.state not in (BOOKED, LOGGED, DISPUTED)][:SHOWN],
        may_book=may_book, steps_of=lambda one: steps_of(caller, one), made=made,
        feeds=startup_feeds(caller, key) if may_book else (),
    )


@pages.get("/startups/<key>/hours/book")
def choose(key: str) -> ResponseReturnValue:
    """Whom to see, for how long, and when."""
    require_startup(session.caller(), "booking.make", key)
    return _choosing(key, Form(_labels()))


@pages.post("/startups/<key>/hours/book")
def book(key: str) -> ResponseReturnValue:
    """Books the slot."""
    caller = session.caller()
    require_startup(caller, "booking.make", key)
    form = posted(_labels())
    form.typed["startup"] = key

    def act(values: dict[str, Any]) -> str:
        return url_for("bookings.one", uid=_told(caller, lambda: bookings.book(caller, **values)).uid)

    onward = submit_once(form, BookShape(), caller, act)
    if onward is None:
        return _choosing(key, form)
    flash(_("The session is booked. An invitation is on its way by mail."), "success")
    return redirect(onward, 303)


def _labels() -> dict[str, str]:
    return {
        "consultant": _("Consultant"), "minutes": _("Length"), "starts": _("Time"), "topic": _("Topic"),
        "resource": _("Kind of hours"),
    }


def _choosing(key: str, form: Form) -> ResponseReturnValue:
    caller = session.caller()
    startup, views = holdings_of(caller, key, caller.now)
    people = consultants(caller, active=True)
    choice = _choice(caller, form, people)
    accounts = [view for view in views if view.kind == "hours"]
    page = render_template(
        "book.html", startup=startup, accounts=accounts, people=people, choice=choice, lengths=LENGTHS, form=form,
        now=caller.now, kinds=[(view.resource, view.resource_name) for view in accounts],
    )
    return page, form.status


def _choice(caller: Caller, form: Form, people: Sequence[Consultant], consultant: str = "") -> Choice:
    """What the address or the form says; free slots where a consultant is chosen."""
    asked = request.values
    key = consultant or asked.get("consultant", "") or (people[0].key if len(people) == 1 else "")
    typed = asked.get("minutes", "")
    minutes = int(typed) if typed.isdecimal() and len(typed) < 5 else 60
    minutes = minutes if 0 < minutes <= max(LENGTHS) * 4 else 60
    first = day_of(caller.now)
    try:
        first = max(parse_day(asked["day"], "day"), first) if asked.get("day") else first
        found = free_slots(caller, key, first, first + DAYS_AHEAD, minutes) if key else []
    except RuleBroken as error:
        form.show(error)
        found = []
    days: dict[date, list[datetime]] = {}
    for at in found:
        days.setdefault(day_of(at), []).append(at)
    form.typed.setdefault("consultant", key)
    form.typed["minutes"] = str(minutes)
    return Choice(key, minutes, first, days)


@pages.get("/bookings/<uid>")
def one(uid: str) -> ResponseReturnValue:
    """A booking: what is agreed, what became of it, and what the reader may do with it."""
    return _booking_page(uid, Form(_step_labels()))


@pages.post("/bookings/<uid>/<step>")
def act(uid: str, step: str) -> ResponseReturnValue:
    """Does a step with a booking and goes back to where it was asked from."""
    kind = STEPS.get(step)
    if kind is None:
        abort(404)
    caller = session.caller()
    require_step(caller, find_booking(caller, uid), step)
    form = posted(_step_labels())

    def do(values: dict[str, Any]) -> str:
        _told(caller, lambda: kind.act(caller, uid, **values))
        return url_for("bookings.one", uid=uid)

    onward = submit_once(form, kind.schema(), caller, do)
    if onward is None:
        return _booking_page(uid, form)
    flash(kind.done, "success")
    # not kept with the answer: it may be of any length
    return redirect(session.safe_next(request.form.get("next") or onward), 303)


def _told(caller: Caller, step: Callable[[], Booking]) -> Booking:
    """Does a step, and queues the letters of it in the same transaction."""
    return told(step, caller, session.config())


def _step_labels() -> dict[str, str]:
    return {"minutes": _("Minutes"), "note": _("Note"), "reason": _("Reason")}


def _booking_page(uid: str, form: Form) -> ResponseReturnValue:
    caller = session.caller()
    found = find_booking(caller, uid)
    page = render_template(
        "booking.html", found=found, booking=found.booking, form=form, steps=steps_of(caller, found), now=caller.now,
        sees_startup=found.booking.startup_id in caller.memberships or session.allowed("startup.see"),
    )
    return page, form.status


@pages.route("/bookings/<uid>/move", methods=["GET", "POST"])
def move(uid: str) -> ResponseReturnValue:
    """Another slot for a booking, or another length."""
    caller = session.caller()
    found = find_booking(caller, uid)
    require_startup(caller, "booking.make", found.startup)
    form = posted(_labels())
    if request.method == "POST":

        def do(values: dict[str, Any]) -> str:
            _told(caller, lambda: bookings.move(caller, uid, **values))
            return url_for("bookings.one", uid=uid)

        onward = submit_once(form, MoveShape(), caller, do)
        if onward is not None:
            flash(_("The session is moved. An invitation is on its way by mail."), "success")
            return redirect(onward, 303)
        found = find_booking(caller, uid)  # a refusal ends what was read
    return _moving(caller, found, form)


def _moving(caller: Caller, found: BookingView, form: Form) -> ResponseReturnValue:
    form.typed["minutes"] = request.values.get("minutes") or str(found.minutes)
    choice = _choice(caller, form, (), found.consultant)
    page = render_template(
        "booking_move.html", found=found, booking=found.booking, choice=choice,
        lengths=sorted({*LENGTHS, found.minutes}), form=form, now=caller.now,
    )
    return page, form.status
