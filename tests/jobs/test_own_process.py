"""Commands that load neither pages nor API, in processes of their own: nothing else has loaded there what they need."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from creditsvc.config import Config
from creditsvc.db import db
from creditsvc.ledger.seals import SEALED
from tests import databases, factories
from tests.alerts import scenes
from tests.alerts.scenes import NOW, TODAY
from tests.jobs.shell import environment

ROOT = Path(__file__).parents[2]
TABLES = """
import importlib, json, sys
importlib.import_module(sys.argv[1])
from creditsvc.db import Model
print(json.dumps([list(Model.metadata.tables), [name for name in sys.modules if name.startswith("creditsvc.")]]))
"""
COMMAND = """
import atexit, sys
from creditsvc.__main__ import run
sys.argv[0] = "creditsvc"
pages = lambda: {"creditsvc.web", "creditsvc.api"} & set(sys.modules) or "none"
atexit.register(lambda: print("pages:", pages(), file=sys.stderr))
run()
"""
COMPARED = """
from creditsvc.app import create_app
from creditsvc.clock import now
from creditsvc.jobs import scheduler
with create_app(doors=False).app_context():
    print(scheduler.comparison.compare(now()))
"""


def ran(config: Config, *words: str) -> str:
    """What a process says that gets these words after the interpreter's name, and ends well."""
    ended = subprocess.run(
        [sys.executable, *words], env=environment(config), cwd=ROOT, capture_output=True, text=True, timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    assert COMMAND not in words or "pages: none" in ended.stderr
    return ended.stdout


@pytest.mark.parametrize("module", ["creditsvc.jobs.commands_night", "creditsvc.jobs.scheduler"])
def test_what_is_sealed_is_known_where_no_page_is(module: str, tmp_path: Path) -> None:
    nowhere = databases.config_for(f"sqlite:///{tmp_path / 'none.sqlite'}", tmp_path)
    tables, modules = json.loads(ran(nowhere, "-c", TABLES, module))

    assert set(tables) >= set(SEALED)
    assert not {"creditsvc.web", "creditsvc.api"} & set(modules)


def test_a_night_its_comparison_and_the_outbox_need_no_page(app: Flask, config: Config) -> None:
    scenes.startup("harbour")
    factories.make_grant("harbour", expires=TODAY + timedelta(days=5))
    db.session.rollback()

    night = json.loads(ran(config, "-c", COMMAND, "nightly", "--now", NOW.isoformat(), "--json"))

    assert (night["status"], night["mails"]["sent"]) == ("done", 1)
    assert ran(config, "-c", COMPARED) == "True\n"
    assert json.loads(ran(config, "-c", COMMAND, "mail", "send", "--json"))["sent"] == 0
    assert len(json.loads(ran(config, "-c", COMMAND, "mail", "list", "--json"))["mails"]) == 1
