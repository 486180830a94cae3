"""The hashes that chain an account's batches (L18), over their own words, facts and postings, and exchange rates."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from creditsvc.core.pseudonyms import without_addresses
from creditsvc.ledger.models import Batch, LotChange, LotFact, RateFact

PostingLine = tuple[datetime, str, int | None, int]
"""(charge instant, kind, lot id, amount)"""

Reading = Callable[[str], str]
"""How a hash reads a text that people write: without the addresses in it, so that a person can be erased."""


def as_written(text: str) -> str:
    """The text itself: how hashes read it before addresses could be erased."""
    return text


def instant_word(at: datetime | None) -> str | None:
    """An instant as hashes have it."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="microseconds")


def batch_hash(
    batch: Batch,
    lots: Iterable[LotFact],
    changes: Iterable[LotChange],
    postings: Iterable[PostingLine],
    lot_keys: Mapping[int, str],
    added: Mapping[str, list[list[Any]]] | None = None,
    reading: Reading = without_addresses,
) -> str:
    """The batch's hash as 64 hexadecimal digits. `lot_keys` names every lot that the facts and postings mention.

    `added` says what else was added with it (`additions.words_of`, with the same `reading`); most batches add nothing
    else.
    """
    words = {
        "previous": batch.previous_hash,
        "account": batch.account_id,
        "number": batch.number,
        "recorded_at": instant_word(batch.recorded_at),
        "cause": [batch.cause, reading(batch.cause_ref), reading(batch.actor)],
        "lots": sorted(
            [lot.key, lot.pool_id, lot.amount, instant_word(lot.effective), instant_word(lot.expires), lot.priority,
             lot.promotional, instant_word(lot.awarded)]
            for lot in lots
        ),
        "changes": sorted(
            [[lot_keys[change.lot_id], change.kind, change.amount, instant_word(change.instant) or "",
              instant_word(change.stated_at), reading(change.actor), reading(change.reason)] for change in changes],
        ),
        "postings": sorted(
            [instant_word(at) or "", kind, lot_keys[lot_id] if lot_id is not None else "", amount]
            for at, kind, lot_id, amount in postings
        ),
        **(added or {}),
    }
    text = json.dumps(words, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def rate_hash(fact: RateFact, reading: Reading = without_addresses) -> str:
    """The hash of an exchange rate, which chains it to the one recorded before it."""
    words = [
        fact.previous_hash, fact.from_currency, fact.to_currency, fact.day.isoformat(), fact.rate or "",
        reading(fact.source), instant_word(fact.stated_at), instant_word(fact.recorded_at), reading(fact.actor),
    ]
    text = json.dumps(words, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
