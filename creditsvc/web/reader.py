"""Who reads the page: in which language, and on which clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from babel import Locale
from babel.support import NullTranslations
from flask import Flask, g, has_app_context, has_request_context, request
from flask_babel import Babel, Domain, force_locale, get_locale
from flask_login import current_user

from creditsvc.core.days import DEFAULT_ZONE, utc_offset
from creditsvc.languages import LANGUAGES, NAMES, best_of, catalogue, language_of, locale_for, tag_of

COOKIE = "creditsvc-language"
COOKIE_LIFE = 365 * 24 * 3600  # seconds


class _Catalogues(Domain):  # type: ignore[misc]  # Flask-Babel says nothing of its types
    """The catalogues by the name of their language: Flask-Babel would look for a folder of the whole locale."""

    def get_translations(self) -> NullTranslations:
        return catalogue(language())[0]


def hang(app: Flask) -> None:
    """Pages speak the reader's language from here on."""
    app.config.setdefault("BABEL_DEFAULT_LOCALE", "en_GB")
    app.config.setdefault("BABEL_DEFAULT_TIMEZONE", DEFAULT_ZONE.key)
    babel = Babel(app, locale_selector=_locale, timezone_selector=zone)
    babel.domain_instance = _Catalogues()  # kept there by Flask-Babel for the whole app
    app.jinja_env.globals.update(
        page_language=language, language_names=NAMES, language_tag=lambda: tag_of(get_locale()),
        tag_of_language=lambda one: tag_of(locale_for(one)), zone_text=zone_text, language_leads_to=language_leads_to,
    )


def language() -> str:
    """The language of what is being made: the page's, or the one that is forced meanwhile."""
    return language_of(get_locale())  # None where there is no application, as in a test of figures alone


def locale() -> Locale:
    """The locale of what is being made."""
    return locale_for(language())


@contextmanager
def read_by(language: str, zone: str) -> Iterator[None]:
    """What is made meanwhile is in that language and on that clock, whoever asks. Needs an application context."""
    g.reading_zone = zone
    try:
        with force_locale(str(locale_for(language))):
            yield
    finally:
        g.pop("reading_zone")


def zone() -> ZoneInfo:
    """The time zone of who reads, Hong Kong's unless they chose another."""
    chosen = (g.get("reading_zone") if has_app_context() else None) or _person("time_zone")
    return DEFAULT_ZONE if chosen is None else ZoneInfo(chosen)


def zone_text(at: datetime | None = None) -> str:
    """How far the reader's clock is from UTC at an instant: `UTC+8`, `UTC-3:30`, `UTC`; without one its zone's name."""
    return zone().key if at is None else utc_offset(at, zone())


def is_elsewhere(at: datetime) -> bool:
    """Whether the reader's clock then differs from Hong Kong's."""
    moment = at.astimezone(UTC)
    return moment.astimezone(zone()).utcoffset() != moment.astimezone(DEFAULT_ZONE).utcoffset()


def language_leads_to() -> str:
    """The address to come back to after the language was changed: this page, or the first one after a form was sent."""
    is_page = request.method == "GET" and request.url_rule is not None
    return request.full_path.rstrip("?") if is_page else "/"


def _locale() -> Locale:
    return locale_for(_wanted())


def _wanted() -> str:
    """The language of the person, else of the browser's cookie, else of what the browser asks for, else English.

    The API is in English, whoever asks: programs compare its sentences.
    """
    if not has_request_context() or request.path.startswith("/api/"):
        return "en"
    chosen = _person("language") or request.cookies.get(COOKIE)
    if chosen in LANGUAGES:
        return str(chosen)
    return best_of(tag for tag, quality in request.accept_languages if quality > 0) or "en"


def _person(name: str) -> str | None:
    if not has_request_context() or request.path.startswith("/api/") or not current_user.is_authenticated:
        return None
    value: str | None = getattr(current_user, name)
    return value
