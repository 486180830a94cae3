"""Scenarios of usage: exports imported, restated, confirmed, taken back; scopes assigned and handed over."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.endurance import doors
from tests.endurance.places import Place
from tests.endurance.scenarios import FIRST, MARCH, NOW, SCOPES, Scenario, export, park
from tests.endurance.story import Story
from tests.usage.importing import import_path

SECOND = NOW - timedelta(hours=2)
"""When an export was made that is there already when a scenario begins."""

THE_FIFTH = datetime(2026, 6, 5, tzinfo=UTC)
THREE, FOUR = SCOPES[:3], SCOPES


def _fill(**exports: tuple[tuple[str, ...], range, int]) -> Any:
    """Files that wait to be imported."""

    def fill(folder: Path) -> dict[str, Any]:
        for name, (scopes, days, cost) in exports.items():
            export(folder / f"{name}.csv", scopes, days, cost)
        return {}

    return fill


def _fill_imported(scopes: tuple[str, ...], days: range, cost: int) -> Any:
    """A second import."""

    def fill(folder: Path) -> dict[str, Any]:
        report = import_path(export(folder / "second.csv", scopes, days, cost), SECOND)
        return {"run": report["id"]}

    return fill


def _import(name: str) -> Any:
    return lambda place, now: doors.command(
        place, now, "usage", "import", place.folder / f"{name}.csv", "--submitted-at", NOW.isoformat())


def _upload(place: Place, now: datetime) -> None:
    doors.post(place, NOW, "/usage-runs", "one-key", file=place.folder / "restated.csv")


def _assign(hand_over: bool, scope: str, startup: str) -> Any:
    body = {"provider": "azure", "id": scope, "startup": startup, "starts": THE_FIFTH.isoformat(),
            "hand_over": hand_over}
    return lambda place, now: doors.post(place, now, "/scopes/assign", "one-key", body)


_WARM = _assign(False, SCOPES[3], "bolt")


def _step(word: str) -> Any:
    return lambda place, now: doors.post(place, now, f"/usage-runs/{place.made['run']}/{word}", "one-key", {})


def _brought(scopes: tuple[str, ...], days: range, cost: int, answered: bool = False) -> Any:
    def tell(story: Story) -> None:
        story.bring(NOW, scopes, days, cost)
        if answered:
            story.answer()

    return tell


def _imported(scopes: tuple[str, ...], days: range, cost: int) -> Any:
    def tell() -> Story:
        story = park()
        story.bring(SECOND, scopes, days, cost)
        return story

    return tell


def _held() -> Story:
    story = park()
    story.hold()
    return story


def _confirmed(story: Story) -> None:
    story.confirm(SECOND, THREE, range(1, 8), 3)
    story.answer()


def _taken_back(story: Story) -> None:
    story.take_back(SECOND)
    story.answer()


def _assigned(scope: str, startup: str) -> Any:
    def tell(story: Story) -> None:
        story.assign(scope, startup, THE_FIFTH)
        story.answer()

    return tell


RESTATED = _fill(restated=(FOUR, range(1, 15), 4))

SCENARIOS = (
    Scenario("import new days", _import("new"), park, _brought(THREE, range(11, 15), 3),
             _fill(new=(THREE, range(11, 15), 3)), warm=_WARM),
    Scenario("import an export that restates days", _import("restated"), park, _brought(FOUR, range(1, 15), 4),
             RESTATED, warm=_WARM),
    Scenario("upload an export through the API", _upload, park, _brought(FOUR, range(1, 15), 4, answered=True),
             RESTATED, warm=_WARM),
    Scenario("assign a scope whose usage waits", _assign(False, SCOPES[3], "acme"),
             _imported(FOUR, range(1, 15), 4), _assigned(SCOPES[3], "acme"), _fill_imported(FOUR, range(1, 15), 4)),
    Scenario("a scope changes hands", _assign(True, SCOPES[1], "acme"), _imported(THREE, range(1, 15), 4),
             _assigned(SCOPES[1], "acme"), _fill_imported(THREE, range(1, 15), 4)),
    Scenario("take an import back", _step("reverse"), _imported(FOUR, range(1, 15), 4), _taken_back,
             _fill_imported(FOUR, range(1, 15), 4), warm=_WARM),
    Scenario("confirm an import that is held", _step("confirm"), _held, _confirmed,
             _fill_imported(THREE, range(1, 8), 3), warm=_WARM),
)

assert MARCH < FIRST < SECOND < NOW
