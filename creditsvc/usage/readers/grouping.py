"""One part as groups: its rows by the raw text of the columns that matter, with exact sums (U1, DESIGN section 8).

Every column is read as text by polars' streaming engine. The rules are then asked of thousands of groups instead of a
million rows. A cost is summed as two whole numbers, steps of 10^-8 and the rest in 10^-28, each in 128 bits: sums of
`Decimal(38, 28)` wrap beyond 10^10. Only costs of a form that the cast holds exactly are cast; the text of all others
stays with the group and is judged by rule.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import polars as pl
from polars.exceptions import ComputeError

from creditsvc.usage.readers.parquet import texts
from creditsvc.usage.readers.schemas import (
    COMMITMENT_FIELDS,
    COMMITTED_MODELS,
    COST_FIELDS,
    EFFECTIVE,
    TEXT_FIELDS,
    Layout,
)
from creditsvc.usage.readers.values import COST_DECIMALS, FRACTION

_CASTABLE: Final = r"^-?[0-9]{1,9}(\.[0-9]{1,28})?$|^-?[0-9](\.[0-9]{1,16})?[eE]-(0?[0-9]|1[0-2])$"
"""Costs below 10^9 with at most 28 decimals: what `Decimal(38, 28)` holds without rounding."""

_COUNTS: Final = ("rows", "paying", "ragged")
_MARK: Final = "\0"
"""What no text has: the check refuses it."""
_JUDGED: Final = ("charge", *COMMITMENT_FIELDS)
"""The fields whose text is judged in each row (`_committed`)."""
_TIME: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
_STEPS: Final = pl.lit(FRACTION, dtype=pl.Int128)


def scan(path: Path, layout: Layout, *, has_rows: bool) -> pl.LazyFrame:
    """The rows of a part as raw text, columns named by field; blank lines count as rows of nulls.

    The CSV reader fills up a row that has too few columns and drops what one has too many: only `scan_text` tells.
    """
    if layout.parquet:
        return texts(path, layout)
    schema = _numbered(len(layout.header))
    lines = pl.LazyFrame(schema=schema)
    if has_rows:
        lines = pl.scan_csv(path, has_header=False, skip_lines=1, schema=schema, null_values=_nulls(layout), glob=False)
    return lines.select(pl.col(f"c{position}").alias(name) for name, position in layout.columns.items())


def marked(text: bytes) -> bytes:
    """A text with a mark before every line end, as one more column: in a row that is as the header says it comes to
    stand in the last place.

    Those of line ends within quotation marks stay in their field, until `scan_text` or `group_text` takes them out.
    """
    return text.replace(b"\n", f",{_MARK}\n".encode())


def scan_text(rows: Iterable[bytes], layout: Layout) -> pl.LazyFrame:
    """As `scan`, of a piece of marked text: whole rows without the header, in parts. `ragged` is true of those that
    have fewer columns than the header, or more, and false of an empty line.

    Marks within fields are taken out only where rows are judged by their text; `group_text` does it for groups.
    """
    schema = {**_numbered(len(layout.header)), _MARK: pl.String()}
    # the reader counts the columns in the first line that it sees: a header of our own, wherever the piece begins
    text = b"".join([",".join(schema).encode(), b"\n", *rows])
    if b"\r" in text:
        text = text.replace(f"\r,{_MARK}\n".encode(), f",{_MARK}\r\n".encode())
    lines = pl.scan_csv(text, schema=schema, null_values=_nulls(layout))
    # all behind the last that is used are asked too, for a faulty quotation mark is found in what is asked alone
    behind = range(max(2, max(layout.columns.values()) + 1), len(layout.header))
    blank = pl.all_horizontal(
        pl.col("c0").is_null(), (pl.col("c1") == _MARK).fill_null(False),
        *(pl.col(f"c{position}").is_null() for position in behind),
    )
    whole = (pl.col(_MARK) == _MARK).fill_null(False)
    fields = (_field(name, position) for name, position in layout.columns.items())
    return lines.select(*fields, (~whole & ~blank).alias("ragged"))


def _field(name: str, position: int) -> pl.Expr:
    """A column of marked text as the field that it is."""
    field = pl.col(f"c{position}")
    if position == 1:
        field = pl.when(field != _MARK).then(field)  # where the mark of an empty line stands
    return (_unmarked(field) if name in _JUDGED else field).alias(name)


def _unmarked(field: pl.Expr) -> pl.Expr:
    return field.str.replace_all(f",{_MARK}", "", literal=True)


def _numbered(columns: int) -> dict[str, pl.DataType]:
    return {f"c{position}": pl.String() for position in range(columns)}


def _nulls(layout: Layout) -> list[str] | None:
    return None if layout.schema.null_text is None else [layout.schema.null_text]


def prepare(rows: pl.LazyFrame, layout: Layout) -> pl.LazyFrame:
    """Each row with all text fields, its costs (`<cost>_odd`: the text of one that is not cast) and `committed`."""
    return _with_days(_prepare(rows, layout), layout)


def _prepare(rows: pl.LazyFrame, layout: Layout) -> pl.LazyFrame:
    """As `prepare`, with the text of the date as it is."""
    texts = [
        pl.col(name) if name in layout.columns else pl.lit(None, dtype=pl.String).alias(name) for name in TEXT_FIELDS
    ]
    if EFFECTIVE in layout.columns and "pricing_cost" in layout.columns:
        billed = pl.when(pl.col(EFFECTIVE) == pl.col("cost")).then(pl.col("pricing_cost"))
        rows = rows.with_columns(billed.alias("pricing_cost"))
    costs = [expression for name in COST_FIELDS if name in layout.columns for expression in _cost(name)]
    kept = [name for name in ("row", "ragged") if name in rows.collect_schema()]
    return rows.select(*kept, *texts, *costs, _committed(layout).alias("committed"))


def group(path: Path, layout: Layout, costs: Sequence[str], *, has_rows: bool) -> pl.DataFrame:
    """The groups of a part (`group_rows`)."""
    return group_rows(scan(path, layout, has_rows=has_rows), layout, costs)


def group_rows(rows: pl.LazyFrame, layout: Layout, costs: Sequence[str]) -> pl.DataFrame:
    """The groups of rows with `rows`, `paying` (those whose cost is not 0) and per cost `<cost>_steps`, `<cost>_rest`.

    `costs` names the cost fields to sum; `ragged` is counted where rows say it (`scan_text`). Raises polars'
    ComputeError or SchemaError for text that is no proper CSV.
    """
    prepared = _prepare(rows, layout)
    ragged = [pl.col("ragged").sum()] if "ragged" in prepared.collect_schema() else []
    keys = [*TEXT_FIELDS, "committed", *(f"{name}_odd" for name in costs)]
    sums = [pl.col(f"{name}_{half}").sum().cast(pl.Int128) for name in costs for half in ("steps", "rest")]
    casts = [(pl.col(f"{name}_odd").is_null() & pl.col(f"{name}_steps").is_null()).sum() for name in costs]
    grouped = (
        prepared.group_by(keys)
        .agg(
            pl.len().cast(pl.Int64).alias("rows"),
            ((pl.col("cost_steps") != 0) | (pl.col("cost_rest") != 0)).sum().cast(pl.Int64).alias("paying"),
            *ragged,
            pl.sum_horizontal(casts).alias("lost"),
            *sums,
        )
        .collect(engine="streaming")
    )
    if grouped["lost"].sum():
        raise ComputeError("a cost of a known form was not read")  # the cast and its pattern no longer agree
    days = _with_days(grouped.drop("lost").lazy(), layout).collect()
    return days if days["date"].equals(grouped["date"]) else _summed(days)


def group_text(rows: Iterable[bytes], layout: Layout, costs: Sequence[str]) -> pl.DataFrame:
    """The groups of a piece of marked text (`scan_text`, `group_rows`), `ragged` rows counted."""
    return group_rows(scan_text(rows, layout), layout, costs).with_columns(_unmarked(pl.col(pl.String)))


def merged(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The groups of several pieces of one part as those of the whole."""
    return parts[0] if len(parts) == 1 else _summed(pl.concat(parts))


def _summed(groups: pl.DataFrame) -> pl.DataFrame:
    """Groups of one key made one."""
    counted = [name for name in groups.columns if name in _COUNTS or name.endswith(("_steps", "_rest"))]
    return groups.group_by(*(name for name in groups.columns if name not in counted)).agg(pl.col(counted).sum())


def committed_paying() -> pl.Expr:
    """Whether a prepared row is usage under a commitment that still carries cost: amortized data (U2)."""
    costs = (pl.col("cost_steps") != 0) | (pl.col("cost_rest") != 0) | pl.col("cost_odd").is_not_null()
    return pl.col("committed") & costs.fill_null(False)


def _cost(name: str) -> list[pl.Expr]:
    text = pl.col(name)
    castable = text.str.contains(_CASTABLE).fill_null(False)
    whole = pl.when(castable).then(text).cast(pl.Decimal(38, COST_DECIMALS), strict=False).to_physical()
    return [
        text,
        pl.when(~castable).then(text.fill_null("")).alias(f"{name}_odd"),
        (whole // _STEPS).alias(f"{name}_steps"),
        (whole % _STEPS).alias(f"{name}_rest"),
    ]


def _with_days(rows: pl.LazyFrame, layout: Layout) -> pl.LazyFrame:
    """Hours set to midnight where they do not matter; quicker asked of groups than of rows."""
    return rows.with_columns(_day_alone(pl.col("date")).alias("date")) if layout.schema.hourly else rows


def _day_alone(text: pl.Expr) -> pl.Expr:
    """An instant of UTC with its time set to midnight, so that hours do not multiply the groups."""
    midnight = pl.concat_str(text.str.slice(0, 11), pl.lit("00:00:00"))
    return (
        pl.when(text.str.contains(_TIME + "$"))
        .then(midnight)
        .when(text.str.contains(_TIME + "Z$"))
        .then(pl.concat_str(midnight, pl.lit("Z")))
        .otherwise(text)
    )


def _committed(layout: Layout) -> pl.Expr:
    """Whether a row is usage that a reservation or savings plan covers."""
    if not any(name in layout.columns for name in COMMITMENT_FIELDS):
        return pl.lit(False)
    ids = [name for name in COMMITMENT_FIELDS[1:] if name in layout.columns]
    signs = [pl.col(name).str.strip_chars().str.len_bytes() > 0 for name in ids]
    if "pricing_model" in layout.columns:
        model = pl.col("pricing_model").str.to_lowercase().str.replace_all(" ", "", literal=True)
        signs.append(model.is_in(COMMITTED_MODELS))
    usage = pl.lit(True)
    if "charge" in layout.columns:
        usage = (pl.col("charge").str.strip_chars().str.to_lowercase() == "usage").fill_null(True)
    return usage & pl.any_horizontal(*(sign.fill_null(False) for sign in signs))
