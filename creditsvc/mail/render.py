"""Turns a template and its values into the subject, text and HTML of a mail, in one language.

Every string goes through gettext; a language without a catalogue in `creditsvc/translations/` gets English whole,
its dates and numbers too, so that a mail never mixes two languages. Nothing in a mail is fetched from elsewhere.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NotRequired, TypedDict

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal
from babel.support import NullTranslations
from css_inline import CSSInliner
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from creditsvc.core.amounts import clock_text, to_decimal, unit_named
from creditsvc.languages import catalogue, locale_for, tag_of

SEVERITIES = ("urgent", "warning", "notice")
"""Worst first."""

LONGEST_SUBJECT = 150
"""Names of startups may be longer than any list of mails shows."""

MOST_BYTES = 95_000
"""Of the HTML of a digest: what is longer, some mail programs cut (Gmail at 102 kB)."""

_PORTIONS = ((25, 100), (12, 60), (6, 30), (3, 10), (1, 0))
"""How many matters of a long digest its HTML tells whole, and how many more in a line each, until it is short enough.
"""

_NOTHING_OPTIONAL: dict[str, None] = dict.fromkeys(
    ("balance", "burn_rate", "at_risk", "next_url", "next_name", "ack_url", "snooze_url")
)


@dataclass(frozen=True)
class Rendered:
    """What a mail says: one line of subject, the plain text, the HTML."""

    subject: str
    text: str
    html: str


class DigestItem(TypedDict):
    """One matter of the digest, its words and amounts ready to read in the person's language (see `money`, `day`)."""

    severity: str  # one of SEVERITIES
    title: str
    detail: str
    action: str
    balance: NotRequired[str | None]
    burn_rate: NotRequired[str | None]
    at_risk: NotRequired[str | None]
    next_url: NotRequired[str | None]  # the page with the next step, and what its link is called
    next_name: NotRequired[str | None]
    ack_url: NotRequired[str | None]
    snooze_url: NotRequired[str | None]


class DigestSection(TypedDict):
    """What concerns one startup, or no startup alone, as pools do (`is_of_no_startup`)."""

    startup_name: str
    startup_url: str
    items: Sequence[DigestItem]
    is_of_no_startup: NotRequired[bool]


class Digest(TypedDict):
    """The values of the template `digest`."""

    person_name: str
    business_day: date
    base_url: str
    sections: Sequence[DigestSection]
    unsubscribe_url: NotRequired[str | None]


class PasswordReset(TypedDict):
    """The values of the template `password_reset`."""

    person_name: str
    reset_url: str
    valid_minutes: int
    base_url: str


class SeatFreed(TypedDict):
    """The values of the template `seat_freed`; `is_holder` where it is written to the person who got the seat.

    `delivery` is how the seat reaches them: `invitation`, `key` or `portal` (then `portal` is its address).
    """

    person_name: str
    is_holder: bool
    holder_name: str
    holder_email: str
    startup_name: str
    product: str
    first_day: date
    last_day: date | None
    delivery: str
    portal: str
    base_url: str


class Invitation(TypedDict):
    """The values of the template `invitation`; `startup_name` is empty for a role in the incubator."""

    startup_name: str
    inviter_name: str
    role: str
    invitation_url: str
    last_day: date
    base_url: str


class Message(TypedDict):
    """The values of the template `message`: what somebody of the incubator writes to a startup's people."""

    person_name: str
    subject: str
    paragraphs: Sequence[str]
    lines: Sequence[str]
    startup_name: str
    startup_url: str
    sender_name: str
    base_url: str


def render_digest(values: Digest, language: str) -> Rendered:
    """The nightly digest of one person (A5), its HTML at most `MOST_BYTES` long: the text has every matter whole.

    Raises ValueError for no matter at all or an unknown severity.
    """
    if not any(section["items"] for section in values["sections"]):
        raise ValueError("a digest with nothing to say is not sent")
    sections = _worst_first(values["sections"])
    whole = {"unsubscribe_url": None, **values, "sections": sections, "left_out": 0}
    subject, text = _subject_and_text("digest", whole, language)
    count = sum(len(section["items"]) for section in sections)
    # of more than the first portion shows the whole HTML would be too long: it need not be made to know that
    portions = _PORTIONS if count > sum(_PORTIONS[0]) else ((count, 0), *_PORTIONS)
    html = ""
    for full, brief in portions:
        shown, left_out = _portioned(sections, full, brief)
        html = _html("digest", {**whole, "sections": shown, "left_out": left_out}, language)
        if len(html.encode()) <= MOST_BYTES:
            break
    return Rendered(subject, text, html)


def render_password_reset(values: PasswordReset, language: str) -> Rendered:
    """The mail with the link to set a new password."""
    return render("password_reset", values, language)


def render_invitation(values: Invitation, language: str) -> Rendered:
    """The mail with the link by which somebody takes up a role."""
    return render("invitation", values, language)


def render_seat_freed(values: SeatFreed, language: str) -> Rendered:
    """The mail that tells of a seat for which somebody waited."""
    return render("seat_freed", values, language)


def render_message(values: Message, language: str) -> Rendered:
    """The mail that a manager writes to a startup's people."""
    return render("message", values, language)


def render(template: str, values: Mapping[str, Any], language: str) -> Rendered:
    """The three parts of `templates/<template>.{subject,txt,html}`.

    Raises jinja2.UndefinedError for a value that the template needs and was not given.
    """
    return Rendered(*_subject_and_text(template, values, language), _html(template, values, language))


def _subject_and_text(template: str, values: Mapping[str, Any], language: str) -> tuple[str, str]:
    environment = _environment(language)
    subject, text = (environment.get_template(f"{template}.{part}").render(values) for part in ("subject", "txt"))
    return _one_line(subject), text.strip() + "\n"


def _html(template: str, values: Mapping[str, Any], language: str) -> str:
    return _INLINER.inline(_environment(language).get_template(f"{template}.html").render(values))


def templates() -> frozenset[str]:
    """The names of all mails: those that have a subject."""
    return frozenset(path.stem for path in (Path(__file__).parent / "templates").glob("*.subject"))


def money(steps: int, unit: str, language: str) -> str:
    """An amount for reading: `USD 1,234.50`, `1.5 hours`, `1:20 hours`, `5 seats`.

    Rounded for display; never shown as 0 when not.

    `steps` is in the unit's smallest step. Raises RuleBroken("unit", "unknown-unit").
    """
    translations, locale = catalogue(language)
    named = unit_named(unit)
    value = to_decimal(steps, named)
    if named.is_money:
        if 0 < abs(value) < Decimal("0.005"):
            return translations.ugettext("less than %(unit)s 0.01") % {"unit": unit}
        return f"{unit} {_number(value, '#,##0.00', locale)}"
    number = clock_text(steps) if unit == "hour" and steps % 3 else _number(value, "#,##0.##", locale)
    count = 1 if value == 1 else 2  # a fraction takes the plural
    if unit == "hour":
        return translations.ungettext("%(number)s hour", "%(number)s hours", count) % {"number": number}
    return translations.ungettext("%(number)s seat", "%(number)s seats", count) % {"number": number}


def gettext_for(language: str) -> Callable[[str], str]:
    """The translator of a language, for words that are made before they come to a template."""
    return catalogue(language)[0].ugettext


def ngettext_for(language: str) -> Callable[[str, str, int], str]:
    """The translator of a language for what is counted: (one, many, count)."""
    return catalogue(language)[0].ungettext


def day(value: date, language: str) -> str:
    """A day for reading: `15 June 2026`."""
    return _long_day(value, locale_for(language))


# One night says the same figures and days many times over: to the owner and to staff, in a title and beside it.
@lru_cache(maxsize=4096)
def _number(value: Decimal, pattern: str, locale: Locale) -> str:
    return format_decimal(value, pattern, locale=locale)


@lru_cache(maxsize=1024)
def _long_day(value: date, locale: Locale) -> str:
    return format_date(value, "long", locale=locale)


def _one_line(text: str) -> str:
    line = " ".join("".join(c if unicodedata.category(c) != "Cc" else " " for c in text).split())
    return line if len(line) <= LONGEST_SUBJECT else line[: LONGEST_SUBJECT - 1] + "…"


def _worst_first(sections: Sequence[DigestSection]) -> list[dict[str, Any]]:
    """Sections and their items by severity, otherwise in the order given; sections without items fall away."""

    def rank(item: SimpleNamespace) -> int:
        if item.severity not in SEVERITIES:
            raise ValueError(f"{item.severity!r} is no severity: one of {', '.join(SEVERITIES)}")
        return SEVERITIES.index(item.severity)

    # objects, of which a template reads an attribute at once; of a dict it looks for one in vain first
    ordered = [
        {**section, "items": sorted(
            (SimpleNamespace(**{**_NOTHING_OPTIONAL, **item, "is_brief": False}) for item in section["items"]), key=rank
        )}
        for section in sections
        if section["items"]
    ]
    return sorted(ordered, key=lambda section: rank(section["items"][0]))


def _portioned(sections: Sequence[dict[str, Any]], full: int, brief: int) -> tuple[list[dict[str, Any]], int]:
    """The first matters whole, the next in a line each, and how many are left out."""
    shown: list[dict[str, Any]] = []
    count = 0
    for section in sections:
        room = max(full + brief - count, 0)
        items = [
            SimpleNamespace(**{**vars(item), "is_brief": count + place >= full})
            for place, item in enumerate(section["items"][:room])
        ]
        count += len(section["items"])
        shown.append({**section, "items": items})
    return shown, max(count - full - brief, 0)


@lru_cache(maxsize=32)
def _environment(language: str) -> Environment:
    translations, locale = catalogue(language)
    environment = Environment(
        loader=PackageLoader("creditsvc.mail"),
        autoescape=select_autoescape(["html"], default_for_string=True),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,  # templates change with the program; asking their files costs as much as a mail
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
    environment.filters["money"] = lambda steps, unit: money(steps, unit, language)
    environment.filters["day"] = lambda value: day(value, language)
    environment.globals["severity_label"] = {
        "urgent": translations.ugettext("Urgent"),
        "warning": translations.ugettext("Warning"),
        "notice": translations.ugettext("For your information"),
    }.__getitem__
    environment.globals["role_label"] = _role_labels(translations).__getitem__
    environment.globals["language_tag"] = tag_of(locale)
    return environment


def _role_labels(translations: NullTranslations) -> dict[str, str]:
    return {
        "administrator": translations.ugettext("Administrator"),
        "manager": translations.ugettext("Incubation manager"),
        "consultant": translations.ugettext("Consultant"),
        "partner": translations.ugettext("Partner's viewer"),
        "auditor": translations.ugettext("Auditor"),
        "owner": translations.ugettext("Owner"),
        "member": translations.ugettext("Member"),
    }


_INLINER = CSSInliner(load_remote_stylesheets=False, keep_style_tags=False)
