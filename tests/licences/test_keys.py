"""Keys of licences: imported whole or not at all, handed out once, shown to few, never in the clear."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from sqlalchemy import select

from creditsvc.core.errors import LISTED, Conflict, FileRefused, Forbidden, NotFound, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.ledger.verify import verify
from creditsvc.licences.key_files import listed_keys, read_keys
from creditsvc.licences.keyring import Keyring, normalised
from creditsvc.licences.keys import import_keys, key_counts, reveal_key, seal_keys
from creditsvc.licences.models import LicenceKey
from creditsvc.parties.access import caller_of
from creditsvc.parties.models import TrailEntry
from tests import databases, factories
from tests.conftest import NOW
from tests.dumping import dump
from tests.ledger.holdings import AUGUST, JULY, vacate
from tests.licences.scenes import KEYS, RING, assign, bring, csv_of, hand, make_seats

WONG = "wong@acme.example"
NO_RING = Keyring((), "a key for tests alone")


@pytest.fixture
def seats(app: Flask) -> None:
    make_seats()


def show(caller: Any, seat_id: int, ring: Keyring = RING) -> str:
    return transaction(lambda: reveal_key(caller, ring, seat_id))


def refused(act: Any) -> list[tuple[int, str]]:
    with pytest.raises(FileRefused) as refusal:
        act()
    assert not any(key in f"{refusal.value!r} {refusal.value}" for key in KEYS)
    assert {error.value for error in refusal.value.errors} == {""}
    return [(error.line, error.message) for error in refusal.value.errors]


def actions(seat_id: int) -> list[tuple[str, str]]:
    return [(entry.action, entry.actor) for entry in db.session.scalars(
        select(TrailEntry).where(TrailEntry.subject == f"seat:{seat_id}").order_by(TrailEntry.id))]


@pytest.mark.parametrize("data", [
    b"key\nAAAA-1\nBBBB-2\n",
    b"\xef\xbb\xbfName,Key,Note\r\nx, AAAA-1 ,y\r\n\r\n,,\r\nz,BBBB-2\r\n",
    b'\n\nkey\n"AAAA-1"\n\nBBBB-2',
])
def test_keys_are_read_from_the_column_key_whatever_stands_beside_it(data):
    assert [key.text for key in read_keys("keys.csv", data)] == ["AAAA-1", "BBBB-2"]


@pytest.mark.parametrize("data, line, message", [
    (b"", 0, "is empty"),
    (b"key\n", 0, "has no keys"),
    (f"{KEYS[0]}\n{KEYS[1]}\n".encode(), 1, "has no column key"),
    (f"key,key\n{KEYS[0]},{KEYS[1]}\n".encode(), 1, "more than one column"),
    (f"key\n{KEYS[0]}\n{KEYS[1]}\n{KEYS[0].lower().replace('-', ' ')}\n".encode(), 4, "is the key of line 2 again"),
    (f"name,key\nx,{KEYS[0]}\nx,\n".encode(), 3, "is empty"),
    (f"name,key\nx,{KEYS[0]}\nx\n".encode(), 3, "is empty"),
    (f'key\n{KEYS[0]}\n"{KEYS[1]}"{KEYS[2]}\n'.encode(), 3, "is no proper CSV"),
    (f"key\n{KEYS[0]}\x07\n".encode(), 2, "cannot be seen"),
    (b"key\nabc\n", 2, "has 3 characters"),
    (b"key\n------\n", 2, "has 6 characters"),
    (b"key\n" + b"A" * 301, 2, "has 301 characters"),
    ("key\nABCD-\u00e9".encode("latin-1"), 0, "is no UTF-8"),
    (("key\n" + KEYS[0]).encode("utf-16"), 0, "is no UTF-8"),
    (b"k" * (8 * 1024 * 1024 + 1), 0, "is larger than 8 MiB"),
])
def test_a_bad_file_is_refused_by_line_and_never_quotes_a_key(data, line, message):
    found = refused(lambda: read_keys("keys.csv", data))

    assert found[0][0] == line
    assert message in found[0][1]


def test_many_faults_are_counted_beyond_a_bound():
    with pytest.raises(FileRefused) as refusal:
        read_keys("keys.csv", csv_of([KEYS[0]] * 31))

    assert (len(refusal.value.errors), refusal.value.more) == (LISTED, 30 - LISTED)


def test_a_list_is_refused_by_row():
    with pytest.raises(FileRefused, match="row 3, column key: is the key of row 1 again"):
        listed_keys("keys", [KEYS[0], KEYS[1], KEYS[0]])


def test_spellings_of_one_key_are_one_key():
    assert normalised(" zq7xk 00001\u2013w9plm ") == normalised(KEYS[0])


@pytest.mark.usefixtures("seats")
def test_a_known_key_refuses_the_whole_file_and_names_line_and_pool():
    factories.make_pool("second", "5", "seats")
    bring(KEYS[:2])

    before = dump()
    found = refused(lambda: bring([KEYS[3], KEYS[1].lower()], pool="second"))

    assert found == [(3, "is known already, in the pool seats")]
    assert dump() == before


@pytest.mark.usefixtures("seats")
def test_keys_belong_to_a_pool_of_seats_and_are_brought_by_managers(app):
    with pytest.raises(RuleBroken, match="holds hours"):
        bring(KEYS, pool="hours")
    with pytest.raises(NotFound):
        bring(KEYS, pool="nothing")
    auditor = caller_of(factories.make_person(role="auditor"), NOW)
    sealed = seal_keys(RING, read_keys("keys.csv", csv_of(KEYS)))
    with pytest.raises(Forbidden):
        transaction(lambda: import_keys(auditor, RING, pool="seats", name="keys.csv", keys=sealed))


@pytest.mark.usefixtures("seats")
def test_keys_are_handed_out_in_their_order_once_until_none_is_free():
    bring(KEYS[:2])
    first, second, third = (assign(f"{name}@acme.example") for name in ("a", "b", "c"))

    assert hand(first) == hand(first)
    hand(second)

    with pytest.raises(RuleBroken, match="the pool seats has no free key") as refusal:
        hand(third)
    assert (refusal.value.field, refusal.value.code) == ("seats", "no-free-key")
    assert [show(factories.somebody(), seat_id) for seat_id in (first, second)] == KEYS[:2]


@pytest.mark.usefixtures("seats")
def test_a_key_of_a_released_seat_is_used_until_the_next_person_on_its_grant_gets_it():
    bring(KEYS[:2])
    seat_id = assign(WONG)
    hand(seat_id)
    vacate(seat_id, NOW - timedelta(days=1))

    def counted() -> list[tuple[str, int, int, int, int]]:
        return [(one.pool, one.free, one.handed, one.used, one.total) for one in key_counts(factories.somebody())]

    before, other = counted(), assign("b@acme.example")
    hand(other)

    assert (before, counted()) == ([("seats", 1, 0, 1, 2)], [("seats", 1, 1, 0, 2)])
    assert show(factories.somebody(), other) == KEYS[0]
    with pytest.raises(NotFound, match="no licence key of seat"):
        show(factories.somebody(), seat_id)


@pytest.mark.usefixtures("seats")
def test_a_key_is_shown_to_its_holder_and_to_managers_and_each_showing_is_in_the_trail():
    bring(KEYS)
    seat_id = assign(WONG)
    hand(seat_id)
    holder = caller_of(factories.make_member("acme", WONG, "member"), NOW)
    manager = caller_of(factories.make_person("m@park.example", "manager"), NOW)

    assert (show(holder, seat_id), show(manager, seat_id)) == (KEYS[0], KEYS[0])
    assert actions(seat_id)[1:] == [("licence.key-shown", WONG), ("licence.key-shown", "m@park.example")]


@pytest.mark.usefixtures("seats")
def test_a_key_is_shown_to_nobody_else_not_even_the_startups_owner():
    bring(KEYS)
    seat_id = assign(WONG)
    hand(seat_id)
    factories.make_startup("other")
    refusals = {}
    for name, person in {
        "owner": factories.make_member("acme", "owner@acme.example"),
        "auditor": factories.make_person(role="auditor"),
        "consultant": factories.make_person(role="consultant"),
        "limited": factories.make_person(role="manager", programme_ids=[]),
        "other": factories.make_member("other"),
        "same name elsewhere": factories.make_member("other", WONG),
    }.items():
        with pytest.raises((Forbidden, NotFound)) as refusal:
            show(caller_of(person, NOW), seat_id)
        refusals[name] = type(refusal.value)

    assert refusals == {"owner": Forbidden, "auditor": Forbidden, "consultant": NotFound, "limited": NotFound,
                        "other": NotFound, "same name elsewhere": NotFound}
    assert [action for action, _ in actions(seat_id)] == ["licence.key-handed"]


@pytest.mark.usefixtures("seats")
def test_a_holder_sees_the_key_while_the_seat_is_theirs():
    bring(KEYS)
    seat_id = assign(WONG, JULY)
    hand(seat_id)
    person = factories.make_member("acme", WONG, "member")

    for at in (NOW, AUGUST):
        with pytest.raises(Conflict, match="not yours at this time"):
            show(caller_of(person, at), seat_id)
    assert show(caller_of(person, JULY), seat_id) == KEYS[0]


@pytest.mark.usefixtures("seats")
def test_a_seat_without_a_key_says_so():
    with pytest.raises(NotFound, match="no licence key of seat"):
        show(factories.somebody(), assign(WONG))


@pytest.mark.usefixtures("seats")
def test_without_a_keyring_importing_and_showing_are_refused_by_the_name_of_the_setting():
    bring(KEYS)
    seat_id = assign(WONG)
    hand(seat_id)

    for act in (lambda: bring(["OTHER-KEY"], NO_RING), lambda: show(factories.somebody(), seat_id, NO_RING)):
        with pytest.raises(Conflict, match="CREDITSVC_LICENCE_KEYS is not set"):
            act()


@pytest.mark.usefixtures("seats")
def test_another_keyring_or_secret_is_told_before_anything_is_kept():
    bring(KEYS[:2])
    stranger = Keyring((Fernet.generate_key().decode(),), "a key for tests alone")
    other_secret = Keyring((databases.LICENCE_KEY,), "another key for tests")

    before = dump()
    with pytest.raises(Conflict, match="no key of CREDITSVC_LICENCE_KEYS opens it"):
        bring(KEYS[2:], stranger)
    with pytest.raises(Conflict, match="rotate-keys first"):
        bring(KEYS[2:], other_secret)
    assert dump() == before


@pytest.mark.usefixtures("seats")
def test_nothing_of_a_key_is_in_the_clear_in_any_table_or_in_what_verify_says():
    bring(KEYS)
    seat_id = assign(WONG)
    hand(seat_id)
    show(factories.somebody(), seat_id)

    everything = f"{dump()!r} {verify()!r}".upper()
    assert not [key for key in KEYS if key in everything or normalised(key) in everything]
    assert len(db.session.scalars(select(LicenceKey.ciphertext)).all()) == len(KEYS)
