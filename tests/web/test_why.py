"""From a balance down to the rows of the file behind it: every figure on the way is the sum of the next."""

import re
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import delete, update

from creditsvc.db import db, transaction
from creditsvc.parties.access import operator
from creditsvc.usage.models import FilePiece, ImportFile
from creditsvc.usage.operations import reverse_run
from tests import factories
from tests.conftest import NOW
from tests.ledger.books import START
from tests.usage.exports import focus_row
from tests.usage.importing import assign, import_path
from tests.usage.scenes import SCOPE, export, hours, june, make_startups, write
from tests.web.browsing import Browser, Page

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def park(app: Flask) -> None:
    make_startups("acme", "kite")
    assign(SCOPE, "acme", START, NOW)


def links(page: Page, part: str) -> list[str]:
    """Where links lead whose address has that part, in their order."""
    return [one.replace("&amp;", "&") for one in re.findall(r'href="([^"]+)"', page.html) if part in one]


def test_a_balance_is_followed_down_to_the_rows_of_the_file(app: Flask, park: None, tmp_path: Path) -> None:
    rows = [focus_row(june(day), SCOPE, cost) for day, cost in ((2, "10.123456785"), (2, "5.5"), (3, "7"))]
    import_path(write(tmp_path, rows), now=hours(0))
    founder = Browser(app).signed_in(factories.make_member("acme"))

    start = founder.get("/startups/acme")
    (why,) = set(links(start, "/why/"))
    balance = founder.get(why)
    day = founder.get(next(one for one in links(balance, "/why/") if one.endswith("2026-06-02")))
    (file,) = links(day, "/rows?")
    found = founder.get(file)

    assert "977.38" in balance.text
    assert "22.62" in balance.text
    assert "USD 15.62" in day.text
    assert "15.623456785 USD" in found.text
    assert "USD 15.62345678" in found.text  # half to even
    assert "2 rows" in found.text
    assert "This is what is posted." in found.text
    assert re.findall(r'data-label="Line">(\d+)<', found.html) == ["2", "3"]
    assert "manager" not in balance.text.lower()
    assert "/usage/runs/" not in balance.html
    assert "export-" not in found.text


def test_a_restated_day_shows_both_imports_and_the_rows_of_the_one_that_decides(
    app: Flask, park: None, tmp_path: Path
) -> None:
    first = import_path(export(tmp_path, {2: "10"}), now=hours(0))
    second = import_path(export(tmp_path, {2: "12.5"}), now=hours(1))
    manager = Browser(app).signed_in(factories.make_person("lee@park.example", "manager"))

    day = manager.get("/startups/acme/why/credit/2026-06-02")
    restated = manager.get(links(day, "/rows?")[0])
    transaction(lambda: reverse_run(operator(hours(2)), second["id"]))
    reversed_day = manager.get("/startups/acme/why/credit/2026-06-02")
    fallen_back = manager.get(links(reversed_day, "/rows?")[0])

    assert f"Import {first['id']} : +USD 10.00" in day.text
    assert f"Import {second['id']} : +USD 2.50" in day.text
    assert "12.5 USD" in restated.text
    assert "This is what is posted." in restated.text
    assert "(reversed since)" in reversed_day.text
    assert "10 USD" in fallen_back.text
    assert "This is what is posted." in fallen_back.text


def test_a_file_that_was_not_kept_is_said_so(app: Flask, park: None, tmp_path: Path) -> None:
    import_path(export(tmp_path, {2: "10"}), now=hours(0))

    def forget() -> None:
        db.session.execute(delete(FilePiece))
        db.session.execute(update(ImportFile).values(kept="no"))

    transaction(forget)
    founder = Browser(app).signed_in(factories.make_member("acme"))
    found = founder.get(links(founder.get("/startups/acme/why/credit/2026-06-02"), "/rows?")[0])

    assert found.status == 200
    assert "The rows cannot be shown" in found.text
    assert "was not kept" not in found.text  # a file's name may tell of others
    manager = Browser(app).signed_in(factories.make_person("lee@park.example", "manager"))
    assert "was not kept" in manager.get(found.url).text


def test_usage_of_a_scope_on_days_of_another_owner_is_not_there(app: Flask, park: None, tmp_path: Path) -> None:
    import_path(export(tmp_path, {2: "10"}), now=hours(0))
    stranger = Browser(app).signed_in(factories.make_member("kite", "o@kite.example"))
    address = f"/startups/kite/why/credit/2026-06-02/rows?scope={SCOPE}&currency=USD&charge="

    assert stranger.get("/startups/acme/why/credit").status == 404
    assert stranger.get("/startups/acme/why/credit/2026-06-02").status == 404
    assert "10.00" not in stranger.get("/startups/kite/why/credit/2026-06-02").text
    assert stranger.get(address).status == 404


@pytest.mark.parametrize("address", ["why/none", "why/credit/today", "why/credit/2026-02-30"])
def test_what_is_not_there_is_not_found(app: Flask, park: None, address: str) -> None:
    founder = Browser(app).signed_in(factories.make_member("acme"))

    assert founder.get(f"/startups/acme/{address}").status == 404


def test_a_balance_can_be_asked_as_of_a_day_as_it_was_known(app: Flask, park: None, tmp_path: Path) -> None:
    import_path(export(tmp_path, {2: "10", 9: "5"}), now=hours(0))
    founder = Browser(app).signed_in(factories.make_member("acme"))

    assert "990.00" in founder.get("/startups/acme/why/credit?as_of=2026-06-05").text
    assert founder.get("/startups/acme/why/credit?as_of=2027-01-01").status == 422
    assert founder.get("/startups/acme/why/credit?known_at=x").status == 422
