"""Keys of licences and the publishers' counts, as a shell sees them."""

import logging
from dataclasses import replace

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from creditsvc.config import ConfigError, load_config
from creditsvc.core.errors import Conflict
from creditsvc.db import db, transaction
from creditsvc.licences import keys
from creditsvc.licences.keyring import Keyring, normalised
from creditsvc.licences.keys import reveal_key, rotate_batch
from creditsvc.licences.models import LicenceKey
from tests import databases, factories
from tests.dumping import dump
from tests.jobs.shell import environment, run
from tests.licences.scenes import KEYS, RING, assign, bring, csv_of, hand, make_seats
from tests.licences.test_count_files import csv_of as users_of
from tests.licences.test_count_files import sku, tenant

NEW = "YW5vdGhlciBrZXksIG9mIHRlc3RzIGFsbCBhbG9uZSE="
BOTH = f"{NEW},{databases.LICENCE_KEY}"


@pytest.fixture
def seats(app):
    make_seats()


def ciphertexts():
    db.session.rollback()
    return db.session.scalars(select(LicenceKey.ciphertext).order_by(LicenceKey.id)).all()


def opened(ring):
    return [ring.decrypt(ciphertext) for ciphertext in ciphertexts()]


@pytest.mark.parametrize("value", ["hush-hush", f"{NEW},", f"{NEW};{NEW}", NEW[:-1], NEW + "=", "é" * 44])
def test_a_wrong_keyring_stops_the_start_by_the_name_of_the_setting_and_not_its_value(tmp_path, value):
    with pytest.raises(ConfigError) as refusal:
        load_config({"CREDITSVC_INSTANCE": str(tmp_path), "CREDITSVC_LICENCE_KEYS": value})

    assert str(refusal.value).startswith("CREDITSVC_LICENCE_KEYS: key ")
    assert not any(part in str(refusal.value) for part in ("hush", NEW[:10], "é"))


def test_the_settings_tell_no_key_of_the_keyring_when_they_are_printed(tmp_path):
    config = load_config({"CREDITSVC_INSTANCE": str(tmp_path), "CREDITSVC_LICENCE_KEYS": f" {BOTH} "})

    assert config.licence_keys == (NEW, databases.LICENCE_KEY)
    assert NEW not in repr(config)


@pytest.mark.usefixtures("seats")
def test_keys_are_imported_from_a_file_and_nothing_that_is_said_has_one(config, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    file = tmp_path / "keys.csv"
    file.write_bytes(csv_of(KEYS))

    trial = run(config, "licences", "import-keys", file, "--pool", "seats", "--dry-run", "--json")
    kept = run(config, "licences", "import-keys", file, "--pool", "seats", "--json")
    again = run(config, "licences", "import-keys", file, "--pool", "seats")

    assert (trial.code, trial.document) == (0, {"pool": "seats", "file": "keys.csv", "keys": 5, "dry_run": True})
    assert (kept.code, kept.document["keys"]) == (0, 5)
    assert again.code == 1
    assert again.err.startswith("keys.csv, line 2, column key: is known already, in the pool seats\n")
    said = "".join(one.out + one.err for one in (trial, kept, again)) + caplog.text + repr(dump())
    assert not [key for key in KEYS if key in said or normalised(key) in said.upper()]
    assert opened(RING) == KEYS


@pytest.mark.usefixtures("seats")
def test_rotation_puts_all_under_the_newest_key_and_can_be_repeated(config):
    bring(KEYS[:3])
    before = ciphertexts()

    first = run(config, "licences", "rotate-keys", "--json", CREDITSVC_LICENCE_KEYS=BOTH)
    between = ciphertexts()
    second = run(config, "licences", "rotate-keys", "--json", CREDITSVC_LICENCE_KEYS=BOTH)

    assert (first.code, first.document) == (0, {"rotated": 3, "unchanged": 0})
    assert (second.code, second.document) == (0, {"rotated": 0, "unchanged": 3})
    assert set(before).isdisjoint(between)
    assert ciphertexts() == between
    assert opened(Keyring((NEW,), "any")) == KEYS[:3]


@pytest.mark.usefixtures("seats")
def test_old_keys_are_read_until_the_rotation_and_one_that_stops_half_way_goes_on(config, monkeypatch):
    seat_id = assign("wong@acme.example")
    bring(KEYS)
    hand(seat_id)
    ring = Keyring(tuple(BOTH.split(",")), config.secret_key)
    monkeypatch.setattr(keys, "BATCH", 2)

    transaction(lambda: rotate_batch(factories.somebody(), ring))

    assert [ring.is_under_newest(one) for one in ciphertexts()] == [True, True, False, False, False]
    assert opened(ring) == KEYS
    assert transaction(lambda: reveal_key(factories.somebody(), ring, seat_id)) == KEYS[0]
    said = run(config, "licences", "rotate-keys", "--json", CREDITSVC_LICENCE_KEYS=BOTH)
    assert said.document == {"rotated": 3, "unchanged": 2}
    assert all(map(ring.is_under_newest, ciphertexts()))


@pytest.mark.usefixtures("seats")
def test_keys_of_another_keyring_are_named_by_number_and_the_others_are_rotated(config):
    bring(KEYS[:1])
    lost = Keyring((Fernet.generate_key().decode(),), config.secret_key)
    transaction(lambda: db.session.add(LicenceKey(
        pool_id=db.session.scalars(select(LicenceKey.pool_id)).one(), fingerprint="f" * 64,
        ciphertext=lost.encrypt(KEYS[1]), imported_at=factories.NOW, imported_by="somebody",
    )))

    said = run(config, "licences", "rotate-keys", "--json", CREDITSVC_LICENCE_KEYS=BOTH)

    assert (said.code, said.document["rotated"], said.document["unchanged"]) == (1, 1, 0)
    assert [error["code"] for error in said.document["errors"]] == ["not-of-this-keyring"]
    assert "of the pool seats is under none of the keys of CREDITSVC_LICENCE_KEYS" in said.err


@pytest.mark.usefixtures("seats")
def test_after_the_services_secret_was_changed_the_rotation_lets_duplicates_be_found_again(config):
    bring(KEYS[:3])
    changed = replace(config, secret_key="another key for tests")
    ring = Keyring(changed.licence_keys, changed.secret_key)

    with pytest.raises(Conflict, match="rotate-keys first"):
        bring(KEYS[3:], ring)
    assert run(changed, "licences", "rotate-keys", "--json").document == {"rotated": 3, "unchanged": 0}
    with pytest.raises(Exception, match="is known already"):
        bring(KEYS[2:], ring)
    assert bring(KEYS[3:], ring) == 2


@pytest.mark.usefixtures("seats")
def test_a_key_that_came_twice_under_two_secrets_is_named_and_stops_nothing(config):
    bring(KEYS[:2])
    ring = Keyring(config.licence_keys, "another key for tests")
    transaction(lambda: db.session.add(LicenceKey(
        pool_id=db.session.scalars(select(LicenceKey.pool_id).limit(1)).one(), fingerprint=ring.fingerprint(KEYS[0]),
        ciphertext=ring.encrypt(KEYS[0]), imported_at=factories.NOW, imported_by="somebody",
    )))

    said = run(replace(config, secret_key="another key for tests"), "licences", "rotate-keys", "--json")

    assert (said.code, said.document["rotated"]) == (1, 2)
    assert [error["code"] for error in said.document["errors"]] == ["known-twice"]


@pytest.mark.usefixtures("seats")
def test_without_a_keyring_commands_name_the_setting(config, tmp_path):
    file = tmp_path / "keys.csv"
    file.write_bytes(csv_of(KEYS))
    for words in (["import-keys", file, "--pool", "seats"], ["rotate-keys"]):
        said = run(config, "licences", *words, CREDITSVC_LICENCE_KEYS="")
        assert (said.code, "CREDITSVC_LICENCE_KEYS is not set" in said.err) == (1, True)
    assert environment(config)["CREDITSVC_LICENCE_KEYS"] == databases.LICENCE_KEY


@pytest.mark.usefixtures("seats")
def test_counts_are_imported_and_compared_with_what_was_assigned(config, tmp_path):
    assign("wong@acme.example")
    skus, users = tmp_path / "skus.json", tmp_path / "users.csv"
    skus.write_bytes(tenant(sku(enabled=0)))
    users.write_bytes(users_of("2020-01-02,x@elsewhere.example,False,,,SPB"))

    kept = run(config, "licences", "import-counts", skus, "--counted-on", "2020-01-02", "--json")
    people = run(config, "licences", "import-counts", users, skus, "--counted-on", "2020-01-02", "--json")
    whole = run(config, "licences", "compare", "--json")
    acme = run(config, "licences", "compare", "--startup", "acme", "--json")
    shown = run(config, "licences", "compare")

    assert [(one["status"], one["counted_on"]) for one in kept.document["files"]] == [("imported", "2020-01-02")]
    assert [one["status"] for one in people.document["files"]] == ["imported", "unchanged"]
    assert [one["kind"] for one in whole.document["findings"]] == ["over-consumed", "unknown"]
    assert acme.document["findings"] == []
    assert (shown.code, "x@elsewhere.example" in shown.out, "over-consumed" in shown.out) == (0, True, True)


@pytest.mark.usefixtures("seats")
def test_one_bad_file_of_counts_keeps_all_of_them_out(config, tmp_path):
    good, bad = tmp_path / "skus.json", tmp_path / "users.csv"
    good.write_bytes(tenant(sku()))
    bad.write_bytes(users_of("2020-01-02,0F3A9C27B18E4D56A7C0E1F2938475AB,False,,,SPB"))
    before = dump()

    said = run(config, "licences", "import-counts", good, bad)

    assert said.code == 1
    assert said.err.startswith("users.csv, line 2, column User Principal Name")
    assert "Display concealed user" in said.err
    assert dump() == before


@pytest.mark.usefixtures("app")
def test_the_samples_are_imported_whole(config, shared_data):
    folder = shared_data / "microsoft365"
    skus = run(config, "licences", "import-counts", folder / "graph_v1.0_subscribedSkus.json",
               folder / "getOffice365ActiveUserDetail_header.csv", "--json")
    person = run(config, "licences", "import-counts", folder / "graph_v1.0_user_licenseDetails.json",
                 "--person", "a@example.com", "--json")

    assert [(one["kind"], one["skus"], one["people"]) for one in skus.document["files"]] == [
        ("subscribed-skus", 2, 0), ("active-users", 0, 0)
    ]
    assert [(one["kind"], one["person"]) for one in person.document["files"]] == [("licence-details", "a@example.com")]
    strangers = run(config, "licences", "compare", "--json").document["strangers"]
    assert [one["sku"] for one in strangers] == ["CRMSTANDARD", "ENTERPRISEPREMIUM", "SCHOOL_DATA_SYNC_P2"]
