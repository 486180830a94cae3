"""From judged groups to the totals of an export and what it leaves out (U2, U3, U7)."""

from collections.abc import Sequence
from decimal import Context, Decimal
from typing import Final

import polars as pl

from creditsvc.core.amounts import MAX_STEPS
from creditsvc.core.errors import LISTED, FileError, FileRefused
from creditsvc.core.sentences import Sentence
from creditsvc.usage.readers.schemas import LEFT_OUT_CATEGORIES, REASONS
from creditsvc.usage.readers.totals import TOTALS_SCHEMA, LeftOut, Units
from creditsvc.usage.readers.values import COST_DECIMALS, FRACTION

_EXACT: Final = Context(prec=120)
_UNIQUE: Final = ("provider", "scope", "day", "key", "currency")


def with_reason(groups: pl.DataFrame) -> pl.DataFrame:
    """Adds `reason`: why the rows of a group are left out, null where they count. The first rule that fits decides."""
    reason = (
        pl.when(pl.col("kind").is_in(list(LEFT_OUT_CATEGORIES)))
        .then(pl.col("kind").replace(LEFT_OUT_CATEGORIES))
        .when(~pl.col("payable"))
        .then(pl.lit("not-eligible"))
        .when(pl.col("where").is_null())
        .then(pl.lit("no-scope"))
    )
    return groups.with_columns(reason.alias("reason"))


def with_wanted(groups: pl.DataFrame, units: Units) -> pl.DataFrame:
    """Adds `wanted`: the currency in which the scope of a group settles, null where that is not known."""
    pairs = groups.select("of", "where").unique().drop_nulls()
    wanted = pl.Series("wanted", [units.wanted(of, where) for of, where in pairs.iter_rows()], dtype=pl.String)
    return groups.join(pairs.with_columns(wanted), on=["of", "where"], how="left")


def wants_other_costs(groups: pl.DataFrame) -> bool:
    """Whether some counted rows are billed in another currency than wanted, so that further costs must be read."""
    other = pl.col("reason").is_null() & (pl.col("wanted") != pl.col("billed"))
    return bool(groups.select(other.any()).item())


def counted_of(groups: pl.DataFrame) -> pl.DataFrame:
    """The groups that count, with their amounts in the currency wanted (`in_wanted_currency`)."""
    return in_wanted_currency(groups.filter(pl.col("reason").is_null()))


def in_wanted_currency(groups: pl.DataFrame) -> pl.DataFrame:
    """Adds `currency`, `steps` and `rest` of the cost that counts (U7).

    The billed cost, unless it is in another currency than wanted and the file gives the cost in the wanted one, as
    pricing currency or in US dollars.
    """
    chosen = pl.lit("cost")
    if "usd_cost_given" in groups.columns:
        fits = pl.col("usd_cost_given") & (pl.col("wanted") == "USD")
        chosen = pl.when(fits).then(pl.lit("usd_cost")).otherwise(chosen)
    if "pricing_cost_given" in groups.columns:
        fits = pl.col("pricing_cost_given") & (pl.col("wanted") == pl.col("pricing"))
        chosen = pl.when(fits).then(pl.lit("pricing_cost")).otherwise(chosen)
    billed = pl.col("wanted").is_null() | (pl.col("wanted") == pl.col("billed"))
    groups = groups.with_columns(pl.when(billed).then(pl.lit("cost")).otherwise(chosen).alias("chosen"))
    values = [pl.when(pl.col("chosen") == "cost").then(pl.col("billed")).otherwise(pl.col("wanted")).alias("currency")]
    for half in ("steps", "rest"):
        value = pl.col(f"cost_{half}")
        for name in ("pricing_cost", "usd_cost"):
            if f"{name}_{half}" in groups.columns:
                value = pl.when(pl.col("chosen") == name).then(pl.col(f"{name}_{half}")).otherwise(value)
        values.append(value.alias(half))
    return groups.with_columns(values)


def charge_key() -> pl.Expr:
    """The charge key of a group: service, meter category and charge type, whatever their case (U3)."""
    return pl.concat_str(
        *(pl.col(name).fill_null("").str.strip_chars().str.to_lowercase() for name in ("service", "category", "kind")),
        separator="|",
    )


def totals_of(groups: pl.DataFrame, file: str, column: str) -> pl.DataFrame:
    """The totals of counted groups, each quantised once, half to even (L2), as TOTALS_SCHEMA has them.

    Raises FileRefused for a total that does not fit 64 bits.
    """
    fraction = pl.lit(FRACTION, dtype=pl.Int128)
    half = pl.lit(FRACTION // 2, dtype=pl.Int128)
    summed = (
        groups.select(
            pl.col("of").alias("provider"), pl.col("where").alias("scope"), "day", charge_key().alias("key"),
            "currency", "steps", "rest", "rows", "part",
        )
        .group_by(_UNIQUE)
        .agg(pl.col("steps").sum(), pl.col("rest").sum(), pl.col("rows").sum(), pl.col("part").min())
        .with_columns(pl.col("steps") + pl.col("rest") // fraction, pl.col("rest") % fraction)
    )  # fmt: skip
    odd = pl.col("steps") % pl.lit(2, dtype=pl.Int128) != 0
    up = (pl.col("rest") > half) | ((pl.col("rest") == half) & odd)
    rounded = summed.with_columns((pl.col("steps") + up.cast(pl.Int128)).alias("amount"))
    _refuse_large(rounded, file, column)
    ordered = rounded.sort(_UNIQUE)
    return ordered.select(pl.col(name).cast(dtype) for name, dtype in TOTALS_SCHEMA.items())


def left_out_of(groups: pl.DataFrame) -> tuple[LeftOut, ...]:
    """What the groups with a reason hold, by reason and billed currency, exact."""
    out = groups.filter(pl.col("reason").is_not_null())
    found: list[LeftOut] = []
    for reason in REASONS:
        rows = 0
        amounts: dict[str, int] = {}
        here = out.filter(pl.col("reason") == reason).select("billed", "rows", "cost_steps", "cost_rest")
        for currency, count, steps, rest in here.iter_rows():
            rows += count
            amounts[currency] = amounts.get(currency, 0) + steps * FRACTION + rest
        if rows:
            found.append(LeftOut(reason, rows, {currency: exact(amounts[currency]) for currency in sorted(amounts)}))
    return tuple(found)


def exact(smallest: int) -> Decimal:
    """A count of 10^-28 as a Decimal without needless zeros."""
    value = Decimal(smallest).scaleb(-COST_DECIMALS, _EXACT)
    whole = value.to_integral_value(context=_EXACT)
    return whole if value == whole else value.normalize(_EXACT)


def _refuse_large(rounded: pl.DataFrame, file: str, column: str) -> None:
    bound = pl.lit(MAX_STEPS, dtype=pl.Int128)
    large = rounded.filter((pl.col("amount") > bound) | (pl.col("amount") < -bound)).sort(_UNIQUE)
    if large.height:
        errors = [_too_large(row, file, column) for row in large.head(LISTED).iter_rows(named=True)]
        raise FileRefused(errors, large.height - len(errors))


def _too_large(row: dict[str, object], file: str, column: str) -> FileError:
    amount = row["amount"]
    assert isinstance(amount, int)
    value = format(Decimal(amount).scaleb(-8, _EXACT), "f")
    message = Sentence(
        "the total of %(scope)s on %(day)s for %(charge)s does not fit 64 bits of 10^-8",
        scope=row["scope"], day=row["day"], charge=row["key"],
    )
    return FileError(file, 0, column, f"{value} {row['currency']}", message)


def concat(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The groups of all parts in one frame, with `part`: the number of the part they came from."""
    return pl.concat(
        [groups.with_columns(pl.lit(part, dtype=pl.Int32).alias("part")) for part, groups in enumerate(parts)],
        how="diagonal",
    )
