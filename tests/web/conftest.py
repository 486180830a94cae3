"""Browsers for the pages, with the clock standing at NOW."""

from collections.abc import Callable

import pytest
from argon2 import PasswordHasher
from flask import Flask

from creditsvc.parties import passwords
from tests.conftest import NOW
from tests.web.browsing import Browser


@pytest.fixture(autouse=True)
def clock_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """The doors' clock says NOW."""
    monkeypatch.setattr("creditsvc.clock.now", lambda: NOW)


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that cost little: what they hold against guessing is argon2's own concern."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords._nobodys_hash.cache_clear()


@pytest.fixture
def browser(app: Flask) -> Browser:
    """A browser that nobody has signed in with."""
    return Browser(app)


@pytest.fixture
def browse_as(app: Flask) -> Callable[..., Browser]:
    """Gives a browser in which that person is signed in."""
    return lambda person: Browser(app).signed_in(person)
