"""Every page of each role through axe, in one language and theme each; `make axe` takes all (axe.py)."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.journeys.axe import HOST, Eyes, found_by_axe, look, park_of_all, some_sights
from tests.web.access_park import Park
from tests.web.test_access_matrix import ROLES

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("axe")]


@pytest.fixture(scope="module")
def everything(chromium: Browser) -> Iterator[Park]:
    """The park, gone before the browser whose loop it was made in."""
    with park_of_all() as park:
        yield park


def test_axe_finds_a_barrier_that_was_put_there(chromium: Browser) -> None:
    page = chromium.new_page()
    barred = "<html lang='en'><title>T</title><main><h1>H</h1><img src='x'>"
    page.route(f"{HOST}/**", lambda route: route.fulfill(body=barred))
    page.goto(HOST)

    found = found_by_axe(page)
    page.close()

    assert [fault.partition(":")[0] for fault in found] == ["image-alt"]


def test_axe_finds_nothing_on_any_page(everything: Park, chromium: Browser) -> None:
    eyes = Eyes(everything, chromium, all_contrasts=False)
    looked = [(sight, found) for role in ROLES for sight, found in look(eyes, some_sights(role))]
    eyes.close()

    faults = [(sight.row.endpoint, sight.role, sight.theme, fault) for sight, found in looked for fault in found or []]
    assert faults == []
    assert sum(found is not None for _, found in looked) > 100
