"""Who waits for a seat is seated in order as soon as one frees, and told once."""

from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from creditsvc.config import Config
from creditsvc.core.errors import Conflict, Forbidden, NotFound, RuleBroken
from creditsvc.db import db
from creditsvc.jobs.nightly import run_night
from creditsvc.ledger.verify import verify
from creditsvc.licences import seats, waiting
from creditsvc.licences.models import LicenceKey
from creditsvc.mail.models import OutboxMail
from tests import factories as make
from tests.conftest import NOW
from tests.licences.sitting import (
    account_id,
    add_keys,
    change,
    give,
    holders,
    leave,
    mails,
    make_park,
    make_product,
    queue_up,
    sit,
    startup_id,
)

DAY = timedelta(days=1)


@pytest.fixture
def full(app: Flask) -> int:
    """A park whose one seat ada has; the id of that seat."""
    make_park(1)
    return sit("ada")


def line() -> list[str]:
    return make.do(lambda: [view.wish.name for view in waiting.wishes_of(make.somebody(), startup="acme")])


def test_who_waits_is_seated_first_come(full: int, config: Config) -> None:
    queue_up(config, "bob")
    queue_up(config, "eve")

    leave(config, full)

    assert holders() == {"bob": "acme-m365"}
    assert line() == ["Eve"]


def test_the_person_and_the_owners_are_told_each_in_their_language(full: int, config: Config) -> None:
    make.make_member("acme", "chan@acme.example")
    make.make_member("acme", "member@acme.example", role="member")
    queue_up(config, "bob")

    leave(config, full)

    assert mails() == [
        ("bob@acme.example", "A seat of Microsoft M365 is yours"),
        ("chan@acme.example", "Bob has a seat of Microsoft M365 now"),
    ]
    text = db.session.scalar(select(OutboxMail.text).where(OutboxMail.to_address == "bob@acme.example"))
    assert "It can be used from 15 June 2026 until 31 December 2026." in text


def test_an_owner_who_waited_gets_one_mail(full: int, config: Config) -> None:
    make.make_member("acme", "bob@acme.example")
    queue_up(config, "bob")

    leave(config, full)

    assert mails() == [("bob@acme.example", "A seat of Microsoft M365 is yours")]


def test_who_is_assigned_a_seat_waits_no_more_and_is_not_told(full: int, config: Config) -> None:
    queue_up(config, "bob")
    give("acme", "more", 1)

    sit("bob")

    assert line() == []
    assert mails() == []


def test_nobody_waits_who_sits_or_waits_already(full: int, config: Config) -> None:
    queue_up(config, "bob")

    with pytest.raises(Conflict) as sitting:
        queue_up(config, "ada")
    with pytest.raises(Conflict) as waits:
        queue_up(config, "BOB")

    assert (sitting.value.code, waits.value.code) == ("already-seated", "already-waits")


def test_who_asks_while_a_seat_is_free_is_seated_at_once(app: Flask, config: Config) -> None:
    make_park(1)

    assert queue_up(config, "bob").state == "seated"
    assert holders() == {"bob": "acme-m365"}


def test_a_new_grant_and_a_top_up_seat_who_waits(full: int, config: Config) -> None:
    queue_up(config, "bob")
    queue_up(config, "eve")

    give("acme", "more", 1)
    make.do(lambda: waiting.seat_startups(make.somebody(), config, [startup_id("acme")]))
    assert holders() == {"ada": "acme-m365", "bob": "more"}

    change("more", "top_up", 1)
    make.do(lambda: waiting.seat_startups(make.somebody(), config, [startup_id("acme")]))
    assert holders() == {"ada": "acme-m365", "bob": "more", "eve": "more"}
    assert verify()["differences"] == []


def test_the_night_seats_who_waits_for_what_the_calendar_frees_and_tells_them_once(
    app: Flask, config: Config
) -> None:
    make_park(1)
    sit("ada", until=date(2026, 6, 20))
    queue_up(config, "bob")

    run_night(config, NOW + 3 * DAY, wall=lambda: NOW + 3 * DAY)
    assert line() == ["Bob"]
    run_night(config, NOW + 6 * DAY, wall=lambda: NOW + 6 * DAY)
    run_night(config, NOW + 7 * DAY, wall=lambda: NOW + 7 * DAY)

    assert holders(NOW + 7 * DAY) == {"bob": "acme-m365"}
    assert [to for to, _ in mails()] == ["bob@acme.example"]
    assert line() == []


def test_one_startup_whose_line_is_refused_does_not_stop_the_night(
    full: int, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue_up(config, "bob")

    def refuse(*args: object) -> None:
        raise RuleBroken("seats", "none-free")

    monkeypatch.setattr(waiting, "seat_account", refuse)

    assert run_night(config, NOW + DAY, wall=lambda: NOW + DAY)["status"] == "done"
    assert line() == ["Bob"]


def test_a_managers_order_goes_before_first_come(full: int, config: Config) -> None:
    for who in ("bob", "eve", "zoe"):
        queue_up(config, who)
    last = make.do(lambda: waiting.wishes_of(make.somebody(), startup="acme"))[2]

    make.do(lambda: waiting.put_in_place(make.somebody(), last.wish.id, 1))
    queue_up(config, "kim")
    assert line() == ["Zoe", "Bob", "Eve", "Kim"]
    leave(config, full)

    assert holders() == {"zoe": "acme-m365"}


@pytest.mark.parametrize("place", [0, 3, -1])
def test_a_place_is_one_of_the_line(full: int, config: Config, place: int) -> None:
    queue_up(config, "bob")
    wish = queue_up(config, "eve")

    with pytest.raises(RuleBroken, match="is no place"):
        make.do(lambda: waiting.put_in_place(make.somebody(), wish.id, place))
    assert line() == ["Bob", "Eve"]


def test_who_withdraws_is_passed_over(full: int, config: Config) -> None:
    wish = queue_up(config, "bob")
    queue_up(config, "eve")
    make.do(lambda: waiting.withdraw(make.somebody(), wish.id))

    leave(config, full)

    assert holders() == {"eve": "acme-m365"}
    with pytest.raises(Conflict, match="does not wait any more"):
        make.do(lambda: waiting.withdraw(make.somebody(), wish.id))


def test_a_manager_seats_somebody_by_hand_before_others(full: int, config: Config) -> None:
    queue_up(config, "bob")
    wish = queue_up(config, "eve")
    with pytest.raises(RuleBroken, match="0 of 1 seats"):
        make.do(lambda: waiting.seat_by_hand(make.somebody(), config, wish.id))
    give("acme", "more", 1)

    make.do(lambda: waiting.seat_by_hand(make.somebody(), config, wish.id))

    assert holders() == {"ada": "acme-m365", "eve": "more"}
    assert line() == ["Bob"]
    assert [to for to, _ in mails()] == ["eve@acme.example"]


def test_who_waits_for_a_key_waits_on_while_no_key_is_there(app: Flask, config: Config) -> None:
    make.make_startup("acme")
    make_product(delivery="key")
    give("acme", "acme-m365", 1)
    add_keys("ms-seats", 1)
    sit("ada")
    queue_up(config, "bob")

    change("acme-m365", "top_up", 1)
    make.do(lambda: waiting.seat_account(make.somebody(), config, account_id("acme")))
    assert holders() == {"ada": "acme-m365"}
    add_keys("ms-seats", 1)
    make.do(lambda: waiting.seat_account(make.somebody(), config, account_id("acme")))

    assert holders() == {"ada": "acme-m365", "bob": "acme-m365"}
    assert db.session.scalar(select(func.count()).where(LicenceKey.seat_id.is_not(None))) == 2


def test_new_keys_seat_who_waits_for_them_and_nobody_of_another_pool(app: Flask, config: Config) -> None:
    make.make_startup("acme")
    make_product(delivery="key")
    make_product("figma", delivery="key", pool="figma-seats")
    give("acme", "acme-m365", 1)
    give("acme", "acme-figma", 1, pool="figma-seats")
    queue_up(config, "bob")
    make.do(lambda: waiting.wait(
        make.somebody(), config, startup="acme", product="figma", email="eve@acme.example", name="Eve"
    ))
    add_keys("ms-seats", 1)
    add_keys("figma-seats", 1)

    make.do(lambda: waiting.seat_pool(make.somebody(), config, "ms-seats"))
    assert holders() == {"bob": "acme-m365"}
    make.do(lambda: waiting.seat_everywhere(make.somebody(), config))

    assert holders() == {"bob": "acme-m365", "eve": "acme-figma"}
    assert [to for to, _ in mails()] == ["bob@acme.example", "eve@acme.example"]


def test_the_waiting_list_is_the_startups_own(full: int, config: Config) -> None:
    owner, member = make.caller(make.make_member("acme")), make.caller(make.make_member("acme", role="member"))
    stranger = make.caller(make.make_member(make.make_startup("other").key))
    wish = make.do(
        lambda: waiting.wait(owner, config, startup="acme", product="m365", email="b@acme.example", name="B")
    )

    with pytest.raises(Forbidden):
        make.do(lambda: waiting.put_in_place(owner, wish.id, 1))
    with pytest.raises(Forbidden):
        make.do(lambda: waiting.withdraw(member, wish.id))
    with pytest.raises(NotFound):
        make.do(lambda: waiting.withdraw(stranger, wish.id))
    assert make.do(lambda: [len(waiting.wishes_of(who)) for who in (owner, member, stranger)]) == [1, 1, 0]


def test_a_seat_that_frees_later_seats_nobody_yet(full: int, config: Config) -> None:
    queue_up(config, "bob")

    leave(config, full, at=date(2026, 7, 1))

    assert holders() == {"ada": "acme-m365"}
    assert line() == ["Bob"]


def test_a_transfer_seats_nobody_who_waits(full: int, config: Config) -> None:
    queue_up(config, "bob")

    make.do(lambda: seats.transfer(make.somebody(), full, email="eve@acme.example", name="Eve"))

    assert holders() == {"eve": "acme-m365"}
    assert line() == ["Bob"]
