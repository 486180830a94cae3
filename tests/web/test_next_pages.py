"""Where each alert leads: a page that is there, and the one on which its reader can act."""

import pytest
from flask import Flask

from creditsvc.administration.alert_samples import FIGURES
from creditsvc.alerts.next_pages import Place, next_page, pool_page
from creditsvc.core.due_alerts import RULES

PLACE = Place("https://credits.park.example", "harbour", "azure")


def path_of(rule: str, *, for_staff: bool = False, **figures: object) -> str:
    url, _name = next_page(rule, {**FIGURES[rule][1], **figures}, PLACE, "en", for_staff=for_staff)
    return url.removeprefix(PLACE.base_url)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("for_staff", [False, True])
@pytest.mark.parametrize("rule", RULES)
def test_every_alert_leads_to_a_page_that_is_there(app: Flask, rule: str, for_staff: bool):
    pages = app.url_map.bind("credits.park.example")

    for unit in ("USD", "hour", "seat"):
        path = path_of(rule, for_staff=for_staff, unit=unit).partition("?")[0]
        assert pages.test(path, "GET"), path


@pytest.mark.parametrize("rule, figures, founder, staff", [
    ("expiry", {}, "/startups/harbour/requests/new?grant=harbour-azure", "/grants/harbour-azure/extend"),
    ("used", {}, "/startups/harbour/usage?resource=azure", "/startups/harbour/award"),
    ("used", {"left": 0}, "/startups/harbour/requests/new?grant=harbour-azure", "/startups/harbour/award"),
    ("stale", {}, "/startups/harbour/exports", "/usage/upload"),
    ("hours-unbooked", {}, "/startups/harbour/hours", "/startups/harbour/hours"),
    ("hours-unbooked", {"over": True}, "/startups/harbour/requests/new?grant=harbour-hours",
     "/grants/harbour-hours/extend"),
    ("seats-mismatch", {}, "/startups/harbour/seats", "/publishers-counts"),
    ("idle", {"unit": "hour"}, "/startups/harbour/hours", "/startups/harbour"),
])
def test_a_founder_and_the_team_are_led_to_what_each_can_do(rule, figures, founder, staff):
    assert [path_of(rule, **figures), path_of(rule, for_staff=True, **figures)] == [founder, staff]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_pool_leads_to_its_page(app: Flask):
    url, name = pool_page("ms-azure", PLACE.base_url, "zh_Hant")

    assert app.url_map.bind("credits.park.example").test(url.removeprefix(PLACE.base_url), "GET")
    assert name == "查看資源池"
