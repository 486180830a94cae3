"""Scenarios of awards: single, by package, changed, by page, by API, by load file."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from creditsvc.programmes import operations as programmes
from creditsvc.programmes.operations import LineTerms
from tests import factories
from tests.endurance import doors
from tests.endurance.places import Place
from tests.endurance.scenarios import ENDS, GRANTED, NOW, STARTUPS, Scenario, park
from tests.endurance.story import Story
from tests.web.browsing import Browser

YEAR_END = datetime(2026, 12, 31, 16, tzinfo=UTC)
STOPS = datetime(2026, 6, 16, tzinfo=UTC)


def _change(path: str, body: dict[str, Any]) -> Any:
    return lambda place, now: doors.post(place, now, path, "one-key", body)


def _award(place: Place, now: datetime) -> None:
    body = {"startup": "acme", "pool": "ms", "amount": "70", "effective": "2026-03-01", "expires": "2026-12-31",
            "key": "acme-more"}
    assert doors.post(place, now, "/grants", "one-key", body)["amount"] == "70"


def _awarded(story: Story) -> None:
    story.award("acme-more", "acme", "ms", 70, GRANTED, YEAR_END)
    story.answer()


def _award_without_key(place: Place, now: datetime) -> None:
    """The grant's key is made up, so that only the Idempotency-Key stands between this and a second grant."""
    body = {"startup": "acme", "pool": "ms", "amount": "70", "effective": "2026-03-01", "expires": "2026-12-31"}
    assert doors.post(place, now, "/grants", "one-key", body)["key"] == "acme-azure-credit-1"


def _awarded_without_key(story: Story) -> None:
    story.award("acme-azure-credit-1", "acme", "ms", 70, GRANTED, YEAR_END)
    story.answer()


def _award_on_a_page(place: Place, now: datetime) -> None:
    typed = {"pool": "ms", "amount": "70", "effective": "2026-03-01", "expires": "2026-12-31", "once_key": "f" * 32}

    def act(browser: Browser) -> None:
        page = browser.submit("/startups/acme/award", typed)
        assert page.status == 303, page.text

    doors.browse(place, now, act)


def _fill_enrolled(_folder: Path) -> dict[str, Any]:
    factories.make_pool("bonus", "500", partner=factories.make_partner("github").key)
    factories.make_programme("techconnect")
    factories.make_cohort("techconnect", "tc-2026a")
    lines = [LineTerms("azure-credit", "ms", "250", 12), LineTerms("azure-credit", "bonus", "30", 3)]
    factories.make_package("techconnect", lines)
    factories.do(lambda: programmes.enrol(
        factories.somebody(), startup="acme", cohort="tc-2026a", package="standard", status="active",
        on=date(2026, 2, 10)))
    return {}


def _award_package(place: Place, now: datetime) -> None:
    def act(browser: Browser) -> None:
        address = "/startups/acme/packages/tc-2026a/award"
        page = browser.get("/startups/acme")
        # once it is awarded the page offers it no more; a form that lay open is sent all the same
        token = page.forms[0].fields["csrf_token"]
        sent = browser.post(address, {"csrf_token": token})
        assert sent.status in (302, 303), sent.text
        assert "2 grants" in browser.get(sent.location).text

    doors.browse(place, now, act)


def _package_awarded(story: Story) -> None:
    story.award("acme-azure-credit-1", "acme", "ms", 250, GRANTED, datetime(2027, 2, 28, 16, tzinfo=UTC))
    story.award("acme-azure-credit-2", "acme", "bonus", 30, GRANTED, datetime(2026, 5, 31, 16, tzinfo=UTC))


LOAD = {
    "partners": [{"key": "github", "name": "GitHub"}],
    "pools": [{"key": "loaded", "partner": "github", "resource": "azure-credit", "amount": "600",
               "starts": "2026-01-01", "ends": "2027-12-31"}],
    "startups": [{"key": key, "name": key.title(), "members": [
        {"email": f"founder@{key}.example", "name": "M. Chan", "role": "owner"}]} for key in ("delta", "echo")],
    "grants": [{"key": f"{key}-azure", "startup": key, "pool": "loaded", "amount": "200", "effective": "2026-03-01",
                "expires": "2026-12-31"} for key in ("delta", "echo")],
}


def _load(place: Place, now: datetime) -> None:
    path = place.folder / "load.json"
    path.write_text(json.dumps(LOAD), encoding="utf-8")
    doors.command(place, now, "load", path)


def _loaded(story: Story) -> None:
    for key in ("delta", "echo"):
        story.award(f"{key}-azure", key, "loaded", 200, GRANTED, YEAR_END)


def _park_before_load() -> Story:
    story = park()
    story.startups = (*STARTUPS, "delta", "echo")
    return story


def _with_answer(tell: Any) -> Any:
    def told(story: Story) -> None:
        tell(story)
        story.answer()

    return told


SCENARIOS = (
    Scenario("award a grant through the API", _award, park, _awarded),
    Scenario("award a grant whose key is made up", _award_without_key, park, _awarded_without_key),
    Scenario("award a grant on a page", _award_on_a_page, park, _awarded_without_key),
    Scenario("award a package on a page", _award_package, park, _package_awarded, _fill_enrolled),
    Scenario("top up a grant", _change("/grants/acme-azure/top-up", {"amount": "25"}), park,
             _with_answer(lambda story: story.top_up("acme-azure", 25))),
    Scenario("extend a grant", _change("/grants/acme-azure/extend", {"expires": "2026-12-31"}), park,
             _with_answer(lambda story: story.extend("acme-azure", YEAR_END))),
    Scenario("void a grant", _change("/grants/acme-azure/void", {"at": STOPS.isoformat()}), park,
             _with_answer(lambda story: story.void("acme-azure", STOPS))),
    Scenario("return an amount to the pool", _change("/grants/acme-azure/return", {"amount": "60"}), park,
             _with_answer(lambda story: story.give_back("acme-azure", 60))),
    Scenario("load a file of startups and grants", _load, _park_before_load, _loaded),
)

assert NOW < STOPS < ENDS
