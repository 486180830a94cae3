"""When somebody last looked at a startup, so that its page can say what became different since.

Kept coarse on purpose, to the hour and one row for a person and startup: it is no record of who looked when.
"""

from datetime import datetime, timedelta

from sqlalchemy import select, update

from creditsvc.db import db
from creditsvc.parties.access import Caller
from creditsvc.sets import insert_if_absent
from creditsvc.statements.models import Visit

LASTS = timedelta(hours=6)
"""Pages looked at within so long are one visit."""


def visit_before(caller: Caller, startup_id: int) -> tuple[datetime | None, bool]:
    """When the caller's visit before this one began (None: this is the first), and whether this one is to be noted."""
    if caller.person_id is None:
        return None, False
    row = db.session.execute(
        select(Visit.began_at, Visit.before_at)
        .where(Visit.person_id == caller.person_id, Visit.startup_id == startup_id)
    ).first()
    if row is None:
        return None, True
    if caller.now - row.began_at < LASTS:
        return row.before_at, False
    return row.began_at, True


def note_visit(caller: Caller, startup_id: int) -> None:
    """Notes that a visit of the caller began; within one that was noted already, it does nothing.

    For a transaction of its own that gives up when another one writes.
    """
    if caller.person_id is None:
        return
    began = caller.now.replace(minute=0, second=0, microsecond=0)
    row = {"person_id": caller.person_id, "startup_id": startup_id, "began_at": began, "before_at": None}
    if insert_if_absent(Visit, row):
        return
    db.session.execute(
        update(Visit)
        .where(
            Visit.person_id == caller.person_id, Visit.startup_id == startup_id,
            Visit.began_at <= caller.now - LASTS,
        )
        .values(before_at=Visit.began_at, began_at=began)
    )
