"""The provider's own figure stands beside ours, with the gap; neither is adjusted to the other (U11)."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from creditsvc.core.errors import Forbidden, NotFound, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.ledger.reading import balances
from creditsvc.parties.access import Caller, operator
from creditsvc.parties.models import TrailEntry
from creditsvc.statements.reported import Reported, report_balance, reported_of
from tests import factories
from tests.conftest import NOW
from tests.usage.exports import focus_row, write_focus
from tests.usage.importing import assign, import_path

USD = 10**8
SCOPE = "64e355d7-997c-491d-b0c1-8414dccfcf42"


@pytest.fixture
def park(app: Flask, tmp_path: Path) -> Flask:
    """A startup with 1,000 granted and 10 used on each of the first 10 days of June."""
    factories.make_startup("harbour")
    factories.make_startup("other")
    factories.make_grant("harbour", amount="1000")
    assign(SCOPE, "harbour", NOW - timedelta(days=90), NOW)
    rows = [focus_row(date(2026, 6, day), SCOPE, "10") for day in range(1, 11)]
    import_path(write_focus(tmp_path / "june.csv", rows), NOW)
    return app


def report(amount: str, caller: Caller | None = None, startup: str = "harbour", **more: object) -> Reported:
    return transaction(lambda: report_balance(caller or operator(NOW), startup=startup, amount=amount, **more))


def test_a_figure_stands_beside_our_estimate_of_the_same_instant(park: Flask):
    report("870", seen_at=NOW)
    report("960", seen_at=NOW - timedelta(days=10))  # 5 June, 04:00Z: five days are drawn

    found = reported_of(operator(NOW), "harbour")

    assert [(one.amount // USD, one.estimate // USD, one.gap // USD) for one in found] == [(870, 900, -30),
                                                                                          (960, 950, 10)]


def test_the_history_goes_on_from_any_figure_whatever_the_credit(park: Flask):
    seen = [NOW - timedelta(days=back) for back in (3, 1, 2, 1)]
    for number, at in enumerate(seen):
        report(str(900 + number), seen_at=at)
    told = reported_of(operator(NOW), "harbour")

    pages = [reported_of(operator(NOW), "harbour", before=last, limit=2) for last in (None, told[1].id, told[3].id)]

    assert [one.amount // USD for one in told] == [903, 901, 902, 900]  # of two of one instant the one entered last
    assert [one.id for page in pages for one in page] == [one.id for one in told]
    assert [len(page) for page in pages] == [2, 2, 0]


def test_a_figure_of_another_startup_is_none_to_go_on_from(park: Flask):
    factories.make_grant("other", amount="1000", key="others")
    theirs = report("1", startup="other")

    for figure in (theirs.id, theirs.id + 1):
        with pytest.raises(RuleBroken) as refusal:
            reported_of(operator(NOW), "harbour", before=figure)
        assert (refusal.value.field, refusal.value.code) == ("after", "unknown-figure")


def test_a_figure_changes_no_balance(park: Flask):
    before = balances(NOW)

    report("1")

    assert balances(NOW) == before


def test_data_that_comes_later_changes_the_estimate_and_keeps_the_figure(park: Flask, tmp_path: Path):
    report("870", seen_at=NOW)
    later = NOW + timedelta(days=1)
    rows = [focus_row(date(2026, 6, day), SCOPE, "13") for day in range(1, 11)]
    import_path(write_focus(tmp_path / "restated.csv", rows), later)

    (found,) = reported_of(operator(later), "harbour")

    assert (found.amount // USD, found.estimate // USD, found.gap) == (870, 870, 0)


@pytest.mark.parametrize(
    "amount, more, field, code",
    [
        ("-1", {}, "amount", "negative"),
        ("much", {}, "amount", "not-a-number"),
        ("1", {"seen_at": NOW + timedelta(hours=1)}, "seen_at", "in-future"),
        ("1", {"resource": "aws-credit"}, "resource", "unknown-resource"),
        ("1", {"startup": "other"}, "resource", "no-credit"),
    ],
)
def test_what_cannot_be_a_figure_is_refused_and_nothing_is_kept(
    park: Flask, amount: str, more: dict, field: str, code: str
):
    with pytest.raises(RuleBroken) as refusal:
        report(amount, **more)

    assert (refusal.value.field, refusal.value.code) == (field, code)
    assert reported_of(operator(NOW), "harbour") == []


def test_a_startups_own_people_may_enter_one_and_nobody_elses(park: Flask):
    ours = factories.caller(factories.make_member("harbour", "o@harbour.example"))
    theirs = factories.caller(factories.make_member("other", "o@other.example"))
    auditor = factories.caller(factories.make_person("u@park.example", "auditor"))

    assert report("900", ours).actor == "o@harbour.example"
    with pytest.raises(NotFound):
        report("900", theirs)
    with pytest.raises(NotFound):
        reported_of(theirs, "harbour")
    with pytest.raises(Forbidden):
        report("900", auditor)


def test_who_entered_it_is_in_the_trail(park: Flask):
    report("870.5")

    entry = db.session.scalars(select(TrailEntry).where(TrailEntry.action == "balance.reported")).one()

    assert entry.subject == "startup:harbour"
    assert entry.after["amount"] == "870.5"
