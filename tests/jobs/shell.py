"""Commands as a shell runs them, in this process."""

import json
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner
from flask import Flask

from creditsvc.config import Config, load_config
from creditsvc.jobs.commands import main
from tests.apps import app_for


@dataclass(frozen=True)
class Said:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output as the one JSON document that it must be."""
        return json.loads(self.out)


def environment(config: Config) -> dict[str, str]:
    """The settings as environment variables."""
    return {
        "CREDITSVC_DATABASE_URL": config.database_url, "CREDITSVC_INSTANCE": str(config.instance),
        "CREDITSVC_SECRET_KEY": config.secret_key, "CREDITSVC_SMTP_URL": config.smtp_url,
        "CREDITSVC_MAIL_FROM": config.mail_from, "CREDITSVC_BASE_URL": config.base_url,
        "CREDITSVC_LICENCE_KEYS": ",".join(config.licence_keys),
    }


def _application(doors: bool = True) -> Flask:
    return app_for(load_config(), doors=doors)


def run(config: Config, *words: object, given: str = "", **variables: str) -> Said:
    """Runs `creditsvc` with those words; `given` is its standard input."""
    result = CliRunner().invoke(
        main, [str(word) for word in words], input=given, env={**environment(config), **variables}, obj=_application
    )
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Said(result.exit_code, result.stdout, result.stderr)
