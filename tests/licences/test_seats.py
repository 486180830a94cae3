"""Who gets a seat, who is refused one and what they are told, and how seats change hands."""

from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from creditsvc.config import Config
from creditsvc.core.errors import Conflict, Forbidden, NotFound, RuleBroken
from creditsvc.db import db
from creditsvc.ledger.verify import verify
from creditsvc.licences import seats
from creditsvc.licences.desk import Wanted, open_desk
from creditsvc.licences.seating import seat_all
from creditsvc.parties.models import TrailEntry
from tests import factories as make
from tests.conftest import NOW
from tests.licences.sitting import add_keys, change, give, holders, leave, make_park, make_product, sit

AUTUMN, DAY = date(2026, 9, 1), timedelta(days=1)


@pytest.fixture
def park(app: Flask) -> None:
    make_park()


def refused(act) -> tuple[str, str, str]:
    """Field, code and sentence of a refusal."""
    with pytest.raises(RuleBroken) as refusal:
        make.do(act)
    return refusal.value.field, refusal.value.code, str(refusal.value)


def test_a_seat_is_somebodys_until_its_grant_ends(park: None) -> None:
    sit("ada")

    assert holders() == {"ada": "acme-m365"}
    assert holders(datetime(2026, 12, 31, 15, 59, tzinfo=UTC)) == {"ada": "acme-m365"}
    assert holders(datetime(2026, 12, 31, 16, tzinfo=UTC)) == {}
    assert holders(NOW - DAY) == {}


def test_a_refusal_names_what_is_free_and_when_the_next_seat_frees(park: None) -> None:
    sit("ada"), sit("bob"), sit("eve", until=date(2026, 8, 31))

    field, code, sentence = refused(lambda: sit("zoe"))

    assert (field, code) == ("seats", "none-free")
    assert sentence.startswith("0 of 3 seats of m365 are free from 2026-06-15")
    assert sentence.endswith("the next one frees on 2026-09-01")


def test_a_refusal_says_when_no_seat_frees_at_all(park: None) -> None:
    sit("ada"), sit("bob"), sit("eve")

    assert refused(lambda: sit("zoe"))[2].endswith("and none frees before they end")


def test_a_seat_to_come_leaves_the_time_before_it_free(park: None) -> None:
    change("acme-m365", "return", 2)
    sit("ada", from_=AUTUMN)
    sit("bob", until=date(2026, 8, 31))

    assert holders() == {"bob": "acme-m365"}
    assert holders(datetime(2026, 9, 2, tzinfo=UTC)) == {"ada": "acme-m365"}
    assert refused(lambda: sit("eve", from_=date(2026, 8, 31)))[1] == "none-free"
    assert refused(lambda: sit("eve"))[1] == "none-free"


def test_the_grant_that_lasts_longest_is_taken_unless_one_is_named(park: None) -> None:
    give("acme", "longer", 1, last=date(2027, 12, 31))

    sit("ada"), sit("bob", grant="acme-m365", product=None), sit("eve")

    assert holders() == {"ada": "longer", "bob": "acme-m365", "eve": "acme-m365"}


@pytest.mark.parametrize("more, expected", [
    ({"product": "nothing"}, ("product", "unknown-product")),
    ({"grant": "nothing"}, ("grant", "unknown-grant")),
    ({"product": None}, ("product", "missing")),
    ({"from_": date(2027, 6, 1)}, ("from", "no-grant")),
    ({"until": date(2027, 6, 1)}, ("until", "beyond-grant")),
    ({"from_": AUTUMN, "until": date(2026, 8, 30)}, ("until", "not-after-start")),
    ({"note": "x" * 501}, ("note", "not-a-note")),
])
def test_what_cannot_be_is_refused_at_its_field(park: None, more, expected) -> None:
    assert refused(lambda: sit("ada", **more))[:2] == expected
    assert holders() == {}


@pytest.mark.parametrize("email, name, field", [
    ("nobody", "Ada", "email"), ("a@b@c.example", "Ada", "email"), ("x" * 250 + "@acme.example", "Ada", "email"),
    ("ada@acme.example", " ", "name"), ("ada@acme.example", "A\nda", "name"),
])
def test_a_person_needs_an_address_and_a_name(park: None, email: str, name: str, field: str) -> None:
    wrong = refused(lambda: seats.assign(make.somebody(), startup="acme", product="m365", email=email, name=name))

    assert wrong[0] == field


def test_one_person_never_sits_twice_at_once_on_one_product(park: None) -> None:
    make_product("figma", pool="figma-seats")
    give("acme", "acme-figma", 1, pool="figma-seats")
    sit("ada", until=date(2026, 8, 31)), sit("ada", product="figma")

    assert refused(lambda: sit("ADA"))[:2] == ("email", "already-seated")
    assert refused(lambda: sit("ada", from_=date(2026, 8, 31)))[:2] == ("email", "already-seated")
    assert sit("ada", from_=AUTUMN)


def test_who_has_a_seat_to_come_in_the_next_grant_can_sit_in_this_one_until_then(park: None) -> None:
    give("acme", "next", 1, first=date(2027, 1, 1), last=date(2027, 12, 31))
    sit("ada", from_=date(2027, 1, 1))

    sit("ada")
    change("acme-m365", "extend", instant=datetime(2027, 6, 1, tzinfo=UTC))

    assert holders() == {"ada": "acme-m365"}
    assert [holders(NOW + days * DAY) for days in (195, 205)] == [{"ada": "acme-m365"}, {"ada": "next"}]


def test_a_grant_that_comes_back_seats_nobody_twice(park: None) -> None:
    sit("ada")
    after = datetime(2027, 1, 10, tzinfo=UTC)
    give("acme", "next", 1, first=date(2027, 1, 1), last=date(2027, 12, 31))

    sit("ada", now=after)
    change("acme-m365", "extend", instant=datetime(2027, 6, 1, tzinfo=UTC))

    assert holders(after) == {"ada": "next"}
    assert holders(after - DAY) == {}


def test_one_person_may_be_given_a_seat_of_this_grant_and_of_the_next_in_one_act(park: None) -> None:
    """The first has no end of its own; were the grant extended, they would sit twice."""
    give("acme", "next", 1, first=date(2027, 1, 1), last=date(2027, 12, 31))
    after = datetime(2027, 1, 10, tzinfo=UTC)

    def both() -> None:
        desk = open_desk(make.somebody(), "seat.assign", "acme", product="m365")
        wanted = [Wanted("ada@acme.example", "Ada", at) for at in (NOW, after)]
        seat_all(desk, [desk.place(one) for one in wanted])

    make.do(both)
    change("acme-m365", "extend", instant=datetime(2027, 6, 1, tzinfo=UTC))

    assert (holders(), holders(after)) == ({"ada": "acme-m365"}, {"ada": "next"})
    assert verify()["differences"] == []


def test_a_released_seat_is_free_from_then_on(park: None, config: Config) -> None:
    first = sit("ada")
    sit("bob"), sit("eve")

    leave(config, first, at=date(2026, 7, 1))

    assert refused(lambda: sit("zoe"))[1] == "none-free"
    assert sit("zoe", from_=date(2026, 7, 1))
    assert verify()["differences"] == []


def test_a_seat_that_has_not_begun_is_taken_back(park: None, config: Config) -> None:
    seat = sit("ada", from_=AUTUMN)

    leave(config, seat)

    assert holders(datetime(2026, 10, 1, tzinfo=UTC)) == {}
    with pytest.raises(Conflict, match="taken back before it began"):
        leave(config, seat)


def test_a_seat_is_released_once_and_within_itself(park: None, config: Config) -> None:
    seat = sit("ada")
    assert refused(lambda: leave(config, seat, at=date(2026, 6, 1)))[1] == "before-start"
    assert refused(lambda: leave(config, seat, at=date(2027, 6, 1)))[1] == "not-earlier"

    leave(config, seat, now=NOW + DAY)

    with pytest.raises(Conflict, match="ended with"):
        leave(config, seat, now=NOW + 2 * DAY)


def test_a_transfer_is_one_act_at_one_instant(park: None) -> None:
    seat = sit("ada")

    new = make.do(lambda: seats.transfer(
        make.somebody(NOW + DAY), seat, email="bob@acme.example", name="Bob", at=date(2026, 7, 1)
    ))

    assert new.transferred_from == seat
    assert holders(datetime(2026, 6, 30, 15, 59, tzinfo=UTC)) == {"ada": "acme-m365"}
    assert holders(datetime(2026, 6, 30, 16, tzinfo=UTC)) == {"bob": "acme-m365"}


def test_a_seat_is_not_transferred_to_who_has_one(park: None) -> None:
    seat = sit("ada")
    sit("bob")

    assert refused(lambda: seats.transfer(make.somebody(), seat, email="bob@acme.example", name="Bob"))[:2] == (
        "email", "already-seated"
    )
    assert refused(lambda: seats.transfer(make.somebody(), seat, email="Ada@acme.example", name="A"))[:2] == (
        "email", "same-person"
    )
    assert holders() == {"ada": "acme-m365", "bob": "acme-m365"}


def test_the_people_of_a_grant_move_on_to_its_successor(park: None) -> None:
    sit("ada"), sit("bob"), sit("eve", until=date(2026, 8, 31))
    give("acme", "next", 2, first=date(2027, 1, 1), last=date(2027, 12, 31))

    moved = make.do(lambda: seats.move(make.somebody(), startup="acme", grant="acme-m365", to="next"))

    assert [paper.email for paper in moved] == ["ada@acme.example", "bob@acme.example"]
    assert holders() == {"ada": "acme-m365", "bob": "acme-m365", "eve": "acme-m365"}
    assert holders(datetime(2027, 1, 1, tzinfo=UTC)) == {"ada": "next", "bob": "next"}
    assert verify()["differences"] == []


def test_some_people_move_at_once(park: None) -> None:
    sit("ada"), sit("bob")
    give("acme", "other", 2)

    make.do(lambda: seats.move(
        make.somebody(), startup="acme", grant="acme-m365", to="other", emails=["ada@acme.example"], at=NOW
    ))

    assert holders() == {"ada": "other", "bob": "acme-m365"}


def test_all_move_or_nobody_does(park: None) -> None:
    sit("ada"), sit("bob")
    give("acme", "next", 1, first=date(2027, 1, 1), last=date(2027, 12, 31))

    wrong = refused(lambda: seats.move(make.somebody(), startup="acme", grant="acme-m365", to="next"))

    assert wrong[:2] == ("seats", "none-free")
    assert "1 seats of the grant next are free" in wrong[2]
    assert holders(datetime(2027, 1, 2, tzinfo=UTC)) == {}


@pytest.mark.parametrize("act, expected", [
    ({"grant": "acme-m365", "to": "acme-m365"}, ("to", "same-grant")),
    ({"grant": "acme-m365", "to": "nothing"}, ("to", "unknown-grant")),
    ({"grant": "acme-m365", "to": "other"}, ("emails", "nobody")),
    ({"grant": "endless", "to": "other"}, ("at", "without-end")),
    ({"grant": "acme-m365", "to": "other", "emails": ["ada@acme.example"], "at": NOW}, ("emails", "not-seated")),
])
def test_people_move_only_where_they_can(park: None, act, expected) -> None:
    give("acme", "other", 1)
    give("acme", "endless", 1, last=None)
    sit("bob")
    sit("zoe", until=date(2026, 7, 1)) if act["to"] == "other" else None
    if expected[1] == "nobody":
        act = {**act, "grant": "other", "to": "endless"}

    assert refused(lambda: seats.move(make.somebody(), startup="acme", **act))[:2] == expected


def test_a_product_that_comes_by_key_hands_one_to_each(app: Flask, config: Config) -> None:
    make.make_startup("acme")
    make_product(delivery="key")
    give("acme", "acme-m365", 3)
    add_keys("ms-seats", 1)
    sit("ada")

    wrong = refused(lambda: sit("bob"))

    assert wrong[:2] == ("seats", "no-free-key")
    assert "the pool ms-seats has no free key" in wrong[2]
    assert holders() == {"ada": "acme-m365"}


def test_owners_seat_their_own_people_and_members_do_not(park: None, config: Config) -> None:
    make.make_startup("other")
    give("other", "other-m365", 3)
    owner, member = make.caller(make.make_member("acme")), make.caller(make.make_member("acme", role="member"))

    seat = sit("ada", caller=owner)

    with pytest.raises(Forbidden):
        sit("bob", caller=member)
    with pytest.raises(NotFound):
        sit("bob", "other", caller=owner)
    with pytest.raises(Forbidden):
        sit("bob", caller=make.caller(make.make_person(role="auditor")))
    with pytest.raises(NotFound):
        make.do(lambda: seats.release(make.caller(make.make_member("other")), config, seat))
    with pytest.raises(NotFound):
        make.do(lambda: seats.release(make.somebody(), config, 2**63))


def test_what_was_done_stands_in_the_trail(park: None, config: Config) -> None:
    leave(config, sit("ada"))

    entries = db.session.execute(select(TrailEntry.action, TrailEntry.after).where(TrailEntry.action.like("seat.%")))
    assert [(action, after["person"], after["grant"]) for action, after in entries] == [
        ("seat.assigned", "ada@acme.example", "acme-m365"), ("seat.released", "ada@acme.example", "acme-m365"),
    ]
