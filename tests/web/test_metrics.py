"""What `/metrics` says is what the database holds, and of nobody."""

from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from creditsvc.alerts.reading import LATE_AFTER
from creditsvc.db import db, transaction
from creditsvc.jobs.nightly import run_night
from creditsvc.ledger.models import Scope
from creditsvc.mail.outbox import queue
from creditsvc.mail.render import Rendered
from creditsvc.usage.scopes import assign_scope
from tests import factories
from tests.alerts import scenes
from tests.alerts.scenes import NOW, TODAY


@pytest.fixture
def figures(app: Flask, monkeypatch: pytest.MonkeyPatch):
    """Asks for the figures at an instant: by name and labels."""

    def at(now) -> dict[str, float]:
        monkeypatch.setattr("creditsvc.clock.now", lambda: now)
        text = app.test_client().get("/metrics").text
        assert "@" not in text
        lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        return {name.removeprefix("creditsvc_"): float(value) for name, _, value in lines}

    return at


def test_the_figures_are_those_of_the_database(app: Flask, figures) -> None:
    factories.make_person("manager@park.example", "manager")
    key = scenes.startup("acme")
    factories.make_grant(key, expires=TODAY + timedelta(days=5), key="acme-azure")
    for number, newest in enumerate((TODAY - timedelta(days=1), TODAY - timedelta(days=1), date(2026, 1, 1), None)):
        scope = f"{number:08d}-0000-4000-8000-000000000000"
        factories.do(lambda scope=scope: assign_scope(
            factories.somebody(), provider="azure", external_id=scope, startup=key, starts=TODAY))
        transaction(lambda scope=scope, newest=newest: db.session.execute(
            update(Scope).where(Scope.external_id == scope).values(newest_charge_day=newest)))
    run_night(scenes.config_of(app), NOW)
    transaction(lambda: queue(
        kind="test", to_address="a@b.example", content=Rendered("s", "t", "h"), mail_from="c@d.example",
        now=NOW - timedelta(hours=2),
    ))

    seen = figures(NOW + timedelta(hours=1))

    assert seen['outbox_mails{state="queued"}'] == 1
    assert seen['outbox_oldest_seconds{state="queued"}'] == 3 * 3600
    assert 'outbox_oldest_seconds{state="sent"}' not in seen
    assert seen['job_runs{state="done"}'] == 1
    assert seen['alerts{rule="expiry"}'] == seen['alerts_open{rule="expiry"}'] == 1
    assert (seen['scopes{days="1"}'], seen['scopes{days="more"}'], seen['scopes{days="none"}']) == (2, 1, 1)
    assert (seen["night_late"], seen["startups"]) == (0, 1)
    assert 0 < seen["last_night_duration_seconds"] < 60
    assert figures(NOW + LATE_AFTER + timedelta(hours=1))["night_late"] == 1
