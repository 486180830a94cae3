"""Rows that were cut short are refused, wherever they stand and whatever they lost."""

import gzip
from collections.abc import Mapping
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from creditsvc.usage.readers.grouping import group, group_text, marked
from creditsvc.usage.readers.limits import Limits
from creditsvc.usage.readers.schemas import recognise
from tests.usage.readers.exports import EA_ROW, FOCUS_ROW, read, refused, text_of, written

GOOD = text_of(EA_ROW, [{}, {}])


@pytest.mark.parametrize(
    "content, line, words",
    [
        pytest.param(GOOD[:-10] + "\n", 3, "columns where the header has 13", id="too few columns"),
        pytest.param(GOOD[:-1] + ",more\n", 3, "has 14 columns", id="too many columns"),
        pytest.param(GOOD[:-1], 3, "no line end", id="no line end"),
        pytest.param(GOOD[:-20], 3, "no line end", id="cut in the middle"),
        pytest.param(GOOD + '9000001,"half a', 4, "never closed", id="cut within quotation marks"),
        pytest.param(text_of(EA_ROW, [{"Tags": 'a\n"b"\n'}, {"Tags": "c\nd"}])[:-5], 5, "no line end", id="quoted"),
    ],
)
def test_a_last_row_that_was_cut_short_is_refused(tmp_path: Path, content: str, line: int, words: str) -> None:
    (plain,) = refused(written(tmp_path, content))
    (packed,) = refused(written(tmp_path, gzip.compress(content.encode())))

    assert (plain.line, words in plain.message) == (line, True)
    assert packed == plain


def with_a_middle_row_that_ends(path: Path, end: str) -> Path:
    header, *rows = text_of(FOCUS_ROW, [{}, {}, {}]).splitlines(keepends=True)
    rows[1] = "1.5,42,USD,2026-03-01T00:00:00Z,Usage,2026-03-01T00:00:00Z,Microsoft,Storage,Blob" + end
    return written(path, header + "".join(rows))


def test_a_row_in_the_middle_that_has_lost_its_scope_by_being_short_is_refused(tmp_path: Path) -> None:
    (error,) = refused(with_a_middle_row_that_ends(tmp_path, "\n"))

    assert (error.line, error.message) == (3, "has 9 columns where the header has 11")


@pytest.mark.parametrize("packed", [False, True])
def test_a_row_in_the_middle_that_may_be_paid_from_credit_only_for_being_short_is_refused(
    tmp_path: Path, packed: bool
) -> None:
    row = {name: value for name, value in EA_ROW.items() if name != "IsAzureCreditEligible"}
    header, *rows = text_of({**row, "IsAzureCreditEligible": "False"}, [{}] * 3).splitlines()
    rows[1] = rows[1].removesuffix(",False")
    content = "\n".join([header, *rows, "", ""]).encode()

    (error,) = refused(written(tmp_path, gzip.compress(content) if packed else content))

    assert (error.line, error.message) == (3, "has 12 columns where the header has 13")


@pytest.mark.parametrize("quoted", ["", '"a, ""b"", c"'])
def test_a_row_in_the_middle_with_more_columns_than_the_header_is_refused(tmp_path: Path, quoted: str) -> None:
    header, *rows = text_of({**FOCUS_ROW, "Tags": quoted, "x_Other": "o"}, [{}] * 3).splitlines()
    rows[1] = rows[1].replace(",Usage,", ",Usage,2026-03-01T00:00:00Z,", 1)
    content = "\n".join([header, *rows, ""])

    (error,) = refused(written(tmp_path, content))

    assert (error.line, error.message) == (3, "has 13 columns where the header has 12")


def test_rows_that_end_with_empty_fields_and_blank_lines_behind_them_are_no_short_rows(tmp_path: Path) -> None:
    text = text_of({**EA_ROW, "Tags": '"a"\n' * 50_000, "BenefitId": "", "Other": ""}, [{}] * 3) + "\n\n"

    export = read(written(tmp_path, text))

    assert export.rows == 3


@pytest.mark.parametrize("chunk", [1, 2, 3, 64, 4096])
def test_line_ends_and_quoted_fields_are_told_apart_wherever_the_reading_pauses(tmp_path: Path, chunk: int) -> None:
    text = text_of(EA_ROW, [{"Tags": 'a,"b"\r\nc\rd'}, {"Tags": '""'}, {"Tags": ","}]).replace("\n9", "\r\n9")

    export = read(written(tmp_path, text), limits=Limits(chunk=chunk))

    assert export.rows == 3


@pytest.mark.parametrize("chunk", [1, 3, 4096])
@pytest.mark.parametrize("content, line", [
    ("{0}\r\n{1}\n{2}\r{1}\n", 3), ("{0}\r\n9\r{1}\r\n{1}\n{1}\r\n", 2), ('{0}\n{1},x\r"y"\n', 2),
    ('{0}\n{1},x\r""\n', 2),
])  # fmt: skip
def test_a_carriage_return_that_ends_no_line_is_refused_however_many_line_ends_there_are(
    tmp_path: Path, content: str, line: int, chunk: int
) -> None:
    header, row = text_of(EA_ROW).splitlines()
    path = written(tmp_path, content.format(header, row, row))

    (error,) = refused(path, Limits(chunk=chunk))

    assert (error.line, error.message.startswith("has a carriage return that ends no line")) == (line, True)


def test_a_row_in_the_middle_whose_scope_is_empty_is_left_out(tmp_path: Path) -> None:
    export = read(with_a_middle_row_that_ends(tmp_path, ",,\n"))

    assert [(left.reason, left.rows) for left in export.left_out] == [("no-scope", 1)]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("line, more", [(2, ","), (3, ",,"), (4, ",")])
def test_a_row_with_one_more_column_is_refused_though_it_is_empty(
    tmp_path: Path, line: int, more: str, line_end: str
) -> None:
    lines = text_of({**FOCUS_ROW, "x_Other": ""}, [{}] * 4).splitlines()
    lines[line - 1] += more

    (error,) = refused(written(tmp_path, line_end.join([*lines, ""])))

    assert (error.line, error.message) == (line, f"has {12 + len(more)} columns where the header has 12")


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("changes", [{"ChargeType": "Usage{}", "ReservationId": "r"}, {"ReservationId": "{}"},
                                     {"ReservationId": "r{}", "PricingModel": "On{}Demand", "Cost": "0"}])
def test_line_ends_within_columns_that_are_judged_change_nothing(
    tmp_path: Path, changes: Mapping[str, str], line_end: str
) -> None:
    row = {name: value.format(line_end) for name, value in changes.items()}
    path = written(tmp_path, text_of(EA_ROW, [row, {}]))
    layout = recognise(path.name, tuple(EA_ROW))

    again = group(path, layout, ["cost"], has_rows=True)
    first = group_text([marked(path.read_bytes().partition(b"\n")[2])], layout, ["cost"])

    assert_frame_equal(first.drop("ragged"), again, check_row_order=False)
    assert first["ragged"].sum() == 0


@pytest.mark.parametrize("chunk", [1, 7, 4096])
@pytest.mark.parametrize("service", ["Blob\nand more", "Blob\r\nand more", "\n", ",\n,\n"])
def test_a_line_end_within_a_column_that_counts_stays_as_it_is(tmp_path: Path, service: str, chunk: int) -> None:
    path = written(tmp_path, text_of(FOCUS_ROW, [{"ServiceName": service}, {}]) + "\r\n\n")

    export = read(path, limits=Limits(chunk=chunk))

    keys = export.totals["key"].to_list()
    assert len(keys) == 2
    assert [key.split("|")[0] for key in keys if key != "blob|storage|usage"] == [service.lower().strip()]
