"""Rates that somebody changed in the database are found (L18); rates and usage that come at once miss nothing (L12)."""

from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
from flask import Flask
from sqlalchemy import delete, update

from creditsvc.db import db, transaction
from creditsvc.ledger.models import RateFact
from creditsvc.parties.access import operator
from creditsvc.usage.operations import apply_run, read_source
from creditsvc.usage.rates import add_rate
from creditsvc.usage.readers.source import open_source
from tests.conftest import NOW
from tests.polling import somebody_waits_for_us, wait_until
from tests.usage.rating import hkd, make_acme, rate
from tests.usage.scenes import differences, drawn, june, rows_of, write


@pytest.fixture
def acme(app: Flask) -> None:
    """A startup with a grant of 1,000 USD and a subscription."""
    make_acme()


def test_a_rate_changed_in_the_database_is_found(acme: None, tmp_path: Path) -> None:
    hkd(tmp_path, {1: "1000"})
    rate("0.1")
    assert differences() == []

    transaction(lambda: db.session.execute(update(RateFact).values(rate="0.2")))

    whats = [one["what"] for one in differences()]
    assert any(what.startswith("hash of rate") for what in whats)
    assert "drawn 2026-06-01 grant acme-grant" in whats


def test_a_rate_that_no_usage_needs_is_found_when_it_is_changed_or_taken_out(acme: None) -> None:
    rate("0.1")
    rate("0.2", june(5))

    transaction(lambda: db.session.execute(update(RateFact).where(RateFact.rate == "0.1").values(source="nobody")))
    assert [one["what"].split(" (")[0] for one in differences()] == ["hash of rate 1"]

    transaction(lambda: db.session.execute(delete(RateFact).where(RateFact.rate == "0.1")))
    assert [one["what"].split(" (")[0] for one in differences()] == ["rate 2"]


def test_a_rate_that_is_no_number_is_named_rather_than_a_stumbling_block(acme: None, tmp_path: Path) -> None:
    hkd(tmp_path, {1: "1000"})
    rate("0.1")

    transaction(lambda: db.session.execute(update(RateFact).values(rate="abc")))

    assert ("a rate; no account can be planned without", "abc") in [
        (one["expected"], one["found"]) for one in differences()
    ]


def test_a_batch_whose_rate_is_gone_is_found(acme: None, tmp_path: Path) -> None:
    hkd(tmp_path, {1: "1000"})
    outcome = rate("0.1")

    transaction(lambda: db.session.execute(delete(RateFact)))

    assert ("an exchange rate", f"rate:{outcome.rate.id}") in [
        (one["expected"], one["found"]) for one in differences()
    ]


def test_a_rate_stated_while_usage_is_being_posted_settles_that_usage_too(
    acme: None, app: Flask, database: str, tmp_path: Path
) -> None:
    """The import has planned without the rate and not committed; the rate must wait for it, or it is never applied."""
    prepared = read_source(open_source(write(tmp_path, rows_of({1: "1000"}, BillingCurrency="HKD"))))
    db.session.rollback()
    second = Thread(target=_in_context, args=(app, lambda: rate("0.1")))

    def first() -> None:
        apply_run(operator(NOW), prepared)
        second.start()
        if database == "postgresql":
            wait_until(somebody_waits_for_us, "the rate to wait for the import's lock")

    transaction(first)
    second.join()

    assert drawn() == "100"
    assert differences() == []


def test_usage_posted_while_a_rate_is_being_stated_is_converted_by_it(
    acme: None, app: Flask, database: str, tmp_path: Path
) -> None:
    """The rate has looked for usage and not committed; the import must wait for it, or plans without it."""
    prepared = read_source(open_source(write(tmp_path, rows_of({1: "1000"}, BillingCurrency="HKD"))))
    db.session.rollback()
    importing = lambda: transaction(lambda: apply_run(operator(NOW), prepared))  # noqa: E731
    second = Thread(target=_in_context, args=(app, importing))

    def first() -> None:
        add_rate(operator(NOW), from_currency="HKD", to_currency="USD", day=june(1), rate="0.1", source="HKMA")
        second.start()
        if database == "postgresql":
            wait_until(somebody_waits_for_us, "the import to wait for the rate's lock")

    transaction(first)
    second.join()

    assert drawn() == "100"
    assert differences() == []


def _in_context(app: Flask, act: Callable[[], object]) -> None:
    with app.app_context():
        try:
            act()
        finally:
            db.session.remove()
