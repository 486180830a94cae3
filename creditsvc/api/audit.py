"""What auditors read: the batches of the book with their postings, and the trail."""

from typing import Any

from creditsvc.api.audit_schemas import (
    BatchListSchema,
    BatchQuerySchema,
    BatchSchema,
    TrailListSchema,
    TrailQuerySchema,
)
from creditsvc.api.paging import id_cursor, page_before
from creditsvc.api.routes import get, new_blueprint
from creditsvc.api.tokens import current_caller
from creditsvc.core.amounts import format_amount
from creditsvc.core.days import DEFAULT_ZONE, as_of_instant, instant_text, parse_moment, starts_at
from creditsvc.db import MAX_ID
from creditsvc.parties.models import TrailEntry
from creditsvc.statements import audit
from creditsvc.statements.audit import BatchView

blueprint = new_blueprint("audit", "The batches of the book, and the trail: for auditors and administrators.")


@get(blueprint, "/batches", query=BatchQuerySchema, answers=BatchListSchema)
def list_batches(query: dict[str, Any]) -> dict[str, Any]:
    """The batches of the book, newest first, each with the hash of the one before it."""
    found, onward = audit.list_batches(
        current_caller(), startup=query.get("startup", ""), cause=query.get("cause", ""),
        before=id_cursor(query.get("after")), limit=query["limit"],
    )
    return page_before(found, onward, _shown_batch)


@get(blueprint, f"/batches/<int(max={MAX_ID}):batch_id>", answers=BatchSchema)
def get_batch(batch_id: int) -> dict[str, Any]:
    """One batch with its postings."""
    batch, postings = audit.find_batch(current_caller(), batch_id)
    lines = [
        {"charge_at": instant_text(line.charge_at), "kind": line.kind, "grant": line.lot,
         "amount": format_amount(line.amount, batch.unit)}
        for line in postings
    ]
    return {**_shown_batch(batch), "postings": lines}


@get(blueprint, "/trail", query=TrailQuerySchema, answers=TrailListSchema)
def list_trail(query: dict[str, Any]) -> dict[str, Any]:
    """What was done, by whom, when and from where, newest first."""
    first = starts_at(parse_moment(query["since"], "since"), DEFAULT_ZONE) if "since" in query else None
    until = as_of_instant(query["until"], "until") if "until" in query else None
    found, onward = audit.list_trail(
        current_caller(), subject=query.get("subject", ""), actor=query.get("actor", ""),
        action=query.get("action", ""), first=first, until=until, before=id_cursor(query.get("after")),
        limit=query["limit"],
    )
    return page_before(found, onward, _shown_entry)


def _shown_batch(batch: BatchView) -> dict[str, Any]:
    return {
        "id": batch.id, "startup": batch.startup, "resource": batch.resource, "unit": batch.unit.name,
        "number": batch.number, "recorded_at": instant_text(batch.recorded_at), "cause": batch.cause,
        "cause_ref": batch.cause_ref, "actor": batch.actor, "previous_hash": batch.previous_hash, "hash": batch.hash,
    }


def _shown_entry(entry: TrailEntry) -> dict[str, Any]:
    return {
        "id": entry.id, "at": instant_text(entry.at), "actor": entry.actor, "address": entry.address,
        "action": entry.action, "subject": entry.subject, "before": entry.before, "after": entry.after,
    }
