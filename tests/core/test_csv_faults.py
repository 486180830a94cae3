"""What csv finds wrong is said in our own words, whatever its own are."""

import csv
import io
from collections.abc import Iterator

import pytest

from creditsvc.core.csv_faults import csv_fault


@pytest.fixture(autouse=True)
def fields_of_100_characters() -> Iterator[None]:
    before = csv.field_size_limit(100)
    yield
    csv.field_size_limit(before)


@pytest.mark.parametrize(("text", "said"), [
    ('a,"b', "is no proper CSV: a quotation mark that opens here is never closed"),
    ('a,"b"c', "is no proper CSV: behind a closing quotation mark the next column must begin, or the line end"),
    ("x" * 101, "is no proper CSV: a field is longer than 100 characters"),
    ("a\rb", "is no proper CSV"),
])
def test_a_fault_of_csv_is_said_in_our_words(text: str, said: str) -> None:
    with pytest.raises(csv.Error) as caught:
        list(csv.reader([text] if "\r" in text else io.StringIO(text, newline=""), strict=True))

    assert csv_fault(caught.value) == said
