"""Mails in a real browser: light and dark, on a phone and a desk, axe finds nothing and nothing is too wide."""

import pytest
from playwright.sync_api import Browser, Page

from creditsvc.administration import mail_samples
from tests.journeys.axe import found_by_axe

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("axe")]

LANDMARKS = ("landmark-", "region:", "page-has-heading-one:")
"""Rules for whole pages of a site: a mail stands within a mail program's page."""


def look(page: Page, html: str) -> list[str]:
    """What is wrong with a mail in a window."""
    page.set_content(html)
    wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return ["too wide"] * wide + [fault for fault in found_by_axe(page) if not fault.startswith(LANDMARKS)]


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_mail_can_be_read_in_both_schemes_at_every_width(chromium: Browser, scheme: str, width: int) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    faults = {kind: look(page, mail_samples.sample(kind, "zh_Hant").html) for kind in mail_samples.kinds()}
    page.close()

    assert {kind: found for kind, found in faults.items() if found} == {}


def test_too_little_contrast_in_the_dark_is_found(chromium: Browser) -> None:
    page = chromium.new_page(color_scheme="dark")
    html = mail_samples.sample("password_reset", "en").html

    found = look(page, html.replace("color: #e5e7eb !important", "color: #222 !important"))
    page.close()

    assert [fault.partition(":")[0] for fault in found] == ["color-contrast"]
