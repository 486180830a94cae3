"""Accounts are made once, whoever asks first, and locked from then on (L12)."""

from threading import Thread

import pytest
from flask import Flask

from creditsvc.db import db, is_postgresql, transaction
from creditsvc.ledger.locks import is_locked, open_account, open_accounts
from creditsvc.ledger.models import Account
from tests import factories as make
from tests.counting import sent_meanwhile
from tests.polling import somebody_waits_for_us, wait_until


@pytest.fixture
def pairs(app: Flask) -> list[tuple[int, int]]:
    """Two startups and a resource, with no account."""
    resource_id = make.make_resource("credit-of-its-own").id
    return [(make.make_startup().id, resource_id) for _ in range(2)]


@pytest.mark.parametrize("of", [1, 2])
def test_an_account_is_made_once_and_locked_each_time(pairs: list[tuple[int, int]], of: int) -> None:
    def opened() -> tuple[set[int], set[int], bool]:
        accounts, made = open_accounts(pairs[:of])
        ids = {account.id for account in accounts.values()}
        return ids, made, all(is_locked(Account, account_id) for account_id in ids)

    ids, made, are_locked = transaction(opened)
    assert (len(ids), made, are_locked) == (of, ids, True)
    assert transaction(opened) == (ids, set(), True)


def test_those_that_are_there_are_not_said_to_be_made(pairs: list[tuple[int, int]]) -> None:
    transaction(lambda: open_accounts(pairs[:1]))

    accounts, made = transaction(lambda: open_accounts(pairs))

    assert made == {accounts[pairs[1]].id}


def test_what_was_made_is_what_the_database_has(pairs: list[tuple[int, int]]) -> None:
    account = transaction(lambda: open_account(*pairs[0]))
    said = {column.name: getattr(account, column.name) for column in Account.__table__.columns}

    [row] = db.session.execute(db.select(*Account.__table__.columns)).mappings()
    assert said == dict(row)


@pytest.mark.parametrize("of", [1, 2])
def test_of_two_who_open_it_at_once_one_makes_it_and_the_other_waits_for_it(
    pairs: list[tuple[int, int]], app: Flask, of: int
) -> None:
    later: list[tuple[set[int], set[int]]] = []

    def second() -> None:
        with app.app_context():
            try:
                accounts, made = transaction(lambda: open_accounts(pairs[:of]))
                later.append(({account.id for account in accounts.values()}, made))
            finally:
                db.session.remove()

    other = Thread(target=second)

    def first() -> set[int]:
        _, made = open_accounts(pairs[:1])
        other.start()
        if is_postgresql():
            wait_until(somebody_waits_for_us, "the second to wait for the account")
        return made

    mine = transaction(first)
    other.join()

    [(ids, made)] = later
    assert (len(mine), mine - ids, made) == (1, set(), ids - mine)


@pytest.mark.parametrize("of", [1, 2])
def test_rates_are_shared_before_an_account_is_made(pairs: list[tuple[int, int]], of: int) -> None:
    with sent_meanwhile() as sent:
        transaction(lambda: open_accounts(pairs[:of]))

    adding = next(n for n, statement in enumerate(sent) if "INSERT INTO account" in statement)
    alone = any("lock_shared" in statement and "account" not in statement for statement in sent[:adding])
    shared = alone or "lock_shared" in sent[adding].partition("INSERT INTO account")[0]
    assert shared == is_postgresql()  # on SQLite whoever writes is alone
