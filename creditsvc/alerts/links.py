"""Signed links in mails: whoever got the mail may acknowledge or snooze what it says, or end such mails, without
signing in (A5).

A link says who, which alert and what, until when; nothing else can be done with it. Opening it must only show a
button: mail scanners open every link.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from creditsvc.core.errors import NotFound

Act = Literal["acknowledge", "snooze"]

VALID_FOR = timedelta(days=60)
UNSUBSCRIBE = "/unsubscribe/"
"""Where links lead that mail programs post to by themselves, without a session (RFC 8058)."""

UNSUBSCRIBE_FOR = timedelta(days=730)
"""Mail programs show their button for as long as the mail is kept."""

_LETTERS: dict[str, Act] = {"a": "acknowledge", "s": "snooze"}


@dataclass(frozen=True)
class Link:
    """What a link allows."""

    act: Act
    alert_id: int
    person_id: int


def make_link(secret_key: str, base_url: str, link: Link, now: datetime) -> str:
    """The address of a link, good for 60 days."""
    letter = link.act[0]
    claim = f"{letter}.{link.alert_id}.{link.person_id}"
    return f"{base_url}/alerts/{_signed(secret_key, 'alert-link', claim, now + VALID_FOR)}"


def read_link(secret_key: str, token: str, now: datetime) -> Link:
    """What the last part of such an address allows. Raises NotFound("link") when it is not ours or too old."""
    letter, alert_id, person_id = _claimed(secret_key, "alert-link", token, now)
    return Link(_LETTERS[letter], int(alert_id), int(person_id))


def make_unsubscribe_link(secret_key: str, base_url: str, mails: str, person_id: int, now: datetime) -> str:
    """The address at which one kind of `mails` to a person ends, good for two years."""
    token = _signed(secret_key, "unsubscribe", f"{mails}.{person_id}", now + UNSUBSCRIBE_FOR)
    return f"{base_url}{UNSUBSCRIBE}{token}"


def read_unsubscribe_link(secret_key: str, token: str, now: datetime) -> tuple[str, int]:
    """(kind of mails, person id) of the last part of such an address. Raises NotFound("link") as `read_link` does."""
    mails, person_id = _claimed(secret_key, "unsubscribe", token, now)
    return mails, int(person_id)


def _signed(secret_key: str, purpose: str, claim: str, until: datetime) -> str:
    claim = f"{claim}.{int(until.timestamp())}"
    return f"{claim}.{_signature(secret_key, purpose, claim)}"


def _claimed(secret_key: str, purpose: str, token: str, now: datetime) -> list[str]:
    """The parts of what was signed, but for the last, until when it holds. Raises NotFound("link")."""
    claim, _, signature = token.rpartition(".")
    if not token.isascii() or not hmac.compare_digest(signature, _signature(secret_key, purpose, claim)):
        raise NotFound("link")
    *parts, until = claim.split(".")
    if datetime.fromtimestamp(int(until), UTC) <= now:
        raise NotFound("link")
    return parts


def _signature(secret_key: str, purpose: str, claim: str) -> str:
    digest = hmac.digest(secret_key.encode(), f"{purpose}:{claim}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest[:20]).decode().rstrip("=")
