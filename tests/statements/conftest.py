"""A startup with Azure credit, and its usage, for the statements."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest
from flask import Flask

from creditsvc.db import transaction
from creditsvc.parties.access import Caller, operator
from creditsvc.parties.operations import create_startup
from creditsvc.programmes.operations import add_partner, add_pool, add_resource
from creditsvc.usage.operations import apply_run, read_source
from creditsvc.usage.readers.source import open_source
from creditsvc.usage.scopes import assign_scope
from tests.conftest import NOW

SCOPE = "64e355d7-997c-491d-b0c1-8414dccfcf42"
HEADER = (
    "ProviderName,SubAccountId,ChargePeriodStart,BilledCost,BillingCurrency,ServiceName,ServiceCategory,ChargeCategory"
)


@pytest.fixture
def caller() -> Caller:
    return operator(NOW)


@pytest.fixture
def startup(app: Flask, caller: Caller) -> str:
    """A startup without grants, with one scope from 1 March on; a pool of USD 100,000."""

    def make() -> None:
        add_partner(caller, key="microsoft", name="Microsoft")
        add_resource(caller, key="azure-credit", kind="credit", unit="USD", provider="azure")
        add_pool(caller, key="ms", partner="microsoft", resource="azure-credit", amount="100000",
                 starts=date(2026, 1, 1), ends=date(2027, 12, 31))
        create_startup(caller, key="harbour", name="Harbour Robotics")
        assign_scope(caller, provider="azure", external_id=SCOPE, startup="harbour", starts=date(2026, 3, 1))

    transaction(make)
    return "harbour"


@pytest.fixture
def use(startup: str, tmp_path: Path) -> Callable[..., int]:
    """Imports usage by charge day; the export is submitted in the evening of its last day. Returns the run's id."""

    def import_usage(costs: Mapping[date, str], submitted: date | None = None) -> int:
        path = tmp_path / "export.csv"
        rows = [f"Microsoft,{SCOPE},{day}T00:00:00Z,{cost},USD,VM,Compute,Usage" for day, cost in costs.items()]
        path.write_text("\n".join([HEADER, *rows, ""]), encoding="ascii")
        prepared = read_source(open_source(path))
        at = datetime.combine(submitted or max(costs), time(20), UTC)
        report = transaction(lambda: apply_run(operator(NOW), prepared, submitted_at=at, confirm=True))
        return int(report["id"])

    return import_usage
