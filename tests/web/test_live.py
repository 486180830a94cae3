"""Pieces of pages, as htmx asks for them: what is in them, and that no other page ever is."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from creditsvc.db import db
from creditsvc.grants.models import Grant
from creditsvc.parties.models import Person
from tests import factories
from tests.web.browsing import Browser, Page

AWARD = "/startups/harbour/award"
RIGHT = {"pool": "ms-azure", "amount": "25000", "effective": "2026-06-01", "expires": "2026-12-31", "reason": "spring"}
PIECE = {"HX-Request": "true", "HX-Request-Type": "partial"}
OF_A_PAGE = {"HX-Request": "true", "HX-Request-Type": "full"}

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def lee() -> Person:
    factories.make_startup("harbour", "Harbour Robotics")
    factories.make_pool("ms-azure", "100000")
    factories.make_grant("harbour", "ms-azure", "1000", key="first")
    return factories.make_person("lee@park.example", "manager")


@pytest.fixture
def manager(browse_as: Callable[..., Browser], lee: Person) -> Browser:
    return browse_as(lee)


def asks(browser: Browser, url: str, typed: dict[str, str], form: Page | None = None) -> Page:
    fields = (form or browser.get(url)).form(url).fields
    return browser.post(url, {**fields, **typed, "step": "preview"}, headers=PIECE)


@pytest.mark.parametrize("url, typed, told", [
    (AWARD, RIGHT, "USD 74,000.00 after this"),
    ("/grants/first/top-up", {"amount": "500"}, "USD 98,500.00 after this"),
])
def test_a_piece_is_the_preview_of_the_whole_page_alone_and_nothing_is_kept(
    manager: Browser, url: str, typed: dict[str, str], told: str
):
    piece = asks(manager, url, typed)
    whole = manager.submit(url, {**typed, "step": "preview"})

    assert piece.status == 200
    assert told in piece.text
    assert "<html" not in piece.html
    assert piece.html.strip() in whole.html
    db.session.rollback()
    assert db.session.scalar(select(func.count(Grant.id))) == 1


@pytest.mark.parametrize("typed, told", [
    ({"amount": "99000.01"}, "No preview yet. Amount: The pool ms-azure has 99000 USD left"),
    ({"amount": ""}, "No preview yet."),
    ({"amount": "", "expires": "2026-13-01"}, "No preview yet. Last day:"),
])
def test_what_is_half_typed_is_no_fault_and_only_what_was_typed_is_spoken_of(
    manager: Browser, typed: dict[str, str], told: str
):
    piece = asks(manager, AWARD, {**RIGHT, **typed})

    assert piece.status == 200
    assert piece.text.startswith(told)
    assert "Fill this in" not in piece.text


def test_a_session_that_has_ended_is_told_in_the_piece_with_the_button_of_the_form(manager: Browser):
    form = manager.get(AWARD)
    manager.client.delete_cookie("creditsvc")

    piece = asks(manager, AWARD, RIGHT, form)

    assert piece.status == 401
    assert "Your session had ended" in piece.text
    assert 'form="previewed" name="step" value="preview"' in piece.html
    assert "<form" not in piece.html
    assert 'id="previewed"' in form.html


@pytest.mark.parametrize("page", ["/startups?q=harbour", "/worklist"])
def test_a_piece_of_a_page_goes_to_the_sign_in_whole_and_comes_back(manager: Browser, page: str):
    manager.client.delete_cookie("creditsvc")

    answer = manager.get(page, headers=OF_A_PAGE)

    assert answer.status == 401
    assert answer.html == ""
    assert manager.get(answer.response.headers["HX-Redirect"]).form().fields["next"] == page


def test_a_button_whose_session_has_ended_goes_to_the_sign_in_whole(manager: Browser):
    form = manager.get(AWARD)
    manager.client.delete_cookie("creditsvc")

    answer = manager.post(AWARD, form.form().fields, headers=OF_A_PAGE)

    assert (answer.status, answer.html) == (401, "")
    assert answer.response.headers["HX-Redirect"] == "/sign-in?next=/startups/harbour/award"


def test_a_refusal_is_shown_as_a_whole_page_or_not_at_all(manager: Browser):
    fields = {**manager.get(AWARD).form().fields, **RIGHT, "step": "preview"}

    whole = manager.get("/worklist/nothing-such", headers=OF_A_PAGE).response
    piece = manager.post("/startups/nobody/award", fields, headers=PIECE).response

    assert whole.status_code == piece.status_code == 404
    assert [whole.headers[name] for name in ("HX-Retarget", "HX-Reselect")] == ["body", "body"]
    assert piece.headers["HX-Reswap"] == "none"


def test_only_pages_that_ask_for_pieces_load_a_script(manager: Browser):
    assert manager.get(AWARD).html.count("<script") == 1
    assert manager.get("/startups").html.count("<script") == 1
    assert manager.get("/worklist").html.count("<script") == 1
    assert "<script" not in manager.get("/pools").html


def test_a_narrowed_list_says_its_address_without_what_is_not_asked_for(manager: Browser):
    page = manager.get("/startups?q=harbour&show=&cohort=&sort=name", headers=OF_A_PAGE)
    refused = manager.get("/startups?q=harbour&least=5", headers=OF_A_PAGE)

    assert page.response.headers["HX-Push-Url"] == "/startups?q=harbour&sort=name"
    assert "1 startup as filtered" in page.text
    assert refused.status == 200
    assert "Say of which resource the balance is" in refused.text
