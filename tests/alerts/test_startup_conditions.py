"""The list narrowed to those who need help: seats unused, people who wait, sessions to settle."""

from datetime import timedelta

import pytest
from flask import Flask

from creditsvc.alerts.startup_conditions import CHOICES, condition
from creditsvc.parties.access import operator
from creditsvc.parties.reading import list_startups
from tests.alerts import scenes
from tests.alerts.scenes import NOW, night
from tests.consulting import scenes as sessions
from tests.licences import sitting


def found(chosen: str, days: int = 0) -> list[str]:
    caller = operator(NOW + timedelta(days=days))
    return [one.key for one in list_startups(caller, where=condition(caller, chosen))]


@pytest.fixture
def park(app: Flask) -> Flask:
    sessions.fill()
    sitting.make_product()
    sitting.give("acme", "acme-m365", 1)
    return app


def test_somebody_who_waits_for_a_seat_calls_for_help(park: Flask):
    sitting.sit("a")
    before = found("waiting")

    sitting.queue_up(scenes.config_of(park), "b")

    assert (before, found("waiting")) == ([], ["acme"])


def test_a_session_that_is_over_and_not_logged_calls_for_help(park: Flask):
    sessions.book()

    assert [found("sessions", days) for days in (0, 1, 3)] == [[], [], ["acme"]]


def test_seats_that_nobody_uses_call_for_help_from_the_night_on_that_found_them(park: Flask):
    assert found("seats-unused", 31) == []

    night(park, 31)

    assert found("seats-unused", 31) == ["acme"]
    assert found("seats-mismatch", 31) == []


def test_hours_that_nobody_booked_call_for_help_in_their_last_month(park: Flask):
    assert [found("hours-unbooked", days) for days in (0, 20, 60)] == [["acme"], ["acme"], []]


def test_a_word_that_is_none_narrows_nothing(park: Flask):
    assert found("everything") == found("") == ["acme", "other"]
    assert len(set(CHOICES)) == len(CHOICES)
