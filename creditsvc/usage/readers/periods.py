"""Whether the parts of an export and its manifest speak of one period (U1, U6)."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from creditsvc.core.errors import FileError, FileRefused
from creditsvc.core.sentences import Sentence
from creditsvc.usage.readers.faults import Fault, Opened
from creditsvc.usage.readers.manifest import Manifest


def style_faults(groups: pl.DataFrame) -> list[Fault]:
    """Dates written in another style than most of the column's."""
    counts = groups.drop_nulls("style").group_by("style").agg(pl.col("rows").sum())
    counts = counts.sort("rows", "style", descending=True)
    if counts.height < 2:
        return []
    usual = str(counts["style"][0])
    other = groups.filter(pl.col("style") != usual)
    return _date_faults(
        other,
        Sentence(
            "is written in another style than the column's other dates (%(style)s): the file was changed by hand",
            style=usual,
        ),
    )


def range_faults(groups: pl.DataFrame, manifest: Manifest | None) -> list[Fault]:
    """Rows outside the days that the manifest states."""
    if manifest is None or manifest.first_day is None or manifest.last_day is None:
        return []
    outside = groups.filter(~pl.col("day").is_between(manifest.first_day, manifest.last_day))
    return _date_faults(
        outside,
        Sentence(
            "is of another period: the manifest's days are %(first)s to %(last)s",
            first=manifest.first_day.isoformat(), last=manifest.last_day.isoformat(),
        ),
    )


def check_periods(groups: pl.DataFrame, parts: Sequence[Opened], manifest: Manifest | None) -> None:
    """Refuse a part that shares no billing period (or month, where the schema has no periods) with the others.

    Only where several parts come without a stated range; a part without rows has no period. Raises FileRefused.
    """
    if len(parts) < 2 or (manifest is not None and manifest.first_day is not None):
        return
    stated = groups["period"].null_count() == 0
    period = pl.col("period") if stated else pl.col("day").dt.strftime("%Y-%m")
    rows = groups.select("part", period.alias("period")).drop_nulls().unique()
    by_part: dict[int, set[str]] = {}
    for part, text in rows.iter_rows():
        by_part.setdefault(part, set()).add(text)
    errors = []
    for part, periods in sorted(by_part.items()):
        others = set().union(*(known for number, known in by_part.items() if number != part))
        if others and not periods & others:
            column = parts[part].layout.column("period" if stated else "date")
            errors.append(
                FileError(
                    parts[part].name, 0, column, ", ".join(sorted(periods)),
                    Sentence(
                        "is of another period than the export's other parts (%(periods)s)",
                        periods=", ".join(sorted(others)),
                    ),
                )
            )  # fmt: skip
    if errors:
        raise FileRefused(errors)


def cover_of(groups: pl.DataFrame, manifest: Manifest | None) -> tuple[date, date] | None:
    """The days that the export speaks of (U4): the manifest's, else the first to the last charge day of all rows."""
    if manifest is not None and manifest.first_day is not None and manifest.last_day is not None:
        return manifest.first_day, manifest.last_day
    first, last = groups["day"].min(), groups["day"].max()
    return (first, last) if isinstance(first, date) and isinstance(last, date) else None


def _date_faults(groups: pl.DataFrame, message: Sentence) -> list[Fault]:
    found = []
    for part in groups["part"].unique().sort().to_list():
        here = groups.filter(pl.col("part") == part)
        texts = here["date"].unique().to_list()
        rows = pl.col("date").is_in(texts)
        found.append(Fault(part, "date", int(here["rows"].sum()), rows, pl.col("date"), lambda _: message))
    return found
