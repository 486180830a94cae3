"""A month-end as a manager freezes it and an auditor reads it: as a page, as files."""

import hashlib
import io
import json
from collections.abc import Callable
from datetime import timedelta

import openpyxl
import pytest
from flask import Flask

from creditsvc.db import db, transaction
from creditsvc.parties.models import StartupProgramme
from tests import factories
from tests.pdf_text import text_of
from tests.web.browsing import Browser

PAGE = "/programmes/tech/month-ends/2026-05"


@pytest.fixture
def manager(app: Flask, browse_as: Callable[..., Browser]) -> Browser:
    """A manager, and a programme with a startup whose name a spreadsheet would take for a formula."""
    programme = factories.make_programme("tech")
    startup = factories.make_startup("acme", "=1+1")
    factories.make_grant(startup.key, factories.make_pool("ms").key, "250.125", now=factories.NOW.replace(month=3))
    transaction(lambda: db.session.add(StartupProgramme(startup_id=startup.id, programme_id=programme.id)))
    return browse_as(factories.make_person("m@park.example", "manager"))


def test_a_manager_freezes_a_month_and_all_files_carry_its_sha256(manager: Browser) -> None:
    frozen = manager.follow(manager.submit(PAGE, {}))
    files = {kind: manager.get(f"{PAGE}.{kind}?edition=1").response for kind in ("json", "xlsx", "pdf")}

    text = files["json"].get_data()
    sha256 = hashlib.sha256(text).hexdigest()
    sheets = openpyxl.load_workbook(io.BytesIO(files["xlsx"].get_data())).worksheets
    rows = [list(sheet.values) for sheet in sheets]
    assert "Edition 1 is frozen" in frozen.text
    assert sha256 in frozen.text
    assert "Nothing that is known today differs" in frozen.text
    assert json.loads(text)["batches"] == {"acme/azure-credit": 1}
    assert ("SHA-256", sha256) in [row[:2] for row in rows[0]]
    assert rows[2][1][:7] == ("'=1+1", "acme", "azure-credit", "USD", 1, 250.125, 0)
    assert sha256 in text_of(files["pdf"].get_data())
    assert "May 2026 TechConnect Edition 1" in manager.get("/month-ends").text


def test_a_month_that_runs_is_a_preview_and_freezing_it_is_refused(manager: Browser) -> None:
    page = manager.get("/programmes/tech/month-ends/2026-06")
    token = manager.get(PAGE).form().fields["csrf_token"]
    refused = manager.post("/programmes/tech/month-ends/2026-06", {"csrf_token": token, "follows": "0"})

    assert "this is a preview up to now" in page.text
    assert "Freeze" not in page.text
    assert refused.status == 409
    assert "2026-06 is not over yet" in refused.text


def test_an_auditor_reads_what_was_frozen_and_what_is_known_since(
    manager: Browser, browse_as: Callable[..., Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    manager.submit(PAGE, {})
    monkeypatch.setattr("creditsvc.clock.now", lambda: factories.NOW + timedelta(days=1))
    factories.make_grant("acme", "ms", "9", effective=factories.NOW.replace(month=5))

    page = browse_as(factories.make_person("u@park.example", "auditor")).get(PAGE)

    assert "2 figures read otherwise" in page.text
    assert "at its end Awarded 250.12 259.12" in page.text
    assert "Freeze" not in page.text
