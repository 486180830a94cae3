"""The provider's own figure: entered by people, shown beside the estimate with the gap, never adjusted to it (U11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, tuple_

from creditsvc.core.amounts import Unit, format_amount, parse_amount
from creditsvc.core.days import CLOCKS_DIFFER, instant_text
from creditsvc.core.errors import RuleBroken
from creditsvc.db import db
from creditsvc.ledger.reading import AccountView, balances
from creditsvc.parties import trail
from creditsvc.parties.access import Caller, require_startup
from creditsvc.statements.models import ReportedBalance
from creditsvc.statements.reading import History, history_of

SHOWN = 24
"""How many figures a page has, the newest first."""

_NEWEST_FIRST = (ReportedBalance.seen_at.desc(), ReportedBalance.id.desc())


@dataclass(frozen=True)
class Reported:
    """A figure of the provider's portal with ours of the same instant, as it is known now; in steps of the unit."""

    id: int
    startup: str
    resource: str
    resource_name: str
    unit: Unit
    amount: int
    estimate: int
    seen_at: datetime
    entered_at: datetime
    actor: str

    @property
    def gap(self) -> int:
        """How much more the provider says is left than we do; negative where it says less."""
        return self.amount - self.estimate


def report_balance(
    caller: Caller, *, startup: str, amount: str, resource: str | None = None, seen_at: datetime | None = None
) -> Reported:
    """Keeps what the provider's portal showed as left, at `seen_at` (now unless given).

    `resource` need be named only where the startup has several credits. Raises NotFound("startup"), Forbidden,
    RuleBroken("resource", "no-credit" | "which-credit" | "unknown-resource"), RuleBroken("amount", ...) for what is no
    amount or below 0, RuleBroken("seen_at", "in-future").
    """
    company = require_startup(caller, "balance.report", startup)
    view = _chosen(balances(caller.now, startup_ids=[company.id]), startup, resource)
    steps = parse_amount(amount, view.unit, "amount")
    if steps < 0:
        raise RuleBroken("amount", "negative", "%(value)s: write what is left, 0 or more", value=amount)
    at = seen_at or caller.now
    if at > caller.now + CLOCKS_DIFFER:
        raise RuleBroken("seen_at", "in-future", "%(value)s has not come yet", value=instant_text(at))
    row = ReportedBalance(
        account_id=view.id, amount=steps, seen_at=at, entered_at=caller.now, actor=caller.actor
    )
    db.session.add(row)
    db.session.flush()
    trail.record(caller, "balance.reported", f"startup:{startup}", after={
        "resource": view.resource, "amount": format_amount(steps, view.unit), "seen_at": instant_text(at),
    })
    return _with_estimates([row], view)[0]


def reported_of(
    caller: Caller, startup: str, *, before: int | None = None, limit: int | None = None
) -> list[Reported]:
    """The figures of a startup's accounts, newest first; at most `limit`, from beyond the one of the id `before`.

    Raises NotFound("startup"), Forbidden, RuleBroken("after", "unknown-figure").
    """
    company = require_startup(caller, "startup.see", startup)
    views = {view.id: view for view in balances(caller.now, startup_ids=[company.id])}
    wanted = select(ReportedBalance).where(ReportedBalance.account_id.in_(views)).order_by(*_NEWEST_FIRST).limit(limit)
    if before is not None:
        last = db.session.get(ReportedBalance, before)
        if last is None or last.account_id not in views:
            raise RuleBroken("after", "unknown-figure", "there is no figure %(value)s to go on from", value=before)
        wanted = wanted.where(tuple_(ReportedBalance.seen_at, ReportedBalance.id) < (last.seen_at, last.id))
    rows = db.session.scalars(wanted).all()
    told = {
        one.id: one for view in views.values()
        for one in _with_estimates([row for row in rows if row.account_id == view.id], view)
    }
    return [told[row.id] for row in rows]


def newest_reported(views: Sequence[AccountView], history: History) -> list[Reported]:
    """The newest figure of each of the accounts that has one. Asks nobody's permission.

    `history` is that of the accounts, up to now at least.
    """
    place = func.row_number().over(partition_by=ReportedBalance.account_id, order_by=_NEWEST_FIRST)
    numbered = (
        select(ReportedBalance.id, place.label("place"))
        .where(ReportedBalance.account_id.in_([view.id for view in views]))
        .subquery()
    )
    rows = db.session.scalars(
        select(ReportedBalance).join(numbered, numbered.c.id == ReportedBalance.id).where(numbered.c.place == 1)
    ).all()
    of_account = {row.account_id: row for row in rows}
    return [
        one for view in views if view.id in of_account for one in _with_estimates([of_account[view.id]], view, history)
    ]


def reported_document(one: Reported) -> dict[str, Any]:
    """A figure as JSON."""
    return {
        "startup": one.startup, "resource": one.resource, "unit": one.unit.name,
        "amount": format_amount(one.amount, one.unit), "estimate": format_amount(one.estimate, one.unit),
        "gap": format_amount(one.gap, one.unit), "seen_at": instant_text(one.seen_at),
        "entered_at": instant_text(one.entered_at), "entered_by": one.actor,
    }


def _with_estimates(
    rows: Sequence[ReportedBalance], view: AccountView, history: History | None = None
) -> list[Reported]:
    if not rows:
        return []
    if history is None:
        history = history_of([view], max(row.seen_at for row in rows))
    return [
        Reported(row.id, view.startup, view.resource, view.resource_name, view.unit, row.amount,
                 history.remaining_at(view, row.seen_at), row.seen_at, row.entered_at, row.actor)
        for row in rows
    ]


def _chosen(views: Sequence[AccountView], startup: str, resource: str | None) -> AccountView:
    of_credit = [view for view in views if view.kind == "credit"]
    if resource is not None:
        found = [view for view in of_credit if view.resource == resource]
        if not found:
            raise RuleBroken(
                "resource", "unknown-resource", "%(startup)s has no credit %(value)s", startup=startup, value=resource
            )
        return found[0]
    if not of_credit:
        raise RuleBroken("resource", "no-credit", "%(startup)s has no credit yet", startup=startup)
    if len(of_credit) > 1:
        raise RuleBroken(
            "resource", "which-credit", "say which credit the figure is of: %(keys)s",
            keys=", ".join(view.resource for view in of_credit),
        )
    return of_credit[0]
