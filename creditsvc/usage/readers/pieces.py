"""The text of a part grouped while it is still being checked, in pieces of whole rows (DESIGN section 8).

So a file is read and unpacked once, what is held in memory is a piece or two however large the file is, and the
grouping, which lets go of the interpreter, runs on a second processor beside the check.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Self

import polars as pl
from polars.exceptions import PolarsError

from creditsvc.core.errors import FileError, FileRefused
from creditsvc.core.sentences import Sentence
from creditsvc.usage.readers.grouping import group_text, marked, merged
from creditsvc.usage.readers.limits import Limits
from creditsvc.usage.readers.plain import header_of
from creditsvc.usage.readers.schemas import Layout, recognise

MANY_GROUPS = 200_000
"""From so many groups on the pieces' groups are merged as they come, so that they do not pile up."""


class Rows:
    """Cuts a text into pieces that end where a row ends: at a line feed behind an even number of quotation marks."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._rest = b""
        self._quotes = 0
        self.too_long = False

    def cut(self, text: bytes, quotes: int) -> list[bytes]:
        """The whole rows that the text so far has more than before, in parts.

        `quotes` is how many quotation marks `text` has. Nothing any more once a row was too long.
        """
        if self.too_long:
            return []
        self._quotes += quotes
        before, end = self._quotes, len(text)
        while (found := text.rfind(b"\n", 0, end)) >= 0:
            before -= text.count(b'"', found, end)
            if before % 2 == 0:
                rows = [self._rest, text[: found + 1]]
                self._rest, self._quotes = text[found + 1 :], self._quotes - before
                return rows
            end = found
        self._rest += text
        self.too_long = len(self._rest) > self._limits.row_bytes
        return []


class PieceGrouping:
    """Groups the text that it is fed, which was checked; nothing counts before all of it was. `groups` is asked behind
    the `with`.

    It is silent about what is wrong until `groups` is asked, since the check may know a better reason.
    """

    def __init__(self, name: str, costs: Sequence[str], limits: Limits) -> None:
        self._name = name
        self._costs = costs
        self._limits = limits
        self._rows = Rows(limits)
        self._head: bytes | None = b""
        self._layout: Layout | None = None
        self._fault: PolarsError | None = None
        self._held: list[bytes] = []
        self._groups: list[pl.DataFrame] = []
        self._beside = ThreadPoolExecutor(1)
        self._running: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if kind is None:
            self._group_held()
        self._beside.shutdown()

    def feed(self, text: bytes, quotes: int) -> None:
        """The next chunk of checked text, of any size, and how many quotation marks it has."""
        if self._head is not None:
            text = self._after_header(text)
            quotes = text.count(b'"')
        if self._layout is None or self._fault is not None:
            return
        self._held += map(marked, self._rows.cut(text, quotes))
        if sum(map(len, self._held)) >= self._limits.piece:
            self._group_held()

    def groups(self, layout: Layout) -> tuple[pl.DataFrame, bool]:
        """The groups of all text, and whether some row has fewer or more columns than the header.

        Raises what the grouping raised, and FileRefused for a row that is longer than any export's.
        """
        self._wait()
        if self._fault is not None:
            raise self._fault
        if self._rows.too_long:
            message = Sentence(
                "has a row of more than %(most)s bytes, so it is no cost export", most=self._limits.row_bytes
            )
            raise FileRefused([FileError(self._name, 0, "", "", message)])
        groups = merged(self._groups or [group_text([], layout, self._costs)])
        return groups.drop("ragged"), bool(groups["ragged"].sum())

    def _after_header(self, text: bytes) -> bytes:
        """What follows the header, once it is there."""
        assert self._head is not None
        head, end, rest = (self._head + text).partition(b"\n")
        if not end and len(head) <= self._limits.header_bytes:
            self._head = head
            return b""
        self._head = None
        with suppress(FileRefused):  # refused for good once the bytes were checked
            self._layout = recognise(self._name, header_of(self._name, head, self._limits))
        return rest

    def _group_held(self) -> None:
        self._wait()
        if self._held and self._fault is None:
            self._running = self._beside.submit(self._group, self._held)
            self._held = []

    def _wait(self) -> None:
        if self._running is not None:
            try:
                self._running.result()
            except PolarsError as fault:
                self._fault = fault
            self._running = None

    def _group(self, rows: Sequence[bytes]) -> None:
        assert self._layout is not None
        self._groups.append(group_text(rows, self._layout, self._costs))
        if sum(groups.height for groups in self._groups[1:]) > max(MANY_GROUPS, self._groups[0].height):
            self._groups = [merged(self._groups)]
