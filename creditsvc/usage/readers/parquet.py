"""Parquet: a part checked, and its rows as the raw text that the rules are made for (U1, U6).

Every column that is used becomes the text that a CSV of the same export would have: a decimal its digits, a binary
fraction its shortest decimal text, a timestamp its UTC instant. From there on one set of rules serves both.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import polars as pl
from polars.exceptions import PanicException, PolarsError

from creditsvc.core.errors import FileError, FileRefused
from creditsvc.core.sentences import Sentence
from creditsvc.usage.readers.limits import Limits
from creditsvc.usage.readers.parquet_layout import Damaged, Unfit, check_pages, read_footer
from creditsvc.usage.readers.parts import Part
from creditsvc.usage.readers.plain import Hashed, Plain
from creditsvc.usage.readers.schemas import COST_FIELDS, EFFECTIVE, Layout

MAGIC: Final = b"PAR1"
FAULTS: Final = (PolarsError, PanicException)
"""What the reader of Parquet raises for pages that are not as they should be."""

_DATES: Final = ("date", "period")
_WHOLE_OR_TEXT: Final = ("account",)


def check_parquet(part: Part, limits: Limits, progress: Callable[[int], None]) -> Plain:
    """Reads the part once for its hash, and its footer. Raises FileRefused.

    `progress` gets bytes of the part read so far.
    """
    try:
        with part.path.open("rb") as lying:
            raw = Hashed(lying)
            while raw.read(limits.chunk):
                progress(raw.bytes)
        footer = read_footer(part.path, limits)
    except Damaged as fault:
        raise damaged(part.name, str(fault)) from None
    except Unfit as fault:
        raise _refused(part.name, fault.message) from None
    except OSError as fault:
        raise _refused(part.name, Sentence("cannot be read: %(why)s", why=fault.strerror or fault)) from None
    return Plain(raw.bytes, raw.bytes, raw.sha256.hexdigest(), footer.columns, 0, footer.rows > 0)


def check_columns(name: str, path: Path, layout: Layout, limits: Limits) -> None:
    """Refuses columns that cannot be read as their field: by type, by damage, by size. Raises FileRefused."""
    used = {layout.header[position] for position in layout.columns.values()}
    try:
        check_pages(path, read_footer(path, limits), used, limits)
        schema = _scan(path).collect_schema()
    except Damaged as fault:
        raise damaged(name, str(fault)) from None
    except Unfit as fault:
        raise _refused(name, fault.message) from None
    except FAULTS as fault:
        raise damaged(name, _first_line(fault)) from None
    missing = used - set(schema)
    if missing:
        raise damaged(name, f"its schema lacks {', '.join(sorted(missing))}")
    wrong = [
        FileError(name, 0, layout.column(field), "", Sentence(
            "holds %(type)s: %(wanted)s would be right", type=dtype, wanted=wanted
        ))
        for field, dtype in ((field, schema[layout.header[at]]) for field, at in layout.columns.items())
        if (wanted := _wanted(field, dtype)) is not None
    ]
    if wrong:
        raise FileRefused(wrong)
    _check_lengths(name, path, layout, schema, limits)


def texts(path: Path, layout: Layout) -> pl.LazyFrame:
    """The used columns of a Parquet part by field, as text."""
    frame = _scan(path)
    schema = frame.collect_schema()
    fields = []
    for field, position in layout.columns.items():
        name = layout.header[position]
        text = _text(pl.col(name), schema[name])
        if layout.schema.null_text is not None:
            text = pl.when(text != layout.schema.null_text).then(text)
        fields.append(text.alias(field))
    return frame.select(fields)


def damaged(name: str, why: str) -> FileRefused:
    """The refusal of a Parquet file that contradicts itself."""
    return _refused(name, Sentence("is a damaged Parquet file (%(why)s): fetch it again", why=why))


def undecodable(name: str, fault: BaseException) -> FileRefused:
    """The refusal of pages that could not be decoded."""
    return damaged(name, _first_line(fault))


def _scan(path: Path) -> pl.LazyFrame:
    """The file as it is: no pattern in its name, no meaning in its folders, no trust in its statistics."""
    return pl.scan_parquet(path, glob=False, hive_partitioning=False, use_statistics=False)


def _is_text(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.String | pl.Categorical | pl.Enum | pl.Binary)


def _wanted(field: str, dtype: pl.DataType) -> Sentence | None:
    """What a field's column should hold, None where it does; a column of nulls is of no type."""
    if _is_text(dtype) or isinstance(dtype, pl.Null):
        return None
    if field in (*COST_FIELDS, EFFECTIVE):
        return None if dtype.is_numeric() else Sentence("decimals, binary fractions, whole numbers or text")
    if field in _DATES:
        return None if isinstance(dtype, pl.Date | pl.Datetime) else Sentence("dates, timestamps or text")
    if field == "eligible":
        return None if isinstance(dtype, pl.Boolean) or dtype.is_integer() else Sentence("true and false, or text")
    if field in _WHOLE_OR_TEXT:
        return None if dtype.is_integer() else Sentence("text")
    return Sentence("text")


def _text(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.Datetime):
        in_utc = column if dtype.time_zone is None else column.dt.convert_time_zone("UTC")
        return in_utc.dt.to_string("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(dtype, pl.Date):
        return column.dt.to_string("%Y-%m-%d")
    return column.cast(pl.String)


def _check_lengths(name: str, path: Path, layout: Layout, schema: pl.Schema, limits: Limits) -> None:
    """A dictionary can hand one long text to a million rows, and every copy of it would be made: bound it first."""
    columns = {layout.header[position] for position in layout.columns.values()}
    of_text = sorted(column for column in columns if _is_text(schema[column]))
    if not of_text:
        return
    longest = [pl.col(column).cast(pl.Binary).bin.size().max() for column in of_text]
    try:
        found = _scan(path).with_columns(_categories_as_text(schema, of_text)).select(longest).collect(
            engine="streaming"
        )
    except FAULTS as fault:
        raise undecodable(name, fault) from None
    errors = [
        FileError(name, 0, column, "", Sentence(
            "holds a text of %(bytes)s bytes: at most %(most)s would be right", bytes=length, most=limits.text_bytes
        ))
        for column, length in zip(of_text, found.row(0), strict=True)
        if length is not None and length > limits.text_bytes
    ]
    if errors:
        raise FileRefused(errors)


def _categories_as_text(schema: pl.Schema, columns: list[str]) -> list[pl.Expr]:
    return [pl.col(name).cast(pl.String) for name in columns if isinstance(schema[name], pl.Categorical | pl.Enum)]


def _first_line(fault: BaseException) -> str:
    return (str(fault).splitlines() or [type(fault).__name__])[0][:200]


def _refused(name: str, message: Sentence) -> FileRefused:
    return FileRefused([FileError(name, 0, "", "", message)])
