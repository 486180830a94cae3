"""The rows of an export behind one of its totals: where each stands, what it says, and their exact sum (U3)."""

from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal
from typing import Final

import polars as pl

from creditsvc.usage.readers.counting import charge_key, counted_of, totals_of
from creditsvc.usage.readers.faults import Opened, line_numbers
from creditsvc.usage.readers.limits import Limits
from creditsvc.usage.readers.read import Reading
from creditsvc.usage.readers.schemas import COST_FIELDS, TEXT_FIELDS
from creditsvc.usage.readers.source import Source
from creditsvc.usage.readers.totals import Units
from creditsvc.usage.readers.values import FRACTION
from creditsvc.usage.readers.zips import unpacked

_EXACT: Final = Context(prec=120)
_SCALE: Final = Decimal(1).scaleb(-28)


@dataclass(frozen=True)
class Grain:
    """Which total: usage is kept by scope, charge day, charge key and currency (U3)."""

    provider: str
    scope: str
    day: date
    key: str
    currency: str


@dataclass(frozen=True)
class FileRow:
    """A row of a file as it is written: on which line it begins (in Parquet, the how manyeth row), and its texts."""

    file: str
    line: int
    date: str
    service: str
    category: str
    charge: str
    cost: str


@dataclass(frozen=True)
class Behind:
    """The first of the rows, how many there are, their exact sum, and that sum as it is posted: in 10^-8, half to even.

    `column` is the header of the column that was summed.
    """

    rows: tuple[FileRow, ...]
    count: int
    exact: Decimal
    amount: int
    column: str

    @property
    def exact_text(self) -> str:
        """The exact sum, without zeros at its end."""
        return f"{self.exact.normalize():f}"


def rows_behind(source: Source, units: Units, grain: Grain, most: int, limits: Limits | None = None) -> Behind:
    """Reads the export again and finds the rows that its total of this grain is made of, at most so many of them.

    `units` says which currency each scope settles in, as at the import. Raises FileRefused as `read_export`.
    """
    bounds = limits or Limits()
    with unpacked(source, bounds) as whole:
        reading = Reading(whole, units, None, bounds, None)
        mine = counted_of(reading.groups()).filter(_is_of(grain))
        rows = [row for number, part in enumerate(reading.opened) for row in _rows(part, number, mine, most)][:most]
        chosen = mine["chosen"].unique().to_list() if mine.height else []
        layout = reading.opened[0].layout
        steps, rest = int(mine["steps"].sum()), int(mine["rest"].sum())
        totals = totals_of(mine, whole.name, layout.column("cost"))
    return Behind(
        rows=tuple(rows), count=int(mine["rows"].sum()),
        exact=_EXACT.multiply(Decimal(steps * FRACTION + rest), _SCALE),
        amount=int(totals["amount"].sum()), column=layout.column(chosen[0] if chosen else "cost"),
    )


def _is_of(grain: Grain) -> pl.Expr:
    """Whether a group belongs to the total."""
    return (
        (pl.col("of") == grain.provider) & (pl.col("where") == grain.scope) & (pl.col("day") == grain.day)
        & (pl.col("currency") == grain.currency) & (charge_key() == grain.key)
    ).fill_null(False)


def _rows(part: Opened, number: int, mine: pl.DataFrame, most: int) -> list[FileRow]:
    here = mine.filter(pl.col("part") == number)
    if not here.height:
        return []
    keys = here.select(*TEXT_FIELDS, "committed", "chosen").unique().lazy()
    prepared = part.prepared()
    there = prepared.collect_schema().names()
    cost = pl.coalesce(*(
        pl.when(pl.col("chosen") == name).then(pl.col(name)) for name in COST_FIELDS if name in there
    ))
    found = (
        prepared.join(keys, on=[*TEXT_FIELDS, "committed"], how="inner", nulls_equal=True)
        .select("row", "date", "service", "category", "charge", cost.alias("shown"))
        .sort("row")
        .head(most)
        .collect(engine="streaming")
        .fill_null("")
    )
    numbers = found["row"].to_list()
    lines = {row: row + 1 for row in numbers} if part.layout.parquet else line_numbers(part.path, numbers)
    return [FileRow(part.name, lines[row], *texts) for row, *texts in found.iter_rows()]
