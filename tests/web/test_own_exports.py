"""A founder uploads an export of its own scopes; a manager says yes."""

import io
from datetime import timedelta
from pathlib import Path

import pytest

from tests import factories
from tests.conftest import NOW
from tests.usage.exports import write_focus
from tests.usage.importing import assign
from tests.usage.scenes import OTHER, SCOPE, rows_of
from tests.web.browsing import Browser, Page

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def founder(browse_as) -> Browser:
    for key, scope in (("harbour", SCOPE), ("lotus", OTHER)):
        factories.make_startup(key, key.title())
        factories.make_grant(key, amount="100")
        assign(scope, key, NOW - timedelta(days=100), NOW)
    return browse_as(factories.make_member("harbour", "founder@harbour.example"))


def upload(founder: Browser, folder: Path, rows) -> Page:
    form = founder.get("/startups/harbour/exports").form("/startups/harbour/exports")
    content = write_focus(folder / "own.csv", rows).read_bytes()
    page = founder.post(form.action, {**form.fields, "files": (io.BytesIO(content), "own.csv")})
    return founder.follow(page)


def test_an_own_export_waits_and_a_manager_says_yes(founder: Browser, browse_as, tmp_path: Path):
    page = upload(founder, tmp_path, rows_of({10: "5", 11: "6"}))

    assert "A manager looks at it before anything is posted." in page.text
    assert "Waits for a manager" in page.text
    assert "USD 100.00 can still be used" in founder.get("/startups/harbour").text
    manager = browse_as(factories.make_person("lee@park.example", "manager"))
    run = manager.get("/usage/runs/1")
    assert "Uploaded by a startup's own people, of its own billing scopes. Harbour" in run.text
    manager.submit(run, {}, action="/usage/runs/1/confirm")

    assert "Applied" in founder.get("/startups/harbour/exports").text
    assert "USD 89.00 can still be used" in founder.get("/startups/harbour").text


def test_a_row_of_anothers_scope_is_named_by_its_line_and_whose_it_is_is_not_told(founder: Browser, tmp_path: Path):
    page = upload(founder, tmp_path, rows_of({10: "5"}) + rows_of({10: "7"}, OTHER))

    assert "The file is refused whole." in page.text
    assert f"line 3: column SubAccountId: {OTHER} : is no billing scope of yours" in page.text
    assert "lotus" not in page.html.lower()


def test_an_upload_that_waits_may_be_withdrawn(founder: Browser, tmp_path: Path):
    page = upload(founder, tmp_path, rows_of({10: "5"}))

    page = founder.follow(founder.submit(page, {}, action="/startups/harbour/exports/1/withdraw"))

    assert "Discarded" in page.text
