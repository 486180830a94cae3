"""The book for auditors: a signed copy that shows each change, batches and the trail as they were asked for."""

import csv
import io
import json
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from creditsvc.core.errors import Forbidden, RuleBroken
from creditsvc.parties.access import operator
from creditsvc.statements import audit
from tests import factories
from tests.conftest import NOW
from tests.ledger.books import START
from tests.usage.importing import assign, import_path
from tests.usage.scenes import SCOPE, export, hours, make_startups

KEY = "a key for tests alone"


@pytest.fixture
def book(app: Flask, tmp_path: Path) -> None:
    make_startups("acme", "kite")
    assign(SCOPE, "acme", START, NOW)
    import_path(export(tmp_path, {2: "10", 3: "5"}), now=hours(1))


def changed(content: bytes, name: str, old: bytes, new: bytes) -> bytes:
    """The ZIP with a text in one of its files replaced."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(target, "w") as copy:
        for one in source.namelist():
            text = source.read(one)
            copy.writestr(one, text.replace(old, new) if one == name else text)
    return target.getvalue()


def test_a_signed_copy_holds_the_balances_and_shows_each_change(book: None) -> None:
    content = audit.signed_copy(operator(hours(2)), KEY, hours(2), None)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        accounts = list(csv.DictReader(io.StringIO(archive.read("accounts.csv").decode())))

    assert audit.check_copy(KEY, content)["accounts"] == 2
    assert [(row["startup"], row["drawn"], row["remaining"]) for row in accounts] == [
        ("acme", "15", "985"), ("kite", "0", "1000"),
    ]
    assert audit.signed_copy(operator(hours(2)), KEY, hours(2), None) == content
    for name, old, new in (("accounts.csv", b"985", b"986"), ("batches.csv", b"usage", b"scope"),
                           ("manifest.json", b'"accounts": 2', b'"accounts": 3')):
        with pytest.raises(RuleBroken):
            audit.check_copy(KEY, changed(content, name, old, new))
    with pytest.raises(RuleBroken):
        audit.check_copy("another key", content)
    with pytest.raises(RuleBroken):
        audit.check_copy(KEY, b"no zip")


def test_the_book_is_told_as_it_was_known(book: None) -> None:
    totals = audit.book_totals(operator(hours(2)), hours(2), None)
    before = audit.book_totals(operator(hours(2)), hours(2), hours(0))
    _, views = audit.book_page(operator(hours(2)), hours(2), None, 1)

    assert [(total.resource, total.accounts, total.amounts["drawn"]) for total in totals] == [("credit", 2, 15 * 10**8)]
    assert [total.amounts["drawn"] for total in before] == [0]
    assert sum(view.remaining for view in views) == totals[0].amounts["remaining"]


def test_batches_name_their_cause_and_chain(book: None) -> None:
    rows, onward = audit.list_batches(operator(hours(2)), startup="acme")
    newest, postings = audit.find_batch(operator(hours(2)), rows[0].id)

    assert onward is None
    assert (newest.cause, newest.actor) == ("usage", "command line")
    assert newest.previous_hash == rows[1].hash
    assert sum(row.amount for row in postings) == 15 * 10**8
    assert {row.startup for row in rows} == {"acme"}


def test_pages_of_batches_and_of_the_trail_go_on_where_they_ended(
    book: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = [row.id for row in audit.list_batches(operator(hours(2)))[0]]
    monkeypatch.setattr(audit, "SHOWN", 2)
    found: list[int] = []
    onward: int | None = None
    while True:
        rows, onward = audit.list_batches(operator(hours(2)), before=onward)
        found += [row.id for row in rows]
        if onward is None:
            break

    assert found == whole
    assert len(audit.list_trail(operator(hours(2)))[0]) == 2


def test_the_trail_is_found_by_subject_actor_and_day(book: None) -> None:
    mine, _ = audit.list_trail(operator(hours(2)), subject="scope:")
    nobody, _ = audit.list_trail(operator(hours(2)), actor="x@park.example")
    later, _ = audit.list_trail(operator(hours(2)), first=hours(3))

    assert mine
    assert all(row.subject.startswith("scope:") for row in mine)
    assert (nobody, later) == ([], [])


def test_managers_and_founders_do_not_read_the_book_of_all(book: None) -> None:
    caller = factories.caller(factories.make_person("lee@park.example", "manager"))

    for read in (audit.list_batches, audit.list_trail):
        with pytest.raises(Forbidden):
            read(caller)
    with pytest.raises(Forbidden):
        audit.book_totals(caller, NOW, None)


def test_a_copy_of_the_book_as_it_is_known_is_made_again_by_what_its_manifest_says(book: None) -> None:
    def manifest_of(content: bytes) -> dict[str, Any]:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return dict(json.loads(archive.read("manifest.json")))

    content = audit.signed_copy(operator(hours(2)), KEY, hours(2), None)
    manifest = manifest_of(content)
    known_at = datetime.fromisoformat(manifest["known_at"])

    assert manifest["as_of"] == "2026-06-15T06:00:00Z"
    assert audit.signed_copy(operator(hours(3)), KEY, hours(2), known_at) == content


def test_the_book_is_read_a_page_at_a_time_and_summed_whole(book: None, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = audit.book_totals(operator(hours(2)), hours(2), None)
    monkeypatch.setattr(audit, "SHOWN", 1)
    monkeypatch.setattr("creditsvc.statements.audit.chunks", lambda ids: [[one] for one in ids])

    pages = [audit.book_page(operator(hours(2)), hours(2), None, page) for page in (1, 2, 3)]

    assert [(count, [view.startup for view in views]) for count, views in pages] == [
        (2, ["acme"]), (2, ["kite"]), (2, [])]
    assert audit.book_totals(operator(hours(2)), hours(2), None) == whole
