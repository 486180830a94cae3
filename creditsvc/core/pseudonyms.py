"""What stands for a mail address once its person is erased, also in hashes made while the address still stood.

Hashes of the book and seals of the night read every mail address as its pseudonym. So an address that is replaced by
its pseudonym leaves them as they are, and any other change of it shows (docs/decisions/0016-erasing-a-person.md).
"""

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

PREFIX = "erased-"

_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\\\"]+@[^\s@<>()\[\],;:\\\"]+")
_AFTER = ".!?'"  # ends a sentence or a quotation, not an address
_QUOTE = "'"


@lru_cache(maxsize=4096)
def pseudonym(address: str) -> str:
    """The pseudonym of an address, whatever its capitals: `erased-` and 24 hexadecimal digits, always the same."""
    digest = hashlib.sha256(b"creditsvc person\n" + _apart(address.strip())[1].lower().encode())
    return PREFIX + digest.hexdigest()[:24]


def without_addresses(text: str) -> str:
    """The text as hashes read it: each mail address in it as its pseudonym."""
    return text if "@" not in text else _short(text)


def without_address(text: str, address: str) -> str:
    """The text with this one address as its pseudonym, as often as it stands there."""
    mine = pseudonym(address)

    def instead(found: re.Match[str]) -> str:
        before, body, after = _apart(found.group())
        return before + mine + after if pseudonym(body) == mine else found.group()

    return _ADDRESS.sub(instead, text)


def values_without_addresses(value: Any) -> Any:
    """A JSON value with every text in it as hashes read it."""
    return _walked(value, None)


def values_without_address(value: Any, address: str) -> Any:
    """A JSON value with this one address as its pseudonym in every text."""
    return _walked(value, address)


def _walked(value: Any, address: str | None) -> Any:
    if isinstance(value, str):
        return without_addresses(value) if address is None else without_address(value, address)
    if isinstance(value, Mapping):
        return {_walked(key, address): _walked(inner, address) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_walked(inner, address) for inner in value]
    return value


@lru_cache(maxsize=4096)
def _short(text: str) -> str:
    return _ADDRESS.sub(_pseudonym_of, text)


def _pseudonym_of(found: re.Match[str]) -> str:
    before, body, after = _apart(found.group())
    return before + pseudonym(body) + after


def _apart(found: str) -> tuple[str, str, str]:
    """What was found without what stands around it: a quotation mark before, a full stop after."""
    inner = found.lstrip(_QUOTE)
    body = inner.rstrip(_AFTER)
    return found[: len(found) - len(inner)], body, inner[len(body):]
