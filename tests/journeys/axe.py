"""Every page of every role through axe, in every language and both themes: `make axe`; fewer of them in CI.

The pages are those of the matrix of access that a role may read. Chromium shows what the service answers, without a
socket between them, and axe looks for what WCAG 2.2 AA forbids.
"""

import hashlib
import itertools
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from flask import Flask
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Route, sync_playwright

from creditsvc.app import create_app
from creditsvc.db import db, transaction
from creditsvc.languages import LANGUAGES
from creditsvc.parties.models import Person
from tests import databases, factories
from tests.journeys.serving import ARGUMENTS, CHROMIUM
from tests.web.access_park import OTHER, Park, Row
from tests.web.browsing import Browser
from tests.web.test_access_matrix import ROLES, rows

HOST = "http://park.example"
THEMES = ("light", "dark")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
NO_PAGES = ("static_files.", "api", "health.", "calendars.", "mails.html")
"""Answers that are none of the service's pages. A mail shown in a sandbox runs no script, so neither axe's."""

LOOKS = tuple(itertools.product(LANGUAGES, THEMES))
"""A language and a theme."""


@dataclass(frozen=True)
class Sight:
    """A page as a role sees it."""

    role: str
    row: Row
    language: str
    theme: str


def readable(role: str) -> list[Row]:
    """The pages that a role may read."""
    column = ROLES.index(role)
    return [
        row for row in rows()
        if row.method == "GET" and row.statuses[column] == 200 and row.tenant != OTHER
        and not row.endpoint.startswith(NO_PAGES)
    ]


def all_sights() -> list[Sight]:
    """Every page x role x language x theme."""
    return [
        Sight(role, row, language, theme) for role in ROLES for row in readable(role) for language, theme in LOOKS
    ]


def some_sights(role: str) -> list[Sight]:
    """Every page of a role once, the languages and themes in turn: together the roles have each in most."""
    turn = ROLES.index(role)
    return [Sight(role, row, *LOOKS[(number + turn) % len(LOOKS)]) for number, row in enumerate(readable(role))]


class Eyes:
    """A browser that looks at what the service answers.

    Contrast costs as much to judge as all else. Unless `all_contrasts`, it is judged of each page once in each theme,
    and not again for the next role.
    """

    def __init__(self, park: Park, chromium: Chromium, *, all_contrasts: bool = True) -> None:
        self.park = park
        self.all_contrasts = all_contrasts
        self.contrasts_seen: set[tuple[str, str]] = set()
        self.windows = {}
        for theme in THEMES:
            context = chromium.new_context(viewport={"width": 1280, "height": 800}, color_scheme=theme)
            context.route(f"{HOST}/**", self._answer)
            self.windows[theme] = context.new_page()
        self.visitor: Browser = Browser(park.app)
        self.seen: set[str] = set()

    def close(self) -> None:
        """Closes the windows."""
        for window in self.windows.values():
            window.context.close()

    def _answer(self, route: Route) -> None:
        parts = urlsplit(route.request.url)
        address = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = {"Accept-Language": route.request.headers.get("accept-language", "en")}
        response = Context().run(lambda: self.visitor.client.get(address, headers=headers))
        route.fulfill(status=response.status_code, headers=dict(response.headers), body=response.get_data())

    def violations(self, sight: Sight) -> list[str] | None:
        """What axe finds on a page; None where the same page was looked at already or it is a file to keep."""
        self.visitor = Browser(self.park.app)
        person = self.park.people.get(sight.role)
        if person is not None:
            transaction(lambda: setattr(db.session.get_one(Person, person.id), "language", sight.language))
            self.visitor.signed_in(person)
        url = self.park.url(sight.row)
        page = self.visitor.get(url, headers={"Accept-Language": sight.language.replace("_", "-")})
        if page.response.mimetype != "text/html" or page.status != 200:
            return None
        content = re.sub(r'value="[^"]{30,}"|/once/\S+', "", page.html)
        digest = hashlib.sha256(f"{sight.theme} {content}".encode()).hexdigest()
        if digest in self.seen:
            return None
        self.seen.add(digest)
        window = self.windows[sight.theme]
        window.set_extra_http_headers({"Accept-Language": sight.language.replace("_", "-")})
        window.goto(HOST + url)
        place = sight.row.endpoint, sight.theme
        with_contrast = self.all_contrasts or place not in self.contrasts_seen
        self.contrasts_seen.add(place)
        return found_by_axe(window, with_contrast=with_contrast)


def found_by_axe(window: Any, *, with_contrast: bool = True) -> list[str]:
    """The rules that the page in a window breaks, each with the first element that does."""
    window.evaluate(AXE_SCRIPT)
    options = {
        "runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"],
        "rules": {} if with_contrast else {"color-contrast": {"enabled": False}},
    }
    found = window.evaluate("options => axe.run(options)", options)
    return [
        f"{broken['id']}: {broken['help']}: {broken['nodes'][0]['html'][:160]} "
        f"({'; '.join(check['message'] for check in broken['nodes'][0]['any'])[:200]})"
        for broken in found["violations"]
    ]


def look(eyes: Eyes, sights: Iterable[Sight]) -> Iterator[tuple[Sight, list[str] | None]]:
    """Each sight with what axe finds there."""
    for sight in sights:
        yield sight, eyes.violations(sight)


@contextmanager
def park_of_all() -> Iterator[Park]:
    """The two startups with something at every address, on a database of their own, the clock standing still."""
    with tempfile.TemporaryDirectory() as name, mock.patch("creditsvc.clock.now", return_value=factories.NOW):
        app: Flask = create_app(databases.config_for(f"sqlite:///{name}/park.sqlite", Path(name)))
        with app.app_context():
            databases.make_tables(app)
            yield Park(app)
        databases.dispose(app)


def main() -> int:
    """Looks at everything and prints what was counted."""
    looked = same = faults = 0
    with park_of_all() as park, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        eyes = Eyes(park, chromium)
        for sight, found in look(eyes, all_sights()):
            looked, same = looked + (found is not None), same + (found is None)
            seen = f"{sight.row.endpoint} {sight.role} {sight.language} {sight.theme}"
            faults += len(found or [])
            for fault in found or []:
                print(f"{seen}: {fault}", flush=True)  # at once: all of it takes long
        chromium.close()
    print(f"{looked} pages looked at, {same} the same as one looked at before or files; {faults} violations")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
