"""What a mail says and how: worst first, exact, nothing fetched from elsewhere, no value taken for markup."""

import re
from datetime import date
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from jinja2 import UndefinedError

from creditsvc import languages
from creditsvc.core.errors import RuleBroken
from creditsvc.mail import render as rendering
from creditsvc.mail.render import LONGEST_SUBJECT, day, money, render, render_digest, render_password_reset

BASE = "https://credits.park.example"


def item(severity: str = "warning", title: str = "Azure credits expire in 7 days", **more):
    return {
        "severity": severity, "title": title, "detail": "USD 6,250.00 can no longer be used after 22 June 2026.",
        "action": "Use them by then, or ask for an extension.", **more,
    }


def section(*items, name: str = "Harbour Robotics"):
    return {"startup_name": name, "startup_url": f"{BASE}/startups/harbour-robotics", "items": list(items)}


def digest(*sections):
    return {"person_name": "M. Chan", "business_day": date(2026, 6, 15), "base_url": BASE, "sections": list(sections)}


def reset(url: str, minutes: int):
    return {"person_name": "A. Lee", "reset_url": url, "valid_minutes": minutes, "base_url": BASE}


@pytest.fixture
def in_chinese(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A small catalogue for zh_Hant, and no memory of it afterwards."""
    folder = tmp_path / "zh_Hant" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    source = tmp_path / "messages.po"
    source.write_text('msgid "What needs you as of %(day)s"\nmsgstr "%(day)s：待辦事項"\n', encoding="utf-8")
    with source.open("rb") as po, (folder / "messages.mo").open("wb") as mo:
        write_mo(mo, read_po(po, locale="zh_Hant"))
    monkeypatch.setattr(languages, "TRANSLATIONS", tmp_path)
    caches = (languages.catalogue, rendering._environment)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


def test_the_worst_comes_first_between_startups_and_within_one():
    rendered = render_digest(digest(
        section(item("notice", "A notice"), item("warning", "A warning"), name="Pearl"),
        section(item("urgent", "Something urgent"), name="Harbour"),
    ), "en")

    for part in (rendered.text, re.sub("<title>.*?</title>", "", rendered.html)):
        places = [part.index(words) for words in ("Harbour", "Something urgent", "Pearl", "A warning", "A notice")]
        assert places == sorted(places)


@pytest.mark.parametrize(
    "sections, subject",
    [
        ([section(item())], "Harbour Robotics: Azure credits expire in 7 days"),
        ([section(item(), item())], "Harbour Robotics: 2 matters need you"),
        ([section(item()), section(item(), item()), section()], "3 matters at 2 startups need you"),
        ([section(item(title="x" * 400))], ("Harbour Robotics: " + "x" * 400)[: LONGEST_SUBJECT - 1] + "…"),
        ([section(item(), name="Harbour\r\nBcc: all@park.example")],
         "Harbour Bcc: all@park.example: Azure credits expire in 7 days"),
        ([section(item(), name="R&D <Labs>")], "R&D <Labs>: Azure credits expire in 7 days"),
    ],
)
def test_the_subject_says_what_it_is_about_in_one_line(sections, subject):
    assert render_digest(digest(*sections), "en").subject == subject


def test_the_text_of_a_digest_reads_as_a_letter():
    full = item(
        balance="USD 6,250.00", burn_rate="USD 121.40 a day", at_risk="USD 5,400.20",
        ack_url=f"{BASE}/alerts/seen/abc", snooze_url=f"{BASE}/alerts/later/abc",
    )

    text = render_digest(digest(section(full, item("notice", "Nothing used yet"))), "en").text

    assert text == f"""What needs you as of 15 June 2026

Hello M. Chan, the most pressing comes first.


Harbour Robotics
{BASE}/startups/harbour-robotics

* Warning: Azure credits expire in 7 days
  USD 6,250.00 can no longer be used after 22 June 2026.
  Remaining: USD 6,250.00
  Being used: USD 121.40 a day
  At risk: USD 5,400.20
  What to do: Use them by then, or ask for an extension.
  I have seen this: {BASE}/alerts/seen/abc
  Remind me later: {BASE}/alerts/later/abc

* For your information: Nothing used yet
  USD 6,250.00 can no longer be used after 22 June 2026.
  What to do: Use them by then, or ask for an extension.

--{' '}
You get at most one such mail a day, because you look after the startups named here.
Choose what you are mailed about: {BASE}/me/alerts
{BASE}
"""


def test_the_page_holds_what_the_text_holds():
    full = item(
        balance="USD 6,250.00", burn_rate="USD 121.40 a day", at_risk="USD 5,400.20", ack_url=f"{BASE}/seen/abc",
    )

    html = render_digest(digest(section(full)), "en").html

    for words in ("Harbour Robotics", "Warning", "USD 6,250.00", "USD 121.40 a day", "USD 5,400.20", "What to do:",
                  f'href="{BASE}/seen/abc"', f'href="{BASE}/startups/harbour-robotics"'):
        assert words in html
    assert "Remind me later" not in html


def test_names_are_never_taken_for_markup():
    html = render_digest(digest(section(item(title="<img src=x>"), name='"><script>alert(1)</script>')), "en").html

    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize("part", ["<img", "<script", "<link", "@import", "@font-face", "url("])
def test_nothing_in_a_mail_is_fetched_and_its_style_is_inline(part):
    mails = (
        render_digest(digest(section(item("urgent"), item(), item("notice"))), "en"),
        render_password_reset(reset(f"{BASE}/r/x", 60), "en"),
    )

    for mail in mails:
        assert part not in mail.html
        assert 'style="' in mail.html


def test_a_digest_with_nothing_to_say_is_refused():
    with pytest.raises(ValueError, match="nothing to say"):
        render_digest(digest(section()), "en")


def test_an_unknown_severity_is_refused():
    with pytest.raises(ValueError, match="dreadful"):
        render_digest(digest(section(item("dreadful"))), "en")


def test_a_value_that_is_missing_is_refused_rather_than_left_blank():
    with pytest.raises(UndefinedError, match="reset_url"):
        render("password_reset", {"person_name": "A", "valid_minutes": 60, "base_url": BASE}, "en")


@pytest.mark.parametrize("minutes, words", [(1, "within 1 minute."), (60, "within 60 minutes.")])
def test_a_password_reset_gives_the_link_and_how_long_it_works(minutes, words):
    rendered = render_password_reset(reset(f"{BASE}/reset/t?a=1&b=2", minutes), "en")

    assert rendered.subject == "Set a new password"
    assert f"{BASE}/reset/t?a=1&b=2" in rendered.text
    assert f'href="{BASE}/reset/t?a=1&amp;b=2"' in rendered.html
    assert words in rendered.text
    assert words in rendered.html


def test_a_language_with_a_catalogue_is_spoken_with_its_own_dates(in_chinese):
    rendered = render_digest(digest(section(item())), "zh_Hant")

    assert rendered.text.startswith("2026年6月15日：待辦事項")
    assert '<html lang="zh-Hant-HK"' in rendered.html


@pytest.mark.parametrize("language", ["zh_Hant", "zh-Hans", "xx", "", "en"])
def test_a_language_without_a_catalogue_gets_english_whole(tmp_path, monkeypatch, language):
    monkeypatch.setattr(languages, "TRANSLATIONS", tmp_path)
    languages.catalogue.cache_clear()

    assert day(date(2026, 6, 15), language) == "15 June 2026"
    assert money(150, "hour", language) == "2.5 hours"


@pytest.mark.parametrize(
    "steps, unit, words",
    [
        (123_450_000_000, "USD", "USD 1,234.50"), (0, "USD", "USD 0.00"), (-250_000_000, "USD", "USD -2.50"),
        (1, "USD", "less than USD 0.01"), (500_000, "USD", "USD 0.00"), (2**63 - 1, "HKD", "HKD 92,233,720,368.55"),
        (60, "hour", "1 hour"), (90, "hour", "1.5 hours"), (0, "hour", "0 hours"), (1, "seat", "1 seat"),
        (1200, "seat", "1,200 seats"),
    ],
)
def test_amounts_are_rounded_for_reading_only(steps, unit, words):
    assert money(steps, unit, "en") == words


def test_an_amount_of_no_unit_is_refused():
    with pytest.raises(RuleBroken, match="no unit"):
        money(1, "apples", "en")
