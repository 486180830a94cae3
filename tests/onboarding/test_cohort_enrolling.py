"""A cohort enrolled from a table: all rows or none, each refusal at its row and column, the pool asked for all."""

import io
import threading
from datetime import date

import openpyxl
import pytest
from sqlalchemy import func, select

from creditsvc.core.errors import FileRefused, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.grants.models import Grant, Proposal
from creditsvc.grants.proposals import set_award_limit
from creditsvc.ledger.verify import verify
from creditsvc.onboarding.cohort_enrolling import RowsRefused, enrol_cohort
from creditsvc.onboarding.cohort_tables import as_text, made_up_key, read_table
from creditsvc.parties.models import Invitation, Startup
from creditsvc.programmes.models import Enrolment
from creditsvc.programmes.packages import LineTerms
from tests import factories as make
from tests.counting import queries

HEAD = "startup\tkey\towner\tstate\tstarts\tpackage\n"


@pytest.fixture
def park(app):
    make.make_pool("ms-azure", "100000")
    make.make_programme("techconnect")
    make.make_cohort("techconnect", "tc")
    make.make_package("techconnect", [LineTerms("azure-credit", "ms-azure", "1000", 12)])
    return app


def rows_of(text):
    return read_table("table", (HEAD + text).encode())


def enrol(text, caller=None):
    return transaction(lambda: enrol_cohort(caller or make.somebody(), cohort="tc", rows=rows_of(text)))


def refused(text):
    with pytest.raises(RowsRefused) as refusal:
        enrol(text)
    return [(one.row.line, fault.field, fault.code) for one in refusal.value.planned for fault in one.refusals]


def counts():
    return tuple(int(db.session.scalar(select(func.count()).select_from(model)) or 0)
                 for model in (Startup, Enrolment, Grant, Invitation))


def many(number):
    return "".join(f"Startup {at}\t\towner{at}@startup.example\tactive\t\tstandard\n" for at in range(number))


def test_a_row_makes_startup_enrolment_award_and_the_invitation_of_its_owner(park):
    enrol("Harbour Robotics\t\tAda@harbour.example\tactive\t2026-03-02\tstandard\n"
          "Lotus\tlotus-ai\tbo@lotus.example\tapplied\t\t-\n")

    startups = [tuple(row) for row in db.session.execute(select(Startup.key, Startup.name).order_by(Startup.key))]
    states = {tuple(row) for row in db.session.execute(select(Enrolment.status, Enrolment.enrolled_on))}
    assert startups == [("harbour-robotics", "Harbour Robotics"), ("lotus-ai", "Lotus")]
    assert states == {("active", date(2026, 3, 2)), ("applied", date(2026, 3, 1))}
    assert list(db.session.scalars(select(Grant.key))) == ["harbour-robotics-azure-credit-1"]
    assert {tuple(row) for row in db.session.execute(select(Invitation.email, Invitation.role))} == {
        ("ada@harbour.example", "owner"), ("bo@lotus.example", "owner")}
    assert verify()["differences"] == []


@pytest.mark.parametrize("row, field, code", [
    ("\t\ta@b.example\t\t\t", "startup", "missing"),
    ("蓮花\t\ta@b.example\t\t\t", "key", "missing"),
    ("Lotus\tNot A Key\ta@b.example\t\t\t", "key", "not-a-key"),
    ("Lotus\t\t\t\t\t", "owner", "missing"),
    ("Lotus\t\tnowhere\t\t\t", "owner", "not-an-address"),
    ("Lotus\t\ta@b.example\tgone\t\t", "state", "unknown-status"),
    ("Lotus\t\ta@b.example\t\t1/3/2026\t", "starts", "not-a-day"),
    ("Lotus\t\ta@b.example\t\t\tgold", "package", "unknown-package"),
    ("Lotus\t\ta@b.example\t\t2031-01-01\tstandard", "starts", "outside-pool"),
    ("First\t\ta@b.example\t\t\t", "key", "twice"),
])
def test_a_wrong_row_is_named_with_its_column_and_nobody_is_enrolled(park, row, field, code):
    faults = refused("First\t\tfirst@startup.example\t\t\tstandard\n" + row)

    assert faults == [(3, field, code)]
    assert counts() == (0, 0, 0, 0)


def test_a_pool_that_cannot_give_to_all_gives_to_none_and_names_the_row(park):
    faults = refused(many(101))

    assert faults == [(102, "package", "pool-exceeded")]
    assert counts() == (0, 0, 0, 0)


def test_the_same_table_again_does_nothing_more(park):
    enrol(many(2))
    enrol(many(3))

    assert counts() == (3, 3, 3, 3)


def test_who_is_in_the_cohort_otherwise_is_told_at_the_row(park):
    enrol("Lotus\t\ta@b.example\tapplied\t\t\n")

    assert refused("Lotus\tlotus\t\tactive\t\tstandard\n") == [(2, "startup", "enrolled-otherwise")]


def test_a_package_above_the_limit_of_a_pool_is_proposed_and_the_startup_enrolled(park):
    transaction(lambda: set_award_limit(make.somebody(), "ms-azure", "999"))

    done = enrol(many(2))

    assert [one.proposes for one in done.planned] == [True, True]
    assert (counts()[:3], db.session.scalar(select(func.count()).select_from(Proposal))) == ((2, 2, 0), 2)


def test_many_rows_are_written_in_sets(park):
    few = queries(lambda: enrol(many(5)))

    more = queries(lambda: enrol(many(85)))

    assert more - few <= 75 * 8  # a row's invitation, and the free key of its grant; the rest does not grow
    assert counts() == (85, 85, 85, 85)


def test_a_manager_of_some_programmes_learns_nothing_of_a_startup_that_they_may_not_see(park):
    make.make_startup("lotus", "Lotus")
    programme = db.session.scalar(select(Enrolment.id)) or 0
    caller = make.manager_of(programme or 1)

    with pytest.raises(RowsRefused) as refusal:
        enrol("Lotus\t\ta@b.example\t\t\t\n", caller)

    assert [fault.code for fault in refusal.value.planned[0].refusals] == ["key-taken"]


def test_a_table_is_read_from_csv_tsv_and_xlsx_with_the_lines_they_had(park):
    book = openpyxl.Workbook()
    for cells in (["Startup Name", "Email", "Package", "other"], [], ["Lotus", "a@b.example", "standard", "x"]):
        book.active.append(cells)
    packed = io.BytesIO()
    book.save(packed)

    tables = [read_table("t", data) for data in (
        packed.getvalue(), b"Startup Name,Email,Package,other\n\nLotus,a@b.example,standard,x\n",
        b"startup name;email;package\n\nLotus;a@b.example;standard\n")]

    assert [[(row.line, row.cells) for row in table] for table in tables] == [
        [(3, {"startup": "Lotus", "owner": "a@b.example", "package": "standard"})]] * 3
    assert read_table("t", as_text(tables[0]).encode()) == tables[0]


@pytest.mark.parametrize("data, words", [
    (b"", "no row"), (b"Lotus\ta@b.example\n", "no header"), (b"startup\tstartup\nA\tB\n", "no header"),
    (b"startup\n" + b"A\n" * 501, "one row too many"), (b"\xff\xfe\x00", "neither"),
])
def test_what_is_no_table_is_refused_by_line(park, data, words):
    with pytest.raises(FileRefused, match=words):
        read_table("t", data)


def test_a_key_is_made_of_a_name():
    assert made_up_key("Harbour Robotics (HK) Ltd.") == "harbour-robotics-hk-ltd"
    assert made_up_key("Café Ünïcode") == "cafe-unicode"
    assert made_up_key("蓮花") == ""


def test_two_who_enrol_the_same_table_at_once_enrol_it_once(park):
    rows, outcomes, barrier = rows_of(many(20)), [], threading.Barrier(2)
    db.session.rollback()

    def run():
        with park.app_context():
            db.session.execute(select(1))
            barrier.wait(timeout=60)
            try:
                transaction(lambda: enrol_cohort(make.somebody(), cohort="tc", rows=rows))
                outcomes.append("enrolled")
            except RuleBroken as refusal:
                outcomes.append(refusal.code)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)

    assert set(outcomes) <= {"enrolled", "changed-meanwhile"}
    assert "enrolled" in outcomes
    assert counts() == (20, 20, 20, 20)
