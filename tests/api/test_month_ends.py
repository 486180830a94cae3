"""Month-end reports over the API: what was frozen, as it was, and a preview of what was not."""

import hashlib
import json
from datetime import UTC, date, datetime

import pytest

from creditsvc.parties.access import operator
from creditsvc.programmes import operations as programmes
from creditsvc.statements.month_freezing import freeze_month
from tests import factories
from tests.api.speaking import ONE_DATABASE, Speaker

pytestmark = ONE_DATABASE

MAY = "/programmes/techconnect/month-ends/2026-05"


@pytest.fixture
def frozen(manager: Speaker) -> str:
    """The SHA-256 of May, frozen with a startup that holds a grant."""
    factories.make_programme("techconnect")
    factories.make_startup("harbour", "Harbour Robotics")
    factories.make_cohort("techconnect", "tc-2026a")
    factories.do(lambda: programmes.enrol(
        factories.somebody(), startup="harbour", cohort="tc-2026a", package=None, status="active", on=date(2026, 3, 1)
    ))
    factories.make_grant("harbour", amount="100", key="harbour-azure")
    at = datetime(2026, 6, 10, tzinfo=UTC)
    return factories.do(lambda: freeze_month(operator(at), "techconnect", "2026-05", follows=0).sha256)


def test_the_months_are_listed_with_what_was_frozen(manager: Speaker, frozen: str) -> None:
    items = manager.get("/programmes/techconnect/month-ends").json["items"]

    last, before = items[-1], items[-2]
    assert (last["month"], last["is_over"], last["edition"]) == ("2026-06", False, None)
    assert (before["month"], before["is_over"], before["edition"], before["sha256"]) == ("2026-05", True, 1, frozen)
    assert [one["month"] for one in manager.get("/programmes/techconnect/month-ends", limit=1).json["items"]] == [
        items[0]["month"]]


def test_a_frozen_month_is_the_text_that_its_hash_proves(manager: Speaker, frozen: str) -> None:
    month = manager.get(MAY).json

    assert (month["edition"], month["sha256"], month["is_intact"]) == (1, frozen, True)
    assert hashlib.sha256(month["text"].encode("ascii")).hexdigest() == frozen
    assert month["report"] == json.loads(month["text"])
    assert [one["edition"] for one in month["editions"]] == [1]


def test_what_reads_otherwise_today_stands_beside_what_was_frozen(manager: Speaker, frozen: str) -> None:
    differs = manager.get(MAY).json["differs_today"]

    assert [(one["startup"], one["resource"], one["end"], one["frozen"], one["today"]) for one in differs
            if one["figure"] == "awarded"] == [("harbour", "azure-credit", "opening", 0, 100 * 10**8),
                                               ("harbour", "azure-credit", "closing", 0, 100 * 10**8)]


def test_a_preview_is_no_edition(manager: Speaker, frozen: str) -> None:
    month = manager.get(MAY, edition=0).json

    assert (month["edition"], month["frozen_by"], month["is_intact"]) == (None, None, True)


def test_an_edition_that_is_none_is_not_found(manager: Speaker, frozen: str) -> None:
    assert manager.get(MAY, edition=7).status_code == 404


@pytest.mark.parametrize("path", [
    "/programmes/techconnect/month-ends/2026-13", "/programmes/techconnect/month-ends/2030-01",
    "/programmes/nowhere/month-ends", "/programmes/nowhere/month-ends/2026-05",
])
def test_what_is_not_there_is_not_found(manager: Speaker, frozen: str, path: str) -> None:
    assert manager.get(path).status_code == 404
