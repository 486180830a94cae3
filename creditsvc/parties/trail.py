"""The trail: what was done, by whom, when, from where, before and after. Written in the transaction of the act."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert

from creditsvc.db import db, table_of
from creditsvc.parties.access import Caller
from creditsvc.parties.models import TrailEntry
from creditsvc.sets import Write, send

_ENTRIES = insert(table_of(TrailEntry))


def record(
    caller: Caller,
    action: str,
    subject: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Adds an entry. `subject` is like `startup:harbour-robotics`; the dictionaries hold JSON values, no secrets."""
    db.session.add(
        TrailEntry(
            at=caller.now, actor=caller.actor, address=caller.address, action=action, subject=subject,
            before=before, after=after,
        )
    )


def record_all(caller: Caller, action: str, entries: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Adds an entry for each of the subjects, with what it is after the same act, in one statement."""
    send(*recording_all(caller, action, entries))


def recording_all(caller: Caller, action: str, entries: Sequence[tuple[str, dict[str, Any]]]) -> Write:
    """The write that does what `record_all` does."""
    return _ENTRIES, [
        {"at": caller.now, "actor": caller.actor, "address": caller.address, "action": action, "subject": subject,
         "before": None, "after": after}
        for subject, after in entries
    ]
