"""Bookings as a shell sees them: the whole way of a session."""

import pytest
from sqlalchemy import select

from creditsvc.db import db
from creditsvc.mail.models import OutboxMail
from tests.conftest import NOW
from tests.consulting.scenes import JULY, MORNING, fill, hours
from tests.jobs.shell import run

SLOT = MORNING.isoformat()


@pytest.fixture
def clock(app, monkeypatch):
    """Sets the clock; it shows NOW until then."""
    fill()
    monkeypatch.setattr("creditsvc.clock.now", lambda: NOW)
    return lambda at: monkeypatch.setattr("creditsvc.clock.now", lambda: at)


def test_a_session_from_its_slot_to_a_correction(clock, config):
    slots = run(config, "consulting", "slots", "lee", "--from", "2026-06-17", "--json").document["slots"]
    assert slots[0] == "2026-06-17T01:00:00Z"
    made = run(config, "consulting", "book", "acme", "lee", slots[0], 60, "--topic", "Costs", "--json")
    assert (made.code, made.document["state"]) == (0, "booked")
    uid = made.document["uid"]
    moved = run(config, "consulting", "move", uid, "2026-06-17T10:00:00+08:00", 90)
    assert "2026-06-17 10:00 to 11:30 Hong Kong time, booked." in moved.out
    assert uid in run(config, "consulting", "bookings", "--startup", "acme", "--state", "booked").out

    clock(JULY)
    assert run(config, "consulting", "log", uid, 80).code == 0
    assert run(config, "consulting", "dispute", uid, "--reason", "shorter", "--json").document["dispute"] == "shorter"
    assert "60 minutes used" in run(config, "consulting", "decide", uid, 60, "--reason", "said both").out
    assert run(config, "consulting", "correct", uid, 45, "--reason", "looked it up").code == 0

    assert hours(JULY).drawn == 45
    told = set(db.session.scalars(select(OutboxMail.to_address)))
    assert told == {"lee@park.example"}  # acme has no people


def test_a_session_that_nobody_booked_uses_its_minutes_at_once(clock, config):
    clock(JULY)

    said = run(config, "consulting", "unbooked", "acme", "lee", SLOT, 50, "--topic", "By the way", "--json")

    assert (said.document["state"], said.document["settled_minutes"]) == ("confirmed", 50)
    assert hours(JULY).drawn == 50
    shares = run(config, "consulting", "utilisation", "--from", "2026-06-01", "--to", "2026-06-30")
    assert "TechConnect" in shares.out


def test_a_refusal_names_what_is_left_and_a_day_is_no_start(clock, config):
    refused = run(config, "consulting", "unbooked", "acme", "lee", SLOT, 50, "--topic", "By the way")
    too_long = run(config, "consulting", "book", "acme", "lee", SLOT, 500, "--topic", "Costs")

    assert (refused.code, too_long.code) == (1, 1)
    assert "book it" in refused.err
    assert "minutes" in too_long.err
    assert run(config, "consulting", "book", "acme", "lee", "2026-06-17", 60, "--topic", "Costs").code == 2
    assert hours().remaining == 600
