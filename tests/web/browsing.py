"""A browser without a screen: it fills in the forms that pages have, hidden fields and all."""

import secrets
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

from flask import Flask
from werkzeug.test import TestResponse

from creditsvc.db import db
from creditsvc.parties.models import Person


@dataclass
class HtmlForm:
    """A form of a page: where it goes and what its fields hold."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.forms: list[HtmlForm] = []
        self.text: list[str] = []
        self.select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(HtmlForm(urljoin(self.url, given.get("action", "")), given.get("method", "get")))
        elif tag == "input" and self.forms and "name" in given and given.get("type") not in ("checkbox", "file"):
            self.forms[-1].fields[given["name"]] = given.get("value", "")
        elif tag == "input" and self.forms and given.get("type") == "checkbox" and "checked" in given:
            self.forms[-1].fields[given["name"]] = given.get("value", "on")
        elif tag == "select" and self.forms:
            self.select = given["name"]
        elif tag == "option" and self.forms and self.select:
            chosen = "selected" in given or self.select not in self.forms[-1].fields
            if chosen:
                self.forms[-1].fields[self.select] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self.select = ""

    def handle_data(self, data: str) -> None:
        self.text.append(data)


class Page:
    """An answer, with its forms and its text as people read it."""

    def __init__(self, response: TestResponse, url: str) -> None:
        self.response = response
        self.url = url
        self.status = response.status_code
        self.location = response.headers.get("Location", "")
        self.html = response.get_data().decode("utf-8", "replace")  # some answers are files

    @cached_property
    def _read(self) -> _Reader:
        """The page taken apart, for whoever asks for more than its status: that takes as long as making many a page."""
        reader = _Reader(self.url)
        if self.response.mimetype == "text/html":
            reader.feed(self.html)
        return reader

    @property
    def forms(self) -> list[HtmlForm]:
        """The forms of the page."""
        return self._read.forms

    @cached_property
    def text(self) -> str:
        """The text of the page as people read it."""
        return " ".join(" ".join(self._read.text).replace("\N{NO-BREAK SPACE}", " ").split())

    def form(self, action: str | None = None) -> HtmlForm:
        """The form that goes to that address (or to the page's own)."""
        wanted = action or self.url.split("?")[0]
        found = [form for form in self.forms if form.method == "post" and form.action.split("?")[0] == wanted]
        if len(found) != 1:
            raise AssertionError(f"{len(found)} forms for {wanted} on {self.url}, which is {self.text}")
        return found[0]


def _apart(ask: Callable[[], TestResponse]) -> TestResponse:
    """Asks as another process would: without the application context of the test, which a request would share."""
    db.session.rollback()
    return Context().run(ask)


class Browser:
    """One browser with its cookies."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()

    def signed_in(self, person: Person) -> "Browser":
        """The same browser after that person signed in."""
        with self.client.session_transaction() as session:
            session["_user_id"] = f"{person.id}:{person.session_epoch}:{secrets.token_urlsafe(16)}"
        return self

    def get(self, url: str, **more: Any) -> Page:
        """Loads a page, a streamed one to its end."""
        return Page(_apart(lambda: self.client.get(url, buffered=True, **more)), url)

    def post(self, url: str, data: dict[str, Any] | bytes | None, **more: Any) -> Page:
        """Sends exactly that."""
        return Page(_apart(lambda: self.client.post(url, data=data, **more)), url)

    def patch(self, url: str, body: dict[str, Any], headers: dict[str, str]) -> Page:
        """Edits what is at an address."""
        return Page(_apart(lambda: self.client.patch(url, json=body, headers=headers)), url)

    def submit(self, page: Page | str, typed: dict[str, Any], action: str | None = None) -> Page:
        """Fills in the form of a page and sends it."""
        page = self.get(page) if isinstance(page, str) else page
        form = page.form(action)
        return self.post(form.action, {**form.fields, **typed})

    def follow(self, page: Page) -> Page:
        """Goes where a redirect leads."""
        assert page.status == 303, (page.status, page.text)
        return self.get(page.location)
