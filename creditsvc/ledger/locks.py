"""What is locked before facts are read (L12): pools, then scopes, then the exchange rates, then accounts.

Rows of one kind are locked in the order of their ids and read fresh. The statements are built once: building one costs
more than sending it.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Select, bindparam, func, select, true
from sqlalchemy.dialects.postgresql import insert

from creditsvc.db import Model, db, is_postgresql, table_of
from creditsvc.ledger.models import Account, Pool, RateFact, Resource, Scope
from creditsvc.sets import (
    Given,
    among_given,
    chunks,
    given,
    insert_absent,
    insert_if_absent,
    join_session,
    parameters_for,
    read_fresh,
    send,
    transient,
)

M = TypeVar("M", bound=Model)
Pair = tuple[int, int]
"""(startup id, resource id)"""

RATES_LOCK = 7_220_001
"""The number under which PostgreSQL knows the lock of the exchange rates; nothing else of ours has one."""

_RATES_SHARED = select(func.pg_advisory_xact_lock_shared(RATES_LOCK).label("locked"))
_RATES_ALONE = select(func.pg_advisory_xact_lock(RATES_LOCK))
_POOL = (
    select(Pool, Resource).join(Resource, Resource.id == Pool.resource_id).where(Pool.key == bindparam("key"))
    .with_for_update(of=Pool)
)
_ACCOUNT = (
    select(Account).where(Account.startup_id == bindparam("startup"), Account.resource_id == bindparam("resource"))
    .with_for_update(of=Account)
)
_ACCOUNT_SHARING_RATES = _ACCOUNT.join(_RATES_SHARED.cte("rates"), true())
"""On PostgreSQL: an account is given, and locked, only once the rates are shared."""
_PAIR = ("startup_id", "resource_id")
_NEW = {"batches": 0, "head_hash": ""}
_NEW_ACCOUNT_SHARING_RATES = (
    insert(table_of(Account))
    .from_select(
        [*_PAIR, *_NEW],
        select(*parameters_for(table_of(Account).c[name] for name in (*_PAIR, *_NEW)))
        .select_from(_RATES_SHARED.cte("rates")),
    )
    .on_conflict_do_nothing().returning(*(table_of(Account).c[name] for name in (*_PAIR, "id")))
)
"""On PostgreSQL, as `_ACCOUNT_SHARING_RATES`."""
_ACCOUNTS = (
    select(Account)
    .where(
        Account.startup_id.in_(bindparam("startups", expanding=True)),
        Account.resource_id.in_(bindparam("resources", expanding=True)),
    )
    .order_by(Account.id).with_for_update().execution_options(populate_existing=True)
)
STARTUPS_AT_ONCE = 30_000  # with some resources below SQLite's bound of 32,766 parameters


@cache
def _locking(model: type[Model], how: Given) -> Select[Any]:
    key = model.__table__.c.id
    return (
        select(model).where(among_given(key, "ids", how)).order_by(key).with_for_update()
        .execution_options(populate_existing=True)
    )


def _lock(model: type[M], ids: Iterable[int]) -> dict[int, M]:
    """Locks the rows in the order of their ids and reads them fresh; on SQLite the transaction is the lock."""
    locked: dict[int, M] = {}
    for part in chunks(sorted(set(ids))):
        how, value = given(part)
        for row in db.session.scalars(_locking(model, how), {"ids": value}):
            row_id = int(row.__dict__["id"])
            locked[row_id] = row
    _note(locked.values())
    return locked


def _note(rows: Iterable[Model]) -> None:
    db.session.info["locks"].update((row.__tablename__, row.__dict__["id"]) for row in rows)


def lock_pool(key: str) -> tuple[Pool, Resource] | None:
    """Locks the pool of that key, where one pool is all that is needed, and reads it with its resource."""
    found = read_fresh(_POOL, {"key": key})
    if not found:
        return None
    pool, resource = found[0]
    _note([pool])
    return pool, resource


def lock_pools(ids: Iterable[int]) -> dict[int, Pool]:
    """Locks pools (L12): before scopes, and before accounts. What is locked and held already is not read again."""
    wanted = set(ids)
    held = {pool_id: db.session.get_one(Pool, pool_id) for pool_id in wanted if is_locked(Pool, pool_id)}
    return {**held, **_lock(Pool, wanted - held.keys())}


def lock_scopes(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Scope]:
    """Locks scopes by (provider, id), made first if absent: after pools, before accounts."""
    wanted = sorted(set(pairs))
    known: dict[tuple[str, str], int] = {}
    for part in chunks(wanted):
        rows = db.session.execute(
            select(Scope.provider, Scope.external_id, Scope.id).where(Scope.external_id.in_({pair[1] for pair in part}))
        )
        known.update({(provider, external_id): scope_id for provider, external_id, scope_id in rows})
    for provider, external_id in wanted:
        if (provider, external_id) not in known:
            insert_if_absent(Scope, {"provider": provider, "external_id": external_id})
            known[provider, external_id] = db.session.execute(
                select(Scope.id).where(Scope.provider == provider, Scope.external_id == external_id)
            ).scalar_one()
    locked = _lock(Scope, [known[pair] for pair in wanted])
    return {pair: locked[known[pair]] for pair in wanted}


def lock_accounts(ids: Iterable[int]) -> dict[int, Account]:
    """Locks accounts (L12): last of all, with the rates as they are, so that none is stated unseen by the plan."""
    _lock_rates(shared=True)
    return _lock(Account, ids)


def lock_rates() -> None:
    """Locks the exchange rates before any is stated: after scopes, before accounts. Whoever plans waits, and sees it.
    """
    _lock_rates(shared=False)
    db.session.info["locks"].add((RateFact.__tablename__, 0))


def _lock_rates(*, shared: bool) -> None:
    """One lock for the whole table, kept to the end of the transaction; on SQLite the transaction is the lock."""
    if is_postgresql():
        send(_RATES_SHARED if shared else _RATES_ALONE, [{}])


class Opened(NamedTuple):
    """Accounts by (startup, resource), all of them locked, and the ids of those that were made."""

    accounts: dict[Pair, Account]
    made: set[int]


def open_account(startup_id: int, resource_id: int) -> Account:
    """The account of one startup and resource, made if absent, then locked."""
    return open_accounts([(startup_id, resource_id)]).accounts[startup_id, resource_id]


def open_accounts(pairs: Iterable[Pair]) -> Opened:
    """The accounts of (startup, resource), made if absent, then locked.

    Of several startups with several resources all accounts are locked, so that it takes one statement.
    """
    wanted = sorted(set(pairs))
    if not wanted:
        return Opened({}, set())
    accounts = _lock_accounts_of(wanted)
    made = _make_accounts([pair for pair in wanted if pair not in accounts])
    accounts.update(made)
    accounts.update(_lock_accounts_of([pair for pair in wanted if pair not in accounts]))  # made by another just now
    return Opened({pair: accounts[pair] for pair in wanted}, {account.id for account in made.values()})


def _make_accounts(pairs: Sequence[Pair]) -> dict[Pair, Account]:
    """Those of the accounts that nobody has made, made now. A row that nobody else can see yet is locked.

    The rates are shared before: whoever looks for several accounts has shared them, who looks for one only if it is
    there.
    """
    if not pairs:
        return {}
    rows = [dict(zip(_PAIR, pair, strict=True)) | _NEW for pair in pairs]
    if len(rows) == 1 and is_postgresql():
        added = send(_NEW_ACCOUNT_SHARING_RATES, rows)
    else:
        added = insert_absent(Account, rows, *_PAIR, "id")
    made = {
        (startup_id, resource_id): join_session(transient(
            Account, id=account_id, startup_id=startup_id, resource_id=resource_id, head_at=None, **_NEW
        ))
        for startup_id, resource_id, account_id in added
    }
    _note(made.values())
    return made


def _lock_accounts_of(pairs: Sequence[Pair]) -> dict[Pair, Account]:
    if not pairs:
        return {}
    locked: list[Account] = []
    if len(pairs) == 1:
        [(startup_id, resource_id)] = pairs
        one = _ACCOUNT_SHARING_RATES if is_postgresql() else _ACCOUNT
        locked += [row.Account for row in read_fresh(one, {"startup": startup_id, "resource": resource_id})]
    else:
        _lock_rates(shared=True)
        startups, resources = (sorted(set(column)) for column in zip(*pairs, strict=True))
        for part in chunks(startups, STARTUPS_AT_ONCE):
            locked += db.session.scalars(_ACCOUNTS, {"startups": part, "resources": resources})
    _note(locked)
    return {(account.startup_id, account.resource_id): account for account in locked}


def is_locked(model: type[Model], row_id: int) -> bool:
    """Whether this transaction has locked the row."""
    return (model.__tablename__, row_id) in db.session.info.get("locks", ())


def assert_locked(model: type[Model], row_id: int) -> None:
    """Raises AssertionError unless this transaction has locked the row."""
    if not is_locked(model, row_id):
        raise AssertionError(f"{model.__tablename__} {row_id} was not locked before it is written (L12)")
