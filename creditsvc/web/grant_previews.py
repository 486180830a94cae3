"""What an award or a change of a grant would do, said before it is done: it is done, looked at and taken back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast

from marshmallow import Schema

from creditsvc.alerts.findings import Thresholds, counted_now, programme_settings
from creditsvc.core.amounts import Unit
from creditsvc.core.burndown import LATEST, Lot, burning_order
from creditsvc.core.days import last_day
from creditsvc.core.due_alerts import RULES
from creditsvc.core.errors import RuleBroken
from creditsvc.db import transaction
from creditsvc.grants.models import Proposal
from creditsvc.grants.reading import PoolView, pools
from creditsvc.ledger.reading import AccountView, LotView, balances
from creditsvc.parties.access import Caller
from creditsvc.web.forms import Form, shape


@dataclass(frozen=True)
class Row:
    """A lot as it would stand. `changed`: it is new, or another than now. `mails`: the days of its expiry alerts."""

    lot: LotView
    unit: Unit
    resource: str
    changed: bool
    mails: tuple[date, ...]


@dataclass(frozen=True)
class Use:
    """At which amounts used of an account alerts would be due, those to come: (percent, amount)."""

    resource: str
    unit: Unit
    at: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Preview:
    """What would stand: pools with what they have left now, and the lots in the order in which they burn.

    `waits`: nothing would change before a second person says yes.
    """

    waits: bool
    pools: tuple[tuple[PoolView, int], ...]
    rows: tuple[Row, ...]
    uses: tuple[Use, ...]


def preview(
    form: Form, schema: Schema, caller: Caller, startup_id: int, act: Callable[[dict[str, Any]], object]
) -> Preview | None:
    """Does it, looks, and takes it back; None with the refusals in the form where it would be refused."""
    values = shape(form, schema)
    if values is None:
        return None

    def tried() -> Preview:
        left = {pool.key: pool.left for pool in pools(caller)}
        before = _lots(balances(caller.now, startup_ids=[startup_id]))
        made = act(values)
        views = balances(caller.now, startup_ids=[startup_id])
        after = _lots(views)
        touched = {account for key, (account, *_, lot) in after.items() if _is_other(before, key, lot)}
        thresholds = Thresholds(programme_settings(), [startup_id])
        days, percents = thresholds.of(startup_id, RULES["expiry"]), thresholds.of(startup_id, RULES["used"])
        rows = [
            Row(lot, unit, resource, changed,
                _mails(lot.end, days, caller.now) if changed and not lot.voided_at else ())
            for key, (account, resource, unit, lot) in after.items() if account in touched
            for changed in (_is_other(before, key, lot),)
            if changed or lot.end > caller.now
        ]
        rows.sort(key=lambda row: (row.resource, burning_order(cast(Lot, row.lot))))
        return Preview(
            isinstance(made, Proposal),
            tuple((pool, left[pool.key]) for pool in pools(caller) if pool.left != left[pool.key]),
            tuple(rows),
            tuple(use for view in views if view.id in touched for use in _uses(view, percents, caller.now)),
        )

    try:
        return transaction(tried, keep=False)
    except RuleBroken as refusal:
        form.show(refusal)
        return None


_Lots = dict[str, tuple[int, str, Unit, LotView]]


def _lots(views: Sequence[AccountView]) -> _Lots:
    return {lot.key: (view.id, view.resource_name, view.unit, lot) for view in views for lot in view.lots}


def _is_other(before: _Lots, key: str, lot: LotView) -> bool:
    there = before[key][3] if key in before else None
    return there is None or (there.amount, there.expires, there.voided_at) != (lot.amount, lot.expires, lot.voided_at)


def _mails(end: datetime, days: tuple[int, ...], now: datetime) -> tuple[date, ...]:
    """The days on which alerts of an expiry would be due, those to come."""
    if end == LATEST:  # it does not expire
        return ()
    due = sorted(last_day(end) - timedelta(days=number) for number in days)
    return tuple(one for one in due if one >= now.date())


def _uses(view: AccountView, percents: Sequence[int], now: datetime) -> list[Use]:
    counted = counted_now(view, now)
    if counted is None:
        return []
    used = counted.drawn + counted.held
    to_come = tuple(
        (percent, -(-counted.granted * percent // 100)) for percent in sorted(percents)
        if used * 100 < percent * counted.granted
    )
    return [Use(view.resource_name, view.unit, to_come)] if to_come else []
