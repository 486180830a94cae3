"""What each verification of the book came to (L18), so that a page can say when it was last whole."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, String, select
from sqlalchemy.orm import Mapped, mapped_column

from creditsvc.db import Id, Model, db
from creditsvc.parties.access import Caller, require

MOST_NAMED = 100


class Verification(Model):
    """One verification: when it began, who asked, what was looked at, how many differences were found, and the first
    of them by name (`MOST_NAMED`), as the report has them."""

    __tablename__ = "verification"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(254))
    accounts: Mapped[int]
    grants: Mapped[int]
    postings: Mapped[int]
    batches: Mapped[int]
    found: Mapped[int]
    differences: Mapped[list[dict[str, str]]] = mapped_column(JSON)

    def hours_ago(self, now: datetime) -> int:
        """How many whole hours ago it was."""
        return max((now - self.at) // timedelta(hours=1), 0)


def keep(caller: Caller, report: Mapping[str, Any]) -> None:
    """Keeps what a verification of the caller's instant reported (`verify`). Asks nobody's permission: whoever may run
    it from the shell, and the scheduler, have it."""
    counts = {name: report[name] for name in ("accounts", "grants", "postings", "batches")}
    found = report["differences"]
    db.session.add(Verification(
        at=caller.now, actor=caller.actor, found=len(found), differences=found[:MOST_NAMED], **counts
    ))
    db.session.flush()


def last_verification(caller: Caller) -> Verification | None:
    """The newest one, None before the first. Raises Forbidden."""
    require(caller, "book.see")
    return db.session.scalar(select(Verification).order_by(Verification.at.desc(), Verification.id.desc()).limit(1))
