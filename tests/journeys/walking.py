"""Somebody who goes through the pages in a language of their own, on a screen on which every page must fit."""

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from creditsvc.languages import NAMES, catalogue
from tests import factories


class Walker:
    """Somebody with a window. Sentences are named as the catalogues name them, and sought in the walker's language."""

    def __init__(self, open_page: Callable[..., Page], language: str = "en", width: int = 1280) -> None:
        self.page: Page = open_page(width)
        self.language = language
        self.width = width
        self.words = catalogue(language)[0]

    def t(self, text: str, **values: object) -> str:
        """The sentence in the walker's language."""
        return self.words.gettext(text) % values if values else self.words.gettext(text)

    def plural(self, one: str, many: str, num: int) -> str:
        """The sentence with a number, in the walker's language."""
        return self.words.ngettext(one, many, num) % {"num": num}

    def signs_in(self, email: str) -> None:
        """By the form, then by the foot of the page to the language."""
        self.page.goto("/sign-in")
        self.page.fill("#field-email", email)
        self.page.fill("#field-password", factories.PASSWORD)
        self.page.click("main button")
        expect(self.page.get_by_role("navigation").first).to_be_visible()
        self.reads_own_language()

    def reads_own_language(self) -> None:
        """Chooses the language at the foot of the page."""
        self.page.get_by_role("button", name=NAMES[self.language]).click()
        expect(self.page.locator("html")).to_have_attribute("lang", re.compile(self.language.replace("_", "-")))
        self.fits()

    def fits(self) -> None:
        """The page is no wider than its screen; on a small one no table that stacks its cells is cut off."""
        self.page.wait_for_load_state("domcontentloaded")  # a press may have just begun the next page
        wide = self.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= self.width, f"{self.page.url} is {wide} px wide"
        cut = self.page.evaluate(
            "Array.from(document.querySelectorAll('.table-box')).filter(box => innerWidth < 400 &&"
            " box.querySelector('.stacked') && box.scrollWidth > box.clientWidth).map(box => box.ariaLabel)"
        )
        assert cut == [], self.page.url

    def follows(self, text: str, after: str = "", **values: object) -> None:
        """Follows the first link of that text."""
        name = f"{self.t(text, **values)}{after}"
        self.page.get_by_role("link", name=name, exact=not after).first.click()
        self.fits()

    def presses(self, text: str) -> None:
        """Presses the button of that text."""
        self.page.get_by_role("button", name=self.t(text), exact=True).click()
        self.fits()

    def fills(self, label: str, value: str) -> None:
        """Fills in the field of that label."""
        self.page.get_by_label(self.t(label)).and_(self.page.locator("input, textarea")).first.fill(value)

    def row(self, text: str) -> Locator:
        """The rows with that text."""
        return self.page.get_by_role("row").filter(has_text=text)

    def is_told(self, text: str) -> None:
        """A message of the page says so."""
        expect(self.page.get_by_role("status").filter(has_text=text)).to_be_visible()
