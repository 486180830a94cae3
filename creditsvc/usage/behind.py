"""What stands behind a day's usage: the totals posted, the runs that said them, the rows of their files (U3, U4)."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import func, select

from creditsvc.core.days import day_start
from creditsvc.core.errors import Conflict, FileRefused, NotFound
from creditsvc.db import db
from creditsvc.ledger.facts import owned_by
from creditsvc.ledger.models import ChargeKey, Scope, UsageFact
from creditsvc.usage.decide import deciders
from creditsvc.usage.files import source_of_run
from creditsvc.usage.imports import candidates_of, settle_units
from creditsvc.usage.models import ImportFile, ImportRun
from creditsvc.usage.readers.behind import Behind, Grain, rows_behind

ROWS_SHOWN = 200
MOST_BYTES = 20 << 20
"""The largest files that a page reads again while somebody waits for it."""


@dataclass(frozen=True)
class Said:
    """What a run changed of a total, in 10^-8 of its currency; `is_reversed` where the run was taken back since."""

    run_id: int
    amount: int
    is_reversed: bool


@dataclass(frozen=True)
class PostedTotal:
    """The usage of a scope on a charge day for a charge key, as it is posted: the sum of what runs made of it.

    `decided_by` is the run that decides the day (U4); None where none covers it any more.
    """

    provider: str
    scope: str
    key: str
    currency: str
    amount: int
    said: tuple[Said, ...]
    decided_by: int | None


def posted_totals(account_id: int, day: date) -> list[PostedTotal]:
    """What was used on a charge day by the scopes that belonged to the account then, largest first.

    Asks nobody's permission.
    """
    at = day_start(day)
    scope_ids = [
        scope_id for scope_id, owners in owned_by([account_id]).items()
        if any(own.account_id == account_id and own.starts <= at < own.ends for own in owners)
    ]
    rows = db.session.execute(
        select(Scope, ChargeKey.text, UsageFact.currency, UsageFact.run_id, ImportRun.reversed_at,
               func.sum(UsageFact.amount))
        .join(Scope, Scope.id == UsageFact.scope_id)
        .join(ChargeKey, ChargeKey.id == UsageFact.key_id)
        .join(ImportRun, ImportRun.id == UsageFact.run_id)
        .where(UsageFact.scope_id.in_(scope_ids), UsageFact.day == day)
        .group_by(Scope.id, ChargeKey.text, UsageFact.currency, UsageFact.run_id, ImportRun.reversed_at)
        .order_by(UsageFact.run_id)
    )
    said: dict[tuple[Scope, str, str], list[Said]] = defaultdict(list)
    for scope, key, currency, run_id, reversed_at, amount in rows:
        said[scope, key, currency].append(Said(run_id, int(amount), reversed_at is not None))
    decided = {
        scope_id: deciders(candidates, day, day)[day]
        for scope_id, candidates in candidates_of(scope_ids, without_run=0).items()
    }
    totals = [
        PostedTotal(scope.provider, scope.external_id, key, currency, sum(one.amount for one in changes),
                    tuple(changes), decided.get(scope.id))
        for (scope, key, currency), changes in said.items()
    ]
    return sorted(totals, key=lambda total: (-total.amount, total.scope, total.key, total.currency))


def find_total(account_id: int, day: date, scope: str, key: str, currency: str) -> PostedTotal:
    """One of the day's totals. Raises NotFound("usage")."""
    for total in posted_totals(account_id, day):
        if (total.scope, total.key, total.currency) == (scope, key, currency):
            return total
    raise NotFound("usage", f"{day} {key}")


def file_rows(total: PostedTotal, day: date, folder: Path) -> Behind:
    """The rows behind a total in the files of the run that decides it; `folder` is where they may be written to.

    Raises Conflict("run", "no-run") where no run decides it, Conflict("run", "not-kept") where the file was not kept,
    Conflict("run", "too-large") where it is too large for a page, and Conflict("run", "unreadable").
    """
    if total.decided_by is None:
        raise Conflict("run", "no-run", "no import decides this day any more")
    size = db.session.scalar(select(func.sum(ImportFile.bytes)).where(ImportFile.run_id == total.decided_by)) or 0
    if size > MOST_BYTES:
        raise Conflict(
            "run", "too-large", "the file of import %(run)s has %(size)s MB: too large to be read again for a page",
            run=total.decided_by, size=int(size) >> 20,
        )
    grain = Grain(total.provider, total.scope, day, total.key, total.currency)
    try:
        return rows_behind(source_of_run(total.decided_by, folder), settle_units(), grain, ROWS_SHOWN)
    except FileRefused as refused:
        raise Conflict(
            "run", "unreadable", "the file of import %(run)s cannot be read any more: %(why)s",
            run=total.decided_by, why=refused.errors[0],
        ) from None
