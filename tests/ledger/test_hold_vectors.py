"""Holds by the cases of another engine (L14): reserve, confirm a part or all, release, once."""

import json
from typing import Any

import pytest
from flask import Flask

from creditsvc.core.errors import RuleBroken
from creditsvc.ledger.verify import verify
from tests.conftest import ROOT
from tests.ledger.holdings import JUNE, award, correct, end, hold, holding, make_park, use

CASES: list[dict[str, Any]] = json.loads(
    (ROOT / "tests" / "data" / "vectors" / "holds.json").read_text(encoding="utf-8")
)["cases"]
CODES = {"already_voided": "already-released", "exceeds_pending": "exceeds-hold", "exceeds_credits": "not-available"}


def take(step: dict[str, str]) -> None:
    """One step of a case; its hold is for the session of that name."""
    if step["op"] == "pending":
        hold(f"{step['id']}:0", int(step["amount"]), JUNE)
    elif step["op"] == "post":
        end(f"{step['hold']}:0", "confirmed", int(step["amount"]), use(step["hold"], int(step["amount"]), JUNE))
    else:
        end(f"{step['hold']}:0", "released")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_holds_end_as_in_the_cases(app: Flask, case: dict[str, Any]) -> None:
    start, expected = case["start"], case["expected"]
    make_park()
    award("hours", "lot", int(start.get("credits", 10_000)))
    if int(start["posted"]):
        correct(use("before", int(start["posted"]), JUNE, "excess"))

    refusals = []
    for number, step in enumerate(case["steps"]):
        try:
            take(step)
        except RuleBroken as refusal:
            refusals.append((number, refusal.code))

    wanted = [(expected["error_at"], CODES[expected["error"]])] if "error" in expected else []
    view = holding("hours")
    assert refusals == wanted
    assert (view.held, view.drawn) == (int(expected["pending"]), int(expected["posted"]))
    assert verify()["differences"] == []
