"""Two thousand exports made wrong: each is read with the right total, or refused by name; none ends otherwise.

The right total is that of a second reading which shares nothing with the product (`reference`). First the corpus is
shown to find a reader that is wrong, one that breaks, and one that refuses without a name.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pyarrow as pa
import pytest
from flask import Flask
from polars.exceptions import PanicException

from creditsvc.core.errors import FileError, FileRefused
from creditsvc.usage.readers import counting, judging, read
from creditsvc.usage.readers.limits import MEBIBYTE
from tests.conftest import NOW
from tests.dumping import dump
from tests.usage.importing import import_path
from tests.usage.readers.exports import read as read_path
from tests.usage.readers.mutations import MAKERS, Case, case
from tests.usage.readers.reference import Reading, read_apart
from tests.usage.readers.test_own_formats import as_read

CASES = 2000
BLOCK = 250
FOR_FAULTS = range(100, 210)
"""Enough cases that each seeded fault shows."""

BROKEN = (Exception, PanicException)


@dataclass
class Outcome:
    """What became of some cases: how many were read and refused, and what was wrong, case by case."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def outcome_of(numbers: range, folder: Path) -> Outcome:
    """Reads the cases of those numbers and compares each with the reading apart."""
    outcome = Outcome()
    for number in numbers:
        made = case(number)
        path = made.write(folder / str(number))
        try:
            found = as_read(read_path(path))
        except FileRefused as refusal:
            outcome.counts["refused"] += 1
            if not all(error.file and error.message for error in refusal.errors):
                outcome.wrong.append(f"{made.name}: refused without a name: {refusal}")
        except BROKEN as error:
            outcome.wrong.append(f"{made.name}: {type(error).__name__}: {error}")
        else:
            outcome.counts["read"] += 1
            outcome.wrong += wrong_total(made, found)
    return outcome


def wrong_total(made: Case, found: Reading) -> list[str]:
    """What is wrong with what was read. Where the reading apart gives up (a damaged place that nothing needs), the file
    must say what it said before it was damaged."""
    try:
        wanted = together(made.data)
    except (ValueError, ArithmeticError, LookupError, OSError, EOFError, pa.ArrowException):
        wanted = together(made.base)
    return [] if found == wanted else [f"{made.name}: read {found}, not {wanted}"]


def together(contents: tuple[bytes, ...]) -> Reading:
    """The parts of one export, added up."""
    totals: Counter[tuple[object, ...]] = Counter()
    left_out: Counter[str] = Counter()
    for content in contents:
        part = read_apart(content)
        for place, amount in part.totals.items():
            totals[place] += amount
        left_out.update(part.left_out)
    return Reading(dict(totals), dict(left_out))  # type: ignore[arg-type]


def no_tax(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "LEFT_OUT_CATEGORIES", {"credit": "credit", "adjustment": "adjustment"})


def breaking(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(text: str) -> object:
        raise KeyError(text)

    monkeypatch.setattr(judging, "currency_of", broken)


def nameless(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> FileRefused:
        return FileRefused([FileError("", 0, "", "", "")])

    monkeypatch.setattr(read, "refusal", refuse)


def no_ragged_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    real = read.PieceGrouping.groups
    monkeypatch.setattr(read.PieceGrouping, "groups", lambda *asked: (real(*asked)[0], False))


@pytest.mark.parametrize(
    "fault, words",
    [(no_tax, "'tax'"), (breaking, "KeyError"), (nameless, "without a name"), (no_ragged_rows, "repeat: read")],
)
def test_a_faulty_reader_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: object, words: str
) -> None:
    assert callable(fault)
    fault(monkeypatch)

    outcome = outcome_of(FOR_FAULTS, tmp_path)

    assert any(words in wrong for wrong in outcome.wrong)


@pytest.mark.parametrize("first", range(0, CASES, BLOCK))
def test_an_export_made_wrong_is_read_rightly_or_refused_by_name_with_flat_memory(tmp_path: Path, first: int) -> None:
    process = psutil.Process()
    outcome_of(range(first, first + 20), tmp_path / "warm")
    before = process.memory_info().rss

    outcome = outcome_of(range(first, first + BLOCK), tmp_path)

    assert outcome.wrong == []
    assert outcome.counts.total() == BLOCK
    assert min(outcome.counts["read"], outcome.counts["refused"]) > BLOCK // 10
    assert process.memory_info().rss - before < 100 * MEBIBYTE


def test_every_kind_of_export_is_both_read_and_refused(tmp_path: Path) -> None:
    ends = Counter[tuple[str, str]]()
    for number in range(300):
        made = case(number)
        counts = outcome_of(range(number, number + 1), tmp_path).counts
        ends.update((made.name.split(": ")[1].split(",")[0], end) for end in counts)

    assert ends.keys() == {(kind, end) for kind in MAKERS for end in ("read", "refused")}


def test_a_case_is_the_same_whenever_it_is_made() -> None:
    assert [case(number) for number in range(40)] == [case(number) for number in range(40)]


def test_what_is_refused_posts_nothing_and_what_is_read_does(app: Flask, tmp_path: Path) -> None:
    ends = Counter[str]()
    for number in range(60):
        made = case(number)
        before = dump()
        try:
            report = import_path(made.write(tmp_path / str(number)), NOW, submitted_at=datetime(2026, 3, 7, tzinfo=UTC))
        except FileRefused:
            ends["refused"] += 1
            assert dump() == before, made.name
        else:
            ends[report["status"]] += 1
            assert dump() != before, made.name

    assert ends["refused"] > 20
    assert ends["applied"] + ends["unchanged"] + ends["held"] > 10
