"""Pools by cohort and month: the sums are those of the book, counted here from its postings and lots."""

from datetime import date
from pathlib import Path

from flask import Flask
from sqlalchemy import func, select

from creditsvc.db import db
from creditsvc.grants.operations import award_package
from creditsvc.ledger.models import LotFact, Pool, Posting
from creditsvc.parties.access import operator
from creditsvc.programmes.operations import LineTerms, enrol
from creditsvc.statements.pool_breakdown import breakdowns
from creditsvc.statements.reading import statement
from tests import factories
from tests.conftest import NOW
from tests.ledger.books import START
from tests.usage.importing import assign, import_path
from tests.usage.scenes import SCOPE, export, hours, make_startups


def test_months_and_cohorts_come_to_what_the_book_says(app: Flask, tmp_path: Path) -> None:
    make_startups("acme", "kite")
    assign(SCOPE, "acme", START, NOW)
    import_path(export(tmp_path, {2: "10.5", 9: "5"}), now=hours(1))

    (found,) = breakdowns(operator(hours(2)))
    drawn = db.session.scalar(
        select(func.sum(Posting.amount)).join(LotFact, LotFact.id == Posting.lot_id)
        .join(Pool, Pool.id == LotFact.pool_id).where(Pool.key == found.pool.key, Posting.kind == "drawn")
    )
    awarded = db.session.scalar(select(func.sum(LotFact.amount)))

    assert [cohort for cohort, _ in found.cohorts] == [None]
    (cohort,) = (part for _, part in found.cohorts)
    assert (cohort.awarded, cohort.drawn, len(cohort.startups)) == (awarded, drawn, 2)
    assert sum(part.awarded for _, part in found.months) == awarded == found.pool.committed
    assert sum(part.drawn for _, part in found.months) == drawn == 1_550_000_000
    assert dict(found.months)[date(2026, 6, 1)].drawn == drawn
    assert statement(operator(hours(2)), "acme").accounts[0].drawn == drawn


def test_a_partner_sees_its_own_pools_and_no_startup(app: Flask) -> None:
    mine, other = factories.make_partner("microsoft"), factories.make_partner("github")
    pool = factories.make_pool("ms-azure", partner=mine.key).key
    factories.make_pool("gh", partner=other.key)
    startup = factories.make_startup("acme").key
    factories.make_grant(startup, pool, "250")
    viewer = factories.make_person("p@park.example", "partner", partner_id=mine.id)

    assert [one.pool.key for one in breakdowns(factories.caller(viewer))] == ["ms-azure"]


def awarded_by_package(startup: str, cohort: str) -> None:
    by = {"startup": startup, "cohort": cohort}
    factories.do(lambda: enrol(factories.somebody(), **by, package="standard", status="active", on=date(2026, 3, 1)))
    factories.do(lambda: award_package(factories.somebody(), **by))


def test_a_manager_of_some_programmes_reads_no_cohort_of_another(app: Flask) -> None:
    mine, other = factories.make_programme("mine"), factories.make_programme("other")
    pool = factories.make_pool("ms-azure").key
    for programme in (mine, other):
        cohort = factories.make_cohort(programme.key, f"{programme.key}-2026").key
        factories.make_package(programme.key, [LineTerms("azure-credit", pool, "100", 12)])
        awarded_by_package(factories.make_startup().key, cohort)

    (all_of_them,), (some,) = (breakdowns(who) for who in (factories.somebody(), factories.manager_of(mine.id)))

    assert [cohort for cohort, _ in all_of_them.cohorts] == ["mine-2026", "other-2026"]
    assert [cohort for cohort, _ in some.cohorts] == ["mine-2026", ""]
    assert sum(part.awarded for _, part in some.cohorts) == sum(part.awarded for _, part in all_of_them.cohorts)
