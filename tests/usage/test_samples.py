"""Real exports of other people give the totals that were computed apart from the product, and nothing twice."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from creditsvc.core.amounts import to_decimal, unit_named
from creditsvc.core.errors import FileRefused
from creditsvc.db import db
from creditsvc.ledger.models import Scope, UsageFact
from creditsvc.ledger.reading import balances
from creditsvc.ledger.verify import verify
from tests.conftest import NOW
from tests.ledger.books import START, award, make_book
from tests.usage.importing import assign, import_path

USD = unit_named("USD")
HALF_A_STEP = Decimal("0.000000005")


@dataclass(frozen=True)
class Sample:
    """What the samples' README states of a file: rows, counted rows, total, cover, some scopes, what is left out."""

    path: str
    rows: int
    counted: int
    total: str
    cover: tuple[str, ...]
    scopes: tuple[tuple[str, str], ...] = ()
    left_out: tuple[tuple[str, int, str], ...] = ()
    scope_count: int = 1


SAMPLES = (
    Sample(
        "focus/focus-1.0-sample-1000.csv", 1000, 997, "22.86192672899", ("2024-09-01", "2024-09-30"),
        left_out=(("credit", 1, "-2.6137"), ("adjustment", 2, "0.272")), scope_count=73,
    ),
    Sample(
        "azure/ea-actual.csv", 11, 11, "8.5450077867419368", ("2023-09-04", "2023-09-21"),
        scopes=(("64e355d7-", "2.4422729677419368"), ("1caaa5a3-", "6.10268368"), ("9ec51cfd-", "0"),
                ("ed570627-", "0.000051139")), scope_count=4,
    ),
    Sample("azure/ea-no-rows.csv", 0, 0, "0", (), scope_count=0),
    Sample("azure/mca-camel-case.csv", 4, 4, "0.0000262412", ("2023-08-01", "2023-08-01")),
    Sample("azure/payg-usage.csv", 3, 3, "0.00011016", ("2019-07-28", "2019-07-29")),
    Sample("azure/payg-one-row.csv", 1, 1, "0.075", ("2021-02-02", "2021-02-02")),
    Sample("azure/mixed-german-headers.csv", 1, 1, "0.075", ("2021-02-02", "2021-02-02")),
)  # fmt: skip


def posted_totals() -> int:
    """How many totals of a scope, day and key were posted: each was quantised once."""
    return db.session.scalar(select(func.count()).select_from(UsageFact)) or 0


def scope_sums() -> dict[str, Decimal]:
    """The usage posted for each scope."""
    sums = {external_id: Decimal(0) for external_id in db.session.scalars(select(Scope.external_id))}
    rows = db.session.execute(
        select(Scope.external_id, func.sum(UsageFact.amount)).join(UsageFact, UsageFact.scope_id == Scope.id)
        .group_by(Scope.external_id)
    )
    sums.update({external_id: to_decimal(int(amount), USD) for external_id, amount in rows})
    return sums


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: Path(sample.path).stem)
def test_a_sample_gives_its_stated_totals_once(app: Flask, shared_data: Path, sample: Sample) -> None:
    make_book()

    report = import_path(shared_data / sample.path, NOW)

    assert (report["rows"], report["counted_rows"]) == (sample.rows, sample.counted)
    assert tuple(report["cover"]) == sample.cover
    bound = HALF_A_STEP * max(posted_totals(), 1)
    assert abs(Decimal(report["delta"].get("USD", "0")) - Decimal(sample.total)) <= bound
    assert bound <= Decimal("0.00001")
    assert [(one["reason"], one["rows"], one["amounts"]["USD"]) for one in report["left_out"]] == list(sample.left_out)
    sums = scope_sums()
    assert len(sums) == sample.scope_count
    for start, amount in sample.scopes:
        (found,) = [value for scope, value in sums.items() if scope.startswith(start)]
        assert abs(found - Decimal(amount)) <= bound
    facts = posted_totals()
    again = import_path(shared_data / sample.path, NOW)
    assert (again["status"], again["delta"], posted_totals()) == ("unchanged", {}, facts)


def test_the_amortized_sample_is_refused_by_name(app: Flask, shared_data: Path) -> None:
    with pytest.raises(FileRefused, match="amortized"):
        import_path(shared_data / "azure/ea-amortized.csv", NOW)

    assert posted_totals() == 0


def test_a_sample_draws_on_the_grant_of_its_scope_and_the_rest_waits(app: Flask, shared_data: Path) -> None:
    make_book()
    award("grant", "2", START)
    assign("64e355d7-997c-491d-b0c1-8414dccfcf42", "acme", START, NOW)

    report = import_path(shared_data / "azure/ea-actual.csv", NOW)

    (account,) = balances(NOW)
    assert to_decimal(account.remaining, USD) == 0
    assert to_decimal(account.drawn, USD) == 2
    assert to_decimal(account.uncovered, USD) == Decimal("0.44227297")
    assert report["uncovered_delta"] == {"USD": "0.44227297"}
    assert report["known_scopes"] == 1
    assert {one["scope"][:8] for one in report["waiting"]} == {"1caaa5a3", "ed570627"}
    assert verify()["differences"] == []
