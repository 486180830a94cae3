"""Keys: the short names by which people and files call things."""

import re

from creditsvc.core.errors import RuleBroken

LONGEST_KEY = 100

_KEY = re.compile(r"[a-z0-9][a-z0-9-]*", re.ASCII)


def check_key(text: str, field: str = "key", longest: int = LONGEST_KEY) -> str:
    """The key itself when it is one. Raises RuleBroken(field, "not-a-key") naming it and what would be right."""
    if not _KEY.fullmatch(text) or len(text) > longest:
        raise RuleBroken(
            field, "not-a-key",
            "%(value)r is no key: lower-case letters, digits and hyphens, a letter or digit first, at most %(longest)s",
            value=text, longest=longest,
        )
    return text
