"""Who needs a manager today, in groups of a kind: each row with its figure and what the figure is made of.

What balances say is asked of the caches as of now (L16), what needs a forecast or a publisher's counts of the last
night. A fixed number of statements for any number of startups: one for each group, whatever it holds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import CTE, ColumnElement, ScalarSelect, Select, UnaryExpression, func, select, true

from creditsvc.alerts.models import DONE, JobRun
from creditsvc.alerts.night import NIGHTLY
from creditsvc.alerts.operations import SNOOZE_DAYS, snooze_matter
from creditsvc.alerts.work_kinds import HOLDINGS
from creditsvc.core.amounts import Unit, unit_named
from creditsvc.core.errors import NotFound
from creditsvc.db import db
from creditsvc.ledger.caches import count_unanswered
from creditsvc.ledger.models import Account
from creditsvc.parties.access import Caller, may, require, visible_startups
from creditsvc.parties.models import Startup
from creditsvc.usage.reading import UnassignedScope
from creditsvc.usage.waiting import OTHER_RUNS, OWN_EXPORTS, RunItem, held_runs, unknown_scopes

SHOWN, PAGE = 5, 50
"""The rows of a group among all groups, and on its own page."""

COUNTED = 200
"""As far as the rows of a group are counted among all groups: how many more there are changes nothing today."""


@dataclass(frozen=True)
class Item:
    """A holding that waits for somebody: `amount` is the figure, the rest what it is made of (steps of `unit`).

    `holding` is a grant's key where a grant is meant, else the resource's; a snooze is about it. `day` is that of the
    group: a last charge day, a run-out, since when; `at` the instant of an end. Of uncovered usage `granted` is all
    usage, of a forecast `drawn` that of a usual day and `at` when it was forecast.
    """

    startup: str
    startup_name: str
    account_id: int
    resource: str
    resource_name: str
    unit: Unit
    holding: str
    amount: int
    granted: int = 0
    drawn: int = 0
    held: int = 0
    day: date | None = None
    at: datetime | None = None


@dataclass(frozen=True)
class Group:
    """Rows of one kind, the most pressing first: some of `total`. `rule` is what a snooze of a row is about."""

    name: str
    total: int
    items: Sequence[Item | UnassignedScope | RunItem]
    rule: str = ""
    counted: str = ""  # the total as it is shown: `200+` where counting stopped


@dataclass(frozen=True)
class Worklist:
    """The groups that hold something; when the night looked last, and how many accounts are being summed anew."""

    groups: Sequence[Group]
    as_of: datetime
    night_at: datetime | None
    unanswered: int


def worklist(caller: Caller) -> Worklist:
    """The first rows of every group. Raises Forbidden for no staff."""
    require(caller, "startups.list")
    runs = held_runs(caller, SHOWN, 0) if _sees(caller, OTHER_RUNS) else {}  # one statement for both groups of them
    groups = [_of_usage(name, runs[name]) if name in runs else _group(caller, name, 1, SHOWN, COUNTED)
              for name in GROUPS if _sees(caller, name)]
    night, missing = db.session.execute(select(_last_night(), count_unanswered(caller.now, _seen_by(caller)))).one()
    return Worklist([group for group in groups if group.total], caller.now, night, missing)


def work_group(caller: Caller, name: str, page: int) -> Group:
    """A page of one group, from 1. Raises Forbidden for no staff, NotFound("group")."""
    require(caller, "startups.list")
    if name not in GROUPS or not _sees(caller, name):
        raise NotFound("group", name)
    return _group(caller, name, page, PAGE)


def group_condition(caller: Caller, name: str) -> ColumnElement[bool]:
    """The condition on `Startup` that it has a row in a group of holdings, snoozed or not."""
    kind = HOLDINGS[name]
    found = kind.found(caller.now).with_only_columns(kind.account)
    return Startup.id.in_(select(Account.startup_id).where(Account.id.in_(found)))


def snooze_item(caller: Caller, group: str, account_id: int, holding: str) -> date:
    """Takes a row off the caller's worklist for a week, and mails about the same matter; a longer snooze stands.

    Returns the first day on which it is back. Raises Forbidden, NotFound("group" | "account").
    """
    require(caller, "alerts.snooze")
    if group not in RULES_OF:
        raise NotFound("group", group)
    startup = db.session.scalar(
        select(Startup.key).join(Account, Account.startup_id == Startup.id)
        .where(Account.id == account_id, visible_startups(caller))
    )
    if startup is None:
        raise NotFound("account", str(account_id))
    return snooze_matter(caller, account_id, RULES_OF[group], holding[:300], SNOOZE_DAYS, f"startup:{startup}")


def _group(caller: Caller, name: str, page: int, size: int, counted: int | None = None) -> Group:
    """A page of a group; `counted` is as far as its rows are counted, None for all of them."""
    if name in _OF_USAGE:
        asked = (size, (page - 1) * size)
        return _of_usage(name, unknown_scopes(*asked) if name == SCOPES else held_runs(caller, *asked)[name])
    kind = HOLDINGS[name]
    found = kind.found(caller.now).where(kind.unless_snoozed(caller, kind.rule))
    seen = _seen_by(caller)
    if seen is not true():
        found = found.where(kind.account.in_(select(Account.id).where(seen)))
    # ids and their places alone: what is said of rows is read of no more than those of the page
    some = _numbered(found, kind.order, counted + 1 if counted else None)
    total = select(func.count()).select_from(some).scalar_subquery()
    told = kind.told(caller.now).join(some, some.c.id == kind.id).add_columns(total.label("total"))
    first = (page - 1) * size
    told = told.where(some.c.place > first, some.c.place <= first + size).order_by(some.c.place)
    rows = db.session.execute(told).all()
    there = rows[0].total if rows else 0
    shown = f"{counted}+" if counted and there > counted else str(there)
    return Group(name, there, [_item(row) for row in rows], kind.rule, shown)


def _numbered(found: Select[*tuple[Any, ...]], order: Sequence[Any], limit: int | None) -> CTE:
    """The first rows of what is found, with their `place` in that order, from 1."""
    columns = [one.element if isinstance(one, UnaryExpression) else one for one in order]  # without its DESC
    named = [column.label(f"by_{number}") for number, column in enumerate(columns)]
    few = found.add_columns(*named).order_by(*order).limit(limit).subquery()
    # numbered outside: a window is over all rows there are, whatever limit stands beside it
    again = [
        few.c[label.name].desc() if isinstance(one, UnaryExpression) else few.c[label.name]
        for one, label in zip(order, named, strict=True)
    ]
    return select(few.c.id, func.row_number().over(order_by=again).label("place")).cte()


def _of_usage(name: str, found: tuple[int, Sequence[UnassignedScope | RunItem]]) -> Group:
    return Group(name, *found, counted=str(found[0]))


def _sees(caller: Caller, name: str) -> bool:
    return may(caller, _OF_USAGE.get(name, "startups.list"))


def _item(row: Any) -> Item:
    day = row.day.astimezone(UTC).date() if isinstance(row.day, datetime) else row.day
    return Item(
        row.startup, row.startup_name, row.account_id, row.resource, row.resource_name, unit_named(row.unit),
        row.holding, int(row.amount), int(row.granted), int(row.drawn), int(row.held), day, row.at,
    )


SCOPES = "scopes-unknown"
_OF_USAGE = {OWN_EXPORTS: "usage.see", OTHER_RUNS: "usage.see", SCOPES: "scope.see"}
"""The groups whose rows are no holdings, and what it takes to see each."""

HOLDING_GROUPS = tuple(HOLDINGS)
"""The groups whose rows are holdings of startups."""

RULES_OF: Mapping[str, str] = {name: kind.rule for name, kind in HOLDINGS.items()}
"""What a snooze of a row of a group is about."""

GROUPS = ("uncovered", "running-out", OWN_EXPORTS, OTHER_RUNS, SCOPES, "expiring", "hours-unbooked", "stale",
          "not-begun", "seats-unused")
"""The most pressing first."""


def _seen_by(caller: Caller) -> ColumnElement[bool]:
    """The condition on `Account` that the caller may see its startup."""
    visible = visible_startups(caller)
    return visible if visible is true() else Account.startup_id.in_(select(Startup.id).where(visible))


def _last_night() -> ScalarSelect[Any]:
    return select(func.max(JobRun.as_of)).where(JobRun.job == NIGHTLY, JobRun.state == DONE).scalar_subquery()
