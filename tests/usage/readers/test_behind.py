"""The rows behind a total: found again in the file, on their lines, with the very sum that the export gives."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from creditsvc.usage.readers.behind import Grain, rows_behind
from creditsvc.usage.readers.read import read_export
from creditsvc.usage.readers.source import open_source
from creditsvc.usage.readers.totals import Units

SAMPLES = ("focus/focus-1.0-sample-1000.csv",)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_total_of_a_sample_is_the_sum_of_the_rows_that_are_found(shared_data: Path, name: str) -> None:
    source, units = open_source(shared_data / name), Units()
    totals = read_export(source, units).totals
    taken = totals.sort("rows", descending=True).head(6)

    for total in taken.iter_rows(named=True):
        grain = Grain(total["provider"], total["scope"], total["day"], total["key"], total["currency"])
        behind = rows_behind(source, units, grain, most=1000)
        lines = [row.line for row in behind.rows]

        assert (behind.count, behind.amount) == (total["rows"], total["amount"])
        assert len(lines) == len(set(lines)) == total["rows"]
        assert sum((Decimal(row.cost) for row in behind.rows), Decimal()) == behind.exact
        assert independent(shared_data / name, lines, behind.column) == behind.exact


def independent(path: Path, lines: list[int], column: str) -> Decimal:
    """The sum of a column on those lines, read by polars' plain reader."""
    table = pl.read_csv(path, infer_schema=False)
    return sum((Decimal(table[column][line - 2]) for line in lines), Decimal())


def test_of_many_rows_the_first_are_shown_and_all_are_summed(shared_data: Path) -> None:
    source = open_source(shared_data / SAMPLES[0])
    total = read_export(source, Units()).totals.sort("rows").row(-1, named=True)
    grain = Grain(total["provider"], total["scope"], total["day"], total["key"], total["currency"])

    whole, some = (rows_behind(source, Units(), grain, most=most) for most in (1000, 1))

    assert some.rows == whole.rows[:1]
    assert (some.count, some.exact) == (whole.count, whole.exact)


def test_what_the_export_does_not_have_has_no_rows(shared_data: Path) -> None:
    source = open_source(shared_data / SAMPLES[0])

    behind = rows_behind(source, Units(), Grain("azure", "none", date(2026, 1, 1), "a|b|usage", "USD"), most=5)

    assert (behind.rows, behind.count, behind.exact) == ((), 0, Decimal())
