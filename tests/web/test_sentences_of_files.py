"""Why a file is refused or looks suspicious: each reader's own words, from what is stored once."""

import io
from datetime import date, timedelta
from pathlib import Path

import pytest

from creditsvc.core.days import starts_at
from creditsvc.db import db
from creditsvc.usage.models import ImportRun
from tests import factories
from tests.conftest import NOW
from tests.usage.exports import focus_row, write_focus
from tests.usage.importing import assign
from tests.web.browsing import Browser, Page

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

SCOPE = "64e355d7-997c-491d-b0c1-8414dccfcf42"
ENGLISH = "is no number: digits with a decimal point such as 12.50 or 5.6E-05 would be right"
CHINESE = "不是數字：應為帶小數點的數字，例如 12.50 或 5.6E-05"


@pytest.fixture
def readers(browse_as) -> tuple[Browser, Browser]:
    """Two managers of one park, who read English and 繁體中文."""
    factories.make_startup("harbour", "Harbour Robotics")
    factories.make_grant("harbour", amount="1000", key="harbour-azure")
    assign(SCOPE, "harbour", starts_at(date(2026, 3, 1)), NOW)
    lee = factories.make_person("lee@park.example", "manager")
    return browse_as(lee), browse_as(factories.make_person("wong@park.example", "manager", language="zh_Hant"))


def upload(browser: Browser, folder: Path, cost: str) -> Page:
    rows = [focus_row(date(2026, 6, 1) + timedelta(days=n), SCOPE, cost) for n in range(4)]
    content = write_focus(folder / "made.csv", rows).read_bytes()
    return browser.follow(browser.submit("/usage/upload", {"files": (io.BytesIO(content), "june.csv")}))


def hold(browser: Browser, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Page:
    """A run that would take much away, and waits for a yes."""
    page = upload(browser, folder, "60")
    browser.follow(browser.submit(page, {}, action=f"{page.url}/apply"))
    monkeypatch.setattr("creditsvc.clock.now", lambda: NOW + timedelta(hours=1))
    page = upload(browser, folder, "1")
    return browser.follow(browser.submit(page, {}, action=f"{page.url}/apply"))


def test_a_refusal_is_read_in_each_readers_language(readers: tuple[Browser, Browser], tmp_path: Path):
    lee, wong = readers

    page = upload(lee, tmp_path, "lots")

    assert ENGLISH in page.text
    assert CHINESE in wong.get(page.url).text
    assert ENGLISH not in wong.get(page.url).text


def test_a_suspicion_is_read_in_each_readers_language(
    readers: tuple[Browser, Browser], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    lee, wong = readers

    held = hold(lee, tmp_path, monkeypatch)

    english = f"would take 236.00 of 240.00 USD of 2026-06 away from {SCOPE}"
    chinese = f"會從 {SCOPE} 在 2026-06 的 USD 240.00 之中扣去 236.00"
    for address in (held.url, "/worklist"):
        assert english in lee.get(address).text
        assert chinese in wong.get(address).text
        assert english not in wong.get(address).text


def test_a_trial_names_its_suspicion_in_the_readers_language(
    readers: tuple[Browser, Browser], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    lee, wong = readers
    hold(lee, tmp_path, monkeypatch)

    assert "之中扣去 236.00" in upload(wong, tmp_path, "1").text


def test_what_was_stored_before_sentences_were_is_read_as_it_is(readers: tuple[Browser, Browser], tmp_path: Path):
    lee, wong = readers
    page = upload(lee, tmp_path, "lots")
    run = db.session.scalars(db.select(ImportRun)).one()
    run.report = {name: value for name, value in run.report.items() if name != "sentences"}
    db.session.commit()

    assert ENGLISH in wong.get(page.url).text


def test_a_table_of_people_is_refused_in_the_readers_language(readers: tuple[Browser, Browser]):
    wong = readers[1]
    table = (io.BytesIO(b"name\nAda\n"), "seats.csv")

    page = wong.submit("/startups/harbour/seats/import", {"file": table})

    assert "seats.csv, 第 1 行: 不是標題行：請寫上 product, grant, email, name" in page.text
