"""The park of scene.py on a socket, and a real browser in front of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from creditsvc.app import create_app
from tests import databases, factories
from tests.apps import quick
from tests.journeys import scene
from tests.journeys.serving import ARGUMENTS, CHROMIUM, served


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def park(sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """The service with the park in it, its clock standing still."""
    monkeypatch.setattr("creditsvc.clock.now", lambda: factories.NOW)
    config = databases.config_for(databases.copy_sqlite(sqlite_template, tmp_path / "park.sqlite"), tmp_path)
    app = quick(create_app(config))
    with app.app_context():
        scene.make_park()
        yield app
    databases.dispose(app)


@pytest.fixture
def address(park: Flask) -> Iterator[str]:
    """Where the park is served."""
    with served(park) as address:
        yield address


@pytest.fixture
def open_page(chromium: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Opens a browser window of a width, with JavaScript or without; what its console complains of fails the test."""
    complaints: list[str] = []
    contexts = []

    def note(message: ConsoleMessage) -> None:
        # a refused form answers with a status that the console reports; everything else is a fault of ours
        if message.type in ("error", "warning") and "the server responded with a status of 4" not in message.text:
            complaints.append(message.text)

    def make(width: int = 1280, script: bool = True) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 800}, base_url=address, java_script_enabled=script
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield make
    for context in contexts:
        context.close()
    assert complaints == []
