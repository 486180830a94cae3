"""Reading one cost export whole, checked, before anything is posted (U1 to U3, U6, U7)."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
from polars.exceptions import ComputeError, SchemaError

from creditsvc.core.errors import FileError, FileRefused
from creditsvc.core.sentences import Sentence
from creditsvc.usage.readers.counting import (
    concat,
    counted_of,
    left_out_of,
    totals_of,
    wants_other_costs,
    with_reason,
    with_wanted,
)
from creditsvc.usage.readers.faults import Opened, ragged_rows, refusal, unreadable
from creditsvc.usage.readers.grouping import group
from creditsvc.usage.readers.judging import Judged, judge
from creditsvc.usage.readers.limits import Limits
from creditsvc.usage.readers.manifest import Manifest
from creditsvc.usage.readers.own import OwnScopes, check_cover, foreign_faults
from creditsvc.usage.readers.parquet import FAULTS, MAGIC, check_columns, check_parquet, undecodable
from creditsvc.usage.readers.periods import check_periods, cover_of, range_faults, style_faults
from creditsvc.usage.readers.pieces import PieceGrouping
from creditsvc.usage.readers.plain import Plain, check_plain
from creditsvc.usage.readers.schemas import COST_FIELDS, Layout, recognise
from creditsvc.usage.readers.source import Part, Source
from creditsvc.usage.readers.totals import Export, PartRead, Units
from creditsvc.usage.readers.zips import unpacked

Progress = Callable[[int, int], None]


def read_export(
    source: Source, units: Units, *, progress: Progress | None = None, limits: Limits | None = None,
    own: OwnScopes | None = None,
) -> Export:
    """The totals of an export, and what it leaves out.

    `units` says which currency each scope settles in. `progress` is told (bytes done, bytes in all) of the parts as
    they lie. With `own` it may speak of those scopes alone, on those days. Raises FileRefused for anything that makes
    the export unfit to count, naming file, line, column and value.
    """
    bounds = limits or Limits()
    with unpacked(source, bounds) as whole:
        return Reading(whole, units, progress, bounds, own).export()


class Reading:
    """One reading: the parts in turn, then the rules over all of them."""

    def __init__(
        self, source: Source, units: Units, progress: Progress | None, limits: Limits, own: OwnScopes | None
    ) -> None:
        self._source = source
        self._units = units
        self._limits = limits
        self._own = own
        self._progress = progress
        self._sizes = [_size(part.name, part.path) for part in source.parts]
        self.opened: list[Opened] = []
        self._read: list[PartRead] = []
        self._judged: list[Judged] = []

    def groups(self) -> pl.DataFrame:
        """Reads every part, and gives the judged groups of all."""
        for number in range(len(self._source.parts)):
            self._read_part(number)
        return concat([judged.groups for judged in self._judged])

    def export(self) -> Export:
        """Reads every part, checks them together, counts."""
        groups = self.groups()
        manifest = self._source.manifest
        faults = [fault for judged in self._judged for fault in judged.faults]
        faults += style_faults(groups) + range_faults(groups, manifest)
        if self._own is not None:
            faults += foreign_faults(groups, self._own)
        if faults:
            raise refusal(faults, self.opened, self._limits)
        check_periods(groups, self.opened, manifest)
        scopes, cover = _scopes_of(groups, manifest), cover_of(groups, manifest)
        if self._own is not None:
            check_cover(self._source.name, scopes, cover, self._own)
        layout = self.opened[0].layout
        counted = counted_of(groups)
        return Export(
            schema=layout.name,
            feed=self._feed(layout, groups),
            parts=tuple(self._read),
            rows=sum(part.rows for part in self._read),
            counted_rows=int(counted["rows"].sum()),
            left_out=left_out_of(groups),
            totals=totals_of(counted, self._source.name, layout.column("cost")),
            scopes=scopes,
            cover=cover,
            manifest=manifest,
        )

    def _read_part(self, number: int) -> None:
        part = self._source.parts[number]
        before = sum(self._sizes[:number])
        parquet = _is_parquet(part)
        with PieceGrouping(part.name, ["cost"], self._limits) as grouping:
            if parquet:
                plain = check_parquet(part, self._limits, lambda done: self._tell(before + done))
            else:
                plain = check_plain(part, self._limits, lambda done: self._tell(before + done), grouping.feed)
        layout = recognise(part.name, plain.header, parquet=parquet)
        if parquet:
            check_columns(part.name, part.path, layout, self._limits)
        if number and _shape(layout) != _shape(self.opened[0].layout):
            other = Sentence(
                "has other columns than %(first)s: the parts of an export have one header", first=self.opened[0].name
            )
            raise _refused(part.name, 0 if parquet else 1, other)
        opened = Opened(part.name, part.path, layout, plain.blank_tail, plain.has_rows)
        judged = self._judge(number, opened, grouping if plain.has_rows and not parquet else None)
        rows = int(judged.groups["rows"].sum())
        self._check_counts(number, plain, rows)
        self.opened.append(opened)
        self._judged.append(judged)
        self._read.append(PartRead(part.name, rows, plain.disk_bytes, plain.sha256))
        self._tell(before + self._sizes[number])

    def _judge(self, number: int, opened: Opened, grouping: PieceGrouping | None) -> Judged:
        """The judged groups of a part; further costs are read only where a currency asks for them."""
        judged = self._judge_with(number, opened, ["cost"], grouping)
        further = [name for name in COST_FIELDS if name in opened.layout.columns]
        if len(further) > 1 and wants_other_costs(judged.groups):
            judged = self._judge_with(number, opened, further)
        return judged

    def _judge_with(
        self, number: int, opened: Opened, costs: list[str], grouping: PieceGrouping | None = None
    ) -> Judged:
        try:
            if grouping is None:
                groups = group(opened.path, opened.layout, costs, has_rows=opened.has_rows)
            else:
                groups, ragged = grouping.groups(opened.layout)
                if ragged:
                    raise ragged_rows(opened, self._limits)
        except (ComputeError, SchemaError) as fault:
            raise unreadable(opened, fault) from None
        except FAULTS as fault:
            if not opened.layout.parquet:
                raise
            raise undecodable(opened.name, fault) from None
        except OSError as fault:  # a gzip that the check went through and the reader does not
            raise _refused(opened.name, 0, Sentence("cannot be read (%(why)s): fetch it again", why=fault)) from None
        judged = judge(groups, number, opened.layout, costs, opened.blank_tail)
        return Judged(with_wanted(with_reason(judged.groups), self._units), judged.faults)

    def _check_counts(self, number: int, plain: Plain, rows: int) -> None:
        """The part must have the bytes (as it lies, or unpacked) and rows that the manifest states."""
        if self._source.manifest is None:
            return
        stated = self._source.manifest.parts[number]
        name = self._source.parts[number].name
        if stated.byte_count is not None and stated.byte_count not in (plain.disk_bytes, plain.plain_bytes):
            raise _refused(name, 0, Sentence(
                "has %(bytes)s bytes where the manifest states %(stated)s: fetch it again",
                bytes=plain.disk_bytes, stated=stated.byte_count,
            ))
        if stated.row_count is not None and stated.row_count != rows:
            raise _refused(name, 0, Sentence(
                "has %(rows)s rows where the manifest states %(stated)s: fetch it again",
                rows=rows, stated=stated.row_count,
            ))

    def _feed(self, layout: Layout, groups: pl.DataFrame) -> str:
        """The stable name of the stream of exports that this one belongs to."""
        pieces = [layout.schema.name]
        if "account" in layout.columns:
            texts = groups["account"].drop_nulls().str.strip_chars().str.to_lowercase().unique()
            pieces.append("+".join(sorted(text for text in texts if text)))
        else:
            scopes = groups["where"].drop_nulls().unique().to_list()
            pieces += scopes if len(scopes) == 1 else []
        if self._source.manifest is not None and self._source.manifest.export_name is not None:
            pieces.append(self._source.manifest.export_name)
        return ":".join(piece for piece in pieces if piece)

    def _tell(self, done: int) -> None:
        if self._progress is not None:
            self._progress(done, sum(self._sizes))


def _scopes_of(groups: pl.DataFrame, manifest: Manifest | None) -> frozenset[tuple[str, str]]:
    scopes = set(groups.select("of", "where").drop_nulls().unique().iter_rows())
    if manifest is not None and manifest.subscription is not None:
        scopes.add(("azure", manifest.subscription))
    return frozenset(scopes)


def _shape(layout: Layout) -> tuple[str, frozenset[str]]:
    return layout.name, frozenset(layout.columns)


def _is_parquet(part: Part) -> bool:
    try:
        with part.path.open("rb") as lying:
            return lying.read(len(MAGIC)) == MAGIC
    except OSError as fault:
        raise _refused(part.name, 0, Sentence("cannot be read: %(why)s", why=fault.strerror)) from None


def _size(name: str, path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as fault:
        raise _refused(name, 0, Sentence("cannot be read: %(why)s", why=fault.strerror)) from None


def _refused(file: str, line: int, message: Sentence) -> FileRefused:
    return FileRefused([FileError(file, line, "", "", message)])
