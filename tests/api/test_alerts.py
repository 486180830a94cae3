from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from creditsvc.db import db
from creditsvc.programmes.models import Programme
from tests import factories
from tests.alerts import scenes
from tests.api.conftest import new_token
from tests.api.speaking import Speaker

FOUNDER = "founder@harbour-robotics.example"


@pytest.fixture
def told(app: Flask, nobody: Speaker) -> Speaker:
    """The founder of a startup whose grant ends in 20 days, after the night that told them; another one has none."""
    scenes.startup("harbour-robotics")
    scenes.startup("lotus-health")
    scenes.enrol("harbour-robotics", "techconnect")
    last_day = scenes.TODAY + timedelta(days=19)
    factories.make_grant("harbour-robotics", amount="400", expires=last_day, key="hr-azure")
    scenes.night(app)
    return nobody.bearing(new_token(FOUNDER))


def expiry_of(speaker: Speaker, path: str, **query: Any) -> dict[str, Any]:
    (found,) = (each for each in speaker.get(path, **query).json["items"] if each["rule"] == "expiry")
    return dict(found)


def test_staff_read_what_stands_by_startup_programme_and_rule(told: Speaker, manager: Speaker) -> None:
    alert = expiry_of(manager, "/alerts", open="true")

    assert alert["startup"] == "harbour-robotics"
    assert alert["key"].startswith("harbour-robotics/")
    assert alert["closed_on"] is None
    assert expiry_of(manager, "/startups/harbour-robotics/alerts", rule="expiry") == alert
    assert expiry_of(manager, "/alerts", startup="harbour-robotics", programme="techconnect") == alert
    for none in ({"open": "false"}, {"startup": "lotus-health"}, {"programme": "none"}, {"after": str(alert["id"]),
                                                                                      "rule": "expiry"}):
        assert manager.get("/alerts", **none).json["items"] == []
    assert told.get("/alerts").status_code == told.get("/startups/harbour-robotics/alerts").status_code == 403
    assert told.get("/startups/lotus-health/alerts").status_code == 404


def test_a_programme_that_a_manager_does_not_look_after_filters_like_one_that_is_not_there(
    told: Speaker, manager: Speaker
) -> None:
    scenes.enrol("harbour-robotics", "incubation")
    programme = db.session.execute(select(Programme.id).where(Programme.key == "techconnect")).scalar_one()
    factories.make_person("limited@park.example", "manager", programme_ids=[programme])
    limited = manager.bearing(new_token("limited@park.example"))

    for path in ("/alerts", "/startups"):
        mine, others, none = (
            limited.get(path, programme=key).json["items"] for key in ("techconnect", "incubation", "no-such")
        )
        assert mine
        assert others == none == []
        assert manager.get(path, programme="incubation").json["items"] == mine


def test_whoever_was_told_acknowledges_and_snoozes_and_nobody_else(told: Speaker, manager: Speaker) -> None:
    alert = expiry_of(told, "/alerts/told")
    place = f"/alerts/{alert['id']}"

    seen = told.post(f"{place}/acknowledge")
    quiet = told.post(f"{place}/snooze", {"days": 10})
    shorter = told.post(f"{place}/snooze")

    assert (alert["told_on"], alert["acknowledged_at"], alert["snoozed_until"]) == ("2026-06-15", None, None)
    assert seen.json == {**alert, "acknowledged_at": "2026-06-15T04:00:00Z"}
    assert quiet.json == shorter.json == {**seen.json, "snoozed_until": "2026-06-25"}
    assert expiry_of(told, "/alerts/told") == quiet.json
    assert told.post(f"{place}/snooze", {"days": 91}).status_code == 422
    stranger = told.bearing(new_token("founder@lotus-health.example"))
    assert stranger.get("/alerts/told").json["items"] == []
    assert [stranger.post(f"{place}/{act}").status_code for act in ("acknowledge", "snooze")] == [404, 404]


def test_tonight_says_what_would_be_told_and_whether_nights_succeed(app: Flask, manager: Speaker) -> None:
    scenes.startup("harbour-robotics")
    factories.make_grant("harbour-robotics", amount="400", expires=scenes.TODAY + timedelta(days=19), key="hr-azure")

    before = manager.get("/night").json
    scenes.night(app)
    after = manager.get("/night").json

    assert "expiry" in {each["rule"] for each in before["alerts"]}
    assert (before["day"], before["kept"], before["last_success_at"]) == ("2026-06-15", False, None)
    assert before["mails"]["queued"] >= 1
    assert after["alerts"] == []
    assert (after["mails"]["queued"], after["is_late"]) == (0, False)
    assert after["last_success_at"] is not None
