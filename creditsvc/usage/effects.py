"""What an import run or an exchange rate did to the accounts it touched, read from the postings; true inside a dry run.
"""

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import func, select

from creditsvc.core.amounts import Unit, unit_named
from creditsvc.db import db
from creditsvc.ledger.models import Account, Batch, Posting, Resource
from creditsvc.parties.access import Caller, visible_startups
from creditsvc.parties.models import Startup


@dataclass(frozen=True)
class Effect:
    """What became of one account, in steps of its unit; negative where less is drawn or uncovered than before."""

    startup: str
    name: str
    resource: str
    resource_name: str
    unit: Unit
    drawn: int
    uncovered: int
    uncredited: int


def effects_of(caller: Caller, run_id: int) -> list[Effect]:
    """The accounts that the run changed, by startup: of the startups that the caller may see, and no others.

    The caller must have been allowed to see runs.
    """
    return _effects(caller, "usage", f"run:{run_id}")


def effects_of_rate(caller: Caller, rate_id: int) -> list[Effect]:
    """The accounts that a word on an exchange rate changed, as `effects_of`, for whoever may see rates."""
    return _effects(caller, "rate", f"rate:{rate_id}")


def _effects(caller: Caller, cause: str, reference: str) -> list[Effect]:
    rows = db.session.execute(
        select(Startup.key, Startup.name, Resource, Posting.kind, func.sum(Posting.amount))
        .select_from(Posting)
        .join(Batch, Batch.id == Posting.batch_id)
        .join(Account, Account.id == Posting.account_id)
        .join(Startup, Startup.id == Account.startup_id)
        .join(Resource, Resource.id == Account.resource_id)
        .where(Batch.cause == cause, Batch.cause_ref == reference, visible_startups(caller))
        .group_by(Startup.key, Startup.name, Resource.id, Posting.kind)
        .order_by(Startup.key, Resource.key)
    )
    sums: dict[tuple[str, str, Resource], dict[str, int]] = defaultdict(dict)
    for startup, name, resource, kind, amount in rows:
        sums[startup, name, resource][kind] = int(amount)
    return [
        Effect(startup, name, resource.key, resource.name, unit_named(resource.unit), kinds.get("drawn", 0),
               kinds.get("uncovered", 0), kinds.get("uncredited", 0))
        for (startup, name, resource), kinds in sums.items()
    ]
