"""What the service runs with: its settings without secrets, versions, database and migrations."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from urllib.parse import urlsplit

from flask import render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import text

from creditsvc.config import Config
from creditsvc.db import db, schema_versions
from creditsvc.parties.access import require
from creditsvc.web import session

pages = session.private_pages("settings", __name__)

SECRET = "secret"  # noqa: S105  # nosec B105: what a page shows instead of one
PACKAGES = ("creditsvc", "flask", "sqlalchemy", "polars", "apscheduler")


@dataclass(frozen=True)
class Setting:
    """A setting by the name of its variable. `value` is SECRET for one that is not shown."""

    name: str
    is_set: bool
    value: str


@pages.get("/settings")
def show() -> ResponseReturnValue:
    """The settings, versions and the state of the database."""
    require(session.caller(), "settings.see")
    found, wanted = schema_versions()
    return render_template(
        "settings.html", settings=settings_of(session.config(), os.environ), versions=_versions(),
        database=_database(), found=", ".join(sorted(found)) or "–", wanted=", ".join(sorted(wanted)),
        migrated=found == wanted,
    )


def settings_of(config: Config, environ: Mapping[str, str]) -> list[Setting]:
    """Each setting with whether the environment gives it, and what it comes to. No secret and no password is in it."""
    is_file = config.sqlite_path is not None
    mail = urlsplit(config.smtp_url)
    values = {
        "CREDITSVC_BASE_URL": config.base_url,
        "CREDITSVC_DATABASE_URL": str(config.sqlite_path) if is_file else _host_of(config.database_url),
        "CREDITSVC_INSTANCE": str(config.instance),
        "CREDITSVC_MAIL_FROM": config.mail_from,
        "CREDITSVC_SMTP_URL": "file:" if mail.scheme == "file" else _host_of(config.smtp_url),
        "CREDITSVC_API_RATE": "off" if config.api_rate is None else str(config.api_rate),
        "CREDITSVC_PROXIES": str(config.proxies),
        "CREDITSVC_SECRET_KEY": SECRET,
        "CREDITSVC_LICENCE_KEYS": SECRET if config.licence_keys else "",
    }
    return [Setting(name, bool(environ.get(name)), value) for name, value in values.items()]


def _host_of(url: str) -> str:
    """Where an address leads, without the user and the password in it."""
    parts = urlsplit(url)
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def _versions() -> list[tuple[str, str]]:
    return [*((name, version(name)) for name in PACKAGES), ("Python", platform.python_version())]


def _database() -> str:
    name = db.session.get_bind().dialect.name
    asked = text("SELECT sqlite_version()") if name == "sqlite" else text("SHOW server_version")
    return f"{'SQLite' if name == 'sqlite' else 'PostgreSQL'} {db.session.scalar(asked)}"
