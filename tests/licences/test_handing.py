"""Of a grant never more keys are given out than it has seats: whoever assigns, releases and assigns again gets the keys
that were seen already; on both databases."""

import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from creditsvc.config import Config
from creditsvc.core.errors import Forbidden, NotFound, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.ledger.seats import SeatView, seats_of
from creditsvc.licences import keys, seats
from creditsvc.licences.models import LicenceKey
from creditsvc.licences.reading import find_seat
from creditsvc.parties.access import Caller
from tests import factories as make
from tests.conftest import NOW
from tests.licences import racing
from tests.licences.scenes import KEYS, RING, bring
from tests.licences.sitting import account_id, add_keys, change, give, leave, make_product, queue_up, sit

DAY = timedelta(days=1)
HELD_AT_ONCE = 3


@pytest.fixture
def owner(app: Flask) -> Caller:
    """The owner of acme, which has two seats of a product that comes by key, of a pool with five keys."""
    make.make_startup("acme")
    make_product(delivery="key")
    give("acme", "acme-m365", 2)
    bring(KEYS, pool="ms-seats")
    return make.caller(make.make_member("acme"))


def key_of(seat_id: int) -> int | None:
    """The number of the key that a seat has."""
    db.session.rollback()
    return db.session.scalar(select(LicenceKey.id).where(LicenceKey.seat_id == seat_id))


def shown(seat_id: int, now: datetime = NOW) -> str:
    """The key that a manager is shown."""
    return transaction(lambda: keys.reveal_key(make.somebody(now), RING, seat_id))


def out() -> int:
    """How many keys were ever given out."""
    db.session.rollback()
    return db.session.scalar(select(func.count()).where(LicenceKey.seat_id.is_not(None))) or 0


def test_who_assigns_reveals_and_releases_again_and_again_gets_one_key(owner: Caller, config: Config) -> None:
    found = []
    for number in range(4):
        seat = sit(f"p{number}", caller=owner)
        found.append(shown(seat))
        transaction(lambda seat=seat: seats.release(owner, config, seat))  # type: ignore[misc]

    assert (found, out()) == ([KEYS[0]] * 4, 1)


def test_as_many_keys_as_seats_are_given_out_and_each_to_one_person_at_a_time(owner: Caller, config: Config) -> None:
    ada, bob = sit("ada"), sit("bob")
    assert (shown(ada), shown(bob)) == (KEYS[0], KEYS[1])
    leave(config, ada)
    leave(config, bob)

    again, other = sit("bob", now=NOW + DAY), sit("eve", now=NOW + DAY)

    assert (shown(again), shown(other)) == (KEYS[1], KEYS[0])  # bob has his old one
    with pytest.raises(NotFound):
        shown(ada)
    assert (find_seat(owner, ada).has_key, out()) == (False, 2)


def test_a_transfer_and_a_release_for_who_waits_hand_the_key_on(owner: Caller, config: Config) -> None:
    ada, bob = sit("ada"), sit("bob")
    queue_up(config, "zoe")

    eve = make.do(lambda: seats.transfer(owner, bob, email="eve@acme.example", name="Eve")).seat_id
    leave(config, ada)

    zoe = max(view.id for view in seats_of([account_id("acme")]))
    assert (shown(eve), shown(zoe), out()) == (KEYS[1], KEYS[0], 2)


def test_a_seat_to_come_for_which_all_keys_are_out_gets_one_once_it_has_begun(owner: Caller) -> None:
    begin, bob = NOW + 10 * DAY, sit("bob")
    ada = sit("ada", until=begin)
    eve = sit("eve", from_=begin)
    person = make.make_member("acme", "eve@acme.example", "member")

    row = find_seat(owner, eve)
    assert (key_of(eve), row.can_show_key(NOW), row.can_show_key(begin)) == (None, False, True)
    assert shown(ada) == KEYS[1]  # to the end of her seat
    assert transaction(lambda: keys.reveal_key(make.caller(person, begin), RING, eve)) == KEYS[1]
    assert (shown(bob, begin), out()) == (KEYS[0], 2)


def test_a_key_that_a_seat_to_come_has_goes_to_who_sits_before(owner: Caller) -> None:
    begin = NOW + 10 * DAY
    sit("bob")
    eve = sit("eve", from_=begin)
    assert key_of(eve) is not None

    ada = sit("ada", until=begin)

    assert (shown(ada), key_of(eve)) == (KEYS[1], None)
    assert (shown(eve, begin), out()) == (KEYS[1], 2)


def test_more_seats_bring_more_keys_and_each_grant_has_its_own(owner: Caller, config: Config) -> None:
    leave(config, sit("ada"))
    change("acme-m365", "top_up", 1)
    give("acme", "second", 1)

    for name in ("bob", "eve", "zoe"):
        sit(name, grant="acme-m365")
    sit("ann", grant="second")

    assert out() == 4


def test_a_manager_takes_a_new_key_by_saying_so_and_nobody_else(owner: Caller, config: Config) -> None:
    ada = sit("ada")
    leave(config, ada)

    with pytest.raises(Forbidden):
        sit("bob", caller=owner, new_key=True)
    bob = sit("bob", new_key=True)

    assert (shown(bob), shown(ada)) == (KEYS[1], KEYS[0])
    assert shown(sit("eve")) == KEYS[0]  # what was given out is handed on before others


def test_a_grant_whose_keys_are_out_needs_none_free_in_the_pool(app: Flask, config: Config) -> None:
    make.make_startup("acme")
    make_product(delivery="key")
    give("acme", "acme-m365", 2)
    add_keys("ms-seats", 1)
    ada = sit("ada")

    with pytest.raises(RuleBroken, match="no free key"):
        sit("bob")
    leave(config, ada)
    assert key_of(sit("bob")) is not None


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_assigned_released_and_transferred_each_who_sits_has_a_key_of_their_own(
    owner: Caller, config: Config, seed: int
) -> None:
    pick, now = random.Random(seed), NOW
    change("acme-m365", "top_up", HELD_AT_ONCE - 2)
    for number in range(30):
        now += timedelta(hours=pick.choice((0, 1, 20)))
        step(pick, config, now, f"p{number}")
        held = keys_of_who_sits(now)
        assert None not in held
        assert len(set(held)) == len(held) <= HELD_AT_ONCE
        assert out() <= HELD_AT_ONCE


def keys_of_who_sits(now: datetime) -> list[int | None]:
    """The keys that those who sit now have or get."""
    sitting = [view for view in seats_of([account_id("acme")]) if view.is_taken(now)]
    return [transaction(lambda one=one: keys.hand_key(make.somebody(now), one.id)) for one in sitting]  # type: ignore[misc]


def step(pick: random.Random, config: Config, now: datetime, who: str) -> None:
    """One thing that somebody does; a refusal is as good as a success."""
    open_seats: list[SeatView] = [
        view for view in seats_of([account_id("acme")]) if view.ends_at is None or view.ends_at > max(now, view.from_at)
    ]
    begin = now + pick.choice((0, 0, 1, 2)) * DAY
    terms = {"from_": begin, "until": pick.choice((None, begin + DAY, begin + 3 * DAY))}
    try:
        if not open_seats or pick.random() < 0.6:
            sit(pick.choice((who, "ada", "bob", "eve")), now=now, **terms)
        elif pick.random() < 0.5:
            leave(config, pick.choice(open_seats).id, now, pick.choice((None, now + DAY)))
        else:
            seat = pick.choice(open_seats).id
            at = pick.choice((None, now + DAY))
            make.do(lambda: seats.transfer(make.somebody(now), seat, email=f"{who}@acme.example", name="P.", at=at))
    except RuleBroken:
        db.session.rollback()


def test_processes_that_assign_and_release_at_once_get_no_more_keys_than_there_are_seats(
    app: Flask, config: Config, tmp_path: Path
) -> None:
    make.make_startup("s0")
    make_product(delivery="key")
    give("s0", "s0-m365", HELD_AT_ONCE)
    add_keys("ms-seats", 40)
    db.session.remove()

    outcomes = racing.race(config.database_url, tmp_path, "releasing")

    assert not [said for said in outcomes if said.startswith("error")]
    assert outcomes["assigned"] > HELD_AT_ONCE
    assert 1 <= out() <= HELD_AT_ONCE
