"""Importing as a door does it: read outside the transaction, applied inside."""

from datetime import datetime
from pathlib import Path
from typing import Any

from creditsvc.db import transaction
from creditsvc.parties.access import operator
from creditsvc.usage.operations import apply_run, read_source
from creditsvc.usage.readers.source import open_source
from creditsvc.usage.scopes import assign_scope


def import_path(
    path: Path, now: datetime, *, submitted_at: datetime | None = None, confirm: bool = False, keep: bool = True
) -> dict[str, Any]:
    """The report of importing the export at `path`; `keep` False is a dry run."""
    prepared = read_source(open_source(path))
    caller = operator(now)
    return transaction(lambda: apply_run(caller, prepared, submitted_at=submitted_at, confirm=confirm), keep=keep)


def assign(scope: str, startup: str, starts: datetime, now: datetime, **more: Any) -> None:
    """The scope belongs to the startup from an instant on."""
    more.setdefault("provider", "azure")
    transaction(lambda: assign_scope(operator(now), external_id=scope, startup=startup, starts=starts, **more))
