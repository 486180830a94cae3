"""Scenes for the night: a startup with a founder, a grant and a billing scope whose usage comes in as exports."""

import itertools
from datetime import UTC, date, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import select

from creditsvc.alerts.models import Alert
from creditsvc.alerts.operations import set_setting
from creditsvc.alerts.outlooks import keep_outlooks, outlooks_of
from creditsvc.config import Config
from creditsvc.db import db
from creditsvc.jobs.nightly import run_night
from creditsvc.ledger.outlook import look_ahead as ahead_of
from creditsvc.ledger.reading import balances
from creditsvc.parties.access import operator
from creditsvc.programmes import operations as programmes
from tests import factories
from tests.usage.exports import focus_row, write_focus
from tests.usage.importing import assign, import_path

NOW = factories.NOW
TODAY = date(2026, 6, 15)

_numbers = itertools.count(1)


def scope_id(number: int = 1) -> str:
    """An Azure subscription."""
    return f"64e355d7-997c-491d-b0c1-{number:012d}"


def startup(key: str, *, founder: bool = True) -> str:
    """A startup with one owner, founder@<key>.example."""
    factories.make_startup(key, name=key.replace("-", " ").title())
    if founder:
        factories.make_member(key, f"founder@{key}.example")
    return key


def scope(key: str, number: int = 1, starts: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> str:
    """A billing scope of the startup."""
    assign(scope_id(number), key, starts, NOW)
    return scope_id(number)


def spend(folder: Path, scope: str, cost: str, day: date = TODAY - timedelta(days=1), at: datetime = NOW) -> None:
    """The usage of that day is this, whatever was said before; the data comes in at an instant."""
    path = write_focus(folder / f"export-{next(_numbers)}.csv", [focus_row(day, scope, cost)])
    report = import_path(path, at, submitted_at=at, confirm=True)
    assert report["status"] in ("applied", "unchanged"), report


def spend_daily(folder: Path, scope: str, cost: str, days: int = 30) -> None:
    """That much on each of the days up to yesterday, in one export of now."""
    rows = [focus_row(TODAY - timedelta(days=back), scope, cost) for back in range(days, 0, -1)]
    report = import_path(write_focus(folder / f"export-{next(_numbers)}.csv", rows), NOW, submitted_at=NOW)
    assert report["status"] == "applied", report


def enrol(startup: str, programme: str) -> None:
    """The startup takes part in a programme, made for it."""
    factories.make_programme(programme)
    cohort = factories.make_cohort(programme, f"{programme}-2026").key
    factories.do(
        lambda: programmes.enrol(
            factories.somebody(), startup=startup, cohort=cohort, status="active", on=date(2026, 3, 1)
        )
    )


def night(app: Flask, days: int = 0, **more: Any) -> dict[str, Any]:
    """The night's document, so many days after NOW."""
    return run_night(config_of(app), NOW + timedelta(days=days), **more)


def look_ahead(account_ids: list[int]) -> None:
    """Keeps what is forecast of accounts as of NOW, as the night does."""
    views = balances(NOW, account_ids=account_ids)
    keep_outlooks(account_ids, outlooks_of(views, ahead_of(views, NOW)), NOW)


def config_of(app: Flask) -> Config:
    """The app's settings."""
    config: Config = app.config["CREDITSVC"]
    return config


def told(document: dict[str, Any]) -> list[tuple[str, str, int]]:
    """(startup, rule, threshold) of the alerts of a night."""
    return [(alert["startup"], alert["rule"], alert["threshold"]) for alert in document["alerts"]]


def mails(app: Flask) -> list[EmailMessage]:
    """The mails delivered so far, in the order of their files."""
    found = []
    for path in sorted(config_of(app).mail_folder.glob("*.eml")):
        with path.open("rb") as file:
            found.append(BytesParser(_class=EmailMessage, policy=policy.default).parse(file))
    return found


def addressees(app: Flask) -> list[str]:
    """To whom mails were delivered so far."""
    return sorted(str(mail["To"]) for mail in mails(app))


def text_of(mail: EmailMessage) -> str:
    """The plain text of a mail."""
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def alert_of(rule: str) -> Alert:
    """The one alert of a rule."""
    return db.session.scalars(select(Alert).where(Alert.rule == rule)).one()


def make_mandatory(startup: str, rule: str) -> None:
    """The startup takes part in a programme that sends this rule in any case."""
    enrol(startup, "strict")
    factories.do(lambda: set_setting(operator(NOW), programme="strict", rule=rule, mandatory=True))
