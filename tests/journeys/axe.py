"""Every page of every role through axe, in every language and both themes: `make axe`; fewer of them in CI.

The pages are those of the matrix of access that a role may read. Chromium shows what the service answers, without a
socket between them, and axe looks for what WCAG 2.2 AA forbids.

Most of a sight's time went into opening it, loading axe into it and painting it. So axe is loaded once, into a window
that nobody sees, and a page is written there with `document.write`, which leaves in place what was loaded (scripts of
the page are left out, as it works without; the policy of contents holds as for a page that is opened). The second theme
is put on the page that is there. The rules that judge colours then run again, the others only if the theme changed
anything but colours, which is measured. All rules run in every language: its words decide how large a target is and
what overlaps what.
"""

import itertools
import multiprocessing
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
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
from tests.apps import quick
from tests.journeys.serving import ARGUMENTS, CHROMIUM
from tests.web.access_park import OTHER, Park, Row
from tests.web.browsing import Browser
from tests.web.test_access_matrix import ROLES, rows

HOST = "http://park.example"
THEMES = ("light", "dark")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules among them that judge colours (axe's tag cat.color)."""
NO_PAGES = ("static_files.", "api", "health.", "calendars.", "mails.html")
"""Answers that are none of the service's pages. A mail shown in a sandbox runs no script, so neither axe's."""

LOOKS = tuple(itertools.product(LANGUAGES, THEMES))
"""A language and a theme."""

SHOW = """async ([html, url]) => {
    document.open(); document.write(html); document.close(); history.replaceState(null, "", url);
    await Promise.all([...document.querySelectorAll("link[rel=stylesheet]")].map(link => link.sheet ||
        new Promise((loaded, failed) => { link.onload = loaded; link.onerror = () => failed(link.href); })));
}"""
"""Shows a page in the window that is there, with its style sheets."""

IS_LAID_OUT_AS_BEFORE = """() => {
    for (const animation of document.getAnimations()) animation.finish();
    const before = globalThis.layout;
    globalThis.layout = JSON.stringify([...document.querySelectorAll("*")].map(element => {
        const box = element.getBoundingClientRect();
        return [box.x, box.y, box.width, box.height, ...[null, "::before", "::after"].map(part => {
            const style = getComputedStyle(element, part);
            return [style.display, style.visibility, style.opacity, style.content, style.fontSize, style.fontWeight];
        })];
    }));
    return globalThis.layout === before;
}"""
"""Whether everything stands where and as it did when this was asked last, colours aside."""


@dataclass(frozen=True)
class Sight:
    """A page as a role sees it, in some themes."""

    role: str
    row: Row
    language: str
    themes: tuple[str, ...]


def readable(role: str) -> list[Row]:
    """The pages that a role may read."""
    column = ROLES.index(role)
    return [
        row for row in rows()
        if row.method == "GET" and row.statuses[column] == 200 and row.tenant != OTHER
        and not row.endpoint.startswith(NO_PAGES)
    ]


def all_sights(role: str) -> list[Sight]:
    """Every page of a role x language x theme."""
    return [Sight(role, row, language, THEMES) for row in readable(role) for language in LANGUAGES]


def some_sights(role: str) -> list[Sight]:
    """Every page of a role once, the languages and themes in turn: together the roles have each in most."""
    turn = ROLES.index(role)
    looks = [LOOKS[(number + turn) % len(LOOKS)] for number in range(len(readable(role)))]
    return [Sight(role, row, language, (theme,)) for row, (language, theme) in zip(readable(role), looks, strict=True)]


class Eyes:
    """A browser that looks at what the service answers.

    Contrast costs as much to judge as all else. Unless `all_contrasts`, it is judged of each page once in each theme,
    and not again for the next role.
    """

    def __init__(self, park: Park, chromium: Chromium, *, all_contrasts: bool = True) -> None:
        self.park = park
        self.all_contrasts = all_contrasts
        self.contrasts_seen: set[tuple[str, str]] = set()
        self.theme = THEMES[0]
        context = chromium.new_context(
            viewport={"width": 1280, "height": 800}, color_scheme=self.theme, reduced_motion="reduce"
        )
        context.route(f"{HOST}/**", self._answer)
        self.window = context.new_page()
        self.window.goto(f"{HOST}/sign-in")
        self.window.evaluate(AXE_SCRIPT)
        context.new_page().bring_to_front()  # a window behind another is laid out, but not painted

    def close(self) -> None:
        """Closes the windows."""
        self.window.context.close()

    def _answer(self, route: Route) -> None:
        parts = urlsplit(route.request.url)
        address = parts.path + (f"?{parts.query}" if parts.query else "")
        response = Context().run(lambda: self.park.app.test_client().get(address))
        route.fulfill(status=response.status_code, headers=dict(response.headers), body=response.get_data())

    def violations(self, sight: Sight) -> list[str] | None:
        """What axe finds on a page in its themes, the theme before each; None where the answer is a file to keep."""
        visitor = Browser(self.park.app)
        person = self.park.people.get(sight.role)
        if person is not None:
            transaction(lambda: setattr(db.session.get_one(Person, person.id), "language", sight.language))
            visitor.signed_in(person)
        url = self.park.url(sight.row)
        page = visitor.get(url, headers={"Accept-Language": sight.language.replace("_", "-")})
        if page.status != 200:
            return [f"answered with {page.status}, so there was nothing to look at"]
        if page.response.mimetype != "text/html":
            return None
        places = {(sight.row.endpoint, theme) for theme in sight.themes}
        with_contrast = self.all_contrasts or not places <= self.contrasts_seen
        self.contrasts_seen |= places
        return self.found(page.html, url, sight.themes, with_contrast=with_contrast)

    def show(self, html: str, url: str = "/") -> None:
        """Shows a page as if it were the answer from an address."""
        self.window.evaluate(SHOW, [re.sub(r"<script[^>]*></script>", "", html), url])

    def found(
        self, html: str, url: str = "/", themes: tuple[str, ...] = THEMES, *, with_contrast: bool = True
    ) -> list[str]:
        """What axe finds on a page: all rules, and in a further theme those that can find anything else there."""
        self.show(html, url)
        faults: list[str] = []
        is_same = False
        for number, theme in enumerate(sorted(themes, key=lambda theme: theme != self.theme)):  # what is on comes first
            if theme != self.theme:
                self.window.emulate_media(color_scheme=theme)
                self.theme = theme
            if len(themes) > 1:
                is_same = self.window.evaluate(IS_LAID_OUT_AS_BEFORE) and number > 0
            broken = found_by_axe(self.window, with_contrast=with_contrast, colours_alone=is_same)
            faults += [f"{theme}: {fault}" for fault in broken]
        return faults


def found_by_axe(window: Any, *, with_contrast: bool = True, colours_alone: bool = False) -> list[str]:
    """The rules that the page in a window breaks, each with the first element that does."""
    options = {
        "runOnly": {"type": "rule", "values": COLOURS} if colours_alone else {"type": "tag", "values": RULES},
        "resultTypes": ["violations"], "rules": {} if with_contrast else {"color-contrast": {"enabled": False}},
    }
    if not window.evaluate("'axe' in window"):
        window.evaluate(AXE_SCRIPT)
    violations = window.evaluate("async options => (await axe.run(options)).violations", options)
    return [
        f"{broken['id']}: {broken['help']}: {broken['nodes'][0]['html'][:160]} "
        f"({'; '.join(check['message'] for check in broken['nodes'][0]['any'])[:200]})"
        for broken in violations
    ]


def look(eyes: Eyes, sights: Iterable[Sight]) -> Iterator[tuple[Sight, list[str] | None]]:
    """Each sight with what axe finds there."""
    for sight in sights:
        yield sight, eyes.violations(sight)


@contextmanager
def park_of_all(template: Path | None = None) -> Iterator[Park]:
    """The two startups with something at every address, on a database of their own, the clock standing still.

    Where there is no `template` with all tables to copy, they are made.
    """
    with tempfile.TemporaryDirectory() as name, mock.patch("creditsvc.clock.now", return_value=factories.NOW):
        if template is not None:
            databases.copy_sqlite(template, Path(name) / "park.sqlite")
        app: Flask = quick(create_app(databases.config_for(f"sqlite:///{name}/park.sqlite", Path(name))))
        with app.app_context():
            if template is None:
                databases.make_tables(app)
            yield Park(app)
        databases.dispose(app)


def looked_at_by(role: str) -> tuple[int, int, int]:
    """Looks at everything that a role may read: how many pages in how many themes, files and violations."""
    looked = files = faults = 0
    with park_of_all() as park, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        sights = all_sights(role)
        total = sum(len(sight.themes) for sight in sights)
        for sight, found in look(Eyes(park, chromium), sights):
            here = len(sight.themes)
            looked, files = (looked, files + here) if found is None else (looked + here, files)
            faults += len(found or [])
            for fault in found or []:
                print(f"{sight.row.endpoint} {role} {sight.language} {fault}", flush=True)  # at once: all takes long
            if (looked + files) // 100 > (looked + files - here) // 100 or looked + files == total:
                print(f"{role}: {looked + files} of {total}", file=sys.stderr, flush=True)
        chromium.close()
    return looked, files, faults


def main(workers: int) -> int:
    """Looks at everything, a role per process and the longest first, and prints what was counted."""
    roles = sorted(ROLES, key=lambda role: -len(readable(role)))
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        looked, files, faults = (sum(counted) for counted in zip(*pool.map(looked_at_by, roles), strict=True))
    print(
        f"{looked} sights looked at (page x role x language x theme), {files} more that are files to keep; "
        f"{faults} violations"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
