"""`creditsvc` and `python -m creditsvc`: the commands, given the application that they work on."""

import gc
from typing import Any

from flask import Flask

from creditsvc.app import create_app
from creditsvc.jobs.commands import main


def run() -> None:
    """The console script."""
    main(prog_name="creditsvc", obj=_application)


def _application(**asked: Any) -> Flask:
    app = create_app(**asked)
    gc.freeze()  # what was imported stays to the end: no collection of garbage need look through it again
    return app


if __name__ == "__main__":
    run()
