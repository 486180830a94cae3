"""What pages do by themselves where JavaScript runs, and that they do the same by their buttons where it does not."""

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests import factories
from tests.journeys import scene
from tests.journeys.test_journeys import OpenPage, barriers, sign_in
from tests.journeys.test_kept_forms import AWARD, grants


def kept_by(page: Page) -> list[int]:
    """How many things the browser keeps of the service, cookies aside."""
    return page.evaluate("[localStorage.length, sessionStorage.length]")


@pytest.mark.parametrize("width", [1280, 360])
def test_a_preview_appears_below_the_form_while_somebody_types_and_nothing_is_kept(
    park: Flask, open_page: OpenPage, width: int
):
    page, before = open_page(width), grants()
    sign_in(page, scene.MANAGER)
    page.goto(AWARD)
    page.get_by_label("Pool").select_option("ms-azure-extra")
    page.get_by_label("Amount").press_sequentially("1500")

    said = page.locator("#preview-said")
    expect(said).to_contain_text("USD 24,500.00 after this")
    expect(page.get_by_label("Amount")).to_be_focused()
    row = page.locator("#preview-box tr").filter(has_text="this grant")
    expect(row).to_contain_text("USD 1,500.00")
    page.get_by_label("Last day").fill("2026-12-31")
    expect(row).to_contain_text("2026-12-31T16:00")
    assert barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".table-box").evaluate("box => box.scrollWidth <= box.clientWidth")

    page.get_by_label("Amount").fill("40000")
    expect(said).to_contain_text("No preview yet. Amount:")
    expect(said).to_contain_text("has 26000 USD left")
    expect(page.get_by_role("alert")).to_have_count(0)
    assert barriers(page) == []
    assert kept_by(page) == [0, 0]
    assert grants() == before

    page.get_by_label("Amount").fill("1600")
    expect(said).to_contain_text("USD 24,400.00 after this")
    page.get_by_role("button", name="Award").click()
    expect(page.get_by_role("status")).to_contain_text("The grant is awarded.")
    assert grants() == before + 1


def test_without_javascript_the_award_form_previews_and_awards_by_its_buttons(park: Flask, open_page: OpenPage):
    page, before = open_page(script=False), grants()
    sign_in(page, scene.MANAGER)
    page.goto(AWARD)
    page.get_by_label("Pool").select_option("ms-azure-extra")
    page.get_by_label("Amount").fill("1500")
    expect(page.locator("#preview-said")).to_be_empty()

    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#preview-said")).to_contain_text("USD 24,500.00 after this")
    assert grants() == before
    page.get_by_role("button", name="Award").click()
    expect(page.get_by_role("status")).to_contain_text("The grant is awarded.")
    assert grants() == before + 1


def test_a_session_that_ends_while_somebody_types_keeps_the_form_and_its_button_leads_through_the_sign_in(
    park: Flask, open_page: OpenPage
):
    page, before = open_page(), grants()
    sign_in(page, scene.MANAGER)
    page.goto(AWARD)
    page.context.clear_cookies(name="creditsvc")
    page.get_by_label("Amount").press_sequentially("1500")

    said = page.locator("#preview-said")
    expect(said).to_contain_text("Your session had ended")
    expect(page.get_by_label("Amount")).to_be_focused()
    expect(page.get_by_label("Password")).to_have_count(0)
    assert barriers(page) == []
    page.get_by_label("Reason").fill("typed after the session")
    said.get_by_role("button", name="Sign in").click()
    page.get_by_label("Mail address").fill(scene.MANAGER)
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Show the form with what I typed").click()

    expect(page.get_by_label("Amount")).to_have_value("1500")
    expect(page.get_by_label("Reason")).to_have_value("typed after the session")
    assert grants() == before
    page.get_by_label("Reason").press_sequentially(", and on")
    expect(said).to_contain_text("after this")
