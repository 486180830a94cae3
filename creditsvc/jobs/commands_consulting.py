"""Commands about consultants and sessions, in the group `consulting`: a booking from its slot to its end."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click
from flask import Flask

from creditsvc.consulting import bookings, sessions
from creditsvc.consulting.consultants import consultants
from creditsvc.consulting.letters import told
from creditsvc.consulting.models import Booking
from creditsvc.consulting.reading import STATES, BookingView, booking_document, bookings_of, find_booking
from creditsvc.consulting.slots import free_slots
from creditsvc.consulting.utilisation import utilisation, utilisation_document
from creditsvc.core.days import DEFAULT_ZONE, ends_at, instant_text, parse_day, parse_moment, starts_at
from creditsvc.core.errors import RuleBroken
from creditsvc.db import begin_snapshot, transaction
from creditsvc.jobs.shell import Answer, answers, caller, service, settings, table
from creditsvc.parties.access import Caller

MOST_SHOWN = 200


@click.group("consulting")
def consulting_group() -> None:
    """Consultants, when they are free, and sessions from the booking to the end."""


class StartParam(click.ParamType[datetime]):
    """When a session begins: an instant with its offset. A day would not be exact enough."""

    name = "START"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The instant, aware."""
        try:
            moment = value if isinstance(value, datetime) else parse_moment(str(value), "starts")
        except RuleBroken as error:
            self.fail(str(error), param, ctx)
        if not isinstance(moment, datetime):
            self.fail("write an instant with its offset, such as 2026-03-01T09:00:00+08:00", param, ctx)
        return moment


START = StartParam()


@consulting_group.command("consultants")
@answers
def consultants_command() -> Answer:
    """Who gives hours."""
    with service(doors=False):
        found = consultants(caller())
    made = table("key", "name", "time zone", "languages", "skills", "can be booked")
    for one in found:
        made.add_row(one.key, one.name, one.timezone, ", ".join(one.languages), ", ".join(one.skills),
                     "yes" if one.active else "no")
    document = [
        {"key": one.key, "name": one.name, "timezone": one.timezone, "languages": list(one.languages),
         "skills": list(one.skills), "active": one.active} for one in found
    ]
    return Answer({"consultants": document}, (made if found else "There are no consultants.",))


@consulting_group.command("slots")
@click.argument("consultant")
@click.option("--from", "first", required=True, metavar="DAY", help="The first day, on the consultant's calendar.")
@click.option("--to", "last", metavar="DAY", help="The last day. Default: the first.")
@click.option("--minutes", type=int, default=60, show_default=True, help="The session's length.")
@answers
def slots_command(consultant: str, first: str, last: str | None, minutes: int) -> Answer:
    """When a consultant is free for a session."""
    begins = parse_day(first, "from")
    with service(doors=False):
        found = free_slots(caller(), consultant, begins, parse_day(last, "to") if last else begins, minutes)
    made = table("starts in Hong Kong", "START")
    for at in found:
        made.add_row(_hong_kong(at), instant_text(at) or "")
    document = {"consultant": consultant, "minutes": minutes, "slots": [instant_text(at) for at in found]}
    return Answer(document, (made if found else "No slot is free.",))


@consulting_group.command("bookings")
@click.option("--startup", metavar="KEY")
@click.option("--consultant", metavar="KEY")
@click.option("--state", type=click.Choice(STATES), help="Those in this state alone.")
@click.option("--from", "first", type=START, help="That start then or later.")
@click.option("--until", "last", type=START, help="That start before.")
@click.option("--after", metavar="UID", help="Go on behind this booking.")
@answers
def bookings_command(state: str | None, after: str | None, **which: Any) -> Answer:
    """Sessions by their start, at most 200 at once."""
    with service(doors=False):
        begin_snapshot()
        found = bookings_of(
            caller(), states=(state,) if state else (), after=after, limit=MOST_SHOWN + 1, **which
        )
    shown, more = found[:MOST_SHOWN], len(found) > MOST_SHOWN
    made = table("uid", "starts in Hong Kong", "min", "startup", "consultant", "topic", "state", right=("min",))
    for one in shown:
        made.add_row(one.uid, _hong_kong(one.booking.starts), str(one.minutes), one.startup, one.consultant,
                     one.booking.topic, one.booking.state)
    show: list[Any] = [made if shown else "There are no such bookings."]
    show += [f"There are more: --after {shown[-1].uid}"] if more else []
    document = {"bookings": [booking_document(one) for one in shown], "next": shown[-1].uid if more else None}
    return Answer(document, show)


@consulting_group.command("book")
@click.argument("startup")
@click.argument("consultant")
@click.argument("starts", type=START)
@click.argument("minutes", type=int)
@click.option("--topic", required=True)
@click.option("--resource", metavar="KEY", help="Which hours, where the startup has several kinds.")
@answers
def book_command(**terms: Any) -> Answer:
    """Book a free slot; both sides get an invitation by mail."""
    return _stepped(lambda who: bookings.book(who, **terms))


@consulting_group.command("move")
@click.argument("uid")
@click.argument("starts", type=START)
@click.argument("minutes", type=int)
@answers
def move_command(uid: str, **terms: Any) -> Answer:
    """Move a session to another free slot, or make it longer or shorter."""
    return _stepped(lambda who: bookings.move(who, uid, **terms))


@consulting_group.command("cancel")
@click.argument("uid")
@click.option("--reason", default="", help="Why; both sides read it.")
@answers
def cancel_command(uid: str, reason: str) -> Answer:
    """Call a session off; its hours are free again."""
    return _stepped(lambda who: bookings.cancel(who, uid, reason=reason))


@consulting_group.command("log")
@click.argument("uid")
@click.argument("minutes", type=int)
@click.option("--note", default="")
@answers
def log_command(uid: str, minutes: int, note: str) -> Answer:
    """Say how long a session was; the startup confirms or disputes it."""
    return _stepped(lambda who: sessions.log_session(who, uid, minutes=minutes, note=note))


@consulting_group.command("no-show")
@click.argument("uid")
@click.option("--note", default="")
@answers
def no_show_command(uid: str, note: str) -> Answer:
    """Say that nobody of the startup came; the programme's policy says what that uses."""
    return _stepped(lambda who: sessions.no_show(who, uid, note=note))


@consulting_group.command("confirm")
@click.argument("uid")
@click.option("--minutes", type=int, help="Only if these are logged still.")
@answers
def confirm_command(uid: str, minutes: int | None) -> Answer:
    """Confirm what was logged, for the startup."""
    return _stepped(lambda who: sessions.confirm(who, uid, minutes=minutes))


@consulting_group.command("dispute")
@click.argument("uid")
@click.option("--reason", required=True, help="What is wrong with what was logged.")
@answers
def dispute_command(uid: str, reason: str) -> Answer:
    """Dispute what was logged, for the startup."""
    return _stepped(lambda who: sessions.dispute(who, uid, reason=reason))


@consulting_group.command("decide")
@click.argument("uid")
@click.argument("minutes", type=int)
@click.option("--reason", required=True)
@answers
def decide_command(uid: str, minutes: int, reason: str) -> Answer:
    """Decide a dispute: so many minutes count."""
    return _stepped(lambda who: sessions.decide(who, uid, minutes=minutes, reason=reason))


@consulting_group.command("correct")
@click.argument("uid")
@click.argument("minutes", type=int)
@click.option("--reason", required=True)
@answers
def correct_command(uid: str, minutes: int, reason: str) -> Answer:
    """Correct afterwards what a session used; the difference is posted."""
    return _stepped(lambda who: sessions.correct(who, uid, minutes=minutes, reason=reason))


@consulting_group.command("unbooked")
@click.argument("startup")
@click.argument("consultant")
@click.argument("starts", type=START)
@click.argument("minutes", type=int)
@click.option("--topic", required=True)
@click.option("--note", default="")
@click.option("--resource", metavar="KEY", help="Which hours, where the startup has several kinds.")
@answers
def unbooked_command(**terms: Any) -> Answer:
    """Log a session that nobody had booked; its minutes are used at once."""
    return _stepped(lambda who: sessions.log_unbooked(who, **terms))


@consulting_group.command("utilisation")
@click.option("--from", "first", required=True, metavar="DAY", help="The first day, in Hong Kong.")
@click.option("--to", "last", required=True, metavar="DAY", help="The last day.")
@answers
def utilisation_command(first: str, last: str) -> Answer:
    """How much of the hours that consultants offer is taken, by consultant and by programme."""
    begins, ends = starts_at(parse_day(first, "from")), ends_at(parse_day(last, "to"))
    with service(doors=False):
        begin_snapshot()
        found = utilisation(caller(), begins, ends)
    document = utilisation_document(found, begins, ends)
    made = []
    for kind in ("consultants", "programmes"):
        columns = ("sessions", "booked", "waiting", "used", "offered", "share")
        made.append(table(kind, *columns, title="Minutes", right=columns))
        for line in document[kind]:
            share = "-" if line["share_percent"] is None else f"{line['share_percent']} %"
            made[-1].add_row(line["name"], str(line["sessions"]), *(
                str(line[f"{name}_minutes"]) for name in ("booked", "waiting", "used", "offered")
            ), share)
    return Answer(document, made)


def _stepped(act: Callable[[Caller], Booking]) -> Answer:
    """Does a step with a booking and queues its letters, in one transaction; says what stands afterwards."""
    with service(doors=False) as app:
        who = caller()
        view = transaction(lambda: _told(act, who, app))
        return Answer(booking_document(view), (_sentence(view),))


def _told(act: Callable[[Caller], Booking], who: Caller, app: Flask) -> BookingView:
    return find_booking(who, told(lambda: act(who), who, settings(app)).uid)


def _sentence(view: BookingView) -> str:
    booking = view.booking
    until = booking.ends.astimezone(DEFAULT_ZONE).strftime("%H:%M")
    used = "" if booking.settled_minutes is None else f", {booking.settled_minutes} minutes used"
    return (f"{view.uid}: {view.consultant_name} for {view.startup}, {_hong_kong(booking.starts)} to {until} "
            f"Hong Kong time, {booking.state}{used}.")


def _hong_kong(at: datetime) -> str:
    return at.astimezone(DEFAULT_ZONE).strftime("%Y-%m-%d %H:%M")
