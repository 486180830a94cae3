"""Runs a night in a process of its own, which may end itself by SIGKILL at its n-th statement.

Usage: night_worker.py DATABASE_URL INSTANCE NOW [STATEMENT]. Prints how many statements it sent.
"""

import os
import signal
import sys
from datetime import datetime
from pathlib import Path

from sqlalchemy import event

from creditsvc.app import create_app
from creditsvc.db import db
from creditsvc.jobs.nightly import run_night
from tests import databases


def main(url: str, instance: str, now: str, kill_at: str = "0") -> None:
    """One night, perhaps its last."""
    config = databases.config_for(url, Path(instance))
    app = create_app(config)
    sent = 0

    def count(*_: object) -> None:
        nonlocal sent
        sent += 1
        if sent == int(kill_at):
            os.kill(os.getpid(), signal.SIGKILL)

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", count)
        event.listen(db.engine, "commit", count)
        run_night(config, datetime.fromisoformat(now))
    print(f"statements {sent}", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
