"""Every format comes in by the command, from a file, a folder or a zip."""

import pyarrow as pa
import pytest

from tests.jobs.shell import run
from tests.jobs.test_commands_usage import startup as startup
from tests.usage.format_files import FOLDERS, ONE_FILE, path_of
from tests.usage.readers.exports import FOCUS_ROW
from tests.usage.readers.making import parquet_bytes

ALL = {**ONE_FILE, **FOLDERS}


@pytest.mark.parametrize("name", ALL)
def test_each_format_alone_says_what_the_file_says(config, startup, name):
    said = run(config, "usage", "import", path_of(name), "--dry-run", "--json")

    assert [(report["status"], report["delta"]) for report in said.document["runs"]] == [("applied", ALL[name])]


def test_a_zip_after_the_folder_that_it_was_made_of_changes_nothing(config, startup):
    folder, zipped = path_of("export-parquet"), path_of("export-parquet.zip")

    said = run(config, "usage", "import", folder, zipped, "--json")

    assert [report["status"] for report in said.document["runs"]] == ["applied", "unchanged"]


def test_a_refusal_of_parquet_names_row_and_column(config, startup, tmp_path):
    bad = tmp_path / "bad.parquet"
    bad.write_bytes(parquet_bytes([FOCUS_ROW, {**FOCUS_ROW, "BilledCost": ""}], {"BilledCost": pa.float64()}))

    said = run(config, "usage", "import", bad, "--json")

    assert said.code == 1
    assert said.document["runs"][0]["errors"][0]["place"] == "row"
    assert "bad.parquet, row 2, column BilledCost: a cost is missing" in said.err
