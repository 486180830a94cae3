"""How pages read: the language and the clock of whoever looks at them."""

from datetime import UTC, date, datetime

import pytest
from babel import Locale
from flask import Flask

from creditsvc.core.amounts import unit_named
from creditsvc.db import db, transaction
from creditsvc.parties.models import Person, TrailEntry
from creditsvc.parties.own_settings import change_own_settings
from creditsvc.web import reader, show
from tests import factories
from tests.web.browsing import Browser

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
SETTINGS = "/me/settings"
EVENING = datetime(2027, 2, 28, 20, 5, tzinfo=UTC)  # 1 March in Hong Kong, 28 February in New York


@pytest.fixture
def manager(app: Flask) -> Person:
    return factories.make_person("m@park.example", "manager")


def reads(person: Person, language: str | None, time_zone: str | None = None) -> None:
    transaction(lambda: change_own_settings(factories.caller(person), language=language, time_zone=time_zone))


@pytest.mark.parametrize("language, tag, words", [
    ("en", "en-GB", "Startups"), ("zh_Hant", "zh-Hant-HK", "初創企業"), ("zh_Hans", "zh-Hans-CN", "初创企业"),
])
def test_a_page_is_in_the_persons_language_and_says_so(browse_as, manager: Person, language, tag, words):
    reads(manager, language)

    page = browse_as(manager).get("/startups", headers={"Accept-Language": "zh-TW, en;q=0.5"})

    assert f'<html lang="{tag}">' in page.html
    assert words in page.text


@pytest.mark.parametrize("wishes, tag", [
    ("zh-TW,zh;q=0.9,en;q=0.8", "zh-Hant-HK"), ("fr, zh-CN", "zh-Hans-CN"), ("fr", "en-GB"), ("zh;q=0, en", "en-GB"),
    ("", "en-GB"),
])
def test_before_signing_in_the_browser_says_the_language(browser: Browser, wishes, tag):
    assert f'<html lang="{tag}">' in browser.get("/sign-in", headers={"Accept-Language": wishes}).html


def test_the_choice_at_the_foot_holds_for_the_browser_and_leads_back(browser: Browser):
    page = browser.get("/sign-in?next=/startups", headers={"Accept-Language": "en"})

    chosen = browser.submit(page, {"language": "zh_Hant"}, "/language")

    assert chosen.location == "/sign-in?next=/startups"
    assert '<html lang="zh-Hant-HK">' in browser.follow(chosen).html


def test_the_choice_at_the_foot_leads_nowhere_else_and_knows_no_other_language(browser: Browser):
    page = browser.get("/sign-in")

    away = browser.submit(page, {"language": "en", "next": "//elsewhere.example/"}, "/language")
    unknown = browser.submit(page, {"language": "tlh"}, "/language")

    assert away.location == "/"
    assert unknown.status == 422


def test_who_is_signed_in_chooses_for_good(browse_as, app: Flask, manager: Person):
    browser = browse_as(manager)

    browser.submit(browser.get("/startups"), {"language": "zh_Hans"}, "/language")

    assert '<html lang="zh-Hans-CN">' in Browser(app).signed_in(manager).get("/startups").html
    entry = db.session.query(TrailEntry).filter_by(action="person.settings").one()
    assert (entry.before["language"], entry.after["language"]) == (None, "zh_Hans")


def test_settings_are_saved_and_told_in_the_language_just_chosen(browse_as, manager: Person):
    browser = browse_as(manager)

    saved = browser.follow(browser.submit(SETTINGS, {"language": "zh_Hant", "time_zone": "America/New_York"}))

    assert '<html lang="zh-Hant-HK">' in saved.html
    assert '<option value="America/New_York" selected>' in saved.html


def test_the_second_of_two_editors_is_told_and_overwrites_nothing(browse_as, app: Flask, manager: Person):
    browser = browse_as(manager)
    page = browser.get(SETTINGS)
    browser.submit(page, {"language": "en", "time_zone": "Europe/London"})

    second = browser.submit(page, {"language": "en", "time_zone": "Asia/Tokyo"})

    assert second.status == 409
    assert "changed meanwhile" in second.text
    assert '<option value="Europe/London" selected>' in second.html
    assert browser.submit(second, {"time_zone": "Asia/Tokyo"}, SETTINGS).status == 303


@pytest.mark.parametrize("typed", [{"language": "tlh"}, {"time_zone": "Mars/Olympus"}, {"time_zone": "../etc"}])
def test_what_is_no_language_or_time_zone_is_refused_at_its_field(browse_as, manager: Person, typed):
    refused = browse_as(manager).submit(SETTINGS, typed)

    assert refused.status == 422
    assert f'href="#field-{next(iter(typed))}"' in refused.html


@pytest.mark.parametrize("zone, told, day, last_day", [
    (None, "1 Mar 2027, 04:05 UTC+8", "1 Mar 2027", "1 Mar 2027"),
    ("Asia/Shanghai", "1 Mar 2027, 04:05 UTC+8", "1 Mar 2027", "1 Mar 2027"),
    ("America/New_York", "28 Feb 2027, 15:05 UTC-5", "1 Mar 2027 (Hong Kong)", "1 Mar 2027 (Hong Kong)"),
    ("America/St_Johns", "28 Feb 2027, 16:35 UTC-3:30", "1 Mar 2027 (Hong Kong)", "1 Mar 2027 (Hong Kong)"),
    ("UTC", "28 Feb 2027, 20:05 UTC", "1 Mar 2027 (Hong Kong)", "1 Mar 2027 (Hong Kong)"),
])
def test_an_instant_is_on_the_readers_clock_and_a_day_of_the_programme_hong_kongs(
    app: Flask, monkeypatch: pytest.MonkeyPatch, zone, told, day, last_day
):
    monkeypatch.setattr(reader, "_person", {"time_zone": zone}.get)

    shown = [text(EVENING).replace("\N{NO-BREAK SPACE}", " ") for text in (show.moment, show.day, show.shown_last_day)]

    assert shown == [told, day, last_day]


@pytest.mark.parametrize("tag, told, day, weekday, axis, hours", [
    ("en_GB", "1 Mar 2027, 04:05 UTC+8", "1 Mar 2027", "Mon, 1 Mar 2027", "25K", "1,200 hours"),
    ("zh_Hant_HK", "2027年3月1日 04:05 UTC+8", "2027年3月1日", "2027年3月1日週一", "25K", "1,200 小時"),
    ("zh_Hans_CN", "2027年3月1日 04:05 UTC+8", "2027年3月1日", "2027年3月1日周一", "2.5万", "1,200 小时"),
])
def test_dates_and_amounts_are_as_the_language_writes_them(
    app: Flask, monkeypatch: pytest.MonkeyPatch, tag, told, day, weekday, axis, hours
):
    monkeypatch.setattr("creditsvc.web.reader.get_locale", lambda: Locale.parse(tag))
    monkeypatch.setattr("flask_babel.get_locale", lambda: Locale.parse(tag))
    first = date(2027, 3, 1)

    with app.test_request_context():
        shown = [
            show.moment(EVENING), show.day(first), show.weekday(first),
            show.short(25_000 * 10**8, unit_named("USD")), show.amount(1200 * 60, unit_named("hour")),
        ]

    assert [text.replace("\N{NO-BREAK SPACE}", " ") for text in shown] == [told, day, weekday, axis, hours]
    assert show.amount(2_500_000_000_000, unit_named("USD")) == "USD\N{NO-BREAK SPACE}25,000.00"
