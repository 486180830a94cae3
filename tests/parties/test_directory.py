"""People as administrators change them: of two at once, one administrator and one owner stay."""

from collections.abc import Callable
from threading import Barrier, Thread

import pytest
from flask import Flask
from sqlalchemy import select

from creditsvc.core.errors import Conflict, Forbidden
from creditsvc.db import db, transaction
from creditsvc.parties import directory, operations
from creditsvc.parties.models import Membership, Person
from tests import factories
from tests.factories import caller


def at_once(app: Flask, *acts: Callable[[], object]) -> list[str]:
    """Does the acts in threads that begin together; the codes of those that were refused."""
    refused: list[str] = []
    gate = Barrier(len(acts))

    def run(act: Callable[[], object]) -> None:
        with app.app_context():
            gate.wait()
            try:
                transaction(act)
            except Conflict as conflict:
                refused.append(conflict.code)
            finally:
                db.session.remove()

    threads = [Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return refused


def test_two_administrators_who_end_each_other_leave_one(app: Flask) -> None:
    one, two = (factories.make_person(f"{name}@park.example", "administrator") for name in "ab")
    by_one, by_two = caller(one), caller(two)

    refused = at_once(
        app, lambda: directory.deactivate(by_one, two.id), lambda: directory.deactivate(by_two, one.id)
    )

    assert refused == ["last-administrator"]
    assert len(db.session.scalars(select(Person.id).where(Person.active)).all()) == 1


def test_two_owners_who_take_each_other_out_leave_one(app: Flask) -> None:
    factories.make_startup("acme")
    one, two = (factories.make_member("acme", f"{name}@acme.example") for name in "ab")
    by_one, by_two = caller(one), caller(two)

    refused = at_once(
        app,
        lambda: operations.end_membership(by_one, startup="acme", email="b@acme.example"),
        lambda: operations.end_membership(by_two, startup="acme", email="a@acme.example"),
    )

    assert refused == ["last-owner"]
    assert len(db.session.scalars(select(Membership.id)).all()) == 1


@pytest.mark.parametrize("role", ["manager", "consultant", "partner"])
def test_nobody_else_reads_who_there_is(app: Flask, role: str) -> None:
    more = {"partner_id": factories.make_partner().id} if role == "partner" else {}
    somebody = caller(factories.make_person(role=role, **more))

    for ask in (lambda: directory.list_people(somebody), lambda: directory.trail_of(somebody, 1)):
        with pytest.raises(Forbidden):
            ask()
