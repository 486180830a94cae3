"""The languages that people read: names, catalogues, and the locale in which dates and numbers go with each.

A language without a compiled catalogue in `translations/` is English whole, its dates and numbers too, so that nothing
ever mixes two languages.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from babel import Locale
from babel.support import NullTranslations, Translations

TRANSLATIONS = Path(__file__).resolve().parent / "translations"

NAMES: Mapping[str, str] = {"en": "English", "zh_Hant": "繁體中文", "zh_Hans": "简体中文"}
"""Each language by the name that it gives itself, whatever language the page is in."""

LANGUAGES = tuple(NAMES)
"""As people's preferences and the folders of the catalogues name them."""

_ENGLISH = Locale("en", "GB")
_LOCALES: Mapping[str, Locale] = {
    "en": _ENGLISH,
    "zh_Hant": Locale("zh", script="Hant", territory="HK"),  # of zh_Hant alone CLDR writes what Taiwan writes
    "zh_Hans": Locale("zh", script="Hans", territory="CN"),
}
_BY_LOCALE = {str(locale): language for language, locale in _LOCALES.items()}
_TRADITIONAL = frozenset({"hant", "hk", "tw", "mo"})


@lru_cache(maxsize=32)
def catalogue(language: str) -> tuple[NullTranslations, Locale]:
    """The catalogue of a language and the locale that goes with it; English where there is none."""
    locale = _LOCALES.get(language)
    if locale is None:
        return NullTranslations(), _ENGLISH
    translations = Translations.load(TRANSLATIONS, [language])
    return (translations, locale) if isinstance(translations, Translations) else (NullTranslations(), _ENGLISH)


def locale_for(language: str) -> Locale:
    """The locale in which dates and numbers go with the words of a language."""
    return catalogue(language)[1]


def language_of(locale: Locale | None) -> str:
    """The language that goes with a locale; English of any other locale and of none."""
    return _BY_LOCALE.get(str(locale), "en")


def tag_of(locale: Locale) -> str:
    """A locale as HTML names it: `en-GB`, `zh-Hant-HK`."""
    return str(locale).replace("_", "-")


def best_of(tags: Iterable[str]) -> str | None:
    """The language for the first tag of a browser's wishes that is one of ours: `zh-TW` and `yue` are 繁體中文, `zh` is
    简体中文; None where none is.
    """
    for tag in tags:
        first, *more = tag.lower().replace("_", "-").split("-")
        if first == "en":
            return "en"
        if first == "yue":
            return "zh_Hant"
        if first == "zh":
            return "zh_Hant" if _TRADITIONAL.intersection(more) and "hans" not in more else "zh_Hans"
    return None
