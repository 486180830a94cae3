"""Scenarios of nights and of mail: deciding, telling, delivering; the mail with a link for a new password."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flask import current_app

from creditsvc.config import Config
from creditsvc.db import transaction
from creditsvc.jobs.nightly import run_night
from creditsvc.mail import outbox
from creditsvc.mail.render import Rendered
from tests.endurance import doors
from tests.endurance.places import Place
from tests.endurance.scenarios import NEXT_HOUR, NOW, SCOPES, Scenario, export, park
from tests.endurance.story import Story
from tests.usage.importing import import_path
from tests.web.browsing import Browser

TOMORROW = NOW + timedelta(days=1)
WAITING = ("one@harbour.example", "two@harbour.example")


def _night(now: datetime) -> Any:
    def act(place: Place, _now: datetime) -> None:
        document = doors.command(place, now, "nightly", "--now", now.isoformat())
        assert document["status"] in ("done", "already done"), document

    return act


def _delivery(at: datetime) -> Any:
    return lambda place: doors.command(place, at, "mail", "send", "--now", at.isoformat())


def _fill_second_night(folder: Path) -> dict[str, Any]:
    config: Config = current_app.config["CREDITSVC"]
    run_night(config, NOW)
    import_path(export(folder / "second.csv", SCOPES[:3], range(1, 15), 4), NEXT_HOUR)
    return {}


def _after_first_night() -> Story:
    story = park()
    story.night(NOW)
    story.bring(NEXT_HOUR, SCOPES[:3], range(1, 15), 4)
    return story


def fill_outbox(_folder: Path) -> dict[str, Any]:
    """Two mails that wait."""
    for address in WAITING:
        content = Rendered("Your credits", "What is left: USD 60.\n", "<p>What is left: USD 60.</p>")
        transaction(lambda to=address, mail=content: outbox.queue(  # type: ignore[misc]
            kind="digest", to_address=to, content=mail, mail_from="credits@park.example", now=NOW))
    return {}


def waiting() -> Story:
    """The park with two mails that wait."""
    story = park()
    for address in WAITING:
        story.counts[f"mail digest to {address}"] += 1
    return story


def delivered(story: Story) -> None:
    """Both have arrived."""
    for address in WAITING:
        story.counts[f"delivered digest to {address}"] += 1


def send(place: Place, now: datetime) -> None:
    """What the scheduler does every minute."""
    doors.command(place, now, "mail", "send", "--now", now.isoformat())


def _ask_for_password(place: Place, now: datetime) -> None:
    """The form is sent, and the scheduler delivers. A person asks again only while no mail has come."""

    def act(browser: Browser) -> None:
        if not place.read("SELECT 1 FROM outbox_mail"):
            browser.submit("/password/forgot", {"email": "founder@acme.example"})

    doors.browse(place, now, act)
    send(place, now)


def _asked(story: Story) -> None:
    story.mail("password-reset", "founder@acme.example")


SCENARIOS = (
    Scenario("a night that writes its mails as files", _night(NOW), park, lambda story: story.night(NOW),
             follow=_delivery(NEXT_HOUR), whole=False),
    Scenario("a night that delivers by SMTP", _night(NOW), park, lambda story: story.night(NOW),
             follow=_delivery(NEXT_HOUR), whole=False, posts=True),
    Scenario("the night after, with data restated", _night(TOMORROW), _after_first_night,
             lambda story: story.night(TOMORROW), _fill_second_night, _delivery(TOMORROW + timedelta(hours=1)),
             whole=False, now=TOMORROW),
    Scenario("mails that wait are delivered by SMTP", send, waiting, delivered, fill_outbox, _delivery(NEXT_HOUR),
             whole=False, posts=True),
    Scenario("a new password by mail", _ask_for_password, park, _asked, follow=_delivery(NEXT_HOUR), whole=False,
             posts=True),
)
