"""No page and no mail says a word of English to who reads another language: all are shown in a language made up of the
program's sentences in brackets, and whatever stands outside them must be data.
"""

import csv
import io
from collections.abc import Mapping

import pytest
from babel import Locale
from flask import Flask

from creditsvc import languages
from creditsvc.administration import mail_samples
from creditsvc.licences import sheets
from creditsvc.mail import render as rendering
from creditsvc.parties.models import TOKEN_SCOPES
from creditsvc.web import reader
from tests.web.access_park import Park
from tests.web.browsing import Browser
from tests.web.pseudo import Pseudo, outside, untranslated_in_page, written_by_people
from tests.web.test_access_matrix import ROLES, rows

ROLES_THAT_SEE_DIFFERENT_THINGS = ("nobody", "administrator", "partner", "consultant", "owner")
TYPED_BY_PEOPLE = frozenset({
    "startup, key, owner, state, starts, package",  # the columns of a table that is pasted
    ", ".join(TOKEN_SCOPES), *languages.NAMES.values(), *rendering.templates(),
})
"""Codes, which are the same in every language since people and programs write them."""

MADE_UP_KEYS = frozenset({
    "M. Chan", "Harbour Robotics", "ms-azure", "harbour-azure", "Azure credit", "hours",
    "harbour-hours", "harbour-seats", "Consultant hours", "3f1c9a52-77de-4b0a-9c1e-5a2b8d4e6f70",
    "The pitch day is on 24 June.", "Please send us your slides two days before.",
})

COLUMNS_READ_AGAIN = frozenset(sheets.EXPORTED)
"""What stands at the head of a file that can be changed and sent back."""


@pytest.fixture
def in_brackets(monkeypatch: pytest.MonkeyPatch):
    """Every language is the one in brackets, and no memory of it stays."""
    spoken = (Pseudo(), Locale.parse("zh_Hant_HK"))
    for module in (languages, reader, rendering):
        monkeypatch.setattr(module, "catalogue", lambda language: spoken)
        if hasattr(module, "locale_for"):
            monkeypatch.setattr(module, "locale_for", lambda language: spoken[1])
    rendering._environment.cache_clear()
    yield
    rendering._environment.cache_clear()


def readable(role: str):
    """The addresses that the role may read, each once."""
    column = ROLES.index(role)
    return [
        row for row in rows()
        if row.method == "GET" and row.statuses[column] == 200 and not row.endpoint.startswith(("api", "static"))
    ]


def made_up(values: object) -> frozenset[str]:
    """What a made-up mail is about: the values that are no codes."""
    if isinstance(values, str):
        return frozenset() if values.islower() and " " not in values and "." not in values else frozenset({values})
    parts = values.values() if isinstance(values, Mapping) else values if isinstance(values, list | tuple) else ()
    return frozenset().union(*(made_up(part) for part in parts))


@pytest.mark.parametrize("html", [
    "<p>⟦Hello⟧ there</p>", '<button aria-label="Close">×</button>', '<input placeholder="Search">',
    "<td>booked</td>", "<option value='owner'>owner</option>", "<title>Usage · ⟦Credits⟧</title>",
    "<td>1 Mar 2026</td>", '<td data-label="Amount">5</td>',
])
def test_a_word_outside_the_brackets_is_found(html: str):
    assert untranslated_in_page(html, frozenset({"Acme"})) != []


@pytest.mark.parametrize("html", [
    "<p>⟦Hello ⟧Acme⟦.⟧ 2026年3月1日 04:05 UTC+8</p>", "<td>USD 25,000.00</td>",
    '<button lang="en-GB">English</button>',
    "<td>lee@park.example</td>", "<style>p { color: red }</style>", "<option>Europe/London</option>",
])
def test_what_is_data_is_not(html: str):
    assert untranslated_in_page(html, frozenset({"Acme"})) == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_page_says_a_word_that_is_not_translated(app: Flask, in_brackets):
    park = Park(app)
    data, found = written_by_people() | TYPED_BY_PEOPLE | MADE_UP_KEYS, {}
    for role in ROLES_THAT_SEE_DIFFERENT_THINGS:
        browser = Browser(app)
        if role in park.people:
            browser.signed_in(park.people[role])
        for row in readable(role):
            page = browser.get(park.url(row))
            if page.response.mimetype == "text/html":
                said = untranslated_in_page(page.html, data)
            elif page.response.mimetype == "text/csv":
                said = list(outside(next(csv.reader(io.StringIO(page.html.lstrip("\ufeff")))), COLUMNS_READ_AGAIN))
            else:
                continue
            for text in said:
                found.setdefault(text, f"{row.endpoint} as {role}")

    assert found == {}


@pytest.mark.parametrize("kind", sorted(rendering.templates()))
def test_no_mail_says_a_word_that_is_not_translated(in_brackets, kind: str):
    about = made_up(mail_samples.values_of(kind, "zh_Hant")) | MADE_UP_KEYS
    mail = mail_samples.sample(kind, "zh_Hant")

    said = [*outside([mail.subject, *mail.text.splitlines()], about)]

    assert said + untranslated_in_page(mail.html, about) == []
