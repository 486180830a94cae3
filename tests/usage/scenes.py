"""Scenes of importing: startups with a grant of 1,000 USD each, subscriptions, and exports of their usage."""

import itertools
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from creditsvc.core.amounts import format_amount, unit_named
from creditsvc.db import db
from creditsvc.ledger.models import Scope, UsageFact
from creditsvc.ledger.reading import AccountView, balances
from creditsvc.ledger.verify import verify
from tests.conftest import NOW
from tests.ledger.books import START, award, make_book, startup_id
from tests.usage.exports import focus_row, write_focus, write_with_manifest
from tests.usage.importing import import_path

SCOPE = "64e355d7-997c-491d-b0c1-8414dccfcf42"
OTHER = "1caaa5a3-2b66-438e-8ab4-bce37d518c5d"

USD = unit_named("USD")
_numbers = itertools.count(1)

Costs = Mapping[int, str]
"""Costs by day of June 2026."""


def june(day: int) -> date:
    """A day of June 2026; the tests' NOW is the 15th."""
    return date(2026, 6, day)


def hours(count: int) -> datetime:
    """NOW and so many hours."""
    return NOW + timedelta(hours=count)


def make_startups(*keys: str, amount: str = "1000") -> None:
    """Startups that hold a grant each, with no subscription yet."""
    make_book(startups=keys or ("acme",))
    for key in keys or ("acme",):
        award(f"{key}-grant", amount, START, startup=key)


def rows_of(costs: Costs, scope: str = SCOPE, **more: str) -> list[dict[str, str]]:
    """Rows of a FOCUS export, one for each day."""
    return [focus_row(june(day), scope, cost, **more) for day, cost in costs.items()]


def export(folder: Path, costs: Costs, scope: str = SCOPE, **more: str) -> Path:
    """A file with one subscription's usage."""
    return write(folder, rows_of(costs, scope, **more))


def write(folder: Path, rows: list[dict[str, str]]) -> Path:
    """A file with these rows."""
    return write_focus(folder / f"export-{next(_numbers)}.csv", rows)


def with_range(
    folder: Path, rows: list[dict[str, str]], first: int, last: int, submitted_at: datetime = NOW, **more: Any
) -> Path:
    """A folder whose manifest states the range of June that it covers."""
    return write_with_manifest(
        folder / f"export-{next(_numbers)}", rows, submitted_at, june(first), june(last), **more
    )


def spend(folder: Path, costs: Costs, scope: str = SCOPE, *, at: datetime = NOW, **more: Any) -> dict[str, Any]:
    """Imports a file with one subscription's usage, submitted at the instant; the report."""
    return import_path(export(folder, costs, scope), at, submitted_at=at, **more)


def holding(startup: str = "acme", as_of: datetime = NOW) -> AccountView | None:
    """The startup's account as of an instant, if it has one."""
    db.session.rollback()
    db.session.expunge_all()
    found = balances(as_of, startup_ids=[startup_id(startup)])
    return found[0] if found else None


def drawn(startup: str = "acme", as_of: datetime = NOW) -> str:
    """What usage took from the startup's grants."""
    account = holding(startup, as_of)
    return format_amount(account.drawn, USD) if account else "0"


def usage_by_day(scope: str = SCOPE, currency: str = "USD") -> dict[int, str]:
    """The usage that is known of a subscription, by day of June, without what is zero."""
    rows = db.session.execute(
        select(UsageFact.day, func.sum(UsageFact.amount))
        .join(Scope, Scope.id == UsageFact.scope_id)
        .where(Scope.external_id == scope, UsageFact.currency == currency)
        .group_by(UsageFact.day)
    )
    return {day.day: format_amount(int(amount), USD) for day, amount in rows if amount}


def freshness(scope: str = SCOPE) -> tuple[date | None, datetime | None]:
    """The newest charge day of a subscription, and when its data came (U10)."""
    db.session.rollback()
    db.session.expunge_all()
    found = db.session.execute(select(Scope).where(Scope.external_id == scope)).scalar_one()
    return found.newest_charge_day, found.data_at


def differences() -> list[dict[str, str]]:
    """What verify finds."""
    found: list[dict[str, str]] = verify()["differences"]
    return found


def total(amounts: Mapping[str, str]) -> Decimal:
    """The US dollars in a report's amounts by currency."""
    return Decimal(amounts.get("USD", "0"))
