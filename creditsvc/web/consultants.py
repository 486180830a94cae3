"""Consultants: who they are, when they work, and the private addresses of their calendars."""

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from marshmallow import EXCLUDE, Schema, fields, pre_load, validate

from creditsvc.consulting import consultants as people
from creditsvc.consulting.consultants import find_consultant, require_own, weekly_of
from creditsvc.consulting.feeds import consultant_feeds, make_consultant_feed, revoke_feed
from creditsvc.consulting.models import Consultant
from creditsvc.core.amounts import format_amount, unit_named
from creditsvc.core.days import day_of, zone_named
from creditsvc.core.errors import RuleBroken
from creditsvc.core.free_slots import Weekly
from creditsvc.db import transaction
from creditsvc.parties.access import Caller, require
from creditsvc.parties.fields import Amount, Day, WholeNumber
from creditsvc.web import session
from creditsvc.web.bookings import calendar_address
from creditsvc.web.forms import Form, attempt, posted, shape, submit_once

pages = session.private_pages("consultants", __name__)

DAYS_SHOWN = timedelta(days=366)
_STRETCH = re.compile(r"^(\d{1,2}):(\d{2})\s*[-\N{EN DASH}]\s*(\d{1,2}):(\d{2})$")


class ConsultantShape(Schema):
    """Who a consultant is, as it is typed; skills and languages with commas between them."""

    class Meta:
        """marshmallow's options."""

        unknown = EXCLUDE

    key = fields.String(load_default="")
    name = fields.String(required=True, validate=validate.Length(1, 200))
    email = fields.String(load_default=None)
    timezone = fields.String(required=True)
    languages = fields.List(fields.String(validate=validate.Length(1, 40)), load_default=[])
    skills = fields.List(fields.String(validate=validate.Length(1, 80)), load_default=[])
    rate = Amount(load_default=None)
    currency = fields.String(load_default=None)
    holidays = fields.String(load_default="")
    slot_minutes = WholeNumber(required=True)
    notice_hours = WholeNumber(required=True)

    @pre_load
    def split(self, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Lists from what stands between commas."""
        lists: dict[str, Any] = {
            name: [each.strip() for each in data[name].split(",") if each.strip()]
            for name in ("languages", "skills") if name in data
        }
        return {**data, **lists}


class DayShape(Schema):
    """A day that is not like its weekday."""

    day = Day(required=True)
    kind = fields.String(required=True)
    hours = fields.String(load_default="")
    reason = fields.String(load_default="", validate=validate.Length(max=300))


@pages.get("/consultants")
def listing() -> ResponseReturnValue:
    """All consultants."""
    caller = session.caller()
    require(caller, "startups.list")
    return render_template("consultants.html", found=people.consultants(caller))


@pages.route("/consultants/new", methods=["GET", "POST"])
def new() -> ResponseReturnValue:
    """The form for a new consultant."""
    caller = session.caller()
    require(caller, "consultant.edit")
    form = posted(_labels())
    if request.method == "GET":
        form.typed.update({"timezone": "Asia/Hong_Kong", "slot_minutes": "30", "notice_hours": "12", "holidays": "HK"})

    def act(values: dict[str, Any]) -> str:
        return url_for("consultants.availability", consultant=people.add_consultant(caller, **values).key)

    return _form_page(form, caller, act, None, _("The consultant is added. Now say when they work."))


@pages.route("/consultants/<consultant>/edit", methods=["GET", "POST"])
def edit(consultant: str) -> ResponseReturnValue:
    """The form to change a consultant."""
    caller = session.caller()
    require(caller, "consultant.edit")
    there = find_consultant(consultant)
    form = posted({**_labels(), "active": _("Can be booked")})
    if request.method == "GET":
        form.fill(_typed(there))

    def act(values: dict[str, Any]) -> str:
        del values["key"]
        form.refuse_changed(_typed(find_consultant(consultant, locked=True)))
        people.edit_consultant(caller, consultant, active=bool(form.typed["active"]), **values)
        return url_for("consultants.listing")

    return _form_page(form, caller, act, consultant, _("The consultant is changed."))


def _labels() -> dict[str, str]:
    return {
        "key": _("Key"), "name": _("Name"), "email": _("Mail address they sign in with"), "timezone": _("Time zone"),
        "languages": _("Languages"), "skills": _("Skills"), "rate": _("Rate for an hour"), "currency": _("Currency"),
        "holidays": _("Holidays"), "slot_minutes": _("Sessions begin every"), "notice_hours": _("Notice, in hours"),
    }


def _typed(there: Consultant) -> dict[str, str]:
    has_rate = there.rate is not None and there.currency is not None
    return {
        "key": there.key, "name": there.name, "email": people.email_of(there) or "", "timezone": there.timezone,
        "languages": ", ".join(there.languages), "skills": ", ".join(there.skills),
        "rate": format_amount(there.rate or 0, unit_named(there.currency or "")) if has_rate else "",
        "currency": there.currency or "", "holidays": there.holidays, "slot_minutes": str(there.slot_minutes),
        "notice_hours": str(there.notice_hours), "active": "true" if there.active else "",
    }


def _form_page(
    form: Form, caller: Caller, act: Callable[[dict[str, Any]], str], consultant: str | None, done: str
) -> ResponseReturnValue:
    if request.method == "POST":
        onward = submit_once(form, ConsultantShape(), caller, act)
        if onward is not None:
            flash(done, "success")
            return redirect(onward, 303)
    there = None if consultant is None else find_consultant(consultant)  # a refusal ends what was read
    steps = [(str(step), _("%(minutes)s min", minutes=step)) for step in people.STEPS]
    page = render_template("consultant_form.html", form=form, there=there, steps=steps)
    return page, form.status


@pages.get("/consultants/<consultant>/availability")
def availability(consultant: str) -> ResponseReturnValue:
    """When a consultant works, which days are otherwise, and the addresses of their calendar."""
    return _availability_page(consultant)


@pages.post("/consultants/<consultant>/hours")
def set_hours(consultant: str) -> ResponseReturnValue:
    """Sets the weekly hours."""
    caller = session.caller()
    require_own(caller, find_consultant(consultant))
    form = posted(_weekdays())
    weekly: list[Weekly] = []
    for number, name in enumerate(form.labels):
        try:
            weekly += [Weekly(number, *stretch) for stretch in _stretches(form.value(name), name)]
        except RuleBroken as error:
            form.show(error)

    def keep() -> bool:
        form.refuse_changed(_hours(find_consultant(consultant, locked=True)))
        people.set_weekly_hours(caller, consultant, weekly)
        return True

    if not form.is_refused and attempt(form, keep):
        flash(_("The weekly hours are kept. What is booked stays booked."), "success")
        return redirect(url_for("consultants.availability", consultant=consultant), 303)
    return _availability_page(consultant, weekdays=form)


@pages.post("/consultants/<consultant>/days")
def add_day(consultant: str) -> ResponseReturnValue:
    """Keeps a day that is not like its weekday."""
    caller = session.caller()
    require_own(caller, find_consultant(consultant))
    form = posted(_day_labels())
    values = shape(form, DayShape())
    stretches: Sequence[tuple[int, int]] = ()
    if values is not None:
        try:
            stretches = _stretches(values.pop("hours"), "hours")
            if values["kind"] == "extra" and not stretches:
                form.refuse("hours", _("Say from when until when."))
        except RuleBroken as error:
            form.show(error)
    if values is not None and not form.is_refused:
        whole = [(0, people.DAY_MINUTES)]
        if attempt(form, lambda: [
            people.add_day_change(caller, consultant, starts=starts, ends=ends, **values)
            for starts, ends in stretches or whole
        ]):
            flash(_("The day is kept. What is booked then stays booked."), "success")
            return redirect(url_for("consultants.availability", consultant=consultant), 303)
    return _availability_page(consultant, day=form)


@pages.post("/consultants/<consultant>/days/<int:day_id>/drop")
def drop_day(consultant: str, day_id: int) -> ResponseReturnValue:
    """Takes such a day back."""
    caller = session.caller()
    transaction(lambda: people.drop_day_change(caller, consultant, day_id))
    flash(_("The day is like its weekday again."), "success")
    return redirect(url_for("consultants.availability", consultant=consultant), 303)


@pages.post("/consultants/<consultant>/calendar")
def make_calendar(consultant: str) -> ResponseReturnValue:
    """Makes a private address of the consultant's calendar and shows it, once."""
    caller = session.caller()
    token = transaction(lambda: make_consultant_feed(caller, consultant))
    return _availability_page(consultant, made=calendar_address(token))


@pages.post("/calendars/<int:feed_id>/revoke")
def revoke_calendar(feed_id: int) -> ResponseReturnValue:
    """Ends a private address."""
    caller = session.caller()
    transaction(lambda: revoke_feed(caller, feed_id))
    flash(_("The address opens nothing any more."), "success")
    return redirect(session.safe_next(request.form.get("next")), 303)


def _weekdays() -> dict[str, str]:
    return {
        "mon": _("Monday"), "tue": _("Tuesday"), "wed": _("Wednesday"), "thu": _("Thursday"), "fri": _("Friday"),
        "sat": _("Saturday"), "sun": _("Sunday"),
    }


def _day_labels() -> dict[str, str]:
    return {"day": _("Day"), "kind": _("What"), "hours": _("From and until"), "reason": _("Reason")}


def _stretches(text: str, field: str) -> list[tuple[int, int]]:
    """Minutes since midnight from `09:00-12:30, 14:00-18:00`; an end before its start is of the next day."""
    found = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = _STRETCH.match(part)
        numbers = [int(number) for number in match.groups()] if match else []
        if not numbers or numbers[0] > 23 or numbers[2] > 24 or max(numbers[1], numbers[3]) > 59:
            raise RuleBroken(field, "not-hours", "%(value)s: write hours such as 09:00-12:30, 14:00-18:00", value=part)
        starts, ends = numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3]
        found.append((starts, ends if ends > starts else ends + people.DAY_MINUTES))
    return found


def _availability_page(
    consultant: str, *, weekdays: Form | None = None, day: Form | None = None, made: str = ""
) -> ResponseReturnValue:
    caller = session.caller()
    there = find_consultant(consultant)
    require_own(caller, there)
    today = day_of(caller.now, zone_named(there.timezone))
    if weekdays is None:
        weekdays = Form(_weekdays())
        weekdays.fill(_hours(there))
    page = render_template(
        "availability.html", there=there, made=made, feeds=consultant_feeds(caller, consultant),
        weekdays=weekdays,
        day=day or Form(_day_labels(), {"kind": "off"}), wall=_wall,
        days=people.day_changes_of(there.id, today, today + DAYS_SHOWN),
    )
    return page, max((form.status for form in (weekdays, day) if form is not None), default=200)


def _hours(there: Consultant) -> dict[str, str]:
    names = list(_weekdays())
    typed: dict[str, list[str]] = {name: [] for name in names}
    for one in weekly_of(there.id):
        typed[names[one.weekday]].append(_wall(one.starts, one.ends))
    return {name: ", ".join(parts) for name, parts in typed.items()}


def _wall(starts: int, ends: int) -> str:
    """Minutes since midnight as they are typed."""
    until = ends if ends <= people.DAY_MINUTES else ends - people.DAY_MINUTES
    return f"{starts // 60:02}:{starts % 60:02}-{until // 60:02}:{until % 60:02}"
