"""The rows behind balances: postings with why they were written, and the facts of lots, in the order of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import aliased

from creditsvc.core.days import day_start
from creditsvc.db import db
from creditsvc.ledger.models import Batch, LotChange, LotFact, Posting

_POSTINGS = (
    select(Posting, Batch, LotFact.key)
    .join(Batch, Batch.id == Posting.batch_id)
    .outerjoin(LotFact, LotFact.id == Posting.lot_id)
)


@dataclass(frozen=True)
class PostingView:
    """A row of the book with its batch: why, by whom and when it was written."""

    account_id: int
    batch: int
    recorded_at: datetime
    cause: str
    cause_ref: str
    actor: str
    charge_at: datetime
    kind: str
    lot: str | None
    amount: int
    id: int = 0


def newest_postings(
    account_id: int, *, batch: int, lot: str | None = None, on: date | None = None, until: datetime | None = None,
    before: int | None = None, limit: int = 100,
) -> list[PostingView]:
    """The postings of an account up to a batch, the one written last first; `before` is the id to go on from.

    Of one lot, of one charge day, or with charge instants before `until`, where asked for.
    """
    mine = _POSTINGS.where(Posting.account_id == account_id, Batch.number <= batch)
    statement = mine.order_by(Posting.id.desc()).limit(limit)
    if lot is not None:
        statement = statement.where(LotFact.key == lot)
    if on is not None:
        statement = statement.where(
            Posting.charge_at >= day_start(on), Posting.charge_at < day_start(on + timedelta(days=1))
        )
    if until is not None:
        statement = statement.where(Posting.charge_at < until)
    if before is not None:
        statement = statement.where(Posting.id < before)
    return [_view(*row) for row in db.session.execute(statement)]


def postings_of_batch(batch_id: int) -> list[PostingView]:
    """What a batch posted, in the order in which it was written."""
    rows = db.session.execute(_POSTINGS.where(Posting.batch_id == batch_id).order_by(Posting.id))
    return [_view(*row) for row in rows]


def postings(
    account_ids: Sequence[int],
    *,
    first: datetime | None = None,
    until: datetime | None = None,
    known_at: datetime | None = None,
) -> list[PostingView]:
    """The postings of the accounts with charge instants in [first, until], in the order of charge day and batch."""
    statement = _POSTINGS.where(Posting.account_id.in_(account_ids)).order_by(
        Posting.account_id, Posting.charge_at, Batch.number, Posting.id
    )
    if first is not None:
        statement = statement.where(Posting.charge_at >= first)
    if until is not None:
        statement = statement.where(Posting.charge_at <= until)
    if known_at is not None:
        statement = statement.where(Batch.recorded_at <= known_at)
    return [_view(*row) for row in db.session.execute(statement)]


def _view(posting: Posting, batch: Batch, lot_key: str | None) -> PostingView:
    return PostingView(
        posting.account_id, batch.number, batch.recorded_at, batch.cause, batch.cause_ref, batch.actor,
        posting.charge_at, posting.kind, lot_key, posting.amount, posting.id,
    )


@dataclass(frozen=True)
class LotEvent:
    """A fact of a lot: its award or a change of it. `at` is the instant stated, `instant` what the change says,
    `recorded_at` when the book came to know of it."""

    account_id: int
    at: datetime
    kind: str
    lot: str
    amount: int
    instant: datetime | None
    actor: str
    reason: str
    batch: int
    recorded_at: datetime | None = None


def lot_events(account_ids: Sequence[int]) -> list[LotEvent]:
    """The awards and changes of the accounts' lots in the order in which they were stated."""
    changed = aliased(Batch)
    rows = db.session.execute(
        select(LotFact, Batch, LotChange, changed.number, changed.recorded_at)
        .join(Batch, Batch.id == LotFact.batch_id)
        .outerjoin(LotChange, LotChange.lot_id == LotFact.id)
        .outerjoin(changed, changed.id == LotChange.batch_id)
        .where(LotFact.account_id.in_(account_ids))
        .order_by(LotFact.id, LotChange.id)
    )
    awards: dict[int, LotEvent] = {}
    changes: list[LotEvent] = []
    for lot, batch, change, number, changed_at in rows:
        awards[lot.id] = LotEvent(
            lot.account_id, lot.awarded, "award", lot.key, lot.amount, lot.expires, batch.actor, "", batch.number,
            batch.recorded_at,
        )
        if change is not None:
            changes.append(
                LotEvent(lot.account_id, change.stated_at, change.kind, lot.key, change.amount, change.instant,
                         change.actor, change.reason, number, changed_at)
            )
    return sorted([*awards.values(), *changes], key=lambda event: (event.at, event.batch, event.lot))
