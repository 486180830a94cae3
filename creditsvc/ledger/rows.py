"""The rows of batches and what changes with them, written in sets for `book.py`: one statement for any number of rows.

The statements are built once: building one costs more than sending it, and every award sends them. Rows that change
are held by the session, which is told what was written, so that it has nothing to flush.
"""

from collections.abc import Sequence

from sqlalchemy import bindparam, insert, update
from sqlalchemy.orm.attributes import set_committed_value

from creditsvc.db import table_of
from creditsvc.ledger.models import Account, Batch, LotChange, LotFact, Pool
from creditsvc.sets import Write, insert_absent, insert_rows, send, values_of

_ACCOUNT, _BATCH, _CHANGE, _POOL = (
    table_of(model) for model in (Account, Batch, LotChange, Pool)
)
_CHANGES = insert(_CHANGE)
_HASHES = update(_BATCH).where(_BATCH.c.id == bindparam("row")).values(hash=bindparam("sealed"))
_HEADS = update(_ACCOUNT).where(_ACCOUNT.c.id == bindparam("row")).values(
    batches=bindparam("number"), head_at=bindparam("at"), head_hash=bindparam("sealed")
)
_COMMITTED = update(_POOL).where(_POOL.c.id == bindparam("row")).values(committed=bindparam("sum"))


def add_batches(batches: Sequence[Batch]) -> None:
    """Adds batches, one of each account, and gives them their ids."""
    insert_rows(batches, "account_id")


def add_lots(lots: Sequence[LotFact]) -> str | None:
    """Adds lots and gives them their ids; the first key that was taken, in which case nothing may be kept."""
    ids: dict[str, int] = dict(insert_absent(LotFact, [values_of(lot) for lot in lots], "key", "id"))
    for lot in lots:
        if lot.key not in ids:
            return lot.key
        lot.id = ids[lot.key]
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
