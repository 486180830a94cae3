"""What a scenario is, and the park that most of them happen in."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from creditsvc.db import transaction
from creditsvc.parties.access import operator
from creditsvc.parties.tokens import create_token
from tests import factories
from tests.endurance.places import Place
from tests.endurance.story import Story
from tests.usage.exports import focus_row, write_focus
from tests.usage.importing import assign, import_path

NOW = factories.NOW
LATER = NOW + timedelta(minutes=1)
"""When it is done again after a kill."""

NEXT_HOUR = NOW + timedelta(hours=1)
"""When what a dead process was sending is taken over for sure (A6)."""

STARTUPS = ("acme", "bolt", "crane")
SCOPES = tuple(f"64e355d7-997c-491d-b0c1-{number:012d}" for number in range(4))
"""One scope for each startup, and one that nobody has."""

MARCH = datetime(2026, 3, 1, tzinfo=UTC)
GRANTED = datetime(2026, 2, 28, 16, tzinfo=UTC)
"""1 March in Hong Kong."""

ENDS = datetime(2026, 6, 20, 16, tzinfo=UTC)
"""The end of 20 June in Hong Kong."""

FIRST = NOW - timedelta(days=1)
"""When the first export was made."""


@dataclass(frozen=True)
class Scenario:
    """One thing that is done and cut short.

    `fill` adds to the park within an application context, and may leave files in its folder; `act` does the thing
    through a door, at an instant, and raises when it is not answered as it should be; `before` and `after` tell the
    story. `follow` is what happens by itself afterwards (delivery an hour later). `whole` says that it is one
    transaction, so that all of it is there after a kill or nothing. `posts` sends mail by SMTP instead of writing
    files. `warm` is done once in the process that is forked, instead of the act where that would start threads (polars
    does).
    """

    name: str
    act: Callable[[Place, datetime], Any]
    before: Callable[[], Story]
    after: Callable[[Story], None]
    fill: Callable[[Path], dict[str, Any]] | None = None
    follow: Callable[[Place], Any] | None = None
    whole: bool = True
    posts: bool = False
    warm: Callable[[Place, datetime], Any] | None = None
    now: datetime = NOW


def export(path: Path, scopes: tuple[str, ...], days: range, cost: int) -> Path:
    """An export of June: two services a day for each scope."""
    rows = [
        focus_row(date(2026, 6, day), scope, str(cost), ServiceName=service)
        for scope in scopes
        for day in days
        for service in ("Virtual Machines", "Storage")
    ]
    return write_focus(path, rows)


def fill_park(folder: Path) -> dict[str, Any]:
    """Startups with founders, 100 dollars each that end on 20 June, 4 dollars a day in ten days; a manager of all."""
    manager = factories.make_person("manager@park.example", "manager")
    pool = factories.make_pool("ms", "1000").key
    for key, scope in zip(STARTUPS, SCOPES, strict=False):
        factories.make_startup(key, key.title())
        factories.make_member(key, f"founder@{key}.example")
        factories.make_grant(key, pool, "100", expires=date(2026, 6, 20), key=f"{key}-azure")
        assign(scope, key, MARCH, NOW)
    import_path(export(folder / "first.csv", SCOPES[:3], range(1, 11), 2), FIRST)
    token = transaction(lambda: create_token(operator(NOW), "manager@park.example", "endurance"))
    return {"token": token, "manager": {"id": manager.id, "session_epoch": manager.session_epoch}}


def park() -> Story:
    """The story of `fill_park`."""
    story = Story(STARTUPS)
    for key, scope in zip(STARTUPS, SCOPES, strict=False):
        story.award(f"{key}-azure", key, "ms", 100, GRANTED, ENDS)
        story.assign(scope, key, MARCH)
    story.bring(FIRST, SCOPES[:3], range(1, 11), 2)
    return story
