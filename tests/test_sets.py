"""Rows past the session: what goes to the driver as it was compiled once keeps types, errors and the session's own."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import bindparam, insert, literal, select, true, update
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import Session

from creditsvc.db import db, is_postgresql, table_of, transaction
from creditsvc.driven import driven
from creditsvc.parties.models import Membership, Person, Startup, TrailEntry
from creditsvc.sets import (
    FEW,
    Write,
    among,
    among_given,
    given,
    insert_rows,
    insert_rows_absent,
    read_fresh,
    send,
    send_together,
    transient,
)
from tests import factories as make
from tests.conftest import NOW
from tests.counting import sent_meanwhile

STARTUP = table_of(Startup)
BY_KEY = select(Startup).where(Startup.key == bindparam("sought"))
NAMED = update(STARTUP).where(STARTUP.c.key == bindparam("sought")).values(name=bindparam("called"))
OF_ENGLISH = select(STARTUP.c.id).where(STARTUP.c.language == "en", STARTUP.c.key == bindparam("sought"))
LISTED = select(STARTUP.c.id).where(STARTUP.c.key.in_(bindparam("keys", expanding=True)))
ADDED = insert(STARTUP)
NOTED = insert(table_of(TrailEntry))


def startup(key: str, at: datetime = NOW) -> dict[str, object]:
    return {"key": key, "name": key.title(), "language": "en", "created_at": at}


def noted(subject: str) -> dict[str, object]:
    return {"at": NOW, "actor": "lee@park.example", "address": "", "action": "startup.created", "subject": subject,
            "before": None, "after": {"name": "100 % Harbour"}}


def names() -> dict[str, str]:
    db.session.rollback()
    return dict(db.session.execute(select(Startup.key, Startup.name)).all())


def test_what_is_found_fresh_is_the_entity_that_the_session_has_and_is_watched(app: Flask) -> None:
    make.make_startup("acme", "Acme")

    def act() -> None:
        before = db.session.scalars(BY_KEY, {"sought": "acme"}).one()
        with Session(db.session.connection()) as another:
            another.execute(NAMED, {"sought": "acme", "called": "Acme Robotics"})
        ((found,),) = read_fresh(BY_KEY, {"sought": "acme"})
        assert found is before
        assert (found.name, found.created_at.tzinfo) == ("Acme Robotics", UTC)
        found.language = "zh_Hant"

    transaction(act)
    db.session.expunge_all()
    assert db.session.scalars(BY_KEY, {"sought": "acme"}).one().language == "zh_Hant"


def test_what_is_found_fresh_and_new_to_the_session_is_watched_too(app: Flask) -> None:
    make.make_startup("acme", "Acme")

    def act() -> None:
        ((found,),) = read_fresh(BY_KEY, {"sought": "acme"})
        assert found in db.session
        assert db.session.get(Startup, found.id) is found
        found.name = "Acme Robotics"

    transaction(act)
    assert names() == {"acme": "Acme Robotics"}


def test_what_waits_in_the_session_is_written_before_anything_is_found(app: Flask) -> None:
    def act() -> None:
        db.session.add(Startup(**startup("acme")))
        assert read_fresh(BY_KEY, {"sought": "acme"})

    transaction(act)


def test_a_list_of_values_is_nothing_to_keep(app: Flask) -> None:
    make.make_startup("acme")
    (found,) = send(LISTED, [{"keys": ["acme", "none"]}])
    assert found[0]
    assert driven(LISTED, db.engine.dialect, ("keys",)) is None


def test_values_that_stand_in_a_statement_are_sent_with_those_of_the_row(app: Flask) -> None:
    make.make_startup("acme", language="en")
    make.make_startup("bolt", language="zh_Hans")
    assert [len(send(OF_ENGLISH, [{"sought": key}])) for key in ("acme", "bolt")] == [1, 0]


def test_instants_are_kept_as_the_session_keeps_them_and_naive_ones_refused(app: Flask) -> None:
    at = NOW.astimezone(UTC) + timedelta(microseconds=1)
    transaction(lambda: send(ADDED, [startup("acme", at)]))
    assert db.session.scalars(BY_KEY, {"sought": "acme"}).one().created_at == at
    with pytest.raises((ValueError, StatementError), match="needs a time zone"):
        transaction(lambda: send(ADDED, [startup("bolt", at.replace(tzinfo=None))]))
    assert set(names()) == {"acme"}


@pytest.mark.parametrize("rows", [1, 2])
def test_writes_that_go_together_are_one_statement_on_postgresql_where_each_is_of_one_row(
    app: Flask, rows: int
) -> None:
    keys = [f"startup-{number}" for number in range(rows)]
    writes: list[Write] = [
        (NOTED, [noted(f"startup:{key}") for key in keys]), (ADDED, []), (ADDED, [startup(key) for key in keys]),
    ]
    with sent_meanwhile() as sent:
        transaction(lambda: send_together(writes))
    assert len([one for one in sent if "INSERT" in one]) == (1 if is_postgresql() and rows == 1 else 2)
    assert set(names()) == set(keys)
    entries = db.session.scalars(select(TrailEntry).order_by(TrailEntry.id)).all()
    assert [(entry.subject, entry.at, entry.after) for entry in entries] == [
        (f"startup:{key}", NOW, {"name": "100 % Harbour"}) for key in keys
    ]


def test_of_writes_that_go_together_none_stays_when_one_is_refused(app: Flask) -> None:
    make.make_startup("acme")
    with pytest.raises(IntegrityError):
        transaction(lambda: send_together([(NOTED, [noted("startup:bolt")]), (ADDED, [startup("acme")])]))
    db.session.rollback()
    assert not db.session.scalars(select(TrailEntry.id).where(TrailEntry.subject == "startup:bolt")).all()


@pytest.mark.parametrize("keys", [["harbour"], ["harbour", "kite"]])
def test_rows_are_given_their_ids_and_join_no_session(app: Flask, keys: list[str]) -> None:
    rows = [transient(Startup, **startup(key)) for key in keys]

    transaction(lambda: insert_rows(rows, "key", besides=[(NOTED, [noted("startup:harbour")])]))

    assert {row.id: row.key for row in rows} == dict(db.session.execute(select(STARTUP.c.id, STARTUP.c.key)).all())
    assert db.session.scalar(select(TrailEntry.subject)) == "startup:harbour"
    assert not any(row in db.session for row in rows)


@pytest.mark.parametrize("keys", [["harbour"], ["harbour", "kite"]])
def test_rows_whose_key_somebody_has_get_no_id(app: Flask, keys: list[str]) -> None:
    rows = [transient(Startup, **startup(key)) for key in keys]
    transaction(lambda: insert_rows([transient(Startup, **startup(key)) for key in ("ox", "harbour")], "key"))

    transaction(lambda: insert_rows_absent(rows, "key"))

    assert [vars(row).get("id") is None for row in rows] == [key == "harbour" for key in keys]
    assert set(names()) == {"ox", "harbour", *keys}


def test_a_condition_of_the_call_narrows_what_a_kept_statement_finds(app: Flask) -> None:
    make.make_startup("acme")
    for where, found in ((None, 1), (true(), 1), (Startup.language == "zh_Hant", 0), (Startup.id.in_([0]), 0)):
        assert len(read_fresh(BY_KEY, {"sought": "acme"}, where)) == found


def test_rows_have_entities_and_columns_by_name_and_none_for_what_an_outer_join_did_not_find(app: Flask) -> None:
    startup_id = make.make_startup("acme", "Acme").id
    kept = (
        select(Startup, Startup.created_at.label("since"), Person).select_from(Startup)
        .outerjoin(Membership, Membership.startup_id == Startup.id)
        .outerjoin(Person, Person.id == Membership.person_id).where(Startup.key == bindparam("sought"))
    )
    for wide in (kept, kept.add_columns(*[literal(n).label(f"n{n}") for n in range(FEW)])):
        (row,) = read_fresh(wide, {"sought": "acme"})
        assert (row.Startup.id, row.since, row.Person) == (startup_id, row.Startup.created_at, None)
    assert read_fresh(kept.add_columns(literal(7), literal(8)), {"sought": "acme"})[0][3:] == (7, 8)
    member = make.make_member("acme")
    (row,) = read_fresh(kept, {"sought": "acme"})
    assert row.Person.email == member.email


def test_rows_among_ids_are_found_whether_the_ids_are_given_now_or_later(app: Flask) -> None:
    for key in ("acme", "bolt", "crane"):
        make.make_startup(key)
    acme, bolt, crane = db.session.scalars(select(Startup.id).order_by(Startup.key))

    def now(*ids: int) -> list[str]:
        return list(db.session.scalars(select(Startup.key).where(among(Startup.id, ids)).order_by(Startup.key)))

    def later(*ids: int) -> list[str]:
        how, value = given(ids)
        kept = select(Startup.key).where(among_given(STARTUP.c.id, "sought", how))
        return sorted(db.session.scalars(kept, {"sought": value}))

    for found in (now, later):
        assert found(crane, acme, crane) == ["acme", "crane"]
        assert found(bolt, 2**62) == ["bolt"]
        assert found(crane) == ["crane"]
        assert found() == []


def test_thousands_of_ids_are_one_value_on_postgresql(app: Flask) -> None:
    with sent_meanwhile() as sent:
        db.session.scalars(select(Startup.key).where(among(Startup.id, range(1, 3_001)))).all()

    (statement,) = sent
    if is_postgresql():
        assert "= ANY" in statement
        assert len(statement) < 200
    else:
        assert statement.count("?") == 3_000
