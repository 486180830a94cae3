"""How amounts, days and instants look on pages."""

import hashlib
import json
import re
from datetime import date, datetime
from functools import cache, lru_cache
from pathlib import Path

from babel import Locale
from babel.dates import format_skeleton
from babel.numbers import format_compact_decimal
from flask import Flask, url_for
from flask_babel import gettext, lazy_gettext, ngettext

from creditsvc.core.amounts import Unit, format_amount, parse_amount, shown_amount, to_decimal, unit_named
from creditsvc.core.days import DEFAULT_ZONE, days_left, instant_text, last_day, utc_offset, zone_named
from creditsvc.core.rates import rate_text
from creditsvc.core.sentences import said as words_of
from creditsvc.statements.entries import Entry
from creditsvc.web import reader

_ADDRESS_PIECE = re.compile(r"[^@.]+[@.]*|[@.]+")
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
        sentence=sentence, entry_word=entry_word, posting_word=posting_word, cause_word=cause_word,
        exact_money=exact_money, rate=rate_text, clock_in=clock_in, weekday=weekday, unit_word=unit_word,
        instant=instant_text, wall=wall, month_word=month_word, said=said, address_pieces=address_pieces,
        plain_json=plain_json,
    )
    app.jinja_env.globals.update(asset=asset, days_left=days_left)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


def address_pieces(text: str) -> list[str]:
    """The pieces of a mail address, or of who else did something, between which a narrow column may break it."""
    return _ADDRESS_PIECE.findall(text)


def plain_json(values: object) -> str:
    """JSON values as people read them: what they wrote stands there in their own letters."""
    return json.dumps(values, ensure_ascii=False, sort_keys=True)


def said(text: str) -> str:
    """A sentence that was made where nobody knew who would read it, in the reader's words; other text as it is."""
    return str(words_of(text, gettext))


def amount(steps: int, unit: Unit) -> str:
    """The amount with its unit, as it stands on a page: `USD 25,000.00`, `1.5 hours`, `5 seats`.

    Its figure is alike in all our languages, which part thousands with a comma (`core.amounts`).
    """
    text = shown_amount(steps, unit)
    if unit.is_money:
        return f"{unit.name}\N{NO-BREAK SPACE}{text}"
    count = 1 if text == "1" else 2  # a fraction takes the plural
    if unit.name == "hour":
        words = ngettext("%(number)s hour", "%(number)s hours", count, number=text)
    else:
        words = ngettext("%(number)s seat", "%(number)s seats", count, number=text)
    return str(words).replace(" ", "\N{NO-BREAK SPACE}")


def unit_word(name: str) -> str:
    """What is counted: a currency by its code, else a word."""
    return str({"hour": gettext("hours"), "seat": gettext("seats")}.get(name, name))


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


_POSTING_WORDS = {
    "drawn": lazy_gettext("drawn"), "held": lazy_gettext("held"), "uncovered": lazy_gettext("uncovered"),
    "uncredited": lazy_gettext("refund that found nothing to give back"),
}
_CAUSE_WORDS = {
    "award": lazy_gettext("award"), "extend": lazy_gettext("extension"), "top_up": lazy_gettext("top-up"),
    "void": lazy_gettext("void"), "return": lazy_gettext("return to the pool"), "scope": lazy_gettext("billing scope"),
    "rate": lazy_gettext("exchange rate"), "import": lazy_gettext("import"), "reverse": lazy_gettext("reversal"),
    "book": lazy_gettext("booking"), "move": lazy_gettext("booking moved"), "cancel": lazy_gettext("cancellation"),
    "session": lazy_gettext("session"), "correct": lazy_gettext("correction"), "assign": lazy_gettext("seat assigned"),
    "release": lazy_gettext("seat released"), "opening": lazy_gettext("opening balance"),
}


def posting_word(kind: str) -> str:
    """What a posting is, in a word or two."""
    return str(_POSTING_WORDS[kind])


def cause_word(kind: str) -> str:
    """Why a batch was written, in a word or two; a kind that is new here as the book has it."""
    return str(_CAUSE_WORDS.get(kind, kind))


def exact_money(steps: int, currency: str) -> str:
    """An amount with all its decimals: `USD 12.34567890`."""
    return f"{currency}\N{NO-BREAK SPACE}{format_amount(steps, unit_named(currency))}"


def short(steps: int, unit: Unit) -> str:
    """A round figure for an axis: `25K`, `1.5M`, `500`, `2.5万`."""
    return format_compact_decimal(to_decimal(steps, unit), locale=reader.locale(), fraction_digits=1)


def short_day(value: date) -> str:
    """A day for an axis: `1 Mar`."""
    return _date(value, "MMMd", reader.locale())


def day(value: date | datetime | None) -> str:
    """A day: `28 Feb 2027`. Of an instant it is Hong Kong's, and says so where the reader's clock differs then."""
    if value is None:
        return "–"
    if not isinstance(value, datetime):
        return _date(value, "yMMMd", reader.locale())
    text = _date(value.astimezone(DEFAULT_ZONE).date(), "yMMMd", reader.locale())
    return _as_hong_kongs(text) if reader.is_elsewhere(value) else text


def _as_hong_kongs(text: str) -> str:
    return str(gettext("%(day)s (Hong Kong)", day=text)).replace(" ", "\N{NO-BREAK SPACE}")


def shown_last_day(end: datetime | None) -> str:
    """An end as people are told it: its last day (L4), which is Hong Kong's as every `day` of an instant."""
    if end is None:
        return "–"
    text = _date(last_day(end), "yMMMd", reader.locale())
    return _as_hong_kongs(text) if reader.is_elsewhere(end) else text


def moment(value: datetime | None) -> str:
    """An instant on the reader's clock, which says how far it is from UTC: `28 Feb 2027, 14:05 UTC+8`."""
    if value is None:
        return "–"
    zone, locale = reader.zone(), reader.locale()
    local = value.astimezone(zone)
    both = locale.datetime_formats["medium"].format(f"{local:%H:%M}", _date(local.date(), "yMMMd", locale))
    return f"{both}\N{NO-BREAK SPACE}{utc_offset(value, zone)}"


def clock_in(value: datetime, zone: str, beside: date | None = None) -> str:
    """The time that a clock of a zone shows at an instant: `14:05`, with its day unless that is the day `beside` which
    it stands (without one: the reader's).
    """
    local = value.astimezone(zone_named(zone))
    time = f"{local:%H:%M}"
    if local.date() == (beside or value.astimezone(reader.zone()).date()):
        return time
    locale = reader.locale()
    return str(locale.datetime_formats["medium"].format(time, _date(local.date(), "MMMd", locale)))


def weekday(value: date) -> str:
    """A day with its weekday: `Mon, 15 Jun 2026`."""
    return _date(value, "yMMMEd", reader.locale())


@lru_cache(maxsize=4096)
def _date(value: date, skeleton: str, locale: Locale) -> str:
    """A date in the fields of a CLDR skeleton, on one line."""
    return format_skeleton(skeleton, value, locale=locale).replace(" ", "\N{NO-BREAK SPACE}")


def month_word(value: date) -> str:
    """A month in the reader's language: `June 2026`, `2026年6月`."""
    return _date(value, "yMMMM", reader.locale()).replace("\N{NO-BREAK SPACE}", " ")


def wall(minutes: int) -> str:
    """Minutes since midnight as a clock shows them, beyond 24:00 where it is the next day: `09:30`, `25:00`."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def asset(name: str) -> str:
    """The address of a static file, which changes with its content."""
    return url_for("static_files.static", filename=name, v=_digest(name))


@cache
def _digest(name: str) -> str:
    return hashlib.sha256((_STATIC / name).read_bytes()).hexdigest()[:12]
