"""Makes the screenshots of this folder anew: `.venv/bin/python docs/screenshots/make.py` from the repository root.

Serves an illustrative park (tests/journeys/scene.py) on a database of its own, with the clock standing still. With
another folder as its argument it puts pictures of all pages there.
"""

import sys
import tempfile
from pathlib import Path
from unittest import mock

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from creditsvc.app import create_app  # noqa: E402
from tests import databases, factories  # noqa: E402
from tests.journeys import scene  # noqa: E402
from tests.journeys.serving import ARGUMENTS, CHROMIUM, served  # noqa: E402

HERE = Path(__file__).resolve().parent
WIDTHS = (1280, 360)


def main(target: Path) -> None:
    """Serves the park and takes each picture at each width."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        app = create_app(databases.config_for(f"sqlite:///{folder}/park.sqlite", folder))
        with app.app_context():
            databases.make_tables(app)
            with mock.patch("creditsvc.clock.now", return_value=factories.NOW):
                scene.make_park()
                with served(app) as address, sync_playwright() as playwright:
                    chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
                    for width in WIDTHS:
                        page = chromium.new_page(viewport={"width": width, "height": 800}, base_url=address)
                        take_all(page, target, width, folder)
                        page.context.clear_cookies()
                        take_founders(page, target, width)
                        page.close()
                    chromium.close()
        databases.dispose(app)


def picture(page: Page, target: Path, width: int, name: str) -> None:
    """Takes the picture of the page as it is; refuses one that is wider than its window."""
    wide = page.evaluate("document.documentElement.scrollWidth")
    if wide > width:
        raise SystemExit(f"{name} is {wide} px wide at {width} px")
    page.screenshot(path=target / f"{name}-{width}.png", full_page=True)


def sign_in(page: Page, email: str) -> None:
    """Signs somebody of the park in."""
    page.goto("/sign-in")
    page.fill("#field-email", email)
    page.fill("#field-password", factories.PASSWORD)
    page.click("main button")


def take_founders(page: Page, target: Path, width: int) -> None:
    """Goes through the pages as a founder does."""
    sign_in(page, scene.FOUNDER)
    picture(page, target, width, "founder")
    page.goto("/startups/harbour-robotics/requests/new")
    page.fill("#field-amount", "5000")
    page.fill("#field-why", "Two more pilots with the airport")
    picture(page, target, width, "founder-asks")


def take_all(page: Page, target: Path, width: int, folder: Path) -> None:
    """Goes through the pages as a manager does."""

    def take(name: str) -> None:
        picture(page, target, width, name)

    sign_in(page, scene.MANAGER)
    take("worklist")
    page.goto("/startups")
    take("startups")
    page.goto("/startups/harbour-robotics")
    take("startup")
    page.goto("/startups/harbour-robotics/award")
    page.select_option("#field-pool", "ms-azure-extra")
    page.fill("#field-amount", "40000")
    page.fill("#field-effective", "2026-06-01")
    page.fill("#field-expires", "2027-05-31")
    page.fill("#field-reason", "second year")
    page.click("main form button")
    take("award-refused")
    page.goto("/usage/upload")
    page.set_input_files("#field-files", scene.write_new_export(folder))
    page.click("main form button")
    take("trial")
    page.click("text=Discard")
    for name, address in OTHERS.items() if target != HERE else ():
        page.goto(address)
        take(name)


OTHERS = {
    "upload": "/usage/upload",
    "usage-by-day": "/startups/harbour-robotics/usage",
    "statement": "/startups/harbour-robotics/statement",
    "grant": "/grants/orchid-health-azure",
    "extend": "/grants/orchid-health-azure/extend",
    "members": "/startups/harbour-robotics/members",
    "lantern": "/startups/lantern-ai",
    "scopes": "/scopes",
    "assign": "/scopes/assign?provider=azure&id=" + scene.NEW_SCOPE,
    "runs": "/usage",
    "pools": "/pools",
    "new-startup": "/startups/new",
    "refused": "/startups/nobody",
}

if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
