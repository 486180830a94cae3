"""Lists in pages: `items`, and `next`, the cursor to go on from (null on the last page)."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any, Protocol, TypeVar

from creditsvc.core.days import parse_day
from creditsvc.core.errors import NotFound, RuleBroken

T = TypeVar("T")


class Keyed(Protocol):
    """What has a key."""

    @property
    def key(self) -> str:
        """By which it is asked for."""


K = TypeVar("K", bound=Keyed)


def page(
    found: Sequence[T], limit: int, shown: Callable[[T], dict[str, Any]], cursor: Callable[[T], str]
) -> dict[str, Any]:
    """A page of at most `limit`; `found` has one more when there is another page."""
    items = found[:limit]
    return {"items": [shown(each) for each in items], "next": cursor(items[-1]) if len(found) > limit else None}


def page_of_all(
    everything: Sequence[T], query: dict[str, Any], shown: Callable[[T], dict[str, Any]], cursor: Callable[[T], str]
) -> dict[str, Any]:
    """A page of a list that is short enough to be read whole, in the order of its cursors."""
    after = query.get("after")
    beyond = sorted((each for each in everything if after is None or cursor(each) > after), key=cursor)
    return page(beyond, query["limit"], shown, cursor)


def page_before(found: Sequence[T], onward: int | None, shown: Callable[[T], dict[str, Any]]) -> dict[str, Any]:
    """A page of a list by number, newest first, that goes on from before the id `onward` (None: the last page)."""
    return {"items": [shown(each) for each in found], "next": None if onward is None else str(onward)}


def one_of(everything: Iterable[K], what: str, key: str) -> K:
    """The one of that key in a list that is short enough to be read whole. Raises NotFound(what)."""
    for each in everything:
        if each.key == key:
            return each
    raise NotFound(what, key)


def id_cursor(after: str | None) -> int | None:
    """The number in a cursor of a list by number. Raises RuleBroken("after", "not-a-cursor")."""
    if after is None:
        return None
    if not (after.isascii() and after.isdigit()) or len(after) > 18:
        raise _no_cursor(after)
    return int(after)


def day_cursor(after: str | None) -> date | None:
    """The day in a cursor of a list by days. Raises RuleBroken("after", "not-a-cursor")."""
    if after is None:
        return None
    try:
        return parse_day(after, "after")
    except RuleBroken as error:
        raise _no_cursor(after) from error


def two_keys(after: str | None) -> tuple[str, str] | None:
    """The two keys in a cursor of a list by both. Raises RuleBroken("after", "not-a-cursor")."""
    if after is None:
        return None
    first, blank, second = after.partition(" ")
    if not blank:
        raise _no_cursor(after)
    return first, second


def _no_cursor(after: str) -> RuleBroken:
    return RuleBroken("after", "not-a-cursor", "%(value)r is no cursor: send the `next` of a page", value=after)
