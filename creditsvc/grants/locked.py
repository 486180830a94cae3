"""Grants whose pools and accounts are locked: how they stand, and how they are changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select

from creditsvc.core.amounts import Unit, format_amount
from creditsvc.core.burndown import LATEST, ChangeKind
from creditsvc.core.days import instant_text
from creditsvc.core.errors import Conflict, NotFound
from creditsvc.core.seats import peak
from creditsvc.db import db
from creditsvc.grants.awards import change_text
from creditsvc.grants.models import Grant
from creditsvc.ledger import book, locks
from creditsvc.ledger.book import Cause, ChangeTerms
from creditsvc.ledger.models import Account, LotFact
from creditsvc.ledger.reading import LotView, balances
from creditsvc.ledger.seats import intervals_of
from creditsvc.parties.access import Caller, require_startup, visible_startups
from creditsvc.parties.models import Startup
from creditsvc.parties.trail import record


@dataclass(frozen=True)
class Locked:
    """A grant whose pool and account are locked, and its lot as it stands. `taken` is the most seats taken at once."""

    grant: Grant
    account: Account
    lot: LotView
    unit: Unit
    taken: int = 0

    @property
    def undrawn(self) -> int:
        """What no usage has taken, of whatever day, and nothing reserves; of seats, what nobody ever had."""
        if self.unit.name == "seat":
            return self.lot.amount - self.taken
        return self.lot.amount - self.lot.standing.drawn - self.lot.standing.held

    @property
    def is_used_up(self) -> bool:
        """Whether nothing is left that a void could stop; seats are given back, so they never are."""
        return self.unit.name != "seat" and not self.undrawn


def lock_grant(caller: Caller, key: str) -> Locked:
    """Locks a grant's pool, then its account (L12). Raises NotFound("grant"), Forbidden."""
    return _lock(_found(caller, key), Grant.key == key)[0]


def lock_series(caller: Caller, key: str) -> list[Locked]:
    """The months of the allowance of which that grant is one, in their order.

    Raises NotFound("grant"), Forbidden, Conflict("grant", "not-monthly") where it is of no allowance.
    """
    one = _found(caller, key)
    if one.series is None:
        raise Conflict("grant", "not-monthly", "the grant %(key)s is no month of an allowance", key=key)
    return _lock(one, Grant.series == one.series)


def lock_grants(caller: Caller, keys: Sequence[str]) -> list[Locked]:
    """Grants of one account, locked, in the order of their months. Raises NotFound("grant"), Forbidden."""
    return _lock(_found(caller, keys[0]), Grant.key.in_(keys))


def _found(caller: Caller, key: str) -> Grant:
    row = db.session.execute(
        select(Grant, Startup.key)
        .join(Startup, Startup.id == Grant.startup_id)
        .where(Grant.key == key, visible_startups(caller))
    ).first()
    if row is None:
        raise NotFound("grant", key)
    require_startup(caller, "grant.change", row[1])
    found: Grant = row[0]
    return found


def _lock(one: Grant, wanted: ColumnElement[bool]) -> list[Locked]:
    """The grants of one's account that are wanted. A series is of one startup and one pool."""
    fact = db.session.get_one(LotFact, one.lot_id)
    locks.lock_pools([fact.pool_id])
    account = locks.lock_accounts([fact.account_id])[fact.account_id]
    # as of the end of time: usage of any day counts as drawn
    view = balances(LATEST, account_ids=[account.id])[0]
    lots = {lot.id: lot for lot in view.lots}
    taken = intervals_of([account.id]) if view.kind == "seats" else {}
    grants = db.session.scalars(
        select(Grant).where(wanted, Grant.startup_id == one.startup_id).order_by(Grant.month, Grant.id)
    )
    return [
        Locked(grant, account, lots[grant.lot_id], view.unit, peak(taken.get(grant.lot_id, ()))) for grant in grants
    ]


def change_grant(
    caller: Caller, held: Locked, kind: ChangeKind, amount: int = 0, *, instant: datetime | None = None, reason: str
) -> Grant:
    """Posts one change of a locked grant and notes it in the trail."""
    change_grants(caller, [held], kind, amount, instant=instant, reason=reason)
    return held.grant


def change_grants(
    caller: Caller, several: Sequence[Locked], kind: ChangeKind, amount: int = 0, *, instant: datetime | None = None,
    reason: str,
) -> None:
    """Posts the same change of locked grants of one account, all in one, and notes each in the trail."""
    if not several:
        return
    terms = {held.grant.key: ChangeTerms(held.grant.key, kind, caller.now, amount, instant, reason)
             for held in several}
    first = several[0]
    book.post(
        [first.account], Cause(kind, f"grant:{first.grant.key}", caller.actor),
        changes={first.account.id: list(terms.values())},
    )
    for held in several:
        before = {
            "amount": format_amount(held.lot.amount, held.unit),
            "expires": instant_text(held.lot.expires),
            "voided_at": instant_text(held.lot.voided_at),
        }
        after = {**change_text(terms[held.grant.key], held.unit), "reason": reason}
        record(caller, f"grant.{kind}", f"grant:{held.grant.key}", before=before, after=after)
    db.session.flush()
