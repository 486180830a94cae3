"""The trail: what was done, by whom, when, from where, before and after. Written in the transaction of the act."""

from typing import Any

from creditsvc.db import db
from creditsvc.parties.access import Caller
from creditsvc.parties.models import TrailEntry


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
