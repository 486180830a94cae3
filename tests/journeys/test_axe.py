"""Every page of each role through axe, in one language and theme each; `make axe` takes all (axe.py)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.journeys.axe import HOST, Eyes, look, park_of_all, some_sights
from tests.web.access_park import Park
from tests.web.browsing import Browser as Visitor
from tests.web.test_access_matrix import ROLES

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("axe")]

PAGE = """<!doctype html><html lang="en"><title>T</title><link rel="stylesheet" href="/{css}"><main><h1>H</h1>{body}
</main></html>"""


@pytest.fixture(scope="module")
def everything(chromium: Browser, sqlite_template: Path) -> Iterator[Park]:
    """The park, gone before the browser whose loop it was made in."""
    with park_of_all(sqlite_template) as park:
        yield park


@pytest.fixture(scope="module")
def eyes(everything: Park, chromium: Browser) -> Iterator[Eyes]:
    """Eyes on the park."""
    eyes = Eyes(everything, chromium, all_contrasts=False)
    yield eyes
    eyes.close()


@pytest.mark.parametrize("css, body, barriers", [
    ("", "<p>Text</p>", []),
    ("", "<input>", ["light: label"]),
    ("p { color: #bbb; background: #fff }", "<p>Text</p>", ["light: color-contrast", "dark: color-contrast"]),
    ("p { color: #111; background: #fff } @media (prefers-color-scheme: dark) { p { background: #222 } }",
     "<p>Text</p>", ["dark: color-contrast"]),
    ("p { color: #ddd; background: #fff; transition: background 9s } @media (prefers-color-scheme: dark) "
     "{ p { background: #111 } }", "<p>Text</p>", ["light: color-contrast"]),
    ("input { display: none } @media (prefers-color-scheme: dark) { input { display: block } }", "<input>",
     ["dark: label"]),
], ids=["none", "any", "both-themes", "dark-alone", "while-it-changes", "laid-out-otherwise"])
def test_axe_finds_a_barrier_that_was_put_there(
    eyes: Eyes, css: str, body: str, barriers: list[str], request: pytest.FixtureRequest
) -> None:
    name = f"{request.node.callspec.id}.css"
    eyes.window.route(f"{HOST}/{name}", lambda route: route.fulfill(body=css, content_type="text/css"))
    eyes.found(PAGE.format(css=name, body="<p>Before</p>"), themes=("light",))

    found = eyes.found(PAGE.format(css=name, body=body))

    assert [": ".join(fault.split(": ")[:2]) for fault in found] == barriers


def test_a_page_written_into_the_window_is_the_page_that_opening_it_shows(eyes: Eyes, chromium: Browser) -> None:
    opened = chromium.new_page(viewport={"width": 1280, "height": 800})
    opened.route(f"{HOST}/**", eyes._answer)
    opened.goto(f"{HOST}/password/forgot")
    eyes.found("<!doctype html><title>Another</title>", themes=("light",))

    eyes.show(Visitor(eyes.park.app).get("/password/forgot").html, "/password/forgot")

    seen = """() => [
        location.href, document.title, document.compatMode, document.styleSheets.length,
        document.documentElement.outerHTML.replace(/value="[^"]{30,}"/g, ""),
        ...[...document.querySelectorAll("*")].map(element => {
            const box = element.getBoundingClientRect(), style = getComputedStyle(element);
            return [box.x, box.y, box.width, box.height, style.color, style.backgroundColor, style.font].join();
        })]"""
    assert eyes.window.evaluate(seen) == opened.evaluate(seen)
    opened.close()


def test_axe_finds_nothing_on_any_page(eyes: Eyes) -> None:
    looked = [(sight, found) for role in ROLES for sight, found in look(eyes, some_sights(role))]

    faults = [(sight.row.endpoint, sight.role, fault) for sight, found in looked for fault in found or []]
    assert faults == []
    assert sum(found is not None for _, found in looked) > 350
