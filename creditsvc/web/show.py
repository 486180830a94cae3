"""How amounts, days and instants look on pages."""

import hashlib
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

from flask import Flask, url_for
from flask_babel import format_date, format_datetime, gettext, lazy_gettext

from creditsvc.core.amounts import Unit, format_amount, parse_amount, shown_amount, to_decimal, unit_named
from creditsvc.core.days import DEFAULT_ZONE, days_left, instant_text, last_day, zone_named
from creditsvc.core.rates import rate_text
from creditsvc.statements.entries import Entry

_STATIC = Path(__file__).parent / "static"

_ENTRY_WORDS = {
    "award": lazy_gettext("Award"), "effective": lazy_gettext("Usable from now"), "top_up": lazy_gettext("Top-up"),
    "return": lazy_gettext("Return"), "extend": lazy_gettext("Extension"), "void": lazy_gettext("Void"),
    "expiry": lazy_gettext("Expiry"), "opening": lazy_gettext("Drawn before go-live"), "usage": lazy_gettext("Usage"),
    "refund": lazy_gettext("Refund"), "restatement": lazy_gettext("Restatement"),
    "rebooking": lazy_gettext("Rebooking"), "stated_later": lazy_gettext("Stated later"),
    "hold": lazy_gettext("Held"), "release": lazy_gettext("No longer held"),
    "assign": lazy_gettext("Seat assigned"), "vacate": lazy_gettext("Seat free again"),
}


def hang(app: Flask) -> None:
    """Gives the templates their filters."""
    app.jinja_env.filters.update(
        amount=amount, exact=format_amount, day=day, last_day=shown_last_day, moment=moment, number=shown_amount,
        short=short, short_day=short_day, money_of=money_of, decimal_text=decimal_text, iso_day=iso_day,
        sentence=sentence, entry_word=entry_word, rate=rate_text, clock_in=clock_in, weekday=weekday,
        instant=instant_text, wall=wall,
    )
    app.jinja_env.globals.update(asset=asset, days_left=days_left)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


def amount(steps: int, unit: Unit) -> str:
    """The amount with its unit, as it stands on a page: `USD 25,000.00`, `1.5 hours`, `5 seats`."""
    text = shown_amount(steps, unit)
    if unit.is_money:
        return f"{unit.name}\N{NO-BREAK SPACE}{text}"
    return f"{text}\N{NO-BREAK SPACE}{unit.name if text == '1' else unit.name + 's'}"


def money_of(steps: int, currency: str) -> str:
    """Steps of a currency given by its code."""
    return amount(steps, unit_named(currency))


def decimal_text(value: str, currency: str) -> str:
    """A decimal string of a report, in a currency given by its code."""
    unit = unit_named(currency)
    return amount(parse_amount(value, unit), unit)


def iso_day(value: str) -> str:
    """A day of a report, such as 2026-03-01."""
    return day(date.fromisoformat(value))


def sentence(entry: Entry) -> str:
    """What a line of a statement says, in the reader's language."""
    text: str = gettext(entry.text, **entry.params) if entry.params else gettext(entry.text)
    return text


def entry_word(kind: str) -> str:
    """What a line of a statement is, in a word or two."""
    return str(_ENTRY_WORDS[kind])


def short(steps: int, unit: Unit) -> str:
    """A round figure for an axis: `25k`, `1.5M`, `500`."""
    value = to_decimal(steps, unit)
    for size, letter in ((Decimal(10**6), "M"), (Decimal(10**3), "k")):
        if value >= size:
            return f"{(value / size).normalize():f}{letter}"
    return f"{value.normalize():f}"


def short_day(value: date) -> str:
    """A day for an axis: `1 Mar`."""
    text: str = format_date(value, "d MMM")
    return text


def day(value: date | datetime | None) -> str:
    """A day, in Hong Kong's calendar when it is an instant: `28 Feb 2027`."""
    if value is None:
        return "–"
    if isinstance(value, datetime):
        value = value.astimezone(DEFAULT_ZONE).date()
    text: str = format_date(value, "d MMM yyyy")
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def shown_last_day(end: datetime | None) -> str:
    """An end as people are told it: its last day (L4)."""
    return "–" if end is None else day(last_day(end))


def moment(value: datetime | None) -> str:
    """An instant in Hong Kong's time: `28 Feb 2027, 14:05`."""
    if value is None:
        return "–"
    text: str = format_datetime(value.astimezone(DEFAULT_ZONE), "d MMM yyyy, HH:mm", rebase=False)
    return text


def clock_in(value: datetime, zone: str) -> str:
    """The time that a clock of a zone shows at an instant: `14:05`, with its day where Hong Kong has another one."""
    local = value.astimezone(zone_named(zone))
    other_day = local.date() != value.astimezone(DEFAULT_ZONE).date()
    text: str = format_datetime(local, "d MMM, HH:mm" if other_day else "HH:mm", rebase=False)
    return text


def weekday(value: date) -> str:
    """A day with its weekday: `Mon 15 Jun 2026`."""
    text: str = format_date(value, "EEE d MMM yyyy")
    return text


def wall(minutes: int) -> str:
    """Minutes since midnight as a clock shows them, beyond 24:00 where it is the next day: `09:30`, `25:00`."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def asset(name: str) -> str:
    """The address of a static file, which changes with its content."""
    return url_for("static_files.static", filename=name, v=_digest(name))


@cache
def _digest(name: str) -> str:
    return hashlib.sha256((_STATIC / name).read_bytes()).hexdigest()[:12]
