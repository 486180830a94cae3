"""What a reading gives: totals by (scope, charge day, charge key, currency), and what was left out (U2, U3)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import polars as pl

from creditsvc.usage.readers.manifest import Manifest

TOTALS_SCHEMA: Mapping[str, pl.DataType] = {
    "provider": pl.String(),
    "scope": pl.String(),
    "day": pl.Date(),
    "key": pl.String(),
    "currency": pl.String(),
    "amount": pl.Int64(),
    "rows": pl.Int64(),
    "part": pl.Int32(),
}
"""The columns of `Export.totals`; `amount` is in 10^-8 of the currency, `part` an index into `Export.parts`."""


@dataclass(frozen=True)
class Units:
    """Which currency a scope settles in (U7): by (provider, scope id), else by provider."""

    by_scope: Mapping[tuple[str, str], str] = field(default_factory=dict)
    by_provider: Mapping[str, str] = field(default_factory=dict)

    def wanted(self, provider: str, scope: str) -> str | None:
        """The currency in which usage of that scope is wanted, or None where nothing is known of it."""
        found = self.by_scope.get((provider, scope))
        return self.by_provider.get(provider) if found is None else found


@dataclass(frozen=True)
class LeftOut:
    """Rows that draw no credit, by reason (U2). `amounts` are exact, per billed currency."""

    reason: str
    rows: int
    amounts: Mapping[str, Decimal]


@dataclass(frozen=True)
class PartRead:
    """One part as it was read; `bytes` and `sha256` are of the file as it lies, compressed or not."""

    name: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Export:
    """One export, read whole and checked (U6).

    `feed` names the stream of exports that this one belongs to and stays the same from export to export. `totals` has
    the columns of TOTALS_SCHEMA, is unique on (provider, scope, day, key, currency) and sorted by them; each amount is
    quantised half to even once (L2). `scopes` are the
    (provider, scope id) that it speaks of: all with rows, counted or not, and the one that the manifest names (U4).
    `cover` is the manifest's range, else the first and last charge day of all rows;
    None for no rows and no range.
    """

    schema: str
    feed: str
    parts: tuple[PartRead, ...]
    rows: int
    counted_rows: int
    left_out: tuple[LeftOut, ...]
    totals: pl.DataFrame
    scopes: frozenset[tuple[str, str]]
    cover: tuple[date, date] | None
    manifest: Manifest | None
