"""Which startups' holdings call for a look, asked of the database alone: conditions on `Startup`, from caches (L16).

Each says what the flags of a startup's balances as of now say (L10). What a cache does not answer is not found here:
those startups are `unanswered`, and their balances have to be read.
"""

from datetime import date, datetime

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import aliased

from creditsvc.ledger.caches import is_no_answer
from creditsvc.ledger.models import Account, AccountCache, LotCache
from creditsvc.parties.models import Startup


def usable(now: datetime) -> ColumnElement[bool]:
    """The condition on `LotCache` that its lot pays at the instant."""
    return and_(LotCache.effective <= now, or_(LotCache.ends_at.is_(None), LotCache.ends_at > now))


def lapsing(now: datetime, until: datetime) -> ColumnElement[bool]:
    """The condition on `LotCache` that something of its lot that can be used now expires by `until`."""
    return and_(LotCache.lapses_at > now, LotCache.lapses_at <= until, LotCache.effective <= now)


def expiring(now: datetime, until: datetime) -> ColumnElement[bool]:
    """Something that can be drawn now expires by `until`."""
    return (
        select(Account.id)
        .join(LotCache, LotCache.account_id == Account.id)
        .where(Account.startup_id == Startup.id, lapsing(now, until))
        .exists()
    )


def unbooked(now: datetime, until: datetime) -> ColumnElement[bool]:
    """Hours that can be booked now and that nobody has booked expire by `until`."""
    return Startup.id.in_(
        select(Account.startup_id)
        .join(LotCache, LotCache.account_id == Account.id)
        .where(LotCache.kind == "hours", lapsing(now, until))
        # found first, by its index: where few or none fit, PostgreSQL expects many, and would ask of each startup
        .offset(0)
    )


def uncovered() -> ColumnElement[bool]:
    """Usage that no grant paid."""
    return _with_account(AccountCache.uncovered > 0)


def used_up(now: datetime) -> ColumnElement[bool]:
    """An account that was drawn upon, of which nothing is left or still to come."""
    return _with_account(AccountCache.used_up_from <= now)


def without_data_since(day: date) -> ColumnElement[bool]:
    """There has been cost data, and none for a later day than that one."""
    other, fresher = aliased(Account), aliased(AccountCache)
    fresh = (
        select(other.id)
        .join(fresher, fresher.account_id == other.id)
        .where(other.startup_id == Account.startup_id, fresher.newest_charge_day > day)
    )
    return _with_account(and_(AccountCache.newest_charge_day <= day, ~fresh.exists()))


def unanswered(now: datetime) -> ColumnElement[bool]:
    """There is an account whose cache was thrown away, is of an older batch or knows of charges after now."""
    return Startup.id.in_(
        select(Account.startup_id)
        .outerjoin(AccountCache, AccountCache.account_id == Account.id)
        .where(is_no_answer(now))
    )


def _with_account(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    # asked of one startup after the other, in the order of the list, until a page is full
    return (
        select(Account.id)
        .join(AccountCache, AccountCache.account_id == Account.id)
        .where(Account.startup_id == Startup.id, condition)
        .exists()
    )
