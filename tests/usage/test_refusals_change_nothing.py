"""What an import refuses leaves every table as it was. Why each file is refused is tested with the readers."""

import gzip
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from flask import Flask

from creditsvc.core.errors import FileRefused, RuleBroken
from creditsvc.usage.readers.limits import MEBIBYTE
from tests import factories
from tests.conftest import NOW
from tests.dumping import dump
from tests.ledger.books import START
from tests.usage.importing import assign, import_path
from tests.usage.readers.exports import EA_ROW, FOCUS_ROW, SCOPE, text_of, written
from tests.usage.scenes import drawn, make_startups

GOOD = text_of(EA_ROW, [{}, {}])


def file_of(content: str | bytes) -> Callable[[Path], Path]:
    return lambda folder: written(folder, content, "june.csv")


def parts_of(*texts: str, **manifest: object) -> Callable[[Path], Path]:
    """A folder with those texts as parts, and a manifest that states this."""

    def make(folder: Path) -> Path:
        for number, text in enumerate(texts):
            written(folder, text, f"{number}.csv")
        blobs = [{"blobName": f"there/{number}.csv"} for number in range(len(texts))]
        stated = {"manifestVersion": "2024-04-01", "blobs": blobs, **manifest}
        written(folder, json.dumps(stated), "manifest.json")
        return folder

    return make


def rows_of(*changes: dict[str, str]) -> Callable[[Path], Path]:
    """A good row, and behind it one with each of the changes."""
    return file_of(text_of(EA_ROW, [{}, *changes]))


REFUSED = {
    "not CSV at all": (file_of(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), "june.csv"),
    "empty": (file_of(b""), "is empty"),
    "truncated gzip": (file_of(gzip.compress(GOOD.encode())[:-9]), "cut short"),
    "truncated last row": (file_of(GOOD[:-20]), "line 3"),
    "missing column": (file_of(text_of(EA_ROW, without=["Cost"])), "no such column"),
    "unknown schema": (file_of("name,amount\nx,1\n"), "line 1"),
    "amortized": (rows_of({"ChargeType": "UnusedReservation"}), "amortized"),
    "no number": (rows_of({"Cost": "1,5"}), "line 3, column Cost: '1,5'"),
    "29 decimals": (rows_of({"Cost": "0." + "0" * 28 + "1"}), "28"),
    "impossible date": (rows_of({"Date": "02/30/2026"}), "'02/30/2026'"),
    "slash month above 12": (rows_of({"Date": "13/01/2026"}), "'13/01/2026'"),
    "mixed dates": (rows_of({"Date": "2026-03-02"}), "another style"),
    "no currency": (rows_of({"BillingCurrency": ""}), "line 3, column BillingCurrency"),
    "missing part": (parts_of(GOOD, blobs=[{"blobName": "there/7.csv"}]), "there/7.csv"),
    "wrong rows": (parts_of(GOOD, blobs=[{"blobName": "0.csv", "dataRowCount": 3}]), "2 rows"),
    "wrong bytes": (parts_of(GOOD, blobs=[{"blobName": "0.csv", "byteCount": 3}]), "bytes"),
    "part of another period": (
        parts_of(GOOD, text_of(EA_ROW, [{"BillingPeriodStartDate": "04/01/2026", "Date": "04/01/2026"}])),
        "another period",
    ),
    "rows outside the range": (
        parts_of(GOOD, runInfo={"startDate": "2026-04-01T00:00:00Z", "endDate": "2026-04-30T00:00:00Z"}), "2026-04-01",
    ),
    "gzip bomb": (file_of(gzip.compress(GOOD.encode() + b"," * (24 * MEBIBYTE))), "200 times"),
    "scope beyond what is kept": (
        file_of(text_of(FOCUS_ROW, [{"ProviderName": "Amazon", "SubAccountId": "9" * 201}])), "too long for a name",
    ),
    "no such file": (lambda folder: folder / "june.csv", "no such file"),
}  # fmt: skip


@pytest.fixture
def held(app: Flask, tmp_path: Path) -> None:
    """A startup whose subscription has drawn on its grant."""
    make_startups("acme")
    assign(SCOPE, "acme", START, NOW)
    folder = tmp_path / "good"
    folder.mkdir()
    import_path(written(folder, GOOD), NOW)
    assert drawn() == "3"


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_changes_nothing(held: None, tmp_path: Path, name: str) -> None:
    make, words = REFUSED[name]
    before = dump()

    with pytest.raises(FileRefused) as refusal:
        import_path(make(tmp_path), NOW, confirm=True)

    assert words in str(refusal.value)
    assert dump() == before


def test_the_same_files_without_their_fault_change_something(held: None, tmp_path: Path) -> None:
    before = dump()

    report = import_path(rows_of({"Cost": "1.25"})(tmp_path), NOW)

    assert (report["status"], report["delta"]) == ("applied", {"USD": "-0.25"})
    assert dump() != before


@pytest.mark.parametrize("amount", ["-1", "0", "1e400", "0.000000001", "many"])
def test_an_award_of_nothing_or_less_changes_nothing(held: None, amount: str) -> None:
    before = dump()

    with pytest.raises(RuleBroken) as refusal:
        factories.make_grant("acme", "pool", amount, effective=date(2026, 3, 1))

    assert refusal.value.field == "amount"
    assert dump() == before
