"""Each night writes the heads of the accounts that moved into the trail, so that a cut tail of the book shows (L18)."""

from datetime import date

from sqlalchemy import delete, or_, select

from creditsvc.alerts.models import NotedHead
from creditsvc.columns import bulk_insert
from creditsvc.db import db, table_of
from creditsvc.ledger.models import Account
from creditsvc.ledger.verify import HEADS
from creditsvc.parties import trail
from creditsvc.parties.access import Caller
from creditsvc.sets import among, chunks

HEADS_IN_AN_ENTRY = 1000


def note_heads(caller: Caller, day: date) -> int:
    """Adds trail entries `ledger.heads` with {account id: [batch number, hash]} for what moved since the last ones.

    Returns how many moved. `NotedHead` only remembers what was written: the trail is what `verify` compares with.
    """
    rows = db.session.execute(
        select(Account.id, Account.batches, Account.head_hash)
        .outerjoin(NotedHead, NotedHead.account_id == Account.id)
        .where(
            Account.batches > 0,
            or_(
                NotedHead.account_id.is_(None), NotedHead.number != Account.batches, NotedHead.hash != Account.head_hash
            ),
        )
        .order_by(Account.id)
    ).all()
    night = f"night:{day.isoformat()}"
    trail.record_all(caller, HEADS, [
        (night, {"heads": {str(account_id): [number, digest] for account_id, number, digest in part}})
        for part in chunks(rows, HEADS_IN_AN_ENTRY)
    ])
    for ids in chunks(account_id for account_id, _, _ in rows):
        db.session.execute(delete(table_of(NotedHead)).where(among(NotedHead.account_id, ids)))
    bulk_insert(NotedHead, ("account_id", "number", "hash"), rows)
    return len(rows)
