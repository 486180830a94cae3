"""A part is grouped in pieces of whole rows; where they begin changes nothing."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditsvc.core.errors import FileRefused
from creditsvc.usage.readers.limits import MEBIBYTE, Limits
from creditsvc.usage.readers.pieces import Rows
from tests.usage.readers.exports import EA_ROW, FOCUS_ROW, read, refused, text_of, written

SMALL = Limits(chunk=50, piece=300)
TAGS = ['"x"\n', "a\r\nb", "", ',,"', "é漢"]
MANY = [{"Tags": TAGS[number % 5], "Cost": f"{number}.5"} for number in range(40)]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_an_export_gives_the_same_in_any_pieces(
    tmp_path: Path, line_end: str, pack: Callable[[bytes], bytes]
) -> None:
    path = written(tmp_path, pack(text_of(EA_ROW, MANY).replace("\n", line_end).encode()))

    whole, in_pieces = read(path), read(path, limits=SMALL)

    assert in_pieces.totals.equals(whole.totals)
    assert replace(in_pieces, totals=whole.totals) == whole
    assert whole.rows == 40


GOOD_ROW = text_of({**FOCUS_ROW, "Tags": "", "x_More": ""}).splitlines()[1]


@pytest.mark.parametrize("line", [2, 3, 21, 40, 41])
@pytest.mark.parametrize("change", [
    lambda row: "", lambda row: row.rsplit(",", 6)[0], lambda row: row + ",more", lambda row: row.replace("USD", "£"),
])  # fmt: skip
def test_a_faulty_row_is_refused_by_its_line_in_any_pieces(
    tmp_path: Path, line: int, change: Callable[[str], str]
) -> None:
    lines = text_of({**FOCUS_ROW, "Tags": "", "x_More": ""}, [{}] * 40).splitlines()
    lines[line - 1] = change(lines[line - 1])
    path = written(tmp_path, "\n".join([*lines, GOOD_ROW, ""]))

    errors = [refused(path, limits)[0] for limits in (Limits(), SMALL)]

    assert errors[0].line == line
    assert errors[0] == errors[1]


def test_a_row_longer_than_any_export_has_is_refused(tmp_path: Path) -> None:
    (error,) = refused(written(tmp_path, text_of(EA_ROW, [{}, {"Tags": "long" * 4 * MEBIBYTE}, {}])))

    assert "more than 2097152 bytes" in error.message


def test_line_ends_within_a_row_do_not_make_it_longer(tmp_path: Path) -> None:
    export = read(written(tmp_path, text_of(EA_ROW, [{"Tags": "\n" * 1_200_000}, {}])))

    assert export.rows == 2


def test_rows_whose_last_fields_are_empty_are_not_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object) -> FileRefused:
        raise AssertionError("every row was read again")

    monkeypatch.setattr("creditsvc.usage.readers.read.ragged_rows", slow)
    rows = [{"BenefitId": "", "Tags": tags} for tags in ("", '"a"\n"b"', ",")]

    export = read(written(tmp_path, text_of({**EA_ROW, "BenefitId": "", "Other": ""}, rows) + "\r\n\n"))

    assert export.rows == 3


@given(rows=st.lists(st.sampled_from(["a,b", '"x\ny",1', '"",', '"""\n"', ""]), min_size=1),
       size=st.integers(1, 9), line_end=st.sampled_from(["\n", "\r\n"]))
def test_pieces_are_whole_rows_and_together_the_text(rows: list[str], size: int, line_end: str) -> None:
    text = "".join(row + line_end for row in rows).encode()
    cutting = Rows(Limits())

    chunks = [text[start : start + size] for start in range(0, len(text), size)]
    pieces = [b"".join(cutting.cut(chunk, chunk.count(b'"'))) for chunk in chunks]

    assert b"".join(pieces) == text
    assert all(piece.count(b'"') % 2 == 0 and piece.endswith(b"\n") for piece in pieces if piece)
