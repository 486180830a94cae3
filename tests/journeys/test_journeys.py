"""Whole ways through the pages, in a real browser."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import factories
from tests.journeys import scene

OpenPage = Callable[..., Page]
AXE = Path(__file__).resolve().parents[1] / "data" / "axe-core" / "axe.min.js"

PAGES = (
    "/startups", "/startups?show=uncovered", "/startups/new", "/startups/harbour-robotics", "/startups/lantern-ai",
    "/startups/harbour-robotics/usage", "/startups/harbour-robotics/statement", "/startups/harbour-robotics/members",
    "/startups/harbour-robotics/award", "/startups/harbour-robotics/edit", "/grants/harbour-robotics-azure",
    "/grants/harbour-robotics-azure/extend", "/grants/harbour-robotics-azure/activation", "/scopes", "/scopes/assign",
    "/usage", "/usage/upload", "/usage/runs/1", "/pools", "/night", "/startups/nobody",
)


def sign_in(page: Page, email: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("Mail address").fill(email)
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_a_manager_awards_a_grant_after_a_refusal(open_page: OpenPage):
    page = open_page()
    sign_in(page, scene.MANAGER)
    page.get_by_role("link", name="Startups", exact=True).click()
    page.get_by_role("link", name="Peak Genomics").click()
    page.get_by_role("link", name="Award a grant").click()

    page.get_by_label("Pool").select_option("ms-azure-extra")
    page.get_by_label("Amount").fill("40000")
    page.get_by_label("First day").fill("2026-06-01")
    page.get_by_label("Last day").fill("2027-05-31")
    page.get_by_role("button", name="Award").click()

    expect(page.get_by_role("alert")).to_contain_text("has 26000 USD left")
    expect(page.get_by_label("Amount")).to_have_value("40000")
    expect(page.get_by_label("Last day")).to_have_value("2027-05-31")
    page.get_by_label("Amount").fill("6000")
    page.get_by_role("button", name="Award").click()
    expect(page.get_by_role("status")).to_contain_text("The grant is awarded.")
    expect(page.get_by_role("row").filter(has_text="31 May 2027")).to_contain_text("USD 6,000.00")


def test_a_manager_uploads_an_export_looks_at_it_and_applies_it(open_page: OpenPage, tmp_path: Path):
    page = open_page()
    sign_in(page, scene.MANAGER)
    page.get_by_role("link", name="Usage", exact=True).click()
    page.get_by_role("link", name="Upload a cost export").click()

    page.get_by_label("Files of one export").set_input_files(scene.write_new_export(tmp_path))
    page.get_by_role("button", name="Upload and look").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("would do")
    expect(page.get_by_role("row").filter(has_text="Credits and payments")).to_contain_text("-40.00")
    expect(page.get_by_role("row").filter(has_text=scene.NEW_SCOPE)).to_contain_text("belongs to no startup")
    drawn = page.get_by_role("row").filter(has_text="Harbour Robotics").inner_text()
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Applied")
    assert page.get_by_role("row").filter(has_text="Harbour Robotics").inner_text() == drawn

    page.get_by_role("link", name="Billing scopes").click()
    page.get_by_role("link", name="Assign " + scene.NEW_SCOPE).click()
    page.get_by_role("combobox", name="Startup").select_option("Junk Bay Finance")
    page.get_by_role("button", name="Assign").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Junk Bay Finance")


def test_a_founder_sees_the_own_balance_and_nothing_of_another(open_page: OpenPage):
    page = open_page(360)

    sign_in(page, scene.FOUNDER)

    expect(page.get_by_role("heading", level=1)).to_have_text("Harbour Robotics")
    expect(page.get_by_text("can still be used")).to_contain_text("USD 29,000.00")
    page.goto("/startups/peak-genomics")
    expect(page.get_by_role("heading", level=1)).to_have_text("Not found")


def test_forms_can_be_filled_in_by_keyboard_alone(open_page: OpenPage):
    page = open_page()
    page.goto("/sign-in")
    first = page.locator("input[name=email]")
    expect(first).to_be_focused()  # a page is loaded a moment before the browser gives its first field the focus
    page.keyboard.type(scene.MANAGER)
    expect(first).to_have_value(scene.MANAGER)
    page.keyboard.press("Tab")
    page.keyboard.type(factories.PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Who needs me today")

    page.keyboard.press("Tab")
    focused = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")

    assert focused == "Skip to the content"
    assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("width", [1280, 360])
def test_no_page_is_wider_than_the_screen_and_every_field_has_a_name(open_page: OpenPage, width: int):
    page = open_page(width)
    sign_in(page, scene.MANAGER)

    wide, nameless = [], []
    for address in PAGES:
        page.goto(address)
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wide.append(address)
        nameless += page.evaluate(
            "Array.from(document.querySelectorAll('input:not([type=hidden]), select, textarea'))"
            ".filter(field => !field.labels.length && !field.ariaLabel)"
            ".map(field => location.pathname + ' ' + field.name)"
        )

    assert (wide, nameless) == ([], [])


def test_no_page_of_a_small_screen_has_what_axe_calls_a_barrier(open_page: OpenPage):  # of a wide one: test_axe.py
    page = open_page(360)
    page.goto("/sign-in")
    found = barriers(page)
    sign_in(page, scene.MANAGER)

    for address in PAGES:
        page.goto(address)
        found += barriers(page)

    assert found == []


def barriers(page: Page) -> list[str]:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    return page.evaluate(
        "axe.run({resultTypes: ['violations']}).then(result => result.violations.flatMap("
        "rule => rule.nodes.map(node => location.pathname + ' ' + rule.id + ': ' + node.html.slice(0, 200))))"
    )
