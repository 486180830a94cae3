"""The rows of batches and what changes with them, written in sets for `book.py`: one statement for any number of rows.

The statements are built once: building one costs more than sending it, and every award sends them. Rows that change
are held by the session, which is told what was written, so that it has nothing to flush.
"""

from collections.abc import Sequence

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm.attributes import set_committed_value

from creditsvc.db import is_postgresql, table_of
from creditsvc.ledger.models import Account, Batch, LotChange, LotFact, Pool
from creditsvc.sets import Write, insert_rows, insert_rows_absent, parameters_for, send, values_of

_ACCOUNT, _BATCH, _CHANGE, _LOT, _POOL = (
    table_of(model) for model in (Account, Batch, LotChange, LotFact, Pool)
)
_BEGUN = (
    insert(_BATCH).values({column: bindparam(f"batch_{column.name}") for column in _BATCH.c if column.name != "id"})
    .returning(_BATCH.c.id).cte("begun")
)
_OF_LOT = [column for column in _LOT.c if column.name not in ("id", "batch_id")]
_BATCH_WITH_LOT = (
    postgresql.insert(_LOT)
    .from_select(
        [*_OF_LOT, _LOT.c.batch_id],
        select(*parameters_for(_OF_LOT), _BEGUN.c.id),
    )
    .on_conflict_do_nothing().returning(_LOT.c.batch_id, _LOT.c.id)
)
"""On PostgreSQL, where whoever waits for the pool waits for each way there and back."""
_CHANGES = insert(_CHANGE)
_HASHES = update(_BATCH).where(_BATCH.c.id == bindparam("row")).values(hash=bindparam("sealed"))
_HEADS = update(_ACCOUNT).where(_ACCOUNT.c.id == bindparam("row")).values(
    batches=bindparam("number"), head_at=bindparam("at"), head_hash=bindparam("sealed")
)
_COMMITTED = update(_POOL).where(_POOL.c.id == bindparam("row")).values(committed=bindparam("sum"))


def add_batches(batches: Sequence[Batch]) -> None:
    """Adds batches, one of each account, and gives them their ids."""
    insert_rows(batches, "account_id")


def add_batches_with_lots(awarded: Sequence[tuple[Batch, Sequence[LotFact]]]) -> str | None:
    """Adds batches, one of each account, with their lots, and gives all of them their ids; the first key of a lot that
    was taken, in which case nothing may be kept."""
    batches, lots = [batch for batch, _ in awarded], [lot for _, of_batch in awarded for lot in of_batch]
    if len(batches) == len(lots) == 1 and is_postgresql():
        return _add_together(batches[0], lots[0])
    add_batches(batches)
    for batch, of_batch in awarded:
        for lot in of_batch:
            lot.batch_id = batch.id
    insert_rows_absent(lots, "key")
    return next((lot.key for lot in lots if "id" not in vars(lot)), None)


def _add_together(batch: Batch, lot: LotFact) -> str | None:
    values = {f"batch_{name}": value for name, value in values_of(batch).items()} | values_of(lot)
    added = send(_BATCH_WITH_LOT, [values])
    if not added:
        return lot.key
    [(batch.id, lot.id)] = added
    lot.batch_id = batch.id
    return None


def add_changes(changes: Sequence[LotChange]) -> None:
    """Adds changes of lots."""
    send(_CHANGES, [values_of(change) for change in changes])


def keep_hashes(batches: Sequence[Batch]) -> None:
    """Writes the hashes of batches that were added before all that they hash was known."""
    send(_HASHES, [{"row": batch.id, "sealed": batch.hash} for batch in batches])


def keeping_heads(heads: Sequence[tuple[Account, Batch]]) -> Write:
    """The write that makes sealed batches the heads of their accounts, which the accounts held say already."""
    for account, batch in heads:
        set_committed_value(account, "batches", batch.number)
        set_committed_value(account, "head_at", batch.recorded_at)
        set_committed_value(account, "head_hash", batch.hash)
    return _HEADS, [
        {"row": account.id, "number": batch.number, "at": batch.recorded_at, "sealed": batch.hash}
        for account, batch in heads
    ]


def keeping_committed(sums: Sequence[tuple[Pool, int]]) -> Write:
    """The write of what pools have committed, which the pools held say already."""
    for pool, committed in sums:
        set_committed_value(pool, "committed", committed)
    return _COMMITTED, [{"row": pool.id, "sum": committed} for pool, committed in sums]
