"""The rules by which the text of one field becomes a value (U1, U2); NoValue says what would be right."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Context, Decimal
from typing import NamedTuple

from creditsvc.core.sentences import Sentence

COST_DECIMALS = 28
FRACTION = 10**20
"""A cost is kept as two whole numbers: steps of 10^-8, and what is left in steps of 10^-28 (0 to FRACTION - 1)."""

_SLASH = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_INSTANT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})([ T])([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_COST = re.compile(r"[+-]?(?:[0-9]+(?:\.([0-9]*))?|\.([0-9]+))(?:[eE]([+-]?[0-9]{1,4}))?")
_WIDE = Context(prec=60)
_CURRENCY = re.compile(r"[A-Za-z]{3}")
_PROVIDERS = {
    "microsoft": "azure",
    "microsoft azure": "azure",
    "azure": "azure",
    "aws": "aws",
    "amazon web services": "aws",
    "amazon web services, inc.": "aws",
    "google": "gcp",
    "google cloud": "gcp",
    "google cloud platform": "gcp",
    "gcp": "gcp",
    "oracle": "oracle",
    "oracle cloud infrastructure": "oracle",
}


class NoValue(ValueError):
    """A text is no value of its field; `message` is the sentence that says why."""

    def __init__(self, msgid: str, **params: object) -> None:
        self.message = Sentence(msgid, **params)
        super().__init__(self.message)


class Day(NamedTuple):
    """A charge day and the style in which it was written; one column has one style."""

    day: date
    style: str


class Cost(NamedTuple):
    """An exact cost: `steps` of 10^-8 and `rest` of 10^-28, 0 <= rest < FRACTION, also below zero."""

    steps: int
    rest: int


def day_of(text: str) -> Day:
    """The UTC day that a date field names (L5): M/D/YYYY, an ISO day, or an instant (without an offset: UTC)."""
    text = text.strip()
    if match := _SLASH.fullmatch(text):
        month, day, year = (int(group) for group in match.groups())
        if month > 12:
            raise NoValue(
                "%(month)s is no month: Azure writes M/D/YYYY, so the file was saved again by a local tool; "
                "import the export as it was downloaded",
                month=month,
            )
        return Day(_date(year, month, day), "M/D/YYYY")
    if match := _DAY.fullmatch(text):
        year, month, day = (int(group) for group in match.groups())
        return Day(_date(year, month, day), "YYYY-MM-DD")
    if match := _INSTANT.fullmatch(text):
        style = "YYYY-MM-DDThh:mm:ss" if match[4] == "T" else "YYYY-MM-DD hh:mm:ss"
        return Day(instant_of(text).astimezone(UTC).date(), style)
    raise NoValue("is no date: M/D/YYYY, YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ would be right")


def instant_of(text: str) -> datetime:
    """The aware instant that an ISO 8601 text names, without an offset: UTC; digits past microseconds are dropped."""
    match = _INSTANT.fullmatch(text.strip())
    if match is None:
        raise NoValue("is no instant: YYYY-MM-DDThh:mm:ssZ would be right")
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    hour, minute, second = int(match[5]), int(match[6]), int(match[7])
    if hour > 23 or minute > 59 or second > 59:
        raise NoValue("is no time of day: 00:00:00 to 23:59:59 would be right")
    start = _date(year, month, day)
    micro = int((match[8] or "0")[:6].ljust(6, "0"))
    zone = _zone(match[9])
    try:
        return datetime(start.year, start.month, start.day, hour, minute, second, micro, zone).astimezone(UTC)
    except OverflowError:
        raise NoValue("is beyond the calendar") from None


def _zone(text: str | None) -> timezone:
    if text in (None, "Z"):
        return UTC
    digits = text.replace(":", "")
    hours, minutes = int(digits[1:3]), int(digits[3:5])
    if hours > 23 or minutes > 59:
        raise NoValue("has no such offset: +08:00 or Z would be right")
    away = timedelta(hours=hours, minutes=minutes)
    return timezone(-away if digits[0] == "-" else away)


def _date(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise NoValue(
            "there is no such day: year %(year)s, month %(month)s, day %(day)s", year=year, month=month, day=day
        ) from None


def cost_of(text: str) -> Cost:
    """An exact cost from digits with a point, E-notation allowed, at most 28 decimals (L2)."""
    text = text.strip()
    if text == "" or text.upper() == "NULL":
        raise NoValue("a cost is missing: write 0 where nothing was charged")
    match = _COST.fullmatch(text)
    if match is None:
        raise NoValue("is no number: digits with a decimal point such as 12.50 or 5.6E-05 would be right")
    exponent = int(match[3] or 0)
    decimals = len((match[1] or match[2] or "").rstrip("0")) - exponent
    if decimals > COST_DECIMALS:
        raise NoValue(
            "has %(decimals)s decimals: at most %(most)s can be counted exactly", decimals=decimals, most=COST_DECIMALS
        )
    if Decimal(text) and Decimal(text).adjusted() > 19:
        raise NoValue("is too large for a cost: it does not fit 64 bits of 10^-8")
    sign, digits, power = Decimal(text).normalize(_WIDE).as_tuple()  # without zeros beyond the 28th decimal
    assert isinstance(power, int)  # the pattern admits finite numbers alone
    whole = int("".join(str(digit) for digit in digits)) * 10 ** (power + COST_DECIMALS) if any(digits) else 0
    steps, rest = divmod(-whole if sign else whole, FRACTION)
    return Cost(steps, rest)


def currency_of(text: str) -> str:
    """A three-letter currency code in capitals."""
    text = text.strip()
    if not _CURRENCY.fullmatch(text):
        raise NoValue("is no currency: a three-letter code such as USD would be right")
    return text.upper()


def eligible_of(text: str) -> bool:
    """Whether a row may be paid from credit; an empty field says nothing against it."""
    stated = {"": True, "true": True, "1": True, "false": False, "0": False}.get(text.strip().lower())
    if stated is None:
        raise NoValue("is neither True nor False")
    return stated


def provider_of(text: str) -> str:
    """The short name of a provider: azure, aws, gcp, oracle, otherwise the name in lower case with hyphens."""
    plain = text.strip().lower()
    slug = _PROVIDERS.get(plain) or re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    if not slug:
        raise NoValue("names no provider: a name such as Microsoft or AWS would be right")
    return slug
