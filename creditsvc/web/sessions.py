"""A consultant's pages: today, next, what is to log; hours by month and startup with their export."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from creditsvc.consulting.consultants import consultant_of
from creditsvc.consulting.models import BOOKED, CANCELLED, DISPUTED, LOGGED, Consultant
from creditsvc.consulting.reading import BookingView, bookings_of, by_startup_and_month
from creditsvc.core.amounts import Unit
from creditsvc.core.days import day_of, last_day_of_months, parse_moment, starts_at, zone_named
from creditsvc.core.errors import NotFound, RuleBroken
from creditsvc.core.spreadsheets import CSV, XLSX, Cell, csv_file
from creditsvc.web import session
from creditsvc.web.downloads import download
from creditsvc.web.forms import Form
from creditsvc.web.show import month_word
from creditsvc.workbooks import amount_cell, book_of

pages = session.private_pages("sessions", __name__)

MONTHS_SHOWN = 12
HOURS = Unit("hour", 60)
COLUMNS = (
    lazy_gettext("Month"), lazy_gettext("Day"), lazy_gettext("Begins"), lazy_gettext("Key"), lazy_gettext("Startup"),
    lazy_gettext("Topic"), lazy_gettext("State"), lazy_gettext("Minutes booked"), lazy_gettext("Minutes used"),
    lazy_gettext("Hours used"), lazy_gettext("Rate for an hour"), lazy_gettext("Currency"), lazy_gettext("Amount"),
    lazy_gettext("Booking"),
)
"""The columns of the export: one line for each session that used something, or that will."""


@pages.get("/sessions")
def mine() -> ResponseReturnValue:
    """Today, what comes next, and what is to log."""
    caller = session.caller()
    consultant = _consultant()
    zone = zone_named(consultant.timezone)
    found = bookings_of(caller, consultant=consultant.key, states=(BOOKED, LOGGED, DISPUTED))
    today = day_of(caller.now, zone)
    booked = [one for one in found if one.booking.state == BOOKED]
    return render_template(
        "sessions.html", consultant=consultant, now=caller.now,
        to_log=[(one, Form({})) for one in booked if one.booking.starts <= caller.now],
        today=[one for one in booked if one.booking.starts > caller.now and day_of(one.booking.starts, zone) == today],
        coming=[one for one in booked if day_of(one.booking.starts, zone) > today],
        waiting=[one for one in found if one.booking.state in (LOGGED, DISPUTED)],
    )


@pages.get("/sessions/hours")
def hours() -> ResponseReturnValue:
    """Hours by month and startup."""
    caller = session.caller()
    consultant = _consultant()
    zone = zone_named(consultant.timezone)
    first = day_of(caller.now, zone).replace(day=1)
    for _month in range(MONTHS_SHOWN - 1):
        first = (first - timedelta(days=1)).replace(day=1)
    found = bookings_of(caller, consultant=consultant.key, first=starts_at(first, zone))
    return render_template(
        "session_hours.html", consultant=consultant, sums=by_startup_and_month(found, zone),
        this_month=day_of(caller.now, zone).strftime("%Y-%m"),
    )


@pages.get("/sessions/export.<kind>")
def export(kind: str) -> ResponseReturnValue:
    """The sessions of a month as CSV or as a workbook, to make an invoice of."""
    if kind not in ("csv", "xlsx"):
        raise NotFound("export", kind)
    caller = session.caller()
    consultant = _consultant()
    zone = zone_named(consultant.timezone)
    month = request.args.get("month") or day_of(caller.now, zone).strftime("%Y-%m")
    first = _first_of(month)
    last = last_day_of_months(first, 1) + timedelta(days=1)
    found = bookings_of(
        caller, consultant=consultant.key, first=starts_at(first, zone), last=starts_at(last, zone)
    )
    lines = [_line(one, consultant, zone) for one in found if one.booking.state != CANCELLED
             or one.booking.settled_minutes]
    rows, name = [[str(column) for column in COLUMNS], *lines], f"sessions-{consultant.key}-{month}.{kind}"
    if kind == "csv":
        return download(csv_file(rows), CSV, name)
    return download(book_of([("sessions", rows)], caller.now), XLSX, name)


def _consultant() -> Consultant:
    """The consultant who is signed in; for anybody else there is no such page."""
    found = consultant_of(session.caller())
    if found is None:
        raise NotFound("consultant")
    return found


def _first_of(month: str) -> date:
    try:
        moment = parse_moment(f"{month}-01", "month")
    except RuleBroken as error:
        raise RuleBroken("month", "not-a-month", _("Write a month such as 2026-06.")) from error
    if isinstance(moment, datetime):
        raise RuleBroken("month", "not-a-month", _("Write a month such as 2026-06."))
    return moment


def _line(one: BookingView, consultant: Consultant, zone: ZoneInfo) -> Sequence[Cell]:
    """A session as a line of the export; money in whole steps of 10^-8, rounded half up."""
    starts = one.booking.starts.astimezone(zone)
    used = one.booking.settled_minutes or 0
    # what is to come has no rate of its own yet
    of_rate = consultant if one.booking.state == BOOKED else one.booking
    rate, currency = of_rate.rate, of_rate.currency or ""
    money = Unit(currency, 10**8)
    amount = None if rate is None else amount_cell((2 * rate * used + 60) // 120, money)
    return (
        month_word(starts.date()), starts.date(), starts.strftime("%H:%M"), one.startup, one.startup_name,
        one.booking.topic, _state_word(one.booking.state), one.minutes, used, amount_cell(used, HOURS),
        None if rate is None else amount_cell(rate, money), currency, amount, one.uid,
    )


def _state_word(state: str) -> str:
    words = {
        "booked": _("Booked"), "logged": _("Logged, to confirm"), "disputed": _("Disputed"),
        "confirmed": _("Confirmed"), "cancelled": _("Cancelled"),
    }
    return str(words.get(state, _("Nobody came")))
