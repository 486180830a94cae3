"""What the tests of the readers share; other people's files come from `shared_data`."""

from pathlib import Path

import pytest

from creditsvc.usage.readers.totals import Units

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def own_data() -> Path:
    """Small files of our own making, in each schema."""
    return ROOT / "tests" / "data" / "usage"


@pytest.fixture(scope="session")
def in_usd() -> Units:
    """Every provider settles in US dollars."""
    return Units({}, {"azure": "USD", "aws": "USD", "oracle": "USD"})
