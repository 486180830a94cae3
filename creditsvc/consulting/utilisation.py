"""How much of the hours that consultants offer is taken by sessions, by consultant and by programme."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from creditsvc.consulting.consultants import as_changes, consultants
from creditsvc.consulting.holidays import holidays_between
from creditsvc.consulting.models import Consultant, DayException, WeeklyHours
from creditsvc.consulting.reading import Minutes, add, bookings_of
from creditsvc.core.days import day_of, instant_text, zone_named
from creditsvc.core.errors import RuleBroken
from creditsvc.core.free_slots import DayChange, Weekly, open_stretches
from creditsvc.db import db
from creditsvc.parties.access import Caller, require
from creditsvc.parties.models import StartupProgramme
from creditsvc.programmes.models import Programme
from creditsvc.programmes.reading import looked_after

LONGEST = timedelta(days=401)
"""The longest time of which it is told: a year and a month of days, the last one whole."""


@dataclass(frozen=True)
class Utilisation:
    """What sessions of a time came to, by consultant and by programme, each under its key with its name.

    A programme's sessions are set against what all consultants together offer, `offered`.
    """

    consultants: dict[tuple[str, str], Minutes] = field(default_factory=dict)
    programmes: dict[tuple[str, str], Minutes] = field(default_factory=dict)
    offered: int = 0


def utilisation(caller: Caller, first: datetime, last: datetime) -> Utilisation:
    """What sessions that start within [first, last) come to, and the minutes offered then.

    A session of a startup that is in several programmes counts in each of them. Offered is what the weekly hours of
    those who can be booked say today, less holidays and days off. Raises Forbidden, RuleBroken("to", "out-of-range").
    """
    require(caller, "startups.list")
    if not first < last <= first + LONGEST:
        raise RuleBroken("to", "out-of-range", "write a last day from the first on, at most %(days)s days later",
                         days=LONGEST.days - 1)
    found = bookings_of(caller, first=first, last=last)
    people: dict[tuple[str, str], Minutes] = defaultdict(Minutes)
    for (key, name), minutes in _offered(consultants(caller, active=True), first, last).items():
        people[key, name].offered = minutes
    offered = sum(one.offered for one in people.values())
    for one in found:
        add(people[one.consultant, one.consultant_name], one)
    of_startup = _programmes_of(caller, {one.booking.startup_id for one in found})
    programmes: dict[tuple[str, str], Minutes] = defaultdict(lambda: Minutes(offered=offered))
    for one in found:
        for programme in of_startup.get(one.booking.startup_id, ()):
            add(programmes[programme], one)
    return Utilisation(dict(sorted(people.items())), dict(sorted(programmes.items())), offered)


def _offered(found: Sequence[Consultant], first: datetime, last: datetime) -> dict[tuple[str, str], int]:
    """The minutes within [first, last) that each of the consultants can be booked, whatever is."""
    day = timedelta(days=1)
    weekly: dict[int, list[Weekly]] = defaultdict(list)
    for row in db.session.scalars(select(WeeklyHours)):
        weekly[row.consultant_id].append(Weekly(row.weekday, row.starts, row.ends))
    exceptions: dict[int, list[DayException]] = defaultdict(list)
    for change in db.session.scalars(
        select(DayException).where(DayException.day >= first.date() - 2 * day, DayException.day <= last.date() + day)
    ):
        exceptions[change.consultant_id].append(change)
    return {
        (one.key, one.name): _minutes_within(one, weekly[one.id], as_changes(exceptions[one.id]), first, last)
        for one in found
    }


def _minutes_within(
    one: Consultant, weekly: Sequence[Weekly], changes: Sequence[DayChange], first: datetime, last: datetime
) -> int:
    zone = zone_named(one.timezone)
    begins, ends = day_of(first, zone), day_of(last, zone)
    closed = holidays_between(one.holidays, begins - timedelta(days=1), ends)
    opened = open_stretches(begins, ends, weekly, changes, closed, zone)
    length = sum((max(min(until, last) - max(since, first), timedelta(0)) for since, until in opened), timedelta(0))
    return length // timedelta(minutes=1)


def _programmes_of(caller: Caller, startup_ids: set[int]) -> dict[int, list[tuple[str, str]]]:
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for startup_id, key, name in db.session.execute(
        select(StartupProgramme.startup_id, Programme.key, Programme.name)
        .join(Programme, Programme.id == StartupProgramme.programme_id)
        .where(StartupProgramme.startup_id.in_(startup_ids), looked_after(caller))
        .order_by(Programme.key)
    ):
        found[startup_id].append((key, name))
    return found


def utilisation_document(told: Utilisation, first: datetime, last: datetime) -> dict[str, Any]:
    """The same as a JSON document, in minutes and whole percent."""
    return {
        "from": instant_text(first), "until": instant_text(last), "offered_minutes": told.offered,
        "consultants": [_line(key, name, one) for (key, name), one in told.consultants.items()],
        "programmes": [_line(key, name, one) for (key, name), one in told.programmes.items()],
    }


def _line(key: str, name: str, one: Minutes) -> dict[str, Any]:
    return {
        "key": key, "name": name, "sessions": one.sessions, "booked_minutes": one.booked,
        "waiting_minutes": one.waiting, "used_minutes": one.used, "offered_minutes": one.offered,
        "share_percent": one.share,
    }
