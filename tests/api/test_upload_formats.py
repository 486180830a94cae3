"""Every format comes in by the API."""

import pyarrow as pa
import pytest

from tests.api.speaking import Speaker
from tests.api.test_usage_runs import granted as granted
from tests.api.test_usage_runs import upload
from tests.usage.format_files import FOLDERS, ONE_FILE, files_of
from tests.usage.readers.exports import FOCUS_ROW
from tests.usage.readers.making import parquet_bytes


@pytest.mark.parametrize("name", [*ONE_FILE, *FOLDERS])
def test_an_upload_of_each_format_changes_what_the_file_says(manager: Speaker, granted: None, name: str) -> None:
    answer = upload(manager, *files_of(name))

    assert (answer.status_code, answer.json["status"]) == (201, "applied")
    assert answer.json["delta"] == {**ONE_FILE, **FOLDERS}[name]


def test_a_refusal_of_parquet_names_row_and_column(manager: Speaker, granted: None) -> None:
    rows = [FOCUS_ROW, {**FOCUS_ROW, "BilledCost": ""}]
    content = parquet_bytes(rows, {"BilledCost": pa.float64()})

    answer = upload(manager, ("june.parquet", content))

    (error,) = answer.json["errors"]
    assert (answer.status_code, error["line"], error["place"], error["column"]) == (422, 2, "row", "BilledCost")
    assert "june.parquet, row 2, column BilledCost" in answer.json["detail"]


def test_a_zip_with_a_file_beside_it_is_refused(manager: Speaker, granted: None) -> None:
    answer = upload(manager, *files_of("one-file.zip"), *files_of("payg-chinese.csv"))

    assert (answer.status_code, answer.json["errors"][0]["file"]) == (422, "one-file.zip")
