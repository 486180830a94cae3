"""How much a balance over the API asks of the database: who asks, what they may see and what is held, no more."""

import pytest

from creditsvc.core.days import day_start
from tests import counting, factories
from tests.api.conftest import token_of
from tests.api.speaking import Speaker
from tests.journeys.scene import FOUNDER, make_park

MOST = 3
"""Whose token it is and what it may do, the startup with its accounts, their lots: one more was asked for at most."""


@pytest.fixture
def park(app) -> None:
    make_park()
    factories.make_resource("github-credit", provider="github")
    factories.make_grant("harbour-robotics", factories.make_pool("gh", resource="github-credit").key, key="harbour-gh")


@pytest.mark.parametrize("who", [("auditor@park.example", "auditor"), (FOUNDER, None)])
def test_a_balance_asks_three_things_at_most(park: None, nobody: Speaker, who: tuple[str, str | None]) -> None:
    speaker = nobody.bearing(token_of(*who))

    first = speaker.get("/startups/harbour-robotics/balance")  # the first use of a token is noted

    asked = counting.queries(lambda: speaker.get("/startups/harbour-robotics/balance"))

    assert first.json["accounts"][0]["drawn"] != "0"
    assert asked <= MOST


def test_a_balance_of_another_day_asks_the_postings_besides(park: None, nobody: Speaker) -> None:
    speaker = nobody.bearing(token_of("auditor@park.example", "auditor"))
    speaker.get("/startups/harbour-robotics/balance")
    then = day_start(factories.NOW.date()).replace(day=1).isoformat()

    asked = counting.queries(lambda: speaker.get("/startups/harbour-robotics/balance", as_of=then))

    assert asked == MOST + 1
