"""How a billing scope is written: one spelling for one scope, wherever it comes from (U1)."""

import re

from creditsvc.core.errors import RuleBroken

LONGEST_SCOPE = 200

_ZERO_GUID = "00000000-0000-0000-0000-000000000000"
_SUBSCRIPTIONS = "/subscriptions/"
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def scope_of(provider: str, text: str) -> str | None:
    """The billing scope that a text names, None where it names none: an Azure scope is its lower-case GUID."""
    scope = text.strip()
    if provider == "azure":
        scope = scope.lower().removeprefix(_SUBSCRIPTIONS).rstrip("/")
    return None if scope in ("", _ZERO_GUID) else scope


def scope_name(provider: str, external_id: str, field: str = "id") -> tuple[str, str]:
    """Provider and scope id as the book has them: an Azure scope is its lower-case GUID.

    Raises RuleBroken(field, "not-a-scope").
    """
    provider = provider.strip().lower()
    found = scope_of(provider, external_id)
    if found is None or len(found) > LONGEST_SCOPE or (provider == "azure" and not _GUID.fullmatch(found)):
        raise RuleBroken(
            field, "not-a-scope",
            "%(id)r is no billing scope: write the subscription's id, such as 64e355d7-997c-491d-b0c1-8414dccfcf42",
            id=external_id,
        )
    return provider, found
