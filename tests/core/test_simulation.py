"""`simulate`: every case of the vectors, and what a case that makes no sense is told."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from creditsvc.core.errors import RuleBroken
from creditsvc.core.simulation import simulate

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "vectors" / "burndown.json").read_text(encoding="utf-8"))
GRANT = {"id": "a", "amount": "100", "effective_at": "2026-03-01T00:00:00+08:00", "expires_at": "2027-03-01T00:00:00Z"}
USAGE = {"at": "2026-05-01", "amount": "130"}
CASE = {"id": "c", "unit": "USD", "grants": [GRANT], "usage": [USAGE], "as_of": "2026-05-03T00:00:00Z"}


def answer(case):
    return simulate({"cases": [case]})["results"][0]


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["id"])
def test_a_case_of_the_vectors_is_answered_exactly(case):
    expected = case["expected"]

    result = answer(case)

    assert result["id"] == case["id"]
    assert {grant: Decimal(amount) for grant, amount in result["balances"].items()} == {
        grant: Decimal(amount) for grant, amount in expected["balances"].items()
    }
    assert Decimal(result["uncovered"]) == Decimal(expected["uncovered"])
    assert Decimal(result["uncredited_refund"]) == Decimal(expected.get("uncredited_refund", "0"))


def test_the_vectors_are_all_there():
    assert len(VECTORS["cases"]) == 32


def test_amounts_are_plain_decimal_strings_without_trailing_zeros():
    result = answer(CASE | {"grants": [GRANT | {"amount": "130.50000001"}], "usage": [USAGE | {"amount": "130.50"}]})

    assert result["balances"] == {"a": "0.00000001"}
    assert result["uncovered"] == "0"


def test_draws_name_the_grant_and_nobody_for_what_is_uncovered():
    result = answer(CASE)

    assert result["draws"] == [
        {"at": "2026-05-01T00:00:00Z", "grant": "a", "amount": "100"},
        {"at": "2026-05-01T00:00:00Z", "grant": None, "amount": "30"},
    ]


def test_a_refund_is_a_negative_draw_on_its_own_day():
    result = answer(CASE | {"usage": [USAGE, {"at": "2026-05-02", "amount": "-40"}]})

    assert result["draws"][2:] == [
        {"at": "2026-05-02T00:00:00Z", "grant": None, "amount": "-30"},
        {"at": "2026-05-02T00:00:00Z", "grant": "a", "amount": "-10"},
    ]
    assert result["balances"] == {"a": "10"}


def test_hours_are_counted_in_minutes_and_shown_in_hours():
    result = answer(CASE | {"unit": "hour", "grants": [GRANT | {"amount": "2"}], "usage": [USAGE | {"amount": "0.5"}]})

    assert result["balances"] == {"a": "1.5"}


def test_usage_is_netted_per_instant_whatever_the_zone_it_is_written_in():
    usage = [{"at": "2026-05-01T08:00:00+08:00", "amount": "130"}, {"at": "2026-05-01", "amount": "-40"}]

    result = answer(CASE | {"usage": usage})

    assert result["draws"] == [{"at": "2026-05-01T00:00:00Z", "grant": "a", "amount": "90"}]


@pytest.mark.parametrize(
    "change, field, code",
    [
        ({"grants": [GRANT | {"amount": "-1"}]}, "grants[0].amount", "not-positive"),
        ({"grants": [GRANT | {"amount": "0"}]}, "grants[0].amount", "not-positive"),
        ({"grants": [GRANT | {"amount": "0.000000001"}]}, "grants[0].amount", "too-precise"),
        ({"grants": [GRANT | {"amount": "92233720368.54775808"}]}, "grants[0].amount", "too-large"),
        ({"grants": [GRANT | {"amount": "NaN"}]}, "grants[0].amount", "not-a-number"),
        ({"grants": [GRANT | {"amount": "much"}]}, "grants[0].amount", "not-a-number"),
        ({"grants": [GRANT | {"amount": 100}]}, "grants[0].amount", "wrong-type"),
        ({"grants": [GRANT | {"priority": "1"}]}, "grants[0].priority", "wrong-type"),
        ({"grants": [GRANT | {"priority": True}]}, "grants[0].priority", "wrong-type"),
        ({"grants": [GRANT | {"promotional": 1}]}, "grants[0].promotional", "wrong-type"),
        ({"grants": [GRANT | {"effective_at": "2026-03-01T00:00:00"}]}, "grants[0].effective_at", "naive-instant"),
        ({"grants": [GRANT | {"expires_at": "2026-02-30"}]}, "grants[0].expires_at", "not-a-day"),
        ({"grants": [GRANT | {"created_at": 5}]}, "grants[0].created_at", "wrong-type"),
        ({"grants": [GRANT, GRANT | {"amount": "5"}]}, "grants[1].id", "duplicate"),
        ({"grants": [{"id": "a"}]}, "grants[0].amount", "missing"),
        ({"grants": ["a"]}, "grants[0]", "wrong-type"),
        ({"grants": {}}, "grants", "wrong-type"),
        ({"usage": [USAGE | {"at": "yesterday"}]}, "usage[0].at", "not-a-day"),
        ({"usage": [USAGE | {"at": "2026-05-01 12:00"}]}, "usage[0].at", "not-a-day"),
        ({"usage": [USAGE | {"amount": None}]}, "usage[0].amount", "wrong-type"),
        ({"usage": [{"amount": "1"}]}, "usage[0].at", "missing"),
        ({"usage": [USAGE | {"amount": "90000000000"}] * 2}, "usage", "too-large"),
        ({"usage": None}, "usage", "wrong-type"),
        ({"unit": "usd"}, "unit", "unknown-unit"),
        ({"as_of": "2026-05-03T00:00:00"}, "as_of", "naive-instant"),
    ],
)
def test_a_case_that_makes_no_sense_is_answered_by_its_error(change, field, code):
    result = answer(CASE | change)

    assert result["id"] == "c"
    assert (result["error"]["field"], result["error"]["code"]) == (field, code)
    assert result["error"]["message"]
    assert "balances" not in result


def test_uncovered_amounts_of_several_days_that_do_not_fit_together_are_refused():
    usage = [{"at": f"2026-05-0{day}", "amount": "60000000000"} for day in (1, 2)]

    assert answer(CASE | {"usage": usage})["error"]["code"] == "too-large"


@pytest.mark.parametrize("key", ["id", "unit", "grants", "usage", "as_of"])
def test_a_missing_key_of_a_case_is_named(key):
    case = {name: value for name, value in CASE.items() if name != key}

    result = answer(case)

    assert result["error"]["field"] == key
    assert result["error"]["code"] == "missing"


def test_a_case_that_makes_no_sense_leaves_the_others_alone():
    results = simulate({"cases": [CASE | {"unit": "moons"}, CASE, 7]})["results"]

    assert ["error" in result for result in results] == [True, False, True]
    assert results[2]["id"] is None


@pytest.mark.parametrize("document", [[], {}, {"cases": {}}, None, "cases"])
def test_a_document_without_cases_is_refused(document):
    with pytest.raises(RuleBroken):
        simulate(document)
