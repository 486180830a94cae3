"""What pages do by themselves where JavaScript runs, and that they do the same by their buttons where it does not."""

import re

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import update

from creditsvc.db import db, transaction
from creditsvc.parties.models import Person
from tests import factories
from tests.journeys import scene
from tests.journeys.test_journeys import OpenPage, barriers, sign_in
from tests.journeys.test_kept_forms import AWARD, grants


def end_all_sessions() -> None:
    """As a changed password does; a cookie that was taken away could come back with a file that was still loading."""
    transaction(lambda: db.session.execute(update(Person).values(session_epoch=Person.session_epoch + 1)))


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
    end_all_sessions()
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


def test_the_list_of_startups_is_narrowed_and_sorted_in_place_and_its_address_can_be_sent(open_page: OpenPage):
    page = open_page()
    sign_in(page, scene.MANAGER)
    page.goto("/startups")
    page.evaluate("globalThis.stillHere = true")
    count, rows = page.locator("#count"), page.locator("#results tbody tr")
    expect(count).to_contain_text("8 startups")
    page.get_by_label("Tick Harbour Robotics").check()

    page.get_by_label("Name or key contains").press_sequentially("ro")
    expect(count).to_contain_text("1 startup as filtered.")
    expect(page.get_by_label("Name or key contains")).to_be_focused()
    expect(rows).to_have_count(1)
    expect(page.get_by_label("Tick Harbour Robotics")).not_to_be_checked()
    assert page.url.endswith("/startups?q=ro")
    expect(page.get_by_role("link", name="CSV")).to_have_attribute("href", "/lists/startups.csv?q=ro")
    expect(page.locator("#list-asked input")).to_have_value("ro")
    expect(page.locator("#language-next")).to_have_value(re.compile(re.escape("/startups?q=ro")))

    page.get_by_label("Name or key contains").fill("")
    page.locator("#field-show").select_option("uncovered")
    expect(count).to_contain_text("2 startups as filtered.")
    page.get_by_role("link", name="Startup", exact=True).click()
    expect(page).to_have_url(re.compile(re.escape("/startups?show=uncovered&sort=name")))
    expect(page.locator("#sort-name")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(re.escape("/startups?show=uncovered&sort=-name")))
    expect(page.locator("#results th[aria-sort=descending]")).to_have_count(1)
    assert page.evaluate("globalThis.stillHere")
    assert page.evaluate("document.activeElement.id") == "sort-name"
    assert barriers(page) == []
    assert kept_by(page) == [0, 0]
    shown = rows.all_inner_texts()

    page.goto(page.url)
    assert rows.all_inner_texts() == shown
    page.locator("#field-show").select_option("")
    expect(count).to_have_text("8 startups")
    page.go_back()
    expect(count).to_contain_text("as filtered.")
    expect(page.locator("#field-show")).to_have_value("uncovered")
    assert rows.all_inner_texts() == shown


def test_a_balance_that_is_no_amount_is_told_while_the_list_stays(open_page: OpenPage):
    page = open_page(360)
    sign_in(page, scene.MANAGER)
    page.goto("/startups")
    page.get_by_text("More filters").click()

    page.get_by_label("Remaining at least").press_sequentially("5")
    expect(page.get_by_role("alert")).to_contain_text("Say of which resource the balance is")
    expect(page.locator("#results tbody tr")).to_have_count(8)
    page.get_by_label("Resource").select_option("azure-credit")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.locator("#count")).to_contain_text("as filtered.")


def test_a_session_that_ended_leads_from_the_list_to_the_sign_in_and_back_to_what_was_asked(
    park: Flask, open_page: OpenPage
):
    page = open_page()
    sign_in(page, scene.MANAGER)
    page.goto("/startups")
    end_all_sessions()

    page.get_by_label("Name or key contains").press_sequentially("peak")
    expect(page).to_have_url(re.compile(re.escape("/sign-in?next=")))
    page.get_by_label("Mail address").fill(scene.MANAGER)
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#count")).to_contain_text("1 startup as filtered.")
    expect(page.get_by_label("Name or key contains")).to_have_value("peak")


def test_without_javascript_the_list_is_narrowed_and_sorted_by_its_button_and_links(open_page: OpenPage):
    page = open_page(script=False)
    sign_in(page, scene.MANAGER)
    page.goto("/startups")

    page.get_by_label("Name or key contains").fill("ro")
    page.get_by_role("button", name="Look").click()
    expect(page.locator("#count")).to_contain_text("1 startup as filtered.")
    page.get_by_role("link", name="Startup", exact=True).click()
    expect(page).to_have_url(re.compile(re.escape("/startups?q=ro&sort=name")))


def test_a_row_of_the_worklist_is_snoozed_where_one_is_and_the_next_takes_the_focus(open_page: OpenPage):
    page = open_page()
    sign_in(page, scene.MANAGER)
    page.goto("/worklist")
    page.evaluate("globalThis.stillHere = true")
    rows = page.locator("#uncovered tbody tr")
    expect(rows).to_have_count(2)
    second = rows.nth(1).locator("th").inner_text()

    rows.first.get_by_role("button", name="Snooze a week").click()
    expect(page.locator("#told")).to_contain_text("Off your worklist before")
    expect(rows).to_have_count(1)
    expect(rows.locator("th")).to_have_text(second)
    expect(page.locator("#snooze-uncovered-1")).to_be_focused()
    assert barriers(page) == []
    page.keyboard.press("Enter")
    expect(page.locator("#uncovered")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_have_text("Who needs me today")
    assert page.evaluate("globalThis.stillHere")
    assert page.url.endswith("/worklist")
    assert kept_by(page) == [0, 0]


def test_a_button_pressed_after_the_session_leads_to_the_sign_in_whole(park: Flask, open_page: OpenPage):
    page = open_page()
    sign_in(page, scene.MANAGER)
    page.goto("/worklist")
    end_all_sessions()

    page.get_by_role("button", name="Snooze a week").first.click()
    expect(page).to_have_url(re.compile("/sign-in.next=/worklist$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_a_refusal_is_shown_as_the_whole_page_and_not_inside_the_table(park: Flask, open_page: OpenPage):
    page = open_page()
    sign_in(page, scene.MANAGER)
    page.goto("/startups")
    transaction(lambda: db.session.execute(update(Person).values(role="consultant")))

    page.get_by_label("Name or key contains").press_sequentially("peak")
    expect(page.get_by_role("heading", level=1)).to_have_text("Not allowed")
    expect(page.locator("#filters")).to_have_count(0)
    expect(page.locator("header.site-header")).to_have_count(1)
