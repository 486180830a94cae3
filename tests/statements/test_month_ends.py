"""Month-ends: what was frozen stays, late usage makes another edition, and all sums are those of the postings."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from creditsvc.core.errors import Conflict, Forbidden, NotFound
from creditsvc.db import db, transaction
from creditsvc.grants.operations import return_to_pool
from creditsvc.ledger.models import Posting
from creditsvc.parties.access import operator
from creditsvc.parties.models import StartupProgramme
from creditsvc.statements.models import MonthEndReport
from creditsvc.statements.month_end import BECAME, MonthEnd, report_of
from creditsvc.statements.month_freezing import MonthPage, freeze_month, listed_months, month_page
from tests import factories
from tests.ledger.books import START, usd
from tests.usage.importing import assign
from tests.usage.scenes import OTHER, SCOPE, make_startups, spend

OPENS, ENDS = datetime(2026, 5, 31, 16, tzinfo=UTC), datetime(2026, 6, 30, 16, tzinfo=UTC)
"""June in Hong Kong."""


def july(day: int) -> datetime:
    return datetime(2026, 7, day, 4, tzinfo=UTC)


def make_member(programme_id: int, *startups: str) -> None:
    ids = [factories.startup_id(key) for key in startups]
    transaction(lambda: db.session.add_all(
        StartupProgramme(startup_id=one, programme_id=programme_id) for one in ids
    ))


def freeze(at: datetime, follows: int = 0) -> tuple[str, str]:
    """The text that is frozen, and its SHA-256."""
    def act() -> tuple[str, str]:
        row = freeze_month(operator(at), "tech", "2026-06", follows=follows)
        return row.document, row.sha256

    return transaction(act)


def page(at: datetime, edition: int | None = None) -> MonthPage:
    db.session.rollback()
    return month_page(operator(at), "tech", "2026-06", edition)


def posted(kind: str, after: datetime, until: datetime) -> int:
    """The sum of all postings of a kind, read past all that the report reads through."""
    found = select(func.sum(Posting.amount)).where(
        Posting.kind == kind, Posting.charge_at > after, Posting.charge_at <= until
    )
    return int(db.session.scalar(found) or 0)


CLOCK = {"now": july(1)}
"""What the book's clock says when it records."""


@pytest.fixture(autouse=True)
def clock_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock says what CLOCK does, on the first of July to begin with."""
    monkeypatch.setitem(CLOCK, "now", july(1))
    monkeypatch.setattr("creditsvc.clock.now", lambda: CLOCK["now"])


def spend_late(folder: Path) -> None:
    """On the third of July USD 3 more is known of the 29th of June."""
    CLOCK["now"] = july(3)
    spend(folder, {2: "10.5", 29: "3", 30: "5"}, at=july(3))


@pytest.fixture
def park(app: Flask, tmp_path: Path) -> None:
    """Two startups of a programme, of which one used more than its grant, and one of none; with usage of June."""
    make_startups("acme", "kite", "other")
    make_member(factories.make_programme("tech").id, "acme", "kite")
    assign(SCOPE, "acme", START, july(1))
    assign(OTHER, "kite", START, july(1))
    spend(tmp_path, {2: "10.5", 30: "5"}, at=july(1))
    spend(tmp_path, {3: "1200"}, OTHER, at=july(1))


@pytest.mark.usefixtures("park")
def test_a_frozen_month_stays_as_it_was_and_late_usage_makes_another_edition_that_differs_by_it_alone(tmp_path: Path):
    first, sha256 = freeze(july(2))
    spend_late(tmp_path)

    again = page(july(4))
    assert (again.text, again.is_intact, again.sha256) == (first, True, sha256)
    assert again.since is not None
    assert [(name, more) for name, _, more in again.since.usage] == [("Credit", usd("3"))]
    assert {(one.line.startup, one.end, one.word, one.today - one.frozen) for one in again.since.figures} == {
        ("acme", "closing", "drawn", usd("3")), ("acme", "closing", "remaining", -usd("3")),
    }

    preview = page(july(4), 0).report
    second, _ = freeze(july(5), follows=1)

    kept = report_of(second)
    assert replace(kept, edition=None, follows="", known_at=preview.known_at) == preview
    assert (kept.edition, kept.follows) == (2, sha256)
    assert page(july(6), 1).text == first
    assert page(july(6)).text == second


@pytest.mark.usefixtures("park")
def test_the_sums_are_those_of_the_postings():
    report = report_of(freeze(july(2))[0])
    (resource,), (pool,) = report.resources, report.pools

    assert resource.in_month("drawn") == posted("drawn", OPENS, ENDS) == usd("1015.5")
    assert resource.in_month("uncovered") == posted("uncovered", OPENS, ENDS) == usd("200")
    assert pool.closing["drawn"] == posted("drawn", START, ENDS)
    assert pool.committed == usd("1000000")
    assert [(line.startup, line.batch) for line in report.holdings] == [("acme", 2), ("kite", 2)]
    for line in report.lines:
        for figures in (line.opening, line.closing):
            assert figures["awarded"] == sum(figures[word] for word in BECAME)


@pytest.mark.usefixtures("park")
def test_what_was_frozen_can_be_read_again_from_the_two_instants_it_names(tmp_path: Path):
    frozen = report_of(freeze(july(2))[0])
    spend_late(tmp_path)

    again = month_page(operator(frozen.known_at), "tech", "2026-06", 0).report

    assert replace(again, edition=1) == frozen


@pytest.mark.usefixtures("park")
def test_a_month_is_frozen_once_when_it_is_over_and_again_only_for_something_new():
    running = page(datetime(2026, 6, 30, 15, tzinfo=UTC))
    assert (running.report.is_over, running.can_freeze) == (False, False)
    with pytest.raises(Conflict) as early:
        freeze(datetime(2026, 6, 30, 15, tzinfo=UTC))
    with pytest.raises(NotFound):
        page(datetime(2026, 5, 31, 15, tzinfo=UTC))

    freeze(july(2))
    with pytest.raises(Conflict) as twice:
        freeze(july(2))
    with pytest.raises(Conflict) as empty:
        freeze(july(3), follows=1)

    assert (early.value.code, twice.value.code, empty.value.code) == ("not-over", "edition-moved", "nothing-new")
    assert not page(july(3)).can_freeze
    ((_, months),) = listed_months(operator(july(3)))
    assert [(one.name, one.newest.edition if one.newest else 0) for one in months] == [("2026-07", 0), ("2026-06", 1)]


def june_of(startup: str, at: datetime) -> MonthEnd:
    """June of a new programme with that startup alone."""
    make_member(factories.make_programme("tech").id, startup)
    return page(at).report


def test_what_was_returned_is_told_and_awards_after_the_month_only_where_they_reach_back_into_it(app: Flask):
    startup, pool = factories.make_startup("acme").key, factories.make_pool("ms").key
    factories.make_grant(startup, pool, "100", key="early")
    factories.do(lambda: return_to_pool(operator(july(2)), "early", amount="40", reason="too much"))
    factories.make_grant(startup, pool, "7", effective=date(2026, 7, 3), now=july(3))
    factories.make_grant(startup, pool, "5", effective=date(2026, 6, 2), now=july(3))

    (line,) = june_of(startup, july(4)).holdings

    assert {word: line.closing[word] for word in ("awarded", "returned", "remaining", "not_yet")} == {
        "awarded": usd("105"), "returned": usd("40"), "remaining": usd("65"), "not_yet": 0,
    }


def test_a_startup_enrolled_after_the_month_is_not_in_it(app: Flask):
    cohort = factories.make_cohort(factories.make_programme("tech").key, starts=date(2026, 6, 1))
    for key, day in (("acme", date(2026, 6, 30)), ("kite", date(2026, 7, 1))):
        factories.make_startup(key)
        factories.make_grant(key)
        factories.do(lambda key=key, day=day: factories.programmes.enrol(
            operator(july(4)), startup=key, cohort=cohort.key, on=day
        ))

    assert [line.startup for line in page(july(4)).report.holdings] == ["acme"]


@pytest.mark.usefixtures("park")
def test_an_auditor_reads_and_a_manager_of_another_programme_does_not():
    freeze(july(2))
    limited = factories.manager_of(factories.make_programme("else").id)

    assert month_page(factories.auditor(), "tech", "2026-06").report.edition == 1
    with pytest.raises(Forbidden):
        freeze_month(factories.auditor(), "tech", "2026-06", follows=1)
    with pytest.raises(NotFound):
        month_page(limited, "tech", "2026-06")


@pytest.mark.usefixtures("park")
def test_a_text_that_was_changed_past_the_book_shows():
    freeze(july(2))

    def tamper() -> None:
        row = db.session.scalars(select(MonthEndReport)).one()
        row.document = row.document.replace("acme", "acne")

    transaction(tamper)

    assert not page(july(3)).is_intact
