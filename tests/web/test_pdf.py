"""PDFs: text that can be copied in every language, the same bytes for the same page, nothing fetched."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from creditsvc.web.pdf import pdf
from tests.pdf_text import text_of

PAGE = '<!doctype html><html lang="{}"><head><title>Letter</title></head><body><p>{}</p></body></html>'
MADE = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize("lang, text", [
    ("en-GB", "Azure credits of USD 25,000.00"), ("zh-Hant", "雲端額度：美元"), ("zh-Hans", "云端额度：美元")
])
def test_the_text_of_a_pdf_can_be_copied_in_every_language(lang: str, text: str) -> None:
    assert text in text_of(pdf(PAGE.format(lang, text))).replace("\n", "")


def test_the_same_page_gives_the_same_bytes() -> None:
    page = PAGE.format("en-GB", "once")

    assert pdf(page, made=MADE) == pdf(page, made=MADE) != pdf(page)


def test_a_pdf_takes_in_no_file_of_this_machine_and_nothing_from_the_network(tmp_path: Path) -> None:
    secret = tmp_path / "secret.svg"
    secret.write_text('<svg xmlns="http://www.w3.org/2000/svg"><text y="20">hidden words</text></svg>')
    pictures = f'<img src="file://{secret}"><img src="http://example.org/picture.png">kept'

    shown = text_of(pdf(PAGE.format("en-GB", pictures)))  # a try to reach the network would fail the test

    assert "kept" in shown
    assert "hidden" not in shown
