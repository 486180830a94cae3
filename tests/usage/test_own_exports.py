"""What a startup's own people upload: of their own scopes alone, held until a manager says yes (U12)."""

import io
from datetime import timedelta
from pathlib import Path

import pytest

from creditsvc.core.errors import Conflict, FileRefused, Forbidden, NotFound, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.usage.files import pack
from creditsvc.usage.models import ImportRun
from creditsvc.usage.operations import apply_run, confirm_run, read_kept
from creditsvc.usage.own import hold_offer, offer_export, offers_of, read_offer, refuse_offer, withdraw_offer
from creditsvc.usage.scopes import assign_scope
from tests import factories
from tests.factories import somebody
from tests.ledger.books import START
from tests.usage.exports import write_focus
from tests.usage.importing import assign
from tests.usage.scenes import NOW, OTHER, SCOPE, drawn, hours, june, make_startups, rows_of, spend

LATER = hours(1)


@pytest.fixture
def founder(app):
    make_startups("acme", "lotus")
    assign(SCOPE, "acme", START, NOW)
    assign(OTHER, "lotus", START, NOW)
    return factories.caller(factories.make_member("acme"), LATER)


@pytest.fixture
def manager(app):
    return factories.caller(factories.make_person(role="manager"), LATER)


def offer(caller, folder: Path, rows) -> int:
    content = write_focus(folder / "own.csv", rows).read_bytes()
    return transaction(lambda: offer_export(caller, "acme", "own.csv", [pack("own.csv", io.BytesIO(content))]).id)


def held(caller, folder: Path, rows) -> int:
    run_id = offer(caller, folder, rows)
    prepared = read_offer(caller, run_id)
    transaction(lambda: hold_offer(caller, run_id, prepared))
    return run_id


def test_an_own_export_posts_nothing_before_a_manager_says_yes(founder, manager, tmp_path: Path):
    run_id = held(founder, tmp_path, rows_of({1: "5", 2: "6"}))

    assert (drawn(), [one.status for one in offers_of(founder, "acme")]) == ("0", ["held"])
    with pytest.raises(Conflict, match="say yes to what was checked"):
        transaction(lambda: apply_run(manager, read_kept(run_id), run_id=run_id, confirm=True))
    with pytest.raises(Forbidden):
        transaction(lambda: confirm_run(founder, run_id))
    transaction(lambda: confirm_run(manager, run_id))

    assert (drawn(), [one.status for one in offers_of(founder, "acme")]) == ("11", ["applied"])


@pytest.mark.parametrize("scope", [OTHER, "0f0f0f0f-1111-4222-8333-444444444444"])
def test_a_row_of_anothers_scope_is_refused_by_its_line_as_one_of_nobodys_is(founder, tmp_path: Path, scope: str):
    run_id = offer(founder, tmp_path, [*rows_of({1: "5", 2: "6"}), *rows_of({2: "7"}, scope)])

    with pytest.raises(FileRefused) as refusal:
        read_offer(founder, run_id)
    transaction(lambda: refuse_offer(founder, run_id, refusal.value))

    [error] = refusal.value.errors
    assert (error.line, error.value) == (4, scope)
    assert error.message.startswith("is no billing scope of yours on this charge day")
    [told] = offers_of(founder, "acme")
    assert (told.status, told.errors[0]["line"], "lotus" in str(told)) == ("refused", 4, False)


def test_a_row_that_does_not_count_is_refused_all_the_same(founder, tmp_path: Path):
    run_id = offer(founder, tmp_path, rows_of({1: "5"}) + rows_of({2: "-7"}, OTHER, ChargeCategory="Credit"))

    with pytest.raises(FileRefused):
        read_offer(founder, run_id)


def test_days_before_the_scope_was_theirs_are_refused_so_that_nothing_of_them_is_taken_away(founder, tmp_path: Path):
    spend(tmp_path, {1: "5", 2: "6", 3: "7"})
    transaction(lambda: assign_scope(
        somebody(NOW), provider="azure", external_id=SCOPE, startup="lotus", starts=june(3), hand_over=True
    ))
    theirs = factories.caller(factories.make_member("lotus"), LATER)

    def read(rows) -> None:
        content = write_focus(tmp_path / "own.csv", rows).read_bytes()
        run_id = transaction(
            lambda: offer_export(theirs, "lotus", "own.csv", [pack("own.csv", io.BytesIO(content))]).id
        )
        try:
            read_offer(theirs, run_id)
        finally:
            transaction(lambda: withdraw_offer(theirs, run_id))

    with pytest.raises(FileRefused, match="line 2"):
        read(rows_of({2: "1", 4: "2"}))
    with pytest.raises(FileRefused, match="is not yours on every day from 2026-06-02"):
        read(rows_of({4: "2"}) + rows_of({2: "1"}, OTHER))
    read(rows_of({4: "2"}))


def test_a_scope_that_was_handed_over_while_it_waited_is_not_posted(founder, manager, tmp_path: Path):
    run_id = held(founder, tmp_path, rows_of({1: "5", 2: "6"}))
    transaction(lambda: assign_scope(
        somebody(NOW), provider="azure", external_id=SCOPE, startup="lotus", starts=june(2), hand_over=True
    ))

    with pytest.raises(Conflict, match="handed over since"):
        transaction(lambda: confirm_run(manager, run_id))

    assert (drawn(), drawn("lotus")) == ("0", "0")


def test_one_upload_waits_at_a_time_and_may_be_withdrawn(founder, tmp_path: Path):
    first = held(founder, tmp_path, rows_of({1: "5"}))

    with pytest.raises(Conflict, match="waits for a manager already"):
        offer(founder, tmp_path, rows_of({1: "6"}))
    transaction(lambda: withdraw_offer(founder, first))

    assert held(founder, tmp_path, rows_of({1: "6"})) != first


def test_who_may_not_upload_or_hear_of_it(founder, manager, tmp_path: Path):
    run_id = held(founder, tmp_path, rows_of({1: "5"}))
    stranger = factories.caller(factories.make_member("lotus"), LATER)

    with pytest.raises(NotFound):
        offer(stranger, tmp_path, rows_of({1: "5"}))
    with pytest.raises(NotFound):
        transaction(lambda: withdraw_offer(stranger, run_id))
    with pytest.raises(NotFound):
        offers_of(stranger, "acme")
    with pytest.raises(Forbidden):
        offer(manager, tmp_path, rows_of({1: "5"}))


def test_a_startup_without_a_scope_is_told_what_to_do_first(app, tmp_path: Path):
    factories.make_startup("acme")
    founder = factories.caller(factories.make_member("acme"))

    with pytest.raises(RuleBroken, match="tell the incubator's team"):
        offer(founder, tmp_path, rows_of({1: "5"}))


def test_an_own_export_never_decides_over_one_that_came_later(founder, manager, tmp_path: Path):
    run_id = held(founder, tmp_path, rows_of({1: "5"}))
    spend(tmp_path, {1: "8"}, at=LATER + timedelta(hours=1))

    transaction(lambda: confirm_run(manager, run_id))

    assert drawn() == "8"
    assert db.session.get_one(ImportRun, run_id).status == "stale"
