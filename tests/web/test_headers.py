"""What every answer carries, and what machines ask."""

import dataclasses
import io
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from creditsvc.app import create_app
from creditsvc.config import Config
from creditsvc.db import db
from creditsvc.parties.models import SignInAttempt
from tests import databases, factories
from tests.web.browsing import Browser

ADDRESSES = ("/sign-in", "/startups", "/no-such-page", "/healthz", "/static/site.css")


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_answer_forbids_script_from_elsewhere_framing_and_guessing_of_types(browser: Browser, address: str):
    headers = browser.get(address).response.headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))

    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_pages_are_kept_by_no_cache_and_static_files_are(browser: Browser):
    assert browser.get("/sign-in").response.headers["Cache-Control"] == "no-store"
    assert "max-age=31536000" in browser.get("/static/site.css").response.headers["Cache-Control"]


def test_over_https_the_cookie_is_secure_and_browsers_are_told_to_stay(config: Config):
    app = create_app(dataclasses.replace(config, base_url="https://credits.park.example"))
    with app.app_context():
        factories.make_person("lee@park.example", "manager", factories.PASSWORD)
        page = Browser(app).get("/sign-in")
        databases.dispose(app)

    assert page.response.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert "Secure" in page.response.headers["Set-Cookie"]


def test_the_process_says_that_it_is_up_and_when_a_night_last_succeeded(browser: Browser):
    page = browser.get("/healthz")

    assert page.response.json == {
        "status": "ok", "last_night": {"succeeded_at": None, "hours_ago": None, "late": False}
    }


def test_the_service_is_ready_when_its_tables_are_of_this_version(browser: Browser, app: Flask):
    ready = browser.get("/readyz")
    with db.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'older'")
    not_ready = browser.get("/readyz")

    assert (ready.status, ready.response.json["migrated"]) == (200, True)
    assert (not_ready.status, not_ready.response.json["migrated"]) == (503, False)


def test_figures_for_prometheus_name_nobody(browser: Browser):
    factories.make_startup("harbour", "Harbour Robotics")
    factories.make_person("lee@park.example", "manager")

    page = browser.get("/metrics")

    assert "creditsvc_startups 1.0" in page.html
    assert "harbour" not in page.html
    assert "lee" not in page.html


def test_the_pages_say_when_no_night_has_succeeded_for_26_hours(
    browse_as: Callable[..., Browser], monkeypatch: pytest.MonkeyPatch
):
    factories.make_startup("harbour")
    manager = browse_as(factories.make_person("lee@park.example", "manager"))
    fresh = manager.get("/startups")

    monkeypatch.setattr("creditsvc.clock.now", lambda: factories.NOW + timedelta(hours=27))

    assert "No night's work has succeeded" not in fresh.text
    assert "No night's work has succeeded for more than 26 hours" in manager.get("/startups").text


@pytest.mark.parametrize("address", ["/startups/%00", "/startups?q=%00", "/password/reset/%00"])
def test_a_nul_character_is_refused_before_a_database_sees_it(browse_as: Callable[..., Browser], address: str):
    manager = browse_as(factories.make_person("lee@park.example", "manager"))

    assert manager.get(address).status == 400


def test_a_nul_is_refused_wherever_a_form_has_it(browse_as: Callable[..., Browser]):
    manager = browse_as(factories.make_person("lee@park.example", "manager"))
    token = manager.get("/startups/new").form().fields["csrf_token"]

    twice = manager.post("/bulk/award", {"csrf_token": token, "startup": ["acme", "a\0"]})
    named = manager.post("/startups/new", {"csrf_token": token, "a\0": "x"})
    file = manager.post("/usage/upload", {"csrf_token": token, "files": (io.BytesIO(b"x"), "a\0.csv")})

    assert (twice.status, named.status, file.status) == (400, 400, 400)


@pytest.mark.parametrize("address", ["/startups?q=%00", "/sign-out"])
def test_what_no_page_expects_is_refused_in_the_readers_language(browse_as: Callable[..., Browser], address: str):
    manager = browse_as(factories.make_person("lee@park.example", "manager", language="zh_Hans"))

    page = manager.get(address)

    assert page.status in (400, 405)
    assert "request" not in page.text
    assert "Method" not in page.text


def test_a_number_that_no_database_keeps_is_no_run(browse_as: Callable[..., Browser]):
    manager = browse_as(factories.make_person("lee@park.example", "manager"))

    assert manager.get(f"/usage/runs/{2**63}").status == 404
    assert manager.get(f"/usage?before={2**80}").status == 200


@pytest.mark.parametrize("address", ["/pools/ms-azure", "/startups/harbour/why/azure-credit", "/requests"])
def test_a_page_asked_for_from_beyond_all_rows_is_the_first(browse_as: Callable[..., Browser], address: str):
    factories.make_startup("harbour")
    factories.make_grant("harbour", factories.make_pool("ms-azure").key)
    manager = browse_as(factories.make_person("lee@park.example", "manager"))

    assert manager.get(f"{address}?before={2**80}").status == 200


def test_what_tonight_would_say_is_shown_and_nothing_is_written(browse_as: Callable[..., Browser]):
    factories.make_startup("harbour")
    factories.make_grant("harbour", expires=date(2026, 6, 20))
    manager = browse_as(factories.make_person("lee@park.example", "manager"))

    page, again = manager.get("/night"), manager.get("/night")

    assert "harbour" in page.text
    assert page.text == again.text


@pytest.mark.parametrize("proxies, seen", [(0, "127.0.0.1"), (1, "203.0.113.9")])
def test_who_asks_is_what_proxies_of_ours_say_and_nobody_else(config: Config, proxies: int, seen: str):
    app = create_app(dataclasses.replace(config, proxies=proxies))

    with app.app_context():
        visitor = Browser(app)
        fields = visitor.get("/sign-in").form("/sign-in").fields | {"email": "a@b.example", "password": "x"}
        visitor.post("/sign-in", fields, headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.9"})
        addresses = db.session.scalars(select(SignInAttempt.address)).all()
    databases.dispose(app)

    assert addresses == [seen]
