"""The same promise as on the pure core, through the book and the import, on both databases.

Each example has two startups with the same facts in two orders; all share one database, which only fills up.
"""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from string import ascii_uppercase
from typing import Any

import polars as pl
import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from sqlalchemy import select

from creditsvc.core.rates import NO_RATES
from creditsvc.db import db, transaction
from creditsvc.ledger.book import Cause, add_rate, post
from creditsvc.ledger.facts import known_courses
from creditsvc.ledger.locks import lock_accounts, lock_rates
from creditsvc.ledger.models import Account
from creditsvc.ledger.reading import AccountView, balances
from creditsvc.ledger.verify import check_accounts, check_pools, verify
from creditsvc.parties.access import operator
from creditsvc.parties.models import Startup
from creditsvc.usage.operations import Prepared, apply_run
from creditsvc.usage.rates import accounts_concerned
from creditsvc.usage.readers.totals import TOTALS_SCHEMA, Export
from tests.ledger.arrivals import HORIZON, Arrived, Awarded, Fact, Rated, day, instant, two_orders
from tests.ledger.books import START, award, change, make_book, usd
from tests.sizes import size
from tests.usage.importing import assign

pytestmark = pytest.mark.long

LATER = instant(HORIZON + 40)
UNIT = usd("1")
_numbers = itertools.count(1)


def currency_of(prefix: str) -> str:
    """Another currency than the grants', of that startup alone: rates are everybody's, and the database is shared."""
    number = int(prefix[1:-1])
    return "Z" + ascii_uppercase[number // 26] + ascii_uppercase[number % 26]


def prepared(run: Arrived, prefix: str) -> Prepared:
    """The run as a reader would have read it."""
    scope = prefix + run.scope
    currency = currency_of(prefix) if run.foreign else "USD"
    rows = [("aws", scope, day(number), key, currency, amount * UNIT, 1, 0) for number, key, amount in run.totals]
    export = Export(
        schema="focus-1.0", feed=prefix, parts=(), rows=len(rows), counted_rows=len(rows), left_out=(),
        totals=pl.DataFrame(rows, schema=dict(TOTALS_SCHEMA), orient="row"), scopes=frozenset({("aws", scope)}),
        cover=(day(run.first), day(run.last)), manifest=None,
    )
    return Prepared(run.name, export, hashlib.sha256(f"{prefix}{run.name}".encode()).hexdigest(), None)


def state(rated: Rated, prefix: str) -> None:
    """States a rate at the instant that the fact gives, and posts what it changes."""
    pair = (currency_of(prefix), "USD")

    def write() -> None:
        lock_rates()
        until = known_courses().get(pair, NO_RATES).until(day(rated.day))
        fact = add_rate(pair, day(rated.day), rated.value, "a bank", rated.stated_at, "tester")
        accounts = lock_accounts(accounts_concerned(pair, day(rated.day), until))
        post(list(accounts.values()), Cause("rate", f"rate:{fact.id}", "tester"))

    transaction(write)


def take_in(fact: Fact, prefix: str, startup: str) -> None:
    """Adds one fact in a transaction of its own."""
    if isinstance(fact, Awarded):
        award(prefix + fact.key, str(fact.amount), fact.effective, fact.expires, startup=startup,
              priority=fact.priority, awarded=instant(fact.awarded))
    elif isinstance(fact, Rated):
        state(fact, prefix)
    elif isinstance(fact, Arrived):
        run = prepared(fact, prefix)
        submitted = instant(fact.submitted)
        transaction(lambda: apply_run(operator(LATER), run, submitted_at=submitted, confirm=True))
    else:
        change(prefix + fact.lot, fact.kind, amount=str(fact.amount), instant=fact.moment)


def arrive(order: Sequence[Fact]) -> int:
    """The account of a new startup after the facts arrived in that order, checked after each of them."""
    prefix = f"s{next(_numbers)}-"
    startup = prefix + "startup"

    def begin() -> None:
        db.session.add(Startup(key=startup, name=startup, created_at=START))

    transaction(begin)
    for scope in ("scope-a", "scope-b"):
        assign(prefix + scope, startup, START, START, provider="aws")
    account_id = db.session.execute(
        select(Account.id).join(Startup, Startup.id == Account.startup_id).where(Startup.key == startup)
    ).scalar_one()
    for fact in order:
        take_in(fact, prefix, startup)
        db.session.rollback()
        assert check_accounts([account_id], {account_id: startup}) == []
    assert check_pools() == []
    return account_id


def shown(account_id: int) -> list[Any]:
    """What the account's balances say at several instants, without its own names."""
    answers = []
    for as_of in (instant(0), instant(5), instant(HORIZON), LATER + timedelta(days=1)):
        (view,) = balances(as_of, account_ids=[account_id])
        answers.append(_nameless(view))
    return answers


def _nameless(view: AccountView) -> tuple[Any, ...]:
    lots = [replace(lot, id=0, key=lot.key.split("-", 1)[1]) for lot in view.lots]
    return (lots, view.uncovered, view.uncredited, view.remaining)


def _compare(orders: tuple[list[Fact], list[Fact]]) -> None:
    first, second = arrive(orders[0]), arrive(orders[1])
    assert shown(first) == shown(second)


def _many(app: Flask, examples: int) -> None:
    make_book(pool="90000000", provider="aws")
    quiet = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    settings(max_examples=examples, deadline=None, suppress_health_check=quiet)(given(two_orders())(_compare))()
    assert verify()["differences"] == []


def test_any_order_of_arrival_ends_in_the_same_balances(app: Flask, database: str) -> None:
    _many(app, size(50, 200) if database == "sqlite" else size(15, 50))
