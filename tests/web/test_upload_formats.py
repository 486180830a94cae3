"""Every format comes in by the upload page."""

import pyarrow as pa
import pytest

from tests.usage.format_files import FOLDERS, ONE_FILE, files_of
from tests.usage.readers.exports import FOCUS_ROW
from tests.usage.readers.making import parquet_bytes
from tests.web.browsing import Browser
from tests.web.test_usage import manager as manager
from tests.web.test_usage import press, upload


@pytest.mark.parametrize("name, usage", [
    ("focus-1.2.snappy.parquet", "USD 3.00"), ("export-parquet.zip", "USD 3.00"), ("export-2024.zip", "USD 5.25"),
    ("one-file.zip", "USD 5.25"), ("export-parquet", "USD 3.00"), ("export-preview", "USD 15.25"),
])  # fmt: skip
def test_an_upload_is_tried_out_and_applied_in_each_format(manager: Browser, name: str, usage: str):
    trial = manager.follow(upload(manager, *((content, file) for file, content in files_of(name))))

    page = press(manager, trial, "apply")

    assert usage in trial.text
    assert usage in page.text
    assert name in {**ONE_FILE, **FOLDERS}


def test_a_refusal_of_parquet_names_row_and_column(manager: Browser):
    rows = [FOCUS_ROW, {**FOCUS_ROW, "BilledCost": ""}]

    page = manager.follow(upload(manager, (parquet_bytes(rows, {"BilledCost": pa.float64()}), "june.parquet")))

    assert "june.parquet, row 2, column BilledCost : a cost is missing" in page.text
