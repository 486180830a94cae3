"""Stating rates, and importing usage billed in Hong Kong dollars, as doors do it."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from creditsvc.core.amounts import format_amount
from creditsvc.db import db, transaction
from creditsvc.ledger.facts import units_of
from creditsvc.ledger.models import Batch
from creditsvc.parties.access import operator
from creditsvc.usage.rates import RateOutcome, add_rate, withdraw_rate
from creditsvc.usage.reading import foreign_in_all
from tests.conftest import NOW
from tests.ledger.books import START
from tests.usage.importing import assign, import_path
from tests.usage.scenes import SCOPE, USD, holding, make_startups, rows_of, write


def make_acme() -> None:
    """A startup with a grant of 1,000 USD and a subscription."""
    make_startups("acme")
    assign(SCOPE, "acme", START, NOW)


def rate(
    text: str, day: date = date(2026, 6, 1), *, now: datetime = NOW, keep: bool = True, **more: str
) -> RateOutcome:
    """States a rate from Hong Kong dollars to US dollars, in a transaction of its own."""
    said = {"from_currency": "HKD", "to_currency": "USD", "source": "HKMA"} | more
    return transaction(lambda: add_rate(operator(now), day=day, rate=text, **said), keep=keep)


def withdraw(day: date = date(2026, 6, 1), *, now: datetime = NOW) -> RateOutcome:
    """Takes a rate back, in a transaction of its own."""
    said = {"from_currency": "HKD", "to_currency": "USD", "reason": "a slip"}
    return transaction(lambda: withdraw_rate(operator(now), day=day, **said))


def hkd(folder: Path, costs: dict[int, str], at: datetime = NOW, **more: Any) -> dict[str, Any]:
    """Imports usage of the first scope billed in Hong Kong dollars; the report."""
    return import_path(write(folder, rows_of(costs, BillingCurrency="HKD")), at, submitted_at=at, **more)


def waits(startup: str = "acme") -> str:
    """What of a startup's usage in Hong Kong dollars waits."""
    account = holding(startup)
    assert account is not None
    steps = foreign_in_all(units_of([account.id]))[1].get(account.id, {}).get("HKD", 0)
    return format_amount(steps, USD)


def causes() -> list[tuple[str, str]]:
    """The causes of the batches, in their order, after the award."""
    db.session.rollback()
    rows = db.session.execute(select(Batch.cause, Batch.cause_ref).order_by(Batch.id)).all()
    return [tuple(row) for row in rows if row[0] in ("usage", "rate", "reverse", "scope")]
