"""Whatever a shape refuses is said in the reader's language: no field of any form answers in English alone."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest
from babel import Locale
from flask import Flask
from marshmallow import Schema, ValidationError, fields

import creditsvc
from creditsvc import languages
from creditsvc.web import reader
from creditsvc.web.shape_words import refusals
from tests import factories
from tests.web.pseudo import Pseudo

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

OF_PROGRAMS = ("creditsvc.api", "creditsvc.onboarding", "creditsvc.migrations")
"""Whose shapes are of documents that programs send or files that the shell reads."""

WRONG = ("x" * 600_000, "?", "", "-1", "99999999999", "2026-13-40", "1999-01-01T00:00:00")
"""What a form can send: text."""


def shapes() -> Iterator[type[Schema]]:
    for module in pkgutil.walk_packages(creditsvc.__path__, "creditsvc."):
        if not module.name.startswith(OF_PROGRAMS):
            members = inspect.getmembers(importlib.import_module(module.name), inspect.isclass)
            yield from (one for _name, one in members if issubclass(one, Schema) and one.__module__ == module.name)


def refused(shape: type[Schema]) -> Iterator[str]:
    """Everything that a shape says of wrong values, of what is missing too."""
    there = {
        field.data_key or name: field for name, field in shape().fields.items()
        if not isinstance(field.inner if isinstance(field, fields.List) else field, fields.Nested)  # none is of a form
    }
    lists = set() if hasattr(shape, "split") else {name for name, one in there.items() if isinstance(one, fields.List)}
    for wrong in ({}, *({name: [value] if name in lists else value for name in there} for value in WRONG)):
        try:
            shape().load(wrong)
        except ValidationError as error:
            for messages in error.messages_dict.values():
                yield from refusals(messages)


def test_no_refusal_of_a_shape_is_in_english_alone(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (languages, reader):
        monkeypatch.setattr(module, "catalogue", lambda language: (Pseudo(), Locale.parse("zh_Hant_HK")))
    found = list(shapes())

    with app.test_request_context("/", headers={"Accept-Language": "zh-HK"}):
        said = {text for shape in found for text in refused(shape)}

    assert len(found) > 40
    assert len(said) > 20
    assert sorted(text for text in said if "⟦" not in text or "{" in text) == []


def test_a_wrong_day_a_long_text_and_a_list_are_refused_in_the_readers_words(browse_as) -> None:
    factories.make_pool("ms-azure")
    factories.make_startup("acme", "Acme")
    manager = browse_as(factories.make_person("lee@park.example", "manager", language="zh_Hant"))

    award = manager.submit("/startups/acme/award", {"pool": "ms-azure", "amount": "5", "effective": "soon"})
    startup = manager.submit("/startups/new", {"name": "Acme", "key": "k" * 101})
    consultant = manager.submit("/consultants/new", {"name": "Ada", "languages": "z" * 41})

    assert (award.status, startup.status, consultant.status) == (422, 422, 422)
    assert "'soon' 不是日期或時刻" in award.text
    assert "最多 100 個字元" in startup.text
    assert "1 至 40 個字元" in consultant.text
