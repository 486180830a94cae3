"""Makes the pictures `first-*.png`: the first page of each role, light and dark, on a wide and on a small screen.

`.venv/bin/python docs/screenshots/first_pages.py` from the repository root builds the demonstration on a database of
its own, with the clock standing still, and serves it. With another folder as its argument the pictures go there; roles
named after it are taken alone.
"""

import sys
import tempfile
from pathlib import Path
from unittest import mock

from PIL import Image
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import select

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from creditsvc.app import create_app  # noqa: E402
from creditsvc.db import db  # noqa: E402
from creditsvc.jobs.commands_demo import build  # noqa: E402
from creditsvc.onboarding.demo import sign_ins  # noqa: E402
from creditsvc.onboarding.demo_services import MENTORS  # noqa: E402
from creditsvc.parties.operations import set_password  # noqa: E402
from creditsvc.programmes.models import Partner  # noqa: E402
from tests import databases, factories  # noqa: E402
from tests.journeys.serving import ARGUMENTS, CHROMIUM, served  # noqa: E402

HERE = Path(__file__).resolve().parent
WIDTHS, THEMES = (1280, 360), ("light", "dark")
TALLEST = {1280: 1100, 360: 1400}
"""Pictures are cut there: what a first page says first stands above, and the files stay small."""
COLOURS = 48


def main(target: Path, roles: list[str]) -> None:
    """Builds the demonstration and takes the first page of each role, or of those named."""
    with tempfile.TemporaryDirectory() as name, mock.patch("creditsvc.clock.now", return_value=factories.NOW):
        config = databases.config_for(f"sqlite:///{name}/park.sqlite", Path(name))
        app = create_app(config)
        with app.app_context():
            databases.make_tables(app)
            build(config, factories.NOW)
            people = all_who_sign_in()
            with served(app) as address, sync_playwright() as playwright:
                chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
                for role in roles or people:
                    email, password = people[role]
                    context = chromium.new_context(base_url=address)
                    page = context.new_page()
                    sign_in(page, email, password)
                    take(page, target, role)
                    context.close()
                chromium.close()
        databases.dispose(app)


def all_who_sign_in() -> dict[str, tuple[str, str]]:
    """Address and password by role: of the demonstration, a partner's viewer, an auditor, a consultant with sessions.
    """
    people = {one.role.split()[0]: (one.email, one.password) for one in sign_ins()}
    microsoft = db.session.execute(select(Partner.id).where(Partner.key == "microsoft")).scalar_one()
    factories.make_person("kay@microsoft.example", "partner", factories.PASSWORD, partner_id=microsoft)
    factories.make_person("audit@park.example", "auditor", factories.PASSWORD)
    busy = MENTORS[1].email
    factories.do(lambda: set_password(factories.somebody(), email=busy, password=factories.PASSWORD))
    others = {"partner": "kay@microsoft.example", "auditor": "audit@park.example", "consultant": busy}
    return people | {role: (email, factories.PASSWORD) for role, email in others.items()}


def sign_in(page: Page, email: str, password: str) -> None:
    """Signs somebody in."""
    page.goto("/sign-in")
    page.fill("#field-email", email)
    page.fill("#field-password", password)
    page.click("main button")
    page.wait_for_selector(".site-nav")


def take(page: Page, target: Path, role: str) -> None:
    """Takes the page in both themes at each width; refuses one that is wider than its window."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        page.reload()
        wide, tall = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        if wide > width:
            raise SystemExit(f"the first page of {role} is {wide} px wide at {width} px")
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            path = target / f"first-{role}-{theme}-{width}.png"
            clip = {"x": 0, "y": 0, "width": width, "height": min(tall, TALLEST[width])}
            page.screenshot(path=path, full_page=True, clip=clip)
            with Image.open(path) as image:
                small = image.convert("RGB").quantize(COLOURS)
            small.save(path, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE, sys.argv[2:])
