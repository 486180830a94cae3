"""A language made up of the program's own sentences in ⟦brackets⟧, and what of a page or mail stands outside them.

Only what the extraction sees is in brackets; the places of a sentence are outside, so that a word of the program that
fills one is found as well. Dates and figures are as 繁體中文 writes them: an English month would be found.
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from babel.support import NullTranslations

from creditsvc.core.days import time_zones
from creditsvc.db import Model, db
from tests.house.test_translations import PLACE, extraction

DATA_COLUMNS = frozenset({
    "key", "name", "name_zh_hant", "name_zh_hans", "email", "topic", "external_id", "publisher", "plan", "source",
    "sku", "seat_is",
    "reason", "why", "note", "dispute", "uid", "timezone", "holder_email", "holder_name", "actor", "asked_by",
    "booked_by", "invited_by", "provider", "portal", "reference", "partner_reference", "address", "mail_from",
    "to_address", "from_currency", "to_currency", "message_id", "proposed_by", "charge_key",
})
"""Columns that hold what people wrote or other systems call things: data, in whatever language it is. Not among them:
states, kinds, roles, actions, which are words of the program.
"""

SPOKEN_ATTRIBUTES = ("title", "aria-label", "placeholder", "alt", "data-label", "summary")
SILENT = frozenset({"script", "style", "code", "kbd", "samp", "pre"})
VOID = frozenset({"input", "br", "hr", "img", "meta", "link", "col", "source", "wbr", "area", "base"})

_ADDRESS = re.compile(r"[\w.+-]+@[\w.-]+|https?://[^\s⟦]+|(?<!\w)/[\w/.<>-]+")
_SAME_EVERYWHERE = re.compile(
    r"\b(?:[A-Z]{3}|UTC(?:[+-]\d+(?::\d\d)?)?|XLSX|JSON|GUID|Azure|Microsoft(?: 365)?|FOCUS|GB|MB|KB)\b"
    r"|\b(?:SQLite|PostgreSQL|Python|creditsvc|flask|sqlalchemy|polars|apscheduler)\b"
    r"|\b[\w-]+\.(?:csv|xlsx|gz|parquet|eml)\b|\d[\d.,]*[KMB]\b"
    r"|\b[0-9a-f]{8,}\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
)
"""What no language translates: currency codes, addresses, formats, names of products, units of SI, hashes."""

_WORD = re.compile(r"[A-Za-z]{2,}")


class Pseudo(NullTranslations):
    """Says every sentence that the extraction sees in brackets, and any other as it is."""

    def ugettext(self, message: str) -> str:
        return bracketed(message) if message in _sentences() else message

    def ungettext(self, singular: str, plural: str, num: int) -> str:
        message = singular if num == 1 else plural
        return bracketed(message) if message in _sentences() else message

    gettext, ngettext = ugettext, ungettext


def bracketed(message: str) -> str:
    """The sentence with its words in brackets and its places between them: `⟦Grant ⟧%(grant)s⟦ ended⟧`."""
    pieces = re.split(r"(%\(\w+\)[a-z])", message)
    return "".join(piece if PLACE.fullmatch(piece) else f"⟦{piece}⟧" for piece in pieces if piece)


def _sentences() -> set[str]:
    if not _known:
        for msgid in extraction():
            _known.update((msgid,) if isinstance(msgid, str) else (str(each) for each in msgid))
    return _known


_known: set[str] = set()


def written_by_people() -> frozenset[str]:
    """Everything in the database that people wrote or other systems call so."""
    found: set[str] = set()
    for table in Model.metadata.sorted_tables:
        for column in table.columns:
            if column.name in DATA_COLUMNS:
                found.update(str(value) for value in db.session.scalars(db.select(column).distinct()) if value)
    return frozenset(found)


class Outside(HTMLParser):
    """The texts of a page that people read or hear, with where they stand. What has a language of its own is left out:
    a language's own name.
    """

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        is_silent = tag in SILENT or ("lang" in given and tag != "html") or "mono" in given.get("class", "").split()
        if tag not in VOID and (self._silent or is_silent):
            self._silent.append(tag)
        if not is_silent and not self._silent:
            self.texts += [given[name] for name in SPOKEN_ATTRIBUTES if name in given]

    def handle_endtag(self, tag: str) -> None:
        if self._silent and tag == self._silent[-1]:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.texts.append(data)


def outside(texts: list[str], data: frozenset[str]) -> Iterator[str]:
    """The texts with words outside the brackets that are no data."""
    names = "|".join(re.escape(name) for name in sorted(data, key=len, reverse=True))
    known = re.compile(rf"(?<!\w)(?:{names})(?!\w)") if names else None
    for text in texts:
        rest = re.sub(r"⟦[^⟧]*⟧", " ", text.replace("\N{NO-BREAK SPACE}", " "))
        if not _WORD.search(rest):
            continue
        rest = _ADDRESS.sub(" ", rest)
        if known is not None:
            rest = known.sub(" ", rest)
        if _WORD.search(_SAME_EVERYWHERE.sub(" ", rest)):
            yield " ".join(text.split())


def untranslated_in_page(html: str, data: frozenset[str]) -> list[str]:
    """What of a page people would read in English whatever their language."""
    reader = Outside()
    reader.feed(html.replace("<wbr>", ""))  # where a line may break parts no word
    return sorted(set(outside(reader.texts, data | frozenset(time_zones()))))
