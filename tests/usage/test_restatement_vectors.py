"""Month-to-date files that repeat, rise, fall, vanish, arrive late or out of order (U4), imported from files."""

import json
from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from creditsvc.core.amounts import to_decimal, unit_named
from creditsvc.db import db
from creditsvc.ledger.models import UsageFact
from creditsvc.ledger.reading import balances
from creditsvc.ledger.verify import verify
from creditsvc.usage.models import ImportRun
from tests.conftest import ROOT
from tests.ledger.books import START, award, make_book
from tests.usage.exports import focus_row, write_with_manifest
from tests.usage.importing import assign, import_path

CASES = json.loads((ROOT / "tests/data/vectors/restatement.json").read_text())["cases"]
USD = unit_named("USD")


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def import_case(case: dict[str, Any], folder: Path) -> dict[int, str]:
    """Imports the files in their order of arrival; the case's name of each run by id."""
    runs: dict[int, str] = {}
    for file in case["files"]:
        rows = [
            focus_row(day, file["scope"], line["cost"], ProviderName="AWS", ServiceName=line["key"])
            for day, lines in file["days"].items()
            for line in lines
        ]
        submitted = instant(file.get("submitted_at", file["received_at"]))
        export = write_with_manifest(folder / file["run_id"], rows, submitted, *file["cover"])
        report = import_path(export, instant(file["received_at"]))
        runs[report["id"]] = file["run_id"]
    return runs


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_files_of_a_case_give_its_postings_and_balances(app: Flask, tmp_path: Path, case: dict[str, Any]) -> None:
    make_book(provider="aws")
    for grant in case["grants"]:
        award(grant["id"], grant["amount"], instant(grant["effective_at"]), instant(grant["expires_at"]),
              priority=grant["priority"])
    assign(case["files"][0]["scope"], "acme", START, START, provider="aws")

    runs = import_case(case, tmp_path)

    expected = case["expected"]
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for fact in db.session.scalars(select(UsageFact)):
        sums[fact.day.isoformat(), runs[fact.run_id]] += to_decimal(fact.amount, USD)
    assert dict(sums) == {(day, run): Decimal(amount) for day, amount, run in expected["postings"]}
    (account,) = balances(instant(case["as_of"]))
    remaining = {lot.key: to_decimal(lot.standing.remaining, USD) for lot in account.lots}
    assert remaining == {key: Decimal(amount) for key, amount in expected["balances"].items()}
    assert to_decimal(account.uncovered, USD) == Decimal(expected["overage"])
    expired = {lot.key: to_decimal(lot.standing.expired, USD) for lot in account.lots}
    assert {key: expired[key] for key in expected.get("expired", {})} == {
        key: Decimal(amount) for key, amount in expected.get("expired", {}).items()
    }
    stale = [runs[run.id] for run in db.session.scalars(select(ImportRun)) if run.status == "stale"]
    assert stale == expected.get("ignored", [])
    after_close = [runs[run.id] for run in db.session.scalars(select(ImportRun)) if run.report["after_close"]]
    assert after_close == expected.get("after_close", [])
    assert verify()["differences"] == []


def test_there_are_cases_to_try() -> None:
    assert len(CASES) == 7
