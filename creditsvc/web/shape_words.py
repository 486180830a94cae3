"""What a shape says is wrong, in the reader's words: the house's own sentences, and those that marshmallow makes."""

import re
from collections.abc import Iterator
from typing import Any

from flask_babel import gettext, lazy_gettext

from creditsvc.core.sentences import said

_MADE: tuple[tuple[re.Pattern[str], Any], ...] = tuple(
    (re.compile(pattern), words) for pattern, words in (
        (r"Missing data for required field\.|Field may not be null\.", lazy_gettext("Fill this in.")),
        (r"Not a valid string\.", lazy_gettext("Write text.")),
        (r"Not a valid integer\.", lazy_gettext("Write a whole number.")),
        (r"Not a valid boolean\.", lazy_gettext("Choose yes or no.")),
        (r"Longer than maximum length (?P<most>\d+)\.", lazy_gettext("Write at most %(most)s characters.")),
        (r"Shorter than minimum length (?P<least>\d+)\.", lazy_gettext("Write at least %(least)s characters.")),
        (r"Length must be between (?P<least>\d+) and (?P<most>\d+)\.",
         lazy_gettext("Write %(least)s to %(most)s characters.")),
        (r"Must be one of: (?P<choices>.+)\.", lazy_gettext("Choose one of these: %(choices)s")),
        (r"Must be greater than or equal to (?P<first>\S+) and less than or equal to (?P<last>\S+)\.",
         lazy_gettext("Write a number from %(first)s to %(last)s.")),
        (r"Must be greater than or equal to (?P<first>\S+)\.", lazy_gettext("Write a number from %(first)s on.")),
    )
)
"""The sentences that marshmallow makes, by what they look like: by then its own places are filled."""


def refusals(messages: Any) -> Iterator[str]:
    """The refusals of a field, of a list those of its items, in the reader's words."""
    if isinstance(messages, dict):
        messages = list(messages.values())
    if isinstance(messages, list):
        for message in messages:
            yield from refusals(message)
    else:
        yield _words(messages)


def _words(message: str) -> str:
    for pattern, words in _MADE:
        if found := pattern.fullmatch(message):
            return str(words) % found.groupdict()
    text = str(said(message, gettext))
    return gettext(text) if text == message else text[:1].upper() + text[1:]
