"""Awards and extensions of many startups at once: what was shown is what happens, to all of them or to none."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from creditsvc.core.amounts import MONEY_STEPS
from creditsvc.core.errors import Conflict, Forbidden, RuleBroken
from creditsvc.db import db, transaction
from creditsvc.grants.bulk import AwardTerms, award_all, award_packages, plan_awards, plan_packages
from creditsvc.grants.bulk_extending import extend_all, plan_extensions
from creditsvc.grants.models import Grant
from creditsvc.grants.proposals import set_award_limit
from creditsvc.ledger.models import Batch, Pool
from creditsvc.ledger.verify import verify
from creditsvc.parties.models import Startup, TrailEntry
from creditsvc.programmes import operations as programmes
from creditsvc.programmes.operations import LineTerms
from tests import factories
from tests.counting import queries
from tests.factories import NOW, do, somebody

TERMS = AwardTerms("ms", "1000", date(2026, 6, 15), date(2027, 6, 14), "summer")
KEYS = ("a", "b", "c")


@pytest.fixture
def park(app: Flask) -> None:
    factories.make_pool("ms", "3500")
    for key in KEYS:
        factories.make_startup(key, key.upper())


def chosen(*keys: str) -> list[Startup]:
    return list(db.session.scalars(select(Startup).where(Startup.key.in_(keys or KEYS)).order_by(Startup.key)))


def everybody() -> list[Startup]:
    return list(db.session.scalars(select(Startup)))


def counted() -> tuple[int, int, int]:
    """Grants, batches, and what the pool has committed."""
    committed = db.session.execute(select(Pool.committed).where(Pool.key == "ms")).scalar_one()
    grants, batches = (db.session.execute(select(func.count(model.id))).scalar_one() for model in (Grant, Batch))
    return grants, batches, committed // MONEY_STEPS


def seen_award(terms: AwardTerms = TERMS) -> dict[str, str]:
    return do(lambda: plan_awards(somebody(), chosen(), terms).seals)


def test_every_row_says_what_the_pool_has_left_and_all_of_it_is_done_in_one_act(park: None):
    plan = do(lambda: plan_awards(somebody(), chosen(), TERMS))

    done = do(lambda: award_all(somebody(), chosen(), TERMS, plan.seals))

    assert [row.lines[0].left for row in plan.rows] == [left * MONEY_STEPS for left in (2500, 1500, 500)]
    assert (done.count, counted()) == (3, (3, 3, 3000))
    assert [factories.account_of(key).remaining for key in KEYS] == [1000 * MONEY_STEPS] * 3
    assert len(set(db.session.scalars(select(TrailEntry.subject).where(TrailEntry.action == "grant.awarded")))) == 3
    assert verify()["differences"] == []


def test_a_pool_that_has_too_little_for_all_gives_to_nobody(park: None):
    terms = replace(TERMS, amount="1200")
    plan = do(lambda: plan_awards(somebody(), chosen(), terms))

    with pytest.raises(RuleBroken, match="has 3500 USD left, not 3600"):
        do(lambda: award_all(somebody(), chosen(), terms, plan.seals))

    assert plan.refusal is not None
    assert counted() == (0, 0, 0)


def test_what_changed_since_the_preview_is_told_and_nothing_is_done(park: None):
    seen = seen_award()
    factories.make_grant("b", "ms", "100")

    with pytest.raises(Conflict, match="changed since the preview"):
        do(lambda: award_all(somebody(), chosen(), TERMS, seen))
    with pytest.raises(Conflict, match="changed since the preview"):
        do(lambda: award_all(somebody(), chosen("a", "b"), TERMS, seen_award()))

    assert counted() == (1, 1, 100)


def test_a_fault_in_the_middle_leaves_nothing_behind(park: None, monkeypatch: pytest.MonkeyPatch):
    seen = seen_award()

    def fail(*args: object) -> None:
        raise RuntimeError("the machine stops here")

    monkeypatch.setattr("creditsvc.grants.awards._write_papers", fail)
    with pytest.raises(RuntimeError):
        transaction(lambda: award_all(somebody(), chosen(), TERMS, seen))

    assert counted() == (0, 0, 0)


def test_an_award_above_the_pools_limit_is_left_for_a_second_person(park: None):
    do(lambda: set_award_limit(somebody(), "ms", "999"))

    plan = do(lambda: plan_awards(somebody(), chosen(), TERMS))

    assert [row.why_not.code for row in plan.rows if row.why_not] == ["needs-second-person"] * 3
    with pytest.raises(Conflict, match="nothing to do"):
        do(lambda: award_all(somebody(), chosen(), TERMS, plan.seals))


@pytest.mark.parametrize(("terms", "field"), [
    (replace(TERMS, pool="none"), "pool"), (replace(TERMS, amount="0"), "amount"),
    (replace(TERMS, effective=date(2029, 1, 1)), "effective"), (replace(TERMS, expires=date(2026, 1, 1)), "expires"),
])
def test_what_is_no_award_is_refused_at_its_field(park: None, terms: AwardTerms, field: str):
    with pytest.raises(RuleBroken) as refusal:
        do(lambda: plan_awards(somebody(), chosen(), terms))

    assert refusal.value.field == field


def test_packages_go_to_those_who_can_have_theirs_and_the_others_say_why_not(park: None):
    programme = factories.make_programme("tech").key
    factories.make_package(programme, [LineTerms("azure-credit", "ms", "800", 12)])
    factories.make_cohort(programme, "spring")
    for key, status in (("a", "active"), ("b", "applied")):
        do(lambda key=key, status=status: programmes.enrol(
            somebody(), startup=key, cohort="spring", package="standard", status=status, on=date(2026, 3, 1)))
    plan = do(lambda: plan_packages(somebody(), chosen(), "spring"))

    do(lambda: award_packages(somebody(), chosen(), "spring", plan.seals))
    after = do(lambda: plan_packages(somebody(), chosen(), "spring"))

    assert [row.why_not and row.why_not.code for row in plan.rows] == [None, "not-active", "not-enrolled"]
    assert counted() == (1, 1, 800)
    assert [row.why_not and row.why_not.code for row in after.rows] == ["awarded", "not-active", "not-enrolled"]


def test_extending_gives_each_grant_the_later_end_and_says_why_it_cannot(park: None):
    factories.make_grant("a", "ms", "500", expires=date(2026, 8, 31), key="short")
    factories.make_grant("a", "ms", "500", expires=date(2027, 8, 31), key="long")
    factories.make_grant("b", "ms", "500", expires=None, key="endless")
    last = date(2026, 12, 31)
    plan = do(lambda: plan_extensions(somebody(), chosen(), "azure-credit", last))

    do(lambda: extend_all(somebody(), chosen(), "azure-credit", last, "they asked", plan.seals))
    again = do(lambda: plan_extensions(somebody(), chosen(), "azure-credit", last))

    assert [[line.what for line in row.lines] for row in plan.rows] == [["short"], [], []]
    assert [row.why_not and row.why_not.code for row in plan.rows] == [None, "without-end", "nothing-usable"]
    ends = {lot.key: lot.expires for lot in factories.account_of("a").lots}
    assert ends["short"] == plan.rows[0].lines[0].ends
    assert (ends["long"] - ends["short"]) > timedelta(days=200) if ends["long"] and ends["short"] else False
    assert again.count == 0
    with pytest.raises(Conflict, match="changed since"):
        do(lambda: extend_all(somebody(), chosen(), "azure-credit", last, "", plan.seals))
    assert verify()["differences"] == []


def test_many_cost_no_more_questions_than_few_and_an_auditor_does_nothing(park: None):

    factories.make_pool("big", "900000")
    terms = replace(TERMS, pool="big")
    few = queries(lambda: plan_awards(somebody(), everybody(), terms))
    for _ in range(20):
        factories.make_startup()
    auditor = factories.caller(factories.make_person("au@park.example", "auditor"), NOW)

    assert queries(lambda: plan_awards(somebody(), everybody(), terms)) == few
    with pytest.raises(Forbidden):
        do(lambda: award_all(auditor, chosen(), TERMS, {}))
